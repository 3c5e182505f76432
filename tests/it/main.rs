//! Stories that must hold on both databases.

mod access;
mod audit;
mod bad_input;
mod crowds;
mod deal_flow;
mod idempotency;
mod import;
mod pages;
mod plans;
mod schema;
mod tenancy;
