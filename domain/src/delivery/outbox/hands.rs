//! What people do with messages: take back, try again, say what became of them, hold all of them.

use jiff::{SignedDuration, Timestamp};

use super::claim::Moves;
use super::ops::subject;
use super::store::due;
use super::view::{self, Delivery};
use super::waiting::{MAY_COME_AGAIN, of_batch};
use super::{DispatchEvent, Event, Resolution, alert, rules, store};
use crate::delivery::policy::Reason;
use crate::delivery::{Message, Priority, Status, gone};
use crate::kernel::column::At;
use crate::kernel::id::{BatchId, MessageId};
use crate::kernel::{Code, Cx, No, Problem, Refusal, Subject, text};
use crate::workspace::access::{Require, Verb};

fn held(cx: &mut Cx<'_>, id: MessageId) -> Result<Message, No> {
    let found = store::hold(cx, &[id])?.into_iter().next();
    Ok(found.ok_or_else(|| Refusal::not_found("message"))?)
}

fn moved(cx: &mut Cx<'_>, from: &Message, next: Message) -> Result<Delivery, No> {
    let mut moves = Moves::default();
    moves.to(from, next);
    moves.write(cx)?;
    view::get(cx, from.id)
}

fn reason(given: Option<&str>) -> Result<Option<String>, No> {
    let given = given.map(|t| text::prose("reason", t, text::REASON)).transpose().map_err(|p| vec![p])?;
    Ok(given.map(|reason| rules::shown(&reason)).filter(|reason| !reason.is_empty()))
}

/// Takes back a message that has not left. Taking it back again changes nothing.
pub fn cancel(cx: &mut Cx<'_>, id: MessageId, why: Option<&str>) -> Result<Delivery, No> {
    cx.require(Verb::ManageDeliveries)?;
    let why = reason(why)?;
    let message = held(cx, id)?;
    let by = &cx.actor().name;
    let why = why.map_or_else(|| format!("Cancelled by {by}."), |why| format!("Cancelled by {by}: {why}"));
    match rules::cancel(&message, why, cx.now())? {
        Some(next) => moved(cx, &message, next),
        None => view::get(cx, id),
    }
}

/// What came of taking back a batch.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
pub struct BatchCancelled {
    pub batch_id: BatchId,
    pub cancelled: Vec<MessageId>,
    /// Those that have left, are leaving, or had come to their end before.
    pub others: Vec<MessageId>,
}

/// Takes back all messages of a batch that have not left. Taking it back again changes nothing.
pub fn cancel_batch(cx: &mut Cx<'_>, batch_id: BatchId, why: Option<&str>) -> Result<BatchCancelled, No> {
    cx.require(Verb::ManageDeliveries)?;
    let why = reason(why)?;
    let ids: Vec<MessageId> = of_batch(cx, batch_id)?.into_iter().map(|m| m.id).collect();
    if ids.is_empty() {
        return Err(Refusal::not_found("batch").into());
    }
    let by = &cx.actor().name;
    let why = why.map_or_else(
        || format!("Cancelled with its batch by {by}."),
        |why| format!("Cancelled with its batch by {by}: {why}"),
    );
    let cancelled = cancel_unsent(cx, &ids, &why)?;
    let others = ids.into_iter().filter(|id| !cancelled.contains(id)).collect();
    Ok(BatchCancelled { batch_id, cancelled, others })
}

/// Takes back those of these messages that have not left; the others are left as they are. Gives the ids of those that
/// were taken back.
///
/// Part of other verbs, which ask for the right to do so.
pub fn cancel_unsent(cx: &mut Cx<'_>, ids: &[MessageId], why: &str) -> Result<Vec<MessageId>, No> {
    let now = cx.now();
    let mut moves = Moves::default();
    for message in store::hold(cx, ids)? {
        if matches!(message.status, Status::Queued | Status::Deferred) {
            moves.to(&message, rules::unsent(&message, Status::Cancelled, why.to_owned(), now));
        }
    }
    let ended = moves.write(cx)?;
    Ok(ended.into_iter().filter(|m| m.status == Status::Cancelled).map(|m| m.id).collect())
}

/// What these say is no longer so: what is in flight is not tried again when it comes back, and what turns out not to have
/// arrived takes no other way.
///
/// Part of other verbs, which ask for the right to do so. Bookkeeping: what becomes of the messages is noted when they end.
pub fn cut_short(cx: &mut Cx<'_>, ids: &[MessageId]) -> Result<(), No> {
    let now = cx.now();
    let mut held = store::hold(cx, ids)?;
    held.retain(|m| MAY_COME_AGAIN.contains(&m.status) && m.expires_at.is_none_or(|at| at > now));
    let useless = |m: Message| Message { expires_at: Some(now), version: m.version + 1, ..m };
    store::save(cx, &held.into_iter().map(useless).collect::<Vec<_>>())?;
    Ok(())
}

/// Puts those of these calls to a program back into the line that it never got. Gives how many they are.
///
/// Part of telling an endpoint that was enabled what it missed.
pub fn tell_again(cx: &mut Cx<'_>, ids: &[MessageId]) -> Result<usize, No> {
    if ids.is_empty() {
        return Ok(0);
    }
    let now = cx.now();
    let mut moves = Moves::default();
    for message in store::hold(cx, ids)? {
        if let Some(next) = rules::told_again(&message, now) {
            moves.to(&message, next);
        }
    }
    Ok(moves.write(cx)?.len())
}

/// Tries one again that failed, died, expired or was refused for its address. The policy decides about it anew.
pub fn replay(cx: &mut Cx<'_>, id: MessageId) -> Result<Delivery, No> {
    cx.require(Verb::ManageDeliveries)?;
    let message = held(cx, id)?;
    let latest = store::decisions_of(cx, &[id])?.pop();
    let for_address = latest.is_some_and(|(.., code, _)| code.as_deref() == Some(Reason::BadAddress.as_str()));
    let next = rules::replay(&message, for_address, &cx.actor().name, cx.now())?;
    moved(cx, &message, next)
}

/// Notes that a message came back, as its bounce in the mailbox says, and unless `only_this` that its address takes
/// nothing any more. Saying it again changes nothing.
pub fn bounced(cx: &mut Cx<'_>, id: MessageId, why: &str, only_this: bool) -> Result<Delivery, No> {
    cx.require(Verb::ManageDeliveries)?;
    let why = text::line("reason", why, text::REASON).map_err(|p| vec![p])?;
    let message = held(cx, id)?;
    if !gone::is_kept(message.channel) {
        return Err(Refusal::new(
            Code::WrongState,
            format!("Nothing comes back by the channel {}. Nothing was changed.", message.channel),
            "Look at what became of it (milepost delivery show).",
        )
        .into());
    }
    let next = rules::bounced(&message, &why, &cx.actor().name, cx.now())?;
    if !only_this {
        gone::ops::note(cx, &message, &why)?;
    }
    match next {
        Some(next) => moved(cx, &message, next),
        None => view::get(cx, id),
    }
}

/// Says whether a message arrived of which nobody knew.
pub fn resolve(cx: &mut Cx<'_>, id: MessageId, how: Resolution) -> Result<Delivery, No> {
    cx.require(Verb::ManageDeliveries)?;
    let message = held(cx, id)?;
    let next = rules::resolve(&message, how, &cx.actor().name, cx.now())?;
    moved(cx, &message, next)
}

/// Gives a message that waits another instant, now or later. The policy may hold it for longer.
pub fn reschedule(cx: &mut Cx<'_>, id: MessageId, at: Timestamp) -> Result<Delivery, No> {
    cx.require(Verb::ManageDeliveries)?;
    let message = held(cx, id)?;
    let at = crate::kernel::time::to_micros(at.max(cx.now()));
    if at > cx.now() + SignedDuration::from_hours(24 * 366) {
        return Err(vec![Problem::new("at", "is more than a year from now.")].into());
    }
    if message.expires_at.is_some_and(|ends| ends <= at) {
        return Err(
            vec![Problem::new("at", "is after the instant when the message is of no use any more.")].into()
        );
    }
    let next = rules::reschedule(&message, at)?;
    if next.due_at != message.due_at || next.status != message.status {
        store::save(cx, std::slice::from_ref(&next))?;
        cx.record(subject(id), &Event::Rescheduled { before: message.due_at, after: at })?;
    }
    view::get(cx, id)
}

/// How dispatching stands in a workspace.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
pub struct Dispatch {
    /// Since when nothing leaves; left out while all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub held_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub held_why: Option<String>,
}

/// Whether messages leave this workspace.
pub fn dispatch(cx: &mut Cx<'_>) -> Result<Dispatch, No> {
    cx.require(Verb::ReadDeliveries)?;
    let standing = store::standing(cx)?;
    Ok(Dispatch { held_since: standing.held_since, held_why: standing.held_why })
}

/// Lets nothing leave until somebody resumes. What is in flight is still settled, and alerts are still shown in the product.
/// Holding what is held keeps the first reason.
pub fn hold(cx: &mut Cx<'_>, why: &str) -> Result<Dispatch, No> {
    cx.require(Verb::ManageDeliveries)?;
    let why = text::line("reason", why, text::REASON).map_err(|p| vec![p])?;
    if hold_all(cx, &why)? {
        let by = cx.actor().name.clone();
        alert::tell_of_hold(cx, "hand", &format!("{by} holds all messages: {}", rules::sentence(&why)))?;
    }
    dispatch(cx)
}

fn hold_all(cx: &mut Cx<'_>, why: &str) -> Result<bool, No> {
    if store::standing(cx)?.held_since.is_some() {
        return Ok(false);
    }
    let now = cx.now();
    store::set_held(cx, Some((now, why)))?;
    let workspace = cx.workspace();
    cx.record(Subject::new("workspace", workspace.0), &DispatchEvent::Held { why: why.to_owned() })?;
    Ok(true)
}

/// Lets messages leave again.
pub fn resume(cx: &mut Cx<'_>) -> Result<Dispatch, No> {
    cx.require(Verb::ManageDeliveries)?;
    let Some(held_since) = store::standing(cx)?.held_since else {
        return Err(Refusal::new(
            Code::WrongState,
            "Dispatching is not held. Nothing was changed.",
            "See what waits with milepost delivery list --status queued,deferred.",
        )
        .into());
    };
    store::set_held(cx, None)?;
    let workspace = cx.workspace();
    cx.record(Subject::new("workspace", workspace.0), &DispatchEvent::Resumed { held_since })?;
    dispatch(cx)
}

/// Beyond this jump forward a person must say that what is due by the new clock may leave.
const JUMP_TO_HOLD: SignedDuration = SignedDuration::from_mins(15);

/// Whether the clock jumped ahead and nobody has resumed since: what is due by it may not be due at all, so nothing is
/// planned, missed or ended by it until then.
pub fn is_clock_in_doubt(cx: &mut Cx<'_>) -> Result<bool, No> {
    Ok(store::standing(cx)?.clock_in_doubt)
}

/// Notes that the wall clock moved by `by` against the time that passed, and sees to what that means: after a jump
/// forward of more than 15 minutes the clock is in doubt, and nothing leaves until a person resumes; after one back
/// nothing waits by the old clock.
pub fn clock_jumped(cx: &mut Cx<'_>, by: SignedDuration) -> Result<Dispatch, No> {
    cx.require(Verb::ManageDeliveries)?;
    let ahead = by > JUMP_TO_HOLD;
    let why = format!(
        "The server's clock jumped forward by {} minutes, so more may be due than should be. Nothing leaves until \
         somebody looks at the clock and resumes.",
        by.as_mins()
    );
    let held = ahead && hold_all(cx, &why)?;
    if ahead {
        // Also where somebody held by hand before: that reason stays, and the clock is in doubt beside it.
        store::doubt_clock(cx)?;
        alert::tell_of_hold(cx, "clock", &why)?;
    }
    let workspace = cx.workspace();
    let event = DispatchEvent::ClockJumped { seconds: by.as_secs(), held };
    cx.record(Subject::new("workspace", workspace.0), &event)?;
    if by.is_negative() {
        let was = cx.now() - by;
        after_clock_went_back(cx, was)?;
    }
    dispatch(cx)
}

/// Mends what waits by a clock that read `was` when it should have read what it reads now. Safe to repeat. Bookkeeping of
/// when the outbox looks at what; what is due by the calendar keeps its instant.
pub fn after_clock_went_back(cx: &mut Cx<'_>, was: Timestamp) -> Result<usize, No> {
    const MOST: i64 = 1_000;
    let now = cx.now();
    let mut mended = 0;
    for priority in Priority::ALL {
        let mut after = None;
        loop {
            let found = due::hold_ahead(cx, priority as i32, after, MOST)?;
            after = found.last().and_then(|m| Some((At(m.next_at?), m.id)));
            let next: Vec<Message> =
                found.iter().filter_map(|m| rules::after_clock_went_back(m, was, now)).collect();
            store::save(cx, &next)?;
            mended += next.len();
            if found.len() < MOST as usize {
                break;
            }
        }
    }
    Ok(mended)
}
