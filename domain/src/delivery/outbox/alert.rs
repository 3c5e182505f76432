//! Telling people of what did not get through.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ops;
use super::store::due;
use crate::delivery::trouble::What;
use crate::delivery::{Content, Message, NewMessage, Priority, Purpose, Status, To, feed};
use crate::kernel::canonical::{hex, sha256};
use crate::kernel::id::MemberId;
use crate::kernel::{Cx, No};
use crate::people::reach::{Channel, Topic};
use crate::workspace::access::{Require, Role, Verb};
use crate::workspace::member::{self, MemberStatus};

/// Puts a message inside the product for each kind of failure: to the member whom the message was for, else to those who
/// look after deliveries. Of alerts that fail nobody is alerted.
pub(super) fn tell(cx: &mut Cx<'_>, failed: &[&Message]) -> Result<(), No> {
    let failed: Vec<&Message> = failed.iter().copied().filter(|m| m.topic != Topic::Alert).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let mut keepers: Option<Vec<MemberId>> = None;
    // What fails together for one reason is told together.
    let mut told: BTreeMap<(MemberId, Status, Channel, &str), Vec<&Message>> = BTreeMap::new();
    for message in &failed {
        let readers = match (message.to, &keepers) {
            (To::Member(id), _) => vec![id],
            (_, Some(keepers)) => keepers.clone(),
            (_, None) => keepers.insert(looking_after(cx)?).clone(),
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
    let now = cx.now();
    let mut alerts = Vec::new();
    for reader in looking_after(cx)? {
        for (what, since) in &waited {
            let (channel, whose) = match what {
                What::Provider(channel) => (channel.to_string(), format!("the provider of the channel {channel}")),
                What::Destination(destination) => {
                    let channel = destination.split(':').next().unwrap_or_default();
                    (channel.to_owned(), destination.clone())
                }
            };
            let content = Content {
                subject: format!("Messages wait: {whose} takes nothing"),
                text: format!(
                    "Since {} {whose} takes nothing from this server. Messages for it wait, and it is asked again by \
                     itself. See why with milepost delivery list --status queued --channel {channel}",
                    since.strftime("%-d %B %Y, %H:%M UTC"),
                ),
                ..Content::default()
            };
            let which = hex(&sha256(&[what.to_string().as_bytes()]));
            alerts.push(NewMessage {
                occasion: format!("alert:trouble:{}:{}:{reader}", &which[..16], since.as_second()),
                topic: Topic::Alert,
                purpose: Purpose::Internal,
                channel: Channel::InApp,
                to: To::Member(reader),
                address: String::new(),
                deal_id: None,
                approval_id: None,
                batch_id: None,
                content,
                priority: Priority::Usual,
                due_at: now,
                expires_at: None,
            });
        }
    }
    ops::enqueue(cx, &alerts)?;
    Ok(())
}

/// Active owners, admins and coordinators.
fn looking_after(cx: &mut Cx<'_>) -> Result<Vec<MemberId>, No> {
    let all = member::store::list(cx)?;
    let keeps = |m: &member::Member| m.status == MemberStatus::Active && m.role <= Role::Coordinator;
    Ok(all.into_iter().filter(keeps).map(|m| m.id).collect())
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
