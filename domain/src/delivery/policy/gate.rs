//! The one way to a [`Cleared`].

use diesel::prelude::*;

use super::{Cleared, Ruling, Verdict, rules};
use crate::both;
use crate::delivery::Message;
use crate::kernel::column::At;
use crate::kernel::id::DecisionId;
use crate::kernel::schema::decisions;
use crate::kernel::{Cx, Fault, No};

/// Decides about messages that are due, in their order, and stores each decision with what it rests on.
///
/// A message that is allowed counts at once, also for those after it.
pub(in crate::delivery) fn clear(cx: &mut Cx<'_>, due: Vec<Message>) -> Result<Vec<Ruling>, No> {
    let (workspace, now) = (cx.workspace(), cx.now());
    let mut rulings = Vec::with_capacity(due.len());
    for message in due {
        let decision = rules::decide();
        let id = DecisionId(cx.mint());
        let trace = serde_json::to_string(&decision.trace).map_err(|error| Fault::Corrupt(error.to_string()))?;
        let row = (
            decisions::workspace_id.eq(workspace),
            decisions::id.eq(id),
            decisions::message_id.eq(message.id),
            decisions::at.eq(At(now)),
            decisions::verdict.eq(decision.verdict),
            decisions::until.eq(decision.until.map(At)),
            decisions::engine.eq(1),
            decisions::content_hash.eq(message.content_hash.clone()),
            decisions::facts.eq("{}"),
            decisions::trace.eq(trace),
        );
        both!(cx.conn(), |c| diesel::insert_into(decisions::table).values(row).execute(c))?;
        rulings.push(match (decision.verdict, decision.until) {
            (Verdict::Allow, _) => Ruling::Go(Cleared { attempt: message.attempts + 1, message, decision: id }),
            (Verdict::Defer, Some(until)) => Ruling::Wait { message, until, why: String::new() },
            _ => Ruling::No { message, why: String::new() },
        });
    }
    Ok(rulings)
}
