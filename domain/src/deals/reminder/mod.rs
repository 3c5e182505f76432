//! Who is told of a milestone before its day, and who when the day is over.
//!
//! The clock's part: [`ops::attend`] looks at every deal with a milestone whose `attend_at` has come, works out from the
//! facts as they are what is due, puts it into the outbox, and notes when to look again. Nothing is planned ahead: what
//! a milestone says when its reminder is due is what counts. What is planned and has not left is taken back, in the same
//! transaction, by whatever makes it untrue ([`ops::changed`]).

pub mod card;
mod carry_out;
pub(in crate::deals) mod follow;
pub mod glance;
pub mod ops;
pub mod rules;
mod scene;
pub mod snooze;
pub mod store;
pub(in crate::deals) mod take_back;
pub mod team_digest;
pub mod view;
pub mod words;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::kernel::Fact;
use crate::kernel::id::{ContactId, DealId, MemberId, MessageId, MilestoneId};
use crate::people::reach::Channel;
use crate::words;

words! {
    /// What becomes of a reminder. What then becomes of its message stands with the message.
    pub enum State {
        /// Taken out of a message that was withdrawn because of another milestone in it; comes again at its time.
        Planned = "planned",
        /// In a message of the outbox.
        Queued = "queued",
        /// In the member's next digest.
        Digest = "digest",
        Cancelled = "cancelled",
        /// Its day was over before it could be sent.
        Missed = "missed",
        /// Nothing may be sent to this recipient.
        Refused = "refused",
    }
}

/// What somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Reminder,
    Overdue,
    /// Once more, on the day until which somebody put it off.
    Snoozed,
    /// A step of the escalation, counted from 1.
    Escalation(u8),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reminder => f.write_str("reminder"),
            Self::Overdue => f.write_str("overdue"),
            Self::Snoozed => f.write_str("snoozed"),
            Self::Escalation(step) => write!(f, "escalation.{step}"),
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "reminder" => Ok(Self::Reminder),
            "overdue" => Ok(Self::Overdue),
            "snoozed" => Ok(Self::Snoozed),
            other => {
                let step = other.strip_prefix("escalation.").and_then(|step| step.parse().ok());
                step.map(Self::Escalation).ok_or_else(|| format!("{other} is no kind of reminder"))
            }
        }
    }
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Recipient {
    Contact(ContactId),
    Member(MemberId),
    /// A channel of the team's chat, by its address there.
    Chat(Channel, String),
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contact(id) => write!(f, "contact:{id}"),
            Self::Member(id) => write!(f, "member:{id}"),
            Self::Chat(channel, address) => write!(f, "chat:{channel}:{address}"),
        }
    }
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is no recipient");
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        match kind {
            "contact" => rest.parse().map(Self::Contact).map_err(|_| wrong()),
            "member" => rest.parse().map(Self::Member).map_err(|_| wrong()),
            "chat" => {
                let (channel, address) = rest.split_once(':').ok_or_else(wrong)?;
                Ok(Self::Chat(channel.parse()?, address.to_owned()))
            }
            _ => Err(wrong()),
        }
    }
}

/// One reminder: there is one for each milestone, kind, recipient and date.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub milestone: MilestoneId,
    pub kind: Kind,
    pub recipient: Recipient,
    /// The day it is for: of the reminder itself; of what is overdue, the due day.
    pub on: Date,
}

/// What is recorded of a reminder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: Key,
    pub deal_id: DealId,
    pub due_on: Date,
    pub at: Timestamp,
    pub state: State,
    pub reason: Option<String>,
    /// What its messages are said on, without the channel.
    pub occasion: Option<String>,
    /// The first of its messages.
    pub message_id: Option<MessageId>,
    /// The message is named after it; the others in the same message are merged into it.
    pub leads: bool,
    /// How often it was put into a message.
    pub round: i32,
    pub planned_at: Timestamp,
}

/// What the clock makes of a milestone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Its due day is over.
    Overdue { deal_id: DealId, due_on: Date },
    /// Somebody wants to be reminded again on another day.
    Snoozed { deal_id: DealId, until: Date, due_on: Date },
    /// A reminder was not sent, and why.
    NotReminded { deal_id: DealId, kind: String, recipient: String, on: Date, state: State, reason: String },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Overdue { .. } => "milestone.overdue",
            Self::Snoozed { .. } => "milestone.snoozed",
            Self::NotReminded { .. } => "milestone.not_reminded",
        }
    }
}
