//! Milepost for agents: the Model Context Protocol over standard input and output and over HTTP.
//!
//! A message passes [`domain::kernel::strict`] before the protocol library reads it; a call passes [`guard`], so that it always ends
//! with an answer; arguments pass [`args`], so that whatever is wrong with them is said by name. [`server::Server`]
//! puts these around the tools of a [`server::Face`]; [`http::router`] and [`stdio::serve`] carry it.

pub mod args;
pub mod audit;
mod changes;
#[doc(hidden)]
pub mod contract;
mod documents;
#[cfg(test)]
mod fixture;
pub mod guard;
pub mod http;
mod milepost;
pub mod outside;
mod progress;
mod prompts;
mod rpc;
pub mod server;
pub mod stdio;
mod tools;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use domain::kernel::Principal;
use domain::kernel::shape::{closest, shown};
use host::Host;
use host::agents::Toolsets;
use host::calls::CallWriter;
use tokio_util::sync::CancellationToken;

pub use milepost::{Keyed, Milepost, Options};

/// Why nothing is served: a sentence for whoever runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotServe(pub String);

impl fmt::Display for CannotServe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotServe {}

impl From<server::DuplicateTool> for CannotServe {
    fn from(two: server::DuplicateTool) -> Self {
        Self(two.to_string())
    }
}

/// The handler with all of the product's tools.
pub fn server(host: &Host, options: &Options) -> Result<server::Server<Milepost>, CannotServe> {
    let ids = host.clone();
    // A verb gives up a little earlier, with the better sentence.
    let patience = Duration::from_secs(host.config().limits.call_timeout + 5);
    let guard = guard::Guard::default().with_patience(patience).with_ids(move || ids.mint().to_string());
    let server = server::Server::new(Milepost::new(host, options), tools::all(), guard)?;
    let tools = server.tools();
    let names = || tools.iter().map(|tool| tool.name.as_ref());
    match host.config().limits.budgets().keys().find(|name| !names().any(|known| known == *name)) {
        None => Ok(server),
        // A limit that holds for nothing is worse than none.
        Some(name) => {
            let near = closest(name, names()).map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
            let name = shown(name);
            Err(CannotServe(format!(
                "limits.tools names {name}, and there is no such tool.{near} Nothing was started."
            )))
        }
    }
}

/// The tools that are there when nothing is said, whoever may use them, sorted by name: for words about this server that need
/// no database.
pub fn catalogue() -> Vec<rmcp::model::Tool> {
    let usual = Toolsets::default();
    let mut all: Vec<_> = tools::all().into_iter().flatten().map(|route| route.attr).collect();
    all.retain(|tool| milepost::place(&tool.name).is_some_and(|(set, _)| usual.has(set)));
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

/// `/mcp` for the product's server, and where the settings name a provider of access tokens what clients are told of it.
/// Cancelling `close` ends open streams.
pub fn app(host: &Host, options: Options, close: CancellationToken) -> Result<Router, CannotServe> {
    let server = server(host, &options)?;
    let http = &host.config().http;
    let alone = options.no_auth.is_some();
    let provider = host.config().oidc.issuer.as_deref().zip(http.public_url.as_deref());
    let settings = http::Settings {
        most_bytes: http.body_limit,
        patience: Duration::from_secs(host.config().limits.call_timeout + 10),
        // Who asks for no token answers on this machine, under its own names, and nobody who came through a proxy.
        hosts: if alone { Vec::new() } else { http.allowed_hosts.clone() },
        origins: if alone { Vec::new() } else { http.allowed_origins.clone() },
        direct_only: alone,
        sessions: http.sessions,
        challenge: provider.map_or_else(|| "Bearer".into(), |(_, here)| http::metadata::challenge(here)),
        close,
        ..http::Settings::default()
    };
    let metadata = provider
        .map_or_else(Router::new, |(issuer, here)| http::metadata::routes(here, issuer, &host::oidc::SCOPES));
    let host = host.clone();
    let admit = move |token: Option<String>| milepost::admit(host.clone(), options.clone(), token);
    Ok(http::router(settings, move || server.clone(), admit).merge(metadata))
}

/// Serves one local caller over standard input and output until the input ends.
pub async fn stdio(host: &Host, principal: Principal, options: Options) -> std::io::Result<()> {
    let server = server(host, &options).map_err(std::io::Error::other)?;
    let record = host::loops::start(host, vec![Arc::new(CallWriter::new(host))]);
    let served = stdio::serve_process(server.with_local(principal), CancellationToken::new()).await;
    record.stop(LAST_WRITES).await;
    served
}

/// For how long a process that ends goes on writing down which calls there were.
const LAST_WRITES: Duration = Duration::from_secs(5);
