//! Plans become messages, lines of digests, and records of what is not sent.

use std::collections::{BTreeMap, HashMap};

use super::card;
use super::ops::Attended;
use super::rules::{Group, Plan};
use super::scene::{Case, Scene, reach_contact};
use super::store::{self, MilestoneFacts};
use super::words::{self, Said, Says, Why};
use super::{Event, Key, Kind, Recipient, Record, State};
use crate::deals::thread::{self, Place};
use crate::delivery::cards::Posting;
use crate::delivery::cards::ops::post;
use crate::delivery::notify::ops::tell;
use crate::delivery::notify::{Telling, Told, Urgency};
use crate::delivery::{NewMessage, Priority, Purpose, To};
use crate::kernel::id::{ContactId, DealId, MemberId, MilestoneId};
use crate::kernel::{Cx, Fault, No, Subject, time};
use crate::people::reach::{Channel, Topic};

/// What a group becomes.
enum Way {
    Message(Box<(NewMessage, Option<Posting>)>),
    Telling(Box<Telling>),
    Refused(Why),
}

/// Puts plans into the outbox and records them, those of all deals at once.
pub(super) fn carry_out(
    cx: &mut Cx<'_>,
    scene: &Scene,
    cases: &mut [Case],
    plans: &[Plan],
    done: &mut Attended,
) -> Result<(), No> {
    let threads = threads(cx, scene, cases, plans)?;
    let mut ways: Vec<(usize, &Group, String, Way)> = Vec::new();
    for (n, (case, plan)) in cases.iter().zip(plans).enumerate() {
        for group in &plan.groups {
            let occasion = occasion(case, group);
            let way = way(case, scene, group, &occasion, threads.get(&case.deal.id))?;
            ways.push((n, group, occasion, way));
        }
    }
    let messages: Vec<(NewMessage, Option<Posting>)> = ways
        .iter()
        .filter_map(|(.., way)| if let Way::Message(m) = way { Some((**m).clone()) } else { None })
        .collect();
    let tellings: Vec<Telling> = ways
        .iter()
        .filter_map(|(.., way)| if let Way::Telling(t) = way { Some((**t).clone()) } else { None })
        .collect();
    done.messages = messages.len() + tellings.len();
    let mut queued = post(cx, &messages)?.into_iter();
    let mut told = tell(cx, &scene.team, &tellings)?.into_iter();
    let mut new = Records::default();
    let mut unreached: BTreeMap<(usize, ContactId, Why), Vec<MilestoneId>> = BTreeMap::new();
    for (n, group, occasion, way) in &ways {
        let case = &cases[*n];
        let missing = || Fault::Corrupt("fewer messages than were asked for".into());
        let (state, message_id, reason) = match way {
            Way::Message(_) => (State::Queued, Some(queued.next().ok_or_else(missing)?.id()), None),
            Way::Telling(_) => match told.next().ok_or_else(missing)? {
                Told::Queued(ids) => (State::Queued, ids.first().copied(), None),
                Told::Digest(_) => (State::Digest, None, None),
                Told::Off => (State::Refused, None, Some(OFF.to_owned())),
                Told::Nobody => (State::Refused, None, Some(NOBODY.to_owned())),
            },
            Way::Refused(why) => {
                if let Recipient::Contact(id) = &group.recipient {
                    let titles = unreached.entry((*n, *id, *why)).or_default();
                    titles.extend(group.items.iter().map(|(milestone, _)| *milestone));
                }
                (State::Refused, None, Some(why.recorded(&case.contact_name(&group.recipient))))
            }
        };
        let kept = state == State::Queued || state == State::Digest;
        for (at, (milestone, on)) in group.items.iter().enumerate() {
            let key = Key { milestone: *milestone, kind: group.kind, recipient: group.recipient.clone(), on: *on };
            new.add(
                case,
                Record {
                    due_on: case.due_on(*milestone).unwrap_or(*on),
                    deal_id: case.deal.id,
                    at: group.at,
                    state,
                    reason: reason.clone(),
                    occasion: kept.then(|| occasion.clone()),
                    message_id,
                    leads: at == 0,
                    round: 0,
                    planned_at: scene.now,
                    key,
                },
            );
            if group.kind == Kind::Overdue {
                let event = Event::Overdue { deal_id: case.deal.id, due_on: *on };
                cx.record(subject(*milestone), &event)?;
            }
        }
    }
    for (n, (case, plan)) in cases.iter().zip(plans).enumerate() {
        for key in &plan.missed {
            new.add(case, case.unsent(key, scene.now, State::Missed, TOO_LATE.into()));
        }
        for key in &plan.withheld {
            let who = case.contact_name(&key.recipient);
            let why = if case.by_program.parties { Why::Unconfirmed } else { Why::ByAgent };
            new.add(case, case.unsent(key, scene.now, State::Refused, why.recorded(&who)));
            if let Recipient::Contact(id) = &key.recipient {
                unreached.entry((n, *id, why)).or_default().push(key.milestone);
            }
        }
    }
    done.unsent = new.tell_of_unsent(cx)?;
    store::insert(cx, &new.fresh)?;
    for record in &new.again {
        store::update(cx, record)?;
    }
    tell_owners(cx, scene, cases, unreached)
}

const OFF: &str = "SWITCHED_OFF: The member switched this topic off on every channel.";
const NOBODY: &str = "NO_MEMBER: The member is out of service.";
const TOO_LATE: &str = "The due day was over before the reminder could be sent: the milestone was added or moved too \
                        late, or the server was not running. The owner is told that the milestone is overdue.";

fn subject(id: MilestoneId) -> Subject {
    Subject::new("milestone", id.0)
}

/// Records that are new, and those that come again after they were taken back.
#[derive(Default)]
struct Records {
    fresh: Vec<Record>,
    again: Vec<Record>,
}

impl Records {
    fn add(&mut self, case: &Case, record: Record) {
        match case.records.get(&record.key) {
            None => self.fresh.push(Record { round: 1, ..record }),
            Some(known) => self.again.push(Record { round: known.round + 1, ..record }),
        }
    }

    /// Notes in the log what is not sent: once for each milestone and reason.
    fn tell_of_unsent(&self, cx: &mut Cx<'_>) -> Result<usize, No> {
        let mut noted = BTreeMap::new();
        let mut count = 0;
        for record in self.fresh.iter().chain(&self.again) {
            if matches!(record.state, State::Missed | State::Refused) {
                count += 1;
                let reason = record.reason.clone().unwrap_or_default();
                noted.entry((record.key.milestone, record.key.kind, record.state, reason)).or_insert(record);
            }
        }
        for ((milestone, kind, state, reason), record) in noted {
            let event = Event::NotReminded {
                deal_id: record.deal_id,
                kind: kind.to_string(),
                recipient: record.key.recipient.to_string(),
                on: record.key.on,
                state,
                // The code alone: names of people do not belong into the log's own part.
                reason: match reason.split_once(':') {
                    Some((code, _)) if code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') => code.into(),
                    _ => reason,
                },
            };
            cx.record(subject(milestone), &event)?;
        }
        Ok(count)
    }
}

/// What a group's messages are said on, without the channel: the first of its reminders and how often that was put into
/// a message.
fn occasion(case: &Case, group: &Group) -> String {
    let (milestone, on) = group.items[0];
    let key = Key { milestone, kind: group.kind, recipient: group.recipient.clone(), on };
    let round = case.records.get(&key).map_or(1, |known| known.round + 1);
    let again = if round > 1 { format!(":{round}") } else { String::new() };
    format!("{}:{milestone}:{}:{on}{again}", group.kind, group.recipient)
}

/// The threads of the deals of which chat is to hear. Who hears is the channel all the same, so that nothing is said once
/// more when a thread begins or ends.
fn threads(cx: &mut Cx<'_>, scene: &Scene, cases: &[Case], plans: &[Plan]) -> Result<HashMap<DealId, Place>, No> {
    let is_said = |plan: &Plan| plan.groups.iter().any(|group| matches!(group.recipient, Recipient::Chat(..)));
    let of = |case: &Case| thread::wanted(&scene.settings, case.deal.chat_channel.as_deref()).is_some();
    let deals = cases.iter().zip(plans).filter(|(case, plan)| of(case) && is_said(plan));
    let deals: Vec<DealId> = deals.map(|(case, _)| case.deal.id).collect();
    thread::open(cx, &scene.settings, &deals)
}

fn way(case: &Case, scene: &Scene, group: &Group, occasion: &str, thread: Option<&Place>) -> Result<Way, No> {
    let at = group.at.min(scene.now);
    let today = time::today(scene.now, &time::zone(&case.deal.time_zone));
    let member_of = |m: &MilestoneFacts| m.responsible_member_id.and_then(|id| scene.team.member(id));
    let to_contact = matches!(group.recipient, Recipient::Contact(_));
    let note = |m: &MilestoneFacts| {
        if let Kind::Escalation(_) = group.kind {
            return Some(told(case, scene, m.id));
        }
        let item = case.items.iter().find(|item| item.id == m.id)?;
        let kept_back = item.recipients.iter().any(|recipient| matches!(recipient, Recipient::Contact(_)));
        let titled = item.by_agent && !case.by_program.parties;
        (titled && !to_contact).then(|| words::by_agent(kept_back))
    };
    let name = match &group.recipient {
        Recipient::Contact(id) => case.contact(*id).map(|contact| contact.name.as_str()),
        Recipient::Member(id) => scene.team.member(*id).map(|member| member.name.as_str()),
        Recipient::Chat(..) => None,
    };
    let found = group.items.iter().filter_map(|(id, _)| case.milestone(*id));
    // Put off until its day was over, it is overdue by then.
    let kind = said_as(case, scene, group);
    let says = Says {
        deal: &case.deal,
        owner: case.owner.and_then(|id| scene.team.member(id)),
        parties: &case.parties,
        name,
        contact: to_contact,
        by_program: case.by_program,
        today,
        items: found.filter_map(|m| Some(Said::of(m, m.due_on?.0, member_of(m), note(m)))).collect(),
    };
    let card = || card::posting(case, scene, (group, kind), &says);
    // A reminder is of use until the last of its due days is over; that something is overdue stays so.
    let lapses = case.items.iter().filter(|item| group.items.iter().any(|(id, _)| *id == item.id));
    let expires_at = match group.kind {
        Kind::Reminder => lapses.map(|item| item.lapses_at).max(),
        Kind::Overdue | Kind::Escalation(_) | Kind::Snoozed => None,
    };
    let topic = match kind {
        Kind::Reminder | Kind::Snoozed => Topic::Reminder,
        Kind::Overdue => Topic::Overdue,
        Kind::Escalation(_) => Topic::Escalation,
    };
    let message = |channel: Channel, purpose: Purpose, to: To, place: Place| -> Result<Way, No> {
        let mut content = words::message(&scene.templates, kind, &says)?.content(channel);
        place.note_on(&mut content);
        let card = (to == To::Team && channel == Channel::Discord).then(&card);
        Ok(Way::Message(Box::new((
            NewMessage {
                occasion: format!("{occasion}:{channel}"),
                topic,
                purpose,
                channel,
                to,
                address: place.address,
                deal_id: Some(case.deal.id),
                approval_id: None,
                batch_id: None,
                content,
                priority: Priority::Usual,
                due_at: at,
                expires_at,
            },
            card,
        ))))
    };
    match &group.recipient {
        Recipient::Chat(channel, address) => {
            let place = thread.cloned().unwrap_or_else(|| Place::channel(address));
            message(*channel, Purpose::Internal, To::Team, place)
        }
        Recipient::Contact(id) => match reach_contact(case.contact(*id), scene) {
            Ok((channel, address)) => {
                message(channel, Purpose::Transactional, To::Contact(*id), Place::channel(address))
            }
            Err(why) => Ok(Way::Refused(why)),
        },
        Recipient::Member(id) => Ok(Way::Telling(Box::new(Telling {
            member: *id,
            topic,
            urgency: match kind {
                Kind::Reminder | Kind::Snoozed => Urgency::Routine,
                Kind::Overdue | Kind::Escalation(_) => Urgency::Important,
            },
            words: words::message(&scene.templates, kind, &says)?,
            subject: Some(match group.items.as_slice() {
                [(only, _)] => subject(*only),
                _ => Subject::new("deal", case.deal.id.0),
            }),
            occasion: occasion.to_owned(),
            deal_id: Some(case.deal.id),
            at,
            expires_at,
            also: (group.kind == Kind::Overdue && scene.settings.overdue_email).then_some(Channel::Email),
            card: reads_chat(scene, *id).then(|| Box::new(card())),
        }))),
    }
}

/// With the words of which kind a group is said.
fn said_as(case: &Case, scene: &Scene, group: &Group) -> Kind {
    let is_over = |id: &MilestoneId| case.items.iter().any(|item| item.id == *id && item.lapses_at <= scene.now);
    match group.kind {
        Kind::Snoozed if group.items.iter().all(|(id, _)| is_over(id)) => Kind::Overdue,
        Kind::Snoozed => Kind::Reminder,
        kind => kind,
    }
}

/// Whether a member is reached in chat, where what they are told has buttons.
fn reads_chat(scene: &Scene, id: MemberId) -> bool {
    scene.team.preferences(id).is_some_and(|said| said.discord.is_some())
}

/// Who was told that a milestone is overdue, and when, for those who hear of it later.
fn told(case: &Case, scene: &Scene, id: MilestoneId) -> String {
    let on = case.due_on(id);
    let is_notice = |record: &&Record| {
        let key = &record.key;
        key.milestone == id && key.kind == Kind::Overdue && Some(key.on) == on && record.state != State::Cancelled
    };
    let notice = case.records.values().find(is_notice);
    let heard = notice.and_then(|record| Some((record, scene.heard(record)?)));
    let Some((record, heard)) = heard else { return words::told(None) };
    let name = match &record.key.recipient {
        Recipient::Member(id) => scene.team.member(*id).map_or("a member who has left", |member| &member.name),
        Recipient::Contact(_) | Recipient::Chat(..) => "the team",
    };
    let day = time::today(heard.at, &time::zone(&case.deal.time_zone));
    words::told(Some((name, heard.reached.then_some(day))))
}

/// Tells the owners of deals whom of their parties a reminder did not reach, and why.
fn tell_owners(
    cx: &mut Cx<'_>,
    scene: &Scene,
    cases: &[Case],
    unreached: BTreeMap<(usize, ContactId, Why), Vec<MilestoneId>>,
) -> Result<(), No> {
    let mut tellings = Vec::new();
    for ((n, contact, why), milestones) in unreached {
        let case = &cases[n];
        let Some(owner) = case.owner.and_then(|id| scene.team.member(id)) else { continue };
        let Some(first) = milestones.first() else { continue };
        let who = case.contact_name(&Recipient::Contact(contact));
        let titles: Vec<String> =
            milestones.iter().filter_map(|id| case.milestone(*id)).map(|m| m.title.clone()).collect();
        let on = case.due_on(*first).map_or_else(String::new, |on| on.to_string());
        tellings.push(Telling {
            member: owner.id,
            topic: Topic::Alert,
            urgency: Urgency::Important,
            words: words::unreached(&scene.templates, &case.deal, owner, &who, &titles, &why)?,
            subject: Some(subject(*first)),
            occasion: format!("unreached:{first}:{contact}:{on}"),
            deal_id: Some(case.deal.id),
            at: scene.now,
            expires_at: None,
            also: None,
            card: None,
        });
    }
    tell(cx, &scene.team, &tellings)?;
    Ok(())
}
