//! Putting messages in; what else is done with them stands beside this file and is reached through it.

use std::collections::{HashMap, HashSet};

use super::{Enqueued, Event, store};
use crate::delivery::{Message, NewMessage, Status, To};
use crate::kernel::id::MessageId;
use crate::kernel::{Cx, Fault, No, Subject};
use crate::people::reach::Channel;

pub use super::alert::tell_of_trouble;
pub use super::claim::{claim, found, is_anything_due, is_anything_wanted_due};
pub use super::hands::{
    BatchCancelled, Dispatch, after_clock_went_back, bounced, cancel, cancel_batch, cancel_unsent, clock_jumped,
    cut_short, dispatch, hold, is_clock_in_doubt, replay, reschedule, resolve, resume, tell_again,
};
pub use super::settle::{provider_says, settle};

pub(in crate::delivery) fn subject(id: MessageId) -> Subject {
    Subject::new("message", id.0)
}

/// Puts messages into the outbox, one for each occasion; the answers stand in the order of what was asked.
///
/// Part of other verbs, which ask for the right to do so. Nothing is sent here: the policy decides when it is due.
pub fn enqueue(cx: &mut Cx<'_>, new: &[NewMessage]) -> Result<Vec<Enqueued>, No> {
    put(cx, new, None)
}

/// Puts in what draws a message anew that was sent. Of edits of one message only the last leaves.
///
/// Part of drawing cards.
pub(in crate::delivery) fn edit(cx: &mut Cx<'_>, of: MessageId, new: &NewMessage) -> Result<MessageId, No> {
    let earlier = store::unsent_edits(cx, of)?;
    cancel_unsent(cx, &earlier, super::OVERTAKEN)?;
    let queued = put(cx, std::slice::from_ref(new), Some(of))?;
    let first = queued.first().ok_or_else(|| Fault::Corrupt("an edit that was not put in".into()))?;
    Ok(first.id())
}

fn put(cx: &mut Cx<'_>, new: &[NewMessage], edits: Option<MessageId>) -> Result<Vec<Enqueued>, No> {
    let occasions: Vec<&str> = new.iter().map(|m| m.occasion.as_str()).collect();
    let mut known: HashMap<String, MessageId> = store::of_occasions(cx, &occasions)?.into_iter().collect();
    let mut fresh = Vec::new();
    for asked in new {
        if !known.contains_key(&asked.occasion) {
            let message = Message { edits, ..message(cx, asked) };
            known.insert(asked.occasion.clone(), message.id);
            fresh.push(message);
        }
    }
    let added: HashSet<MessageId> = store::insert(cx, &fresh)?.into_iter().collect();
    if added.len() < fresh.len() {
        // Somebody was faster with some of them; theirs are the messages.
        known.extend(store::of_occasions(cx, &occasions)?);
    }
    for m in fresh.iter().filter(|m| added.contains(&m.id)) {
        let event = Event::Queued {
            topic: m.topic,
            purpose: m.purpose,
            channel: m.channel,
            content_hash: m.content_hash.clone(),
            due_at: m.due_at,
        };
        cx.record(subject(m.id), &event)?;
    }
    let mut first = added;
    let answer = |asked: &NewMessage| match known.get(&asked.occasion) {
        Some(id) if first.remove(id) => Ok(Enqueued::New(*id)),
        Some(id) => Ok(Enqueued::AlreadyQueued(*id)),
        None => Err(Fault::Corrupt("an occasion whose message is neither new nor known".into()).into()),
    };
    new.iter().map(answer).collect()
}

fn message(cx: &mut Cx<'_>, new: &NewMessage) -> Message {
    Message {
        workspace: cx.workspace(),
        id: MessageId(cx.mint()),
        occasion: new.occasion.clone(),
        topic: new.topic,
        purpose: new.purpose,
        channel: new.channel,
        to: new.to,
        address: new.address.clone(),
        destination: destination(new),
        deal_id: new.deal_id,
        approval_id: new.approval_id,
        batch_id: new.batch_id,
        content: new.content.clone(),
        content_hash: new.content.hash(new.channel, &new.address),
        priority: new.priority as i32,
        due_at: new.due_at,
        expires_at: new.expires_at,
        status: Status::Queued,
        reason: None,
        next_at: Some(new.due_at),
        lease_until: None,
        attempts: 0,
        first_write_at: None,
        counted_at: None,
        provider_id: None,
        settled_at: None,
        created_at: cx.now(),
        version: 1,
        edits: None,
    }
}

/// What is paced and watched together: a Discord channel, a mail server's domain, one program's endpoint.
fn destination(new: &NewMessage) -> String {
    match (new.channel, new.to) {
        (Channel::Discord, _) => format!("discord:{}", new.address),
        (Channel::Email, _) => {
            format!("email:{}", new.address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase())
        }
        (Channel::Webhook, To::Endpoint(id)) => format!("webhook:{id}"),
        (channel, _) => channel.to_string(),
    }
}
