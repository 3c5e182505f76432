//! Compares what a program sent with what a schema asks for, and says everything that is wrong at once.
//!
//! Knows the part of JSON Schema that our own tools and routes use: types, properties, required, additionalProperties, items,
//! enum, const, ids, ranges and lengths. What it does not know it lets pass; reading into the Rust type decides then.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::kernel::{Problem, Refusal};

/// So that one absurd call cannot make an absurd answer.
const MOST_PROBLEMS: usize = 20;

/// Every way in which `arguments` differ from `schema`.
///
/// An optional member that is `null` counts as absent, and is removed, unless its schema knows null.
pub fn fit(schema: &Map<String, Value>, arguments: &mut Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    object(schema, arguments, "", &mut problems);
    problems.truncate(MOST_PROBLEMS);
    problems
}

/// `members` as a `T`, whose schema is `schema`, or everything that is wrong with them. What only the type itself knows
/// (a date that does not exist) is said one at a time.
pub fn read<T: DeserializeOwned>(
    schema: &Map<String, Value>,
    mut members: Map<String, Value>,
) -> Result<T, Refusal> {
    let problems = fit(schema, &mut members);
    if !problems.is_empty() {
        return Err(Refusal::invalid(problems));
    }
    serde_path_to_error::deserialize(Value::Object(members)).map_err(|error| {
        let path = error.path().to_string();
        Refusal::invalid(vec![problem(if path == "." { "" } else { &path }, &error.into_inner().to_string())])
    })
}

/// The schema of a `T` as [`read`] takes it.
pub fn schema_of<T: JsonSchema>() -> Map<String, Value> {
    let schema = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>();
    schema.as_object().cloned().unwrap_or_default()
}

/// serde's own words, with the field that they are about moved to where a program can find it.
fn problem(path: &str, said: &str) -> Problem {
    let inside = |name: &str| {
        if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
    };
    let quoted = |start: &str| said.strip_prefix(start)?.split_once('`').map(|(name, _)| shown(name));
    if let Some(name) = quoted("missing field `") {
        return Problem::new(inside(&name), "Missing.");
    }
    if let Some(name) = quoted("unknown field `") {
        let field = if path.ends_with(&name) { path.to_owned() } else { inside(&name) };
        return Problem::new(field, "There is no such field.");
    }
    let said: String = said.chars().take(300).filter(|c| !c.is_control()).collect();
    let mut letters = said.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if said.ends_with('.') { "" } else { "." };
    Problem::new(if path.is_empty() { "arguments" } else { path }, format!("{first}{}{stop}", letters.as_str()))
}

fn value(schema: &Value, found: &mut Value, path: &str, problems: &mut Vec<Problem>) {
    let Some(schema) = schema.as_object() else {
        return;
    };
    if problems.len() >= MOST_PROBLEMS {
        return;
    }
    if let Some(wrong) = wrong_type(schema, found).or_else(|| wrong_value(schema, found)) {
        problems.push(Problem::new(path, wrong));
        return;
    }
    match found {
        Value::Object(members) => object(schema, members, path, problems),
        Value::Array(items) => {
            if let Some(each) = schema.get("items") {
                for (index, item) in items.iter_mut().enumerate() {
                    value(each, item, &format!("{path}[{index}]"), problems);
                }
            }
        }
        _ => {}
    }
}

fn object(schema: &Map<String, Value>, members: &mut Map<String, Value>, path: &str, problems: &mut Vec<Problem>) {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    members.retain(|name, found| {
        let optional = properties.get(name).is_some_and(|known| !types(known).any(|t| t == "null"));
        !(found.is_null() && optional && !required.contains(&name.as_str()))
    });
    let place = |name: &str| {
        let name = shown(name);
        if path.is_empty() { name } else { format!("{path}.{name}") }
    };
    for name in &required {
        if !members.contains_key(*name) {
            let expected = properties.get(*name).map(expected).unwrap_or_else(|| "a value".into());
            problems.push(Problem::new(place(name), format!("Missing; give {expected}.")));
        }
    }
    for (name, found) in members {
        match (properties.get(name), schema.get("additionalProperties")) {
            (Some(known), _) => value(known, found, &place(name), problems),
            (None, Some(Value::Bool(false))) => {
                problems.push(Problem::new(place(name), unknown(name, properties.keys().map(String::as_str))));
            }
            (None, Some(each)) => value(each, found, &place(name), problems),
            (None, None) => {}
        }
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match closest(name, known.clone()) {
        Some(near) => format!("There is no such field. Did you mean `{near}`?"),
        None => {
            let known: Vec<&str> = known.collect();
            if known.is_empty() {
                "There is no such field; none is expected here.".into()
            } else {
                format!("There is no such field. Known are: {}.", known.join(", "))
            }
        }
    }
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let (one, many) = match schema.get("type") {
        Some(Value::String(one)) => (Some(one.as_str()), None),
        Some(Value::Array(many)) => (None, Some(many)),
        _ => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten().filter_map(Value::as_str))
}

fn is_of(found: &Value, name: &str) -> bool {
    match name {
        "object" => found.is_object(),
        "array" => found.is_array(),
        "string" => found.is_string(),
        "integer" => found.is_i64() || found.is_u64(),
        "number" => found.is_number(),
        "boolean" => found.is_boolean(),
        "null" => found.is_null(),
        _ => true,
    }
}

fn wrong_type(schema: &Map<String, Value>, found: &Value) -> Option<String> {
    let known = Value::Object(schema.clone());
    let mut names = types(&known).peekable();
    names.peek()?;
    if names.any(|name| is_of(found, name)) {
        return None;
    }
    Some(format!("Must be {}; this is {}.", expected(&known), described(found)))
}

/// Whether a number keeps a limit.
type Holds = fn(f64, f64) -> bool;

fn wrong_value(schema: &Map<String, Value>, found: &Value) -> Option<String> {
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(found)
    {
        return Some(format!("Must be {}; this is {}.", one_of(allowed), described(found)));
    }
    if let Some(only) = schema.get("const")
        && only != found
    {
        return Some(format!("Must be {}; this is {}.", described(only), described(found)));
    }
    if let ("uuid", Some(text)) =
        (schema.get("format").and_then(Value::as_str).unwrap_or_default(), found.as_str())
        && uuid::Uuid::parse_str(text).is_err()
    {
        return Some(format!("Must be an id, a UUID; this is {}.", described(found)));
    }
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let Some(number) = found.as_f64() {
        let rules: [(&str, &str, Holds); 4] = [
            ("minimum", "at least", |is, limit| is >= limit),
            ("maximum", "at most", |is, limit| is <= limit),
            ("exclusiveMinimum", "more than", |is, limit| is > limit),
            ("exclusiveMaximum", "less than", |is, limit| is < limit),
        ];
        let broken = rules.iter().find(|(name, _, fits)| limit(name).is_some_and(|limit| !fits(number, limit)))?;
        return Some(format!("Must be {} {}; this is {found}.", broken.1, schema[broken.0]));
    }
    let (length, least, most, unit) = match found {
        Value::String(text) => (text.chars().count(), "minLength", "maxLength", "characters"),
        Value::Array(items) => (items.len(), "minItems", "maxItems", "entries"),
        Value::Object(members) => (members.len(), "minProperties", "maxProperties", "fields"),
        _ => return None,
    };
    let is = length as f64;
    if limit(least).is_some_and(|limit| is < limit) {
        return Some(format!("Needs at least {} {unit}; this has {length}.", schema[least]));
    }
    if limit(most).is_some_and(|limit| is > limit) {
        return Some(format!("May have at most {} {unit}; this has {length}.", schema[most]));
    }
    None
}

fn one_of(allowed: &[Value]) -> String {
    let words: Vec<String> = allowed.iter().map(described).collect();
    match words.as_slice() {
        [only] => only.clone(),
        words => format!("one of {}", words.join(", ")),
    }
}

/// What a schema asks for, in a few words.
fn expected(schema: &Value) -> String {
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        return one_of(allowed);
    }
    let names: Vec<String> = types(schema)
        .map(|name| match (name, schema.get("format").and_then(Value::as_str)) {
            ("string", Some("date")) => "a date as YYYY-MM-DD".into(),
            ("string", Some("date-time")) => "an instant such as 2026-05-01T16:00:00Z".into(),
            ("string", Some("uuid")) => "an id (a UUID)".into(),
            ("string", _) => "a text".into(),
            ("integer", _) => "a whole number".into(),
            ("number", _) => "a number".into(),
            ("boolean", _) => "true or false".into(),
            ("object", _) => "an object".into(),
            ("array", _) => "a list".into(),
            (other, _) => other.to_owned(),
        })
        .collect();
    if names.is_empty() { "a value".into() } else { names.join(" or ") }
}

fn described(found: &Value) -> String {
    match found {
        Value::String(text) => format!("\"{}\"", shown(text)),
        Value::Object(_) => "an object".into(),
        Value::Array(_) => "a list".into(),
        other => other.to_string(),
    }
}

/// The sender's own words, short and without control characters, fit to be repeated in an answer.
pub fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

/// The known word that was probably meant, if one is near enough to say so.
pub fn closest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let near =
        known.map(|candidate| (distance(word, candidate), candidate)).min_by_key(|(distance, _)| *distance)?;
    (near.0 <= 1 + near.1.len() / 4).then_some(near.1)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let swap = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = swap.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Map<String, Value> {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["title", "side"],
            "properties": {
                "title": { "type": "string", "minLength": 1, "maxLength": 5 },
                "side": { "type": "string", "enum": ["buyer", "seller"] },
                "limit": { "type": "integer", "minimum": 1, "maximum": 100 },
                "note": { "type": ["string", "null"] },
                "key_dates": { "type": "object", "additionalProperties": { "type": "string", "format": "date" } },
                "parties": { "type": "array", "maxItems": 2, "items": {
                    "type": "object", "additionalProperties": false, "required": ["name"],
                    "properties": { "name": { "type": "string" } } } }
            }
        });
        schema.as_object().unwrap().clone()
    }

    #[track_caller]
    fn check(mut arguments: Value, said: &[&str]) {
        let problems = fit(&schema(), arguments.as_object_mut().unwrap());
        let lines: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.field, p.sentence)).collect();
        assert_eq!(lines, said);
    }

    #[test]
    fn fitting_arguments_pass() {
        check(
            json!({"title": "a", "side": "buyer", "limit": 5, "note": null, "key_dates": {"x": "2026-01-01"}}),
            &[],
        );
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        check(
            json!({"titel": "x", "limit": 0, "side": "buyers"}),
            &[
                "title: Missing; give a text.",
                "limit: Must be at least 1; this is 0.",
                "side: Must be one of \"buyer\", \"seller\"; this is \"buyers\".",
                "titel: There is no such field. Did you mean `title`?",
            ],
        );
    }

    #[test]
    fn problems_inside_lists_and_maps_have_their_path() {
        check(
            json!({"title": "a", "side": "buyer", "parties": [{"name": "A"}, {"nme": 1}], "key_dates": {"closing": 3}}),
            &[
                "key_dates.closing: Must be a date as YYYY-MM-DD; this is 3.",
                "parties[1].name: Missing; give a text.",
                "parties[1].nme: There is no such field. Did you mean `name`?",
            ],
        );
    }

    #[test]
    fn types_and_lengths_are_held() {
        check(
            json!({"title": "too long", "side": 1, "limit": 2.5, "parties": [{}, {}, {}]}),
            &[
                "limit: Must be a whole number; this is 2.5.",
                "parties: May have at most 2 entries; this has 3.",
                "side: Must be one of \"buyer\", \"seller\"; this is 1.",
                "title: May have at most 5 characters; this has 8.",
            ],
        );
    }

    #[test]
    fn null_for_an_optional_field_means_that_it_was_left_out() {
        check(json!({"title": "a", "side": "buyer", "limit": null}), &[]);
        check(json!({"title": null, "side": "buyer"}), &["title: Must be a text; this is null."]);
    }

    #[test]
    fn a_far_word_is_not_guessed() {
        let known = || ["title", "side"].into_iter();
        assert_eq!(closest("colour", known()), None);
        assert_eq!(closest("sides", known()), Some("side"));
    }
}
