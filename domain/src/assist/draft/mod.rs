//! Words to people outside that wait for somebody's yes: who wrote them, what was checked, and which version it is.

pub mod calendar;
pub mod check;
pub mod letter;
pub mod store;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::Fact;
use crate::kernel::id::{ApprovalId, BatchId, ContactId, DealId, DraftId, MilestoneId};
use crate::people::reach::Channel;
use crate::words;
use check::Finding;
use letter::Words;

words! {
    /// What a draft is for.
    pub enum DraftKind {
        /// A milestone was completed.
        FollowUp = "follow_up",
        /// What to prepare for the closing.
        Checklist = "checklist",
        /// Words that somebody proposed.
        Message = "message",
    }
}

words! {
    pub enum Urgency { Routine = "routine", Important = "important", Urgent = "urgent" }
}

words! {
    pub enum DraftState {
        /// Nobody writes it yet.
        Waiting = "waiting",
        Writing = "writing",
        /// It cannot go out as it is: its findings or its approvers say why. Editing it makes a new version.
        Blocked = "blocked",
        InReview = "in_review",
        /// Its messages are in the outbox.
        Approved = "approved",
        Rejected = "rejected",
        /// Nobody decided in time; nobody declined.
        Expired = "expired",
        /// What it was about is not so any more.
        Withdrawn = "withdrawn",
    }
}

impl DraftState {
    /// Those in which somebody still has to do something.
    pub const OPEN: [Self; 4] = [Self::Waiting, Self::Writing, Self::Blocked, Self::InReview];

    pub fn is_settled(self) -> bool {
        matches!(self, Self::Approved | Self::Rejected | Self::Expired | Self::Withdrawn)
    }
}

words! {
    /// Whose words they are.
    pub enum WrittenBy { Model = "model", Template = "template", Member = "member", Agent = "agent" }
}

/// A row of drafts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub id: DraftId,
    /// One draft for each.
    pub occasion: String,
    pub kind: DraftKind,
    pub deal_id: DealId,
    pub milestone_id: Option<MilestoneId>,
    /// A role on the deal, or `contact:<id>`.
    pub recipient_role: String,
    pub urgency: Urgency,
    pub state: DraftState,
    /// The newest version of its words; 0 before there are any.
    pub current: i32,
    /// The approval of the newest version.
    pub approval_id: Option<ApprovalId>,
    /// Until when whoever took it may write.
    pub lease_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    /// What was begun together; its messages leave, and are taken back, together.
    pub batch_id: Option<BatchId>,
    /// When it is to leave; at once after the yes when there is none.
    pub send_at: Option<Timestamp>,
    /// Why it stands as it does.
    pub reason: Option<String>,
    /// Counts every change of the row.
    pub version: i64,
}

/// Someone to whom the words go. Worked out from the deal, never by whoever wrote the words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Recipient {
    pub contact_id: ContactId,
    pub name: String,
    /// By which way it reaches them.
    #[serde(default = "email", skip_serializing_if = "is_email")]
    pub channel: Channel,
    /// An e-mail address or a telephone number, as the channel asks.
    pub address: String,
}

fn email() -> Channel {
    Channel::Email
}

fn is_email(channel: &Channel) -> bool {
    *channel == Channel::Email
}

/// One version of a draft's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub number: i32,
    pub recipients: Vec<Recipient>,
    pub words: Words,
    /// The hash that its approval is bound to.
    pub content_hash: String,
    pub source: WrittenBy,
    pub findings: Vec<Finding>,
    pub made_by: String,
    pub made_at: Timestamp,
}

/// What happens to a draft.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Begun {
        deal_id: DealId,
        kind: DraftKind,
        milestone_id: Option<MilestoneId>,
        recipient_role: String,
    },
    Written {
        version: i32,
        source: WrittenBy,
        content_hash: String,
        recipients: usize,
        findings: usize,
        /// Why it is not the model's words, when a model was asked.
        instead_of_model: Option<String>,
    },
    Moved {
        before: DraftState,
        after: DraftState,
        reason: Option<String>,
    },
    /// What was approved is not so any more: of its messages those were taken back that had not left.
    TakenBack {
        messages: usize,
        /// How many had left, or were leaving.
        left: usize,
        reason: String,
    },
    /// A person said when it is to leave.
    Timed {
        before: Option<Timestamp>,
        after: Option<Timestamp>,
    },
    /// An approver let words pass in spite of findings.
    Overridden {
        version: i32,
        findings: Vec<String>,
        reason: String,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Begun { .. } => "draft.begun",
            Self::Written { .. } => "draft.written",
            Self::Moved { .. } => "draft.moved",
            Self::TakenBack { .. } => "draft.taken_back",
            Self::Timed { .. } => "draft.timed",
            Self::Overridden { .. } => "draft.overridden",
        }
    }
}
