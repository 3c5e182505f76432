//! Tells members what they want to know, the way they want to hear it.

pub mod ops;
pub mod store;
pub mod verify;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::template::Words;
use crate::kernel::id::{DealId, MemberId, MessageId};
use crate::people::reach::{Channel, Topic};

/// How much a member's own quiet hours and digests count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    Routine,
    /// Skips digests.
    Important,
    /// Skips digests and the member's quiet hours; never the policy.
    Urgent,
}

/// Something that one member is to be told.
#[derive(Clone, Debug)]
pub struct Telling {
    pub member: MemberId,
    pub topic: Topic,
    pub urgency: Urgency,
    pub words: Words,
    /// What it is said on. The message of each channel has it with the channel at its end. At most 180 characters.
    pub occasion: String,
    pub deal_id: Option<DealId>,
    pub at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// A channel that is used whatever the member's preferences say, such as the e-mail that the workspace wants.
    pub also: Option<Channel>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// On these channels, the first of them in front.
    Queued(Vec<MessageId>),
    /// It stands in the member's next digest.
    Digest(Timestamp),
    /// The member switched the topic off, everywhere.
    Off,
    /// There is no such active member.
    Nobody,
}

/// A part of a digest that somebody else knows of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub title: String,
    pub lines: Vec<String>,
    /// How many lines were left out.
    pub more: usize,
}
