//! Messages on their way: one for each occasion, claimed by one dispatcher at a time, each with an end that is recorded.

#[cfg(test)]
mod model;
pub mod ops;
pub mod store;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Purpose, Status};
use crate::kernel::Fact;
use crate::kernel::id::MessageId;
use crate::people::reach::{Channel, Topic};

/// What came of asking for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    New(MessageId),
    /// The occasion has its message.
    AlreadyQueued(MessageId),
}

impl Enqueued {
    pub fn id(self) -> MessageId {
        match self {
            Self::New(id) | Self::AlreadyQueued(id) => id,
        }
    }
}

/// What a channel knows after it tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider said yes.
    Accepted { provider_id: Option<String> },
    /// The provider said no, and will say no again.
    Refused {
        why: String,
        /// The target itself is gone or closed to us: nothing else can reach it either.
        gone: bool,
    },
    /// Certainly not sent; trying again may help.
    NotSent { why: String, retry_after: Option<SignedDuration> },
    /// Nobody can tell whether the provider took it.
    Unclear { why: String },
}

/// What became of one attempt.
#[derive(Clone, Debug)]
pub struct Report {
    pub message: MessageId,
    /// Which attempt; a later one makes this report void.
    pub attempt: i32,
    pub ended_at: Timestamp,
    /// The provider's own code: an HTTP status, an SMTP reply.
    pub provider_status: Option<i32>,
    pub outcome: Outcome,
}

/// What happens to a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Queued {
        topic: Topic,
        purpose: Purpose,
        channel: Channel,
        content_hash: String,
        due_at: Timestamp,
    },
    /// Allowed, held or refused by the policy; on `sending`, the attempt under way.
    Moved {
        before: Status,
        after: Status,
        attempt: i32,
        reason: Option<String>,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "message.queued",
            Self::Moved { .. } => "message.moved",
        }
    }
}
