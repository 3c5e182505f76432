//! When one way to somebody has failed, the next one.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::{ops, store, waiting};
use crate::delivery::notify::ops::{Team, address};
use crate::delivery::policy::Verdict;
use crate::delivery::template::Words;
use crate::delivery::{Message, NewMessage, Priority, Purpose, Status, To};
use crate::kernel::id::{ContactId, MessageId};
use crate::kernel::{Cx, Fault, No, time};
use crate::people::contact::{self, Contact, standing};
use crate::people::reach::{self, Channel, Mode, Person, Preferences, Topic, rules};

/// What else there is of the occasions of messages that failed.
#[derive(Default)]
pub(super) struct Ways {
    /// The channel that such a message's words take now.
    pub next: HashMap<MessageId, Channel>,
    /// These reached their reader on another channel all the same.
    pub reached: HashSet<MessageId>,
}

/// Puts the words of messages that certainly never arrived onto the next channel of their reader's order, once for each
/// occasion and channel: to members what they are told, to contacts their reminders. Where several channels were tried at
/// once, all of them must have failed; where one may have got through, nothing more is sent.
pub(super) fn go_on(cx: &mut Cx<'_>, team: &Team, failed: &[&Message]) -> Result<Ways, No> {
    let mut ways = Ways::default();
    let eligible: Vec<(&Message, String)> = failed.iter().filter_map(|m| Some((*m, base(m)?))).collect();
    let bases: Vec<String> = eligible.iter().map(|(_, base)| base.clone()).collect();
    let mut of: HashMap<String, Vec<(MessageId, Channel, Status)>> = HashMap::new();
    for (base, id, channel, status) in waiting::on_all_channels(cx, &bases)? {
        of.entry(base).or_default().push((id, channel, status));
    }
    let suppressed: Vec<MessageId> =
        of.values().flatten().filter(|(.., status)| *status == Status::Suppressed).map(|(id, ..)| *id).collect();
    let nowhere = without_address(cx, &suppressed)?;
    let contacts = Contacts::load(cx, &eligible)?;
    let now = cx.now();
    let mut new = Vec::new();
    let mut from = Vec::new();
    let mut asked = HashSet::new();
    for (message, base) in &eligible {
        let all = of.get(base).map(Vec::as_slice).unwrap_or_default();
        if all.iter().any(|(.., status)| matches!(status, Status::Sent | Status::Delivered | Status::Read)) {
            ways.reached.insert(message.id);
        }
        let in_vain = |(id, _, status): &(MessageId, Channel, Status)| match status {
            Status::Failed | Status::Dead => true,
            Status::Suppressed => nowhere.contains(id),
            _ => false,
        };
        let useless = message.expires_at.is_some_and(|at| at <= now);
        if useless || !all.iter().all(in_vain) || !asked.insert(base.as_str()) {
            continue;
        }
        let tried: Vec<Channel> = all.iter().map(|(_, channel, _)| *channel).collect();
        let next = match message.to {
            To::Member(_) => to_member(team, message, &tried, now),
            To::Contact(id) => contacts.next(id, &tried).map(|(channel, address)| (channel, address, now)),
            To::Endpoint(_) | To::Team => None,
        };
        if let Some((channel, address, due_at)) = next {
            new.push(again(message, base, channel, address, due_at));
            from.push((message.id, channel));
        }
    }
    ops::enqueue(cx, &new)?;
    ways.next.extend(from);
    Ok(ways)
}

/// The occasion without the channel, of messages whose words may take another way.
fn base(m: &Message) -> Option<String> {
    let may = match m.to {
        To::Member(_) => m.purpose == Purpose::Internal,
        // What people approved was approved for its channel.
        To::Contact(_) => m.topic == Topic::Reminder && m.approval_id.is_none(),
        To::Endpoint(_) | To::Team => false,
    };
    let base = m.occasion.strip_suffix(m.channel.as_str())?.strip_suffix(':')?;
    may.then(|| base.to_owned())
}

/// Which of these suppressed messages were so because their address is none.
pub(super) fn without_address(cx: &mut Cx<'_>, suppressed: &[MessageId]) -> Result<HashSet<MessageId>, Fault> {
    if suppressed.is_empty() {
        return Ok(HashSet::new());
    }
    let bad = |code: &Option<String>| code.as_deref() == Some("BAD_ADDRESS");
    let of = store::decisions_of(cx, suppressed)?;
    Ok(of.into_iter().filter(|d| d.3 == Verdict::Block && bad(&d.4)).map(|d| d.1).collect())
}

/// The first channel of the member's order that was not tried, that they did not switch off for the topic, and on which
/// they are reached. What did not wait for the member's quiet hours does not wait now.
fn to_member(team: &Team, m: &Message, tried: &[Channel], now: Timestamp) -> Option<(Channel, String, Timestamp)> {
    let To::Member(id) = m.to else { return None };
    let (member, preferences) = (team.member(id)?, team.preferences(id)?);
    let off = |channel: &Channel| {
        preferences.topics.get(&m.topic).and_then(|ways| ways.get(channel)) == Some(&Mode::Off)
    };
    let next = rules::order(preferences)
        .into_iter()
        .filter(|channel| !tried.contains(channel) && !off(channel))
        .find_map(|channel| Some((channel, address(member, preferences, channel)?)));
    let (channel, address) = next?;
    let zone = time::zone(&member.time_zone);
    let quiet = preferences.quiet.as_ref();
    let urgent = rules::not_before(quiet, m.due_at, &zone) > m.due_at;
    let at_once = urgent || channel == Channel::InApp;
    Some((channel, address, if at_once { now } else { rules::not_before(quiet, now, &zone) }))
}

/// The contacts whose reminders failed, and how else they are reached.
struct Contacts {
    known: HashMap<ContactId, Contact>,
    preferences: HashMap<Person, Preferences>,
    agreed: HashSet<ContactId>,
}

impl Contacts {
    fn load(cx: &mut Cx<'_>, failed: &[(&Message, String)]) -> Result<Self, Fault> {
        let ids: BTreeSet<ContactId> =
            failed.iter().filter_map(|(m, _)| if let To::Contact(id) = m.to { Some(id) } else { None }).collect();
        if ids.is_empty() {
            return Ok(Self { known: HashMap::new(), preferences: HashMap::new(), agreed: HashSet::new() });
        }
        let all: Vec<ContactId> = ids.iter().copied().collect();
        let people: Vec<Person> = all.iter().map(|id| Person::Contact(*id)).collect();
        let agrees = |c: &standing::Consent| c.channel == Channel::Sms && c.holds();
        let consents = standing::store::consents(cx, &ids)?;
        Ok(Self {
            known: contact::store::of_ids(cx, &all)?.into_iter().map(|contact| (contact.id, contact)).collect(),
            preferences: reach::store::of(cx, &people)?,
            agreed: consents.into_iter().filter(|(_, all)| all.values().any(agrees)).map(|(id, _)| id).collect(),
        })
    }

    /// By e-mail, or by text with the contact's consent; what the contact wants, and the policy, stand over it.
    fn next(&self, id: ContactId, tried: &[Channel]) -> Option<(Channel, String)> {
        let contact = self.known.get(&id)?;
        let usual = Preferences::default();
        let preferences = self.preferences.get(&Person::Contact(id)).unwrap_or(&usual);
        let wanted = |channel| preferences.mode(Person::Contact(id), Topic::Reminder, channel) != Mode::Off;
        rules::order(preferences)
            .into_iter()
            .filter(|channel| !tried.contains(channel) && wanted(*channel))
            .find_map(|channel| match channel {
                Channel::Email => Some((channel, contact.email.clone()?)),
                Channel::Sms if self.agreed.contains(&id) => Some((channel, contact.phone.clone()?)),
                _ => None,
            })
    }
}

fn again(m: &Message, base: &str, channel: Channel, address: String, due_at: Timestamp) -> NewMessage {
    let mut content = Words::of(&m.content).content(channel);
    content.data = m.content.data.clone();
    // Buttons are drawn where they were meant for.
    if let Some(fields) = content.data.as_mut().and_then(|data| data.as_object_mut()) {
        fields.remove("card");
        fields.remove("drawn");
    }
    NewMessage {
        occasion: format!("{base}:{channel}"),
        topic: m.topic,
        purpose: m.purpose,
        channel,
        to: m.to,
        address,
        deal_id: m.deal_id,
        approval_id: None,
        batch_id: m.batch_id,
        content,
        priority: Priority::ALL.into_iter().find(|p| *p as i32 == m.priority).unwrap_or(Priority::Usual),
        due_at,
        expires_at: m.expires_at,
    }
}
