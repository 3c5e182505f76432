//! What a handler is given: the caller, the query, the body, the idempotency key. What is wrong with any of them is
//! said by name, and the handler does not run.

use std::str::FromStr;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::kernel::idempotency;
use domain::kernel::{Code, Principal, Refusal, shape, strict};
use host::Host;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Problem;

/// Whoever holds the token.
pub struct Caller(pub Principal);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Principal>() {
            Some(caller) => Ok(Self(caller.clone())),
            None => Err(Refusal::new(Code::Unauthenticated, "Nobody is known here.", "Send a token.").into()),
        }
    }
}

/// The id in the path. What is no id at all is answered like one that is not there.
pub struct Id<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        text.ok().and_then(|Path(text)| text.parse().ok()).map(Self).ok_or_else(Problem::no_such_path)
    }
}

/// The key under which a write is done once: the header `Idempotency-Key`.
pub struct Key(pub Option<idempotency::Key>);

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = idempotency::Key::parse(value.to_str().unwrap_or_default());
        key.map(|key| Self(Some(key))).map_err(|problem| Refusal::invalid(vec![problem]).into())
    }
}

/// The query as a `T`. A name given twice, or with commas where `T` has a list, becomes a list.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + JsonSchema, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let schema = shape::schema_of::<T>();
        let mut members = Map::new();
        let query = parts.uri.query().unwrap_or_default();
        for (name, text) in form_urlencoded::parse(query.as_bytes()) {
            let known = schema.get("properties").and_then(|all| all.get(&*name));
            let kind = known.and_then(|known| known.get("type")?.as_str()).unwrap_or("string");
            match kind {
                "array" => {
                    let list = members.entry(name.into_owned()).or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(list) = list {
                        list.extend(
                            text.split(',').filter(|t| !t.is_empty()).map(|t| Value::String(t.to_owned())),
                        );
                    }
                }
                "integer" | "number" | "boolean" => {
                    let value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()));
                    members.insert(name.into_owned(), value);
                }
                _ => {
                    members.insert(name.into_owned(), Value::String(text.into_owned()));
                }
            }
        }
        Ok(Self(shape::read(&schema, members)?))
    }
}

/// The body as a `T`: a JSON object, read strictly.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + JsonSchema> FromRequest<Host> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, host: &Host) -> Result<Self, Problem> {
        let most = host.config().http.body_limit;
        let bytes = to_bytes(request.into_body(), most).await.map_err(|_| Problem::too_large(most))?;
        let bad = |sentence: &str| {
            let detail = format!("The body is not a JSON object: {sentence} Nothing was done.");
            Problem::new(StatusCode::BAD_REQUEST, "malformed", detail)
        };
        if bytes.is_empty() {
            return Ok(Self(shape::read(&shape::schema_of::<T>(), Map::new())?));
        }
        strict::check(&bytes).map_err(|flaw| bad(&flaw.sentence))?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(members)) => Ok(Self(shape::read(&shape::schema_of::<T>(), members)?)),
            _ => Err(bad("it is another kind of JSON.")),
        }
    }
}
