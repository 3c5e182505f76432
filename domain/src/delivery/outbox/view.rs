//! Deliveries as people and programs see them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::{self, Filter, attempts};
use super::{Ended, rules};
use crate::delivery::notify::verify;
use crate::delivery::policy::Verdict;
use crate::delivery::settings;
use crate::delivery::sms::Bill;
use crate::delivery::{Message, Purpose, Status, To};
use crate::kernel::id::{ApprovalId, BatchId, ContactId, DealId, DecisionId, DraftId, MemberId, MessageId};
use crate::kernel::page::{Ask, Page};
use crate::kernel::{Cx, No, Refusal};
use crate::people::reach::{Channel, Topic};
use crate::words;
use crate::workspace::access::{Require, Verb};
use crate::workspace::approval;

words! {
    /// What kind of recipient it is.
    pub enum ToKind { Contact = "contact", Member = "member", Endpoint = "endpoint", Team = "team" }
}

/// A message and what became of it. Programs see addresses masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Delivery {
    pub id: MessageId,
    pub status: Status,
    /// Why it stands so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
    pub topic: Topic,
    pub purpose: Purpose,
    pub channel: Channel,
    pub to_kind: ToKind,
    /// The contact, member or endpoint; none for the team's channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub to_id: Option<uuid::Uuid>,
    pub address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ApprovalId")]
    pub approval_id: Option<ApprovalId>,
    pub subject: String,
    pub content_hash: String,
    #[schemars(with = "String")]
    pub due_at: Timestamp,
    /// When it is looked at next; none once it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub next_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub settled_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub provider_id: Option<String>,
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    pub version: i64,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Attempt {
    pub number: i32,
    pub decision_id: DecisionId,
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub ended_at: Option<Timestamp>,
    /// None while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Ended")]
    pub outcome: Option<Ended>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub detail: Option<String>,
    /// The provider's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32")]
    pub provider_status: Option<i32>,
}

/// What the policy said, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ruled {
    pub id: DecisionId,
    #[schemars(with = "String")]
    pub at: Timestamp,
    pub verdict: Verdict,
    /// The rule that held or refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub until: Option<Timestamp>,
}

/// A message with its words and its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Detail {
    pub delivery: Delivery,
    pub occasion: String,
    pub text: String,
    /// What a text message takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bill")]
    pub sms: Option<Bill>,
    pub attempts: Vec<Attempt>,
    pub decisions: Vec<Ruled>,
}

fn delivery(m: &Message, mask: bool) -> Delivery {
    let (to_kind, to_id) = match m.to {
        To::Contact(id) => (ToKind::Contact, Some(id.0)),
        To::Member(id) => (ToKind::Member, Some(id.0)),
        To::Endpoint(id) => (ToKind::Endpoint, Some(id.0)),
        To::Team => (ToKind::Team, None),
    };
    Delivery {
        id: m.id,
        status: m.status,
        reason: m.reason.as_deref().map(|reason| without_address(reason, m, mask)),
        topic: m.topic,
        purpose: m.purpose,
        channel: m.channel,
        to_kind,
        to_id,
        address: if mask { rules::masked(m.channel, &m.address) } else { m.address.clone() },
        deal_id: m.deal_id,
        approval_id: m.approval_id,
        subject: m.content.subject.clone(),
        content_hash: m.content_hash.clone(),
        due_at: m.due_at,
        next_at: m.next_at,
        settled_at: m.settled_at,
        attempts: m.attempts,
        provider_id: m.provider_id.clone(),
        created_at: m.created_at,
        version: m.version,
    }
}

/// A provider's words may repeat the address.
fn without_address(text: &str, m: &Message, mask: bool) -> String {
    if mask && !m.address.is_empty() {
        text.replace(&m.address, &rules::masked(m.channel, &m.address))
    } else {
        text.to_owned()
    }
}

/// Which deliveries, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(inline)]
pub struct ListDeliveries {
    /// Any when empty.
    pub status: Vec<Status>,
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    #[schemars(with = "ContactId")]
    pub contact_id: Option<ContactId>,
    #[schemars(with = "MemberId")]
    pub member_id: Option<MemberId>,
    #[schemars(with = "Channel")]
    pub channel: Option<Channel>,
    #[schemars(with = "Topic")]
    pub topic: Option<Topic>,
    /// What this approval let leave.
    #[schemars(with = "ApprovalId")]
    pub approval_id: Option<ApprovalId>,
    /// What any version of this draft became.
    #[schemars(with = "DraftId")]
    pub draft_id: Option<DraftId>,
    /// What was asked for together.
    #[schemars(with = "BatchId")]
    pub batch_id: Option<BatchId>,
}

pub fn list(cx: &mut Cx<'_>, wanted: &ListDeliveries, page: &Ask) -> Result<Page<Delivery>, No> {
    cx.require(Verb::ReadDeliveries)?;
    let limit = page.limit().map_err(|p| vec![p])?;
    let approvals = match (wanted.approval_id, wanted.draft_id) {
        (None, None) => None,
        (Some(approval), None) => Some(vec![approval]),
        (approval, Some(draft)) => {
            let of_draft = approval::store::of_subject(cx, "draft", draft.0)?.into_iter().map(|found| found.id);
            Some(of_draft.filter(|id| approval.is_none_or(|wanted| wanted == *id)).collect())
        }
    };
    let filter = Filter {
        status: wanted.status.clone(),
        deal: wanted.deal_id,
        contact: wanted.contact_id,
        member: wanted.member_id,
        channel: wanted.channel,
        topic: wanted.topic,
        approvals,
        batch: wanted.batch_id,
        after: page.after::<MessageId>().map_err(|p| vec![p])?,
        limit,
    };
    let mask = cx.is_program();
    let rows = store::list(cx, &filter)?;
    Ok(Page::cut(rows, limit, |m| m.id).map(|m| delivery(&m, mask)))
}

/// At most so many messages of one draft are shown.
const OF_ONE: i64 = 100;

/// What these approvals let leave, the newest first. Part of other verbs, which ask for the right to show it.
pub fn of_approvals(cx: &mut Cx<'_>, approvals: &[ApprovalId]) -> Result<Vec<Delivery>, No> {
    let mask = cx.is_program();
    let filter = Filter { approvals: Some(approvals.to_vec()), limit: OF_ONE - 1, ..Filter::default() };
    let found = store::list(cx, &filter)?;
    Ok(found.iter().map(|m| delivery(m, mask)).collect())
}

fn message(cx: &mut Cx<'_>, id: MessageId) -> Result<Message, No> {
    Ok(store::find(cx, id)?.ok_or_else(|| Refusal::not_found("message"))?)
}

pub fn get(cx: &mut Cx<'_>, id: MessageId) -> Result<Delivery, No> {
    cx.require(Verb::ReadDeliveries)?;
    let mask = cx.is_program();
    Ok(delivery(&message(cx, id)?, mask))
}

/// With its words, its attempts and what the policy said.
pub fn detail(cx: &mut Cx<'_>, id: MessageId) -> Result<Detail, No> {
    cx.require(Verb::ReadDeliveries)?;
    let mask = cx.is_program();
    let m = message(cx, id)?;
    let attempts = attempts::of(cx, &[id])?
        .into_iter()
        .map(|a| Attempt {
            number: a.number,
            decision_id: a.decision_id,
            started_at: a.started_at.0,
            ended_at: a.ended_at.map(|at| at.0),
            outcome: a.outcome,
            detail: a.detail.as_deref().map(|detail| without_address(detail, &m, mask)),
            provider_status: a.provider_status,
        })
        .collect();
    let decisions = store::decisions_of(cx, &[id])?
        .into_iter()
        .map(|(id, _, at, verdict, code, until)| Ruled {
            id,
            at: at.0,
            verdict,
            code,
            until: until.map(|at| at.0),
        })
        .collect();
    let sms = match m.channel {
        Channel::Sms => {
            let price = settings::store::find(cx)?.settings.sms_segment_price;
            Some(Bill::of(&m.content.text, price.as_ref()))
        }
        _ => None,
    };
    Ok(Detail {
        sms,
        delivery: delivery(&m, mask),
        occasion: m.occasion.clone(),
        text: if verify::is_secret(&m) { verify::HIDDEN.into() } else { m.content.text.clone() },
        attempts,
        decisions,
    })
}
