//! Whether a message may leave, decided at the moment of sending and stored before it.

pub mod gate;
pub mod rules;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Message;
use crate::kernel::id::DecisionId;
use crate::words;

words! {
    pub enum Verdict { Allow = "allow", Defer = "defer", Block = "block" }
}

/// One rule's part in a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub rule: String,
    pub verdict: Verdict,
}

/// What the policy says of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub verdict: Verdict,
    /// When it may be tried again; there exactly when it is deferred.
    pub until: Option<Timestamp>,
    pub trace: Vec<Step>,
}

/// A message that may be sent, now, by whoever holds this: its decision is stored.
///
/// Only [`gate::clear`] makes one. It cannot be copied, kept or read back:
/// ```compile_fail
/// fn twice(cleared: domain::delivery::policy::Cleared) {
///     let _ = cleared.clone();
/// }
/// ```
/// ```compile_fail
/// let made: domain::delivery::policy::Cleared = serde_json::from_str("{}").unwrap();
/// ```
/// ```compile_fail
/// fn forge(message: domain::delivery::Message, decision: domain::kernel::id::DecisionId) {
///     let _ = domain::delivery::policy::Cleared { message, decision, attempt: 1 };
/// }
/// ```
#[derive(Debug)]
pub struct Cleared {
    message: Message,
    decision: DecisionId,
    attempt: i32,
}

impl Cleared {
    pub fn message(&self) -> &Message {
        &self.message
    }

    pub fn decision(&self) -> DecisionId {
        self.decision
    }

    /// Which attempt at the message this is, from 1. A later one makes this one void.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }
}

/// What the gate says of a message that is due.
#[derive(Debug)]
pub enum Ruling {
    Go(Cleared),
    Wait { message: Message, until: Timestamp, why: String },
    No { message: Message, why: String },
}
