//! What a client is told that comes without a token it may use: where to get one (RFC 9728).

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;

/// Both stand for `/mcp`: some clients look at the one, some at the other.
const PATHS: [&str; 2] = ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"];

/// The document about `/mcp` under an address at which the outside world reaches this server. It is for everybody, pages of
/// any origin among them.
pub fn routes(public_url: &str, issuer: &str, scopes: &[&str]) -> Router {
    let document = json!({
        "resource": format!("{}/mcp", public_url.trim_end_matches('/')),
        "resource_name": "Milepost",
        "authorization_servers": [issuer],
        "scopes_supported": scopes,
        "bearer_methods_supported": ["header"],
    });
    let paths = PATHS.into_iter().fold(Router::new(), |routes, path| {
        routes.route(path, get(shown).options(async || (StatusCode::NO_CONTENT, for_pages())))
    });
    paths.with_state(document.to_string())
}

async fn shown(State(document): State<String>) -> impl IntoResponse {
    let kind = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (for_pages(), kind, document)
}

fn for_pages() -> [(HeaderName, HeaderValue); 3] {
    [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, OPTIONS")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*")),
    ]
}

/// What `WWW-Authenticate` says of `/mcp` then.
pub fn challenge(public_url: &str) -> String {
    format!("Bearer resource_metadata=\"{}{}\"", public_url.trim_end_matches('/'), PATHS[1])
}
