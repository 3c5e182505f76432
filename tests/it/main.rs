//! Stories that must hold on both databases.

mod bad_input;
mod deal_flow;
mod plans;
