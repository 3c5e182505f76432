//! Something that waits for people to say yes: in stages, each with those who may speak and what counts as a yes.
//!
//! An approval is of one version of its subject, bound to it by a hash over everything that would leave. Another version
//! is another approval, and no vote goes over from one to the other.

pub mod ops;
pub mod rules;
pub mod store;
pub mod view;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::Fact;
use crate::kernel::id::{ApprovalId, MemberId};
use crate::words;
use crate::workspace::access::Role;

words! {
    /// Where an approval stands. All but the first are closed.
    pub enum ApprovalState {
        Pending = "pending",
        Approved = "approved",
        /// Somebody said no, or too few could still say yes.
        Rejected = "rejected",
        ChangesRequested = "changes_requested",
        /// Its deadline passed before enough people had spoken. Nobody declined.
        Expired = "expired",
        /// Another version of the subject took its place.
        Superseded = "superseded",
        /// Whoever asked does not ask any more.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// What an approver says.
    pub enum Choice {
        Approve = "approve",
        /// Not as it is; the feedback says what would be right.
        RequestChanges = "request_changes",
        /// Not at all; the feedback says why.
        Reject = "reject",
        /// Leaves it to the others: neither a yes nor a no, and nobody waits for this approver any more.
        Abstain = "abstain",
    }
}

/// Who may speak in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Approver {
    Member(MemberId),
    /// Every active member of exactly this role.
    Role(Role),
}

/// What counts as a yes of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Rule {
    /// The first approver who does not abstain decides.
    Any,
    /// More than half of those who do not abstain.
    Majority,
    /// All who do not abstain, and at least one.
    Unanimous,
    /// This many.
    Quorum(u32),
}

/// What happens when a stage's deadline passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OnDeadline {
    /// Those who are waited for are told again, each time the hours pass.
    #[default]
    Remind,
    /// Members of this role may decide alone from then on; after that it reminds.
    Escalate(Role),
    /// Never for what is risky.
    AutoApprove,
    /// It closes as expired: it does not go ahead, and nobody is said to have declined.
    AutoReject,
}

/// One step on the way to a yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Stage {
    pub approvers: Vec<Approver>,
    pub rule: Rule,
    /// Whether the author has no say.
    #[serde(default = "yes")]
    pub four_eyes: bool,
    /// Who wrote some of it before, and under four eyes has no say either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_by: Vec<MemberId>,
    /// From the stage's opening to its deadline, 1 to 2,160; none when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32")]
    pub hours: Option<u32>,
    #[serde(default)]
    pub on_deadline: OnDeadline,
    /// The role that may decide alone since the deadline passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Role")]
    pub escalated_to: Option<Role>,
}

fn yes() -> bool {
    true
}

impl Stage {
    /// One stage of its own, with four eyes and no deadline.
    pub fn of(approvers: Vec<Approver>, rule: Rule) -> Self {
        let on_deadline = OnDeadline::default();
        Self {
            approvers,
            rule,
            four_eyes: true,
            also_by: Vec::new(),
            hours: None,
            on_deadline,
            escalated_to: None,
        }
    }
}

/// Something that asks to be approved.
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// Such as `draft`.
    pub subject_kind: String,
    pub subject_id: Uuid,
    /// From 1; one approval for each version.
    pub subject_version: i32,
    /// What a list shows.
    pub title: String,
    /// The hashes of everything that would leave, in order.
    pub covers: Vec<String>,
    /// The member whose words they are.
    pub author: Option<MemberId>,
    pub stages: Vec<Stage>,
    /// Whether no deadline may say yes in people's place.
    pub risky: bool,
}

/// A row of approvals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub id: ApprovalId,
    pub subject_kind: String,
    pub subject_id: Uuid,
    pub subject_version: i32,
    /// [`rules::hash`] over `covers`.
    pub content_hash: String,
    pub covers: Vec<String>,
    pub title: String,
    /// `kind:id` of who asked.
    pub requested_by: String,
    pub requested_by_name: String,
    pub author: Option<MemberId>,
    pub stages: Vec<Stage>,
    /// The stage that is open, or was last; from 0.
    pub stage: usize,
    pub state: ApprovalState,
    /// The deadline of the open stage.
    pub due_at: Option<Timestamp>,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    /// The person, or the rule, that closed it.
    pub closed_by: Option<String>,
    /// Whether a rule said yes, and no person.
    pub by_rule: bool,
    pub reason: Option<String>,
    pub version: i64,
}

impl Approval {
    /// What is asked for, in few letters: the words and the stage. A vote that was meant for others is told so.
    pub fn etag(&self) -> String {
        etag(&self.content_hash, self.stage)
    }
}

fn etag(content_hash: &str, stage: usize) -> String {
    format!("{}.{stage}", content_hash.get(..8).unwrap_or_default())
}

/// What one approver said in one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    pub stage: usize,
    pub member: MemberId,
    pub choice: Choice,
    pub feedback: String,
    pub cast_at: Timestamp,
}

/// What happens to an approval.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Requested {
        subject_kind: String,
        subject_id: Uuid,
        subject_version: i32,
        title: String,
        content_hash: String,
        stages: usize,
    },
    Voted {
        stage: usize,
        choice: Choice,
        feedback: String,
        content_hash: String,
    },
    /// A stage said yes and the next one is open.
    Advanced {
        stage: usize,
    },
    Closed {
        before: ApprovalState,
        after: ApprovalState,
        by: String,
        reason: Option<String>,
        content_hash: String,
    },
    /// A deadline passed and those who are waited for are told again.
    Reminded {
        stage: usize,
    },
    Escalated {
        stage: usize,
        to: Role,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "approval.requested",
            Self::Voted { .. } => "approval.voted",
            Self::Advanced { .. } => "approval.advanced",
            Self::Closed { .. } => "approval.closed",
            Self::Reminded { .. } => "approval.reminded",
            Self::Escalated { .. } => "approval.escalated",
        }
    }
}
