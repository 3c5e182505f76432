//! Letters that an agent proposes and people decide about, and what the policy would say of a message.

use domain::assist::draft::check::Finding;
use domain::assist::draft::{DraftKind, DraftState, Urgency, WrittenBy};
use domain::deals::followup::ops::{self, ListDrafts};
use domain::deals::followup::propose::{self, ProposeDraft};
use domain::deals::followup::view::{DraftDetail, DraftView, VersionView};
use domain::delivery::Status;
use domain::delivery::outbox::view::Delivery;
use domain::delivery::policy::ops::{self as policy, PreviewPolicy};
use domain::delivery::policy::view::PolicyView;
use domain::insight::event_log::Proof;
use domain::kernel::id::{ApprovalId, DealId, DraftId, MessageId};
use domain::kernel::{Cx, No, Principal};
use domain::people::reach::Channel;
use domain::workspace::approval;
use domain::workspace::approval::view::ApprovalView;
use jiff::Timestamp;
use rmcp::handler::server::wrapper::Json;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ONE_HISTORY, newest};
use crate::args::Parameters;
use crate::guard::Refused;
use crate::milepost::{Keyed, Milepost};
use crate::server::Who;

/// Findings of one version that are shown.
const FINDINGS: usize = 20;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftGet {
    /// Only this draft, with its words, findings, recipients and approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DraftId")]
    pub id: Option<DraftId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    /// Those that are not settled when left out.
    #[serde(default)]
    pub state: Vec<DraftState>,
    /// next_cursor of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub cursor: Option<String>,
    /// 1 to 25; 20 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 25))]
    pub limit: Option<i64>,
}

/// A draft in a list: all but its words.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Listed {
    id: DraftId,
    kind: DraftKind,
    deal_id: DealId,
    deal_title: String,
    recipient_role: String,
    urgency: Urgency,
    state: DraftState,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ApprovalId")]
    approval_id: Option<ApprovalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    subject: Option<String>,
    /// How many findings the newest words have.
    findings: usize,
    #[schemars(with = "String")]
    created_at: Timestamp,
}

impl From<DraftView> for Listed {
    fn from(draft: DraftView) -> Self {
        Self {
            id: draft.id,
            kind: draft.kind,
            deal_id: draft.deal_id,
            deal_title: draft.deal_title,
            recipient_role: draft.recipient_role,
            urgency: draft.urgency,
            state: draft.state,
            approval_id: draft.approval_id,
            findings: draft.newest.as_ref().map_or(0, |newest| newest.findings.len()),
            subject: draft.newest.map(|newest| newest.subject),
            created_at: draft.created_at,
        }
    }
}

/// A version without its words.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Earlier {
    version: i32,
    subject: String,
    source: WrittenBy,
    made_by: String,
    #[schemars(with = "String")]
    made_at: Timestamp,
    content_hash: String,
}

impl From<VersionView> for Earlier {
    fn from(v: VersionView) -> Self {
        Self {
            version: v.version,
            subject: v.subject,
            source: v.source,
            made_by: v.made_by,
            made_at: v.made_at,
            content_hash: v.content_hash,
        }
    }
}

/// One draft as an agent sees it: bounded, whatever people made of it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Drafted {
    draft: DraftView,
    /// The approval of its newest words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ApprovalView")]
    approval: Option<ApprovalView>,
    /// Findings that are not shown; 0 when all are.
    #[serde(default)]
    more_findings: usize,
}

impl Drafted {
    fn of(cx: &mut Cx<'_>, mut draft: DraftView) -> Result<Self, No> {
        let approval = match draft.approval_id {
            Some(id) => Some(approval::ops::get(cx, id)?.approval),
            None => None,
        };
        let mut more_findings = 0;
        if let Some(newest) = &mut draft.newest {
            more_findings = newest.findings.len().saturating_sub(FINDINGS);
            // What stands in the way of a yes comes first, so that it is not what is left out.
            newest.findings.sort_by_key(|Finding { blocks, .. }| !blocks);
            newest.findings.truncate(FINDINGS);
        }
        Ok(Self { draft, approval, more_findings })
    }
}

/// What a draft became, and where that stands.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Left {
    id: MessageId,
    channel: Channel,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    reason: Option<String>,
}

impl From<Delivery> for Left {
    fn from(message: Delivery) -> Self {
        Self { id: message.id, channel: message.channel, status: message.status, reason: message.reason }
    }
}

#[derive(Default, Serialize, JsonSchema)]
pub struct Drafts {
    drafts: Vec<Listed>,
    /// There when one draft was asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Drafted")]
    detail: Option<Drafted>,
    /// Of that one draft: its latest versions without their words, the first one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    versions: Vec<Earlier>,
    /// Of that one draft: when it is to leave; at once after the approval when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    send_at: Option<Timestamp>,
    /// Of that one draft: the latest messages that it became.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Left>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    next_cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct DraftWritten {
    #[serde(flatten)]
    drafted: Drafted,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Proof")]
    receipt: Option<Proof>,
}

#[tool_router(router = draft_tools, vis = "pub")]
impl Milepost {
    /// Propose a letter to the people in one role on a deal, or to one party. Nothing is sent: it waits until a person
    /// approves exactly these words. Write no greeting and no signature. Every date, amount and name must stand in the
    /// deal, or the letter is refused with what does not.
    #[tool(annotations(
        title = "Propose a letter",
        read_only_hint = false,
        destructive_hint = false,
        idempotent_hint = false,
        open_world_hint = false
    ))]
    async fn draft_propose(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<Keyed<ProposeDraft>>,
    ) -> Result<Json<DraftWritten>, Refused> {
        let cmd = args.command.clone();
        let propose = move |cx: &mut Cx<'_>| {
            let draft = propose::propose(cx, &cmd)?;
            Drafted::of(cx, draft)
        };
        let (drafted, receipt) =
            self.write(&who, args.idempotency_key, "draft_propose", args.command, propose).await?;
        Ok(Json(DraftWritten { drafted, receipt }))
    }

    /// Drafts of letters, the newest first; or one by its id with its words, what was found in them, to whom it goes
    /// (addresses are masked), how its approval stands and what it became. more_findings counts those that are not shown.
    #[tool(annotations(
        title = "Get or list drafts",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn draft_get(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<DraftGet>,
    ) -> Result<Json<Drafts>, Refused> {
        if let Some(id) = args.id {
            let (drafted, versions, send_at, messages) = self
                .host
                .look(&who, move |cx| {
                    let DraftDetail { draft, versions, send_at, messages, .. } = ops::get(cx, id)?;
                    Ok((Drafted::of(cx, draft)?, versions, send_at, messages))
                })
                .await?;
            return Ok(Json(Drafts {
                detail: Some(drafted),
                versions: newest(versions, ONE_HISTORY).into_iter().map(Earlier::from).collect(),
                send_at,
                messages: messages.into_iter().take(ONE_HISTORY).map(Left::from).collect(),
                ..Drafts::default()
            }));
        }
        let wanted =
            ListDrafts { deal_id: args.deal_id, state: args.state, cursor: args.cursor, limit: args.limit };
        let page = self.host.look(&who, move |cx| ops::list(cx, &wanted)).await?;
        let drafts = page.items.into_iter().map(Listed::from).collect();
        Ok(Json(Drafts { drafts, next_cursor: page.next_cursor, ..Drafts::default() }))
    }

    /// What the policy would say of a message to a contact: allow, defer until an instant, or block, with every rule it
    /// looked at and the safe next action. Nothing is stored or sent.
    #[tool(annotations(
        title = "Ask the policy",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn policy_preview(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<PreviewPolicy>,
    ) -> Result<Json<PolicyView>, Refused> {
        Ok(Json(self.host.look(&who, move |cx| policy::preview(cx, &args)).await?))
    }
}
