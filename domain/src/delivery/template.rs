//! What messages say: one template for each kind of message, with a part for each kind of channel.
//!
//! A template is a file of `domain/data/messages` with five parts: `subject`, `long` (e-mail), `chat`, `short` (SMS) and
//! `line` (in-app, digests). A field that the context lacks is an error before anything is queued. What people wrote is
//! shown literally: in chat it can neither mention anybody nor set a format, in HTML it is escaped.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::Content;
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
const TEMPLATES: [(&str, &str); 5] = [
    ("reminder", include_str!("../../data/messages/reminder.txt")),
    ("overdue", include_str!("../../data/messages/overdue.txt")),
    ("escalation", include_str!("../../data/messages/escalation.txt")),
    ("unreached", include_str!("../../data/messages/unreached.txt")),
    ("digest", include_str!("../../data/messages/digest.txt")),
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
        environment.set_auto_escape_callback(|name| match name.ends_with(".chat") {
            true => AutoEscape::Custom("chat".into()),
            false => AutoEscape::None,
        });
        environment.set_formatter(|out, state, value| match state.auto_escape() {
            AutoEscape::Custom(kind) if kind == "chat" => {
                if value.is_undefined() {
                    // The usual formatter refuses it in the usual words.
                    return minijinja::escape_formatter(out, state, value);
                }
                out.write_str(&literal(&value.to_string())).map_err(minijinja::Error::from)
            }
            _ => minijinja::escape_formatter(out, state, value),
        });
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
    /// What goes out on a channel.
    pub fn content(&self, channel: Channel) -> Content {
        let subject: String = self.subject.chars().take(200).collect();
        let (text, html) = match channel {
            Channel::Email => (self.long.clone(), Some(html(&self.long))),
            Channel::Sms => (self.short.clone(), None),
            Channel::InApp => (self.line.clone(), None),
            Channel::Discord | Channel::Webhook => (self.chat.clone(), None),
            Channel::Console => (self.long.clone(), None),
        };
        Content { subject, text, html, attachments: Vec::new(), data: None }
    }
}

/// Text as chat shows it literally: no mention, no format, no link with another face.
fn literal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '@' => shown.push_str("@\u{200b}"),
            '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '[' | ']' | '#' => {
                shown.push('\\');
                shown.push(c);
            }
            _ => shown.push(c),
        }
    }
    shown
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

/// HTML from plain text: paragraphs, and lists of lines that start with `- `. Everything else is escaped.
pub fn html(text: &str) -> String {
    let mut html = String::new();
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let mut listing = false;
        let mut open = false;
        for line in paragraph.lines() {
            let item = line.strip_prefix("- ");
            if open && item.is_some() {
                html.push_str("</p>");
                open = false;
            }
            match (item, listing) {
                (Some(_), false) => html.push_str("<ul>"),
                (None, true) => html.push_str("</ul>"),
                _ => {}
            }
            listing = item.is_some();
            match item {
                Some(item) => html.push_str(&format!("<li>{}</li>", escaped(item))),
                None if open => html.push_str(&format!("<br>{}", escaped(line))),
                None => {
                    html.push_str(&format!("<p>{}", escaped(line)));
                    open = true;
                }
            }
        }
        html.push_str(match (listing, open) {
            (true, _) => "</ul>",
            (_, true) => "</p>",
            _ => "",
        });
        html.push('\n');
    }
    html
}

/// Text as HTML shows it literally, also inside of an attribute.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
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
            "title": title, "name": "", "intro": "x", "sections": [{ "title": "T", "lines": [title], "more": 0 }],
        });
        let words = templates.render("digest", &context).unwrap();
        assert!(!words.chat.contains("@everyone") && words.chat.contains(r"\*\*rules\*\*"), "{}", words.chat);
        assert!(words.long.contains("{{ 7 * 7 }}"), "{}", words.long);
        let html = words.content(Channel::Email).html.unwrap();
        assert!(html.contains("&lt;b&gt;ignore") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn html_follows_the_text() {
        insta::assert_snapshot!(
            html("Hello Ann,\n\nTwo things:\n- one & two\n- three\n\nBye,\nMilepost"),
            @r"
        <p>Hello Ann,</p>
        <p>Two things:</p><ul><li>one &amp; two</li><li>three</li></ul>
        <p>Bye,<br>Milepost</p>
        "
        );
    }
}
