//! The agent server over HTTP: one endpoint, `/mcp`, and everything that stands in front of it.
//!
//! In this order: time limit and panic guard around all of it; declared size; `Host` and `Origin`; method; bearer;
//! session; body (size again, while it is read, and then strictness). Only then the protocol library sees the request.

mod listen;
pub mod metadata;
mod reply;
mod sessions;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use domain::kernel::Refusal;
use rmcp::ServerHandler;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::guard::{caught, message};
use crate::rpc::{self, Message};
use crate::server::Caller;
use reply::Reply;
use sessions::Sessions;

pub use listen::listen;

/// How the endpoint behaves. The default is sessionless, answers in JSON, and talks to loopback only.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The largest request body, in bytes. Default 1 MiB.
    pub most_bytes: usize,
    /// The longest that a request may take until its answer begins. Longer than a call may take. Default 60 seconds.
    pub patience: Duration,
    /// `Host` values that are served besides loopback: `name` (any port) or `name:port`.
    pub hosts: Vec<String>,
    /// `Origin` values that are served besides loopback and none at all: `https://name`, `https://name:port`.
    pub origins: Vec<String>,
    /// Turn away what a proxy passed on: for a server that asks for no token, and takes everybody for a local tool.
    pub direct_only: bool,
    /// Keep sessions for clients of the protocol before 2026-07-28, who then can be asked questions by the server.
    pub sessions: bool,
    /// How many sessions may be open at once, and how many of them by one caller. Defaults 1000 and 20.
    pub most_sessions: usize,
    pub most_sessions_each: usize,
    /// What `WWW-Authenticate` says. Default `Bearer`; an OAuth resource adds its `resource_metadata`, and then the answer
    /// also says what is wrong with a token.
    pub challenge: String,
    /// Cancelled, it ends every open stream and session, without which a graceful shutdown waits for them.
    pub close: CancellationToken,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            most_bytes: 1 << 20,
            patience: Duration::from_secs(60),
            hosts: Vec::new(),
            origins: Vec::new(),
            direct_only: false,
            sessions: false,
            most_sessions: 1000,
            most_sessions_each: 20,
            challenge: "Bearer".into(),
            close: CancellationToken::new(),
        }
    }
}

/// The routes to merge into a product's own: `/mcp` exactly, and nothing below it.
///
/// `handler` makes the handler of one request (or session); it should clone something. `admit` turns the bearer token
/// (without the word `Bearer`; `None` when there is none) into a caller, whom tools find with [`crate::server::Who`].
/// The `Authorization` header goes no further.
pub fn router<H, P, A, F>(settings: Settings, handler: impl Fn() -> H + Send + Sync + 'static, admit: A) -> Router
where
    H: ServerHandler + Send + 'static,
    P: Caller,
    A: Fn(Option<String>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<P, Refusal>> + Send + 'static,
{
    let sessions = Arc::new(Sessions::new(settings.most_sessions, settings.most_sessions_each));
    // Host and Origin are checked here, with sentences; the library's own check would only be a second opinion.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(settings.sessions)
        .with_json_response(true)
        .with_max_request_body_bytes(settings.most_bytes)
        .with_cancellation_token(settings.close.clone())
        .disable_allowed_hosts();
    let service = StreamableHttpService::new(move || Ok(handler()), sessions.manager(), config);
    let gate = Arc::new(Gate { settings, admit, sessions });
    Router::new().route_service("/mcp", service).route_layer(from_fn_with_state(gate, guarded::<P, A, F>))
}

struct Gate<A> {
    settings: Settings,
    admit: A,
    sessions: Arc<Sessions>,
}

async fn guarded<P, A, F>(State(gate): State<Arc<Gate<A>>>, request: Request, next: Next) -> Response
where
    P: Caller,
    A: Fn(Option<String>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<P, Refusal>> + Send + 'static,
{
    let passed = tokio::time::timeout(gate.settings.patience, caught(pass::<P, A, F>(&gate, request, next))).await;
    match passed {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(reply))) => reply.into_response(&gate.settings.challenge),
        Ok(Err(panic)) => {
            error!("Answering an agent's request panicked: {}", message(panic.as_ref()));
            Reply::our_fault().into_response(&gate.settings.challenge)
        }
        Err(_) => Reply::too_slow(gate.settings.patience).into_response(&gate.settings.challenge),
    }
}

async fn pass<P, A, F>(gate: &Gate<A>, mut request: Request, next: Next) -> Result<Response, Reply>
where
    P: Caller,
    A: Fn(Option<String>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<P, Refusal>> + Send + 'static,
{
    let settings = &gate.settings;
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|bytes: u64| bytes > settings.most_bytes as u64) {
        // Who waits for a go-ahead has sent nothing, and would take it for one.
        if !request.headers().contains_key(header::EXPECT) {
            drain(request.into_body(), settings.most_bytes).await;
        }
        return Err(Reply::too_large(settings.most_bytes));
    }
    host::doors::check(request.uri(), request.headers(), &settings.hosts, &settings.origins)
        .map_err(Reply::turned_away)?;
    if settings.direct_only {
        host::doors::check_direct(request.headers()).map_err(Reply::turned_away)?;
    }
    let method = request.method().clone();
    // Without a token as well: some clients take a 401 here for a server without tools.
    if !allowed(settings.sessions).contains(&method) {
        return Err(Reply::wrong_method(settings.sessions));
    }
    let token = host::doors::bearer(request.headers());
    let with_token = token.is_some();
    let caller = (gate.admit)(token).await.map_err(|refusal| Reply::not_admitted(refusal, with_token))?;
    let key = caller.key();
    request.headers_mut().remove(header::AUTHORIZATION);
    request.extensions_mut().insert(caller);
    if settings.sessions {
        gate.sessions.belongs(request.headers(), &key).await?;
    }
    if method != Method::POST {
        return Ok(next.run(request).await);
    }

    let (parts, body) = request.into_parts();
    let bytes = read(body, settings.most_bytes).await?;
    if !is_json(&parts.headers) {
        return Err(Reply::wrong_type());
    }
    let message = rpc::examine(&bytes).map_err(|unreadable| Reply::unreadable(&unreadable))?;
    let request = Request::from_parts(parts, Body::from(bytes));
    let opens = matches!(&message, Message::Request { method, .. } if method == "initialize");
    if settings.sessions && opens && !sessions::has_id(request.headers()) {
        return gate.sessions.open(&key, next.run(request)).await;
    }
    let response = next.run(request).await;
    // The type was right, so this is the library's word for a message that it cannot read.
    if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return Err(Reply::unreadable(&rpc::misshapen(&message)));
    }
    Ok(response)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn allowed(sessions: bool) -> &'static [Method] {
    if sessions { &[Method::GET, Method::POST, Method::DELETE] } else { &[Method::POST] }
}

/// The whole body, never holding more than `most` bytes of it.
async fn read(mut body: Body, most: usize) -> Result<Bytes, Reply> {
    let mut bytes = Vec::new();
    while let Some(data) = chunk(&mut body).await? {
        if data.len() > most - bytes.len() {
            drain(body, most).await;
            return Err(Reply::too_large(most));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

/// Takes the rest of a refused body and forgets it, up to a point: a client that is still sending when the connection
/// closes sees a reset instead of the answer.
async fn drain(mut body: Body, most: usize) {
    let mut left = most.saturating_mul(16);
    while let Ok(Some(data)) = chunk(&mut body).await {
        if data.len() > left {
            break;
        }
        left -= data.len();
    }
}

async fn chunk(body: &mut Body) -> Result<Option<Bytes>, Reply> {
    loop {
        match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(_)) => {
                return Err(Reply::new(
                    StatusCode::BAD_REQUEST,
                    "invalid",
                    "The request broke off.",
                    "Send it again.",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests;
