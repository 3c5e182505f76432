//! What messages say: one template for each kind of message, with a part for each kind of channel.
//!
//! A template is a file of `domain/data/messages` with five parts: `subject`, `long` (e-mail), `chat`, `short` (SMS) and
//! `line` (in-app, digests). A field that the context lacks is an error before anything is queued. All of them are plain
//! text: what people wrote stands in them as they wrote it, and is escaped by the channel or the page that draws it.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::{Content, html};
use crate::kernel::Fault;
use crate::people::reach::Channel;

/// What a message says, in the form that each kind of channel takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub subject: String,
    pub long: String,
    pub chat: String,
    pub short: String,
    pub line: String,
}

/// Kinds of messages.
const TEMPLATES: [(&str, &str); 11] = [
    ("reminder", include_str!("../../data/messages/reminder.txt")),
    ("overdue", include_str!("../../data/messages/overdue.txt")),
    ("escalation", include_str!("../../data/messages/escalation.txt")),
    ("unreached", include_str!("../../data/messages/unreached.txt")),
    ("digest", include_str!("../../data/messages/digest.txt")),
    ("test", include_str!("../../data/messages/test.txt")),
    ("approval", include_str!("../../data/messages/approval.txt")),
    ("approval_card", include_str!("../../data/messages/approval_card.txt")),
    ("thread", include_str!("../../data/messages/thread.txt")),
    ("completed", include_str!("../../data/messages/completed.txt")),
    ("alert", include_str!("../../data/messages/alert.txt")),
];

/// Steps that a template may take; a list of 500 items takes a tenth of them.
const FUEL: u64 = 500_000;

/// A list of thousands is cut before it gets here; this is the bound of what is stored.
const MOST: usize = 20_000;

/// Ready templates. Making them reads every file, so whoever renders many messages keeps one.
pub struct Templates(Environment<'static>);

impl Templates {
    pub fn load() -> Result<Self, Fault> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        // Words are plain text here; whoever draws them escapes them, in the last place before they leave.
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        for (name, text) in TEMPLATES {
            for (part, source) in parts(text) {
                environment.add_template_owned(format!("{name}.{part}"), source).map_err(broken)?;
            }
        }
        Ok(Self(environment))
    }

    /// Fills a template in. `context` has all of its fields.
    pub fn render(&self, name: &str, context: &impl Serialize) -> Result<Words, Fault> {
        let part = |part: &str| -> Result<String, Fault> {
            let template = self.0.get_template(&format!("{name}.{part}")).map_err(broken)?;
            let text = template.render(minijinja::value::Serde(context)).map_err(broken)?;
            Ok(text.trim().chars().take(MOST).collect())
        };
        let one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Words {
            subject: one_line(part("subject")?),
            long: part("long")?,
            chat: part("chat")?,
            short: plain(&one_line(part("short")?)),
            line: one_line(part("line")?),
        })
    }
}

fn broken(error: minijinja::Error) -> Fault {
    Fault::Corrupt(format!("a message cannot be put into words: {error:#}"))
}

fn parts(text: &str) -> Vec<(String, String)> {
    text.split("=== ")
        .skip(1)
        .filter_map(|part| part.split_once('\n'))
        .map(|(name, source)| (name.trim().to_owned(), source.to_owned()))
        .collect()
}

impl Words {
    /// The words of a message that failed, for another way to say them: where that way is short, its subject.
    pub fn of(content: &Content) -> Self {
        let text = &content.text;
        Self {
            subject: content.subject.clone(),
            long: text.clone(),
            chat: text.clone(),
            short: plain(&content.subject),
            line: text.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }

    /// What goes out on a channel.
    pub fn content(&self, channel: Channel) -> Content {
        let subject = match self.subject.chars().count() {
            0..=200 => self.subject.clone(),
            _ => self.subject.chars().take(199).chain(['\u{2026}']).collect(),
        };
        let (text, html) = match channel {
            Channel::Email => (self.long.clone(), Some(html::page(&self.long))),
            Channel::Sms => (self.short.clone(), None),
            Channel::InApp => (self.line.clone(), None),
            Channel::Discord | Channel::Webhook => (self.chat.clone(), None),
            Channel::Console => (self.long.clone(), None),
        };
        Content { subject, text, html, attachments: Vec::new(), data: None }
    }
}

/// How somebody is greeted.
pub fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or_default()
}

/// What the 7-bit alphabet of SMS has in place of typographers' signs: one such sign would halve what fits.
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{201c}' | '\u{201d}' => '"',
            '\u{2013}' | '\u{2014}' => '-',
            '\u{a0}' => ' ',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_missing_field_is_an_error_and_not_a_gap() {
        let templates = Templates::load().unwrap();
        let error = templates.render("reminder", &json!({ "deal": "12 Oak Street" })).unwrap_err();
        assert!(error.to_string().contains("cannot be put into words"), "{error}");
    }

    #[test]
    fn what_people_wrote_is_shown_literally() {
        let templates = Templates::load().unwrap();
        let title = "@everyone <b>ignore</b> **rules** {{ 7 * 7 }}";
        let context = json!({
            "title": title, "name": "", "intro": "x", "sections": [{ "title": "T", "lines": [{ "text": title }], "more": 0 }],
        });
        let words = templates.render("digest", &context).unwrap();
        for text in [&words.long, &words.chat, &words.line] {
            assert!(text.contains(title), "{text}");
        }
        let html = words.content(Channel::Email).html.unwrap();
        assert!(html.contains("&lt;b&gt;ignore") && !html.contains("<b>"), "{html}");
    }
}
