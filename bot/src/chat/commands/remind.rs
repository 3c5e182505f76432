//! `/remind`

use domain::deals::reminder::snooze::{SnoozeMilestone, Snoozed, snooze};
use domain::deals::{deal, milestone};
use domain::kernel::{Refusal, spoken, time};

use super::{Command, offered as pick, text};
use crate::chat::asked::Call;
use crate::chat::caller::Caller;
use crate::chat::reply::{Reply, Say};
use crate::chat::says;

pub fn spec() -> Command {
    Command {
        name: "remind",
        about: "Remind the team of a milestone again, at 09:00 on another day",
        verbs: vec![],
        options: vec![
            pick("milestone", "Which milestone: type a part of its name").needed(),
            text("when", "Which day, within two weeks: tomorrow, next friday, in 3 days", 100).needed(),
        ],
    }
}

pub async fn run(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let id = call.milestone()?;
    let when = call.owned("when").unwrap_or_default();
    let now = caller.host.clock().now();
    let snoozed = caller
        .act(move |cx| {
            // The day is one of the deal's, wherever whoever says it is.
            let found = milestone::ops::get(cx, id)?;
            let zone = deal::view::get(cx, found.deal_id)?.deal.time_zone;
            let today = time::today(now, &time::zone(&zone));
            let read = spoken::date("when", &when, today).map_err(|problem| vec![problem])?;
            let days = today.until((jiff::Unit::Day, read.date)).map_or(0, |span| span.get_days());
            snooze(cx, &SnoozeMilestone { id, version: None, days: Some(days) })
        })
        .await?;
    Ok(said(&snoozed))
}

/// What is put off is told to the channel; that it was so already, to whoever asked.
pub fn said(done: &Snoozed) -> Reply {
    let words = says::snoozed(done);
    if done.already.is_some() { Say::privately(words).into() } else { Say::publicly(words).into() }
}
