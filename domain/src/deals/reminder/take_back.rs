//! What waits and is no longer so: taken back, or said what would be.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;

use super::rules::{self, Item};
use super::scene::{Case, Scene, reach_contact};
use super::{Key, Kind, Recipient, Record, State, store, view};
use crate::deals::milestone::explain::long;
use crate::delivery::outbox::ops::{cancel_unsent, cut_short};
use crate::delivery::outbox::waiting::{Unsent, may_come_again, on_all_channels, unsent};
use crate::delivery::{Status, notify};
use crate::kernel::id::{DealId, MessageId, MilestoneId};
use crate::kernel::{Cx, No};
use crate::people::reach::Topic;

/// Which words changed that reminders repeat.
#[derive(Clone, Copy, Debug)]
pub(in crate::deals) enum Reworded {
    Nothing,
    Milestone(MilestoneId),
    /// The deal's title or address.
    Deal,
}

impl Reworded {
    fn is_in(self, record: &Record) -> bool {
        match self {
            Self::Nothing => false,
            Self::Milestone(id) => record.key.milestone == id,
            Self::Deal => true,
        }
    }
}

/// What reminders are about.
pub(super) const TOPICS: [Topic; 3] = [Topic::Reminder, Topic::Overdue, Topic::Escalation];

/// Withdraws messages and lines of digests that say what is no longer so. What else was in them is planned again.
///
/// What has left, or is leaving at this moment, cannot be withdrawn; but when it comes back it is not sent again, on
/// whatever way.
///
/// A message that waits for an address which the contact has no more is taken back and comes again; so does a reminder that
/// could not be sent while there was no way to the contact, once there is one.
pub(super) fn take_back(
    cx: &mut Cx<'_>,
    scene: &Scene,
    cases: &mut [Case],
    reworded: Reworded,
) -> Result<usize, No> {
    let deals: Vec<DealId> = cases.iter().map(|case| case.deal.id).collect();
    if cases.iter().all(|case| case.records.is_empty()) {
        return Ok(0);
    }
    let waiting = unsent(cx, &deals, &TOPICS)?;
    let mut by_base: HashMap<&str, Vec<&Unsent>> = HashMap::new();
    for message in &waiting {
        by_base.entry(base(&message.occasion)).or_default().push(message);
    }
    let mut untrue: Vec<String> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    // What was told at once and comes in a digest of another channel too, and whether all that it says is no longer so.
    let mut beside: HashMap<&str, bool> = HashMap::new();
    for case in cases.iter() {
        for record in case.records.values() {
            let Some(occasion) = &record.occasion else { continue };
            if record.state == State::Queued {
                *beside.entry(occasion).or_insert(true) &= moot(record, &case.items, scene);
            }
            let messages = by_base.get(occasion.as_str());
            let elsewhere = messages.is_some_and(|all| misses(case, record, all));
            if !moot(record, &case.items, scene) && !elsewhere && !reworded.is_in(record) {
                continue;
            }
            match record.state {
                State::Queued if messages.is_some() => untrue.push(occasion.clone()),
                State::Digest => lines.push(occasion.clone()),
                _ => {}
            }
        }
    }
    untrue.sort();
    untrue.dedup();
    let ids: Vec<MessageId> =
        untrue.iter().filter_map(|base| by_base.get(base.as_str())).flatten().map(|message| message.id).collect();
    let gone: HashSet<MessageId> = cancel_unsent(cx, &ids, TAKEN_BACK)?.into_iter().collect();
    let mut freed: HashSet<String> = wholly_gone(cx, &untrue, &gone)?;
    if !lines.is_empty() {
        freed.extend(notify::store::take_back(cx, &lines)?);
    }
    let over: HashSet<String> =
        beside.into_iter().filter(|(_, over)| *over).map(|(on, _)| on.to_owned()).collect();
    if !over.is_empty() {
        notify::store::take_back(cx, &over.iter().cloned().collect::<Vec<_>>())?;
        let again = may_come_again(cx, &deals, &TOPICS)?;
        let again = again.iter().filter(|message| over.contains(base(&message.occasion)));
        cut_short(cx, &again.map(|message| message.id).collect::<Vec<_>>())?;
    }
    for case in cases.iter_mut() {
        let reached = reached(case, scene);
        let Case { records, items, .. } = case;
        for record in records.values_mut() {
            let untrue = moot(record, items, scene);
            let free = record.occasion.as_ref().is_some_and(|occasion| freed.contains(occasion));
            let (state, reason) = match record.state {
                State::Planned if untrue => (State::Cancelled, why_moot(record, items, scene)),
                State::Queued | State::Digest if free && untrue => {
                    (State::Cancelled, why_moot(record, items, scene))
                }
                State::Queued | State::Digest if free => (State::Planned, REGROUPED.to_owned()),
                State::Refused if !untrue && reached.contains(&record.key) => (State::Planned, REACHED.to_owned()),
                _ => continue,
            };
            record.state = state;
            record.reason = Some(reason);
            record.message_id = None;
            record.occasion = None;
            record.leads = false;
            store::update(cx, record)?;
        }
    }
    Ok(gone.len())
}

const TAKEN_BACK: &str = "A milestone in it, or where it goes, changed before it was sent. What still holds is sent in another message.";
const REGROUPED: &str =
    "Its message was taken back because something else in it changed. It comes again at its time.";

const REACHED: &str = "The contact can be reached by now.";

/// Whether a message to a contact goes where the contact is not reached any more.
fn misses(case: &Case, record: &Record, messages: &[&Unsent]) -> bool {
    let Recipient::Contact(id) = &record.key.recipient else { return false };
    let contact = case.contact(*id);
    contact.is_some_and(|contact| messages.iter().any(|m| !contact.is_at(m.channel, &m.address)))
}

/// Reminders that were refused for want of a way to the contact, while their day is not over and there is one.
fn reached(case: &Case, scene: &Scene) -> HashSet<Key> {
    let for_want_of_a_way = |record: &&Record| {
        let reason = record.reason.as_deref().unwrap_or_default();
        record.state == State::Refused && (reason.starts_with("BAD_ADDRESS") || reason.starts_with("SWITCHED_OFF"))
    };
    let now_there = |record: &&Record| match &record.key.recipient {
        Recipient::Contact(id) => reach_contact(case.contact(*id), scene).is_ok(),
        _ => false,
    };
    let of_use = |record: &&Record| {
        case.items.iter().any(|item| item.id == record.key.milestone && item.lapses_at > scene.now)
    };
    let found = case.records.values().filter(for_want_of_a_way).filter(of_use).filter(now_there);
    found.map(|record| record.key.clone()).collect()
}

/// An occasion without the channel at its end.
fn base(occasion: &str) -> &str {
    occasion.rsplit_once(':').map_or(occasion, |(base, _)| base)
}

/// Those of which no message has left on any channel. Where one has, or may have, the person was told.
fn wholly_gone(cx: &mut Cx<'_>, bases: &[String], gone: &HashSet<MessageId>) -> Result<HashSet<String>, No> {
    let mut free: HashSet<String> = bases.iter().cloned().collect();
    for (base, id, _, status) in on_all_channels(cx, bases)? {
        // In place of what failed there was another, which is gone now.
        if !gone.contains(&id) && !matches!(status, Status::Failed | Status::Dead) {
            free.remove(&base);
        }
    }
    Ok(free)
}

/// Whether what a record says is no longer so.
fn moot(record: &Record, items: &[Item], scene: &Scene) -> bool {
    let Some(item) = items.iter().find(|item| item.id == record.key.milestone) else { return true };
    match record.key.kind {
        Kind::Reminder => !item.keys().contains(&record.key) || item.due_on != record.due_on,
        Kind::Snoozed => {
            item.snoozed_until != Some(record.key.on)
                || !item.recipients.contains(&record.key.recipient)
                || is_out_of_service(record, scene)
        }
        Kind::Overdue | Kind::Escalation(_) => {
            item.due_on != record.key.on || item.lapses_at > scene.now || is_out_of_service(record, scene)
        }
    }
}

fn is_out_of_service(record: &Record, scene: &Scene) -> bool {
    matches!(record.key.recipient, Recipient::Member(id) if scene.team.member(id).is_none())
}

fn why_moot(record: &Record, items: &[Item], scene: &Scene) -> String {
    match items.iter().find(|item| item.id == record.key.milestone) {
        None => "The milestone was completed, waived or removed, or its deal ended, before it was sent.".into(),
        Some(item) if item.due_on != record.due_on => {
            format!("The milestone moved from {} to {} before it was sent.", record.due_on, item.due_on)
        }
        Some(item) if !matches!(record.key.kind, Kind::Reminder | Kind::Snoozed) && item.lapses_at > scene.now => {
            "Its due day is not over after all: the server's clock was ahead.".into()
        }
        Some(_) if is_out_of_service(record, scene) => "The member is out of service.".into(),
        Some(_) => "Its reminder or who is reminded changed before it was sent.".into(),
    }
}

/// What would become of reminders if milestones moved to other dates: those that wait to leave would be taken back, those
/// to come would come on another day. One sentence each.
pub(in crate::deals) fn affected(
    cx: &mut Cx<'_>,
    deal: DealId,
    moves: &[(MilestoneId, Option<jiff::civil::Date>)],
) -> Result<Vec<String>, No> {
    let milestones = store::milestones_of(cx, &[deal])?;
    let waiting: HashSet<String> =
        unsent(cx, &[deal], &TOPICS)?.into_iter().map(|message| base(&message.occasion).to_owned()).collect();
    let mut records = store::records_of(cx, &[deal])?;
    records.retain(|r| r.state == State::Digest || r.occasion.as_ref().is_some_and(|o| waiting.contains(o)));
    records.sort_by(|a, b| a.key.cmp(&b.key));
    let mut sentences = Vec::new();
    for (id, to) in moves {
        let Some(m) = milestones.iter().find(|m| m.id == *id) else { continue };
        let anew = to.zip(m.remind_days_before).map(|(to, lead)| rules::remind_on(to, lead));
        let then =
            anew.map_or_else(|| "not planned anew".to_owned(), |on| format!("planned anew for {}", long(on)));
        let mut waits = false;
        for record in records.iter().filter(|record| record.key.milestone == *id) {
            waits = true;
            let who = view::name(cx, &record.key.recipient)?;
            let what = match record.key.kind {
                Kind::Reminder | Kind::Snoozed => "reminder",
                Kind::Overdue => "overdue notice",
                Kind::Escalation(_) => "escalation",
            };
            sentences
                .push(format!("The {what} of {} to {who} has not left: it is taken back and {then}.", m.title));
        }
        let planned = m.due_on.zip(m.remind_days_before).map(|(due, lead)| rules::remind_on(due.0, lead));
        if let (false, true, Some(planned)) = (waits, m.attend_at.is_some(), planned)
            && rules::nine(planned, &TimeZone::UTC) > cx.now()
        {
            let planned = long(planned);
            sentences.push(format!("The reminder of {} that is to come on {planned} is {then}.", m.title));
        }
    }
    Ok(sentences)
}
