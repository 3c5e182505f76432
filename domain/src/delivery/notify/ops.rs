//! Telling members, and merging what waits for their digests.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;

use super::store::{self, Due};
use super::{Dropped, Event, Line, Section, Telling, Told, Urgency};
use crate::delivery::cards::ops::post;
use crate::delivery::outbox::ops::cancel_unsent;
use crate::delivery::outbox::waiting::unsent;
use crate::delivery::template::{Templates, Words, first_name};
use crate::delivery::{NewMessage, Priority, Purpose, To, feed};
use crate::kernel::id::{DealId, MemberId, MessageId};
use crate::kernel::{Cx, No, Subject, time};
use crate::people::reach::{self, Channel, Mode, Person, Preferences, Topic, rules};
use crate::workspace::member::{self, Member, MemberStatus};

/// The active members of the workspace and what they prefer, without addresses of which nobody has shown that they are
/// theirs.
pub struct Team {
    members: HashMap<MemberId, (Member, Preferences)>,
}

impl Team {
    pub fn load(cx: &mut Cx<'_>) -> Result<Self, No> {
        let members: Vec<Member> =
            member::store::list(cx)?.into_iter().filter(|m| m.status == MemberStatus::Active).collect();
        let people: Vec<Person> = members.iter().map(|m| Person::Member(m.id)).collect();
        let mut said = reach::store::of(cx, &people)?;
        let mut proofs = reach::proof::of_team(cx)?;
        let own = |m: Member| {
            let preferences = said.remove(&Person::Member(m.id)).unwrap_or_default();
            let known = proofs.remove(&m.id).unwrap_or_default().only(preferences);
            (m.id, (m, known))
        };
        Ok(Self { members: members.into_iter().map(own).collect() })
    }

    /// `None` when the member is out of service.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.get(&id).map(|(member, _)| member)
    }

    /// In order of their ids, which is the order in which they came.
    pub fn all(&self) -> Vec<&Member> {
        let mut all: Vec<&Member> = self.members.values().map(|(member, _)| member).collect();
        all.sort_by_key(|member| member.id);
        all
    }

    pub fn preferences(&self, id: MemberId) -> Option<&Preferences> {
        self.members.get(&id).map(|(_, preferences)| preferences)
    }
}

/// Tells each member on the channels they chose: now, after their quiet hours, or with their next digest. The answers
/// stand in the order of what was asked. One message for each occasion and channel, however often it is asked for.
///
/// Part of other verbs, which ask for the right to do so.
pub fn tell(cx: &mut Cx<'_>, team: &Team, tellings: &[Telling]) -> Result<Vec<Told>, No> {
    let mut messages = Vec::new();
    let mut items = Vec::new();
    // For each telling how many messages it gives, or what else becomes of it.
    let mut plans: Vec<Result<usize, Told>> = Vec::with_capacity(tellings.len());
    for telling in tellings {
        let Some((member, preferences)) = team.members.get(&telling.member) else {
            plans.push(Err(Told::Nobody));
            continue;
        };
        let zone = time::zone(&member.time_zone);
        let mut now_on = channels(telling, member, preferences);
        if now_on.is_empty() {
            match digest(telling, member, preferences) {
                None => {
                    plans.push(Err(Told::Off));
                    continue;
                }
                Some(mode) => {
                    let due_at = rules::next_digest(preferences, mode, telling.at.max(cx.now()), &zone);
                    if telling.expires_at.is_none_or(|expires| due_at < expires) {
                        items.push(item(telling, due_at));
                        plans.push(Err(Told::Digest(due_at)));
                        continue;
                    }
                    // The digest would come too late.
                    let at_once = Telling { urgency: Urgency::Important, ..telling.clone() };
                    now_on = channels(&at_once, member, preferences);
                }
            }
        }
        // Whoever wants to hear of it with a digest on another channel hears of it there too.
        if telling.urgency == Urgency::Routine
            && telling.topic != Topic::Digest
            && let Some(mode) = open(member, preferences, telling.topic).filter(|mode| mode.is_digest()).min()
        {
            let due_at = rules::next_digest(preferences, mode, telling.at.max(cx.now()), &zone);
            if telling.expires_at.is_none_or(|expires| due_at < expires) {
                items.push(item(telling, due_at));
            }
        }
        let due_at = match telling.urgency {
            Urgency::Urgent => telling.at,
            _ => rules::not_before(preferences.quiet.as_ref(), telling.at, &zone),
        };
        for (channel, address) in &now_on {
            // In-app rings nobody out of bed.
            let due_at = if *channel == Channel::InApp { telling.at } else { due_at };
            let card = telling.card.as_deref().filter(|_| *channel == Channel::Discord).cloned();
            messages.push((message(telling, *channel, address.clone(), due_at), card));
        }
        plans.push(Ok(now_on.len()));
    }
    store::add(cx, &items)?;
    let mut queued = post(cx, &messages)?.into_iter();
    Ok(plans
        .into_iter()
        .map(|plan| match plan {
            Ok(count) => Told::Queued(queued.by_ref().take(count).map(|queued| queued.id()).collect()),
            Err(told) => told,
        })
        .collect())
}

fn item(telling: &Telling, due_at: Timestamp) -> store::Item {
    store::Item {
        occasion: telling.occasion.clone(),
        member: telling.member,
        topic: telling.topic,
        deal_id: telling.deal_id,
        line: telling.words.line.chars().take(2_000).collect(),
        due_at,
        expires_at: telling.expires_at,
    }
}

fn message(telling: &Telling, channel: Channel, address: String, due_at: Timestamp) -> NewMessage {
    let mut content = telling.words.content(channel);
    content.data = telling.subject.as_ref().map(|subject| feed::about(&subject.kind, subject.id));
    NewMessage {
        occasion: format!("{}:{channel}", telling.occasion),
        topic: telling.topic,
        purpose: Purpose::Internal,
        channel,
        to: To::Member(telling.member),
        address,
        deal_id: telling.deal_id,
        approval_id: None,
        batch_id: None,
        content,
        priority: match telling.urgency {
            Urgency::Routine => Priority::Usual,
            _ => Priority::Urgent,
        },
        due_at,
        // Where quiet hours end after it, the message ends as expired: too late to be of use, and recorded as that.
        expires_at: telling.expires_at,
    }
}

/// The channels on which the member is told at once: all that are on, in the member's order. What is important goes
/// out at once on a channel that would else wait for its digest.
fn channels(telling: &Telling, member: &Member, preferences: &Preferences) -> Vec<(Channel, String)> {
    let person = Person::Member(member.id);
    rules::order(preferences)
        .into_iter()
        .filter(|channel| {
            let mode = preferences.mode(person, telling.topic, *channel);
            mode == Mode::On
                || telling.also == Some(*channel)
                || (telling.urgency > Urgency::Routine && mode.is_digest())
        })
        .filter_map(|channel| Some((channel, address(member, preferences, channel)?)))
        .collect()
}

/// Where a member is reached on a channel; `None` when nowhere.
pub(in crate::delivery) fn address(
    member: &Member,
    preferences: &Preferences,
    channel: Channel,
) -> Option<String> {
    match channel {
        Channel::InApp => Some(String::new()),
        Channel::Email => Some(member.email.clone()),
        Channel::Sms => preferences.phone.clone(),
        Channel::Discord => preferences.discord.clone(),
        Channel::Webhook | Channel::Console => None,
    }
}

/// The digest that comes soonest among the channels that the member wants one on and is reached on. A digest itself
/// waits for none.
fn digest(telling: &Telling, member: &Member, preferences: &Preferences) -> Option<Mode> {
    if telling.topic == Topic::Digest {
        return None;
    }
    open(member, preferences, telling.topic).filter(|mode| mode.is_digest()).min()
}

/// How the member hears of a topic on the channels on which they are reached.
fn open(member: &Member, preferences: &Preferences, topic: Topic) -> impl Iterator<Item = Mode> {
    let person = Person::Member(member.id);
    let reached = |channel: &&Channel| address(member, preferences, **channel).is_some();
    Channel::ALL.iter().filter(reached).map(move |channel| preferences.mode(person, topic, *channel))
}

/// What the owner of digests adds to them: milestones, drafts, deliveries. Asked once for each member whose daily or
/// weekly digest is due, with the member's local day.
pub type Sections<'a> = dyn FnMut(&mut Cx<'_>, &Member, jiff::civil::Date) -> Result<Vec<Section>, No> + 'a;

/// Sends every digest that is due: items that waited, and for those who want their day at a glance its sections. One
/// message for each member and instant, however many sweep. Gives how many were queued.
pub fn digests(cx: &mut Cx<'_>, sections: &mut Sections<'_>) -> Result<usize, No> {
    let team = Team::load(cx)?;
    let now = cx.now();
    let waiting = store::waiting(cx, 500)?;
    // Who wants the day at a glance, and for which instant: the last one that passed, as long as it is of the last hours.
    let mut glances: Vec<(MemberId, Timestamp)> = Vec::new();
    for member in team.all() {
        let Some(preferences) = team.preferences(member.id) else { continue };
        let modes = open(member, preferences, Topic::Digest);
        let Some(mode) = modes.filter(|mode| mode.is_digest()).min() else { continue };
        let zone = time::zone(&member.time_zone);
        let earlier = now - jiff::SignedDuration::from_hours(LATEST_HOURS);
        let at = rules::next_digest(preferences, mode, earlier, &zone);
        if at <= now && at > earlier {
            glances.push((member.id, at));
        }
    }
    let asked: Vec<String> = glances.iter().map(|(member, at)| occasion(*member, *at)).collect();
    let said = store::said(cx, &asked)?;
    glances.retain(|(member, at)| !said.contains(&occasion(*member, *at)));
    let mut whom: Vec<MemberId> = waiting.into_iter().chain(glances.iter().map(|(member, _)| *member)).collect();
    whom.sort();
    whom.dedup();
    let templates = Templates::load()?;
    let mut queued = 0;
    for id in whom {
        let (gone, items): (Vec<Due>, Vec<Due>) = store::due(cx, id)?.into_iter().partition(|i| i.is_expired(now));
        drop_all(cx, id, &gone, Dropped::Expired)?;
        let (Some(member), Some(preferences)) = (team.member(id).cloned(), team.preferences(id)) else {
            drop_all(cx, id, &items, Dropped::NoMember)?;
            continue;
        };
        let wanted = |item: &Due| open(&member, preferences, item.topic).any(|mode| mode != Mode::Off);
        let (items, off): (Vec<Due>, Vec<Due>) = items.into_iter().partition(wanted);
        drop_all(cx, id, &off, Dropped::Unreached)?;
        let today = time::today(now, &time::zone(&member.time_zone));
        let glance = glances.iter().find(|(whose, _)| *whose == id).map(|(_, at)| *at);
        let mut parts = Vec::new();
        if glance.is_some() {
            parts.extend(sections(cx, &member, today)?);
        }
        parts.push(section("Since the last digest", items.iter().map(line).collect()));
        parts.retain(|part: &Section| !part.lines.is_empty() || part.more > 0);
        if parts.is_empty() {
            continue;
        }
        let words = words(&templates, &member, today, &parts)?;
        let telling = Telling {
            member: id,
            topic: Topic::Digest,
            urgency: Urgency::Important,
            words,
            subject: None,
            occasion: occasion(id, glance.unwrap_or(now)),
            deal_id: None,
            at: now,
            expires_at: None,
            also: also(&member, preferences, &items),
            card: None,
        };
        let told = tell(cx, &team, std::slice::from_ref(&telling))?;
        let Some(Told::Queued(messages)) = told.first() else {
            drop_all(cx, id, &items, Dropped::Unreached)?;
            continue;
        };
        if let Some(first) = messages.first() {
            let occasions: Vec<String> = items.into_iter().map(|item| item.occasion).collect();
            store::put_into(cx, &occasions, *first)?;
            queued += 1;
        }
    }
    Ok(queued)
}

fn line(item: &Due) -> Line {
    match item.deal_id {
        Some(deal) => Line::about("deal", deal.0, item.line.clone()),
        None => Line::plain(item.line.clone()),
    }
}

fn drop_all(cx: &mut Cx<'_>, member: MemberId, items: &[Due], why: Dropped) -> Result<(), No> {
    if items.is_empty() {
        return Ok(());
    }
    let occasions: Vec<String> = items.iter().map(|item| item.occasion.clone()).collect();
    store::drop_items(cx, &occasions, why)?;
    cx.record(Subject::new("member", member.0), &Event::Dropped { why, lines: items.len() })
}

/// A digest that could not be sent for so long is of no use any more; its items go into the next one.
const LATEST_HOURS: i64 = 6;

/// Lines of a section that are shown.
const MOST_LINES: usize = 25;

pub fn section(title: &str, mut lines: Vec<Line>) -> Section {
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    Section { title: title.into(), lines, more }
}

fn occasion(member: MemberId, at: Timestamp) -> String {
    format!("digest:{member}:{}", at.as_second())
}

/// The channel on which the member wanted these topics as a digest, when it is none of those for digests as such.
fn also(member: &Member, preferences: &Preferences, items: &[Due]) -> Option<Channel> {
    let person = Person::Member(member.id);
    let wanted = |channel: &Channel| {
        let wants = |topic: &Topic| preferences.mode(person, *topic, *channel).is_digest();
        items.iter().any(|item| wants(&item.topic)) && address(member, preferences, *channel).is_some()
    };
    rules::order(preferences).into_iter().find(wanted)
}

fn words(
    templates: &Templates,
    member: &Member,
    today: jiff::civil::Date,
    parts: &[Section],
) -> Result<Words, No> {
    let first = first_name(&member.name);
    let day = today.strftime("%A %-d %B").to_string();
    let context = json!({
        "title": format!("Your digest of {day}"),
        "name": first,
        "intro": format!("this is your digest of {day}."),
        "sections": parts,
    });
    Ok(templates.render("digest", &context)?)
}

/// Takes back what has not left of what members were to be told about a deal on occasions that begin so. Part of other
/// verbs, which ask for the right to do so.
pub fn take_back(cx: &mut Cx<'_>, deal: DealId, topic: Topic, begins: &str, why: &str) -> Result<(), No> {
    let waiting = unsent(cx, &[deal], &[topic])?;
    let ids: Vec<MessageId> =
        waiting.iter().filter(|m| m.occasion.starts_with(begins)).map(|message| message.id).collect();
    if !ids.is_empty() {
        cancel_unsent(cx, &ids, why)?;
    }
    let mut lines = store::waiting_about(cx, deal, topic)?;
    lines.retain(|occasion| occasion.starts_with(begins));
    store::take_back(cx, &lines)?;
    Ok(())
}

/// When the next digest of anybody may go out, after now.
pub fn next_digest(cx: &mut Cx<'_>) -> Result<Option<Timestamp>, No> {
    let (team, now) = (Team::load(cx)?, cx.now());
    let next = team.all().into_iter().filter_map(|member| {
        let preferences = team.preferences(member.id)?;
        let zone = time::zone(&member.time_zone);
        let modes = Topic::ALL.iter().flat_map(|topic| open(member, preferences, *topic));
        modes.filter(|mode| mode.is_digest()).map(|mode| rules::next_digest(preferences, mode, now, &zone)).min()
    });
    Ok(next.min())
}
