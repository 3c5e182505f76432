//! Facts and decisions in the database. Facts are read for a whole batch in a few statements.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Approved, Decision, Facts, Reason, Recipient, Standing, Step, Verdict, rules};
use crate::both;
use crate::delivery::gone::{self, GoneAddress};
use crate::delivery::settings::rules::{Limits, MOST_TRANSACTIONAL};
use crate::delivery::{Content, Purpose, To, settings};
use crate::kernel::canonical;
use crate::kernel::column::{At, Timestamptz, Uuid};
use crate::kernel::id::{ApprovalId, ContactId, DecisionId, EndpointId, MemberId, MessageId, WorkspaceId};
use crate::kernel::schema::{approvals, decisions, endpoints, members, messages};
use crate::kernel::{Cx, Fault};
use crate::people::contact::zones::{self, Clues, Zones};
use crate::people::contact::{self, Contact, standing};
use crate::people::reach::{self, Channel, Preferences, Topic};
use crate::workspace::member::MemberStatus;
use crate::workspace::tenant;

/// What the policy is asked about: a message, or one that somebody thinks of writing.
#[derive(Clone, Copy)]
pub struct Asked<'m> {
    pub purpose: Purpose,
    pub topic: Topic,
    pub channel: Channel,
    pub to: Whom,
    pub address: &'m str,
    pub content: Option<(&'m Content, &'m str)>,
    pub approval: Option<ApprovalId>,
}

#[derive(Clone, Copy)]
pub enum Whom {
    To(To),
    /// An address that belongs to no contact yet.
    Stranger,
}

/// Everything that decisions about a batch rest on.
pub struct Known {
    pub limits: Limits,
    zone: String,
    contacts: HashMap<ContactId, Person>,
    /// Of numbers and addresses, also of people outside of the batch.
    opted_out: HashMap<String, Timestamp>,
    members: HashMap<MemberId, bool>,
    endpoints: HashMap<EndpointId, bool>,
    approvals: HashMap<ApprovalId, Yes>,
    gone: HashMap<(Channel, String), GoneAddress>,
    quota: Quota,
}

/// An approval, as far as the rules ask.
struct Yes {
    state: String,
    covers: BTreeSet<String>,
    by_rule: Option<String>,
}

struct Person {
    contact: Contact,
    standing: standing::Standing,
    preferences: Preferences,
    consents: BTreeSet<Channel>,
    outreach: Vec<Timestamp>,
    transactional: Vec<Timestamp>,
}

/// How much of the workspace's own quota is used, counting what this batch lets go.
#[derive(Default)]
struct Quota {
    used: i64,
    /// When the messages counted that have to leave the window first, oldest first, from the first that matters on.
    leaving: Vec<Timestamp>,
    skipped: i64,
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Known {
    /// Reads what is known of the recipients. With `hold` the contacts' standings stay held until the end of the
    /// transaction, so that what was counted stays what counts; `batch` are the messages asked about, which do not count
    /// against themselves.
    pub fn load(cx: &mut Cx<'_>, asked: &[Asked<'_>], batch: &[MessageId], hold: bool) -> Result<Self, Fault> {
        let mut settings = settings::store::find(cx)?.settings.limits();
        if hold && settings.messages_per_day.is_some() {
            // Whoever counts against the quota counts alone.
            settings = settings::store::hold(cx)?.settings.limits();
        }
        let limits = settings;
        let zone = tenant::store::find(cx)?.map_or_else(String::new, |workspace| workspace.time_zone);
        let to = |asked: &Asked<'_>| match asked.to {
            Whom::To(to) => Some(to),
            Whom::Stranger => None,
        };
        let contacts: BTreeSet<ContactId> =
            asked.iter().filter_map(|a| if let Some(To::Contact(id)) = to(a) { Some(id) } else { None }).collect();
        let members: BTreeSet<MemberId> =
            asked.iter().filter_map(|a| if let Some(To::Member(id)) = to(a) { Some(id) } else { None }).collect();
        let endpoints: BTreeSet<EndpointId> = asked
            .iter()
            .filter_map(|a| if let Some(To::Endpoint(id)) = to(a) { Some(id) } else { None })
            .collect();
        let approvals: BTreeSet<ApprovalId> = asked.iter().filter_map(|a| a.approval).collect();
        let known_contacts = people(cx, &contacts, batch, hold)?;
        let strangers = asked.iter().any(|a| matches!(a.to, Whom::Stranger));
        let opted_out = if contacts.is_empty() && !strangers {
            HashMap::new()
        } else {
            opted_out(cx, asked, &known_contacts)?
        };
        let quota = match limits.messages_per_day {
            Some(most) if most > 0 && (strangers || !contacts.is_empty()) => quota(cx, most, batch)?,
            _ => Quota::default(),
        };
        Ok(Self {
            limits,
            zone,
            contacts: known_contacts,
            opted_out,
            members: active_members(cx, &members)?,
            endpoints: active_endpoints(cx, &endpoints)?,
            approvals: approvals_of(cx, &approvals)?,
            gone: gone_among(cx, asked)?,
            quota,
        })
    }

    /// The facts of one message. What this batch let go before counts.
    pub fn facts(&self, asked: &Asked<'_>) -> Result<Facts, Fault> {
        let recipient = match asked.to {
            Whom::Stranger => Recipient::Contact(Box::new(self.stranger(asked))),
            Whom::To(To::Contact(id)) => Recipient::Contact(Box::new(self.standing(id, asked)?)),
            Whom::To(To::Member(id)) => {
                Recipient::Member { active: self.members.get(&id).copied().unwrap_or(false) }
            }
            Whom::To(To::Endpoint(id)) => {
                Recipient::Endpoint { active: self.endpoints.get(&id).copied().unwrap_or(false) }
            }
            Whom::To(To::Team) => Recipient::Team,
        };
        let to_contact = matches!(recipient, Recipient::Contact(_));
        let approved = match (asked.content, asked.approval) {
            (None, _) => Approved::Later,
            (Some(_), None) => Approved::Unasked,
            (Some((_, hash)), Some(id)) => {
                let yes =
                    self.approvals.get(&id).ok_or_else(|| Fault::Corrupt(format!("there is no approval {id}")))?;
                let (state, by_rule) = (yes.state.clone(), yes.by_rule.clone());
                Approved::Given { state, covers: yes.covers.contains(hash), by_rule }
            }
        };
        let automated = rules::is_automated(asked.topic);
        let risks = match asked.content {
            Some((content, _)) if to_contact && automated => {
                rules::risks(&format!("{}\n{}", content.subject, content.text))
            }
            _ => Vec::new(),
        };
        Ok(Facts {
            purpose: asked.purpose,
            topic: asked.topic,
            channel: asked.channel,
            automated,
            address_problem: rules::address_problem(asked.channel, asked.address)
                .or_else(|| self.moved(asked))
                .or_else(|| self.gone.get(&of_address(asked)).map(GoneAddress::sentence)),
            risks,
            approved,
            quota_full_until: if to_contact { self.quota.full_until(self.limits.messages_per_day) } else { None },
            recipient,
        })
    }

    fn standing(&self, id: ContactId, asked: &Asked<'_>) -> Result<Standing, Fault> {
        let person = self.contacts.get(&id).ok_or_else(|| Fault::Corrupt(format!("there is no contact {id}")))?;
        let contact = &person.contact;
        let clues = Clues {
            time_zone: contact.time_zone.as_deref(),
            phone: contact.phone.as_deref(),
            region: contact.region.as_deref(),
            workspace: &self.zone,
        };
        let addresses = keys(contact.phone.as_deref(), contact.email.as_deref(), asked);
        let elsewhere = addresses.iter().filter_map(|address| self.opted_out.get(address)).min().copied();
        Ok(Standing {
            opted_out_at: person.standing.opted_out_at.or(elsewhere),
            opted_out_elsewhere: person.standing.opted_out_at.is_none() && elsewhere.is_some(),
            consents: person.consents.clone(),
            zones: Zones::of(clues),
            outreach: person.outreach.clone(),
            transactional: person.transactional.clone(),
            last_inbound_at: person.standing.last_inbound_at,
            taken_over_at: person.standing.taken_over_at,
            mode: person.preferences.said(asked.topic, asked.channel),
            quiet: person.preferences.quiet.clone(),
        })
    }

    /// What was written for an address that the contact has given up goes nowhere, however it came to wait.
    fn moved(&self, asked: &Asked<'_>) -> Option<String> {
        let Whom::To(To::Contact(id)) = asked.to else { return None };
        let contact = &self.contacts.get(&id)?.contact;
        (!contact.is_at(asked.channel, asked.address)).then(|| "The contact has another address by now.".into())
    }

    fn stranger(&self, asked: &Asked<'_>) -> Standing {
        let phone = Some(asked.address).filter(|address| !address.contains('@'));
        let clues = Clues { phone, workspace: &self.zone, ..Clues::default() };
        let elsewhere = keys(None, None, asked).iter().filter_map(|a| self.opted_out.get(a)).min().copied();
        Standing {
            opted_out_at: elsewhere,
            opted_out_elsewhere: elsewhere.is_some(),
            consents: BTreeSet::new(),
            zones: Zones::of(clues),
            outreach: Vec::new(),
            transactional: Vec::new(),
            last_inbound_at: None,
            taken_over_at: None,
            mode: None,
            quiet: None,
        }
    }

    /// Counts a message that is allowed now against those after it.
    pub fn count(&mut self, asked: &Asked<'_>, now: Timestamp) {
        let Whom::To(To::Contact(id)) = asked.to else { return };
        self.quota.used += 1;
        let Some(person) = self.contacts.get_mut(&id) else { return };
        match asked.purpose {
            Purpose::Outreach => person.outreach.insert(0, now),
            Purpose::Transactional => person.transactional.insert(0, now),
            Purpose::Internal => {}
        }
        person.outreach.truncate(KEPT);
        person.transactional.truncate(KEPT);
    }
}

/// No cap asks for more of the latest messages.
const KEPT: usize = MOST_TRANSACTIONAL as usize;

impl Quota {
    fn full_until(&self, most: Option<i64>) -> Option<Timestamp> {
        let most = most.filter(|most| *most > 0)?;
        let place = usize::try_from(self.used - most).ok()?;
        // One of the batch itself has to leave the window first when there are no older ones left.
        let leaving = self.leaving.get(place.checked_sub(usize::try_from(self.skipped).ok()?)?);
        leaving.and_then(|at| at.checked_add(DAY).ok())
    }
}

/// Under which words an address is looked for among those who opted out.
fn keys(phone: Option<&str>, email: Option<&str>, asked: &Asked<'_>) -> Vec<String> {
    let whole = |phone: &str| zones::whole_number(phone).unwrap_or_else(|| phone.to_owned());
    let mut keys: Vec<String> = phone.map(whole).into_iter().collect();
    keys.extend(email.map(str::to_lowercase));
    match asked.channel {
        Channel::Sms => keys.push(whole(asked.address)),
        Channel::Email => keys.push(asked.address.to_lowercase()),
        _ => {}
    }
    keys
}

fn opted_out(
    cx: &mut Cx<'_>,
    asked: &[Asked<'_>],
    people: &HashMap<ContactId, Person>,
) -> Result<HashMap<String, Timestamp>, Fault> {
    let (mut phones, mut emails) = (BTreeSet::new(), BTreeSet::new());
    for one in asked {
        let contact = match one.to {
            Whom::To(To::Contact(id)) => people.get(&id).map(|person| &person.contact),
            Whom::To(_) => continue,
            Whom::Stranger => None,
        };
        for key in keys(contact.and_then(|c| c.phone.as_deref()), contact.and_then(|c| c.email.as_deref()), one) {
            // What no database stores, nobody has.
            if key.contains('@') {
                emails.insert(key)
            } else {
                phones.insert(key)
            };
        }
    }
    standing::store::opted_out_addresses(cx, &phones, &emails)
}

fn people(
    cx: &mut Cx<'_>,
    ids: &BTreeSet<ContactId>,
    batch: &[MessageId],
    hold: bool,
) -> Result<HashMap<ContactId, Person>, Fault> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // First of all: what is read after this cannot be changed by another decision any more.
    let mut standings =
        if hold { standing::store::hold(cx, ids)? } else { standing::store::of_contacts(cx, ids)? };
    let mut consents = standing::store::consents(cx, ids)?;
    let list: Vec<ContactId> = ids.iter().copied().collect();
    let everybody: Vec<reach::Person> = list.iter().map(|id| reach::Person::Contact(*id)).collect();
    let mut preferences = reach::store::of(cx, &everybody)?;
    let mut people: HashMap<ContactId, Person> = HashMap::with_capacity(list.len());
    for contact in contact::store::of_ids(cx, &list)? {
        let agreed = consents.remove(&contact.id).unwrap_or_default();
        let person = Person {
            standing: standings.remove(&contact.id).unwrap_or_default(),
            preferences: preferences.remove(&reach::Person::Contact(contact.id)).unwrap_or_default(),
            consents: agreed.into_values().filter(standing::Consent::holds).map(|c| c.channel).collect(),
            outreach: Vec::new(),
            transactional: Vec::new(),
            contact,
        };
        people.insert(person.contact.id, person);
    }
    for row in counted(cx, &list, batch)? {
        let Some(person) = people.get_mut(&row.contact_id) else { continue };
        match row.purpose {
            Purpose::Outreach => person.outreach.push(row.counted_at.0),
            Purpose::Transactional => person.transactional.push(row.counted_at.0),
            Purpose::Internal => {}
        }
    }
    for person in people.values_mut() {
        person.outreach.sort_unstable_by(|a, b| b.cmp(a));
        person.transactional.sort_unstable_by(|a, b| b.cmp(a));
    }
    Ok(people)
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Uuid)]
    contact_id: ContactId,
    #[diesel(sql_type = sql_types::Text)]
    purpose: Purpose,
    #[diesel(sql_type = Timestamptz)]
    counted_at: At,
}

/// The latest messages to each contact that count: of outreach whenever it was, of transactional within a day.
fn counted(cx: &mut Cx<'_>, ids: &[ContactId], batch: &[MessageId]) -> Result<Vec<Counted>, Fault> {
    let (workspace, day_ago) = (cx.workspace(), At(a_day_before(cx.now())));
    let mut found = Vec::new();
    for some in ids.chunks(1_000) {
        // Ids are written into the text, which both databases read as their own kind: a list has no bind that both know.
        let query = format!(
            "SELECT contact_id, purpose, counted_at FROM (SELECT contact_id, purpose, counted_at, row_number() OVER \
             (PARTITION BY contact_id, purpose ORDER BY counted_at DESC) AS place FROM messages WHERE workspace_id = $1 \
             AND contact_id IN ({}) AND counted_at IS NOT NULL AND (purpose = 'outreach' OR (purpose = 'transactional' \
             AND counted_at > $2)) AND id NOT IN ({})) AS latest WHERE place <= {KEPT}",
            listed(some),
            listed(batch),
        );
        let rows: Vec<Counted> = both!(cx.conn(), |c| {
            diesel::sql_query(&query).bind::<Uuid, _>(workspace).bind::<Timestamptz, _>(day_ago).load(c)
        })?;
        found.extend(rows);
    }
    Ok(found)
}

fn listed(ids: &[impl std::fmt::Display]) -> String {
    if ids.is_empty() {
        // No row has this id.
        return "'00000000-0000-0000-0000-000000000000'".into();
    }
    ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(",")
}

fn a_day_before(now: Timestamp) -> Timestamp {
    now.checked_sub(DAY).unwrap_or(Timestamp::MIN)
}

fn quota(cx: &mut Cx<'_>, most: i64, batch: &[MessageId]) -> Result<Quota, Fault> {
    let (workspace, day_ago) = (cx.workspace(), At(a_day_before(cx.now())));
    let used: i64 = both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::counted_at.is_not_null())
            .filter(messages::counted_at.assume_not_null().gt(day_ago))
            .count()
            .get_result(c)
    })?;
    let room = most - used;
    let more = i64::try_from(batch.len().max(1)).unwrap_or(i64::MAX);
    if room > more {
        return Ok(Quota { used, ..Quota::default() });
    }
    let skipped = (-room).max(0);
    let leaving: Vec<At> = both!(cx.conn(), |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::counted_at.is_not_null())
            .filter(messages::counted_at.assume_not_null().gt(day_ago))
            .order(messages::counted_at)
            .offset(skipped)
            .limit(more + 1)
            .select(messages::counted_at.assume_not_null())
            .load(c)
    })?;
    let mut leaving: Vec<Timestamp> = leaving.into_iter().map(|at| at.0).collect();
    // Behind them stand those that this batch lets go.
    leaving.extend(std::iter::repeat_n(cx.now(), batch.len() + 1));
    Ok(Quota { used, leaving, skipped })
}

fn of_address(asked: &Asked<'_>) -> (Channel, String) {
    (asked.channel, gone::key(asked.channel, asked.address))
}

/// Those of the addresses that take nothing any more.
fn gone_among(cx: &mut Cx<'_>, asked: &[Asked<'_>]) -> Result<HashMap<(Channel, String), GoneAddress>, Fault> {
    let mut keys: Vec<String> =
        asked.iter().filter(|a| gone::is_kept(a.channel)).map(|a| of_address(a).1).collect();
    // What no database stores, nobody noted.
    keys.retain(|key| !key.is_empty() && !key.contains('\0'));
    keys.sort_unstable();
    keys.dedup();
    let found = gone::store::among(cx, &keys)?;
    Ok(found.into_iter().map(|gone| ((gone.channel, gone.address.clone()), gone)).collect())
}

fn active_members(cx: &mut Cx<'_>, ids: &BTreeSet<MemberId>) -> Result<HashMap<MemberId, bool>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<MemberId> = ids.iter().copied().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for some in ids.chunks(1_000) {
        let rows: Vec<(MemberId, MemberStatus)> = both!(cx.conn(), |c| {
            members::table
                .filter(members::workspace_id.eq(workspace))
                .filter(members::id.eq_any(some))
                .select((members::id, members::status))
                .load(c)
        })?;
        found.extend(rows.into_iter().map(|(id, status)| (id, status == MemberStatus::Active)));
    }
    Ok(found)
}

fn active_endpoints(cx: &mut Cx<'_>, ids: &BTreeSet<EndpointId>) -> Result<HashMap<EndpointId, bool>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<EndpointId> = ids.iter().copied().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for some in ids.chunks(1_000) {
        let rows: Vec<(EndpointId, String)> = both!(cx.conn(), |c| {
            endpoints::table
                .filter(endpoints::workspace_id.eq(workspace))
                .filter(endpoints::id.eq_any(some))
                .select((endpoints::id, endpoints::status))
                .load(c)
        })?;
        found.extend(rows.into_iter().map(|(id, status)| (id, status == "active")));
    }
    Ok(found)
}

fn approvals_of(cx: &mut Cx<'_>, ids: &BTreeSet<ApprovalId>) -> Result<HashMap<ApprovalId, Yes>, Fault> {
    type Row = (ApprovalId, String, String, bool, Option<String>);
    let workspace = cx.workspace();
    let ids: Vec<ApprovalId> = ids.iter().copied().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for some in ids.chunks(1_000) {
        let rows: Vec<Row> = both!(cx.conn(), |c| {
            approvals::table
                .filter(approvals::workspace_id.eq(workspace))
                .filter(approvals::id.eq_any(some))
                .select((
                    approvals::id,
                    approvals::state,
                    approvals::covers,
                    approvals::by_rule,
                    approvals::closed_by,
                ))
                .load(c)
        })?;
        for (id, state, covers, by_rule, closed_by) in rows {
            let covers = serde_json::from_str(&covers)
                .map_err(|error| Fault::Corrupt(format!("approval {id}: {error}")))?;
            let by_rule = by_rule.then(|| closed_by.unwrap_or_else(|| "a rule".into()));
            found.insert(id, Yes { state, covers, by_rule });
        }
    }
    Ok(found)
}

/// A decision as it is stored: never changed, never removed.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = decisions)]
#[diesel(treat_none_as_default_value = false)]
pub struct DecisionRow {
    workspace_id: WorkspaceId,
    pub id: DecisionId,
    pub message_id: MessageId,
    pub at: At,
    pub verdict: Verdict,
    pub code: Option<Reason>,
    pub until: Option<At>,
    pub engine: i32,
    pub content_hash: String,
    facts: String,
    trace: String,
}

/// What a decision rests on, but for the instant.
#[derive(Serialize, Deserialize)]
struct Grounds {
    facts: Facts,
    limits: Limits,
}

impl DecisionRow {
    pub fn of(
        cx: &mut Cx<'_>,
        message: (MessageId, &str),
        facts: Facts,
        limits: &Limits,
        decision: &Decision,
    ) -> Result<Self, Fault> {
        let grounds = Grounds { facts, limits: limits.clone() };
        Ok(Self {
            workspace_id: cx.workspace(),
            id: DecisionId(cx.mint()),
            message_id: message.0,
            at: At(cx.now()),
            verdict: decision.verdict,
            code: decision.codes.first().copied(),
            until: decision.until.map(At),
            engine: super::ENGINE,
            content_hash: message.1.to_owned(),
            facts: canonical_text(&grounds)?,
            trace: canonical_text(&decision.trace)?,
        })
    }

    /// What was looked at, and the limits that held.
    pub fn grounds(&self) -> Result<(Facts, Limits), Fault> {
        let grounds: Grounds = serde_json::from_str(&self.facts).map_err(|error| self.broken(&error))?;
        Ok((grounds.facts, grounds.limits))
    }

    pub fn trace(&self) -> Result<Vec<Step>, Fault> {
        serde_json::from_str(&self.trace).map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &serde_json::Error) -> Fault {
        Fault::Corrupt(format!("decision {}: {error}", self.id))
    }
}

fn canonical_text(value: &impl Serialize) -> Result<String, Fault> {
    let value = serde_json::to_value(value).map_err(|error| Fault::Corrupt(error.to_string()))?;
    String::from_utf8(canonical::bytes(&value)).map_err(|error| Fault::Corrupt(error.to_string()))
}

pub fn insert(cx: &mut Cx<'_>, rows: &[DecisionRow]) -> Result<(), Fault> {
    // SQLite takes at most 32,766 binds a statement.
    for some in rows.chunks(1_000) {
        let some = some.to_vec();
        both!(cx.conn(), |c| diesel::insert_into(decisions::table).values(some).execute(c))?;
    }
    Ok(())
}

pub fn find(cx: &mut Cx<'_>, id: DecisionId) -> Result<Option<DecisionRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        decisions::table.find((workspace, id)).select(DecisionRow::as_select()).first(c).optional()
    })?)
}

/// The decisions about a message, the first first; at most 1,000.
pub fn of_message(cx: &mut Cx<'_>, message: MessageId) -> Result<Vec<DecisionRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        decisions::table
            .filter(decisions::workspace_id.eq(workspace))
            .filter(decisions::message_id.eq(message))
            .order(decisions::id)
            .limit(1_000)
            .select(DecisionRow::as_select())
            .load(c)
    })?)
}
