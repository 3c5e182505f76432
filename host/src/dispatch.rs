//! The dispatcher: claims what is due, sends it, and settles what came of it.
//!
//! Every workspace has a batch of its own, and all of them share the slots in line: a workspace with much to send never
//! keeps another one waiting for longer than a slot takes. Whatever happens here, a message's fate is in the database: a
//! process that dies leaves leases, and the next claim takes over by each channel's rule.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::deals::reminder;
use domain::delivery::Message;
use domain::delivery::outbox::{Claimed, Found, LookUp, Outcome, Report, Wanted, ops, rules};
use domain::delivery::policy::Cleared;
use domain::kernel::id::WorkspaceId;
use domain::kernel::{Cx, Principal, Source, step};
use domain::people::reach::Channel as Kind;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tracing::error;

use crate::Host;
use crate::channels::{Channel, Later};
use crate::installation::Installation;
use crate::loops::{Loop, Next};
use crate::pacing::Pacing;

/// The ways out that are configured.
pub type Ways = BTreeMap<Kind, Arc<dyn Channel>>;

/// Workspaces that have all of their sends at once; the others share.
const FULL_WORKSPACES: usize = 2;
/// Webhooks at once for one workspace, and to one endpoint: how long they take is up to whoever wrote the endpoint.
const WEBHOOKS_OF_ONE: usize = 8;
const TO_ONE_ENDPOINT: usize = 4;
/// How long nothing more is taken on while something is on its way and few slots are free: a claim is to find several.
const REFILL: Duration = Duration::from_millis(250);
/// Database work of the dispatcher's at once: what people ask for comes in between.
const LOOKS: usize = 3;
/// How long a channel may take. The channels promise 30 s; this is for those that break it.
const LONGEST_SEND: Duration = Duration::from_secs(33);
/// How long a report is kept for a database that does not answer.
const LONGEST_SETTLING: Duration = Duration::from_secs(600);
/// How often a workspace is looked at for messages that wait for a provider in lasting trouble.
const LASTING_EVERY: Duration = Duration::from_secs(60);

/// Sends at once for one workspace. What PostgreSQL takes for a transaction counts more than what is in it; on an embedded
/// database people wait for each transaction, so it does less.
pub fn slots_of_one(host: &Host) -> usize {
    if host.db().is_postgres() { 32 } else { 16 }
}

/// Of so many slots, those that no channel takes when others have something to send.
fn kept_free(slots: usize) -> usize {
    slots / 4
}

#[derive(Clone)]
pub struct Dispatcher(Arc<Inner>);

struct Inner {
    host: Host,
    ways: Ways,
    slots: Arc<Semaphore>,
    looks: Semaphore,
    installation: Installation,
    pacing: Pacing,
    /// When each workspace was last told of lasting trouble.
    told: Mutex<HashMap<WorkspaceId, Duration>>,
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
            slots: Arc::new(Semaphore::new(FULL_WORKSPACES * slots_of_one(host))),
            looks: Semaphore::new(LOOKS),
            installation: Installation::new(host),
            pacing: Pacing::new(),
            told: Mutex::default(),
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
            self.0.installation.leave().await;
        })
    }
}

impl Inner {
    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}

/// What is on its way for one workspace.
#[derive(Default)]
struct Flying {
    landing: JoinSet<Landed>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Default)]
struct Counts {
    channels: BTreeMap<Kind, usize>,
    /// Webhooks, by their destinations.
    endpoints: HashMap<String, usize>,
}

enum Landed {
    /// `None` when a test stopped it at a step.
    Sent(Option<Sent>),
    Found(LookUp, Found),
}

impl Flying {
    /// Counts a message until what this gives is dropped.
    fn count(&self, m: &Message) -> Counted {
        let endpoint = (m.channel == Kind::Webhook).then(|| m.destination.clone());
        let mut counts = lock(&self.counts);
        *counts.channels.entry(m.channel).or_default() += 1;
        if let Some(endpoint) = &endpoint {
            *counts.endpoints.entry(endpoint.clone()).or_default() += 1;
        }
        Counted { all: self.counts.clone(), channel: m.channel, endpoint }
    }

    /// Leaves slots to others than endpoints that take their time, and than the messages of one channel that wait for its
    /// pace.
    fn restrict(&self, wanted: &mut Wanted, slots: usize) {
        let counts = lock(&self.counts);
        // What is shown in the product takes no slot.
        for kind in Kind::ALL.iter().copied().filter(|kind| *kind != Kind::InApp) {
            let most = if kind == Kind::Webhook { WEBHOOKS_OF_ONE } else { slots - kept_free(slots) };
            match most.saturating_sub(counts.channels.get(&kind).copied().unwrap_or_default()) {
                0 => wanted.no_channels.push(kind),
                room => drop(wanted.rooms.insert(kind, room)),
            }
        }
        wanted.endpoint_room = TO_ONE_ENDPOINT;
        let full = counts.endpoints.iter().filter(|(_, count)| **count >= TO_ONE_ENDPOINT);
        wanted.no_destinations.extend(full.map(|(destination, _)| destination.clone()));
    }
}

/// One message on its way.
struct Counted {
    all: Arc<Mutex<Counts>>,
    channel: Kind,
    endpoint: Option<String>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut all = lock(&self.all);
        if let Some(count) = all.channels.get_mut(&self.channel) {
            *count -= 1;
        }
        if let Some(endpoint) = &self.endpoint
            && let Some(count) = all.endpoints.get_mut(endpoint)
        {
            *count -= 1;
            if *count == 0 {
                all.endpoints.remove(endpoint);
            }
        }
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

    /// Sends what is due, slot by slot, until nothing is due and nothing is on its way. A database that does not answer
    /// ends the turn.
    async fn run(&self) {
        let who = self.who();
        let mut flying = Flying::default();
        loop {
            let begun = !self.of.is_closing() && self.begin(&who, &mut flying).await.is_some();
            if flying.landing.is_empty() {
                if !begun {
                    return;
                }
            } else {
                self.land(&who, &mut flying).await;
            }
        }
    }

    /// Takes on what is due, as far as there are slots. `None` when there is nothing, or no way to know.
    async fn begin(&self, who: &Principal, flying: &mut Flying) -> Option<()> {
        let this = &self.of;
        self.mend_at_first(who).await?;
        this.host.tell_of_jumps(self.workspace).await.ok()?;
        let due = {
            let _look = this.looks.acquire().await;
            this.host.look(who, ops::is_anything_due).await
        };
        if !matches!(due, Ok(true)) {
            return None;
        }
        self.tell_of_trouble(who).await;
        let wanted = self.wanted(who, flying).await?;
        let slots = self.slots(flying.landing.len()).await?;
        let started = this.host.clock().elapsed();
        let now = this.host.clock().now();
        let claimed = {
            let _look = this.looks.acquire().await;
            let wanted = Wanted { limit: slots.len(), ..wanted };
            this.host.act(who, move |cx| ops::claim(cx, &wanted)).await
        };
        let claimed = claimed.ok()?.value;
        if claimed.is_empty() || step::reach("dispatch.claimed").is_err() {
            return None;
        }
        if claimed.cleared.iter().any(|cleared| cleared.message().channel != Kind::Console) {
            let _look = this.looks.acquire().await;
            this.installation.look().await;
        }
        self.send(claimed, slots, flying, (started, now));
        Some(())
    }

    /// What can be taken on beside what is on its way; `None` when nothing of it is due. A look before the claim, which would
    /// keep people waiting on an embedded database.
    async fn wanted(&self, who: &Principal, flying: &Flying) -> Option<Wanted> {
        let this = &self.of;
        let _look = this.looks.acquire().await;
        let mut wanted = this.installation.wanted(0).await;
        flying.restrict(&mut wanted, slots_of_one(&this.host));
        if wanted.no_channels.is_empty() && wanted.no_destinations.is_empty() {
            return Some(wanted);
        }
        let asked = wanted.clone();
        let due = this.host.look(who, move |cx| ops::is_anything_wanted_due(cx, &asked)).await;
        matches!(due, Ok(true)).then_some(wanted)
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

    /// Tells those who look after deliveries what their messages wait for, when it lasts.
    async fn tell_of_trouble(&self, who: &Principal) {
        let this = &self.of;
        let lasting = this.installation.lasting();
        let now = this.host.clock().elapsed();
        let lately = lock(&this.told).get(&self.workspace).is_some_and(|at| now < *at + LASTING_EVERY);
        if lasting.is_empty() || lately {
            return;
        }
        // What cannot be told now is told with a later look.
        if this.host.act(who, move |cx| ops::tell_of_trouble(cx, &lasting)).await.is_ok() {
            lock(&this.told).insert(self.workspace, now);
        }
    }

    /// At least one slot, at most as many as one workspace may have. While something is on its way nothing is waited for.
    async fn slots(&self, flying: usize) -> Option<Vec<OwnedSemaphorePermit>> {
        let (all, most) = (&self.of.slots, slots_of_one(&self.of.host));
        let mut slots = Vec::new();
        if flying == 0 {
            slots.push(all.clone().acquire_owned().await.ok()?);
        }
        while flying + slots.len() < most
            && let Ok(slot) = all.clone().try_acquire_owned()
        {
            slots.push(slot);
        }
        Some(slots).filter(|slots| !slots.is_empty())
    }

    /// Puts on its way what was claimed at this moment and instant.
    fn send(
        &self,
        claimed: Claimed,
        mut slots: Vec<OwnedSemaphorePermit>,
        flying: &mut Flying,
        (started, now): (Duration, Timestamp),
    ) {
        let this = &self.of;
        // A clock that jumped while we claimed may have made things due that are not.
        let jumped = !this.host.jumps().are_told(this.host.clock(), self.workspace);
        for cleared in claimed.cleared {
            let left = rules::time_to_write(cleared.message(), now);
            let until = started + Duration::try_from(left).unwrap_or(Duration::ZERO);
            let counted = flying.count(cleared.message());
            let send = Send { of: this.clone(), workspace: self.workspace, slot: slots.pop(), until, jumped };
            flying.landing.spawn(async move {
                let sent = send.run(cleared).await;
                drop(counted);
                Landed::Sent(sent)
            });
        }
        for look_up in claimed.look_ups {
            let (this, slot) = (this.clone(), slots.pop());
            flying.landing.spawn(async move {
                let found = ask(&this, &look_up).await;
                drop(slot);
                Landed::Found(look_up, found)
            });
        }
    }

    /// Waits for what is on its way, and writes what ends as soon as it does. After a while there is something else to do: who
    /// takes longer is not waited for. When many have ended it is sooner, unless people write meanwhile: they go first.
    async fn land(&self, who: &Principal, flying: &mut Flying) {
        let enough = tokio::time::sleep(REFILL);
        tokio::pin!(enough);
        let host = &self.of.host;
        let many = if host.do_people_write() { usize::MAX } else { kept_free(slots_of_one(host)) };
        let still = flying.landing.len().saturating_sub(many);
        while flying.landing.len() > still {
            let mut ended = tokio::select! {
                biased;
                Some(first) = flying.landing.join_next() => vec![first],
                () = &mut enough => return,
            };
            while let Some(more) = flying.landing.try_join_next() {
                ended.push(more);
            }
            self.write(who, ended).await;
        }
    }

    async fn write(&self, who: &Principal, ended: Vec<Result<Landed, JoinError>>) {
        let this = &self.of;
        let (mut settling, mut answers) = (Vec::new(), Vec::new());
        for landed in ended {
            match landed {
                Ok(Landed::Sent(Some(sent))) => {
                    if sent.asked {
                        this.installation.note(&sent.message, &sent.report);
                    }
                    settling.push(sent.report);
                }
                Ok(Landed::Found(look_up, found)) => answers.push((look_up, found)),
                // A test stopped it at a named step; or it panicked beside the channel, which only a bug can.
                Ok(Landed::Sent(None)) => {}
                Err(failed) => error!("A send failed; its message is left to its lease: {failed}"),
            }
        }
        if !settling.is_empty() {
            // First: once it is settled, the next one for the same destination may be claimed anywhere.
            this.installation.tell().await;
            self.settle(who, settling).await;
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
        let turn = this.pacing.wait(self.workspace, &message, this.installation.dispatchers());
        if tokio::time::timeout(left, turn).await.is_err() {
            return unasked(later("Its turn did not come before its lease ended."));
        }
        if this.is_closing() {
            return unasked(later("The server stopped before it was sent."));
        }
        // Only now: it may have been found closed while this one waited for its turn.
        if !this.installation.admits(&message).await {
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
