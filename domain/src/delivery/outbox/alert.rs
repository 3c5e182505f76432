//! Telling people of what did not get through.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::json;

use super::fallback::Ways;
use super::ops::{enqueue, subject};
use super::store::due;
use super::{rules, store};
use crate::delivery::notify::ops::{Team, tell as notify};
use crate::delivery::notify::{Telling, Urgency};
use crate::delivery::template::{Templates, first_name};
use crate::delivery::trouble::What;
use crate::delivery::{Message, NewMessage, Priority, Purpose, Status, To};
use crate::kernel::canonical::{hex, sha256};
use crate::kernel::id::{DealId, GoneAddressId, MemberId};
use crate::kernel::{ActorKind, Cx, No, time};
use crate::people::contact;
use crate::people::reach::{Channel, Mode, Person, Topic};
use crate::workspace::access::{Require, Role, Verb};

/// Why a message did not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Something is to be mended: an address, a provider, what nobody knows.
    Broken,
    /// The policy or the time said no.
    Ruled,
}

/// Tells of each kind of failure: the member whom the message was for; else the owner of the deal that it is about, and
/// those who look after deliveries when something is to be mended or nobody owns the deal. Of alerts that fail nobody is
/// alerted.
pub(super) fn tell(cx: &mut Cx<'_>, team: &Team, stopped: &[(&Message, Stop)], ways: &Ways) -> Result<(), No> {
    let deals: Vec<DealId> = stopped.iter().filter_map(|(m, _)| m.deal_id).collect();
    let owners = store::owners_of(cx, &deals)?;
    let is_active = |id: MemberId| team.member(id).is_some();
    let owner_of = |m: &Message| {
        let owner = m.deal_id.and_then(|deal| owners.get(&deal)).copied();
        owner.filter(|id| is_active(*id))
    };
    // What fails together for one reason is told together.
    let mut told: BTreeMap<(MemberId, Status, Channel, &str, bool), Vec<&Message>> = BTreeMap::new();
    let mut broken = BTreeSet::new();
    for (message, stop) in stopped.iter().copied().filter(|(m, _)| m.topic != Topic::Alert) {
        let readers = match (message.to, owner_of(message), stop) {
            (To::Member(id), ..) if is_active(id) => BTreeSet::from([id]),
            (To::Contact(_) | To::Team, Some(owner), Stop::Ruled) => BTreeSet::from([owner]),
            (To::Contact(_) | To::Team, owner, _) => looking_after(team).into_iter().chain(owner).collect(),
            // Who is out of service reads nothing.
            (To::Member(_) | To::Endpoint(_), ..) => looking_after(team).into_iter().collect(),
        };
        if stop == Stop::Broken {
            broken.insert(message.id);
        }
        let reached = ways.reached.contains(&message.id);
        for reader in readers {
            let reason = message.reason.as_deref().unwrap_or_default();
            told.entry((reader, message.status, message.channel, reason, reached)).or_default().push(message);
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    let templates = Templates::load()?;
    let now = cx.now();
    let mut tellings = Vec::with_capacity(told.len());
    for ((reader, status, channel, reason, reached), of) in told {
        let first = of[0];
        let name = team.member(reader).map(|m| m.name.as_str()).unwrap_or_default();
        let to = match first.to {
            To::Contact(id) => contact::store::find(cx, id)?.map(|contact| contact.name),
            To::Member(id) => team.member(id).map(|member| member.name.clone()),
            To::Endpoint(_) | To::Team => None,
        };
        let context = json!({
            "name": first_name(name),
            "title": title(status, channel, of.len()),
            "why": reason,
            "next": next(first, of.len(), to.as_deref(), ways),
        });
        let to_contact = of.iter().any(|m| matches!(m.to, To::Contact(_)) && broken.contains(&m.id));
        let occasion = match reached {
            // Nothing is lost, so once a day is enough to know that a way is closed.
            true => format!("alert:{channel}:{status}:{}:{reader}", now.strftime("%F")),
            // The attempt makes it another alert when a replay fails again.
            false => format!("alert:{}:{}:{status}:{reader}", first.id, first.attempts),
        };
        tellings.push(Telling {
            member: reader,
            topic: Topic::Alert,
            urgency: if to_contact { Urgency::Urgent } else { Urgency::Important },
            words: templates.render("alert", &context)?,
            subject: Some(subject(first.id)),
            occasion,
            deal_id: first.deal_id,
            at: now,
            expires_at: None,
            also: None,
            card: None,
        });
    }
    notify(cx, team, &tellings)?;
    Ok(())
}

/// Tells those who look after deliveries what has not answered for long, each such time once; of what nothing here waits
/// for, nothing is told.
pub fn tell_of_trouble(cx: &mut Cx<'_>, lasting: &[(What, Timestamp)]) -> Result<(), No> {
    cx.require(Verb::ManageDeliveries)?;
    let mut waited = Vec::new();
    for (what, since) in lasting {
        if due::is_waited_for(cx, what)? {
            waited.push((what, since));
        }
    }
    if waited.is_empty() {
        return Ok(());
    }
    let (team, templates, now) = (Team::load(cx)?, Templates::load()?, cx.now());
    let mut tellings = Vec::new();
    for reader in looking_after(&team) {
        let Some(member) = team.member(reader) else { continue };
        for (what, since) in &waited {
            let (channel, whose) = match what {
                What::Provider(channel) => (channel.to_string(), format!("the provider of the channel {channel}")),
                What::Destination(destination) => {
                    let channel = destination.split(':').next().unwrap_or_default();
                    (channel.to_owned(), destination.clone())
                }
            };
            let context = json!({
                "name": first_name(&member.name),
                "title": format!("Messages wait: {whose} takes nothing"),
                "why": format!(
                    "Since {} {whose} takes nothing from this server.",
                    time::moment(**since, &time::zone(&member.time_zone))
                ),
                "next": format!(
                    "Messages for it wait, and it is asked again by itself. See why with milepost delivery list \
                     --status queued --channel {channel}."
                ),
            });
            let which = hex(&sha256(&[what.to_string().as_bytes()]));
            tellings.push(Telling {
                member: reader,
                topic: Topic::Alert,
                urgency: Urgency::Important,
                words: templates.render("alert", &context)?,
                subject: None,
                occasion: format!("alert:trouble:{}:{}:{reader}", &which[..16], since.as_second()),
                deal_id: None,
                at: now,
                expires_at: None,
                also: None,
                card: None,
            });
        }
    }
    notify(cx, &team, &tellings)?;
    Ok(())
}

/// Tells those who look after deliveries, once until somebody opens it again, that a channel takes no threads.
pub(super) fn tell_of_threads(cx: &mut Cx<'_>, gone: GoneAddressId, of: &Message, why: &str) -> Result<(), No> {
    let (team, templates, now) = (Team::load(cx)?, Templates::load()?, cx.now());
    let mut tellings = Vec::new();
    for reader in looking_after(&team) {
        let context = json!({
            "name": first_name(team.member(reader).map(|m| m.name.as_str()).unwrap_or_default()),
            "title": "Deals have no threads: the bot may not write there",
            "why": rules::shown(why),
            "next": format!(
                "Nothing is lost: what chat hears of deals stands in the team's channel until then. Give the bot what it \
                 lacks, then let it try again: milepost delivery reopen {gone}"
            ),
        });
        tellings.push(Telling {
            member: reader,
            topic: Topic::Alert,
            urgency: Urgency::Important,
            words: templates.render("alert", &context)?,
            subject: Some(subject(of.id)),
            occasion: format!("alert:threads:{gone}:{reader}"),
            deal_id: None,
            at: now,
            expires_at: None,
            also: None,
            card: None,
        });
    }
    notify(cx, &team, &tellings)?;
    Ok(())
}

/// Tells those who look after deliveries, but not whoever did it, that nothing leaves until somebody resumes. In the product
/// alone: on any other way it would be held too, and leave when it is over.
///
/// Of one hold each is told once, however many processes saw the clock jump; `what` tells kinds of them apart.
pub(super) fn tell_of_hold(cx: &mut Cx<'_>, what: &str, why: &str) -> Result<(), No> {
    let (team, templates, now) = (Team::load(cx)?, Templates::load()?, cx.now());
    let since = store::standing(cx)?.held_since.unwrap_or(now).as_microsecond();
    let actor = cx.actor().clone();
    let hears = |id: &MemberId| {
        let mode = team.preferences(*id).map(|said| said.mode(Person::Member(*id), Topic::Alert, Channel::InApp));
        mode != Some(Mode::Off) && !(actor.kind == ActorKind::Member && actor.id == Some(id.0))
    };
    let mut messages = Vec::new();
    for reader in looking_after(&team).into_iter().filter(hears) {
        let name = team.member(reader).map(|m| m.name.as_str()).unwrap_or_default();
        let context = json!({
            "name": first_name(name),
            "title": "Messages are held: nothing leaves",
            "why": why,
            "next": "Once all is well: milepost delivery resume.",
        });
        messages.push(NewMessage {
            occasion: format!("alert:held:{what}:{since}:{reader}:{}", Channel::InApp),
            topic: Topic::Alert,
            purpose: Purpose::Internal,
            channel: Channel::InApp,
            to: To::Member(reader),
            address: String::new(),
            deal_id: None,
            approval_id: None,
            batch_id: None,
            content: templates.render("alert", &context)?.content(Channel::InApp),
            priority: Priority::Urgent,
            due_at: now,
            expires_at: None,
        });
    }
    enqueue(cx, &messages)?;
    Ok(())
}

/// Active owners, admins and coordinators.
fn looking_after(team: &Team) -> Vec<MemberId> {
    team.all().into_iter().filter(|m| m.role <= Role::Coordinator).map(|m| m.id).collect()
}

fn title(status: Status, channel: Channel, count: usize) -> String {
    let channel = channel.as_str().replace('_', " ");
    let (messages, were) = if count == 1 { ("A message", "was") } else { ("Some messages", "were") };
    let many = if count == 1 { String::new() } else { format!(" ({count})") };
    match status {
        Status::Unknown => format!("{messages} by {channel}{many} may or may not have arrived"),
        _ => format!("{messages} by {channel}{many} {were} not sent"),
    }
}

fn next(first: &Message, count: usize, to: Option<&str>, ways: &Ways) -> String {
    let mut of = if count == 1 { "It".to_owned() } else { "The first of them".to_owned() };
    let subject = &first.content.subject;
    match to {
        Some(name) if subject.is_empty() => of.push_str(&format!(" (to {name})")),
        Some(name) => of.push_str(&format!(" (\"{subject}\", to {name})")),
        None if subject.is_empty() => {}
        None => of.push_str(&format!(" (\"{subject}\")")),
    }
    let (status, id) = (first.status, first.id);
    match ways.next.get(&id) {
        Some(channel) => {
            let channel = channel.as_str().replace('_', " ");
            format!(
                "{of} goes by {channel} instead. What became of this one ({status}): milepost delivery show {id}"
            )
        }
        None => format!("{of} is {status}: milepost delivery show {id}"),
    }
}
