//! What stands before every call: the host name and origin, the token, and the size that a body says it has.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::kernel::{Code, Refusal, Source};
use host::Host;

use crate::Problem;

/// Lets a caller in, whom handlers then find as [`super::Caller`]. The token goes no further.
pub(super) async fn guarded(State(host): State<Host>, mut request: Request, next: Next) -> Response {
    match admit(&host, &mut request).await {
        Ok(()) => {
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            response
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(host: &Host, request: &mut Request) -> Result<(), Problem> {
    let http = &host.config().http;
    host::doors::check(request.uri(), request.headers(), &http.allowed_hosts, &http.allowed_origins)?;
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|bytes: u64| bytes > http.body_limit as u64) {
        return Err(Problem::too_large(http.body_limit));
    }
    let token = host::doors::bearer(request.headers()).ok_or_else(|| {
        Refusal::new(
            Code::Unauthenticated,
            "This call came without a token. Nothing was done.",
            "Send Authorization: Bearer milep_...; an admin makes one with milepost token create.",
        )
    })?;
    let caller = host.authenticate(&token, Source::Rest).await?;
    request.headers_mut().remove(header::AUTHORIZATION);
    request.extensions_mut().insert(caller);
    Ok(())
}
