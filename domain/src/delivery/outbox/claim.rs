//! Taking on what is due: one dispatcher, one lease, one decision, one attempt.

use std::collections::{BTreeMap, HashMap};

use super::alert::{self, Stop};
use super::ops::subject;
use super::rules::{self, Claim};
use super::store::attempts::{self, AttemptRow, End};
use super::store::{self, due};
use super::{Claimed, Ended, Event, Found, LookUp, OVERTAKEN, Wanted, fallback};
use crate::delivery::cards;
use crate::delivery::feed;
use crate::delivery::notify::ops::Team;
use crate::delivery::policy::{Cleared, Ruling, gate};
use crate::delivery::{Message, Priority, Status};
use crate::kernel::column::At;
use crate::kernel::id::{DecisionId, MessageId};
use crate::kernel::{Cx, Fault, No};
use crate::people::reach::Channel;

/// Whether a claim would find something. A look, for those who do not want to write in order to learn that.
pub fn is_anything_due(cx: &mut Cx<'_>) -> Result<bool, No> {
    is_anything_wanted_due(cx, &Wanted::default())
}

/// The same beside what nothing is wanted of. It goes through all that is due and not wanted, so it is for those who know
/// that there is something.
pub fn is_anything_wanted_due(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<bool, No> {
    let held = store::standing(cx)?.held_since.is_some();
    let without = (wanted.no_channels.as_slice(), wanted.no_destinations.as_slice());
    Ok(if held { due::is_alert_due(cx)? } else { due::is_anything_due(cx, without)? })
}

/// Takes on due messages, by priority and then by how long they have been due.
///
/// What another dispatcher claimed and let go stale is taken over, each by what its channel can bear. Of a channel of
/// Discord at most one message is in flight, whoever asks. Messages that are shown in the product are shown and settled
/// here. Nothing leaves that the policy did not allow in this transaction, and while a person or a clock in doubt holds
/// everything, alerts are shown in the product and that is all.
pub fn claim(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<Claimed, No> {
    let standing = store::standing(cx)?;
    let now = cx.now();
    let held = standing.held_since.map(|_| standing.held_why.unwrap_or_default());
    let due = match held {
        Some(_) => due::hold_alerts(cx, wanted.limit)?,
        None => take(cx, wanted)?,
    };
    cut_off(cx, &due)?;
    let mut moves = Moves::default();
    let mut claimed = Claimed { held, ..Claimed::default() };
    let mut ready = Vec::new();
    let last_edits = last_edits(cx, &due)?;
    for message in due {
        if message.edits.is_some_and(|of| last_edits.get(&of).is_some_and(|last| *last != message.id)) {
            moves.to(&message, rules::unsent(&message, Status::Cancelled, OVERTAKEN.into(), now));
            claimed.done += 1;
            continue;
        }
        match rules::on_claim(&message, now, standing.settings.resends_unclear(message.channel)) {
            Claim::Send => ready.push(message),
            Claim::LookUp => {
                let next = rules::looked_up(&message, now);
                claimed.look_ups.push(LookUp { message: next.clone() });
                moves.to(&message, next);
            }
            Claim::NotBefore(at) => {
                let why = "Whether it arrived is not known yet; the provider is asked once nothing is under way.";
                moves.to(&message, rules::waiting(&message, Status::Queued, at, Some(why.into())));
                claimed.done += 1;
            }
            Claim::End(status, why) => {
                let next = rules::settled(&message, status, Some(why), now);
                moves.to(&message, next);
                claimed.done += 1;
            }
        }
    }
    let mut attempts = Vec::new();
    let mut shown = Vec::new();
    for ruling in gate::clear(cx, ready)? {
        match ruling {
            Ruling::Go(cleared) => {
                let message = cleared.message();
                let mut next = rules::sending(message, now);
                let mut attempt = attempt(cx, &cleared, &next);
                if message.channel == Channel::InApp {
                    let version = next.version;
                    next = rules::settled(&next, Status::Sent, None, now);
                    next.version = version;
                    attempt.ended_at = Some(At(now));
                    attempt.outcome = Some(Ended::Accepted);
                    shown.push(next.clone());
                    claimed.done += 1;
                    moves.to(message, next);
                } else {
                    moves.to(message, next);
                    claimed.cleared.push(cleared);
                }
                attempts.push(attempt);
            }
            Ruling::Wait { message, until, why } => {
                // A decision that defers to the past would spin.
                let until = until.max(now + jiff::SignedDuration::from_secs(1));
                moves.to(&message, rules::waiting(&message, Status::Deferred, until, Some(why)));
                claimed.done += 1;
            }
            Ruling::No { message, why } => {
                moves.to(&message, rules::unsent(&message, Status::Suppressed, why, now));
                claimed.done += 1;
            }
        }
    }
    attempts::insert(cx, &attempts)?;
    feed::ops::show(cx, &shown)?;
    moves.write(cx)?;
    Ok(claimed)
}

/// Of the messages that these draw anew: the last edit of each.
fn last_edits(cx: &mut Cx<'_>, due: &[Message]) -> Result<HashMap<MessageId, MessageId>, Fault> {
    let of: Vec<MessageId> = due.iter().filter_map(|m| m.edits).collect();
    if of.is_empty() { Ok(HashMap::new()) } else { cards::store::last_edits(cx, &of) }
}

fn attempt(cx: &Cx<'_>, cleared: &Cleared, next: &Message) -> AttemptRow {
    let decision: DecisionId = cleared.decision();
    AttemptRow {
        workspace_id: cx.workspace(),
        message_id: next.id,
        number: next.attempts,
        decision_id: decision,
        started_at: At(cx.now()),
        ended_at: None,
        outcome: None,
        detail: None,
        provider_status: None,
        provider_id: None,
    }
}

/// Messages on their way from one state to the next, written together.
#[derive(Default)]
pub(super) struct Moves(Vec<(Status, Message)>);

impl Moves {
    pub fn to(&mut self, from: &Message, next: Message) {
        self.0.push((from.status, next));
    }

    /// Saves them, notes each in the log, goes on by another way where one has failed, and tells people of those that ended
    /// without getting through.
    pub fn write(self, cx: &mut Cx<'_>) -> Result<Vec<Message>, No> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let (before, after): (Vec<Status>, Vec<Message>) = self.0.into_iter().unzip();
        store::save(cx, &after)?;
        for (before, m) in before.into_iter().zip(&after) {
            let event = Event::Moved { before, after: m.status, attempt: m.attempts, reason: m.reason.clone() };
            cx.record(subject(m.id), &event)?;
        }
        let suppressed: Vec<MessageId> =
            after.iter().filter(|m| m.status == Status::Suppressed).map(|m| m.id).collect();
        let nowhere = fallback::without_address(cx, &suppressed)?;
        let stopped: Vec<(&Message, Stop)> = after
            .iter()
            // Of an edit nobody misses anything: the message itself stands where it was.
            .filter(|m| m.edits.is_none())
            .filter_map(|m| match m.status {
                Status::Failed | Status::Dead | Status::Unknown => Some((m, Stop::Broken)),
                Status::Suppressed if nowhere.contains(&m.id) => Some((m, Stop::Broken)),
                // What was tried, or is told to a program, was not held by the policy alone.
                Status::Expired if m.attempts > 0 || m.channel == Channel::Webhook => Some((m, Stop::Broken)),
                Status::Suppressed | Status::Expired => Some((m, Stop::Ruled)),
                _ => None,
            })
            .collect();
        if !stopped.is_empty() {
            let team = Team::load(cx)?;
            let failed = stopped.iter().filter(|(m, stop)| {
                *stop == Stop::Broken && !matches!(m.status, Status::Unknown | Status::Expired)
            });
            let failed: Vec<&Message> = failed.map(|(m, _)| *m).collect();
            let ways = fallback::go_on(cx, &team, &failed)?;
            alert::tell(cx, &team, &stopped, &ways)?;
        }
        Ok(after)
    }
}

/// Chooses due messages, at most one of those whose destination or channel takes no more.
///
/// What somebody claimed and let go stale comes first: on a channel that takes one at a time, everything else waits for it.
fn take(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<Vec<Message>, Fault> {
    /// How many looks past what may not be taken now; the next claim goes on from a better place.
    const LOOKS: usize = 8;
    let mut choice = Choice {
        wanted,
        taken: Vec::new(),
        room: wanted.limit,
        rooms: wanted.rooms.clone(),
        endpoints: HashMap::new(),
        no_channels: wanted.no_channels.clone(),
        no_destinations: wanted.no_destinations.clone(),
    };
    let without = (choice.no_channels.as_slice(), choice.no_destinations.as_slice());
    let stale = due::hold_stale(cx, Channel::Discord, without, choice.room)?;
    choice.consider(cx, stale)?;
    for priority in Priority::ALL {
        let mut after = None;
        for _ in 0..LOOKS {
            if choice.room == 0 {
                return Ok(choice.taken);
            }
            let without = (choice.no_channels.as_slice(), choice.no_destinations.as_slice());
            let found = due::hold_due(cx, priority as i32, after, without, choice.room)?;
            let all = found.len() < choice.room;
            after = found.last().and_then(|m| Some((At(m.next_at?), m.id)));
            choice.consider(cx, found)?;
            if all {
                break;
            }
        }
    }
    Ok(choice.taken)
}

/// What a claim takes, and what it may take beside that.
struct Choice<'a> {
    wanted: &'a Wanted,
    taken: Vec<Message>,
    room: usize,
    rooms: BTreeMap<Channel, usize>,
    /// How many webhooks were taken, by their destinations.
    endpoints: HashMap<String, usize>,
    no_channels: Vec<Channel>,
    no_destinations: Vec<String>,
}

impl Choice<'_> {
    fn consider(&mut self, cx: &mut Cx<'_>, found: Vec<Message>) -> Result<(), Fault> {
        let flights = flights(cx, &found)?;
        for message in found {
            if self.no_channels.contains(&message.channel) || self.no_destinations.contains(&message.destination) {
                continue;
            }
            if message.channel == Channel::Discord {
                self.no_destinations.push(message.destination.clone());
                // What is in flight there may be this very one, whose lease has ended.
                let free = match flights.get(&message.destination) {
                    Some(ids) => ids.iter().all(|id| *id == message.id),
                    None => false,
                };
                if !free {
                    continue;
                }
            } else if self.wanted.one_of_destination.contains(&message.destination) {
                self.no_destinations.push(message.destination.clone());
            }
            if message.channel == Channel::Webhook {
                let to_this = self.endpoints.entry(message.destination.clone()).or_default();
                *to_this += 1;
                if *to_this >= self.wanted.endpoint_room {
                    self.no_destinations.push(message.destination.clone());
                }
            }
            if let Some(room) = self.rooms.get_mut(&message.channel) {
                *room = room.saturating_sub(1);
                if *room == 0 {
                    self.no_channels.push(message.channel);
                }
            }
            if self.wanted.one_of_channel.contains(&message.channel) {
                self.no_channels.push(message.channel);
            }
            self.room -= 1;
            self.taken.push(message);
        }
        Ok(())
    }
}

/// Of the Discord channels that these messages go to: what is in flight there. Those that another claimer holds at this
/// moment are left out.
fn flights(cx: &mut Cx<'_>, found: &[Message]) -> Result<HashMap<String, Vec<MessageId>>, Fault> {
    let mut destinations: Vec<String> =
        found.iter().filter(|m| m.channel == Channel::Discord).map(|m| m.destination.clone()).collect();
    if destinations.is_empty() {
        return Ok(HashMap::new());
    }
    destinations.sort_unstable();
    destinations.dedup();
    let ours = due::lock_destinations(cx, &destinations)?;
    // Only now: whoever held the lock before us has committed what it put in flight.
    let mut flights: HashMap<String, Vec<MessageId>> = ours.into_iter().map(|d| (d, Vec::new())).collect();
    for (id, destination, _) in due::in_flight(cx)? {
        if let Some(ids) = flights.get_mut(&destination) {
            ids.push(id);
        }
    }
    Ok(flights)
}

/// Ends the attempts of dispatchers that did not come back in time. A report that comes after all says it better.
fn cut_off(cx: &mut Cx<'_>, due: &[Message]) -> Result<(), Fault> {
    let now = cx.now();
    let stale: Vec<MessageId> = due.iter().filter(|m| m.status == Status::Sending).map(|m| m.id).collect();
    if stale.is_empty() {
        return Ok(());
    }
    let ends: Vec<End> = attempts::of(cx, &stale)?
        .into_iter()
        .filter(|a| a.outcome.is_none())
        .map(|a| End {
            message: a.message_id,
            number: a.number,
            at: now,
            outcome: Ended::Unclear,
            detail: Some("The process that tried it did not come back before its lease ended.".into()),
            provider_status: None,
            provider_id: None,
        })
        .collect();
    attempts::end(cx, &ends)
}

/// Says what a provider answered when it was asked for messages. What somebody else has settled or taken over since is
/// left as it is. Gives the ids of those that changed.
pub fn found(cx: &mut Cx<'_>, answers: &[(LookUp, Found)]) -> Result<Vec<MessageId>, No> {
    let now = cx.now();
    let ids: Vec<MessageId> = answers.iter().map(|(look_up, _)| look_up.message.id).collect();
    let held: HashMap<MessageId, Message> = store::hold(cx, &ids)?.into_iter().map(|m| (m.id, m)).collect();
    let mut moves = Moves::default();
    for (LookUp { message }, found) in answers {
        if let Some(current) = held.get(&message.id).filter(|m| m.version == message.version) {
            moves.to(current, rules::after_look_up(current, found, now));
        }
    }
    Ok(moves.write(cx)?.into_iter().map(|m| m.id).collect())
}
