//! The dispatcher: claims what is due, sends it, and settles what came of it.
//!
//! Every workspace has a batch of its own, and all of them share the slots in line: a workspace with much to send never
//! keeps another one waiting for longer than a slot takes. Whatever happens here, a message's fate is in the database: a
//! process that dies leaves leases, and the next claim takes over by each channel's rule.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::deals::reminder;
use domain::delivery::Message;
use domain::delivery::outbox::{Claimed, Found, LookUp, Outcome, Report, ops, rules};
use domain::delivery::policy::Cleared;
use domain::kernel::id::WorkspaceId;
use domain::kernel::{Cx, Principal, Source, step};
use domain::people::reach::Channel as Kind;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::error;

use crate::Host;
use crate::breaker::Breakers;
use crate::channels::{Channel, Later};
use crate::loops::{Loop, Next};

/// The ways out that are configured.
pub type Ways = BTreeMap<Kind, Arc<dyn Channel>>;

/// Sends at once, all over.
const SLOTS: usize = 32;
/// Sends at once for one workspace.
pub const SLOTS_OF_ONE: usize = 16;
/// Database work of the dispatcher's at once: what people ask for comes in between.
const LOOKS: usize = 3;
/// How long a channel may take. The channels promise 30 s; this is for those that break it.
const LONGEST_SEND: Duration = Duration::from_secs(33);
/// How long a report is kept for a database that does not answer.
const LONGEST_SETTLING: Duration = Duration::from_secs(600);

#[derive(Clone)]
pub struct Dispatcher(Arc<Inner>);

struct Inner {
    host: Host,
    ways: Ways,
    slots: Arc<Semaphore>,
    looks: Semaphore,
    breakers: Breakers,
    pacing: Pacing,
    /// The workspaces in which nothing waits by a clock that went back before this process started.
    mended: Mutex<HashSet<WorkspaceId>>,
    busy: Mutex<HashSet<WorkspaceId>>,
    batches: tokio::sync::Mutex<JoinSet<()>>,
    turn: AtomicUsize,
    closing: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What came of one send: the report, and whether the provider was asked at all.
struct Sent {
    message: Message,
    report: Report,
    asked: bool,
}

impl Dispatcher {
    pub fn new(host: &Host, ways: Ways) -> Self {
        host.jumps().begin();
        Self(Arc::new(Inner {
            host: host.clone(),
            ways,
            slots: Arc::new(Semaphore::new(SLOTS)),
            looks: Semaphore::new(LOOKS),
            breakers: Breakers::default(),
            pacing: Pacing::new(),
            mended: Mutex::default(),
            busy: Mutex::default(),
            batches: tokio::sync::Mutex::default(),
            turn: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
        }))
    }

    /// Begins a batch for every workspace that has none under way. Gives whether any is under way now.
    pub async fn tick(&self) -> bool {
        let this = &self.0;
        if this.closing.load(Ordering::Acquire) {
            return false;
        }
        this.host.jumps().look(this.host.clock());
        // A database that does not answer was logged where it was asked.
        let Ok(mut workspaces) = this.host.directory().await else { return false };
        let mut batches = this.batches.lock().await;
        while let Some(ended) = batches.try_join_next() {
            if let Err(failed) = ended {
                error!("A batch failed; its messages are left to their leases: {failed}");
            }
        }
        if !workspaces.is_empty() {
            let turn = this.turn.fetch_add(1, Ordering::Relaxed) % workspaces.len();
            workspaces.rotate_left(turn);
        }
        this.host.jumps().meet(&workspaces);
        for workspace in workspaces {
            let id = workspace.id;
            if lock(&this.busy).insert(id) {
                let batch = Batch { of: self.0.clone(), workspace: id };
                batches.spawn(async move { batch.run().await });
            }
        }
        drop(batches);
        tokio::task::yield_now().await;
        !lock(&this.busy).is_empty()
    }

    /// Waits until no batch is under way.
    pub async fn idle(&self) {
        let mut batches = self.0.batches.lock().await;
        while let Some(ended) = batches.join_next().await {
            if let Err(failed) = ended {
                error!("A batch failed; its messages are left to their leases: {failed}");
            }
        }
    }

    /// A tick, and all that it began.
    pub async fn round(&self) {
        self.tick().await;
        self.idle().await;
    }
}

impl Loop for Dispatcher {
    fn name(&self) -> &'static str {
        "dispatch"
    }

    fn tick<'a>(&'a self) -> Later<'a, Next> {
        Box::pin(async { if self.tick().await { Next::Soon } else { Next::Idle } })
    }

    fn close<'a>(&'a self, _grace: Duration) -> Later<'a, ()> {
        Box::pin(async {
            self.0.closing.store(true, Ordering::Release);
            self.idle().await;
        })
    }
}

impl Inner {
    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}

/// One workspace's turn.
struct Batch {
    of: Arc<Inner>,
    workspace: WorkspaceId,
}

impl Drop for Batch {
    // Also when it panics.
    fn drop(&mut self) {
        lock(&self.of.busy).remove(&self.workspace);
    }
}

impl Batch {
    fn who(&self) -> Principal {
        self.of.host.operator(self.workspace, "dispatch", Source::System)
    }

    /// Sends what is due, slot by slot, until nothing is. A database that does not answer ends the turn.
    async fn run(&self) {
        let this = &self.of;
        let who = self.who();
        while !this.is_closing() {
            if self.mend_at_first(&who).await.is_none() || this.host.tell_of_jumps(self.workspace).await.is_err() {
                return;
            }
            let due = {
                let _look = this.looks.acquire().await;
                this.host.look(&who, ops::is_anything_due).await
            };
            if !matches!(due, Ok(true)) {
                return;
            }
            let Some(slots) = self.slots().await else { return };
            let started = this.host.clock().elapsed();
            let now = this.host.clock().now();
            let wanted = this.breakers.wanted(slots.len(), started);
            let claimed = {
                let _look = this.looks.acquire().await;
                this.host.act(&who, move |cx| ops::claim(cx, &wanted)).await
            };
            let Ok(claimed) = claimed else { return };
            if claimed.value.is_empty() || step::reach("dispatch.claimed").is_err() {
                return;
            }
            self.send(&who, claimed.value, slots, started, now).await;
        }
    }

    /// The clock may have gone back while no process was there to see it.
    async fn mend_at_first(&self, who: &Principal) -> Option<()> {
        let this = &self.of;
        if lock(&this.mended).contains(&self.workspace) {
            return Some(());
        }
        let mend = |cx: &mut Cx<'_>| {
            reminder::ops::after_clock_went_back(cx)?;
            ops::after_clock_went_back(cx, cx.now())
        };
        this.host.act(who, mend).await.ok()?;
        lock(&this.mended).insert(self.workspace);
        Some(())
    }

    /// At least one slot, at most as many as one workspace may have.
    async fn slots(&self) -> Option<Vec<OwnedSemaphorePermit>> {
        let all = &self.of.slots;
        let mut slots = vec![all.clone().acquire_owned().await.ok()?];
        while slots.len() < SLOTS_OF_ONE
            && let Ok(slot) = all.clone().try_acquire_owned()
        {
            slots.push(slot);
        }
        Some(slots)
    }

    async fn send(
        &self,
        who: &Principal,
        claimed: Claimed,
        mut slots: Vec<OwnedSemaphorePermit>,
        started: Duration,
        now: Timestamp,
    ) {
        let this = &self.of;
        // A clock that jumped while we claimed may have made things due that are not.
        let jumped = !this.host.jumps().are_told(this.host.clock(), self.workspace);
        let mut sends = JoinSet::new();
        for cleared in claimed.cleared {
            let left = rules::time_to_write(cleared.message(), now);
            let until = started + Duration::try_from(left).unwrap_or(Duration::ZERO);
            let send = Send { of: this.clone(), workspace: self.workspace, slot: slots.pop(), until, jumped };
            sends.spawn(send.run(cleared));
        }
        let mut questions = JoinSet::new();
        for look_up in claimed.look_ups {
            let (this, slot) = (this.clone(), slots.pop());
            questions.spawn(async move {
                let found = ask(&this, &look_up).await;
                drop(slot);
                (look_up, found)
            });
        }
        drop(slots);
        let mut settling = Vec::new();
        while let Some(first) = sends.join_next().await {
            let mut ended = vec![first];
            while let Some(more) = sends.try_join_next() {
                ended.push(more);
            }
            for sent in ended {
                match sent {
                    Ok(Some(sent)) => {
                        if sent.asked {
                            this.breakers.note(&sent.message, &sent.report, this.host.clock().elapsed());
                        }
                        settling.push(sent.report);
                    }
                    // A test stopped it at a named step; or it panicked beside the channel, which only a bug can.
                    Ok(None) => {}
                    Err(failed) => error!("A send failed; its message is left to its lease: {failed}"),
                }
            }
            if !settling.is_empty() {
                self.settle(who, std::mem::take(&mut settling)).await;
            }
        }
        let mut answers = Vec::new();
        while let Some(answer) = questions.join_next().await {
            answers.extend(answer.ok());
        }
        if !answers.is_empty() {
            let answers = Arc::new(answers);
            // When it cannot be written, the lease ends and somebody asks again.
            let _ = this.host.act(who, move |cx| ops::found(cx, &answers)).await;
        }
    }

    /// Writes what came of sends, as often as it takes: what is not written becomes unclear.
    async fn settle(&self, who: &Principal, reports: Vec<Report>) {
        let this = &self.of;
        let since = this.host.clock().elapsed();
        let reports = Arc::new(reports);
        loop {
            let these = reports.clone();
            let settled = this.host.act(who, move |cx| ops::settle(cx, &these)).await;
            if settled.is_ok() {
                let _ = step::reach("dispatch.settled");
                return;
            }
            if this.host.clock().elapsed().saturating_sub(since) > LONGEST_SETTLING || this.is_closing() {
                error!(messages = reports.len(), "What became of some messages could not be written down");
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// One message on its way.
struct Send {
    of: Arc<Inner>,
    workspace: WorkspaceId,
    /// Held until the provider has answered.
    slot: Option<OwnedSemaphorePermit>,
    until: Duration,
    jumped: bool,
}

impl Send {
    /// `None` when a test stopped it at a step.
    async fn run(self, cleared: Cleared) -> Option<Sent> {
        let this = &self.of;
        let message = cleared.message().clone();
        let attempt = cleared.attempt();
        let report = |outcome| Report {
            message: message.id,
            attempt,
            ended_at: this.host.clock().now(),
            provider_status: None,
            outcome,
            trouble: None,
        };
        let unasked = |outcome| Some(Sent { message: message.clone(), report: report(outcome), asked: false });
        let later =
            |why: &str| Outcome::NotSent { why: why.into(), retry_after: Some(SignedDuration::from_secs(1)) };
        let Some(way) = this.ways.get(&message.channel).cloned() else {
            return unasked(Outcome::Refused { why: not_configured(message.channel), gone: false });
        };
        if self.jumped {
            return unasked(later("The server's clock jumped before it was sent."));
        }
        let clock = this.host.clock();
        let left = self.until.saturating_sub(clock.elapsed());
        if tokio::time::timeout(left, this.pacing.wait(self.workspace, &message)).await.is_err() {
            return unasked(later("Its turn did not come before its lease ended."));
        }
        if this.is_closing() {
            return unasked(later("The server stopped before it was sent."));
        }
        // Only now: it may have been found closed while this one waited for its turn.
        if !this.breakers.admits(&message, clock.elapsed()) {
            return unasked(later("Its destination takes nothing at the moment."));
        }
        step::reach("dispatch.writing").ok()?;
        let until = self.until;
        let mut asking = tokio::spawn(async move { way.deliver(cleared, until).await });
        let sent = match tokio::time::timeout(LONGEST_SEND, &mut asking).await {
            Ok(Ok(report)) => report,
            Ok(Err(failed)) => {
                error!(message.id = %message.id, "A channel failed: {failed}");
                report(Outcome::Unclear { why: "The channel failed while it sent.".into() })
            }
            Err(_) => {
                asking.abort();
                report(Outcome::Unclear { why: "The channel took longer than 30 s.".into() })
            }
        };
        step::reach("dispatch.answered").ok()?;
        drop(self.slot);
        Some(Sent { message, report: sent, asked: true })
    }
}

async fn ask(this: &Inner, look_up: &LookUp) -> Found {
    let cannot = |why: &str| Found::CannotTell { why: why.into() };
    let Some(way) = this.ways.get(&look_up.message().channel).cloned() else {
        return cannot("The channel is not configured any more, so nobody can ask it.");
    };
    let asked = way.look_up(look_up.message());
    tokio::time::timeout(LONGEST_SEND, asked)
        .await
        .unwrap_or_else(|_| cannot("The provider did not answer in time."))
}

/// What a person does about a channel that is not there.
fn not_configured(kind: Kind) -> String {
    let settings = match kind {
        Kind::Discord => "[discord] token",
        Kind::Email => "[mail] smtp_url and from",
        Kind::Sms => "[sms] account_sid, auth_token and from",
        Kind::Webhook | Kind::InApp | Kind::Console => {
            return format!("This server runs without the channel {kind}, so it was not sent.");
        }
    };
    format!(
        "The channel {kind} is not configured, so it was not sent. Set {settings}, restart the server, then send it \
         with milepost delivery replay."
    )
}

/// How fast, per process: a courtesy to providers, beside the caps in the database.
struct Pacing {
    kinds: BTreeMap<Kind, DefaultDirectRateLimiter>,
    destinations: DefaultKeyedRateLimiter<String>,
    workspaces: DefaultKeyedRateLimiter<WorkspaceId>,
    count: AtomicUsize,
}

fn per_second(count: u32) -> Quota {
    Quota::per_second(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))
}

impl Pacing {
    fn new() -> Self {
        // Discord's limit is 50 a second for a token.
        let kinds = [(Kind::Discord, 40), (Kind::Email, 50), (Kind::Sms, 20), (Kind::Webhook, 100)];
        Self {
            kinds: kinds.into_iter().map(|(kind, count)| (kind, RateLimiter::direct(per_second(count)))).collect(),
            destinations: RateLimiter::keyed(per_second(20)),
            workspaces: RateLimiter::keyed(per_second(50)),
            count: AtomicUsize::new(0),
        }
    }

    async fn wait(&self, workspace: WorkspaceId, m: &Message) {
        // What stays on this machine needs no courtesy.
        let Some(kind) = self.kinds.get(&m.channel) else { return };
        self.workspaces.until_key_ready(&workspace).await;
        self.destinations.until_key_ready(&m.destination).await;
        kind.until_ready().await;
        if self.count.fetch_add(1, Ordering::Relaxed) % 10_000 == 9_999 {
            self.destinations.retain_recent();
            self.workspaces.retain_recent();
        }
    }
}
