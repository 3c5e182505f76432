//! Not today: a milestone is said again on another day. What is overdue is escalated all the same.

use jiff::Span;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::{self, Snooze};
use super::{Event, ops};
use crate::deals::milestone::view::{MilestoneView, view};
use crate::deals::{deal, milestone};
use crate::kernel::id::MilestoneId;
use crate::kernel::way::Way;
use crate::kernel::{Code, Cx, No, Problem, Refusal, Subject, time};
use crate::workspace::access::{Require, Verb};

/// For how many days at most.
pub const MOST_DAYS: i32 = 14;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct SnoozeMilestone {
    pub id: MilestoneId,
    /// The version you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    /// 1 to 14 days from today; 1 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32")]
    pub days: Option<i32>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Snoozed {
    pub milestone: MilestoneView,
    /// The day on which it is said again, at 09:00.
    #[schemars(with = "String", extend("format" = "date"))]
    pub until: Date,
    /// What goes on all the same, as a sentence; empty when nothing does.
    pub beside: String,
    /// Set when nothing was changed, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub already: Option<String>,
}

/// Lets the team be reminded of an open milestone again at 09:00 of another day. One that is completed by then, or moves, is
/// not said again; one that is overdue and required is escalated as if nobody had put it off.
pub fn snooze(cx: &mut Cx<'_>, cmd: &SnoozeMilestone) -> Result<Snoozed, No> {
    let Planned { done, deal, due_on } = plan(cx, cmd)?;
    if done.already.is_some() {
        return Ok(done);
    }
    let (id, until, by) = (done.milestone.id, done.until, cx.actor().name.clone());
    store::put_off(cx, id, deal.id, &Snooze { until, due_on, by })?;
    deal::store::update(cx, &deal)?;
    ops::changed(cx, deal.id)?;
    let now = cx.now();
    store::look_next(cx, &[(id, Some(now))])?;
    cx.record(Subject::new("milestone", id.0), &Event::Snoozed { deal_id: deal.id, until, due_on })?;
    Ok(done)
}

/// What [`snooze`] would do, or why it would not. Nothing is changed; in a transaction that may write, as it holds the deal.
pub fn preview(cx: &mut Cx<'_>, cmd: &SnoozeMilestone) -> Result<Snoozed, No> {
    Ok(plan(cx, cmd)?.done)
}

struct Planned {
    done: Snoozed,
    deal: deal::Deal,
    due_on: Date,
}

fn plan(cx: &mut Cx<'_>, cmd: &SnoozeMilestone) -> Result<Planned, No> {
    cx.require(Verb::EditMilestone)?;
    let days = cmd.days.unwrap_or(1);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(vec![Problem::new("days", format!("is not between 1 and {MOST_DAYS}."))].into());
    }
    let missing = || Refusal::not_found("milestone");
    let found = milestone::store::find(cx, cmd.id)?.ok_or_else(missing)?;
    let deal = deal::store::hold(cx, found.deal_id)?.ok_or_else(missing)?;
    let m = milestone::store::find(cx, cmd.id)?.ok_or_else(missing)?;
    if let Some(yours) = cmd.version.filter(|yours| *yours != m.version) {
        return Err(Refusal::stale("milestone", yours, m.version).into());
    }
    let wrong = |sentence: String, next: &str| Refusal::new(Code::WrongState, sentence, next);
    if deal.status != deal::DealStatus::Active || !m.state.is_open() {
        let what = if m.state.is_open() {
            format!("The deal is {}", deal.status)
        } else {
            format!("It is {}", m.state.word())
        };
        let sentence = format!("{what}, so nobody is reminded of it. Nothing was changed.");
        return Err(wrong(sentence, "There is nothing left to put off.").into());
    }
    let Some(due_on) = m.due_on else {
        let sentence = "The milestone has no date, so nobody is reminded of it. Nothing was changed.";
        return Err(Way::SetDueDate.on_from(wrong(sentence.into(), "Give it a date.")).into());
    };
    let today = time::today(cx.now(), &deal.zone());
    let until = today.checked_add(Span::new().days(days)).unwrap_or(today);
    let over = m.lapses_at.is_some_and(|at| at <= cx.now());
    let beside = if over && m.required {
        "It is overdue, and the escalation goes on.".to_owned()
    } else if over {
        "It stays overdue.".to_owned()
    } else {
        String::new()
    };
    let known = store::snoozes_of(cx, &[deal.id])?.remove(&m.id);
    let so = known.is_some_and(|known| known.until == until && known.due_on == due_on);
    let already = so.then(|| format!("It is put off until {until}."));
    let milestone = view(&m, &deal.title, cx.now());
    Ok(Planned { done: Snoozed { milestone, until, beside, already }, deal, due_on })
}
