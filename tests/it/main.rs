//! Stories that must hold on both databases.

mod access;
mod agents;
mod audit;
mod bad_input;
mod crowds;
mod deal_flow;
mod house;
mod idempotency;
mod import;
mod over_http;
mod pages;
mod plans;
mod schema;
mod tenancy;
