//! `milepost bench`: what this machine does, through the same verbs as everything.

pub mod agents;
pub mod delivery;
pub mod overdue;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::{Args, Subcommand};
use domain::deals::deal::import::{self, Format, Options};
use domain::deals::deal::view;
use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::ops::{self as milestones, ListMilestones};
use domain::kernel::id::{DealId, WorkspaceId};
use domain::kernel::page::Ask;
use domain::kernel::{Cx, No, Principal};
use domain::workspace::tenant;
use host::{Clock, Config, Host};
use jiff::Span;
use jiff::civil::{Date, date};
use serde::Serialize;
use serde_json::json;

use super::{Answer, Outcome, Stop, desk};
use crate::says;

/// What the residential template makes on a financed deal.
const MILESTONES_EACH: usize = 11;
const FIRST_CONTRACT: Date = date(2026, 1, 5);

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
    #[command(subcommand)]
    part: Option<Part>,
    /// Measure this PostgreSQL instead of SQLite in a temporary folder; the data stay in a workspace of their own
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Deals in one import
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    deals: u16,
    /// Milestones to have before looking
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    milestones: usize,
    /// Calls of each look
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..))]
    calls: u16,
}

#[derive(Subcommand)]
enum Part {
    /// Calls of agents over HTTP, held against a bare echo
    Agents(agents::Agents),
    /// Reminders from the clock's look to a channel that takes them at once, and looks that find nothing
    Delivery(delivery::Delivery),
    /// What people notice while everything leaves that came due during a long downtime
    Overdue(overdue::Overdue),
}

/// Times of equal work.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    pub count: usize,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub worst_ms: f64,
}

impl Times {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort();
        let ms = |at: f64| {
            let last = all.len().saturating_sub(1);
            // An index within the list.
            all.get(((last as f64) * at).round() as usize).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        Self { count: all.len(), p50_ms: ms(0.5), p95_ms: ms(0.95), worst_ms: ms(1.0) }
    }
}

#[derive(Debug, Serialize)]
pub struct Measured {
    pub database: &'static str,
    pub deals_each: usize,
    pub milestones_each: usize,
    /// One import, read from CSV, confirmed, its milestones generated: the first, into an empty database.
    pub first_import_ms: f64,
    /// All imports, while the database grows.
    pub imports: Times,
    /// How many milestones there were for the looks.
    pub milestones: usize,
    pub deal_get: Times,
    pub milestone_list: Times,
    /// Resident memory of an idle server on this database. KiB; `null` where the system does not tell.
    pub idle_memory_kib: Option<u64>,
}

pub fn run(cmd: &Bench) -> Outcome {
    match &cmd.part {
        Some(Part::Agents(cmd)) => return agents::run(cmd),
        Some(Part::Delivery(cmd)) => return delivery::run(cmd),
        Some(Part::Overdue(cmd)) => return overdue::run(cmd),
        None => {}
    }
    let folder = tempfile::Builder::new().prefix("milepost-bench-").tempdir()?;
    let url = cmd.postgres.as_ref().map(|url| ("MILEPOST_DATABASE__URL".to_owned(), url.clone()));
    let config = Config::load(None, url).map_err(|wrong| Stop::Failed(wrong.to_string()))?;
    let host = Host::open(config, folder.path())?;
    let who = founded(&host)?;

    let clock = Clock::system();
    let (ids, imports) = filled(&host, &who, usize::from(cmd.deals), cmd.milestones)?;
    let first = imports.first().map_or(0.0, |time| time.as_secs_f64() * 1e3);

    let calls = usize::from(cmd.calls);
    let deal_get = timed(&host, &who, &clock, calls, |cx, i| {
        // A stride that is no divisor of anything: each call another deal, far from the one before.
        view::get(cx, ids[(i * 7_919) % ids.len()]).map(|detail| detail.milestones.len())
    })?;
    let milestone_list = timed(&host, &who, &clock, calls, |cx, i| {
        let from = after(FIRST_CONTRACT, i % 300);
        let wanted = ListMilestones {
            status: vec![MilestoneStatus::Upcoming, MilestoneStatus::Overdue],
            due_from: Some(from),
            due_to: Some(after(from, 14)),
            ask: Ask { cursor: None, limit: Some(20) },
            ..ListMilestones::default()
        };
        milestones::list(cx, &wanted).map(|page| page.items.len())
    })?;
    drop(host);
    let measured = Measured {
        database: if cmd.postgres.is_some() { "postgresql" } else { "sqlite" },
        deals_each: usize::from(cmd.deals),
        milestones_each: usize::from(cmd.deals) * MILESTONES_EACH,
        first_import_ms: first,
        imports: Times::of(imports),
        milestones: ids.len() * MILESTONES_EACH,
        deal_get,
        milestone_list,
        idle_memory_kib: idle_memory(folder.path(), cmd.postgres.as_deref())?,
    };
    Ok(Some(Answer::new(says::bench::measured(&measured), json!(measured))))
}

/// Imports `each` deals at a time until there are so many milestones. The deals, and how long each import took.
fn filled(
    host: &Host,
    who: &Principal,
    each: usize,
    milestones: usize,
) -> Result<(Vec<DealId>, Vec<Duration>), Stop> {
    let clock = Clock::system();
    let mut imports = Vec::new();
    let mut ids: Vec<DealId> = Vec::new();
    while ids.len() * MILESTONES_EACH < milestones || imports.is_empty() {
        let csv = csv(ids.len(), each);
        let start = clock.elapsed();
        let rows = import::read(csv.as_bytes(), Format::Csv);
        let options = Options { confirm: true, ..Options::default() };
        let done = host
            .on_this_thread(who, host.clock().now(), |work| work.write(|cx| import::import(cx, &rows, options)))?;
        imports.push(clock.elapsed() - start);
        let new = done.value.deal_ids;
        if new.len() != each {
            let why = done.value.problems.first().map_or_else(String::new, |bad| bad.reason.clone());
            return Err(Stop::Failed(format!("The sample deals were not imported: {why}")));
        }
        ids.extend(new);
    }
    Ok((ids, imports))
}

fn founded(host: &Host) -> Result<Principal, Stop> {
    let id = host.mint();
    let operator = desk::operator(WorkspaceId(id));
    let found = tenant::ops::Found {
        slug: format!("bench-{}", id.simple()),
        name: "Bench".into(),
        time_zone: "America/Chicago".into(),
        owner_name: "Bench".into(),
        owner_email: "bench@example.com".into(),
    };
    host.on_this_thread(&operator, host.clock().now(), |work| work.write(|cx| tenant::ops::found(cx, &found)))?;
    Ok(operator)
}

fn timed(
    host: &Host,
    who: &Principal,
    clock: &Clock,
    calls: usize,
    look: impl Fn(&mut Cx<'_>, usize) -> Result<usize, No>,
) -> Result<Times, Stop> {
    let mut times = Vec::with_capacity(calls);
    for i in 0..calls {
        let start = clock.elapsed();
        host.on_this_thread(who, host.clock().now(), |work| work.read(|cx| look(cx, i)))?;
        times.push(clock.elapsed() - start);
    }
    Ok(Times::of(times))
}

fn after(date: Date, days: usize) -> Date {
    let days = i64::try_from(days).unwrap_or(0);
    date.checked_add(Span::new().days(days)).unwrap_or(date)
}

fn csv(from: usize, deals: usize) -> String {
    let mut csv = String::from(
        "title,address,side,financing,state,price,contract_date,closing_date,inspection_deadline,buyer_name,buyer_email\n",
    );
    for i in from..from + deals {
        let contract = after(FIRST_CONTRACT, i % 330);
        let (closing, inspection) = (after(contract, 45), after(contract, 10));
        csv.push_str(&format!(
            "{i} Elm Street - Buyer {i},\"{i} Elm Street, Springfield\",buyer,conventional,IL,{},{contract},{closing},\
             {inspection},Buyer {i},buyer{i}@example.com\n",
            250_000 + i
        ));
    }
    csv
}

/// Starts this program as a server on the same data, waits until it is ready, and reads how much it holds.
fn idle_memory(data: &Path, postgres: Option<&str>) -> Result<Option<u64>, Stop> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"]).arg(data);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
    // What was measured counts, not what is set around it.
    command.current_dir(data).env_remove("MILEPOST_CONFIG").env_remove("MILEPOST_DATABASE__URL");
    if let Some(url) = postgres {
        command.env("MILEPOST_DATABASE__URL", url);
    }
    let mut server = command.spawn()?;
    let memory = server.stdout.take().and_then(|out| {
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).ok()?;
        let said: serde_json::Value = serde_json::from_str(&line).ok()?;
        let address = said["url"].as_str()?.strip_prefix("http://")?.parse().ok()?;
        host::egress::probe(address, "/healthz/readiness").ok().filter(|status| *status == 200)?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
    });
    server.kill()?;
    server.wait()?;
    Ok(memory)
}
