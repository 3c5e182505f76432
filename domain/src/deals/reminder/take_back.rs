//! What waits and is no longer so: taken back, or said what would be.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;

use super::rules::{self, Item};
use super::scene::{Case, Scene};
use super::{Kind, Recipient, Record, State, store, view};
use crate::delivery::notify;
use crate::delivery::outbox;
use crate::delivery::outbox::ops::cancel_unsent;
use crate::delivery::outbox::waiting::unsent;
use crate::kernel::id::{DealId, MessageId, MilestoneId};
use crate::kernel::{Cx, No};
use crate::people::reach::{Channel, Topic};

/// Withdraws messages and lines of digests that say what is no longer so. What else was in them is planned again.
pub(super) fn take_back(cx: &mut Cx<'_>, scene: &Scene, cases: &mut [Case]) -> Result<usize, No> {
    let ids: Vec<DealId> = cases.iter().map(|case| case.deal.id).collect();
    if cases.iter().all(|case| case.records.is_empty()) {
        return Ok(0);
    }
    let waiting = unsent(cx, &ids, &[Topic::Reminder, Topic::Overdue, Topic::Escalation])?;
    let mut by_base: HashMap<&str, Vec<MessageId>> = HashMap::new();
    for message in &waiting {
        by_base.entry(base(&message.occasion)).or_default().push(message.id);
    }
    let mut untrue: Vec<String> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for case in cases.iter() {
        for record in case.records.values().filter(|record| moot(record, &case.items, scene)) {
            let Some(occasion) = &record.occasion else { continue };
            match record.state {
                State::Queued if by_base.contains_key(occasion.as_str()) => untrue.push(occasion.clone()),
                State::Digest => lines.push(occasion.clone()),
                _ => {}
            }
        }
    }
    untrue.sort();
    untrue.dedup();
    let ids: Vec<MessageId> =
        untrue.iter().filter_map(|base| by_base.get(base.as_str())).flatten().copied().collect();
    let gone: HashSet<MessageId> = cancel_unsent(cx, &ids, TAKEN_BACK)?.into_iter().collect();
    let mut freed: HashSet<String> = wholly_gone(cx, &untrue, &gone)?;
    if !lines.is_empty() {
        freed.extend(notify::store::take_back(cx, &lines)?);
    }
    for case in cases.iter_mut() {
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

const TAKEN_BACK: &str =
    "A milestone in it changed before it was sent. What still holds is sent in another message.";
const REGROUPED: &str =
    "Its message was taken back because of another milestone in it. It comes again at its time.";

/// An occasion without the channel at its end.
fn base(occasion: &str) -> &str {
    occasion.rsplit_once(':').map_or(occasion, |(base, _)| base)
}

/// Those of which no message has left on any channel. Where one has, the person was told.
fn wholly_gone(cx: &mut Cx<'_>, bases: &[String], gone: &HashSet<MessageId>) -> Result<HashSet<String>, No> {
    let all: Vec<String> = bases
        .iter()
        .flat_map(|base| Channel::ALL.iter().map(move |channel| format!("{base}:{channel}")))
        .collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut free: HashSet<String> = bases.iter().cloned().collect();
    for (occasion, id) in outbox::store::of_occasions(cx, &all)? {
        if !gone.contains(&id) {
            free.remove(base(&occasion));
        }
    }
    Ok(free)
}

/// Whether what a record says is no longer so.
fn moot(record: &Record, items: &[Item], scene: &Scene) -> bool {
    let Some(item) = items.iter().find(|item| item.id == record.key.milestone) else { return true };
    match record.key.kind {
        Kind::Reminder => !item.keys().contains(&record.key) || item.due_on != record.due_on,
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
        Some(item) if record.key.kind != Kind::Reminder && item.lapses_at > scene.now => {
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
    let waiting: HashSet<String> = unsent(cx, &[deal], &[Topic::Reminder, Topic::Overdue, Topic::Escalation])?
        .into_iter()
        .map(|message| base(&message.occasion).to_owned())
        .collect();
    let mut records = store::records_of(cx, &[deal])?;
    records.retain(|r| r.state == State::Digest || r.occasion.as_ref().is_some_and(|o| waiting.contains(o)));
    records.sort_by(|a, b| a.key.cmp(&b.key));
    let mut sentences = Vec::new();
    for (id, to) in moves {
        let Some(m) = milestones.iter().find(|m| m.id == *id) else { continue };
        let anew = to.zip(m.remind_days_before).map(|(to, lead)| rules::remind_on(to, lead));
        let then = anew.map_or_else(|| "not planned anew".to_owned(), |on| format!("planned anew for {on}"));
        let mut waits = false;
        for record in records.iter().filter(|record| record.key.milestone == *id) {
            waits = true;
            let who = view::name(cx, &record.key.recipient)?;
            let what = match record.key.kind {
                Kind::Reminder => "reminder",
                Kind::Overdue => "overdue notice",
                Kind::Escalation(_) => "escalation",
            };
            sentences
                .push(format!("The {what} of {} to {who} has not left: it is taken back and {then}.", m.title));
        }
        let planned = m.due_on.zip(m.remind_days_before).map(|(due, lead)| rules::remind_on(due.0, lead));
        let to_come = m.attend_at.is_some() && m.lapses_at.is_some_and(|at| at.0 > cx.now());
        if let (false, true, Some(planned)) = (waits, to_come, planned)
            && rules::nine(planned, &TimeZone::UTC) > cx.now()
        {
            sentences.push(format!("The reminder of {} that is to come on {planned} is {then}.", m.title));
        }
    }
    Ok(sentences)
}
