//! A milestone as every face shows it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::explain::explain;
use super::{Due, Milestone, MilestoneStatus, Origin, Responsible, State, store};
use crate::deals::calendar::PassedDay;
use crate::deals::deal::{self, Deal};
use crate::kernel::id::{DealId, MemberId, MilestoneId};
use crate::kernel::{Cx, No, Refusal, page, text};
use crate::workspace::access::{Require, Verb};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct MilestoneView {
    pub id: MilestoneId,
    pub deal_id: DealId,
    pub deal_title: String,
    #[serde(rename = "type")]
    pub type_: String,
    pub title: String,
    /// YYYY-MM-DD in the deal's zone; null when it needs a date.
    #[schemars(with = "Option<String>")]
    pub due_on: Option<Date>,
    pub status: MilestoneStatus,
    pub required: bool,
    pub responsible_role: Responsible,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MemberId")]
    pub responsible_member: Option<MemberId>,
    /// Null when reminders are off.
    pub remind_days_before: Option<i32>,
    pub source: Source,
    pub pinned: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// When it was completed or waived. RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub ended_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub waive_reason: Option<String>,
    pub version: i64,
}

/// Where the date comes from, in short; `milestone_explain` has all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Source {
    /// `rule`, `needs_date` or `by_hand`.
    pub kind: String,
    /// The key date that was counted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reference: Option<String>,
    /// Days after the reference; negative before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32")]
    pub offset: Option<i32>,
    /// `calendar` or `business` days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub days: Option<String>,
    /// Whether the rule's own reference was absent.
    pub fallback: bool,
    /// Weekend days and holidays that the date was moved off.
    pub rolled: Vec<PassedDay>,
    /// Weekend days and holidays that were not counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<PassedDay>,
    /// Key dates that are absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// Who set the date by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub set_by: Option<String>,
}

pub fn view(m: &Milestone, deal_title: &str, now: Timestamp) -> MilestoneView {
    let (ended_at, ended_by, waive_reason) = match &m.state {
        State::Open(_) => (None, None, None),
        State::Completed { at, by } => (Some(*at), Some(by.clone()), None),
        State::Waived { at, by, reason } => (Some(*at), Some(by.clone()), reason.clone()),
    };
    MilestoneView {
        id: m.id,
        deal_id: m.deal_id,
        deal_title: deal_title.to_owned(),
        type_: m.type_.clone(),
        title: m.title.clone(),
        due_on: m.due_on,
        status: m.status(now),
        required: m.required,
        responsible_role: m.responsible,
        responsible_member: m.responsible_member,
        remind_days_before: m.remind_days_before,
        source: source(&m.origin),
        pinned: m.pinned,
        notes: m.notes.clone(),
        evidence: m.evidence.clone(),
        ended_at,
        ended_by,
        waive_reason,
        version: m.version,
    }
}

fn source(origin: &Origin) -> Source {
    let by_rule = |due: &Due| match due {
        Due::On(d) => Source {
            kind: "rule".into(),
            reference: Some(d.reference.name.clone()),
            offset: Some(d.offset),
            days: Some(d.days.to_string()),
            fallback: d.fallback,
            rolled: d.rolled.clone(),
            skipped: d.skipped.clone(),
            absent: d.absent.iter().cloned().collect(),
            set_by: None,
        },
        Due::NeedsDate(undated) => {
            Source { kind: "needs_date".into(), absent: undated.absent.clone(), ..Source::default() }
        }
    };
    match origin {
        Origin::Rule(derivation) => by_rule(&Due::On(derivation.clone())),
        Origin::NeedsDate(undated) => by_rule(&Due::NeedsDate(undated.clone())),
        Origin::ByHand(by_hand) => Source {
            kind: "by_hand".into(),
            set_by: Some(by_hand.by.clone()),
            ..by_hand.instead_of.as_deref().map(by_rule).unwrap_or_default()
        },
    }
}

/// Why the date is what it is: in words, and whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Explanation {
    pub milestone: MilestoneView,
    /// The whole reason as sentences.
    pub explanation: String,
    /// The stored derivation: template, version, reference, counting, every skipped or rolled day, overrides.
    pub origin: Origin,
}

pub fn explanation(m: &Milestone, deal: &Deal, now: Timestamp) -> Explanation {
    Explanation {
        milestone: view(m, &deal.title, now),
        explanation: explain(&m.title, m.due_on, &m.origin, &deal.zone()),
        origin: m.origin.clone(),
    }
}

/// The titles of the deals of these.
pub(super) fn titles(cx: &mut Cx<'_>, milestones: &[Milestone]) -> Result<BTreeMap<DealId, String>, No> {
    let ids: BTreeSet<DealId> = milestones.iter().map(|m| m.deal_id).collect();
    Ok(deal::store::titles(cx, &ids.into_iter().collect::<Vec<_>>())?)
}

/// A milestone as it is offered to somebody who types its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggested {
    pub id: MilestoneId,
    pub title: String,
    pub deal_title: String,
    pub due_on: Option<Date>,
    pub status: MilestoneStatus,
}

/// How many of the next open milestones one look reads for what somebody types without naming a deal, and how often it looks.
const LOOKED_AT: i64 = 100;
const MOST_LOOKS: usize = 10;
/// The deals whose milestones are looked at because what was typed is theirs.
const LOOKED_INTO: usize = 5;

/// At most 25 milestones whose title, or whose deal's, holds what was typed so far: overdue ones, then other open ones, each by
/// their dates, then, unless only open ones are wanted, those that have ended, of the latest date first.
///
/// Without a deal they are those of active deals: the next thousand that are open, and all of the deals whose name was
/// typed.
pub fn suggest(
    cx: &mut Cx<'_>,
    deal_id: Option<DealId>,
    typed: &str,
    only_open: bool,
) -> Result<Vec<Suggested>, No> {
    cx.require(Verb::ReadDeals)?;
    let typed = text::typed("text", typed).map_err(|p| vec![p])?;
    let mut found = match (deal_id, typed) {
        (Some(id), typed) => {
            let deal = deal::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
            of_deal(cx, &deal, typed.as_deref().unwrap_or_default())?
        }
        (None, None) => next(cx)?,
        (None, Some(typed)) => by_name(cx, &typed)?,
    };
    let now = cx.now();
    found.retain(|m| !only_open || m.state.is_open());
    found.sort_by_key(|m| {
        let rank = match m.status(now) {
            MilestoneStatus::Overdue => 0,
            _ if m.state.is_open() => 1,
            _ => 2,
        };
        let (on, id) = store::key(m);
        let days = on.duration_since(Date::ZERO).as_hours();
        (rank, if rank == 2 { -days } else { days }, id)
    });
    found.dedup_by_key(|m| m.id);
    found.truncate(page::OFFERED.into());
    let titles = titles(cx, &found)?;
    let suggested = |m: Milestone| Suggested {
        deal_title: titles.get(&m.deal_id).cloned().unwrap_or_default(),
        status: m.status(now),
        id: m.id,
        title: m.title,
        due_on: m.due_on,
    };
    Ok(found.into_iter().map(suggested).collect())
}

fn of_deal(cx: &mut Cx<'_>, deal: &Deal, typed: &str) -> Result<Vec<Milestone>, No> {
    let all = store::of_deal(cx, deal.id)?;
    let whole = text::rank(&deal.title, typed).or(text::rank(&deal.address, typed)).is_some();
    Ok(all.into_iter().filter(|m| whole || text::rank(&m.title, typed).is_some()).collect())
}

/// What is overdue, and what is due next.
fn next(cx: &mut Cx<'_>) -> Result<Vec<Milestone>, No> {
    use MilestoneStatus::{InProgress, Overdue, Scheduled, Upcoming};
    let limit = i64::from(page::OFFERED);
    let overdue = store::Wanted { status: vec![Overdue], limit, ..store::Wanted::default() };
    let mut found = store::list(cx, &overdue)?;
    if found.len() < page::OFFERED.into() {
        // The walk to what is not overdue leads past all that is.
        let status = vec![Upcoming, Scheduled, InProgress];
        found.extend(store::list(cx, &store::Wanted { status, ..overdue })?);
    }
    Ok(found)
}

fn by_name(cx: &mut Cx<'_>, typed: &str) -> Result<Vec<Milestone>, No> {
    use MilestoneStatus::{InProgress, Overdue, Scheduled, Upcoming};
    let status = vec![Overdue, Upcoming, Scheduled, InProgress];
    let mut wanted = store::Wanted { status, limit: LOOKED_AT - 1, ..store::Wanted::default() };
    let mut found = Vec::new();
    // By date: of deals in different zones something that is overdue may stand behind something that is not, by a day.
    let enough = 2 * usize::from(page::OFFERED);
    for _ in 0..MOST_LOOKS {
        let rows = store::list(cx, &wanted)?;
        let titles = titles(cx, &rows)?;
        let more = i64::try_from(rows.len()) == Ok(LOOKED_AT);
        wanted.after = rows.last().map(store::key);
        let of_deal =
            |m: &Milestone| titles.get(&m.deal_id).is_some_and(|title| text::rank(title, typed).is_some());
        found.extend(rows.into_iter().filter(|m| text::rank(&m.title, typed).is_some() || of_deal(m)));
        if found.len() >= enough || !more {
            break;
        }
    }
    if found.len() < enough {
        for deal in deal::view::named(cx, typed, LOOKED_INTO)? {
            found.extend(of_deal(cx, &deal, typed)?);
        }
    }
    Ok(found)
}
