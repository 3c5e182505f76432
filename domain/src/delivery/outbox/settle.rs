//! What came of attempts: by the one who tried, and later by the provider.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::claim::Moves;
use super::rules::{self, Ground};
use super::store;
use super::store::attempts::{self, End};
use super::{Ended, Heard, Outcome, Report, Said};
use crate::delivery::{Message, Status, To, webhook};
use crate::kernel::id::{EndpointId, MessageId};
use crate::kernel::{Cx, No};
use crate::people::reach::Channel;

/// Settles attempts. Gives the messages that changed, with what they are now.
///
/// A report counts while its attempt is the one under way. Of an older attempt it completes the record and nothing else;
/// when nobody took over and the message is `unknown`, a clear yes or no still says what it is.
pub fn settle(cx: &mut Cx<'_>, reports: &[Report]) -> Result<Vec<(MessageId, Status)>, No> {
    if reports.is_empty() {
        return Ok(Vec::new());
    }
    let now = cx.now();
    let standing = store::standing(cx)?;
    let ids: Vec<MessageId> = reports.iter().map(|report| report.message).collect();
    let mut held: HashMap<MessageId, Message> = store::hold(cx, &ids)?.into_iter().map(|m| (m.id, m)).collect();
    let started: HashMap<(MessageId, i32), Timestamp> =
        attempts::of(cx, &ids)?.into_iter().map(|a| ((a.message_id, a.number), a.started_at.0)).collect();
    let mut moves = Moves::default();
    let mut ends = Vec::new();
    let mut gone: BTreeMap<(Channel, String), String> = BTreeMap::new();
    let mut silenced: BTreeMap<EndpointId, String> = BTreeMap::new();
    for report in reports {
        let Some(start) = started.get(&(report.message, report.attempt)) else { continue };
        ends.push(end(report));
        let Some(message) = held.get(&report.message) else { continue };
        let current = report.attempt == message.attempts
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
            first: message.first_write_at.is_none_or(|first| first == *start),
            resend_unclear: standing.settings.resends_unclear(message.channel),
            jitter: u32::from_be_bytes(cx.random()) % rules::JITTER,
        };
        let next = rules::after(message, &report.outcome, &ground);
        if let Outcome::Refused { why, gone: true } = &report.outcome
            && !message.address.is_empty()
        {
            gone.insert((message.channel, message.address.clone()), rules::shown(why));
            if let To::Endpoint(id) = message.to {
                silenced.insert(id, rules::shown(why));
            }
        }
        moves.to(message, next);
        // A second report on the same attempt, in the same batch, finds it settled.
        held.remove(&report.message);
    }
    attempts::end(cx, &ends)?;
    for ((channel, address), why) in gone {
        for waiting in store::hold_waiting_for(cx, channel, &address)? {
            if ids.contains(&waiting.id) {
                continue;
            }
            let why = format!("Not tried: another message to the same address was refused for good: {why}");
            moves.to(&waiting, rules::unsent(&waiting, Status::Failed, why, now));
        }
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

/// Notes what a provider tells of a message that it took. Told twice or late, it changes nothing; nothing goes backwards.
pub fn provider_says(cx: &mut Cx<'_>, channel: Channel, provider_id: &str, said: &Said) -> Result<Heard, No> {
    // Nothing has such an id, and PostgreSQL takes no such text.
    if provider_id.is_empty() || provider_id.len() > 200 || provider_id.contains('\0') {
        return Ok(Heard::Nobody);
    }
    let now = cx.now();
    let Some(message) = store::hold_by_provider(cx, channel, provider_id)? else { return Ok(Heard::Nobody) };
    let Some(next) = rules::heard(&message, said, now) else { return Ok(Heard::Old(message.id)) };
    let id = message.id;
    let mut moves = Moves::default();
    moves.to(&message, next);
    moves.write(cx)?;
    Ok(Heard::Noted(id))
}
