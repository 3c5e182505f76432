//! Stories that must hold on both databases.

mod access;
mod agents;
mod audit;
mod bad_input;
mod crowds;
mod deal_flow;
mod dispatch;
mod frozen;
mod house;
mod idempotency;
mod import;
mod long_run;
mod migrations;
mod outbox;
mod over_http;
mod pages;
mod plans;
mod policy;
mod query_plans;
mod schema;
mod tenancy;
