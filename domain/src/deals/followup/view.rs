//! A draft as every face shows it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::assist::draft::check::Finding;
use crate::assist::draft::{Draft, DraftKind, DraftState, Recipient, Urgency, Version, WrittenBy};
use crate::delivery::Content;
use crate::delivery::outbox::rules::masked;
use crate::delivery::outbox::view::Delivery;
use crate::delivery::policy::view::PolicyView;
use crate::delivery::policy::{Reason, Verdict};
use crate::delivery::sms::Bill;
use crate::kernel::id::{ApprovalId, BatchId, DealId, DraftId, MilestoneId};
use crate::workspace::approval::view::ApprovalDetail;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct DraftView {
    pub id: DraftId,
    pub kind: DraftKind,
    pub deal_id: DealId,
    pub deal_title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MilestoneId")]
    pub milestone_id: Option<MilestoneId>,
    /// A role on the deal, or `contact:<id>`.
    pub recipient_role: String,
    pub urgency: Urgency,
    pub state: DraftState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ApprovalId")]
    pub approval_id: Option<ApprovalId>,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub settled_at: Option<Timestamp>,
    /// The newest words; absent while nobody has written any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "VersionView")]
    pub newest: Option<VersionView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct VersionView {
    /// From 1.
    pub version: i32,
    pub subject: String,
    /// Without greeting and signature.
    pub body: String,
    pub signature: String,
    pub recipients: Vec<Recipient>,
    pub source: WrittenBy,
    /// What stands in the words and not in the deal, and what became of asking a model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// SHA-256 over the hashes of everything that would leave; what an approval is bound to.
    pub content_hash: String,
    pub made_by: String,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub made_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct DraftDetail {
    pub draft: DraftView,
    /// Why it stands as it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
    /// When it is to leave; at once after the approval when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub send_at: Option<Timestamp>,
    /// What was begun together with it has the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BatchId")]
    pub batch_id: Option<BatchId>,
    /// All of them, the first one first.
    pub versions: Vec<VersionView>,
    /// Its messages and what became of them.
    pub messages: Vec<Delivery>,
}

/// What one recipient would get, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Rendered {
    pub recipient: Recipient,
    pub content: Content,
    /// Over the channel, the address and the content; the message in the outbox has the same.
    pub content_hash: String,
    /// What the policy would say of it once it is approved; absent when there is nothing left to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Foresight")]
    pub policy: Option<Foresight>,
    /// How many segments a text message takes, and what they cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bill")]
    pub sms: Option<Bill>,
}

/// What the policy would say of a message at an instant. It decides anew when the message is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Foresight {
    pub verdict: Verdict,
    #[schemars(with = "String")]
    pub at: Timestamp,
    pub codes: Vec<Reason>,
    /// When it would be allowed; there exactly when it is deferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub next_allowed_at: Option<Timestamp>,
    pub sentence: String,
    /// The safe next action. Empty when it is allowed.
    pub next: String,
}

impl From<PolicyView> for Foresight {
    fn from(policy: PolicyView) -> Self {
        let PolicyView { verdict, at, codes, next_allowed_at, sentence, next, rule_trace: _ } = policy;
        Self { verdict, at, codes, next_allowed_at, sentence, next }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct DraftPreview {
    pub draft: DraftView,
    /// When it is to leave; at once after the approval when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub send_at: Option<Timestamp>,
    pub messages: Vec<Rendered>,
}

/// An approval with everything that somebody needs to decide: what would leave, to whom, when, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct ApprovalSheet {
    #[serde(flatten)]
    pub detail: ApprovalDetail,
    /// There when it is about a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LetterSheet")]
    pub letter: Option<LetterSheet>,
}

/// The version of a draft that an approval is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct LetterSheet {
    pub draft_id: DraftId,
    pub draft_state: DraftState,
    pub deal_id: DealId,
    pub deal_title: String,
    pub version: i32,
    pub source: WrittenBy,
    pub made_by: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub send_at: Option<Timestamp>,
    /// What is different in these words from those of the version before: lines that begin with `-` or `+`, between lines
    /// that stayed. Absent for the first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub changed: Option<String>,
    /// Exactly what each recipient gets.
    pub messages: Vec<Rendered>,
    /// What became of them, once they are approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<Delivery>,
}

impl LetterSheet {
    /// Whether nobody can say yes to it as it is.
    pub fn is_blocked(&self) -> bool {
        self.draft_state == DraftState::Blocked
    }

    pub fn may_pass_despite(&self) -> bool {
        rules::may_pass_despite(self.source, self.messages.len())
    }
}

impl VersionView {
    pub fn may_pass_despite(&self) -> bool {
        rules::may_pass_despite(self.source, self.recipients.len())
    }
}

/// With the addresses whole, or masked for a program.
pub fn version_view(v: &Version, mask: bool) -> VersionView {
    let mut recipients = v.recipients.clone();
    if mask {
        recipients.iter_mut().for_each(|to| to.address = masked(to.channel, &to.address));
    }
    VersionView {
        version: v.number,
        subject: v.words.subject.clone(),
        body: v.words.body.clone(),
        signature: v.words.signature.clone(),
        recipients,
        source: v.source,
        findings: v.findings.clone(),
        content_hash: v.content_hash.clone(),
        made_by: v.made_by.clone(),
        made_at: v.made_at,
    }
}

pub fn view(draft: &Draft, deal_title: &str, newest: Option<&Version>, mask: bool) -> DraftView {
    DraftView {
        id: draft.id,
        kind: draft.kind,
        deal_id: draft.deal_id,
        deal_title: deal_title.into(),
        milestone_id: draft.milestone_id,
        recipient_role: draft.recipient_role.clone(),
        urgency: draft.urgency,
        state: draft.state,
        approval_id: draft.approval_id,
        created_at: draft.created_at,
        settled_at: draft.settled_at,
        newest: newest.map(|version| version_view(version, mask)),
    }
}
