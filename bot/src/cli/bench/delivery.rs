//! `milepost bench delivery`: reminders from the sweep to a channel that takes everything at once, and what looking for
//! work costs when there is none.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use diesel::RunQueryDsl as _;
use domain::both;
use domain::deals::deal::import::{self, Format, Options};
use domain::deals::milestone::template;
use domain::deals::reminder;
use domain::delivery::outbox::{self, Outcome as Came, Report, Wanted};
use domain::delivery::policy::{Approved, Facts, Recipient, Standing, rules};
use domain::delivery::settings::{self, Settings};
use domain::delivery::{Purpose, Status};
use domain::kernel::{Conn, Cx, No, Principal};
use domain::people::contact::zones::{Clues, Zones};
use domain::people::reach::{Channel, Topic};
use host::dispatch::slots_of_one;
use host::{Clock, Config, Host};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::{Times, founded};
use crate::cli::{Answer, Outcome, Stop};
use crate::says;

/// The parties of each deal. Every one has as many milestones as a day's cap lets through.
const ROLES: [&str; 5] = ["buyer", "seller", "attorney", "lender", "title"];
const MILESTONES_EACH: usize = 20;
/// Each milestone is told to its party by e-mail and to the team's console.
pub(super) const REMINDERS_EACH: usize = MILESTONES_EACH * 2;
/// How far apart due days are, so that no two reminders share a message. Days.
const APART: usize = 3;

/// A Tuesday, when the deals are made, and the afternoon on which all their reminders are due and no quiet hours hold.
pub(super) const MADE: &str = "2026-01-06T12:00:00Z";
pub(super) const DUE: &str = "2026-01-06T20:00:00Z";

#[derive(Args)]
pub struct Delivery {
    /// Measure this PostgreSQL instead of SQLite in a temporary folder; the data stay in a workspace of their own
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Deals, each with 40 reminders that are due at the same time
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    deals: u16,
    /// Workers that plan and send side by side
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    workers: u8,
    /// Messages in one claim; as many as a server takes for one workspace when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    claim: Option<u16>,
    /// Milestones to have for the looks that find nothing; 0 leaves these looks out
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    milestones: usize,
    /// Calls of each look that finds nothing
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    calls: u16,
}

/// How much was done in how long.
#[derive(Debug, Serialize)]
pub struct Rate {
    pub count: usize,
    pub seconds: f64,
    pub per_second: f64,
    /// Transactions that did it.
    pub transactions: Times,
}

impl Rate {
    fn of(count: usize, took: Duration, transactions: Vec<Duration>) -> Self {
        let seconds = took.as_secs_f64();
        Self {
            count,
            seconds,
            per_second: count as f64 / seconds.max(1e-9),
            transactions: Times::of(transactions),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Delivered {
    pub database: &'static str,
    pub workers: u8,
    pub claim: usize,
    pub deals: usize,
    pub reminders: usize,
    /// Reminders from the first look of the sweep to the last settled message.
    pub whole_per_second: f64,
    /// The sweep; its transactions are as large as in a server.
    pub plan: Rate,
    /// Claims, with the policy's decisions, and the settling of what came back, by all workers at once.
    pub send: Rate,
    /// The workers' own time in each half of it.
    pub claims: Rate,
    pub settles: Rate,
    /// The policy's rules alone, on one thread.
    pub decisions: Rate,
    /// Resident memory before the first look, and at its highest until the last message. KiB; `null` where the system
    /// does not tell.
    pub memory_before_kib: Option<u64>,
    pub memory_peak_kib: Option<u64>,
    /// Milestones that the looks below pass over.
    pub milestones: usize,
    pub empty_sweep: Option<Times>,
    pub empty_claim: Option<Times>,
}

pub fn run(cmd: &Delivery) -> Outcome {
    let folder = tempfile::Builder::new().prefix("milepost-bench-").tempdir()?;
    let url = cmd.postgres.as_ref().map(|url| ("MILEPOST_DATABASE__URL".to_owned(), url.clone()));
    let config = Config::load(None, url).map_err(|wrong| Stop::Failed(wrong.to_string()))?;
    let host = Host::open(config, folder.path())?;
    let bench = Bench { clock: Clock::system(), due: instant(DUE)?, who: founded(&host)?, host };
    bench.furnish(usize::from(cmd.deals))?;
    bench.know_sizes()?;
    let at_once = cmd.claim.map_or_else(|| slots_of_one(&bench.host), usize::from);

    let before = memory("VmRSS:");
    // From here on the highest is that of the work alone.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let start = bench.clock.elapsed();
    let (planned, sweeps) = bench.side_by_side(cmd.workers, |bench| bench.plan())?;
    let took_plan = bench.clock.elapsed() - start;
    let start = bench.clock.elapsed();
    let (sent, halves) = bench.side_by_side(cmd.workers, |bench| bench.send(at_once))?;
    let took_send = bench.clock.elapsed() - start;
    let peak = memory("VmHWM:");
    let wanted = usize::from(cmd.deals) * REMINDERS_EACH;
    if (planned, sent) != (wanted, wanted) {
        return Err(Stop::Failed(format!(
            "Of {wanted} reminders {planned} were planned and {sent} were sent, so nothing was measured."
        )));
    }
    let mut milestones = usize::from(cmd.deals) * MILESTONES_EACH;
    let (mut empty_sweep, mut empty_claim) = (None, None);
    if cmd.milestones > 0 {
        milestones += bench.multiply(cmd.milestones.saturating_sub(milestones), usize::from(cmd.deals))?;
        bench.know_sizes()?;
        let calls = usize::from(cmd.calls);
        empty_sweep = Some(bench.timed(calls, |cx| reminder::ops::attend(cx, host::sweep::AT_ONCE).map(drop))?);
        let claim = Wanted::up_to(at_once);
        empty_claim = Some(bench.timed(calls, |cx| outbox::ops::claim(cx, &claim).map(drop))?);
    }
    let (claims, settles): (Vec<Duration>, Vec<Duration>) = halves.into_iter().unzip();
    let own = |times: &[Duration]| times.iter().sum::<Duration>() / u32::from(cmd.workers);
    let (own_claims, own_settles) = (own(&claims), own(&settles));
    let both_halves = claims.iter().zip(&settles).map(|(claim, settle)| *claim + *settle).collect();
    let measured = Delivered {
        database: if cmd.postgres.is_some() { "postgresql" } else { "sqlite" },
        workers: cmd.workers,
        claim: at_once,
        deals: usize::from(cmd.deals),
        reminders: wanted,
        whole_per_second: wanted as f64 / (took_plan + took_send).as_secs_f64(),
        plan: Rate::of(planned, took_plan, sweeps),
        send: Rate::of(sent, took_send, both_halves),
        claims: Rate::of(sent, own_claims, claims),
        settles: Rate::of(sent, own_settles, settles),
        decisions: bench.decisions()?,
        memory_before_kib: before,
        memory_peak_kib: peak,
        milestones,
        empty_sweep,
        empty_claim,
    };
    Ok(Some(Answer::new(says::bench::delivered(&measured), json!(measured))))
}

pub(super) struct Bench {
    pub host: Host,
    pub who: Principal,
    pub clock: Clock,
    pub due: Timestamp,
}

impl Bench {
    fn at<T>(&self, now: Timestamp, f: impl FnMut(&mut Cx<'_>) -> Result<T, No>) -> Result<T, Stop> {
        Ok(self.host.on_this_thread(&self.who, now, |work| work.write(f))?.value)
    }

    /// Deals of which every milestone is to be told about on the same day.
    pub fn furnish(&self, deals: usize) -> Result<(), Stop> {
        let made = instant(MADE)?;
        let edit: settings::ops::EditSettings = serde_json::from_value(
            json!({ "set": { "team_channel": { "channel": "console", "address": "team" } } }),
        )
        .map_err(|wrong| Stop::Failed(wrong.to_string()))?;
        self.at(made, |cx| settings::ops::edit(cx, &edit).map(drop))?;
        let mut rules =
            String::from("name = \"bench\"\ntitle = \"Bench\"\nversion = 1\nholidays = \"us-federal\"\n");
        for i in 0..MILESTONES_EACH {
            let days = (i + 1) * APART;
            rules.push_str(&format!(
                "[[rules]]\ntype = \"step_{i}\"\ntitle = \"Step {i}\"\nreference = \"contract_date\"\noffset = {days}\n\
                 required = true\nresponsible = \"{}\"\nremind_days_before = {days}\n",
                ROLES[i % ROLES.len()]
            ));
        }
        self.at(made, |cx| template::ops::set(cx, &rules).map(drop))?;
        let columns: Vec<String> = ROLES.iter().map(|role| format!("{role}_name,{role}_email")).collect();
        let mut csv = format!(
            "title,address,side,financing,state,price,contract_date,closing_date,template,{}\n",
            columns.join(",")
        );
        for i in 0..deals {
            csv.push_str(&format!(
                "{i} Elm Street,\"{i} Elm Street, Springfield\",buyer,conventional,IL,{},",
                250_000 + i
            ));
            csv.push_str("2026-01-06,2026-04-06,bench");
            for role in ROLES {
                csv.push_str(&format!(",Somebody {i},{role}{i}@example.com"));
            }
            csv.push('\n');
        }
        let rows = import::read(csv.as_bytes(), Format::Csv);
        let options = Options { confirm: true, ..Options::default() };
        let done = self.at(made, |cx| import::import(cx, &rows, options))?;
        if done.deal_ids.len() != deals {
            let why = done.problems.first().map_or_else(String::new, |bad| bad.reason.clone());
            return Err(Stop::Failed(format!("The sample deals were not imported: {why}")));
        }
        Ok(())
    }

    /// PostgreSQL learns how large its tables are, as autovacuum sees to within a minute in production.
    pub fn know_sizes(&self) -> Result<(), Stop> {
        if self.host.db().is_postgres() {
            let mut conn = self.host.db().raw()?;
            let analyze = diesel::sql_query("ANALYZE deals, milestones, contacts, deal_parties, events");
            both!(&mut conn, |c| analyze.execute(c)).map_err(|wrong| Stop::Failed(wrong.to_string()))?;
        }
        Ok(())
    }

    /// Runs the same on so many threads; gives how much all of them did, and their times.
    fn side_by_side<T: Send>(
        &self,
        workers: u8,
        work: impl Fn(&Self) -> Result<(usize, Vec<T>), Stop> + Sync,
    ) -> Result<(usize, Vec<T>), Stop> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(|| work(self))).collect();
            let mut all = (0, Vec::new());
            for thread in threads {
                let (count, times) =
                    thread.join().map_err(|_| Stop::Failed("A worker of the benchmark panicked.".into()))??;
                all.0 += count;
                all.1.extend(times);
            }
            Ok(all)
        })
    }

    /// The sweep, until nothing is due.
    fn plan(&self) -> Result<(usize, Vec<Duration>), Stop> {
        let (mut messages, mut times) = (0, Vec::new());
        loop {
            let start = self.clock.elapsed();
            let done = self.at(self.due, |cx| reminder::ops::attend(cx, host::sweep::AT_ONCE))?;
            if done.deals == 0 {
                return Ok((messages, times));
            }
            times.push(self.clock.elapsed() - start);
            messages += done.messages;
        }
    }

    /// Claims and settles, until nothing is due: every message is accepted as soon as it is handed over.
    fn send(&self, limit: usize) -> Result<(usize, Vec<(Duration, Duration)>), Stop> {
        let wanted = Wanted::up_to(limit);
        let (mut messages, mut times) = (0, Vec::new());
        loop {
            let start = self.clock.elapsed();
            let claimed = self.at(self.due, |cx| outbox::ops::claim(cx, &wanted))?;
            if claimed.is_empty() {
                return Ok((messages, times));
            }
            let claim = self.clock.elapsed() - start;
            let accept = |cleared: domain::delivery::policy::Cleared| Report {
                message: cleared.message().id,
                attempt: cleared.attempt(),
                ended_at: self.due,
                provider_status: None,
                outcome: Came::Accepted { provider_id: None },
                trouble: None,
            };
            let reports: Vec<Report> = claimed.cleared.into_iter().map(accept).collect();
            let start = self.clock.elapsed();
            let settled = self.at(self.due, |cx| outbox::ops::settle(cx, &reports))?;
            times.push((claim, self.clock.elapsed() - start));
            messages += settled.iter().filter(|(_, status)| *status == Status::Sent).count();
        }
    }

    /// Decisions of the hardest kind: outreach to a contact whose zone is not known.
    fn decisions(&self) -> Result<Rate, Stop> {
        const COUNT: usize = 20_000;
        let limits = Settings::default().limits();
        let standing = Standing {
            opted_out_at: None,
            opted_out_elsewhere: false,
            consents: BTreeSet::from([Channel::Sms]),
            zones: Zones::of(Clues { workspace: "America/Chicago", ..Clues::default() }),
            outreach: vec![instant(MADE)?],
            transactional: Vec::new(),
            last_inbound_at: None,
            taken_over_at: None,
            mode: None,
            quiet: None,
        };
        let facts = Facts {
            purpose: Purpose::Outreach,
            topic: Topic::Message,
            channel: Channel::Sms,
            automated: false,
            recipient: Recipient::Contact(Box::new(standing)),
            address_problem: None,
            risks: Vec::new(),
            approved: Approved::Unasked,
            quota_full_until: None,
        };
        let mut times = Vec::with_capacity(COUNT);
        let all = self.clock.elapsed();
        for i in 0..COUNT {
            let start = self.clock.elapsed();
            // Another minute each time, over two weeks.
            let now = self.due + jiff::SignedDuration::from_mins(i64::try_from(i).unwrap_or(0));
            std::hint::black_box(rules::decide(&facts, &limits, now));
            times.push(self.clock.elapsed() - start);
        }
        Ok(Rate::of(COUNT, self.clock.elapsed() - all, times))
    }

    /// Adds so many milestones that are due in years, and gives how many. They are written as the database likes it
    /// best, one statement for each lot: the looks are measured here, not the writing.
    fn multiply(&self, count: usize, deals: usize) -> Result<usize, Stop> {
        const LOT: usize = 200;
        let each = count.div_ceil(deals);
        let mut from = 0;
        while from < each {
            let to = each.min(from + LOT);
            self.at(self.due, |cx| Ok(lot(cx, from, to)?))?;
            from = to;
        }
        Ok(each * deals)
    }

    fn timed(&self, calls: usize, mut look: impl FnMut(&mut Cx<'_>) -> Result<(), No>) -> Result<Times, Stop> {
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let start = self.clock.elapsed();
            self.at(self.due, &mut look)?;
            times.push(self.clock.elapsed() - start);
        }
        Ok(Times::of(times))
    }
}

/// Copies the first milestone of the workspace `to - from` times for every deal.
fn lot(cx: &mut Cx<'_>, from: usize, to: usize) -> diesel::QueryResult<()> {
    const SAME: &str = "workspace_id, type_, title, state, ended_at, ended_by, waive_reason, required, \
                        responsible_role, responsible_member_id, remind_days_before, notify, notes, evidence, pinned, \
                        rule, origin, created_at, removed_at, version";
    let workspace = cx.workspace().to_string();
    let same: Vec<String> = SAME.split(", ").map(|column| format!("t.{column}")).collect();
    let same = same.join(", ");
    let (id, workspace, day, instant, numbers) = match cx.conn() {
        Conn::Pg(_) => (
            "gen_random_uuid()",
            format!("'{workspace}'::uuid"),
            "date '2030-01-01' + n.i % 700",
            "timestamptz '2030-01-01' + (n.i % 700) * interval '1 day'",
            format!("generate_series({from} + 1, {to}) AS n (i)"),
        ),
        Conn::Lite(_) => (
            "lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2)), \
             substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6))))",
            format!("'{workspace}'"),
            "date('2030-01-01', '+' || (n.i % 700) || ' days')",
            "date('2030-01-01', '+' || (n.i % 700) || ' days') || 'T06:00:00.000000Z'",
            format!(
                "(WITH RECURSIVE n (i) AS (VALUES ({from} + 1) UNION ALL SELECT i + 1 FROM n WHERE i < {to}) \
                 SELECT i FROM n) AS n"
            ),
        ),
    };
    if let Conn::Pg(c) = cx.conn() {
        diesel::sql_query("SET LOCAL statement_timeout = 0").execute(&mut **c)?;
    }
    let all = format!(
        "INSERT INTO milestones (id, deal_id, due_on, sorts_on, lapses_at, attend_at, {SAME}) \
         SELECT {id}, d.id, {day}, {day}, {instant}, {instant}, {same} \
         FROM (SELECT * FROM milestones WHERE workspace_id = {workspace} LIMIT 1) AS t, {numbers}, \
         (SELECT id FROM deals WHERE workspace_id = {workspace}) AS d"
    );
    both!(cx.conn(), |c| diesel::sql_query(&all).execute(c))?;
    Ok(())
}

pub(super) fn instant(text: &str) -> Result<Timestamp, Stop> {
    text.parse().map_err(|wrong| Stop::Failed(format!("{wrong}")))
}

/// A line of this process's status.
pub(super) fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|found| found.strip_prefix(line)?.trim().strip_suffix(" kB")?.parse().ok())
}
