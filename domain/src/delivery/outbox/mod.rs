//! Messages on their way: one for each occasion, claimed by one dispatcher at a time, each with an end that is recorded.

mod alert;
mod claim;
mod fallback;
mod hands;
#[cfg(test)]
mod model;
pub mod ops;
pub mod rules;
mod settle;
pub mod store;
pub mod view;
pub mod waiting;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::policy::Cleared;
use super::{Message, Purpose, Status};
use crate::kernel::Fact;
use crate::kernel::id::MessageId;
use crate::people::reach::{Channel, Topic};
use crate::words;

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

/// Why an edit is not sent.
const OVERTAKEN: &str = "A later edit of the same message took its place.";

/// What a dispatcher can take on.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// At most so many messages.
    pub limit: usize,
    /// Channels and destinations of which nothing is taken: they are in trouble.
    pub no_channels: Vec<Channel>,
    pub no_destinations: Vec<String>,
    /// Channels and destinations of which one message is taken: to see whether the trouble is over.
    pub one_of_channel: Vec<Channel>,
    pub one_of_destination: Vec<String>,
    /// Of these channels at most so many.
    pub rooms: BTreeMap<Channel, usize>,
    /// At most so many to one endpoint.
    pub endpoint_room: usize,
}

impl Wanted {
    pub fn up_to(limit: usize) -> Self {
        Self { limit, endpoint_room: limit, ..Self::default() }
    }
}

/// What a dispatcher has taken on until its leases end ([`rules::LEASE`] after the instant of the claim).
#[derive(Debug, Default)]
pub struct Claimed {
    /// To be sent, each at most once.
    pub cleared: Vec<Cleared>,
    /// Nobody knows whether these arrived, and the provider can be asked. The answer goes to [`ops::found`].
    pub look_ups: Vec<LookUp>,
    /// How many were shown in the product, refused, deferred or ended without leaving.
    pub done: usize,
    /// Why nothing is dispatched here until a person resumes.
    pub held: Option<String>,
}

impl Claimed {
    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.cleared.is_empty() && self.look_ups.is_empty() && self.done == 0
    }
}

/// A message whose fate is to be looked up. Not made anywhere but in [`ops::claim`].
#[derive(Debug)]
pub struct LookUp {
    message: Message,
}

impl LookUp {
    pub fn message(&self) -> &Message {
        &self.message
    }
}

/// What a provider says when it is asked for a message of an unclear attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Sent {
        provider_id: Option<String>,
    },
    /// It has certainly not arrived, and nothing of it is still under way.
    NotThere,
    CannotTell {
        why: String,
    },
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

/// Whose trouble a failed attempt is, beyond its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The provider takes nothing from us: a wrong token, a ban.
    Provider,
    /// This destination takes nothing: a closed channel, a server that is down.
    Destination,
    /// This address alone takes nothing now, such as a mailbox that is full; others of its destination do.
    Address,
    /// None: whoever has the address told the provider that they want nothing of us.
    OptedOut,
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
    pub trouble: Option<Trouble>,
}

/// What a provider tells by itself about a message, in any order and as often as it likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It took the message, and has not more to tell yet.
    Taken,
    Delivered,
    Read,
    Failed {
        why: String,
    },
    /// Whoever it was for told the provider that they want nothing of us.
    OptedOut {
        why: String,
    },
}

/// Which message a provider speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub channel: Channel,
    /// The provider's own name for it.
    pub provider_id: String,
    /// Ours, and which attempt it was, as the provider was given them; a call may come before its name is known here.
    pub ours: Option<(MessageId, i32)>,
}

/// What came of hearing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Noted(MessageId),
    /// It was known, or is older than what is known. The message stays as it is.
    Old(MessageId),
    /// It is about no message of this workspace.
    Nobody,
}

words! {
    /// A person's word on a message of which nobody knows whether it arrived.
    pub enum Resolution {
        /// It arrived.
        Sent = "sent",
        /// It did not; send it.
        SendAgain = "send_again",
    }
}

words! {
    /// How an attempt ended.
    pub enum Ended { Accepted = "accepted", Refused = "refused", NotSent = "not_sent", Unclear = "unclear" }
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
    /// Allowed, held or refused by the policy; on `sending`, the attempt under way. The reason stands beside the log:
    /// a provider's words may hold an address.
    Moved {
        before: Status,
        after: Status,
        attempt: i32,
        #[serde(skip)]
        reason: Option<String>,
    },
    /// A person set another instant.
    Rescheduled {
        before: Timestamp,
        after: Timestamp,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "message.queued",
            Self::Moved { .. } => "message.moved",
            Self::Rescheduled { .. } => "message.rescheduled",
        }
    }

    fn personal(&self) -> Option<Value> {
        match self {
            Self::Moved { reason: Some(reason), .. } => Some(json!({ "reason": reason })),
            _ => None,
        }
    }
}

/// What happens to the dispatch of a whole workspace.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchEvent {
    Held {
        why: String,
    },
    Resumed {
        held_since: Timestamp,
    },
    /// The wall clock moved against the time that passed; forward is positive.
    ClockJumped {
        seconds: i64,
        held: bool,
    },
}

impl Fact for DispatchEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Held { .. } => "dispatch.held",
            Self::Resumed { .. } => "dispatch.resumed",
            Self::ClockJumped { .. } => "clock.jumped",
        }
    }
}
