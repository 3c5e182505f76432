//! Discord's published description of its own API, as a second opinion on everything that is said here in either
//! direction. It lies beside the project, not in it: without the file only our own rules are asked, and where that must
//! not happen, `MILEPOST_TEST_OPENAPI_REQUIRED=1` makes its absence fail.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use crate::peers::http::held;

const NAME: &str = "https://peers.test/discord.json";

/// The file, read once for all the stories of a process.
static FILE: LazyLock<Option<Description>> = LazyLock::new(|| {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/discord-openapi.json");
    let required = std::env::var_os("MILEPOST_TEST_OPENAPI_REQUIRED").is_some_and(|value| value == "1");
    match std::fs::read(&file) {
        Ok(bytes) => Some(Description::of(&bytes)),
        Err(error) if required => panic!("MILEPOST_TEST_OPENAPI_REQUIRED=1, and {}: {error}", file.display()),
        Err(_) => None,
    }
});

struct Description {
    paths: Vec<(Vec<String>, String)>,
    document: Value,
    registry: &'static Registry<'static>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Description {
    fn of(bytes: &[u8]) -> Self {
        let mut document: Value = serde_json::from_slice(bytes).expect("Discord's description is JSON");
        exceptions(&mut document);
        let parts = |path: &String| (split(path).map(str::to_owned).collect(), path.clone());
        let paths = document["paths"].as_object().expect("paths").keys().map(parts).collect();
        let registry = Registry::new().add(NAME, document.clone()).and_then(|all| all.prepare());
        // Once in a process, and needed until its end.
        let registry = Box::leak(Box::new(registry.expect("a description that refers to nothing outside")));
        Self { paths, document, registry, compiled: Mutex::default() }
    }

    /// What does not fit the schema at this place of the document.
    fn wrong(&self, pointer: &str, value: &Value) -> Vec<String> {
        let known = held(&self.compiled).get(pointer).cloned();
        let validator = known.unwrap_or_else(|| {
            let place = pointer.replace('{', "%7B").replace('}', "%7D");
            let schema = json!({ "$ref": format!("{NAME}#{place}") });
            let built = jsonschema::options().with_registry(self.registry).build(&schema);
            let built = Arc::new(built.unwrap_or_else(|error| panic!("{pointer}: {error}")));
            held(&self.compiled).insert(pointer.into(), Arc::clone(&built));
            built
        });
        if validator.is_valid(value) {
            return Vec::new();
        }
        let short = |text: String| text.chars().take(300).collect::<String>();
        validator.iter_errors(value).map(|e| format!("{}: {}", e.instance_path(), short(e.to_string()))).collect()
    }
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

/// Where the description is written for another shape than the one Discord itself documents and takes.
fn exceptions(document: &mut Value) {
    // Bits of permissions travel as strings everywhere else, and are documented so for commands.
    for schema in ["ApplicationCommandUpdateRequest", "ApplicationCommandCreateRequest"] {
        let place = format!("/components/schemas/{schema}/properties/default_member_permissions");
        if let Some(permissions) = document.pointer_mut(&place) {
            *permissions = json!({ "anyOf": [permissions.clone(), { "type": "string", "pattern": "^[0-9]+$" }] });
        }
    }
    // `files[0]` is named by `attachments[].id`, which is written as a number as often as as a string.
    if let Some(id) = document.pointer_mut("/components/schemas/MessageAttachmentRequest/properties/id") {
        *id = json!({ "anyOf": [id.clone(), { "type": "integer", "minimum": 0 }] });
    }
}

/// The route of a request as the description spells it, by what comes after `/api/v10`.
fn operation(description: &Description, method: &str, parts: &[&str]) -> Option<String> {
    let fits = |route: &&(Vec<String>, String)| {
        let same = |(is, part): (&String, &&str)| is.starts_with('{') || is == part;
        route.0.len() == parts.len() && route.0.iter().zip(parts).all(same)
    };
    // `@original` and `@me` come before any id.
    let found = description.paths.iter().filter(fits);
    let found = found.min_by_key(|route| route.0.iter().filter(|part| part.starts_with('{')).count())?;
    let place = format!("/paths/{}/{}", found.1.replace('/', "~1"), method.to_lowercase());
    description.document.pointer(&place).map(|_| place)
}

/// What is wrong with the body of a request.
pub(super) fn request(method: &str, parts: &[&str], body: &Value) -> Vec<String> {
    let Some(description) = &*FILE else { return Vec::new() };
    let Some(place) = operation(description, method, parts) else {
        return vec![format!("{method} /{} is not in Discord's description", parts.join("/"))];
    };
    let schema = format!("{place}/requestBody/content/application~1json/schema");
    match description.document.pointer(&schema) {
        Some(_) => description.wrong(&schema, body),
        None => Vec::new(),
    }
}

/// What is wrong with an answer of ours.
pub(super) fn response(method: &str, parts: &[&str], status: u16, body: Option<&Value>) -> Vec<String> {
    let Some(description) = &*FILE else { return Vec::new() };
    if status == 429 {
        return description.wrong("/components/schemas/RatelimitedResponse", body.unwrap_or(&Value::Null));
    }
    if status >= 400 {
        return description.wrong("/components/schemas/ErrorResponse", body.unwrap_or(&Value::Null));
    }
    let Some(place) = operation(description, method, parts) else { return Vec::new() };
    let answer = format!("{place}/responses/{status}");
    let Some(told) = description.document.pointer(&answer) else {
        return vec![format!("{method} /{} answers {status}, which is not described", parts.join("/"))];
    };
    let schema = format!("{answer}/content/application~1json/schema");
    match (description.document.pointer(&schema), body) {
        (Some(_), Some(body)) => description.wrong(&schema, body),
        (Some(_), None) => vec![format!("{method} /{} answers without a body", parts.join("/"))],
        (None, Some(_)) if told["content"].is_null() => {
            vec![format!("{method} /{} answers {status} with a body", parts.join("/"))]
        }
        (None, _) => Vec::new(),
    }
}

/// What does not fit a named part, for events: they are not described whole.
pub(super) fn part(name: &str, value: &Value) -> Vec<String> {
    match &*FILE {
        Some(description) => description.wrong(&format!("/components/schemas/{name}"), value),
        None => Vec::new(),
    }
}

/// Whether the description is at hand.
pub(super) fn is_here() -> bool {
    FILE.is_some()
}
