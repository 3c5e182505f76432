//! A letter: a subject, a body, who signs; and the exact bytes of it for each who gets one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Recipient;
use super::calendar::Calendar;
use super::check::{Finding, Known, check};
use crate::delivery::sms::segments;
use crate::delivery::template::plain;
use crate::delivery::{Content, html};
use crate::kernel::{Problem, text};
use crate::people::reach::Channel;

/// Parts that a letter takes at most as a text message.
const MOST_SEGMENTS: usize = 4;

/// What a writer gives, person or model: no recipients, no greeting, no signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Letter {
    /// One line, at most 200 characters.
    pub subject: String,
    /// Plain text: paragraphs between empty lines, lists as lines that start with "- ". No greeting and no signature;
    /// those are added for each recipient.
    pub body: String,
}

impl Letter {
    /// The letter as it is kept, or everything that keeps it from being one.
    pub fn checked(&self) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let subject = text::line("subject", &self.subject, text::TITLE).map_err(|p| problems.push(p)).ok();
        let body = text::prose("body", &self.body.replace("\r\n", "\n"), text::NOTES)
            .map_err(|p| problems.push(p))
            .ok()
            .map(|body| body.replace('\t', " "));
        if body.as_ref().is_some_and(String::is_empty) {
            problems.push(Problem::new("body", "is empty. It needs at least one character."));
        }
        match (subject, body) {
            (Some(subject), Some(body)) if problems.is_empty() => Ok(Self { subject, body }),
            _ => Err(problems),
        }
    }

    /// Everything in it that is not known.
    pub fn findings(&self, known: &Known) -> Vec<Finding> {
        let mut findings = check("subject", &self.subject, known);
        findings.extend(check("body", &self.body, known));
        findings
    }
}

/// A letter and who signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Words {
    pub subject: String,
    pub body: String,
    /// The lines under it.
    pub signature: String,
    /// What each date stood for when it was written, to notice when it stands for something else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(skip)]
    pub dates: Dates,
    /// The days that go along as a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub calendar: Option<Calendar>,
}

/// What happens on a day, by names of the caller's.
pub type Dates = BTreeMap<Date, BTreeSet<String>>;

impl Words {
    pub fn of(letter: Letter, signature: &str, dates: Dates) -> Self {
        Self { subject: letter.subject, body: letter.body, signature: signature.into(), dates, calendar: None }
    }

    /// The days that the words state, or that go along as a file, and on which something of then is not any more, though
    /// the day itself is known.
    pub fn moved(&self, known: &Known, now: &Dates) -> Vec<Date> {
        let stays = |date: &Date, names: &BTreeSet<String>| now.get(date).is_some_and(|n| n.is_superset(names));
        let letter = self.letter();
        let all = letter.findings(known).len();
        let states = |date: &Date| {
            let mut without = known.clone();
            without.dates.remove(date) && letter.findings(&without).len() > all
        };
        let stated = self.dates.iter().filter(|(date, names)| !stays(date, names) && states(date));
        let entries = self.calendar.iter().flat_map(|calendar| &calendar.entries);
        let gone = entries.filter(|entry| now.get(&entry.on).is_none_or(|names| !names.contains(&entry.name)));
        let moved: BTreeSet<Date> = stated.map(|(date, _)| *date).chain(gone.map(|entry| entry.on)).collect();
        moved.into_iter().collect()
    }

    pub fn letter(&self) -> Letter {
        Letter { subject: self.subject.clone(), body: self.body.clone() }
    }

    /// What one recipient gets, byte for byte the same however often it is asked for.
    pub fn to(&self, recipient: &Recipient) -> Content {
        if recipient.channel == Channel::Sms {
            return Content { subject: self.subject.clone(), text: self.short().0, ..Content::default() };
        }
        let text = format!("Hello {},\n\n{}\n\n{}", recipient.name, self.body, self.signature);
        let attachments = self.calendar.iter().map(Calendar::file).collect();
        let html = Some(html::page(&text));
        Content { subject: self.subject.clone(), html, text, attachments, ..Content::default() }
    }

    /// The letter as a text message: what it is about, as much of it as fits, and who it is from. The second is whether all
    /// of it does.
    pub fn short(&self) -> (String, bool) {
        let one_line = |text: &str| plain(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        let at_most = |text: String| text.chars().take(80).collect::<String>();
        let (subject, from) =
            (at_most(one_line(&self.subject)), at_most(one_line(&self.signature.replace('\n', ", "))));
        let all = one_line(&self.body);
        let with = |body: &str| format!("{subject}: {body} {from}");
        let fits = |text: &str| segments(text).segments <= MOST_SEGMENTS;
        if fits(&with(&all)) {
            return (with(&all), true);
        }
        // No more than this can fit, whatever the alphabet.
        let mut body: String = all.chars().take(MOST_SEGMENTS * 160).collect();
        while let Some((shorter, _)) = body.rsplit_once(' ') {
            body = shorter.to_owned();
            if fits(&with(&format!("{body}.."))) {
                return (with(&format!("{body}..")), false);
            }
        }
        (with(".."), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::ContactId;

    #[test]
    fn each_recipient_gets_their_own_greeting_and_text_stays_text() {
        let words = Words {
            subject: "Inspection".into(),
            body: "It is done & fine.\n\nNext:\n- <b>bold</b>\n- keys".into(),
            signature: "Cora\nLakeside Realty".into(),
            dates: Dates::new(),
            calendar: None,
        };
        let recipient = Recipient {
            contact_id: ContactId(uuid::Uuid::nil()),
            name: "Ann \"A\" Lee".into(),
            channel: Channel::Email,
            address: String::new(),
        };
        let content = words.to(&recipient);
        assert_eq!(content, words.to(&recipient));
        insta::assert_snapshot!(
            "a_letter_and_its_page",
            format!("{}\n=====\n{}", content.text, content.html.unwrap())
        );
    }

    #[test]
    fn as_a_text_message_a_letter_is_short_and_says_who_it_is_from() {
        let long = |body: &str| Words {
            subject: "Your closing".into(),
            body: body.into(),
            signature: "Cora\nLakeside Realty".into(),
            dates: Dates::new(),
            calendar: None,
        };
        let (text, whole) = long("It is on Friday \u{2013} at last.\n\nNext:\n- keys").short();
        assert_eq!(text, "Your closing: It is on Friday - at last. Next: - keys Cora, Lakeside Realty");
        assert!(whole);
        let (text, whole) = long(&"Bring your keys. ".repeat(100)).short();
        assert!(!whole && text.ends_with(".. Cora, Lakeside Realty"), "{text}");
        assert_eq!(segments(&text).segments, MOST_SEGMENTS);
        let (text, whole) = long(&"\u{9470}".repeat(5_000)).short();
        assert!(!whole && segments(&text).segments <= MOST_SEGMENTS, "{text}");
    }

    #[test]
    fn a_letter_is_bounded_and_has_no_characters_that_deceive() {
        let check = |subject: &str, body: &str, wrong: &str| {
            let problems = Letter { subject: subject.into(), body: body.into() }.checked().unwrap_err();
            assert!(problems.iter().any(|p| p.field == wrong), "{problems:?}");
        };
        check("", "x", "subject");
        check("two\nlines", "x", "subject");
        check("x", " ", "body");
        check("x", &"y".repeat(20_000), "body");
        check("x", "pay \u{202e}now", "body");
    }
}
