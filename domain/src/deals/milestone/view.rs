//! A milestone as every face shows it.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::explain::explain;
use super::{Due, Milestone, MilestoneStatus, Origin, Responsible, State};
use crate::deals::calendar::PassedDay;
use crate::deals::deal::Deal;
use crate::kernel::id::{DealId, MemberId, MilestoneId};

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
