//! What is answered instead of passing a request on: a status and a sentence (RFC 9457), or a JSON-RPC error.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::kernel::{Code, Refusal};
use serde_json::json;

use crate::rpc::Unreadable;

#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    body: Vec<u8>,
    kind: &'static str,
    allow: Option<&'static str>,
    /// Seconds, for `Retry-After`.
    retry_after: Option<u64>,
    /// What is wrong with the token, as RFC 6750 says it.
    token_error: Option<&'static str>,
}

impl Reply {
    /// For requests of which nothing was done, which the answer says.
    pub(super) fn new(status: StatusCode, code: &str, sentence: &str, next: impl AsRef<str>) -> Self {
        let next = next.as_ref();
        Self::problem(status, code, &format!("{sentence} Nothing was done."), next)
    }

    fn problem(status: StatusCode, code: &str, sentence: &str, next: &str) -> Self {
        let body = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Refused"),
            "status": status.as_u16(),
            "detail": format!("{sentence} {next}"),
            "code": code,
            "sentence": sentence,
            "next": next,
        });
        Self::of(status, body.to_string().into_bytes(), "application/problem+json")
    }

    fn of(status: StatusCode, body: Vec<u8>, kind: &'static str) -> Self {
        Self { status, body, kind, allow: None, retry_after: None, token_error: None }
    }

    pub(super) fn unreadable(unreadable: &Unreadable) -> Self {
        Self::of(StatusCode::BAD_REQUEST, unreadable.to_json(), "application/json")
    }

    pub(super) fn not_admitted(refusal: Refusal, with_token: bool) -> Self {
        let status = match refusal.code {
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        };
        let reply = Self::problem(status, refusal.code.as_str(), &refusal.sentence, &refusal.next);
        let token_error = match status {
            StatusCode::UNAUTHORIZED if with_token => Some("error=\"invalid_token\""),
            StatusCode::FORBIDDEN => Some("error=\"insufficient_scope\", scope=\"milepost:read\""),
            _ => None,
        };
        Self { retry_after: refusal.retry_after(), token_error, ..reply }
    }

    pub(super) fn turned_away(refusal: Refusal) -> Self {
        let status = match refusal.code {
            Code::Invalid => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        };
        Self::problem(status, refusal.code.as_str(), &refusal.sentence, &refusal.next)
    }

    pub(super) fn wrong_method(sessions: bool) -> Self {
        let sentence = "Requests to this server are POSTs.";
        let next = "POST a JSON-RPC message to this address.";
        let mut reply = Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid", sentence, next);
        reply.allow = Some(if sessions { "GET, POST, DELETE" } else { "POST" });
        reply
    }

    pub(super) fn wrong_type() -> Self {
        let sentence = "The body is not said to be JSON.";
        let next = "Send it with Content-Type: application/json.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid", sentence, next)
    }

    pub(super) fn too_large(most: usize) -> Self {
        let sentence = format!("The request has more than {most} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid", &sentence, "Send less at once.")
    }

    pub(super) fn too_many_sessions(yours: bool) -> Self {
        if yours {
            let sentence = "Your token has as many sessions open as it may have.";
            let next = "End one (DELETE with its Mcp-Session-Id), or wait until unused ones end by themselves.";
            Self::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests.as_str(), sentence, next)
        } else {
            let sentence = "As many sessions are open as this server allows.";
            Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Code::Unavailable.as_str(),
                sentence,
                "Try again in a minute.",
            )
        }
    }

    pub(super) fn no_such_session() -> Self {
        let sentence = "There is no such session.";
        Self::new(StatusCode::NOT_FOUND, Code::NotFound.as_str(), sentence, "Send initialize to open one.")
    }

    pub(super) fn our_fault() -> Self {
        let sentence = "Something went wrong on our side. Nothing is known to have changed.";
        Self::problem(StatusCode::INTERNAL_SERVER_ERROR, Code::Unavailable.as_str(), sentence, "Try again once.")
    }

    pub(super) fn too_slow(patience: Duration) -> Self {
        let sentence =
            format!("The request took longer than {} seconds and was given up.", patience.as_secs_f32());
        let next =
            "If it was a change, read the current state before you repeat it with the same idempotency_key.";
        Self::problem(StatusCode::GATEWAY_TIMEOUT, Code::Unavailable.as_str(), &sentence, next)
    }

    pub(super) fn into_response(self, challenge: &str) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // Of our own tokens there is nothing to say: none of them can be had by asking.
        let token_error = self.token_error.filter(|_| challenge != "Bearer");
        if self.status == StatusCode::UNAUTHORIZED || token_error.is_some() {
            let said = token_error.map_or_else(|| challenge.to_owned(), |error| format!("{challenge}, {error}"));
            let challenge = HeaderValue::from_str(&said).unwrap_or(HeaderValue::from_static("Bearer"));
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
