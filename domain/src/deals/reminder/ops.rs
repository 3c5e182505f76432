//! What the clock does: plans what is due, takes back what is no longer so, and notes when to look again.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::rules::{self, Escalation, Facts, Group, Item, Plan};
use super::store::{self, DealFacts, MilestoneFacts};
use super::view::{self, ReminderView};
use super::words::{self, Says, Why};
use super::{Event, Key, Kind, Recipient, Record, State};
use crate::deals::deal::{self, DealStatus, PartyRole};
use crate::delivery::notify::ops::{Team, section, tell};
use crate::delivery::notify::{self, Section, Telling, Told, Urgency};
use crate::delivery::outbox::ops::{cancel_unsent, enqueue};
use crate::delivery::outbox::waiting::unsent;
use crate::delivery::settings::{self, Settings, Whom};
use crate::delivery::template::Templates;
use crate::delivery::{NewMessage, Priority, Purpose, To, outbox};
use crate::kernel::id::{ContactId, DealId, MemberId, MessageId, MilestoneId};
use crate::kernel::page::{Ask, Page};
use crate::kernel::{Cx, Fault, No, Refusal, Subject, time};
use crate::people::contact::Contact;
use crate::people::reach::{self, Channel, Mode, Person, Preferences, Topic};
use crate::workspace::access::{Require, Role, Verb};
use crate::workspace::member::Member;

/// What one look of the clock did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attended {
    /// Deals that were looked at. When it is as many as were asked for, there may be more.
    pub deals: usize,
    /// Messages that were put into the outbox or into digests.
    pub messages: usize,
    /// Reminders that were recorded as missed or refused.
    pub unsent: usize,
    /// Messages that were taken back.
    pub withdrawn: usize,
}

/// Looks at up to `limit` deals (64 is a good number) with a milestone whose time has come. Safe to run anywhere, any
/// number of times, at once. With nothing due it costs one look into an index.
pub fn attend(cx: &mut Cx<'_>, limit: i64) -> Result<Attended, No> {
    let deals = store::hold_due(cx, limit)?;
    if deals.is_empty() {
        return Ok(Attended::default());
    }
    attend_to(cx, &deals)
}

/// A milestone or its deal changed: what waits and is no longer so is taken back in this transaction, and what remains of
/// it is planned anew. Called by every verb that changes a deal, at its end, while it holds the deal.
pub(in crate::deals) fn changed(cx: &mut Cx<'_>, deal: DealId) -> Result<(), No> {
    if store::waits(cx, deal)? {
        attend_to(cx, &[deal])?;
    }
    Ok(())
}

/// What is the same for all deals of one look.
struct Scene {
    now: Timestamp,
    team: Team,
    settings: Settings,
    templates: Templates,
    escalation: Escalation,
    first_owner: Option<MemberId>,
    preferences: HashMap<Person, Preferences>,
    sms: HashSet<ContactId>,
}

/// One deal with everything that is known of it.
struct Case {
    deal: DealFacts,
    milestones: Vec<MilestoneFacts>,
    parties: Vec<(PartyRole, Contact)>,
    records: HashMap<Key, Record>,
    items: Vec<Item>,
    owner: Option<MemberId>,
    zone: TimeZone,
}

fn attend_to(cx: &mut Cx<'_>, deals: &[DealId]) -> Result<Attended, No> {
    let (scene, mut cases) = set_up(cx, deals)?;
    let mut done = Attended { deals: deals.len(), ..Attended::default() };
    done.withdrawn = take_back(cx, &mut cases)?;
    let plans: Vec<Plan> = cases.iter().map(|case| rules::plan(&facts(case, &scene))).collect();
    carry_out(cx, &scene, &mut cases, &plans, &mut done)?;
    let looks: HashMap<MilestoneId, Option<Timestamp>> =
        plans.iter().flat_map(|plan| plan.looks.iter().copied()).collect();
    let before: HashMap<MilestoneId, Option<Timestamp>> =
        cases.iter().flat_map(|c| &c.milestones).map(|m| (m.id, m.attend_at.map(|at| at.0))).collect();
    let moved: Vec<_> =
        looks.iter().filter(|(id, at)| before.get(*id) != Some(*at)).map(|(id, at)| (*id, *at)).collect();
    store::look_next(cx, &moved)?;
    let known: Vec<MilestoneId> = looks.into_keys().collect();
    store::forget_others(cx, deals, &known)?;
    Ok(done)
}

fn set_up(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<(Scene, Vec<Case>), No> {
    let deals = store::deals_of(cx, ids)?;
    let mut milestones: HashMap<DealId, Vec<MilestoneFacts>> = HashMap::new();
    for m in store::milestones_of(cx, ids)? {
        milestones.entry(m.deal_id).or_default().push(m);
    }
    let mut parties = store::parties_of(cx, ids)?;
    let mut records: HashMap<DealId, HashMap<Key, Record>> = HashMap::new();
    for record in store::records_of(cx, ids)? {
        records.entry(record.deal_id).or_default().insert(record.key.clone(), record);
    }
    let team = Team::load(cx)?;
    let settings = settings::store::find(cx)?.settings;
    let contacts: Vec<&Contact> = parties.values().flatten().map(|(_, contact)| contact).collect();
    let people: Vec<Person> = contacts.iter().map(|contact| Person::Contact(contact.id)).collect();
    let preferences = reach::store::of(cx, &people)?;
    let with_phone: Vec<ContactId> = contacts.iter().filter(|c| c.phone.is_some()).map(|c| c.id).collect();
    let sms = store::agreed_to_sms(cx, &with_phone)?;
    let now = cx.now();
    // Only for those that may be told of now is it asked who wrote the title.
    let soon: Vec<MilestoneId> = milestones
        .values()
        .flatten()
        .filter(|m| {
            rules::first_look(m.due_on.map(|on| on.0), m.remind_days_before, m.lapses_at.map(|at| at.0))
                <= Some(now)
        })
        .map(|m| m.id)
        .collect();
    let by_agents = store::titled_by_agents(cx, &soon)?;
    let scene = Scene {
        now,
        escalation: escalation(&settings, &team),
        first_owner: team.all().iter().find(|m| m.role == Role::Owner).map(|m| m.id),
        templates: Templates::load()?,
        team,
        settings,
        preferences,
        sms,
    };
    let mut cases = Vec::with_capacity(deals.len());
    for deal in deals {
        let owner = deal.owner_id.filter(|id| scene.team.member(*id).is_some()).or(scene.first_owner);
        let zone = owner
            .and_then(|id| scene.team.member(id))
            .map_or_else(|| time::zone(&deal.time_zone), |owner| time::zone(&owner.time_zone));
        let mut milestones = milestones.remove(&deal.id).unwrap_or_default();
        if deal.status != DealStatus::Active {
            milestones.clear();
        }
        let parties = parties.remove(&deal.id).unwrap_or_default();
        let records = records.remove(&deal.id).unwrap_or_default();
        let mut case = Case { deal, milestones, parties, records, items: Vec::new(), owner, zone };
        case.items = items(&case, &scene, &by_agents);
        cases.push(case);
    }
    Ok((scene, cases))
}

fn escalation(settings: &Settings, team: &Team) -> Escalation {
    let whom = |whom: &Whom| match whom {
        Whom::Member(id) => team.member(*id).map(|m| m.id).into_iter().collect(),
        Whom::Role(role) => team.all().iter().filter(|m| m.role == *role).map(|m| m.id).collect(),
    };
    Escalation {
        after: SignedDuration::from_hours(settings.escalate_after_hours),
        path: settings.escalation_path.iter().map(whom).collect(),
    }
}

fn items(case: &Case, scene: &Scene, by_agents: &HashSet<MilestoneId>) -> Vec<Item> {
    let roles: Vec<(PartyRole, ContactId)> = match scene.settings.reminders_to_contacts {
        true => case.parties.iter().map(|(role, contact)| (*role, contact.id)).collect(),
        false => Vec::new(),
    };
    let chat = match (&case.deal.chat_channel, &scene.settings.team_channel) {
        (Some(id), _) => Some(Recipient::Chat(Channel::Discord, id.clone())),
        (None, Some(team)) => Some(Recipient::Chat(team.channel, team.address.clone())),
        (None, None) => None,
    };
    case.milestones
        .iter()
        .filter_map(|m| {
            let member = m.responsible_member_id.filter(|id| scene.team.member(*id).is_some());
            Some(Item {
                id: m.id,
                due_on: m.due_on?.0,
                lapses_at: m.lapses_at?.0,
                lead: m.remind_days_before,
                required: m.required,
                by_agent: by_agents.contains(&m.id),
                recipients: rules::recipients(m.responsible_role, member, &roles, case.owner, chat.as_ref()),
            })
        })
        .collect()
}

fn facts<'a>(case: &'a Case, scene: &'a Scene) -> Facts<'a> {
    // Records that were taken back do not stand in the way of a new one.
    let open = |record: &&Record| !matches!(record.state, State::Planned | State::Cancelled);
    let settled = case.records.values().filter(open).map(|record| record.key.clone()).collect();
    Facts {
        now: scene.now,
        zone: case.zone.clone(),
        owner: case.owner,
        items: &case.items,
        settled,
        escalation: &scene.escalation,
    }
}

/// Withdraws messages and lines of digests that say what is no longer so. What else was in them is planned again.
fn take_back(cx: &mut Cx<'_>, cases: &mut [Case]) -> Result<usize, No> {
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
        for record in case.records.values().filter(|record| moot(record, &case.items)) {
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
            let untrue = moot(record, items);
            let free = record.occasion.as_ref().is_some_and(|occasion| freed.contains(occasion));
            let (state, reason) = match record.state {
                State::Planned if untrue => (State::Cancelled, why_moot(record, items)),
                State::Queued | State::Digest if free && untrue => (State::Cancelled, why_moot(record, items)),
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
fn moot(record: &Record, items: &[Item]) -> bool {
    let Some(item) = items.iter().find(|item| item.id == record.key.milestone) else { return true };
    match record.key.kind {
        Kind::Reminder => !item.keys().contains(&record.key) || item.due_on != record.due_on,
        Kind::Overdue | Kind::Escalation(_) => item.due_on != record.key.on,
    }
}

fn why_moot(record: &Record, items: &[Item]) -> String {
    match items.iter().find(|item| item.id == record.key.milestone) {
        None => "The milestone was completed, waived or removed, or its deal ended, before it was sent.".into(),
        Some(item) if item.due_on != record.due_on => {
            format!("The milestone moved from {} to {} before it was sent.", record.due_on, item.due_on)
        }
        Some(_) => "Its reminder or who is reminded changed before it was sent.".into(),
    }
}

/// What a group becomes.
enum Way {
    Message(Box<NewMessage>),
    Telling(Box<Telling>),
    Refused(Why),
}

/// Puts plans into the outbox and records them, those of all deals at once.
fn carry_out(
    cx: &mut Cx<'_>,
    scene: &Scene,
    cases: &mut [Case],
    plans: &[Plan],
    done: &mut Attended,
) -> Result<(), No> {
    let mut ways: Vec<(usize, &Group, String, Way)> = Vec::new();
    for (n, (case, plan)) in cases.iter().zip(plans).enumerate() {
        for group in &plan.groups {
            let occasion = occasion(case, group);
            let way = way(case, scene, group, &occasion)?;
            ways.push((n, group, occasion, way));
        }
    }
    let messages: Vec<NewMessage> = ways
        .iter()
        .filter_map(|(.., way)| if let Way::Message(m) = way { Some((**m).clone()) } else { None })
        .collect();
    let tellings: Vec<Telling> = ways
        .iter()
        .filter_map(|(.., way)| if let Way::Telling(t) = way { Some((**t).clone()) } else { None })
        .collect();
    done.messages = messages.len() + tellings.len();
    let mut queued = enqueue(cx, &messages)?.into_iter();
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
                scene.now,
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
            new.add(case, scene.now, case.unsent(key, scene.now, State::Missed, TOO_LATE.into()));
        }
        for key in &plan.withheld {
            let who = case.contact_name(&key.recipient);
            new.add(case, scene.now, case.unsent(key, scene.now, State::Refused, Why::ByAgent.recorded(&who)));
            if let Recipient::Contact(id) = &key.recipient {
                unreached.entry((n, *id, Why::ByAgent)).or_default().push(key.milestone);
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

impl Case {
    fn due_on(&self, id: MilestoneId) -> Option<jiff::civil::Date> {
        self.items.iter().find(|item| item.id == id).map(|item| item.due_on)
    }

    fn milestone(&self, id: MilestoneId) -> Option<&MilestoneFacts> {
        self.milestones.iter().find(|m| m.id == id)
    }

    fn contact(&self, id: ContactId) -> Option<&Contact> {
        self.parties.iter().map(|(_, contact)| contact).find(|contact| contact.id == id)
    }

    fn contact_name(&self, recipient: &Recipient) -> String {
        match recipient {
            Recipient::Contact(id) => self.contact(*id).map(|contact| contact.name.clone()).unwrap_or_default(),
            _ => String::new(),
        }
    }

    fn unsent(&self, key: &Key, now: Timestamp, state: State, reason: String) -> Record {
        let item = self.items.iter().find(|item| item.id == key.milestone);
        Record {
            deal_id: self.deal.id,
            due_on: item.map_or(key.on, |item| item.due_on),
            at: item.map_or(now, |item| rules::remind_at(key.on, item.lapses_at, &self.zone)),
            state,
            reason: Some(reason),
            occasion: None,
            message_id: None,
            leads: false,
            round: 0,
            planned_at: now,
            key: key.clone(),
        }
    }
}

/// Records that are new, and those that come again after they were taken back.
#[derive(Default)]
struct Records {
    fresh: Vec<Record>,
    again: Vec<Record>,
}

impl Records {
    fn add(&mut self, case: &Case, now: Timestamp, record: Record) {
        match case.records.get(&record.key) {
            None => self.fresh.push(Record { round: 1, ..record }),
            Some(known) => self.again.push(Record { round: known.round + 1, planned_at: now, ..record }),
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

fn way(case: &Case, scene: &Scene, group: &Group, occasion: &str) -> Result<Way, No> {
    let at = group.at.min(scene.now);
    let today = time::today(scene.now, &time::zone(&case.deal.time_zone));
    let member_of = |m: &MilestoneFacts| m.responsible_member_id.and_then(|id| scene.team.member(id));
    let to_contact = matches!(group.recipient, Recipient::Contact(_));
    let note = |m: &MilestoneFacts| {
        let item = case.items.iter().find(|item| item.id == m.id)?;
        let kept_back = item.recipients.iter().any(|recipient| matches!(recipient, Recipient::Contact(_)));
        (item.by_agent && !to_contact).then(|| words::by_agent(kept_back))
    };
    let name = match &group.recipient {
        Recipient::Contact(id) => case.contact(*id).map(|contact| contact.name.as_str()),
        Recipient::Member(id) => scene.team.member(*id).map(|member| member.name.as_str()),
        Recipient::Chat(..) => None,
    };
    let found = group.items.iter().filter_map(|(id, _)| case.milestone(*id));
    let says = Says {
        deal: &case.deal,
        owner: case.owner.and_then(|id| scene.team.member(id)),
        parties: &case.parties,
        name,
        contact: to_contact,
        today,
        items: found.map(|m| (m, member_of(m), note(m))).collect(),
    };
    // A reminder is of use until the last of its due days is over; that something is overdue stays so.
    let lapses = case.items.iter().filter(|item| group.items.iter().any(|(id, _)| *id == item.id));
    let expires_at = match group.kind {
        Kind::Reminder => lapses.map(|item| item.lapses_at).max().filter(|at| *at > scene.now),
        Kind::Overdue | Kind::Escalation(_) => None,
    };
    let topic = match group.kind {
        Kind::Reminder => Topic::Reminder,
        Kind::Overdue => Topic::Overdue,
        Kind::Escalation(_) => Topic::Escalation,
    };
    let message = |channel: Channel, purpose: Purpose, to: To, address: String| -> Result<Way, No> {
        Ok(Way::Message(Box::new(NewMessage {
            occasion: format!("{occasion}:{channel}"),
            topic,
            purpose,
            channel,
            to,
            address,
            deal_id: Some(case.deal.id),
            approval_id: None,
            batch_id: None,
            content: words::message(&scene.templates, group.kind, &says)?.content(channel),
            priority: Priority::Usual,
            due_at: at,
            expires_at,
        })))
    };
    match &group.recipient {
        Recipient::Chat(channel, address) => message(*channel, Purpose::Internal, To::Team, address.clone()),
        Recipient::Contact(id) => match reach_contact(case.contact(*id), scene) {
            Ok((channel, address)) => message(channel, Purpose::Transactional, To::Contact(*id), address),
            Err(why) => Ok(Way::Refused(why)),
        },
        Recipient::Member(id) => Ok(Way::Telling(Box::new(Telling {
            member: *id,
            topic,
            urgency: match group.kind {
                Kind::Reminder => Urgency::Routine,
                Kind::Overdue | Kind::Escalation(_) => Urgency::Important,
            },
            words: words::message(&scene.templates, group.kind, &says)?,
            occasion: occasion.to_owned(),
            deal_id: Some(case.deal.id),
            at,
            expires_at,
            also: (group.kind == Kind::Overdue && scene.settings.overdue_email).then_some(Channel::Email),
        }))),
    }
}

/// The first of a contact's ways, in the contact's order, that is open: an e-mail address, or a number with consent.
fn reach_contact(contact: Option<&Contact>, scene: &Scene) -> Result<(Channel, String), Why> {
    let contact = contact.ok_or(Why::NoAddress)?;
    let person = Person::Contact(contact.id);
    let usual = Preferences::default();
    let preferences = scene.preferences.get(&person).unwrap_or(&usual);
    let open: Vec<(Channel, String)> = reach::rules::order(preferences)
        .into_iter()
        .filter_map(|channel| match channel {
            Channel::Email => Some((channel, contact.email.clone()?)),
            Channel::Sms if scene.sms.contains(&contact.id) => Some((channel, contact.phone.clone()?)),
            _ => None,
        })
        .collect();
    if open.is_empty() {
        return Err(Why::NoAddress);
    }
    let wanted = |channel: Channel| preferences.mode(person, Topic::Reminder, channel) != Mode::Off;
    open.into_iter().find(|(channel, _)| wanted(*channel)).ok_or(Why::SwitchedOff)
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
            occasion: format!("unreached:{first}:{contact}:{on}"),
            deal_id: Some(case.deal.id),
            at: scene.now,
            expires_at: None,
            also: None,
        });
    }
    tell(cx, &scene.team, &tellings)?;
    Ok(())
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

/// The sections of a digest that this slice knows: what comes up in the next three days, and what is overdue, of the
/// active deals that the member owns.
pub fn sections(cx: &mut Cx<'_>, member: &Member, today: jiff::civil::Date) -> Result<Vec<Section>, No> {
    const MOST: i64 = 200;
    let last = today.checked_add(jiff::Span::new().days(3)).unwrap_or(today);
    let line = |(deal, title, on): (String, String, jiff::civil::Date)| {
        format!("{title} of {deal}: {}", on.strftime("%A %-d %B"))
    };
    let coming = store::owned(cx, member.id, Some(today), last, MOST)?;
    let yesterday = today.yesterday().unwrap_or(today);
    let overdue = store::owned(cx, member.id, None, yesterday, MOST)?;
    Ok(vec![
        section("Due in the next three days", coming.into_iter().map(line).collect()),
        section("Overdue", overdue.into_iter().map(line).collect()),
    ])
}

/// Which recorded reminders to list. Without a deal: all.
#[derive(Clone, Debug, Default)]
pub struct ListReminders {
    pub deal_id: Option<DealId>,
    pub ask: Ask,
}

/// Every reminder that was planned, and what became of it.
pub fn list(cx: &mut Cx<'_>, cmd: &ListReminders) -> Result<Page<ReminderView>, No> {
    cx.require(Verb::ReadDeliveries)?;
    let limit = cmd.ask.limit().map_err(|p| vec![p])?;
    let after = cmd.ask.after().map_err(|p| vec![p])?;
    if let Some(id) = cmd.deal_id {
        deal::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    }
    let rows = store::list(cx, &store::Wanted { deal: cmd.deal_id, after, limit })?;
    let page = Page::cut(rows, limit, |listed| {
        let key = &listed.record.key;
        (listed.record.at, key.milestone.0, key.kind.to_string(), key.recipient.to_string())
    });
    view::views(cx, page)
}
