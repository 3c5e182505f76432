//! Errors over HTTP: RFC 9457 problem details with a stable `code`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::kernel::way::{Way, spelled};
use domain::kernel::{Code, Refusal};
use serde_json::{Value, json};

/// What went wrong, for the program that asked and the person behind it. Never a detail of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// What the refusal of a verb adds: what to do next, each field that is wrong, what to go on with.
    more: Vec<(&'static str, Value)>,
    /// Seconds, for `Retry-After`.
    retry_after: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), more: Vec::new(), retry_after: None }
    }

    pub fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path. See / for what there is.")
    }

    pub fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "This path does not take this method.")
    }

    pub fn too_large(most: usize) -> Self {
        let detail = format!("The request has more than {most} bytes. Nothing was done. Send less at once.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }
}

/// What a program over HTTP, or the person behind it, has for going on after a refusal.
fn way(way: Way) -> Option<&'static str> {
    match way {
        Way::SetDueDate => Some("milepost milestone edit --due"),
        Way::Repeat => Some("or repeat it with the same Idempotency-Key"),
        // People decide, and key dates change, elsewhere.
        Way::ChangeKeyDates | Way::Despite => None,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let refusal = spelled(refusal, way);
        let status = match refusal.code {
            Code::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::Stale | Code::WrongState | Code::Declined | Code::AlreadyExists | Code::KeyReused => {
                StatusCode::CONFLICT
            }
            Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        let retry_after = refusal.retry_after();
        let mut more = vec![("next", Value::String(refusal.next))];
        if !refusal.problems.is_empty() {
            more.push(("problems", json!(refusal.problems)));
        }
        if let Some(details) = refusal.details {
            more.push(("details", details));
        }
        Self { status, code: refusal.code.as_str(), detail: refusal.sentence, more, retry_after }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        for (name, value) in self.more {
            body[name] = value;
        }
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
