//! `/remind`

use domain::deals::reminder::snooze::{MOST_DAYS, SnoozeMilestone, Snoozed, preview, snooze};
use domain::deals::{deal, milestone};
use domain::delivery::card::Look;
use domain::kernel::id::MilestoneId;
use domain::kernel::{Cx, No, Problem, Refusal, spoken, time};
use domain::people::chat::pending;
use jiff::civil::Date;
use jiff::{Span, Unit};
use serde::{Deserialize, Serialize};

use super::deal::confirm;
use super::{Command, offered as pick, text};
use crate::chat::asked::Call;
use crate::chat::caller::Caller;
use crate::chat::presses::Pending;
use crate::chat::reply::{Reply, Say};
use crate::chat::says;

/// A milestone, and the day on which it is to be said again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Again {
    milestone: MilestoneId,
    on: Date,
}

pub fn spec() -> Command {
    Command {
        name: "remind",
        about: "Remind the team of a milestone again, at 09:00 on another day; shown before it is changed",
        verbs: vec![],
        options: vec![
            pick("milestone", "Which milestone: type a part of its name").needed(),
            text("when", "Which day, within two weeks: tomorrow, next friday, in 3 days", 100).needed(),
        ],
    }
}

pub async fn run(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let milestone = call.milestone()?;
    let when = call.owned("when").unwrap_or_default();
    caller
        .act(move |cx| {
            let today = today(cx, milestone)?;
            let read = spoken::date("when", &when, today).map_err(|problem| vec![problem])?;
            let again = Again { milestone, on: read.date };
            let would = preview(cx, &again.as_of(today)?)?;
            if would.already.is_some() {
                return Ok(Say::privately(says::snoozed(&would)).into());
            }
            let kept = pending::keep(cx, &Pending::Remind(again))?;
            let question = says::remind(&would, &says::echo(&read, today));
            Ok(Say::privately(question).with(confirm(kept, Look::Good)).into())
        })
        .await
}

/// The deal's day, wherever whoever speaks of it is.
fn today(cx: &mut Cx<'_>, id: MilestoneId) -> Result<Date, No> {
    let found = milestone::ops::get(cx, id)?;
    let zone = deal::view::get(cx, found.deal_id)?.deal.time_zone;
    Ok(time::today(cx.now(), &time::zone(&zone)))
}

impl Again {
    fn as_of(&self, today: Date) -> Result<SnoozeMilestone, No> {
        let days = today.until((Unit::Day, self.on)).map_or(0, |span| span.get_days());
        if !(1..=MOST_DAYS).contains(&days) {
            let last = today.checked_add(Span::new().days(MOST_DAYS)).unwrap_or(today);
            let (on, last) = (says::day(self.on), says::day(last));
            let why = format!("{on} is not within the next two weeks. Say a day from tomorrow to {last}.");
            return Err(vec![Problem::new("when", why)].into());
        }
        Ok(SnoozeMilestone { id: self.milestone, version: None, days: Some(days) })
    }

    /// Does it, on whatever day it was confirmed.
    pub fn put_off(&self, cx: &mut Cx<'_>) -> Result<Snoozed, No> {
        let today = today(cx, self.milestone)?;
        snooze(cx, &self.as_of(today)?)
    }
}
