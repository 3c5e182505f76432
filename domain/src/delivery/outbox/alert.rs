//! Telling people of what did not get through.

use std::collections::{BTreeMap, BTreeSet};

use super::{ops, store};
use crate::delivery::{Content, Message, NewMessage, Priority, Purpose, Status, To, feed};
use crate::kernel::id::{DealId, MemberId};
use crate::kernel::{Cx, No};
use crate::people::reach::{Channel, Topic};
use crate::workspace::access::Role;
use crate::workspace::member::{self, Member, MemberStatus};

/// Why a message did not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Something is to be mended: an address, a provider, what nobody knows.
    Broken,
    /// The policy or the time said no.
    Ruled,
}

/// Puts a message inside the product for each kind of failure: to the member whom the message was for; else to the owner
/// of the deal that it is about, and to those who look after deliveries when something is to be mended or nobody owns
/// the deal. Of alerts that fail nobody is alerted.
pub(super) fn tell(cx: &mut Cx<'_>, stopped: &[(&Message, Stop)]) -> Result<(), No> {
    let stopped: Vec<(&Message, Stop)> =
        stopped.iter().copied().filter(|(m, _)| m.topic != Topic::Alert).collect();
    if stopped.is_empty() {
        return Ok(());
    }
    let team: Vec<Member> =
        member::store::list(cx)?.into_iter().filter(|m| m.status == MemberStatus::Active).collect();
    let deals: Vec<DealId> = stopped.iter().filter_map(|(m, _)| m.deal_id).collect();
    let owners = store::owners_of(cx, &deals)?;
    let is_active = |id: MemberId| team.iter().any(|member| member.id == id);
    let owner_of = |m: &Message| {
        let owner = m.deal_id.and_then(|deal| owners.get(&deal)).copied();
        owner.filter(|id| is_active(*id))
    };
    // What fails together for one reason is told together.
    let mut told: BTreeMap<(MemberId, Status, Channel, &str), Vec<&Message>> = BTreeMap::new();
    for (message, stop) in &stopped {
        let readers = match (message.to, owner_of(message), stop) {
            (To::Member(id), ..) if is_active(id) => BTreeSet::from([id]),
            (To::Contact(_) | To::Team, Some(owner), Stop::Ruled) => BTreeSet::from([owner]),
            (To::Contact(_) | To::Team, owner, _) => looking_after(&team).chain(owner).collect(),
            // Who is out of service reads nothing.
            (To::Member(_) | To::Endpoint(_), ..) => looking_after(&team).collect(),
        };
        for reader in readers {
            let key = (reader, message.status, message.channel, message.reason.as_deref().unwrap_or_default());
            told.entry(key).or_default().push(message);
        }
    }
    let now = cx.now();
    let alerts: Vec<NewMessage> = told
        .into_iter()
        .map(|((reader, status, channel, reason), of)| {
            let first = of[0];
            let content = Content {
                subject: title(status, channel, of.len()),
                text: format!("{reason} {}", next(first, of.len())),
                data: Some(feed::about("message", first.id.0)),
                ..Content::default()
            };
            NewMessage {
                // The attempt makes it another alert when a replay fails again.
                occasion: format!("alert:{}:{}:{}:{reader}", first.id, first.attempts, status),
                topic: Topic::Alert,
                purpose: Purpose::Internal,
                channel: Channel::InApp,
                to: To::Member(reader),
                address: String::new(),
                deal_id: first.deal_id,
                approval_id: None,
                batch_id: None,
                content,
                priority: Priority::Usual,
                due_at: now,
                expires_at: None,
            }
        })
        .collect();
    ops::enqueue(cx, &alerts)?;
    Ok(())
}

/// The owners, admins and coordinators.
fn looking_after(team: &[Member]) -> impl Iterator<Item = MemberId> {
    team.iter().filter(|m| m.role <= Role::Coordinator).map(|m| m.id)
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

fn next(first: &Message, count: usize) -> String {
    let of = if count == 1 { "It" } else { "The first of them" };
    format!("{of} is {}: milepost delivery show {}", first.status, first.id)
}
