//! `milepost bench agents`: how many calls agents get answered over HTTP, held against a bare echo in the same process, and,
//! when one is given, against an echo of another server.
//!
//! All are asked with the same bytes by the same clients, in turns, so that what the machine does meanwhile meets all alike.
//! The ratios travel to other machines, the figures do not.

mod echo;
mod load;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::Router;
use clap::Args;
use domain::kernel::id::DealId;
use domain::workspace::access::Grant;
use domain::workspace::access::ops::{CreateToken, For, create_token};
use host::{Clock, Config, Host};
use mcp_server::http::Settings;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{FIRST_CONTRACT, MILESTONES_EACH, Times, after, filled, founded};
use crate::cli::{Answer, Outcome, Stop};
use crate::{says, serve};
use load::Target;

/// What the product's calls are to reach of the bare echo's, and of the other server's.
pub const OF_ECHO: f64 = 0.35;
pub const OF_OTHER: f64 = 5.0;
/// The slowest that the fastest 95 of 100 calls may be.
pub const P95_MS: f64 = 20.0;

/// Different requests for one tool: no call is answered by what the one before it left in a cache.
const VARIANTS: usize = 64;

#[derive(Args)]
pub struct Agents {
    /// Measure this PostgreSQL instead of SQLite in a temporary folder; the data stay in a workspace of their own
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Milestones to have before asking
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    milestones: usize,
    /// Clients that ask at once, each over one connection
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    clients: u16,
    /// Seconds for each tool in each round
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Rounds; the medians of them count
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// Another server on this machine with a tool `echo` that takes `text`, such as http://127.0.0.1:8000/mcp
    #[arg(long, value_name = "URL")]
    beside: Option<String>,
}

/// What one tool was asked.
#[derive(Debug, Serialize)]
pub struct Asked {
    pub tool: &'static str,
    /// Of all rounds.
    pub times: Times,
    /// The median of the rounds.
    pub per_second: f64,
    /// Bytes of an answer.
    pub bytes: usize,
    /// Of the bare echo's calls a second.
    pub of_echo: Option<f64>,
    /// Of the other server's calls a second.
    pub of_other: Option<f64>,
    /// Whether it is as fast as is promised; nothing for the echoes.
    pub kept: Option<bool>,
}

#[derive(Debug, Serialize)]
pub struct Measured {
    pub database: &'static str,
    pub milestones: usize,
    pub clients: u16,
    pub rounds: u16,
    pub seconds: u16,
    pub asked: Vec<Asked>,
}

pub fn run(cmd: &Agents) -> Outcome {
    let folder = tempfile::Builder::new().prefix("milepost-bench-").tempdir()?;
    let url = cmd.postgres.as_ref().map(|url| ("MILEPOST_DATABASE__URL".to_owned(), url.clone()));
    let mut config = Config::load(None, url).map_err(|wrong| Stop::Failed(wrong.to_string()))?;
    config.limits.calls_per_minute = NonZeroU32::MAX;
    let host = Host::open(config, folder.path())?;
    let who = founded(&host)?;
    let (deals, _) = filled(&host, &who, 1_000, cmd.milestones)?;
    let holder = For::Agent("bench".into());
    let token = CreateToken { holder, label: "bench".into(), scope: Grant::Write, days: None };
    let made = host.on_this_thread(&who, host.clock().now(), |work| work.write(|cx| create_token(cx, &token)))?;
    let (_, secret) = made.value;

    let runtime = serve::runtime()?;
    let close = CancellationToken::new();
    let echo = runtime
        .block_on(listen(echo::router(Settings { close: close.clone(), ..Settings::default() }), &close))?;
    let product = mcp_server::app(&host, mcp_server::Options::default(), close.clone());
    let product = product.map_err(|error| Stop::Failed(says::sentence(&error.to_string())))?;
    let product = runtime.block_on(listen(product, &close))?;

    let mut targets = vec![
        Target::new("echo", echo, "/mcp", None, echoes()),
        Target::new("milestone_list", product, "/mcp", Some(&secret), lists()),
        Target::new("deal_get", product, "/mcp", Some(&secret), gets(&deals)),
    ];
    if let Some(url) = &cmd.beside {
        let (address, path) = load::place(url).ok_or_else(|| Stop::Usage(says::bench::no_local_address(url)))?;
        targets.push(Target::new("echo of the other server", address, &path, None, echoes()));
    }
    let measured = measure(cmd, &mut targets, deals.len() * MILESTONES_EACH)?;
    close.cancel();
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(Some(Answer::new(says::bench::agents(&measured), json!(measured))))
}

async fn listen(router: Router, close: &CancellationToken) -> Result<SocketAddr, Stop> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, close) = (close.clone().cancelled_owned(), close.clone());
    tokio::spawn(mcp_server::http::listen(listener, router, stop, close, Duration::ZERO));
    Ok(address)
}

fn measure(cmd: &Agents, targets: &mut [Target], milestones: usize) -> Result<Measured, Stop> {
    let clock = Clock::system();
    let clients = usize::from(cmd.clients);
    let mut rounds: Vec<Vec<f64>> = vec![Vec::new(); targets.len()];
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); targets.len()];
    for round in 0..=cmd.rounds {
        for (i, target) in targets.iter().enumerate() {
            // The first round is not counted: it opens files and fills caches.
            let span = if round == 0 { Duration::from_secs(1) } else { Duration::from_secs(cmd.seconds.into()) };
            let came = load::run(target, clients, span, &clock).map_err(Stop::Failed)?;
            if round > 0 {
                rounds[i].push(came.times.len() as f64 / came.took.as_secs_f64());
                times[i].extend(came.times);
            }
        }
    }
    let rates: Vec<f64> = rounds.into_iter().map(median).collect();
    let (echo, other) = (rates[0], rates.get(3).copied());
    let mut asked = Vec::new();
    for (i, (target, times)) in targets.iter().zip(times).enumerate() {
        let (times, per_second) = (Times::of(times), rates[i]);
        let ours = target.tool == "milestone_list" || target.tool == "deal_get";
        let of_echo = ours.then(|| per_second / echo);
        let of_other = other.filter(|_| ours).map(|other| per_second / other);
        let kept = of_echo.map(|ratio| {
            ratio >= OF_ECHO && of_other.is_none_or(|ratio| ratio >= OF_OTHER) && times.p95_ms < P95_MS
        });
        asked.push(Asked {
            tool: target.tool,
            times,
            per_second,
            bytes: target.bytes()?,
            of_echo,
            of_other,
            kept,
        });
    }
    Ok(Measured {
        database: if cmd.postgres.is_some() { "postgresql" } else { "sqlite" },
        milestones,
        clients: cmd.clients,
        rounds: cmd.rounds,
        seconds: cmd.seconds,
        asked,
    })
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

fn echoes() -> Vec<(&'static str, Value)> {
    (0..VARIANTS).map(|i| ("echo", json!({ "text": format!("call {i}") }))).collect()
}

/// A page of 20 of what is open within two weeks, each beginning on another day.
fn lists() -> Vec<(&'static str, Value)> {
    let page = |i: usize| {
        let from = after(FIRST_CONTRACT, (i * 7) % 300);
        let to = after(from, 14);
        json!({ "status": ["upcoming", "overdue"], "due_from": from, "due_to": to, "limit": 20 })
    };
    (0..VARIANTS).map(|i| ("milestone_list", page(i))).collect()
}

fn gets(deals: &[DealId]) -> Vec<(&'static str, Value)> {
    // A stride that is no divisor of anything: deals far from each other.
    (0..VARIANTS).map(|i| ("deal_get", json!({ "id": deals[(i * 7_919) % deals.len()] }))).collect()
}
