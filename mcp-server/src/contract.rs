//! What every tool promises in its description, checked by tests over all tools, and made true where we can.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool};
use serde_json::{Value, json};

/// Clients cut descriptions off here.
const LONGEST_DESCRIPTION: usize = 1024;

/// Makes a tool's output schema true for refusals as well.
///
/// A refusal is structured content too, and the TypeScript client holds it against the output schema even when
/// `isError` is set: the agent would see a schema violation instead of the reason. So no member is required at the
/// top, and others than those that are described may stand there. Nested objects keep what they require. What a refusal
/// holds is said once, in the instructions, and not with every tool of every list.
pub fn admit_refusals(tool: &mut Tool) {
    let Some(schema) = &mut tool.output_schema else {
        return;
    };
    let schema = Arc::make_mut(schema);
    schema.remove("required");
    schema.remove("additionalProperties");
}

/// Makes a tool's output schema short: a list of tools is read before every conversation.
///
/// Words stay at the top, names and types in what stands directly in it, and which words a member may have where it is a
/// member of the answer itself; deeper objects are only called objects. What was true of an answer stays true.
pub fn shorten_output(tool: &mut Tool) {
    let Some(schema) = &mut tool.output_schema else { return };
    let mut whole = Value::Object(Arc::make_mut(schema).clone());
    shorten(&mut whole, 0);
    if let Value::Object(short) = whole {
        *Arc::make_mut(schema) = short;
    }
}

/// Objects inside objects inside the answer keep no members.
const DEEPEST: usize = 2;

fn shorten(schema: &mut Value, depth: usize) {
    let Value::Object(members) = schema else { return };
    for word in ["$schema", "title", "format", "minimum", "maximum", "default"] {
        members.remove(word);
    }
    if depth > 0 {
        members.remove("description");
    }
    if depth > 1 {
        members.remove("enum");
    }
    let several = if depth > 0 { members.remove("oneOf") } else { None };
    if several.as_ref().is_some_and(are_words) {
        members.insert("type".into(), json!("string"));
        return;
    }
    let one_of_several = several.is_some();
    if one_of_several || (depth >= DEEPEST && members.contains_key("properties")) {
        members.retain(|word, _| word == "description");
        members.insert("type".into(), json!("object"));
        return;
    }
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        properties.values_mut().for_each(|inner| shorten(inner, depth + 1));
    }
    for word in ["items", "additionalProperties"] {
        if let Some(inner) = members.get_mut(word) {
            // A list is no object of its own.
            shorten(inner, depth);
        }
    }
    if depth > 0 {
        members.remove("required");
    }
}

/// Whether these are the words of a list of words, each with what it means.
fn are_words(several: &Value) -> bool {
    let word = |one: &Value| one.get("type").and_then(Value::as_str) == Some("string");
    several.as_array().is_some_and(|all| all.iter().all(word))
}

/// Makes a tool's input schema shorter by what says nothing to whoever fills it in.
pub fn shorten_input(tool: &mut Tool) {
    let mut whole = Value::Object(Arc::make_mut(&mut tool.input_schema).clone());
    trim(&mut whole);
    if let Value::Object(short) = whole {
        tool.input_schema = Arc::new(short);
    }
}

fn trim(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    members.remove("$schema");
    if members.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("int")) {
        members.remove("format");
    }
    if members.get("default").is_some_and(|usual| *usual == json!([]) || usual.is_null()) {
        members.remove("default");
    }
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        properties.values_mut().for_each(trim);
    }
    for word in ["items", "additionalProperties"] {
        if let Some(inner) = members.get_mut(word) {
            trim(inner);
        }
    }
}

/// Everything that is wrong with a tool's description, as lines for a test to print; empty when nothing is.
///
/// Meant for tools as they are listed, after [`admit_refusals`].
pub fn check_tool(tool: &Tool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |what: String| wrong.push(format!("{}: {what}", tool.name));

    let first = tool.name.chars().next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = tool.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !(first && rest && tool.name.len() <= 64) {
        say("the name is not lower_snake_case of at most 64 characters".into());
    }
    match tool.description.as_deref().map(str::trim).unwrap_or_default() {
        "" => say("no description".into()),
        text if text.len() > LONGEST_DESCRIPTION => {
            say(format!("the description has {} bytes, more than {LONGEST_DESCRIPTION}", text.len()));
        }
        _ => {}
    }
    let hints = tool.annotations.clone().unwrap_or_default();
    for (name, hint) in [
        ("readOnlyHint", hints.read_only_hint),
        ("destructiveHint", hints.destructive_hint),
        ("idempotentHint", hints.idempotent_hint),
        ("openWorldHint", hints.open_world_hint),
    ] {
        if hint.is_none() {
            say(format!("no {name}"));
        }
    }
    if (hints.read_only_hint, hints.destructive_hint) == (Some(true), Some(true)) {
        say("it only reads, and yet destroys".into());
    }

    let input = Value::Object(tool.input_schema.as_ref().clone());
    top(&input).into_iter().for_each(|what| say(format!("input: {what}")));
    if input.get("additionalProperties") != Some(&Value::Bool(false)) {
        say("input: additionalProperties is not false (deny_unknown_fields is missing, or `Parameters<T>` is)"
            .into());
    }
    walk(&input, "input", true, &mut say);
    match &tool.output_schema {
        None => say("no output schema (the return type is not spelt `Result<Json<T>, _>`)".into()),
        Some(schema) => {
            let output = Value::Object(schema.as_ref().clone());
            top(&output).into_iter().for_each(|what| say(format!("output: {what}")));
            walk(&output, "output", false, &mut say);
            if !takes_refusals(schema) {
                say("output: a refusal would break the schema".into());
            }
        }
    }
    wrong
}

fn takes_refusals(schema: &JsonObject) -> bool {
    let none_required = schema.get("required").and_then(Value::as_array).is_none_or(Vec::is_empty);
    let open = schema.get("additionalProperties").is_none_or(|more| more != &Value::Bool(false));
    // A member of the same name as one of a refusal's is of its type.
    let fits = |name: &str, type_: &str| {
        schema.get("properties").and_then(|known| known.get(name)).is_none_or(|own| own["type"] == type_)
    };
    let texts = ["code", "sentence", "next"].into_iter().all(|name| fits(name, "string"));
    none_required && open && texts && fits("problems", "array")
}

fn top(schema: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    if schema.get("type") != Some(&Value::String("object".into())) {
        wrong.push("the top is not of type object".to_owned());
    }
    for word in ["anyOf", "oneOf", "allOf", "not", "enum"] {
        if schema.get(word).is_some() {
            wrong.push(format!("{word} at the top"));
        }
    }
    wrong
}

/// Visits every schema inside `schema`.
fn walk(schema: &Value, path: &str, input: bool, say: &mut impl FnMut(String)) {
    let members = match schema {
        Value::Bool(true) => {
            return say(format!("{path}: the schema is `true`, which describes nothing"));
        }
        Value::Object(members) if members.is_empty() => {
            return say(format!("{path}: the schema is empty"));
        }
        Value::Object(members) => members,
        _ => return,
    };
    for word in ["$ref", "$defs", "definitions"] {
        if members.contains_key(word) {
            say(format!("{path}: {word} (add #[schemars(inline)])"));
        }
    }
    if input
        && members.contains_key("properties")
        && members.get("additionalProperties") != Some(&Value::Bool(false))
    {
        say(format!("{path}: an object that takes unknown fields (add #[serde(deny_unknown_fields)])"));
    }
    for word in ["properties", "$defs", "patternProperties"] {
        for (name, inner) in members.get(word).and_then(Value::as_object).into_iter().flatten() {
            walk(inner, &format!("{path}.{name}"), input, say);
        }
    }
    for word in ["items", "additionalProperties", "contains", "not", "if", "then", "else"] {
        if let Some(inner) = members.get(word) {
            walk(inner, &format!("{path}[{word}]"), input, say);
        }
    }
    for word in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        for inner in members.get(word).and_then(Value::as_array).into_iter().flatten() {
            walk(inner, &format!("{path}[{word}]"), input, say);
        }
    }
}

#[cfg(test)]
mod tests {
    use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
    use rmcp::model::ToolAnnotations;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Good {
        title: String,
    }

    #[derive(Serialize, JsonSchema)]
    struct Answer {
        id: u32,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Part {
        anything: Value,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Bad {
        part: Part,
    }

    fn good() -> Tool {
        let mut tool = Tool::new("deal_get", "One deal.", schema_for_input::<Good>().unwrap())
            .with_annotations(ToolAnnotations::from_raw(None, Some(true), Some(false), Some(true), Some(false)))
            .with_raw_output_schema(schema_for_output::<Answer>());
        admit_refusals(&mut tool);
        tool
    }

    #[test]
    fn a_good_tool_has_nothing_wrong() {
        assert_eq!(check_tool(&good()), Vec::<String>::new());
    }

    #[test]
    fn a_bad_tool_is_told_everything() {
        let tool = Tool::new_with_raw("DealGet", None, schema_for_input::<Bad>().unwrap())
            .with_raw_output_schema(schema_for_output::<Answer>());
        let said = check_tool(&tool).join("\n");
        for expected in [
            "not lower_snake_case",
            "no description",
            "no readOnlyHint",
            "no destructiveHint",
            "no idempotentHint",
            "no openWorldHint",
            "input: additionalProperties is not false",
            "input: $defs",
            "input.part: $ref",
            "input.Part: an object that takes unknown fields",
            "input.Part.anything: the schema is `true`",
            "output: a refusal would break the schema",
        ] {
            assert!(said.contains(expected), "{expected:?} is not in\n{said}");
        }
    }

    #[test]
    fn a_choice_at_the_top_and_a_missing_output_are_seen() {
        let mut tool = good();
        tool.output_schema = None;
        Arc::make_mut(&mut tool.input_schema).insert("anyOf".into(), json!([{ "required": ["title"] }]));
        tool.description = Some("x".repeat(2000).into());
        let said = check_tool(&tool).join("\n");
        for expected in ["input: anyOf at the top", "no output schema", "more than 1024"] {
            assert!(said.contains(expected), "{expected:?} is not in\n{said}");
        }
    }

    #[test]
    fn a_word_with_a_meaning_is_still_called_a_word_when_the_schema_is_shortened() {
        let mut tool = good();
        let states = json!({ "oneOf": [
            { "type": "string", "enum": ["open"] },
            { "type": "string", "const": "done", "description": "Nothing is left." }
        ] });
        let shapes = json!({ "oneOf": [{ "type": "object", "properties": {} }] });
        let inside = json!({ "type": "object", "properties": { "state": states, "shape": shapes } });
        let output = json!({ "type": "object", "properties": { "state": states, "inside": inside } });
        tool.output_schema = Some(Arc::new(output.as_object().cloned().unwrap()));
        shorten_output(&mut tool);
        let short = tool.output_schema.unwrap();
        assert_eq!(short["properties"]["state"]["type"], "string");
        assert_eq!(short["properties"]["inside"]["properties"]["state"]["type"], "string");
        assert_eq!(short["properties"]["inside"]["properties"]["shape"]["type"], "object");
    }

    #[test]
    fn an_output_schema_that_was_strict_takes_a_refusal() {
        let tool = good();
        let schema = tool.output_schema.unwrap();
        assert!(schema.get("required").is_none());
        assert_eq!(schema["properties"]["id"]["type"], "integer");
    }
}
