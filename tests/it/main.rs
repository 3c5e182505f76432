//! Stories that must hold on both databases.

mod agents;
mod deal_flow;
mod house;
mod over_http;
