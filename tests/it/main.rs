//! Stories that must hold on both databases.

mod audit;
mod bad_input;
mod deal_flow;
mod plans;
mod schema;
mod tenancy;
