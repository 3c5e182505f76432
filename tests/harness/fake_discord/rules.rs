//! What Discord refuses about a message, its components or a form, and what we never want to send although it would be
//! taken. A sentence each.

use std::collections::HashSet;

use serde_json::Value;

/// Everything that is wrong so far.
#[derive(Default)]
pub(super) struct Wrong(pub Vec<String>);

impl Wrong {
    pub fn must(&mut self, holds: bool, sentence: impl FnOnce() -> String) {
        if !holds {
            self.0.push(sentence());
        }
    }

    /// A text with bounds on its characters.
    pub fn length(&mut self, what: &str, text: &Value, least: usize, most: usize) {
        let has = length(text);
        self.must(has >= least, || format!("{what} is missing or empty"));
        self.must(has <= most, || format!("{what} has {has} characters, at most {most} are taken"));
    }
}

pub(super) fn length(value: &Value) -> usize {
    value.as_str().unwrap_or_default().chars().count()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn blank(text: &Value) -> bool {
    text.as_str().is_none_or(|text| text.trim().is_empty())
}

/// A message that is new, in a channel or as an answer, with so many files beside it.
pub(super) fn new_message(body: &Value, files: usize) -> Vec<String> {
    let mut wrong = Wrong::default();
    let empty = blank(&body["content"]) && list(&body["embeds"]).is_empty() && files == 0;
    wrong.must(!empty, || "an empty message".into());
    mentions(&mut wrong, body);
    nonce(&mut wrong, body);
    parts(&mut wrong, body);
    wrong.0
}

/// A change of a message. What it does not name stays.
pub(super) fn changed_message(body: &Value) -> Vec<String> {
    let mut wrong = Wrong::default();
    // Whoever is called by an edit is not rung, except by the edit that a deferred answer waits for.
    if body["content"].is_string() {
        mentions(&mut wrong, body);
    }
    parts(&mut wrong, body);
    wrong.0
}

fn parts(wrong: &mut Wrong, body: &Value) {
    wrong.must(body.is_object(), || "the body is no JSON object".into());
    wrong.length("content", &body["content"], 0, 2_000);
    embeds(wrong, list(&body["embeds"]));
    components(wrong, list(&body["components"]));
    let components_v2 = body["flags"].as_u64().unwrap_or(0) & (1 << 15) != 0;
    wrong.must(!components_v2, || "components of the second version, which our client cannot build".into());
}

fn mentions(wrong: &mut Wrong, body: &Value) {
    let mentions = &body["allowed_mentions"];
    wrong.must(mentions.is_object(), || {
        "allowed_mentions is missing: everybody in the text would be called".into()
    });
    wrong.must(list(&mentions["parse"]).is_empty(), || "allowed_mentions.parse is not empty".into());
}

fn nonce(wrong: &mut Wrong, body: &Value) {
    let length = match &body["nonce"] {
        Value::Null => 0,
        Value::Number(number) => number.to_string().len(),
        nonce => length(nonce),
    };
    wrong.must(length <= 25, || format!("a nonce of {length} characters, at most 25 are taken"));
    wrong.must(body["enforce_nonce"] != true || length > 0, || "enforce_nonce without a nonce".into());
}

fn embeds(wrong: &mut Wrong, embeds: &[Value]) {
    wrong.must(embeds.len() <= 10, || format!("{} embeds, at most 10 are taken", embeds.len()));
    let mut total = 0;
    for embed in embeds {
        let fields = list(&embed["fields"]);
        wrong.must(fields.len() <= 25, || format!("an embed of {} fields, at most 25 are taken", fields.len()));
        let bounded = [
            ("title", &embed["title"], 256),
            ("description", &embed["description"], 4_096),
            ("footer.text", &embed["footer"]["text"], 2_048),
            ("author.name", &embed["author"]["name"], 256),
        ];
        let names = fields.iter().map(|field| ("field name", &field["name"], 256));
        let values = fields.iter().map(|field| ("field value", &field["value"], 1_024));
        for (name, text, most) in bounded.into_iter().chain(names).chain(values) {
            total += length(text);
            wrong.length(&format!("an embed's {name}"), text, 0, most);
        }
        for field in fields {
            let both = !blank(&field["name"]) && !blank(&field["value"]);
            wrong.must(both, || "an embed's field has no name or no value".into());
        }
        let pictures = !embed["image"].is_null() || !embed["thumbnail"].is_null();
        let says = bounded.iter().any(|(_, text, _)| !blank(text));
        wrong.must(says || pictures || !fields.is_empty(), || "an embed that shows nothing".into());
    }
    wrong.must(total <= 6_000, || format!("the embeds have {total} characters together, at most 6000 are taken"));
}

fn components(wrong: &mut Wrong, rows: &[Value]) {
    wrong.must(rows.len() <= 5, || format!("{} rows of components, at most 5 are taken", rows.len()));
    let mut ids = HashSet::new();
    for row in rows {
        wrong.must(row["type"] == 1, || format!("a component of type {} outside of a row", row["type"]));
        let inside = list(&row["components"]);
        wrong.must(!inside.is_empty(), || "a row of components with nothing in it".into());
        wrong.must(inside.len() <= 5, || format!("a row of {} components, at most 5 are taken", inside.len()));
        let menus = inside.iter().filter(|component| component["type"] != 2).count();
        wrong.must(menus == 0 || inside.len() == 1, || "a select menu that is not alone in its row".into());
        for component in inside {
            match component["type"].as_u64() {
                Some(2) => button(wrong, component),
                Some(3 | 5..=8) => menu(wrong, component),
                _ => wrong.must(false, || format!("a component of type {} in a row", component["type"])),
            }
            if let Some(id) = component["custom_id"].as_str() {
                wrong.must(ids.insert(id), || format!("two components with the custom_id {id:?}"));
            }
        }
    }
}

fn button(wrong: &mut Wrong, button: &Value) {
    let text = button["label"].as_str().unwrap_or("without a label");
    wrong.length(&format!("the label of the button {text:?}"), &button["label"], 0, 80);
    wrong.must(!blank(&button["label"]) || button["emoji"].is_object(), || {
        "a button with neither label nor emoji".into()
    });
    let id = &button["custom_id"];
    match button["style"].as_u64() {
        Some(1..=4) => {
            wrong.length(&format!("the custom_id of the button {text:?}"), id, 1, 100);
            wrong.must(button["url"].is_null(), || format!("the button {text:?} has an address, but is no link"));
        }
        Some(5) => {
            wrong.length(&format!("the address of the button {text:?}"), &button["url"], 1, 512);
            wrong.must(id.is_null(), || format!("the link {text:?} has a custom_id"));
        }
        Some(6) => {}
        _ => wrong.must(false, || format!("the button {text:?} has the style {}", button["style"])),
    }
}

fn menu(wrong: &mut Wrong, menu: &Value) {
    let id = menu["custom_id"].as_str().unwrap_or_default();
    wrong.length("the custom_id of a select menu", &menu["custom_id"], 1, 100);
    wrong.length(&format!("the placeholder of {id:?}"), &menu["placeholder"], 0, 150);
    let least = menu["min_values"].as_u64().unwrap_or(1);
    let most = menu["max_values"].as_u64().unwrap_or(1);
    wrong.must(least <= most && (1..=25).contains(&most), || format!("{id:?} asks for {least} to {most} values"));
    if menu["type"] != 3 {
        return;
    }
    let options = list(&menu["options"]);
    wrong.must((1..=25).contains(&options.len()), || {
        format!("a select menu of {} options, 1 to 25 are taken", options.len())
    });
    let mut values = HashSet::new();
    for option in options {
        wrong.length("an option's label", &option["label"], 1, 100);
        wrong.length("an option's value", &option["value"], 1, 100);
        wrong.length("an option's description", &option["description"], 0, 100);
        let value = option["value"].as_str().unwrap_or_default();
        wrong.must(values.insert(value), || format!("two options with the value {value:?}"));
    }
    let chosen = options.iter().filter(|option| option["default"] == true).count();
    wrong.must(chosen as u64 <= most, || format!("{id:?} begins with {chosen} chosen, at most {most} may be"));
}

/// A form that pops up. Ours are rows of one text input each: what newer shapes return is lost in our client.
pub(super) fn form(data: &Value) -> Vec<String> {
    let mut wrong = Wrong::default();
    wrong.length("a form's title", &data["title"], 1, 45);
    wrong.length("a form's custom_id", &data["custom_id"], 1, 100);
    let rows = list(&data["components"]);
    wrong.must((1..=5).contains(&rows.len()), || format!("a form of {} inputs, 1 to 5 are taken", rows.len()));
    let mut ids = HashSet::new();
    for row in rows {
        let inside = list(&row["components"]);
        let holds = row["type"] == 1 && inside.len() == 1 && inside[0]["type"] == 4;
        wrong.must(holds, || "a form holds rows of one text input each, and this is something else".into());
        for input in inside {
            let id = input["custom_id"].as_str().unwrap_or_default();
            wrong.length("an input's custom_id", &input["custom_id"], 1, 100);
            wrong.must(ids.insert(id), || format!("two inputs with the custom_id {id:?}"));
            wrong.length("an input's label", &input["label"], 1, 45);
            wrong.length("an input's placeholder", &input["placeholder"], 0, 100);
            let least = input["min_length"].as_u64().unwrap_or(0);
            let most = input["max_length"].as_u64().unwrap_or(4_000);
            wrong.must(least <= most && (1..=4_000).contains(&most), || {
                format!("the input {id:?} asks for {least} to {most} characters")
            });
            // A value that the form itself would not let through is refused, too; nothing is fine where nothing is asked.
            let value = length(&input["value"]) as u64;
            wrong.must(value == 0 || (least..=most).contains(&value), || {
                format!("the input {id:?} begins with {value} characters, {least} to {most} are taken")
            });
        }
    }
    wrong.0
}

/// What is offered while somebody types.
pub(super) fn choices(data: &Value, kind: u64) -> Vec<String> {
    let mut wrong = Wrong::default();
    let choices = list(&data["choices"]);
    wrong.must(data["choices"].is_array(), || "a result of autocomplete without choices".into());
    wrong.must(choices.len() <= 25, || format!("{} choices, at most 25 are taken", choices.len()));
    for choice in choices {
        choice_of(&mut wrong, choice, kind);
    }
    wrong.0
}

/// A choice of an option of this type.
pub(super) fn choice_of(wrong: &mut Wrong, choice: &Value, kind: u64) {
    wrong.length("a choice's name", &choice["name"], 1, 100);
    let (value, name) = (&choice["value"], &choice["name"]);
    let fits = match kind {
        4 => value.is_i64() || value.is_u64(),
        10 => value.is_number(),
        _ => value.is_string(),
    };
    wrong.must(fits, || format!("the value of the choice {name} does not have its option's type"));
    wrong.length("a choice's value", value, usize::from(value.is_string()), 100);
}
