//! The face in chat. What somebody asks on Discord is translated, done by the same verbs as everywhere, and answered.
//!
//! Three steps, each ignorant of the others: a transport (the gateway, or Discord's calls to `/discord/interactions`) turns
//! what came into [`Asked`]; [`commands`] and [`presses`] turn that into a verb and its outcome into a [`Reply`]; the
//! transport puts the reply where Discord wants it. Nothing here decides anything.

pub mod answer;
pub mod asked;
pub mod caller;
pub mod commands;
pub mod endpoint;
mod filling;
mod forms;
pub mod gateway;
pub mod presses;
pub mod reply;
mod says;
pub mod spec;
pub mod wire;

pub use answer::{Chat, Out};
pub use asked::{Asked, Call, What};
pub use reply::{Reply, Say};
