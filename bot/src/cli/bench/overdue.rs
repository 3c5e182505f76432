//! `milepost bench overdue`: what people notice while everything leaves that came due during a long downtime.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use domain::deals::deal::view::{ListDeals, list as deals};
use domain::deals::milestone::ops::{AddMilestone, add};
use domain::delivery::Message;
use domain::delivery::outbox::{Found, Outcome as Came, Report};
use domain::delivery::policy::Cleared;
use domain::kernel::Principal;
use domain::kernel::id::{DealId, WorkspaceId};
use domain::kernel::page::Ask;
use domain::people::reach::Channel;
use host::channels::{self, Later};
use host::dispatch::{Dispatcher, Ways};
use host::loops::Next;
use host::sweep::Sweep;
use host::{Clock, Config, Host, loops};
use serde::Serialize;
use serde_json::json;

use super::delivery::{Bench, DUE, MADE, REMINDERS_EACH, instant, memory};
use super::{Times, founded};
use crate::cli::{Answer, Outcome, Stop};
use crate::says;

/// The larger workspace has as many deals as this to one of the other's.
const LARGER: usize = 9;
/// People ask for something this often.
const EVERY: Duration = Duration::from_millis(25);

#[derive(Args)]
pub struct Overdue {
    /// Measure this PostgreSQL instead of SQLite in a temporary folder; the data stay in workspaces of their own
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Reminders that are overdue, half of them e-mails and half lines on the console
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    reminders: u32,
    /// Seconds to watch; e-mails leave at their pace for longer than that
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u16).range(5..=7_200))]
    seconds: u16,
    /// Looks and changes of people's while nothing else is done
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(10..=5_000))]
    calls: u16,
}

/// What people wait for.
#[derive(Debug, Serialize)]
pub struct Felt {
    /// A page of 20 deals.
    pub deal_list: Times,
    /// A milestone by hand, due in a year.
    pub milestone_add: Times,
}

/// What left one workspace.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Left {
    pub deals: usize,
    pub emails: usize,
    pub console: usize,
}

#[derive(Debug, Serialize)]
pub struct Watched {
    pub database: &'static str,
    pub reminders: usize,
    /// Until the clock's round had looked at every milestone.
    pub plan_seconds: f64,
    pub seconds: f64,
    pub larger: Left,
    pub smaller: Left,
    /// E-mails in the busiest second.
    pub busiest_second: usize,
    pub idle: Felt,
    /// While reminders were planned and lines left that need no pace.
    pub planning: Felt,
    /// While e-mails left at their pace.
    pub sending: Felt,
    /// KiB; `null` where the system does not tell.
    pub memory_before_kib: Option<u64>,
    pub memory_peak_kib: Option<u64>,
}

pub fn run(cmd: &Overdue) -> Outcome {
    let folder = tempfile::Builder::new().prefix("milepost-bench-").tempdir()?;
    let url = cmd.postgres.as_ref().map(|url| ("MILEPOST_DATABASE__URL".to_owned(), url.clone()));
    let mut config = Config::load(None, url).map_err(|wrong| Stop::Failed(wrong.to_string()))?;
    config.clock.at = Some(instant(MADE)?);
    let host = Host::open(config, folder.path())?;
    let count = (cmd.reminders as usize).div_ceil(REMINDERS_EACH);
    let small = (count / (LARGER + 1)).max(1);
    let mut teams = Vec::new();
    for deals in [count - small, small] {
        let bench = Bench { clock: Clock::system(), due: instant(DUE)?, who: founded(&host)?, host: host.clone() };
        bench.furnish(deals)?;
        bench.know_sizes()?;
        teams.push((bench.who, deals));
    }
    let runtime = crate::serve::runtime()?;
    let watched = runtime.block_on(watch(cmd, &host, &teams))?;
    Ok(Some(Answer::new(says::bench::watched(&watched), json!(watched))))
}

/// Takes everything at once, and counts.
#[derive(Default)]
struct Counting {
    left: Mutex<BTreeMap<WorkspaceId, Left>>,
    /// E-mails by the second in which they left.
    seconds: Mutex<BTreeMap<u64, usize>>,
}

/// The way out of this benchmark, with the clock that it goes by.
struct Taker {
    clock: Clock,
    counting: Arc<Counting>,
    host: Host,
}

impl channels::Channel for Taker {
    fn deliver<'a>(&'a self, cleared: Cleared, _until: Duration) -> Later<'a, Report> {
        Box::pin(async move {
            let message = cleared.message();
            {
                let mut left = self.counting.left.lock().unwrap_or_else(PoisonError::into_inner);
                let left = left.entry(message.workspace).or_default();
                match message.channel {
                    Channel::Email => left.emails += 1,
                    _ => left.console += 1,
                }
            }
            if message.channel == Channel::Email {
                let mut seconds = self.counting.seconds.lock().unwrap_or_else(PoisonError::into_inner);
                *seconds.entry(self.clock.elapsed().as_secs()).or_default() += 1;
            }
            Report {
                message: message.id,
                attempt: cleared.attempt(),
                ended_at: self.host.clock().now(),
                provider_status: None,
                outcome: Came::Accepted { provider_id: None },
                trouble: None,
            }
        })
    }

    fn look_up<'a>(&'a self, _message: &'a Message) -> Later<'a, Found> {
        Box::pin(async { Found::NotThere })
    }
}

/// What people do meanwhile, one after the other in both workspaces.
struct People<'b> {
    host: &'b Host,
    clock: Clock,
    /// Whose, and deals to which milestones are added.
    desks: Vec<(Principal, Vec<DealId>)>,
    moved: Duration,
}

impl People<'_> {
    /// One look and one change; how long each took.
    async fn ask(&mut self, turn: usize) -> Result<(Duration, Duration), Stop> {
        let nobody = || Stop::Failed("There is no deal to work on.".into());
        let (who, ids) = self.desks.get(turn % self.desks.len()).ok_or_else(nobody)?;
        let deal_id = *ids.get(turn / self.desks.len() % ids.len().max(1)).ok_or_else(nobody)?;
        let start = self.clock.elapsed();
        self.host.look(who, |cx| deals(cx, &ListDeals::default())).await?;
        let looked = self.clock.elapsed();
        let new = AddMilestone {
            deal_id,
            title: format!("Call {turn}"),
            due_on: "2027-01-04".into(),
            responsible_role: None,
            remind_days_before: None,
            required: None,
            notes: None,
        };
        let changing = self.clock.elapsed();
        self.host.act(who, move |cx| add(cx, &new)).await?;
        let changed = self.clock.elapsed();
        // The host's clock goes as time does.
        self.host.clock().advance(changed - self.moved);
        self.moved = changed;
        tokio::time::sleep(EVERY).await;
        Ok((looked - start, changed - changing))
    }
}

#[derive(Default)]
struct Collected {
    lists: Vec<Duration>,
    adds: Vec<Duration>,
}

impl Collected {
    fn note(&mut self, (list, add): (Duration, Duration)) {
        self.lists.push(list);
        self.adds.push(add);
    }

    fn felt(self) -> Felt {
        Felt { deal_list: Times::of(self.lists), milestone_add: Times::of(self.adds) }
    }
}

async fn watch(cmd: &Overdue, host: &Host, teams: &[(Principal, usize)]) -> Result<Watched, Stop> {
    let clock = Clock::system();
    let mut desks = Vec::new();
    for (who, _) in teams {
        desks.push((who.clone(), some_deals(host, who).await?));
    }
    let mut people = People { host, clock: clock.clone(), desks, moved: clock.elapsed() };
    let mut idle = Collected::default();
    for turn in 0..usize::from(cmd.calls) {
        idle.note(people.ask(turn).await?);
    }
    let before = memory("VmRSS:");
    // From here on the highest is that of the work alone.
    let _ = std::fs::write("/proc/self/clear_refs", "5");

    // The server was down until now.
    host.clock().set(instant(DUE)?);
    let counting = Arc::<Counting>::default();
    let taker: Arc<dyn channels::Channel> =
        Arc::new(Taker { clock: clock.clone(), counting: counting.clone(), host: host.clone() });
    let ways: Ways = [Channel::Email, Channel::Console].into_iter().map(|kind| (kind, taker.clone())).collect();
    let start = clock.elapsed();
    let planned = Arc::new(AtomicBool::new(false));
    let sweeping = tokio::spawn({
        let (sweep, planned, clock) = (Sweep::new(host), planned.clone(), clock.clone());
        async move {
            while let Next::After(wait) | Next::NotBefore(wait) = sweep.tick().await {
                tokio::time::sleep(wait).await;
            }
            planned.store(true, Ordering::Release);
            clock.elapsed()
        }
    });
    let running = loops::start(host, vec![Arc::new(Dispatcher::new(host, ways))]);
    let (mut planning, mut sending) = (Collected::default(), Collected::default());
    let wanted = Duration::from_secs(u64::from(cmd.seconds));
    let mut turn = 0;
    let mut console = usize::MAX;
    while clock.elapsed() - start < wanted {
        let asked = people.ask(turn).await?;
        turn += 1;
        let now = counting.left.lock().unwrap_or_else(PoisonError::into_inner).values().map(|l| l.console).sum();
        // Lines on the console leave as fast as they can: that, too, is the time of planning.
        let lines = std::mem::replace(&mut console, now) != now;
        if planned.load(Ordering::Acquire) && !lines { sending.note(asked) } else { planning.note(asked) }
    }
    let took = clock.elapsed() - start;
    running.stop(Duration::from_secs(10)).await;
    if !planned.load(Ordering::Acquire) {
        return Err(Stop::Failed(
            "The reminders were not all planned in that time. Watch for more --seconds.".into(),
        ));
    }
    let swept = sweeping.await.map_err(|_| Stop::Failed("The sweep of the benchmark panicked.".into()))?;
    let left = counting.left.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let of = |place: usize| -> Left {
        let (who, deals) = &teams[place];
        Left { deals: *deals, ..left.get(&who.workspace).cloned().unwrap_or_default() }
    };
    let seconds = counting.seconds.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Watched {
        database: if cmd.postgres.is_some() { "postgresql" } else { "sqlite" },
        reminders: teams.iter().map(|(_, deals)| deals * REMINDERS_EACH).sum(),
        plan_seconds: (swept - start).as_secs_f64(),
        seconds: took.as_secs_f64(),
        larger: of(0),
        smaller: of(1),
        busiest_second: seconds.values().max().copied().unwrap_or_default(),
        idle: idle.felt(),
        planning: planning.felt(),
        sending: sending.felt(),
        memory_before_kib: before,
        memory_peak_kib: memory("VmHWM:"),
    })
}

/// A page of deals.
async fn some_deals(host: &Host, who: &Principal) -> Result<Vec<DealId>, Stop> {
    let wanted = ListDeals { ask: Ask { cursor: None, limit: Some(100) }, ..ListDeals::default() };
    let page = host.look(who, move |cx| deals(cx, &wanted)).await?;
    Ok(page.items.iter().map(|deal| deal.id).collect())
}
