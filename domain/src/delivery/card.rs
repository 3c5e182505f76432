//! What can be done about a message right where it is read: its buttons, and what a press on one says.
//!
//! A button carries everything that a press needs, so that it works after a restart and on any replica:
//! `mp:<version>:<action>:<id>:<etag>`. Nothing in it is believed: who presses, and whether the item is still as the
//! card says, is looked up at the press.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::Content;
use crate::words;

/// The form of what stands in buttons and in forms. A press of another version is told that its card is old.
pub const VERSION: &str = "1";
/// Rows of a card, and buttons of a row, that chat draws.
pub const MOST_ROWS: usize = 5;
pub const MOST_IN_A_ROW: usize = 5;
/// Characters of a button's label.
pub const MOST_LABEL: usize = 80;
const MOST_ETAG: usize = 40;

words! {
    /// What a press asks for.
    pub enum Action {
        /// Of a milestone: it is done.
        Done = "done",
        /// Remind again tomorrow.
        Snooze = "snooze",
        /// It need not be done; asks why.
        Waive = "waive",
        /// Of a deal: everything that is open on it.
        Open = "open",
        /// Of an approval.
        Approve = "approve",
        Edit = "edit",
        Changes = "changes",
        Reject = "reject",
        /// The whole text of what is asked for.
        Read = "read",
        /// Of a plan of new key dates: makes it.
        Apply = "apply",
        /// Of a plan that was made: takes it back.
        Undo = "undo",
        /// Of what waits to be confirmed: does it, leaves it, or asks for it anew.
        Confirm = "confirm",
        Discard = "discard",
        Retry = "retry",
    }
}

/// What a button says when it is pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Press {
    pub action: Action,
    /// Of the milestone, deal, approval or plan.
    pub id: Uuid,
    /// As which version of it the card was drawn; empty where there is only one. Letters, digits, points and dashes.
    pub etag: String,
}

/// Why what stands in a button cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is a card of ours that another version of the product drew.
    OtherVersion,
    NotOurs,
}

impl Press {
    pub fn new(action: Action, id: Uuid, etag: impl fmt::Display) -> Self {
        Self { action, id, etag: etag.to_string() }
    }
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mp:{VERSION}:{}:{}:{}", self.action, self.id.simple(), self.etag)
    }
}

impl FromStr for Press {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let mut parts = text.splitn(5, ':');
        let (ours, version) = (parts.next(), parts.next());
        if ours != Some("mp") || text.len() > 100 {
            return Err(Unread::NotOurs);
        }
        if version != Some(VERSION) {
            return Err(Unread::OtherVersion);
        }
        let mut read = || {
            let action = parts.next()?.parse().ok()?;
            let id = Uuid::try_parse(parts.next()?).ok()?;
            let etag = parts.next()?.to_owned();
            let plain = etag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
            (plain && etag.len() <= MOST_ETAG).then_some(Self { action, id, etag })
        };
        // An action that is not known here is one of a newer version, or of one that had more.
        read().ok_or(Unread::OtherVersion)
    }
}

impl Serialize for Press {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Press {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| serde::de::Error::custom("is no press of a button"))
    }
}

words! {
    /// How a button looks.
    pub enum Look { Plain = "plain", Good = "good", Bad = "bad" }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// Plain text, at most [`MOST_LABEL`] characters.
    pub label: String,
    pub look: Look,
    pub press: Press,
}

impl Button {
    pub fn new(label: impl Into<String>, look: Look, press: Press) -> Self {
        let mut label: String = label.into();
        if label.chars().count() > MOST_LABEL {
            label = label.chars().take(MOST_LABEL - 1).chain(['\u{2026}']).collect();
        }
        Self { label, look, press }
    }
}

/// What chat draws below a message's text. It stands in [`Content::data`] under `card`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// At most [`MOST_ROWS`] of at most [`MOST_IN_A_ROW`].
    pub rows: Vec<Vec<Button>>,
    /// Discord ids of those whom the message calls; nobody else is called, whatever stands in the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
}

impl Card {
    /// The card of a message, when it has one.
    pub fn of(content: &Content) -> Option<Self> {
        let card = content.data.as_ref()?.get("card")?;
        Self::deserialize(card).ok()
    }

    /// Puts the card beside what else the content has for programs.
    pub fn onto(&self, content: &mut Content) {
        let data = content.data.get_or_insert_with(|| serde_json::json!({}));
        if let Some(fields) = data.as_object_mut() {
            fields.insert("card".into(), serde_json::json!(self));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_reads_what_its_button_says() {
        let press = Press::new(Action::Approve, Uuid::from_u128(7), "3fa9b2c1.0");
        let text = press.to_string();
        assert!(text.len() <= 100, "{text}");
        assert_eq!(text.parse(), Ok(press));
    }

    #[test]
    fn what_is_old_or_forged_is_told_apart() {
        let check = |text: &str, why: Unread| assert_eq!(text.parse::<Press>(), Err(why), "{text}");
        check("mp:0:done:1:", Unread::OtherVersion);
        check("mp:1:burn:00000000000000000000000000000007:1", Unread::OtherVersion);
        check("mp:1:done:7:1", Unread::OtherVersion);
        check("mp:1:done:00000000000000000000000000000007", Unread::OtherVersion);
        check("mp:1:done:00000000000000000000000000000007:<b>", Unread::OtherVersion);
        check("", Unread::NotOurs);
        check("poll:1:2", Unread::NotOurs);
        check(&format!("mp:1:done:00000000000000000000000000000007:{}", "1".repeat(90)), Unread::NotOurs);
    }

    #[test]
    fn a_card_stands_beside_what_else_is_said_to_programs() {
        let mut content = Content { data: Some(serde_json::json!({ "about": 1 })), ..Content::default() };
        assert_eq!(Card::of(&content), None);
        let press = Press::new(Action::Done, Uuid::from_u128(1), 4);
        let card = Card { rows: vec![vec![Button::new("Done", Look::Good, press)]], mentions: vec![] };
        card.onto(&mut content);
        assert_eq!(Card::of(&content), Some(card));
        assert_eq!(content.data.unwrap()["about"], 1);
    }
}
