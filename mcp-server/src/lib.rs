//! Milepost for agents: the Model Context Protocol over standard input and output and over HTTP.
//!
//! A message passes [`domain::kernel::strict`] before the protocol library reads it; a call passes [`guard`], so that it always ends
//! with an answer; arguments pass [`args`], so that whatever is wrong with them is said by name. [`server::Server`]
//! puts these around the tools of a [`server::Face`]; [`http::router`] and [`stdio::serve`] carry it.

pub mod args;
#[doc(hidden)]
pub mod contract;
#[cfg(test)]
mod fixture;
pub mod guard;
pub mod http;
mod rpc;
pub mod server;
pub mod shape;
pub mod stdio;
