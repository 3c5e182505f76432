//! Telling members, and merging what waits for their digests.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;

use super::{Section, Telling, Told, Urgency, store};
use crate::delivery::outbox::ops::enqueue;
use crate::delivery::template::{Templates, Words};
use crate::delivery::{NewMessage, Priority, Purpose, To};
use crate::kernel::id::MemberId;
use crate::kernel::{Cx, No, time};
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
        let now_on = channels(telling, member, preferences);
        if !now_on.is_empty() {
            let due_at = match telling.urgency {
                Urgency::Urgent => telling.at,
                _ => rules::not_before(preferences.quiet.as_ref(), telling.at, &zone),
            };
            for (channel, address) in &now_on {
                // In-app rings nobody out of bed.
                let due_at = if *channel == Channel::InApp { telling.at } else { due_at };
                messages.push(message(telling, *channel, address.clone(), due_at));
            }
            plans.push(Ok(now_on.len()));
            continue;
        }
        match digest(telling, preferences) {
            None => plans.push(Err(Told::Off)),
            Some(mode) => {
                let due_at = rules::next_digest(preferences, mode, telling.at.max(cx.now()), &zone);
                items.push(store::Item {
                    occasion: telling.occasion.clone(),
                    member: member.id,
                    topic: telling.topic,
                    deal_id: telling.deal_id,
                    line: telling.words.line.chars().take(2_000).collect(),
                    due_at,
                });
                plans.push(Err(Told::Digest(due_at)));
            }
        }
    }
    store::add(cx, &items)?;
    let mut queued = enqueue(cx, &messages)?.into_iter();
    Ok(plans
        .into_iter()
        .map(|plan| match plan {
            Ok(count) => Told::Queued(queued.by_ref().take(count).map(|queued| queued.id()).collect()),
            Err(told) => told,
        })
        .collect())
}

fn message(telling: &Telling, channel: Channel, address: String, due_at: Timestamp) -> NewMessage {
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
        content: telling.words.content(channel),
        priority: match telling.urgency {
            Urgency::Routine => Priority::Usual,
            _ => Priority::Urgent,
        },
        due_at,
        expires_at: telling.expires_at.filter(|expires| *expires > due_at),
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
fn address(member: &Member, preferences: &Preferences, channel: Channel) -> Option<String> {
    match channel {
        Channel::InApp => Some(String::new()),
        Channel::Email => Some(member.email.clone()),
        Channel::Sms => preferences.phone.clone(),
        Channel::Discord => preferences.discord.clone(),
        Channel::Webhook | Channel::Console => None,
    }
}

/// The digest that comes soonest among the channels that the member wants one on.
fn digest(telling: &Telling, preferences: &Preferences) -> Option<Mode> {
    let person = Person::Member(telling.member);
    let modes = Channel::ALL.iter().map(|channel| preferences.mode(person, telling.topic, *channel));
    modes.filter(|mode| mode.is_digest()).min()
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
        let person = Person::Member(member.id);
        let modes = Channel::ALL.iter().map(|channel| preferences.mode(person, Topic::Digest, *channel));
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
        let items = store::due(cx, id)?;
        let Some(member) = team.member(id).cloned() else { continue };
        let Some(preferences) = team.preferences(id) else { continue };
        let today = time::today(now, &time::zone(&member.time_zone));
        let glance = glances.iter().find(|(whose, _)| *whose == id).map(|(_, at)| *at);
        let mut parts = Vec::new();
        if glance.is_some() {
            parts.extend(sections(cx, &member, today)?);
        }
        if !items.is_empty() {
            parts.push(section("Since the last digest", items.iter().map(|(_, _, line)| line.clone()).collect()));
        }
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
            occasion: occasion(id, glance.unwrap_or(now)),
            deal_id: None,
            at: now,
            expires_at: None,
            also: also(&member, preferences, &items),
        };
        let told = tell(cx, &team, std::slice::from_ref(&telling))?;
        let Some(Told::Queued(messages)) = told.first() else { continue };
        if let Some(first) = messages.first() {
            let occasions: Vec<String> = items.into_iter().map(|(occasion, _, _)| occasion).collect();
            store::put_into(cx, &occasions, *first)?;
            queued += 1;
        }
    }
    Ok(queued)
}

/// A digest that could not be sent for so long is of no use any more; its items go into the next one.
const LATEST_HOURS: i64 = 6;

/// Lines of a section that are shown.
const MOST_LINES: usize = 25;

pub fn section(title: &str, mut lines: Vec<String>) -> Section {
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    Section { title: title.into(), lines, more }
}

fn occasion(member: MemberId, at: Timestamp) -> String {
    format!("digest:{member}:{}", at.as_second())
}

/// The channel on which the member wanted these topics as a digest, when it is none of those for digests as such.
fn also(member: &Member, preferences: &Preferences, items: &[(String, Topic, String)]) -> Option<Channel> {
    let person = Person::Member(member.id);
    let wanted = |channel: &Channel| {
        let wants = |topic: &Topic| preferences.mode(person, *topic, *channel).is_digest();
        items.iter().any(|(_, topic, _)| wants(topic)) && address(member, preferences, *channel).is_some()
    };
    rules::order(preferences).into_iter().find(wanted)
}

fn words(
    templates: &Templates,
    member: &Member,
    today: jiff::civil::Date,
    parts: &[Section],
) -> Result<Words, No> {
    let first = member.name.split(' ').next().unwrap_or_default();
    let day = today.strftime("%A %-d %B").to_string();
    let context = json!({
        "title": format!("Your digest of {day}"),
        "name": first,
        "intro": format!("this is your digest of {day}."),
        "sections": parts,
    });
    Ok(templates.render("digest", &context)?)
}

/// When the next digest of anybody may go out, after now.
pub fn next_digest(cx: &mut Cx<'_>) -> Result<Option<Timestamp>, No> {
    let (team, now) = (Team::load(cx)?, cx.now());
    let next = team.all().into_iter().filter_map(|member| {
        let preferences = team.preferences(member.id)?;
        let person = Person::Member(member.id);
        let zone = time::zone(&member.time_zone);
        let modes = Topic::ALL
            .iter()
            .flat_map(|topic| Channel::ALL.iter().map(|channel| preferences.mode(person, *topic, *channel)));
        modes.filter(|mode| mode.is_digest()).map(|mode| rules::next_digest(preferences, mode, now, &zone)).min()
    });
    Ok(next.min())
}
