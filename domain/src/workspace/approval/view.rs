//! An approval as every face shows it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Approval, ApprovalState, Choice, Stage};
use crate::kernel::id::{ApprovalId, MemberId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct ApprovalView {
    pub id: ApprovalId,
    pub subject_kind: String,
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub subject_id: Uuid,
    /// Which version of it.
    pub subject_version: i32,
    pub title: String,
    /// `expired` means that nobody decided in time; nobody declined.
    pub state: ApprovalState,
    /// The stage that is open, or was last; from 1.
    pub stage: usize,
    pub stages: Vec<Stage>,
    /// SHA-256 over the hashes of everything that would leave.
    pub content_hash: String,
    pub requested_by: String,
    /// When the open stage's deadline passes. RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub due_at: Option<Timestamp>,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub opened_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub closed_at: Option<Timestamp>,
    /// The person, or the rule, that closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub closed_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
    /// Who has not spoken yet in the open stage.
    pub waiting_for: Vec<Named>,
    pub version: i64,
}

impl ApprovalView {
    /// As [`Approval::etag`].
    pub fn etag(&self) -> String {
        super::etag(&self.content_hash, self.stage.saturating_sub(1))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Named {
    pub id: MemberId,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct VoteView {
    /// From 1.
    pub stage: usize,
    pub by: Named,
    pub choice: Choice,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub feedback: String,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub cast_at: Timestamp,
}

/// All that was said of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Round {
    pub subject_version: i32,
    pub approval_id: ApprovalId,
    pub state: ApprovalState,
    /// What approvers want changed or why they said no, in the order in which they said it.
    pub feedback: Vec<VoteView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct ApprovalDetail {
    pub approval: ApprovalView,
    pub votes: Vec<VoteView>,
    /// Every version's feedback, the first version first.
    pub rounds: Vec<Round>,
}

pub fn view(a: &Approval, waiting_for: Vec<Named>) -> ApprovalView {
    ApprovalView {
        id: a.id,
        subject_kind: a.subject_kind.clone(),
        subject_id: a.subject_id,
        subject_version: a.subject_version,
        title: a.title.clone(),
        state: a.state,
        stage: a.stage + 1,
        stages: a.stages.clone(),
        content_hash: a.content_hash.clone(),
        requested_by: a.requested_by_name.clone(),
        due_at: a.due_at,
        opened_at: a.opened_at,
        closed_at: a.closed_at,
        closed_by: a.closed_by.clone(),
        reason: a.reason.clone(),
        waiting_for,
        version: a.version,
    }
}
