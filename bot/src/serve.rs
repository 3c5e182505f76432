//! `milepost serve`: everything in one process, until it is told to stop.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::{Args, ValueEnum};
use domain::kernel::{Principal, Source};
use domain::workspace::access::{self, Grant};
use host::calls::CallWriter;
use host::dispatch::Dispatcher;
use host::drafting::Drafting;
use host::following::Following;
use host::loops::Loop;
use host::sweep::Sweep;
use host::telling::Telling;
use host::{Config, Host};
use mcp_server::outside::{Keeping, Outside};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::chat::{Chat, endpoint, gateway, wire};
use crate::cli::{Answer, Common, Outcome, Stop, choose, mcp};
use crate::says;

/// How long requests under way may take once the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// Threads that wait for the database. More than the connections there can be would only wait in line.
const MOST_BLOCKING: usize = 128;

#[derive(Args, Default)]
pub struct Serve {
    /// Where to listen [default: http.listen of the settings, 127.0.0.1:8787]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// What this process does; repeatable [default: all]
    #[arg(long, value_enum)]
    role: Vec<Role>,
    /// Ask no agent for a token; on loopback only, for local protocol tools
    #[arg(long)]
    pub no_auth: bool,
    /// Agents get only tools that read
    #[arg(long)]
    read_only: bool,
    /// Which tools agents get: default, all, or names [default: agents.toolsets of the settings]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    toolsets: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    All,
    Bot,
    Mcp,
    Web,
    Worker,
}

impl Serve {
    fn does(&self, role: Role) -> bool {
        self.role.is_empty() || self.role.contains(&Role::All) || self.role.contains(&role)
    }

    /// Where to listen. Refused before anything is opened: without tokens, wherever somebody else could come from. An address
    /// that only maps to loopback counts as such a place.
    pub fn address(&self, config: &Config) -> Result<SocketAddr, Stop> {
        let wanted = self.listen.unwrap_or(config.http.listen);
        if self.no_auth && !wanted.ip().is_loopback() {
            return Err(Stop::Usage(says::serve::no_auth_elsewhere(wanted)));
        }
        Ok(wanted)
    }
}

pub fn serve(common: &Common, cmd: &Serve) -> Outcome {
    let config = common.settings()?;
    cmd.address(&config)?;
    host::logs::start(&config.telemetry);
    let host = Host::open(config, &common.data())?;
    run(&host, common, cmd, None)?;
    Ok(None)
}

/// Serves an open host. `more` is what a sample has to say beside where it listens.
pub fn run(host: &Host, common: &Common, cmd: &Serve, more: Option<&dyn Fn(&str) -> Answer>) -> Result<(), Stop> {
    let runtime = runtime()?;
    let served = runtime.block_on(listen(host, common, cmd, more));
    // A database that is frozen holds its threads; nobody waits for them.
    runtime.shutdown_timeout(Duration::from_secs(2));
    served
}

pub fn runtime() -> Result<Runtime, Stop> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(MOST_BLOCKING)
        .enable_all()
        .build()?)
}

async fn listen(
    host: &Host,
    common: &Common,
    cmd: &Serve,
    more: Option<&dyn Fn(&str) -> Answer>,
) -> Result<(), Stop> {
    let wanted = cmd.address(host.config())?;
    // Before anything is served or sent with a key that is not the database's.
    host.check_keys().await.map_err(Stop::Failed)?;
    let workspaces = host.directory().await?;
    let no_auth = match cmd.no_auth {
        false => None,
        true => Some(everybody(choose(&workspaces, common.workspace.as_deref())?.id)),
    };
    let listener = TcpListener::bind(wanted).await.map_err(|error| {
        Stop::Failed(match error.kind() {
            ErrorKind::AddrInUse => says::serve::in_use(wanted),
            _ => says::serve::cannot_listen(wanted, &error.to_string()),
        })
    })?;
    let address = listener.local_addr()?;
    let close = CancellationToken::new();
    let chat = chat(host, cmd)?;
    let routes = routes(host, cmd, no_auth, chat.as_ref(), close.clone())?;
    // From here on a signal ends the server in order; before, it simply ends the process.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;

    let url = format!("http://{address}");
    let mut text = says::serve::listening(&url, cmd.does(Role::Mcp), cmd.no_auth);
    for line in notes(host, cmd, address, workspaces.is_empty()) {
        text.push_str(&line);
        text.push('\n');
    }
    let mut json = json!({ "url": url, "mcp": cmd.does(Role::Mcp).then(|| format!("{url}/mcp")) });
    if let Some(more) = more {
        let more = more(&url);
        text.push_str(&more.text);
        json["demo"] = more.json;
    }
    let said = if common.json { format!("{json}\n") } else { text };
    // A server whose reader left still serves.
    let mut out = std::io::stdout();
    let _ = out.write_all(said.as_bytes()).and_then(|()| out.flush());

    let told = async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        tracing::info!("Stopping: requests under way get {} s", GRACE.as_secs());
    };
    let mut loops = if cmd.does(Role::Worker) { loops(host)? } else { Vec::new() };
    if cmd.does(Role::Mcp) {
        loops.push(Arc::new(CallWriter::new(host)));
    }
    let running = host::loops::start(host, loops);
    let quiet = CancellationToken::new();
    let listening = chat.map(|chat| {
        let quiet = quiet.clone();
        tokio::spawn(gateway::listen(host.clone(), chat, gateway::Unknown::default(), quiet))
    });
    let served = mcp_server::http::listen(listener, routes, told, close, GRACE).await;
    quiet.cancel();
    if let Some(listening) = listening {
        let _ = tokio::time::timeout(GRACE, listening).await;
    }
    running.stop(GRACE).await;
    served?;
    Ok(())
}

/// What runs by itself. Each is safe on all replicas at once.
fn loops(host: &Host) -> Result<Vec<Arc<dyn Loop>>, Stop> {
    let ways = host::channels::open(host).map_err(Stop::Failed)?;
    let model = host::model::open(host).map_err(Stop::Failed)?;
    Ok(vec![
        Arc::new(Sweep::new(host)),
        Arc::new(Drafting::new(host, model)),
        Arc::new(Dispatcher::new(host, ways)),
        Arc::new(Telling::new(host)),
        Arc::new(Following::new(host)),
        Arc::new(Keeping::new(Outside::new(host))),
    ])
}

/// The face in chat, when this process has that part and there is a bot.
fn chat(host: &Host, cmd: &Serve) -> Result<Option<Chat>, Stop> {
    if !cmd.does(Role::Bot) || host.config().discord.token.is_none() {
        return Ok(None);
    }
    let http = wire::http(host).map_err(Stop::Failed)?;
    Ok(Some(Chat::new(host, Arc::new(http))))
}

fn routes(
    host: &Host,
    cmd: &Serve,
    no_auth: Option<Principal>,
    chat: Option<&Chat>,
    close: CancellationToken,
) -> Result<Router, Stop> {
    let mut routes = web::router(host);
    if let (Some(chat), Some(key)) = (chat, &host.config().discord.public_key) {
        let calls = endpoint::routes(chat.clone(), key, host.clock()).map_err(Stop::Failed)?;
        routes = routes.merge(calls);
    }
    if !cmd.does(Role::Mcp) {
        return Ok(routes);
    }
    let options = mcp_server::Options { no_auth, ..mcp::options(host, &cmd.toolsets, cmd.read_only)? };
    let agents =
        mcp_server::app(host, options, close).map_err(|error| Stop::Failed(says::sentence(&error.to_string())))?;
    Ok(routes.merge(agents))
}

/// Who everybody is when nobody is asked for a token: an agent who may do what an agent's work is.
fn everybody(workspace: domain::kernel::id::WorkspaceId) -> Principal {
    access::ops::local_agent(workspace, "local agent", Grant::Write, Source::Mcp)
}

fn notes(host: &Host, cmd: &Serve, address: SocketAddr, empty: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if cmd.does(Role::Bot) {
        let discord = &host.config().discord;
        notes.push(if discord.token.is_some() { says::serve::CHAT_ON } else { says::serve::CHAT_OFF }.to_owned());
        if discord.token.is_some() && discord.public_key.is_some() {
            notes.push(says::serve::CHAT_BY_CALLS.to_owned());
        }
    }
    if !address.ip().is_loopback() && host.config().http.allowed_hosts.is_empty() {
        notes.push(says::serve::NO_ALLOWED_HOSTS.to_owned());
    }
    if empty {
        notes.push(says::serve::NO_WORKSPACE_YET.to_owned());
    }
    notes
}

#[derive(Args)]
pub struct Healthcheck {
    /// What to ask; on this machine [default: readiness at http.listen of the settings]
    #[arg(long)]
    url: Option<String>,
}

pub fn healthcheck(common: &Common, cmd: &Healthcheck) -> Outcome {
    let (address, path) = match &cmd.url {
        Some(url) => target(url).ok_or_else(|| Stop::Usage(says::serve::no_local_address(url)))?,
        None => (here(common.settings()?.http.listen), "/healthz/readiness".to_owned()),
    };
    let url = format!("http://{address}{path}");
    match host::egress::probe(address, &path) {
        Ok(200) => Ok(Some(Answer::new(says::serve::ready(&url), json!({ "ready": true, "url": url })))),
        Ok(status) => Err(Stop::Failed(says::serve::not_ready(&url, status))),
        Err(error) => Err(Stop::Failed(says::serve::no_answer(&url, &error.to_string()))),
    }
}

/// A server that listens everywhere also listens here.
fn here(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

fn target(url: &str) -> Option<(SocketAddr, String)> {
    let rest = url.strip_prefix("http://")?;
    let (address, path) = match rest.split_once('/') {
        Some((address, path)) => (address, format!("/{path}")),
        None => (rest, "/healthz/readiness".into()),
    };
    let address =
        address.strip_prefix("localhost").map_or_else(|| address.to_owned(), |port| format!("127.0.0.1{port}"));
    let plain = path.bytes().all(|b| b.is_ascii_graphic());
    address.parse().ok().filter(|_| plain).map(|address| (address, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_address_is_read_and_strange_ones_are_not() {
        let check = |url: &str, expected: Option<(&str, &str)>| {
            let found = target(url).map(|(address, path)| (address.to_string(), path));
            assert_eq!(found, expected.map(|(a, p)| (a.to_owned(), p.to_owned())), "{url}");
        };
        check("http://127.0.0.1:8787/healthz", Some(("127.0.0.1:8787", "/healthz")));
        check("http://localhost:80", Some(("127.0.0.1:80", "/healthz/readiness")));
        check("http://[::1]:80/x", Some(("[::1]:80", "/x")));
        check("https://127.0.0.1:80/", None);
        check("http://example.com/", None);
        check("http://127.0.0.1:80/a b\r\nX: y", None);
    }

    #[test]
    fn a_server_that_listens_everywhere_is_asked_here() {
        assert_eq!(here("0.0.0.0:1".parse().unwrap()).to_string(), "127.0.0.1:1");
        assert_eq!(here("[::]:1".parse().unwrap()).to_string(), "127.0.0.1:1");
        assert_eq!(here("127.0.0.2:1".parse().unwrap()).to_string(), "127.0.0.2:1");
    }
}
