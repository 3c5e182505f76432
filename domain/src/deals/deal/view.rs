//! A deal as every face shows it.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{CLOSING_DATE, Deal, DealStatus, Financing, KeyDates, PartyRole, Side, store};
use crate::deals::milestone::view::{MilestoneView, view};
use crate::deals::milestone::{self, MilestoneStatus};
use crate::delivery::outbox;
use crate::kernel::id::{DealId, MemberId, MilestoneId};
use crate::kernel::page::{self, Ask, Page};
use crate::kernel::{Cx, No, Refusal, text};
use crate::people::contact::{self, Contact};
use crate::people::reach::Channel;
use crate::workspace::access::{Require, Verb};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct DealView {
    pub id: DealId,
    pub title: String,
    pub address: String,
    pub status: DealStatus,
    pub side: Side,
    pub financing: Financing,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub state: Option<String>,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64")]
    pub price: Option<Number>,
    pub time_zone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MemberId")]
    pub owner_id: Option<MemberId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub chat_channel: Option<String>,
    /// Dates by name.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub key_dates: KeyDates,
    pub template: String,
    pub template_version: i32,
    /// RFC 3339 UTC.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// Counts every change of the deal and of its milestones.
    pub version: i64,
}

pub fn deal_view(deal: Deal) -> DealView {
    let price = deal.price_cents.and_then(|cents| match cents % 100 {
        0 => Some(Number::from(cents / 100)),
        _ => Number::from_f64(cents as f64 / 100.0),
    });
    DealView {
        id: deal.id,
        title: deal.title,
        address: deal.address,
        status: deal.status,
        side: deal.side,
        financing: deal.financing,
        state: deal.state,
        price,
        time_zone: deal.time_zone,
        owner_id: deal.owner_id,
        chat_channel: deal.chat_channel,
        key_dates: deal.key_dates,
        template: deal.template,
        template_version: deal.template_version,
        created_at: deal.created_at,
        version: deal.version,
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct PartyView {
    pub role: PartyRole,
    #[serde(flatten)]
    pub contact: Contact,
}

/// A milestone in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Brief {
    pub id: MilestoneId,
    pub title: String,
    #[schemars(with = "Option<String>")]
    pub due_on: Option<Date>,
    pub status: MilestoneStatus,
}

impl From<&MilestoneView> for Brief {
    fn from(m: &MilestoneView) -> Self {
        Self { id: m.id, title: m.title.clone(), due_on: m.due_on, status: m.status }
    }
}

/// A deal with everything on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Detail {
    pub deal: DealView,
    pub parties: Vec<PartyView>,
    /// In order of their dates; those that need one last.
    pub milestones: Vec<MilestoneView>,
    /// The first open milestone whose day has not passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Brief")]
    pub next_milestone: Option<Brief>,
    pub overdue: Vec<Brief>,
}

/// Somebody as a program sees them: their addresses tell people apart and reach nobody.
fn masked(contact: Contact) -> Contact {
    let of = |channel, address: Option<String>| address.map(|address| outbox::rules::masked(channel, &address));
    let email = of(Channel::Email, contact.email);
    let phone = of(Channel::Sms, contact.phone);
    Contact { email, phone, ..contact }
}

/// One deal with everything on it; addresses are masked for programs.
pub fn get(cx: &mut Cx<'_>, id: DealId) -> Result<Detail, No> {
    cx.require(Verb::ReadDeals)?;
    let deal = store::find(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    let now = cx.now();
    let milestones: Vec<MilestoneView> =
        milestone::store::of_deal(cx, id)?.iter().map(|m| view(m, &deal.title, now)).collect();
    let mut parties = Vec::new();
    for party in store::parties(cx, id)? {
        if let Some(contact) = contact::store::find(cx, party.contact_id)? {
            let contact = if cx.is_program() { masked(contact) } else { contact };
            parties.push(PartyView { role: party.role, contact });
        }
    }
    let going = deal.status == DealStatus::Active;
    let waits = |m: &&MilestoneView| {
        going
            && m.due_on.is_some()
            && !matches!(m.status, MilestoneStatus::Completed | MilestoneStatus::Waived | MilestoneStatus::Overdue)
    };
    Ok(Detail {
        next_milestone: milestones.iter().find(waits).map(Brief::from),
        overdue: milestones
            .iter()
            .filter(|m| going && m.status == MilestoneStatus::Overdue)
            .map(Brief::from)
            .collect(),
        deal: deal_view(deal),
        parties,
        milestones,
    })
}

/// Which deals to list, those that close first at the front.
#[derive(Clone, Debug, Default)]
pub struct ListDeals {
    /// Drafts and active ones when empty.
    pub status: Vec<DealStatus>,
    /// Part of the title or address.
    pub text: Option<String>,
    pub closing_from: Option<Date>,
    pub closing_to: Option<Date>,
    pub ask: Ask,
}

/// What is listed when no status is named.
const OPEN: [DealStatus; 2] = [DealStatus::Draft, DealStatus::Active];

pub fn list(cx: &mut Cx<'_>, cmd: &ListDeals) -> Result<Page<DealView>, No> {
    cx.require(Verb::ReadDeals)?;
    let limit = cmd.ask.limit().map_err(|p| vec![p])?;
    let after = cmd.ask.after_date().map_err(|p| vec![p])?;
    let text = cmd.text.as_deref().map(|t| text::line("text", t, 200)).transpose();
    let wanted = store::Wanted {
        status: match cmd.status.as_slice() {
            [] => OPEN.to_vec(),
            some => some.to_vec(),
        },
        text: text.map_err(|p| vec![p])?,
        words_first: false,
        closing_from: cmd.closing_from,
        closing_to: cmd.closing_to,
        after,
        limit,
    };
    let page = Page::cut(store::list(cx, &wanted)?, limit, |(id, on)| (*on, id.0));
    let ids: Vec<DealId> = page.items.iter().map(|(id, _)| *id).collect();
    let items = in_order(cx, &ids)?.into_iter().map(deal_view).collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}

fn in_order(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<Vec<Deal>, No> {
    let mut found = store::find_many(cx, ids)?;
    let mut next = |id: &DealId| found.iter().position(|deal| deal.id == *id).map(|at| found.swap_remove(at));
    Ok(ids.iter().filter_map(&mut next).collect())
}

/// A deal as it is offered to somebody who types its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggested {
    pub id: DealId,
    pub title: String,
    pub address: String,
    pub status: DealStatus,
    pub closing_on: Option<Date>,
}

/// At most 25 deals for what was typed so far: those of which a word of the title or address begins with it, then those that
/// hold it elsewhere; of each those that close first at the front, and of all while nothing is typed. Drafts and active ones
/// when no status is named.
pub fn suggest(cx: &mut Cx<'_>, typed: &str, status: &[DealStatus]) -> Result<Vec<Suggested>, No> {
    cx.require(Verb::ReadDeals)?;
    let text = text::typed("text", typed).map_err(|p| vec![p])?;
    let status = if status.is_empty() { &OPEN } else { status };
    let suggested = |deal: Deal| Suggested {
        closing_on: deal.key_dates.get(CLOSING_DATE).copied(),
        id: deal.id,
        title: deal.title,
        address: deal.address,
        status: deal.status,
    };
    Ok(begun(cx, text, status, page::OFFERED.into())?.into_iter().map(suggested).collect())
}

/// Active deals by what was typed of their names. Part of other verbs.
pub(crate) fn named(cx: &mut Cx<'_>, typed: &str, most: usize) -> Result<Vec<Deal>, No> {
    begun(cx, Some(typed.to_owned()), &[DealStatus::Active], most)
}

fn begun(cx: &mut Cx<'_>, text: Option<String>, status: &[DealStatus], most: usize) -> Result<Vec<Deal>, No> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX) - 1;
    let status = status.to_vec();
    let wanted = store::Wanted { status, text, words_first: true, limit, ..store::Wanted::default() };
    let ids: Vec<DealId> = store::list(cx, &wanted)?.into_iter().map(|(id, _)| id).collect();
    in_order(cx, &ids)
}
