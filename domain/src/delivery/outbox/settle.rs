//! What came of attempts: by the one who tried, and later by the provider.

use std::collections::{BTreeMap, HashMap};

use super::alert;
use super::claim::Moves;
use super::rules::{self, Ground, Spoken};
use super::store;
use super::store::attempts::{self, AttemptRow, End};
use super::{About, Ended, Heard, Outcome, Report, Said, Trouble};
use crate::delivery::{Message, Status, To, gone, thread, webhook};
use crate::kernel::id::{ContactId, EndpointId, MessageId};
use crate::kernel::{Cx, No};
use crate::people::contact::standing;
use crate::people::reach::Channel;

/// Settles attempts. Gives the messages that changed, with what they are now.
///
/// A report counts while its attempt is the one under way. Of an older attempt it completes the record and nothing else;
/// when nobody took over and the message is `unknown`, a clear yes or no still says what it is. What the provider has told
/// by itself before ([`provider_says`]) is known better than what its answer left unclear.
pub fn settle(cx: &mut Cx<'_>, reports: &[Report]) -> Result<Vec<(MessageId, Status)>, No> {
    if reports.is_empty() {
        return Ok(Vec::new());
    }
    let now = cx.now();
    let standing = store::standing(cx)?;
    let ids: Vec<MessageId> = reports.iter().map(|report| report.message).collect();
    let mut held: HashMap<MessageId, Message> = store::hold(cx, &ids)?.into_iter().map(|m| (m.id, m)).collect();
    let known: HashMap<(MessageId, i32), AttemptRow> =
        attempts::of(cx, &ids)?.into_iter().map(|a| ((a.message_id, a.number), a)).collect();
    let mut moves = Moves::default();
    let mut ends = Vec::new();
    let mut closed: BTreeMap<(Channel, String), String> = BTreeMap::new();
    let mut silenced: BTreeMap<EndpointId, String> = BTreeMap::new();
    let mut stopped: BTreeMap<ContactId, String> = BTreeMap::new();
    let mut closed_to_threads: Vec<(Message, String, String)> = Vec::new();
    for report in reports {
        let Some(attempt) = known.get(&(report.message, report.attempt)) else { continue };
        let taken = is_taken(attempt);
        if !taken || matches!(report.outcome, Outcome::Accepted { .. }) {
            ends.push(end(report));
        }
        let Some(message) = held.get(&report.message) else { continue };
        let current = !taken
            && report.attempt == message.attempts
            && match message.status {
                Status::Sending => true,
                Status::Unknown => {
                    matches!(report.outcome, Outcome::Accepted { .. } | Outcome::Refused { .. })
                }
                _ => false,
            };
        if !current {
            continue;
        }
        let ground = Ground {
            now,
            // Not by which is earlier: the clock may have gone back between two attempts.
            first: message.first_write_at.is_none_or(|first| first == attempt.started_at.0),
            resend_unclear: standing.settings.resends_unclear(message.channel),
            jitter: u32::from_be_bytes(cx.random()) % rules::JITTER,
        };
        // Who takes nothing of anybody takes nothing in the channel either.
        let instead = rules::into_channel(message, &report.outcome, &ground).filter(|_| report.trouble.is_none());
        if let Some(next) = instead {
            if let Outcome::Refused { why, gone: true } = &report.outcome {
                closed_to_threads.push((message.clone(), next.address.clone(), why.clone()));
            }
            store::readdress(cx, &next)?;
            moves.to(message, next);
            held.remove(&report.message);
            continue;
        }
        let next = rules::after(message, &report.outcome, &ground);
        if let Outcome::Refused { why, gone: true } = &report.outcome
            && !message.address.is_empty()
            // What stands there cannot be drawn anew: that says nothing of what comes next.
            && message.edits.is_none()
        {
            closed.insert((message.channel, message.address.clone()), rules::shown(why));
            gone::ops::note(cx, message, why)?;
            if let To::Endpoint(id) = message.to {
                silenced.insert(id, rules::shown(why));
            }
        }
        if let (Some(Trouble::OptedOut), To::Contact(id)) = (report.trouble, message.to) {
            stopped.insert(id, message.address.clone());
        }
        moves.to(message, next);
        // A second report on the same attempt, in the same batch, finds it settled.
        held.remove(&report.message);
    }
    attempts::end(cx, &ends)?;
    for ((channel, address), why) in closed {
        for waiting in store::hold_waiting_for(cx, channel, &address)? {
            if ids.contains(&waiting.id) {
                continue;
            }
            let why = format!("Not tried: another message to the same address was refused for good: {why}");
            moves.to(&waiting, rules::unsent(&waiting, Status::Failed, why, now));
        }
    }
    for (message, channel, why) in &closed_to_threads {
        if let Some(gone) = gone::ops::note_at(cx, message, &thread::all_of(channel), why)? {
            alert::tell_of_threads(cx, gone, message, why)?;
        }
    }
    // What they told the provider of texts holds for every channel, as if they had told us.
    for (id, number) in stopped {
        standing::ops::stopped_at_provider(cx, id, &number)?;
    }
    for (id, why) in silenced {
        webhook::ops::disable_gone(cx, id, &why)?;
    }
    Ok(moves.write(cx)?.into_iter().map(|m| (m.id, m.status)).collect())
}

fn end(report: &Report) -> End {
    let (outcome, detail, provider_id) = match &report.outcome {
        Outcome::Accepted { provider_id } => (Ended::Accepted, None, provider_id.clone()),
        Outcome::Refused { why, .. } => (Ended::Refused, Some(rules::shown(why)), None),
        Outcome::NotSent { why, .. } => (Ended::NotSent, Some(rules::shown(why)), None),
        Outcome::Unclear { why } => (Ended::Unclear, Some(rules::shown(why)), None),
    };
    End {
        message: report.message,
        number: report.attempt,
        at: report.ended_at,
        outcome,
        detail,
        provider_status: report.provider_status,
        provider_id,
    }
}

/// Notes what a provider tells of a message. Told twice or late, it changes nothing; nothing goes backwards.
///
/// It may come before the answer to the attempt: then the attempt is known to have been taken, and whatever its dispatcher
/// reports afterwards changes the message no more.
pub fn provider_says(cx: &mut Cx<'_>, about: &About, said: &Said) -> Result<Heard, No> {
    let now = cx.now();
    let Some(message) = spoken_of(cx, about)? else { return Ok(Heard::Nobody) };
    let same = |a: &AttemptRow| a.provider_id.as_ref() == Some(&about.provider_id);
    let meant = |a: &AttemptRow| match about.ours {
        // An attempt has one name at the provider.
        Some((_, number)) => a.number == number && (a.provider_id.is_none() || same(a)),
        None => same(a),
    };
    let Some(attempt) = attempts::of(cx, &[message.id])?.into_iter().find(meant) else { return Ok(Heard::Nobody) };
    let of = Spoken {
        last: attempt.number == message.attempts,
        first: message.first_write_at.is_none_or(|first| first >= attempt.started_at.0),
        taken: is_taken(&attempt),
    };
    if !of.taken {
        let end = End {
            message: message.id,
            number: attempt.number,
            at: now,
            outcome: Ended::Accepted,
            detail: Some("The provider reported by itself that it took it.".into()),
            provider_status: attempt.provider_status,
            provider_id: Some(about.provider_id.clone()),
        };
        attempts::end(cx, &[end])?;
    }
    if let (Said::OptedOut { .. }, To::Contact(contact)) = (said, message.to) {
        standing::ops::stopped_at_provider(cx, contact, &message.address)?;
    }
    let Some(next) = rules::heard(&message, said, &of, now) else { return Ok(Heard::Old(message.id)) };
    let name = if of.last { None } else { message.provider_id.clone() };
    let next = Message { provider_id: name.or_else(|| Some(about.provider_id.clone())), ..next };
    let mut moves = Moves::default();
    moves.to(&message, next);
    moves.write(cx)?;
    Ok(Heard::Noted(message.id))
}

/// Whether it is known, by an answer or by the provider's own word, that the provider took it.
fn is_taken(attempt: &AttemptRow) -> bool {
    attempt.outcome == Some(Ended::Accepted)
}

/// The message that a provider speaks of, held.
fn spoken_of(cx: &mut Cx<'_>, about: &About) -> Result<Option<Message>, No> {
    // Nothing has such an id, and PostgreSQL takes no such text.
    let id = about.provider_id.as_str();
    if id.is_empty() || id.len() > 200 || id.contains('\0') {
        return Ok(None);
    }
    let Some((ours, _)) = about.ours else { return Ok(store::hold_by_provider(cx, about.channel, id)?) };
    let found = store::hold(cx, &[ours])?.into_iter().next();
    Ok(found.filter(|message| message.channel == about.channel))
}
