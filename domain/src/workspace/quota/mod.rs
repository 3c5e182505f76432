//! What one agent's token may change in a day, and what it changed.
//!
//! One count for each token and UTC day stands in the database, so that a restart forgets nothing and all replicas count
//! together. It is taken in the transaction of the change: what was refused, failed or only repeated costs nothing.

pub mod ops;
pub mod store;

use serde::Serialize;

/// How much a token may do in a UTC day; 0 for any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    pub changes: u32,
    /// What asks people for a decision: their time is what it costs.
    pub proposals: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Change,
    Proposal,
}

/// What a token did in a UTC day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Used {
    pub changes: i64,
    pub proposals: i64,
}
