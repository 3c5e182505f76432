//! What is known of deals when the clock looks at them.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::rules::{self, Escalation, Facts, Item};
use super::store::{self, DealFacts, MilestoneFacts};
use super::words::{AGENT_WORDS, UNCONFIRMED, Why};
use super::{Key, Kind, Recipient, Record, State};
use crate::deals::deal::store::{ByProgram, worded_by_programs};
use crate::deals::deal::{DealStatus, PartyRole};
use crate::delivery::notify::ops::Team;
use crate::delivery::settings::{self, Settings, Whom};
use crate::delivery::template::Templates;
use crate::kernel::id::{ContactId, DealId, MemberId, MilestoneId};
use crate::kernel::{Cx, No, time};
use crate::people::contact::Contact;
use crate::people::reach::rules::{Addresses, NoWay, way};
use crate::people::reach::{self, Channel, Person, Preferences, Topic};
use crate::workspace::access::Role;

/// What is the same for all deals of one look.
pub(super) struct Scene {
    pub now: Timestamp,
    pub team: Team,
    pub settings: Settings,
    pub templates: Templates,
    pub escalation: Escalation,
    pub first_owner: Option<MemberId>,
    pub preferences: HashMap<Person, Preferences>,
    pub sms: HashSet<ContactId>,
    /// By the occasions of overdue notices and escalations, what came of their messages; `None` while none has left.
    pub heard: HashMap<String, Option<Heard>>,
}

/// That somebody was told, or was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub at: Timestamp,
    /// Whether it is known that a message left.
    pub reached: bool,
}

impl Scene {
    /// What came of telling; `None` while it is under way.
    pub(super) fn heard(&self, record: &Record) -> Option<Heard> {
        let known = record.occasion.as_ref().and_then(|occasion| self.heard.get(occasion));
        known.copied().unwrap_or(Some(Heard { at: record.planned_at, reached: false }))
    }
}

/// One deal with everything that is known of it.
pub(super) struct Case {
    pub deal: DealFacts,
    pub milestones: Vec<MilestoneFacts>,
    pub parties: Vec<(PartyRole, Contact)>,
    pub records: HashMap<Key, Record>,
    pub items: Vec<Item>,
    pub owner: Option<MemberId>,
    pub zone: TimeZone,
    /// Which of the deal's words a program wrote and nobody has confirmed.
    pub by_program: ByProgram,
}

impl Case {
    pub(super) fn due_on(&self, id: MilestoneId) -> Option<jiff::civil::Date> {
        self.items.iter().find(|item| item.id == id).map(|item| item.due_on)
    }

    pub(super) fn milestone(&self, id: MilestoneId) -> Option<&MilestoneFacts> {
        self.milestones.iter().find(|m| m.id == id)
    }

    pub(super) fn contact(&self, id: ContactId) -> Option<&Contact> {
        self.parties.iter().map(|(_, contact)| contact).find(|contact| contact.id == id)
    }

    pub(super) fn contact_name(&self, recipient: &Recipient) -> String {
        match recipient {
            Recipient::Contact(id) => self.contact(*id).map(|contact| contact.name.clone()).unwrap_or_default(),
            _ => String::new(),
        }
    }

    pub(super) fn unsent(&self, key: &Key, now: Timestamp, state: State, reason: String) -> Record {
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

pub(super) fn set_up(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<(Scene, Vec<Case>), No> {
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
    // Only for those that may be told of now is it asked who wrote the words.
    let soon: Vec<&MilestoneFacts> = milestones
        .values()
        .flatten()
        .filter(|m| {
            rules::first_look(m.due_on.map(|on| on.0), m.remind_days_before, m.lapses_at.map(|at| at.0))
                <= Some(now)
        })
        .collect();
    let mut with_soon: Vec<DealId> = soon.iter().map(|m| m.deal_id).collect();
    with_soon.sort_unstable();
    with_soon.dedup();
    let soon: Vec<MilestoneId> = soon.iter().map(|m| m.id).collect();
    let by_agents = store::titled_by_agents(cx, &soon)?;
    let by_programs = worded_by_programs(cx, &with_soon)?;
    let snoozes = store::snoozes_of(cx, ids)?;
    let told: Vec<String> = records
        .values()
        .flat_map(HashMap::values)
        .filter(|record| record.key.kind != Kind::Reminder && record.state == State::Queued)
        .filter_map(|record| record.occasion.clone())
        .collect();
    let heard = store::heard(cx, &told)?;
    let scene = Scene {
        heard,
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
        let by_program = by_programs.get(&deal.id).copied().unwrap_or_default();
        let mut case = Case { deal, milestones, parties, records, items: Vec::new(), owner, zone, by_program };
        case.items = items(&case, &scene, &by_agents);
        for item in &mut case.items {
            let snooze = snoozes.get(&item.id).filter(|snooze| snooze.due_on == item.due_on);
            item.snoozed_until = snooze.map(|snooze| snooze.until);
        }
        cases.push(case);
    }
    Ok((scene, cases))
}

pub(super) fn escalation(settings: &Settings, team: &Team) -> Escalation {
    let whom = |whom: &Whom| match whom {
        Whom::Member(id) => team.member(*id).map(|m| m.id).into_iter().collect(),
        Whom::Role(role) => team.all().iter().filter(|m| m.role == *role).map(|m| m.id).collect(),
    };
    Escalation {
        after: SignedDuration::from_hours(settings.escalate_after_hours),
        path: settings.escalation_path.iter().map(whom).collect(),
    }
}

pub(super) fn items(case: &Case, scene: &Scene, by_agents: &HashSet<MilestoneId>) -> Vec<Item> {
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
                by_agent: case.by_program.parties || by_agents.contains(&m.id),
                snoozed_until: None,
                recipients: rules::recipients(m.responsible_role, member, &roles, case.owner, chat.as_ref()),
            })
        })
        .collect()
}

pub(super) fn facts<'a>(case: &'a Case, scene: &'a Scene) -> Facts<'a> {
    // What was held back for words of a program is due again once a member has confirmed them.
    let freed = |record: &Record| {
        let reason = record.reason.as_deref().unwrap_or_default();
        (reason.starts_with(AGENT_WORDS) || reason.starts_with(UNCONFIRMED))
            && case
                .items
                .iter()
                .any(|item| item.id == record.key.milestone && !item.by_agent && item.lapses_at > scene.now)
    };
    // Records that were taken back do not stand in the way of a new one, nor do those that a clock that was ahead missed.
    let lapsed = |id| case.items.iter().any(|item| item.id == id && item.lapses_at <= scene.now);
    let open = |record: &&Record| match record.state {
        State::Planned | State::Cancelled => false,
        State::Missed => lapsed(record.key.milestone),
        State::Refused => !freed(record),
        State::Queued | State::Digest => true,
    };
    let since = |record: &Record| (record.key.clone(), scene.heard(record).map(|heard| heard.at));
    let settled = case.records.values().filter(open).map(since).collect();
    Facts {
        now: scene.now,
        zone: case.zone.clone(),
        owner: case.owner,
        items: &case.items,
        settled,
        escalation: &scene.escalation,
    }
}

/// By which way a contact is reached.
pub(super) fn reach_contact(contact: Option<&Contact>, scene: &Scene) -> Result<(Channel, String), Why> {
    let contact = contact.ok_or(Why::NoAddress)?;
    let usual = Preferences::default();
    let preferences = scene.preferences.get(&Person::Contact(contact.id)).unwrap_or(&usual);
    let at = Addresses {
        email: contact.email.as_deref(),
        phone: contact.phone.as_deref(),
        agreed_to_sms: scene.sms.contains(&contact.id),
    };
    way(contact.id, at, preferences, Topic::Reminder).map_err(|no| match no {
        NoWay::NoAddress => Why::NoAddress,
        NoWay::SwitchedOff => Why::SwitchedOff,
    })
}
