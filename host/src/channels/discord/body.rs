//! What Discord is given of a message: text that is shown letter by letter, the few marks of ours, buttons, and nobody called
//! but those who are meant.

use std::collections::HashSet;

use domain::delivery::Message;
use domain::delivery::card::{Button, Card, Look, MOST_IN_A_ROW, MOST_LABEL, MOST_ROWS};
use domain::delivery::cards::{Drawn, Span};
use domain::kernel::id::MessageId;
use serde_json::{Value, json};

use super::{MOST_EMBEDDED, MOST_EMBEDS, MOST_TEXT, nonce, snowflake};

/// People that one message calls.
const MOST_CALLED: usize = 10;

/// What is posted. The last line is small print that look-ups find again.
pub(super) fn post(message: &Message) -> Value {
    let mut body = whole(message, message.id, true);
    body["nonce"] = json!(nonce(message.id));
    body["enforce_nonce"] = json!(true);
    body["tts"] = json!(false);
    body
}

/// What a message that stands there becomes. Its small print stays, and nobody is called by it.
pub(super) fn patch(message: &Message, original: MessageId) -> Value {
    let mut body = whole(message, original, false);
    // What is not said stays as it was.
    if body.get("components").is_none() {
        body["components"] = json!([]);
    }
    body
}

fn whole(message: &Message, marked: MessageId, calls: bool) -> Value {
    let content = &message.content;
    let card = Card::of(content).unwrap_or_default();
    let marker = format!("\n-# {}", nonce(marked));
    let mut called: Vec<&str> =
        card.mentions.iter().map(String::as_str).filter(|id| snowflake(id).is_ok()).take(MOST_CALLED).collect();
    called.dedup();
    let mut parts: Vec<String> = called.iter().map(|id| format!("<@{id}> ")).collect();
    if !parts.is_empty() {
        parts.push("\n".to_owned());
    }
    if !content.subject.trim().is_empty() {
        parts.push("**".to_owned());
        parts.extend(literal(&content.subject.replace(['\n', '\r'], " "), false));
        parts.push("**\n".to_owned());
    }
    match Drawn::of(content) {
        Some(drawn) => drawn.0.iter().for_each(|span| parts.extend(marked_up(span))),
        None => parts.extend(literal(&content.text, true)),
    }
    let rest = format!("\u{2026}\nThe rest: `milepost delivery show {}`", message.id);
    let text = fitted(&parts, MOST_TEXT - units(&marker), &rest);
    let embeds = embeds(content.data.as_ref());
    let users: Vec<&str> = if calls { called } else { Vec::new() };
    let mut body = json!({ "content": text + &marker, "allowed_mentions": { "parse": [] } });
    if !users.is_empty() {
        body["allowed_mentions"]["users"] = json!(users);
    }
    if embeds.is_empty() {
        // Discord draws no pictures of links that stand in the text.
        body["flags"] = json!(1 << 2);
    } else {
        body["embeds"] = Value::Array(embeds);
    }
    let rows = components(&card.rows);
    if !rows.is_empty() {
        body["components"] = Value::Array(rows);
    }
    body
}

/// A piece of a text with its mark. What is struck is one part: half of it would leave its mark open.
fn marked_up(span: &Span) -> Vec<String> {
    match span {
        Span::Text(text) => with_line_ends(text),
        Span::Struck(text) => vec![format!("~~{}~~", literal(&text.replace(['\n', '\r'], " "), false).concat())],
        Span::Ago(at) => vec![format!("<t:{}:R>", at.as_second())],
        Span::When(at) => vec![format!("<t:{}:f>", at.as_second())],
    }
}

/// A piece may end where its line goes on in the next, or with the line itself.
fn with_line_ends(text: &str) -> Vec<String> {
    let mut parts = literal(text, true);
    if text.ends_with('\n') {
        parts.push("\n".to_owned());
    }
    parts
}

/// Rows of buttons as Discord takes them: so many, each with a name of its own.
pub fn components(all: &[Vec<Button>]) -> Vec<Value> {
    let mut names = HashSet::new();
    let mut rows = Vec::new();
    for row in all.iter().take(MOST_ROWS) {
        let buttons: Vec<Value> = row
            .iter()
            .take(MOST_IN_A_ROW)
            .filter(|button| !button.label.trim().is_empty() && names.insert(button.press.to_string()))
            .map(button)
            .collect();
        if !buttons.is_empty() {
            rows.push(json!({ "type": 1, "components": buttons }));
        }
    }
    rows
}

fn button(button: &Button) -> Value {
    let style = match button.look {
        Look::Plain => 2,
        Look::Good => 3,
        Look::Bad => 4,
    };
    let label: String = button.label.chars().take(MOST_LABEL).collect();
    json!({ "type": 2, "style": style, "label": label, "custom_id": button.press.to_string() })
}

pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// As much as fits, whole parts only, with a pointer to the rest when something is left out.
fn fitted(parts: &[String], most: usize, rest: &str) -> String {
    if parts.iter().map(|part| units(part)).sum::<usize>() <= most {
        return parts.concat();
    }
    let mut room = most - units(rest);
    let mut text = String::new();
    for part in parts {
        let Some(left) = room.checked_sub(units(part)) else { break };
        room = left;
        text.push_str(part);
    }
    text + rest
}

/// Plain text as parts that Discord shows letter by letter: no formatting, no mention, no hidden link. A bare web
/// address stays one where `links` says so.
pub(super) fn literal(text: &str, links: bool) -> Vec<String> {
    let mut parts = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if i > 0 {
            parts.push("\n".to_owned());
        }
        let mut at_start = true;
        let mut digits = 0;
        for word in line.split_inclusive(char::is_whitespace) {
            if links && is_plain_link(word.trim_end()) {
                parts.push(word.to_owned());
                (at_start, digits) = (false, 0);
                continue;
            }
            for (at, c) in word.char_indices() {
                let special = matches!(
                    c,
                    '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '[' | ']' | '(' | ')' | '@' | '#'
                ) || (at_start && matches!(c, '-' | '+'))
                    || (digits > 0 && c == '.')
                    || word[at..].starts_with("://");
                match c {
                    _ if special => parts.push(format!("\\{c}")),
                    _ if c.is_control() && c != '\t' => parts.push("\u{fffd}".to_owned()),
                    _ => parts.push(c.to_string()),
                }
                // A number and a point at the start of a line would become a list.
                digits = if c.is_ascii_digit() && (at_start || digits > 0) { digits + 1 } else { 0 };
                at_start = at_start && c.is_whitespace();
            }
        }
    }
    parts
}

/// The same as one text, for those who answer in chat.
pub fn literally(text: &str) -> String {
    literal(text, true).concat()
}

fn is_plain_link(word: &str) -> bool {
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"/:?&=%._~#+,;-".contains(&b))
    })
}

/// The cards that a face drew beside the text (`{"embeds": [..]}`), as many as Discord takes.
pub(super) fn embeds(data: Option<&Value>) -> Vec<Value> {
    let Some(Value::Array(all)) = data.and_then(|data| data.get("embeds")) else { return Vec::new() };
    let mut room = MOST_EMBEDDED;
    let mut kept = Vec::new();
    for embed in all.iter().take(MOST_EMBEDS) {
        let Some(embed) = within_limits(embed) else { continue };
        let Some(left) = room.checked_sub(embedded_units(&embed)) else { break };
        room = left;
        kept.push(embed);
    }
    kept
}

/// An embed whose parts are cut to what Discord takes; `None` when it is no embed or says nothing.
pub(super) fn within_limits(embed: &Value) -> Option<Value> {
    let mut embed = embed.as_object()?.clone();
    cut(embed.get_mut("title"), 256);
    cut(embed.get_mut("description"), 4_096);
    cut(embed.get_mut("footer").and_then(|footer| footer.get_mut("text")), 2_048);
    cut(embed.get_mut("author").and_then(|author| author.get_mut("name")), 256);
    if let Some(Value::Array(fields)) = embed.get_mut("fields") {
        fields.truncate(25);
        for field in fields {
            cut(field.get_mut("name"), 256);
            cut(field.get_mut("value"), 1_024);
        }
    }
    let embed = Value::Object(embed);
    (embedded_units(&embed) > 0).then_some(embed)
}

fn cut(value: Option<&mut Value>, most: usize) {
    if let Some(Value::String(text)) = value
        && units(text) > most
    {
        let parts: Vec<String> = text.chars().map(String::from).collect();
        *text = fitted(&parts, most, "\u{2026}");
    }
}

fn embedded_units(embed: &Value) -> usize {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map_or(0, units);
    let fields = embed.get("fields").and_then(Value::as_array).map_or(0, |fields| {
        fields.iter().map(|field| text(field.get("name")) + text(field.get("value"))).sum::<usize>()
    });
    text(embed.get("title"))
        + text(embed.get("description"))
        + text(embed.pointer("/footer/text"))
        + text(embed.pointer("/author/name"))
        + fields
}
