//! Runs verbs for the faces: off the async threads, with a bound on waiting, every fault logged once.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::insight::search::catch_up::catch_up;
use domain::kernel::id::{CorrelationId, WorkspaceId};
use domain::kernel::idempotency::{Answer, Key};
use domain::kernel::way::Way;
use domain::kernel::{
    Code, Credential, Cx, Db, Done, Fault, No, Principal, Randomness, Receipt, Refusal, Source, Work, cx, db,
    installation, migrate,
};
use domain::workspace::tenant::{self, Workspace};
use domain::workspace::{access, quota};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tracing::{error, info, warn};

use crate::calls::Calls;
use crate::clock::Clock;
use crate::config::Config;
use crate::jumps::Jumps;
use crate::keys::{self, Keys};
use crate::oidc::{self, Provider};
use crate::pace::Pace;
use crate::random::SystemRandomness;

/// The embedded database in its data folder.
pub const DATABASE_FILE: &str = "milepost.db";

/// For how long a call waits until it is written down that its token was used.
const NOTING: Duration = Duration::from_millis(300);

/// What a host is made of, for those who want to choose: tests, samples, benchmarks.
pub struct Parts {
    pub db: Db,
    pub clock: Clock,
    pub randomness: Box<dyn Randomness>,
    pub config: Config,
}

/// Everything that a face needs. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    parts: Parts,
    pace: Pace,
    wait: Duration,
    keys: OnceLock<Keys>,
    /// Whose access tokens are taken beside our own.
    provider: OnceLock<Result<Option<Provider>, String>>,
    jumps: Jumps,
    /// Whose turn it is to write, of what runs by itself on an embedded database.
    turns: Semaphore,
    /// Whose turn it is to write down that a token was used: while nothing can be written, one thread waits for it, not all.
    noting: Arc<Semaphore>,
    /// One more than the milliseconds of the monotonic clock when a person, or a program for one, last wrote; 0 for never.
    people_wrote: AtomicU64,
    /// Calls of tools that wait to be written down.
    calls: Calls,
    /// Counts the times that loops were told to look at once.
    pokes: watch::Sender<u64>,
    /// Counts the changes that this process made.
    commits: watch::Sender<u64>,
}

impl Host {
    /// Opens the database that the settings name (or the file in `data`) and brings it to this program's schema.
    pub fn open(config: Config, data: &Path) -> Result<Self, Fault> {
        let db = Self::database(&config, data)?;
        let applied = migrate::migrate(&db)?;
        if !applied.is_empty() {
            info!(migrations = applied.len(), "Brought the database to this version's schema");
        }
        let clock = config.clock.at.map_or_else(Clock::system, Clock::standing_at);
        let host = Self::of(Parts { db, clock, randomness: Box::new(SystemRandomness), config });
        host.index()?;
        Ok(host)
    }

    /// Makes searchable what was there before the index was: once, with the first start that has it.
    fn index(&self) -> Result<(), Fault> {
        for workspace in tenant::store::directory(self.db())? {
            let who = self.operator(workspace.id, "search", Source::System);
            match catch_up(&self.work(&who, &AtomicBool::new(false))) {
                Ok(0) => {}
                Ok(added) => info!(workspace = workspace.slug, things = added, "Made searchable what was there"),
                Err(No::Fault(fault)) => return Err(fault),
                Err(No::Refusal(no)) => return Err(Fault::Corrupt(format!("nothing was made searchable: {no}"))),
            }
        }
        Ok(())
    }

    /// The database alone, as it is: nothing is migrated.
    pub fn database(config: &Config, data: &Path) -> Result<Db, Fault> {
        let limits = db::Limits {
            connections: config.database.connections,
            wait: Duration::from_secs(config.database.wait),
        };
        match &config.database.url {
            Some(url) => Db::open_postgres(url.expose_secret(), limits),
            None => Db::open_sqlite(&data.join(DATABASE_FILE), limits),
        }
    }

    /// The database must have this program's schema.
    pub fn of(parts: Parts) -> Self {
        let limits = &parts.config.limits;
        let budgets = limits.budgets().into_values().chain([limits.changes_per_minute]);
        let pace = Pace::new(&parts.clock, limits.calls_per_minute, budgets);
        let wait = Duration::from_secs(parts.config.limits.call_timeout);
        let (keys, jumps) = (OnceLock::new(), Jumps::default());
        let (pokes, commits) = (watch::Sender::new(0), watch::Sender::new(0));
        let (turns, noting, people_wrote) = (Semaphore::new(1), Arc::new(Semaphore::new(1)), AtomicU64::new(0));
        let calls = Calls::default();
        Self(Arc::new(Inner {
            parts,
            pace,
            wait,
            keys,
            provider: OnceLock::new(),
            jumps,
            turns,
            noting,
            people_wrote,
            calls,
            pokes,
            commits,
        }))
    }

    /// Tells the loops of this process that there is something to do. Those of other processes find it by themselves.
    pub fn poke(&self) {
        self.0.pokes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes whenever somebody pokes.
    pub(crate) fn pokes(&self) -> watch::Receiver<u64> {
        self.0.pokes.subscribe()
    }

    /// Changes whenever this process changed something. What other processes change is found by looking now and then.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.0.commits.subscribe()
    }

    /// Tells whoever follows that something changed, and pokes when that left something to send or to write.
    fn told_after(&self, receipts: &[Receipt]) {
        if !receipts.is_empty() {
            self.0.commits.send_modify(|count| *count = count.wrapping_add(1));
        }
        let wakes = ["draft.begun", "message.queued", "message.rescheduled", "dispatch.resumed"];
        if receipts.iter().any(|receipt| wakes.contains(&receipt.event.as_str())) {
            self.poke();
        }
    }

    pub fn clock(&self) -> &Clock {
        &self.0.parts.clock
    }

    pub(crate) fn calls(&self) -> &Calls {
        &self.0.calls
    }

    pub(crate) fn randomness(&self) -> &dyn Randomness {
        &*self.0.parts.randomness
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.0.pace
    }

    /// What this process saw its clock do.
    pub(crate) fn jumps(&self) -> &Jumps {
        &self.0.jumps
    }

    pub fn config(&self) -> &Config {
        &self.0.parts.config
    }

    pub fn db(&self) -> &Db {
        &self.0.parts.db
    }

    /// The installation's key, made on first use when the database is embedded. From then on the database knows its id, and
    /// no process goes on with another one. The error is a sentence that says what is wrong.
    pub async fn keys(&self) -> Result<&Keys, String> {
        if self.0.keys.get().is_none() {
            self.open_keys_soon(true).await?;
        }
        self.keys_on_this_thread()
    }

    /// As [`Self::keys`]; waits for the database, the first time.
    pub fn keys_on_this_thread(&self) -> Result<&Keys, String> {
        if self.0.keys.get().is_none() {
            self.open_keys(true).map_err(|fault| self.of_fault(&fault).to_string())??;
        }
        self.0.keys.get().ok_or_else(|| "The installation's key is not open.".into())
    }

    /// Whether the key at hand is the one that the database belongs to, for whoever is about to start. A database that
    /// belongs to none yet belongs to the one at hand from now on; where there is none at hand, none is made.
    pub async fn check_keys(&self) -> Result<(), String> {
        self.open_keys_soon(false).await
    }

    async fn open_keys_soon(&self, to_use: bool) -> Result<(), String> {
        let host = self.clone();
        let opened = self.bounded(AtomicBool::new(false), move |_| Ok(host.open_keys(to_use)?)).await;
        opened.map_err(|refusal| refusal.to_string())?
    }

    /// Opens the key for this process; one that is not there yet is made only when it is to be used.
    fn open_keys(&self, to_use: bool) -> Result<Result<(), String>, Fault> {
        let known = installation::key_id(self.db())?;
        let folder = self.db().file().and_then(Path::parent);
        if known.is_none() && !to_use && !Keys::are_at_hand(self.config(), folder) {
            return Ok(Ok(()));
        }
        let opened = Keys::open(self.config(), folder, &*self.0.parts.randomness, known.as_deref());
        let (keys, origin) = match opened {
            Ok(opened) => opened,
            Err(why) => return Ok(Err(why)),
        };
        if known.is_none() {
            // Somebody else may have been first, with another key.
            let noted = installation::note_key_id(self.db(), &keys.id(), self.clock().now())?;
            if noted != keys.id() {
                return Ok(Err(keys::another(&noted, &keys, &origin)));
            }
        }
        let _ = self.0.keys.set(keys);
        Ok(Ok(()))
    }

    /// An id outside of any verb: a correlation, a new workspace.
    pub fn mint(&self) -> uuid::Uuid {
        cx::mint(self.clock().now(), 0, &*self.0.parts.randomness)
    }

    /// Runs a verb that changes something.
    pub async fn act<T, F>(&self, who: &Principal, f: F) -> Result<Done<T>, Refusal>
    where
        T: Send + 'static,
        F: FnMut(&mut Cx<'_>) -> Result<T, No> + Send + 'static,
    {
        let _turn = self.turn_to_write(who).await;
        let mut f = self.within_quota(f);
        let done = self.run(who, move |work| work.write(|cx| f(cx))).await?;
        self.told_after(&done.receipts);
        Ok(done)
    }

    /// The same verb, which counts what a program changes against its quotas, in the same transaction.
    fn within_quota<T>(
        &self,
        mut f: impl FnMut(&mut Cx<'_>) -> Result<T, No> + Send + 'static,
    ) -> impl FnMut(&mut Cx<'_>) -> Result<T, No> + Send + 'static {
        let limits = &self.config().limits;
        let most = quota::Most { changes: limits.changes_per_day, proposals: limits.proposals_per_day };
        move |cx| {
            let value = f(cx)?;
            quota::ops::take(cx, most)?;
            Ok(value)
        }
    }

    /// An embedded database has one writer. Of what runs by itself one at a time wants it, so that people wait for one such
    /// change at most.
    async fn turn_to_write(&self, who: &Principal) -> Option<SemaphorePermit<'_>> {
        if who.source != Source::System {
            let now = u64::try_from(self.clock().elapsed().as_millis()).unwrap_or(u64::MAX);
            self.0.people_wrote.store(now.saturating_add(1), Ordering::Relaxed);
            return None;
        }
        self.db().file()?;
        self.0.turns.acquire().await.ok()
    }

    /// Whether somebody changed something lately through this process, who waits while much is done beside them.
    pub(crate) fn do_people_write(&self) -> bool {
        /// Whoever works makes a change every few seconds.
        const LATELY: Duration = Duration::from_secs(5);
        let wrote = self.0.people_wrote.load(Ordering::Relaxed);
        let ago = self.clock().elapsed().saturating_sub(Duration::from_millis(wrote));
        wrote > 0 && ago <= LATELY
    }

    /// Runs a verb once for each idempotency key; a repeated call gets the first one's answer.
    pub async fn act_once<C, T, F>(
        &self,
        who: &Principal,
        key: Option<Key>,
        verb: &'static str,
        command: C,
        f: F,
    ) -> Result<Answer<T>, Refusal>
    where
        C: Serialize + Send + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnMut(&mut Cx<'_>) -> Result<T, No> + Send + 'static,
    {
        let _turn = self.turn_to_write(who).await;
        let mut f = self.within_quota(f);
        let answer = self.run(who, move |work| work.write_once(key.as_ref(), verb, &command, |cx| f(cx))).await?;
        self.told_after(&answer.receipts);
        Ok(answer)
    }

    /// Runs a verb that only looks.
    pub async fn look<T, F>(&self, who: &Principal, f: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&mut Cx<'_>) -> Result<T, No> + Send + 'static,
    {
        self.run(who, move |work| work.read(f)).await
    }

    /// Runs a verb that rehearses what would happen and keeps nothing of it.
    pub async fn rehearse<T, F>(&self, who: &Principal, f: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&Work<'_>) -> Result<T, No> + Send + 'static,
    {
        self.run(who, f).await
    }

    /// Who holds a token, counted against the token's pace.
    pub async fn authenticate(&self, token: &str, source: Source) -> Result<Principal, Refusal> {
        let (host, token) = (self.clone(), token.to_owned());
        let now = self.clock().now();
        let known = self
            .bounded(AtomicBool::new(false), move |_| access::ops::authenticate(host.db(), &token, source, now))
            .await?;
        self.admit(known).await
    }

    async fn admit(&self, known: access::ops::Recognised) -> Result<Principal, Refusal> {
        if let Some(used) = known.used {
            self.note_use(&known.principal, used).await;
        }
        self.count_call(&known.principal)?;
        Ok(known.principal)
    }

    /// Who comes to `/mcp` with this bearer token: one of ours, or an access token of the provider that the settings name.
    pub async fn authenticate_agent(&self, token: &str) -> Result<Principal, Refusal> {
        if !oidc::looks_like_one(token) {
            return self.authenticate(token, Source::Mcp).await;
        }
        let Some(provider) = self.provider()? else {
            return Err(access::ops::unknown());
        };
        let claimed = provider.verify(token).await?;
        let (host, now) = (self.clone(), self.clock().now());
        let known = self.bounded(AtomicBool::new(false), move |_| {
            access::identity::recognise(host.db(), &claimed, Source::Mcp, now)
        });
        self.admit(known.await?).await
    }

    fn provider(&self) -> Result<Option<&Provider>, Refusal> {
        let opened = self.0.provider.get_or_init(|| Provider::open(&self.config().oidc, self.clock()));
        opened.as_ref().map(Option::as_ref).map_err(|why| self.our_fault(why, false))
    }

    /// Counts a call against the pace of all that this caller asks.
    pub fn count_call(&self, who: &Principal) -> Result<(), Refusal> {
        self.0.pace.check(format!("{}/{}", who.workspace, who.holder()))
    }

    /// Counts a call of one tool against the tool's budget for this caller, where it has one: by its name, or because it
    /// changes something.
    pub fn count_tool(&self, who: &Principal, tool: &str, changes: bool) -> Result<(), Refusal> {
        let limits = &self.config().limits;
        let own =
            limits.tools.iter().find_map(|entry| crate::config::budget(entry).filter(|(name, _)| *name == tool));
        match own.map(|(_, budget)| budget).or(changes.then_some(limits.changes_per_minute)) {
            Some(budget) => self.0.pace.check_tool(&format!("{}/{}", who.workspace, who.holder()), tool, budget),
            None => Ok(()),
        }
    }

    /// Writes down that a token was used. It works while that cannot be written, and who came with it does not wait for it
    /// for long: the writing goes on without them.
    async fn note_use(&self, who: &Principal, used: Credential) {
        let (host, mut who) = (self.clone(), who.clone());
        who.standing = "access".into();
        let noting = async move {
            let Ok(turn) = host.0.noting.clone().acquire_owned().await else { return };
            let writing = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let work = host.work(&who, &AtomicBool::new(false)).write(|cx| access::ops::note_use(cx, used));
                if let Err(No::Fault(fault)) = work {
                    warn!("The last use of a token was not written down: {fault}");
                }
            });
            let _ = writing.await;
        };
        let _ = tokio::time::timeout(NOTING, noting).await;
    }

    /// The workspaces of this installation, oldest first.
    pub async fn directory(&self) -> Result<Vec<Workspace>, Refusal> {
        self.installation(tenant::store::directory).await
    }

    /// Runs work of the installation itself, which belongs to no workspace.
    pub(crate) async fn installation<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Db) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Refusal> {
        let host = self.clone();
        self.bounded(AtomicBool::new(false), move |_| Ok(f(host.db())?)).await
    }

    /// The operator of this installation in one of its workspaces.
    pub fn operator(&self, workspace: WorkspaceId, name: &str, source: Source) -> Principal {
        access::ops::operator(workspace, name, source)
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> Result<(), Refusal> {
        let host = self.clone();
        self.bounded(AtomicBool::new(false), move |_| Ok(host.db().ping()?)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        who: &Principal,
        f: impl FnOnce(&Work<'_>) -> Result<T, No> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (host, who) = (self.clone(), who.clone());
        self.bounded(AtomicBool::new(false), move |abandoned| f(&host.work(&who, abandoned))).await
    }

    /// Runs work on this thread, at an instant of the caller's choice, and waits as long as it takes. For the command
    /// line, samples and benchmarks; a face that serves others uses [`Self::act`] and [`Self::look`].
    pub fn on_this_thread<T>(
        &self,
        who: &Principal,
        now: Timestamp,
        f: impl FnOnce(&Work<'_>) -> Result<T, No>,
    ) -> Result<T, Refusal> {
        let never = AtomicBool::new(false);
        match f(&self.work_at(who, now, &never)) {
            Ok(value) => Ok(value),
            Err(No::Refusal(refusal)) => Err(*refusal),
            Err(No::Fault(fault)) => Err(self.of_fault(&fault)),
        }
    }

    fn work<'a>(&'a self, who: &'a Principal, abandoned: &'a AtomicBool) -> Work<'a> {
        self.work_at(who, self.clock().now(), abandoned)
    }

    fn work_at<'a>(&'a self, who: &'a Principal, now: Timestamp, abandoned: &'a AtomicBool) -> Work<'a> {
        let randomness = &*self.0.parts.randomness;
        // Everything that one call of a tool sets off carries the call's id.
        let correlation =
            who.call.as_ref().map_or_else(|| CorrelationId(cx::mint(now, 0, randomness)), |call| call.id);
        Work { db: self.db(), principal: who, now, randomness, correlation, abandoned }
    }

    /// Runs blocking work on a thread of its own and stops waiting for it after a while: a database that is frozen
    /// holds a thread, never the caller.
    async fn bounded<T: Send + 'static>(
        &self,
        abandoned: AtomicBool,
        f: impl FnOnce(&AtomicBool) -> Result<T, No> + Send + 'static,
    ) -> Result<T, Refusal> {
        let abandoned = Arc::new(abandoned);
        // Also when the caller goes away: the drop tells the thread.
        let told = Tell(abandoned.clone());
        let running = tokio::task::spawn_blocking(move || f(&abandoned));
        let outcome = tokio::time::timeout(self.0.wait, running).await;
        match outcome {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(No::Refusal(refusal)))) => Err(*refusal),
            Ok(Ok(Err(No::Fault(fault)))) => Err(self.of_fault(&fault)),
            Ok(Err(panic)) => Err(self.our_fault(&format!("a verb panicked: {panic}"), false)),
            Err(_) => {
                drop(told);
                error!(seconds = self.0.wait.as_secs(), "The database did not answer in time");
                Err(Way::Repeat.on_from(Refusal::new(
                    Code::Unavailable,
                    "The database did not answer in time. A change that was asked for was probably not made.",
                    "Look before you repeat it.",
                )))
            }
        }
    }

    fn of_fault(&self, fault: &Fault) -> Refusal {
        self.our_fault(&fault.to_string(), fault.is_busy())
    }

    fn our_fault(&self, what: &str, busy: bool) -> Refusal {
        let id = self.mint();
        error!(error.id = %id, "{what}");
        let sentence = if busy {
            format!("The database is busy or cannot be reached (id {id}). Nothing was changed.")
        } else {
            format!("Something went wrong on our side (id {id}). Nothing was changed.")
        };
        Refusal::new(
            Code::Unavailable,
            sentence,
            "Try again in a moment; if it stays, give the id to who runs the server.",
        )
    }
}

struct Tell(Arc<AtomicBool>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
