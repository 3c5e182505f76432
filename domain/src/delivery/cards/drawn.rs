//! Text with marks that only chat draws: what is over is struck, and instants are told in the reader's own zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::delivery::Content;
use crate::kernel::time;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// As people wrote it.
    Text(String),
    Struck(String),
    /// How long ago, or how soon.
    Ago(Timestamp),
    /// The day and the time of day.
    When(Timestamp),
}

/// A whole text in pieces. It stands in [`Content::data`] under `drawn`; [`Content::text`] says the same without marks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Drawn(pub Vec<Span>);

/// What encloses the number of a place in a text that is filled in later. No text of people holds it.
const MARK: char = '\u{1}';

/// Stands in a text for the pieces with this number.
pub fn place(number: usize) -> String {
    format!("{MARK}{number}{MARK}")
}

impl Drawn {
    /// A text whose places are filled with pieces.
    pub fn fill(text: &str, pieces: &[Drawn]) -> Self {
        let mut drawn = Self::default();
        for (at, part) in text.split(MARK).enumerate() {
            // Every second part stands between two marks.
            match part.parse::<usize>().ok().filter(|_| at % 2 == 1).and_then(|number| pieces.get(number)) {
                Some(piece) => drawn.0.extend(piece.0.iter().cloned()),
                None => drop(drawn.push(part)),
            }
        }
        drawn
    }

    pub fn push(&mut self, text: &str) -> &mut Self {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Span::Text(before)) => before.push_str(text),
            _ => self.0.push(Span::Text(text.to_owned())),
        }
        self
    }

    pub fn span(&mut self, span: Span) -> &mut Self {
        self.0.push(span);
        self
    }

    pub fn is_plain(&self) -> bool {
        self.0.iter().all(|span| matches!(span, Span::Text(_)))
    }

    /// The same without marks, with instants as they are called in a zone.
    pub fn plain(&self, zone: &TimeZone) -> String {
        self.0
            .iter()
            .map(|span| match span {
                Span::Text(text) | Span::Struck(text) => text.clone(),
                Span::Ago(at) | Span::When(at) => time::moment(*at, zone),
            })
            .collect()
    }

    /// The text of a message with its marks; `None` when it has none.
    pub fn of(content: &Content) -> Option<Self> {
        Self::deserialize(content.data.as_ref()?.get("drawn")?).ok()
    }

    /// Puts the text onto a message; without marks it has only the plain one.
    pub fn onto(&self, content: &mut Content, zone: &TimeZone) {
        content.text = self.plain(zone);
        let data = content.data.get_or_insert_with(|| serde_json::json!({}));
        if let Some(fields) = data.as_object_mut() {
            match self.is_plain() {
                true => drop(fields.remove("drawn")),
                false => drop(fields.insert("drawn".into(), serde_json::json!(self))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_what_is_none_stays_text() {
        let done = Drawn(vec![Span::Struck("Keys".into()), Span::Text(": done".into())]);
        let text = format!("Dates\n- {}\n- 0 and more", place(0));
        let drawn = Drawn::fill(&text, std::slice::from_ref(&done));
        let expected = [
            Span::Text("Dates\n- ".into()),
            Span::Struck("Keys".into()),
            Span::Text(": done\n- 0 and more".into()),
        ];
        assert_eq!(drawn.plain(&TimeZone::UTC), "Dates\n- Keys: done\n- 0 and more");
        assert_eq!(drawn.0, expected);
        assert!(Drawn::fill("plain", &[done]).is_plain());
    }
}
