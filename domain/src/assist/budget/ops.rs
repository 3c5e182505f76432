//! Taking from a day's budget before a model is asked, and giving back what was not needed.

use jiff::tz::TimeZone;

use super::{Day, Reserved, rules, store};
use crate::kernel::{Cx, No, time};
use crate::workspace::access::{Require, Verb};

/// Far more than any day costs, and far from what a column cannot hold.
const MOST: u64 = 1 << 60;
/// What one answer may claim to have cost.
const MOST_OF_ONE: u64 = 1 << 32;

fn column(tokens: u64) -> i64 {
    i64::try_from(tokens.min(MOST)).unwrap_or(i64::MAX)
}

/// Takes what a question of so many tokens may cost at most; `None` when the day's budget is spent. `daily` is what the
/// installation's settings say.
///
/// Part of the drafting loop, before a model is asked. Bookkeeping: it leaves no fact in the log.
pub fn reserve(cx: &mut Cx<'_>, question: u64, daily: u64) -> Result<Option<Reserved>, No> {
    cx.require(Verb::ProposeDraft)?;
    let day = time::today(cx.now(), &TimeZone::UTC);
    for (below, answer) in rules::offers(daily) {
        let tokens = question.min(MOST_OF_ONE) + u64::from(answer);
        // The first of a day finds no row to compare with.
        if below > 0 && store::add_if_below(cx, day, column(tokens), column(below))? {
            return Ok(Some(Reserved { day, tokens, answer }));
        }
    }
    Ok(None)
}

/// Puts what a question did cost in the place of what was taken for it.
pub fn settle(cx: &mut Cx<'_>, reserved: &Reserved, cost: u64) -> Result<(), No> {
    cx.require(Verb::ProposeDraft)?;
    Ok(store::correct(cx, reserved.day, column(reserved.tokens), column(cost.min(MOST_OF_ONE)))?)
}

/// How the budget of this UTC day stands.
pub fn today(cx: &mut Cx<'_>, daily: u64) -> Result<Day, No> {
    cx.require(Verb::ReadDrafts)?;
    let day = time::today(cx.now(), &TimeZone::UTC);
    let spent = u64::try_from(store::spent(cx, day)?).unwrap_or(0);
    Ok(Day { day, spent, daily, level: rules::level(spent, daily) })
}
