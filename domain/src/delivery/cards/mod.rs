//! Cards that stand in chat: which message shows what, and what it shows by now.
//!
//! A card follows its subject. Whoever changes the subject says so ([`ops::behind`]; an approval that is written says so by itself);
//! whoever knows the subject's words draws the card anew ([`ops::redraw`]), and the outbox has what changed as an edit of the
//! message: decided about, tried and recorded as every message, and no second message to anybody.

pub mod drawn;
pub mod ops;
pub mod store;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::drawn::{Drawn, Span};
use super::Content;
use super::card::{Button, Card};
use crate::kernel::canonical::{self, hex, sha256};
use crate::kernel::id::MessageId;
use crate::words;

words! {
    /// What a card is about.
    pub enum Kind { Deal = "deal", Approval = "approval" }
}

/// After how long without a change a card is left as it is.
pub const LEFT_ALONE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Of a card's `shows`, that it is followed until its subject is over, however long nothing changes.
pub const STAYS: &str = "stays";
/// For how long an edit is of use; a later one takes its place at any time.
const EDIT_USEFUL: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How soon it is looked again at a card whose message has not left.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// A card beside a message that is about to wait in the outbox.
#[derive(Clone, Debug)]
pub struct Posting {
    pub card: Card,
    pub kind: Kind,
    pub subject: Uuid,
    /// The version of the subject that it shows.
    pub as_of: i64,
    /// What is needed to draw it again, as whoever draws it wants it.
    pub shows: Value,
}

/// A card that follows its subject.
#[derive(Clone, Debug)]
pub struct Posted {
    pub message_id: MessageId,
    pub kind: Kind,
    pub subject: Uuid,
    pub shows: Value,
    pub as_of: i64,
    /// The hash of what people see of it.
    face_hash: String,
    /// The last of its edits.
    pub edit_id: Option<MessageId>,
    changed_at: Timestamp,
}

/// What a card says now.
#[derive(Clone, Debug, Default)]
pub struct Face {
    pub subject: String,
    pub drawn: Drawn,
    pub rows: Vec<Vec<Button>>,
    /// Nothing on it can change any more.
    pub over: bool,
}

/// What a person sees of a card, in short. Whom it called does not count: nobody is called twice.
fn face_hash(content: &Content) -> String {
    let of = |name: &str| content.data.as_ref().and_then(|data| data.get(name)).cloned().unwrap_or_default();
    let rows = of("card").get("rows").cloned().unwrap_or_default();
    let form = json!(["milepost.card.v1", content.subject, content.text, of("drawn"), rows]);
    hex(&sha256(&[&canonical::bytes(&form)]))
}
