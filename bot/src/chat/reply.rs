//! What is answered, in Discord's form but on no way in particular.

use std::collections::BTreeMap;

use domain::delivery::card::Button;
use domain::kernel::text::is_hidden;
use host::channels::discord::{components, literally};
use serde_json::{Value, json};

/// Characters of a message and of an embed, as Discord counts them.
pub const MOST_TEXT: usize = 2_000;
const MOST_EMBED: usize = 4_096;
/// What fits into a form's field.
pub const MOST_FIELD: usize = 4_000;
/// Characters of the name and of the value of what is offered.
const MOST_CHOICE: usize = 100;
/// Discord's names for kinds of answers.
const MESSAGE: u8 = 4;
const MESSAGE_LATER: u8 = 5;
const UPDATE: u8 = 7;
const CHOICES: u8 = 8;
const FORM: u8 = 9;
/// Seen by whoever asked, and nobody else.
const PRIVATE: u32 = 1 << 6;
/// No pictures of links.
const PLAIN_LINKS: u32 = 1 << 2;

#[derive(Clone, Debug)]
pub enum Reply {
    Say(Say),
    /// The message that was pressed becomes this one, and the channel may hear something beside it.
    Replace(Say, Option<Say>),
    Form(Form),
    Choices(Vec<(String, String)>),
}

impl From<Say> for Reply {
    fn from(say: Say) -> Self {
        Self::Say(say)
    }
}

/// A message.
#[derive(Clone, Debug, Default)]
pub struct Say {
    /// Mark-up of ours; what people wrote went through [`plain`].
    pub text: String,
    /// A longer text in a frame.
    pub frame: Option<String>,
    /// Only whoever asked sees it.
    pub private: bool,
    pub rows: Vec<Vec<Button>>,
    /// A picture or a text that goes along: its name and bytes.
    pub file: Option<(String, Vec<u8>)>,
}

/// What people or models wrote, as letters and nothing else: no mention, no mark-up, no hidden link.
pub fn plain(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !is_hidden(*c)).collect();
    literally(&shown)
}

impl Say {
    pub fn privately(text: impl Into<String>) -> Self {
        Self { text: text.into(), private: true, ..Self::default() }
    }

    pub fn publicly(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A change is told to the channel; that nothing changed, to whoever asked.
    pub fn told(text: impl Into<String>, changed: bool) -> Self {
        if changed { Self::publicly(text) } else { Self::privately(text) }
    }

    pub fn framed(self, frame: impl Into<String>) -> Self {
        Self { frame: Some(frame.into()), ..self }
    }

    pub fn with(mut self, row: Vec<Button>) -> Self {
        self.rows.push(row);
        self
    }

    pub fn file(self, name: &str, bytes: Vec<u8>) -> Self {
        Self { file: Some((name.to_owned(), bytes)), ..self }
    }

    /// The message as Discord takes it. Nobody is called by it, whatever stands in it.
    pub fn body(&self) -> Value {
        let mut flags = if self.private { PRIVATE } else { 0 };
        let frame = self.frame.as_deref().filter(|frame| !frame.trim().is_empty());
        if frame.is_none() {
            flags |= PLAIN_LINKS;
        }
        let embeds: Vec<Value> =
            frame.map(|frame| json!({ "description": clipped(frame, MOST_EMBED) })).into_iter().collect();
        json!({
            "content": clipped(&self.text, MOST_TEXT),
            "embeds": embeds,
            "components": components(&self.rows),
            "allowed_mentions": { "parse": [] },
            "flags": flags,
        })
    }
}

/// As much as fits, whole lines only, and a sign that there was more.
pub fn clipped(text: &str, most: usize) -> String {
    let units = |text: &str| text.encode_utf16().count();
    if units(text) <= most {
        return text.to_owned();
    }
    const MORE: &str = "\n\u{2026}";
    let mut kept = String::new();
    let mut room = most - units(MORE);
    for line in text.split_inclusive('\n') {
        let Some(left) = room.checked_sub(units(line)) else {
            if kept.is_empty() {
                let mut cut: String = line.chars().take(room).collect();
                while units(&cut) > room {
                    cut.pop();
                }
                kept = cut;
            }
            break;
        };
        room = left;
        kept.push_str(line);
    }
    kept.truncate(kept.trim_end().len());
    kept + MORE
}

/// Fields for somebody to fill in.
#[derive(Clone, Debug)]
pub struct Form {
    /// What stands in it when it comes back.
    pub id: String,
    pub title: String,
    pub fields: Vec<Field>,
}

impl Form {
    /// The same with these values in its fields.
    pub fn filled(mut self, values: &BTreeMap<String, String>) -> Self {
        let fill = |field: Field| match values.get(field.id) {
            Some(value) => field.filled(value),
            None => field,
        };
        self.fields = self.fields.into_iter().map(fill).collect();
        self
    }
}

#[derive(Clone, Debug)]
pub struct Field {
    pub id: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub value: String,
    pub needed: bool,
    pub long: bool,
    pub most: usize,
}

impl Field {
    pub fn line(id: &'static str, label: &'static str, most: usize) -> Self {
        Self { id, label, hint: "", value: String::new(), needed: true, long: false, most }
    }

    pub fn prose(id: &'static str, label: &'static str, most: usize) -> Self {
        Self { long: true, ..Self::line(id, label, most) }
    }

    pub fn optional(self) -> Self {
        Self { needed: false, ..self }
    }

    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    pub fn filled(self, value: impl Into<String>) -> Self {
        let value: String = value.into();
        Self { value: value.chars().take(self.most).collect(), ..self }
    }

    fn body(&self) -> Value {
        let mut input = json!({
            "type": 4, "custom_id": self.id, "label": self.label, "style": if self.long { 2 } else { 1 },
            "required": self.needed, "min_length": u8::from(self.needed), "max_length": self.most.min(MOST_FIELD),
        });
        if !self.hint.is_empty() {
            input["placeholder"] = self.hint.into();
        }
        if !self.value.is_empty() {
            input["value"] = self.value.as_str().into();
        }
        json!({ "type": 1, "components": [input] })
    }
}

impl Reply {
    /// The first answer as Discord takes it. A file can only be added to a message that is there already.
    pub fn first(&self) -> Value {
        match self {
            Self::Say(say) => json!({ "type": MESSAGE, "data": say.body() }),
            Self::Replace(say, _) => json!({ "type": UPDATE, "data": say.body() }),
            Self::Form(form) => json!({ "type": FORM, "data": {
                "custom_id": form.id,
                "title": form.title.chars().take(45).collect::<String>(),
                "components": form.fields.iter().take(5).map(Field::body).collect::<Vec<_>>(),
            } }),
            Self::Choices(choices) => {
                // Part of a name is still one; part of a value is another one.
                let fits = |(_, value): &&(String, String)| value.chars().count() <= MOST_CHOICE;
                let choice = |(name, value): &(String, String)| {
                    let name: String = name.chars().take(MOST_CHOICE).collect();
                    json!({ "name": name, "value": value })
                };
                let choices: Vec<Value> = choices.iter().filter(fits).take(25).map(choice).collect();
                json!({ "type": CHOICES, "data": { "choices": choices } })
            }
        }
    }
}

/// Says that an answer comes, to whoever asked alone or to all of the channel.
pub fn soon(private: bool) -> Value {
    json!({ "type": MESSAGE_LATER, "data": { "flags": if private { PRIVATE } else { 0 } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_calls_nobody_and_hides_nothing() {
        let check = |text: &str, shown: &str| assert_eq!(plain(text), shown, "{text}");
        check("12 Oak Street", "12 Oak Street");
        check("@everyone **now**", "\\@everyone \\*\\*now\\*\\*");
        check("[bank](https://evil.example)", "\\[bank\\]\\(https\\://evil.example\\)");
        check("<@123> <#4>", "\\<\\@123\\> \\<\\#4\\>");
        check("pay\u{202e}gnp.exe\u{200b}", "paygnp.exe");
    }

    #[test]
    fn what_is_too_long_ends_at_a_line() {
        let lines: String = (0..300).map(|n| format!("line {n}\n")).collect();
        let short = clipped(&lines, MOST_TEXT);
        assert!(short.encode_utf16().count() <= MOST_TEXT && short.ends_with("\n\u{2026}"), "{short}");
        let flags = "\u{1f1fa}\u{1f1f8}".repeat(2_000);
        assert!(clipped(&flags, MOST_TEXT).encode_utf16().count() <= MOST_TEXT);
    }
}
