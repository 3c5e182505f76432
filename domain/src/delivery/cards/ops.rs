//! What is done with cards: noted when they are posted, looked at when their subject changed, drawn anew.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::store::{self, Looked};
use super::{EDIT_USEFUL, Face, Kind, LEFT_ALONE, Posted, Posting, STAYS, face_hash};
use crate::delivery::card::Card;
use crate::delivery::outbox::ops::enqueue;
use crate::delivery::outbox::{self, Enqueued};
use crate::delivery::{Content, Message, NewMessage, Priority, Status};
use crate::kernel::id::MessageId;
use crate::kernel::{Cx, No};

/// Puts messages into the outbox with the cards beside them, as [`enqueue`] does. A card follows its subject from here on.
///
/// Part of other verbs.
pub fn post(cx: &mut Cx<'_>, new: &[(NewMessage, Option<Posting>)]) -> Result<Vec<Enqueued>, No> {
    let messages: Vec<NewMessage> = new.iter().map(|(message, posting)| with(message, posting.as_ref())).collect();
    let queued = enqueue(cx, &messages)?;
    let fresh = new.iter().zip(&messages).zip(&queued).filter_map(|(((_, posting), message), queued)| {
        match (posting, queued) {
            (Some(posting), Enqueued::New(id)) => Some((*id, posting, message)),
            _ => None,
        }
    });
    let now = cx.now();
    let posted = |(id, posting, message): (MessageId, &Posting, &NewMessage)| Posted {
        message_id: id,
        kind: posting.kind,
        subject: posting.subject,
        shows: posting.shows.clone(),
        as_of: posting.as_of,
        face_hash: face_hash(&message.content),
        edit_id: None,
        changed_at: now,
    };
    let cards: Vec<Posted> = fresh.map(posted).collect();
    store::insert(cx, &cards)?;
    Ok(queued)
}

fn with(message: &NewMessage, posting: Option<&Posting>) -> NewMessage {
    let mut message = message.clone();
    if let Some(posting) = posting {
        posting.card.onto(&mut message.content);
    }
    message
}

/// A subject changed: its cards are to be looked at. Part of every verb that changes it.
pub fn behind(cx: &mut Cx<'_>, kind: Kind, subject: Uuid) -> Result<(), No> {
    Ok(store::behind(cx, kind, subject)?)
}

/// Whether there is a card to look at. A look, for those who do not want to write in order to learn that.
pub fn is_any_behind(cx: &mut Cx<'_>) -> Result<bool, No> {
    Ok(store::is_any_behind(cx)?)
}

/// A card that is held, and the message that shows it.
#[derive(Clone, Debug)]
pub struct Held {
    pub card: Posted,
    message: Message,
    /// Provider's name of the message.
    shown_as: String,
}

/// Takes on cards that are behind, at most so many. Those that nobody can draw anew any more are closed here, and those
/// whose message has not left wait. Gives what is to be drawn, and whether there may be more.
pub fn hold(cx: &mut Cx<'_>, limit: i64) -> Result<(Vec<Held>, bool), No> {
    let cards = store::hold_behind(cx, limit)?;
    let more = i64::try_from(cards.len()).is_ok_and(|count| count == limit);
    let ids: Vec<MessageId> =
        cards.iter().flat_map(|card| [Some(card.message_id), card.edit_id]).flatten().collect();
    let messages: HashMap<MessageId, Message> =
        outbox::store::find_all(cx, &ids)?.into_iter().map(|m| (m.id, m)).collect();
    let now = cx.now();
    let mut held = Vec::new();
    for card in cards {
        let Some(message) = messages.get(&card.message_id) else { continue };
        let edit = card.edit_id.and_then(|id| messages.get(&id));
        // What was refused for good was deleted, or is closed to us: it is left alone.
        let refused = edit.is_some_and(|edit| edit.status == Status::Failed);
        let old = card.changed_at.checked_add(LEFT_ALONE).is_ok_and(|at| at <= now) && card.shows[STAYS] != true;
        match (message.status, message.provider_id.clone()) {
            _ if refused || old => store::looked(cx, card.message_id, &Looked::Same { as_of: card.as_of }, true)?,
            (Status::Queued | Status::Deferred | Status::Sending, _) => {
                store::looked(cx, card.message_id, &Looked::Later, false)?;
            }
            (Status::Sent | Status::Delivered | Status::Read, Some(shown_as)) => {
                held.push(Held { card, message: message.clone(), shown_as });
            }
            // Nobody knows whether it arrived: a person may say so yet.
            (Status::Unknown, _) => {
                store::looked(cx, card.message_id, &Looked::Same { as_of: card.as_of }, false)?;
            }
            _ => store::looked(cx, card.message_id, &Looked::Same { as_of: card.as_of }, true)?,
        }
    }
    Ok((held, more))
}

/// Draws a card anew that is held: when a person would see a difference, the outbox has an edit. Gives whether it has.
pub fn redraw(cx: &mut Cx<'_>, held: &Held, as_of: i64, face: &Face, zone: &TimeZone) -> Result<bool, No> {
    let Held { card, message, shown_as } = held;
    let mut content = Content { subject: face.subject.clone(), ..Content::default() };
    face.drawn.onto(&mut content, zone);
    let mentions = Card::of(&message.content).map(|card| card.mentions).unwrap_or_default();
    Card { rows: face.rows.clone(), mentions }.onto(&mut content);
    let hash = face_hash(&content);
    if hash == card.face_hash {
        store::looked(cx, card.message_id, &Looked::Same { as_of }, face.over)?;
        return Ok(false);
    }
    if let Some(fields) = content.data.as_mut().and_then(|data| data.as_object_mut()) {
        fields.insert("edits".into(), shown_as.as_str().into());
    }
    let now = cx.now();
    let new = NewMessage {
        // The version too: what changed back is drawn once more.
        occasion: format!("card:{}:{as_of}:{}", card.message_id, &hash[..16]),
        topic: message.topic,
        purpose: message.purpose,
        channel: message.channel,
        to: message.to,
        address: message.address.clone(),
        deal_id: message.deal_id,
        approval_id: None,
        batch_id: None,
        content,
        priority: Priority::Urgent,
        due_at: now,
        expires_at: now.checked_add(EDIT_USEFUL).ok(),
    };
    let edit = outbox::ops::edit(cx, card.message_id, &new)?;
    store::looked(cx, card.message_id, &Looked::Changed { as_of, face_hash: &hash, edit }, face.over)?;
    Ok(true)
}

/// A card of which nothing is left to say.
pub fn close(cx: &mut Cx<'_>, held: &Held) -> Result<(), No> {
    Ok(store::looked(cx, held.card.message_id, &Looked::Same { as_of: held.card.as_of }, true)?)
}
