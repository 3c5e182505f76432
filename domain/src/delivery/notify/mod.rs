//! Tells members what they want to know, the way they want to hear it.

pub mod account;
pub mod ops;
pub mod store;
pub mod verify;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::cards::Posting;
use super::template::Words;
use crate::kernel::id::{DealId, MemberId, MessageId};
use crate::kernel::{Fact, Subject};
use crate::people::reach::{Channel, Topic};
use crate::words;

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
    /// What it is about: in the product it links there.
    pub subject: Option<Subject>,
    /// What it is said on. The message of each channel has it with the channel at its end. At most 180 characters.
    pub occasion: String,
    pub deal_id: Option<DealId>,
    pub at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// A channel that is used whatever the member's preferences say, such as the e-mail that the workspace wants.
    pub also: Option<Channel>,
    /// What can be done about it, drawn where the member reads it in chat.
    pub card: Option<Box<Posting>>,
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

/// A part of a digest, or of a member's feed, that somebody else knows of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Section {
    pub title: String,
    pub lines: Vec<Line>,
    /// How many lines were left out.
    pub more: usize,
}

/// One line of it. It links to its subject when it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Line {
    pub text: String,
    /// What it is about, such as `milestone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub subject_kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub subject_id: Option<Uuid>,
}

impl Line {
    pub fn about(kind: &str, id: Uuid, text: String) -> Self {
        Self { text, subject_kind: Some(kind.into()), subject_id: Some(id) }
    }

    pub fn plain(text: String) -> Self {
        Self { text, subject_kind: None, subject_id: None }
    }
}

words! {
    /// Why a line stands in no digest and never will.
    pub enum Dropped {
        /// Its digest came when it was of no use any more.
        Expired = "expired",
        /// The member was out of service.
        NoMember = "no_member",
        /// The member wants it on no channel on which they are reached.
        Unreached = "unreached",
    }
}

/// What happens to the lines that wait for a member's digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// So many were left out.
    Dropped { why: Dropped, lines: usize },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        "digest.dropped"
    }
}
