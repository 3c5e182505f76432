//! What a language model may cost a workspace in a day, and what it has cost.
//!
//! One count for each workspace and UTC day stands in the database, so that a restart forgets nothing and all replicas
//! spend the same purse. What a question may cost at most is taken before it is asked, and what it did cost replaces that
//! afterwards; a process that dies in between leaves the larger number.

pub mod ops;
pub mod rules;
pub mod store;

use jiff::civil::Date;
use serde::Serialize;

use crate::words;

words! {
    /// How a day's budget stands.
    pub enum Level {
        /// Less than four fifths are spent.
        Green = "green",
        /// Shorter answers only.
        Yellow = "yellow",
        /// Nothing is asked until the next UTC day.
        Red = "red",
    }
}

/// What was taken from a day's budget for one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The UTC day that pays, also when the answer comes after midnight.
    pub day: Date,
    /// Tokens of the question and the answer together.
    pub tokens: u64,
    /// Tokens of the answer at most.
    pub answer: u32,
}

/// A workspace's budget on one UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    pub day: Date,
    /// Tokens, those of questions that are under way included.
    pub spent: u64,
    pub daily: u64,
    pub level: Level,
}
