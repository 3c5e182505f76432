//! The one way to a [`Cleared`].

use super::store::{self, Asked, DecisionRow, Known, Whom};
use super::{Cleared, Decision, Ruling, Verdict, rules};
use crate::delivery::Message;
use crate::kernel::id::MessageId;
use crate::kernel::{Cx, No};

/// Decides about messages that are due, in their order, and stores each decision with what it rests on.
///
/// A message that is allowed counts at once, also for those after it. The contacts it is about stay held until the end of
/// the transaction, in which the caller sets `counted_at` of what it lets go: so caps hold however many decide at once.
/// Who holds rows of messages as well holds those first.
pub(in crate::delivery) fn clear(cx: &mut Cx<'_>, due: Vec<Message>) -> Result<Vec<Ruling>, No> {
    let batch: Vec<MessageId> = due.iter().map(|message| message.id).collect();
    let asked: Vec<Asked<'_>> = due.iter().map(asked).collect();
    let mut known = Known::load(cx, &asked, &batch, true)?;
    let mut rows = Vec::with_capacity(due.len());
    let mut decided: Vec<Decision> = Vec::with_capacity(due.len());
    for (message, asked) in due.iter().zip(&asked) {
        let facts = known.facts(asked)?;
        let decision = rules::decide(&facts, &known.limits, cx.now());
        if decision.verdict == Verdict::Allow {
            known.count(asked, cx.now());
        }
        rows.push(DecisionRow::of(cx, (message.id, &message.content_hash), facts, &known.limits, &decision)?);
        decided.push(decision);
    }
    store::insert(cx, &rows)?;
    let ids: Vec<_> = rows.into_iter().map(|row| row.id).collect();
    Ok(due
        .into_iter()
        .zip(decided)
        .zip(ids)
        .map(|((message, decision), id)| rule(message, decision, id))
        .collect())
}

fn asked(message: &Message) -> Asked<'_> {
    Asked {
        purpose: message.purpose,
        topic: message.topic,
        channel: message.channel,
        to: Whom::To(message.to),
        address: &message.address,
        content: Some((&message.content, &message.content_hash)),
        approval: message.approval_id,
    }
}

fn rule(message: Message, decision: Decision, id: crate::kernel::id::DecisionId) -> Ruling {
    let codes: Vec<&str> = decision.codes.iter().map(|code| code.as_str()).collect();
    let why = format!("{}: {} {}", codes.join(", "), decision.why, decision.next);
    match (decision.verdict, decision.until) {
        (Verdict::Allow, _) => Ruling::Go(Cleared { attempt: message.attempts + 1, message, decision: id }),
        (Verdict::Defer, Some(until)) => Ruling::Wait { message, until, why },
        _ => Ruling::No { message, why },
    }
}
