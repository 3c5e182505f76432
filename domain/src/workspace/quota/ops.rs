//! Counting what a program changed.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Kind, Most, Used, store};
use crate::kernel::{Cx, No, Refusal, time};
use crate::workspace::access::{Require, Verb};

/// What says that people were asked for a decision.
const ASKED: &str = "approval.requested";
/// Days for which it is kept what a token did.
const KEPT: i64 = 7;

/// Counts the change that was made in this work, or refuses it, so that it is rolled back. What people do, and what
/// changes nothing, is not counted. Bookkeeping: it leaves no fact in the log.
pub fn take(cx: &mut Cx<'_>, most: Most) -> Result<(), No> {
    if !cx.principal().is_program() || cx.noted().next().is_none() {
        return Ok(());
    }
    let (kind, most) = match cx.noted().any(|event| event == ASKED) {
        true => (Kind::Proposal, most.proposals),
        false => (Kind::Change, most.changes),
    };
    if most == 0 {
        return Ok(());
    }
    let (holder, today) = (cx.principal().holder(), time::today(cx.now(), &TimeZone::UTC));
    match store::add_if_below(cx, &holder, today, kind, i64::from(most))? {
        None => Err(used_up(kind, most, cx.now()).into()),
        Some(1) => {
            Ok(store::drop_before(cx, &holder, today.saturating_sub(SignedDuration::from_hours(24 * KEPT)))?)
        }
        Some(_) => Ok(()),
    }
}

fn used_up(kind: Kind, most: u32, now: Timestamp) -> Refusal {
    let (what, setting) = match kind {
        Kind::Change => ("changes", "limits.changes_per_day"),
        Kind::Proposal => ("proposals", "limits.proposals_per_day"),
    };
    let day = 24 * 60 * 60;
    let again = now.as_second().div_euclid(day) * day + day;
    let seconds = u64::try_from(again - now.as_second()).unwrap_or(0);
    let at = Timestamp::from_second(again).unwrap_or(Timestamp::MAX);
    Refusal::too_many(
        format!("The {most} {what} that this token may make in a UTC day are used up. Nothing was changed."),
        format!("Go on from {at} on, or ask the person who runs Milepost for more ({setting})."),
        seconds,
    )
}

/// What each holder of a token did on this UTC day, by how it is counted ([`crate::kernel::Principal::holder`]).
pub fn today(cx: &mut Cx<'_>) -> Result<BTreeMap<String, Used>, No> {
    cx.require(Verb::ReadTokens)?;
    let today = time::today(cx.now(), &TimeZone::UTC);
    Ok(store::of_day(cx, today)?)
}
