//! The record of calls: noted while they are answered, and written down many at once, so that nobody waits for it.
//!
//! What a call changed is written down with the change (`kernel::call`); what waits here is how calls ended. It is kept while
//! the database cannot be written, up to a bound; what comes beyond is counted and said in the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::insight::calls::{Ended, ops};
use domain::kernel::id::{CorrelationId, WorkspaceId};
use domain::kernel::{Source, cx};
use tracing::{info, warn};

use crate::Host;
use crate::channels::Later;
use crate::loops::{Loop, Next};

/// Calls that wait to be written down.
pub const MOST_WAITING: usize = 16_384;
/// Calls that one transaction writes down: on an embedded database nobody else writes meanwhile.
const AT_ONCE: usize = 1_000;
/// How often what waits is written down.
const EVERY: Duration = Duration::from_millis(500);
/// When it is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How often the log says that they cannot be.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// What waits to be written down.
#[derive(Default)]
pub(crate) struct Calls {
    waiting: Mutex<Vec<Ended>>,
    /// How many were not written down, and will not be.
    lost: AtomicU64,
    /// Counts ids, so that those of one millisecond are in order.
    ids: AtomicU64,
    writing: tokio::sync::Mutex<Trouble>,
}

/// What the log was told of calls that cannot be written down.
#[derive(Default)]
struct Trouble {
    said_at: Option<Duration>,
    lost_said: u64,
}

impl Calls {
    fn waiting(&self) -> MutexGuard<'_, Vec<Ended>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts back what could not be written down, before what came since.
    fn put_back(&self, mut rest: Vec<Ended>) {
        let mut waiting = self.waiting();
        rest.append(&mut waiting);
        self.lost.fetch_add(rest.len().saturating_sub(MOST_WAITING) as u64, Ordering::Relaxed);
        rest.truncate(MOST_WAITING);
        *waiting = rest;
    }
}

impl Host {
    /// An id for a call: that of all that it changes.
    pub fn mint_call(&self) -> CorrelationId {
        // Twelve bits are what an id has for it.
        let count = self.calls().ids.fetch_add(1, Ordering::Relaxed) & 0xfff;
        CorrelationId(cx::mint(self.clock().now(), count, self.randomness()))
    }

    /// Notes how a call ended. Never waits: what there is no room for is counted as lost.
    pub fn note_call(&self, ended: Ended) {
        let mut waiting = self.calls().waiting();
        if waiting.len() < MOST_WAITING {
            waiting.push(ended);
        } else {
            self.calls().lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many calls were not written down since this process started, and will not be.
    pub fn calls_lost(&self) -> u64 {
        self.calls().lost.load(Ordering::Relaxed)
    }

    /// Writes down what waits; true when nothing waits any more of what did.
    pub async fn write_calls(&self) -> bool {
        let mut trouble = self.calls().writing.lock().await;
        let mut by_workspace: BTreeMap<WorkspaceId, Vec<Ended>> = BTreeMap::new();
        for ended in std::mem::take(&mut *self.calls().waiting()) {
            by_workspace.entry(ended.row.workspace_id).or_default().push(ended);
        }
        let mut rest = Vec::new();
        for (workspace, ended) in by_workspace {
            let who = self.operator(workspace, "calls", Source::System);
            for some in ended.chunks(AT_ONCE) {
                let rows = some.to_vec();
                if self.act(&who, move |cx| ops::write(cx, &rows)).await.is_err() {
                    // Why was logged where it failed. What fails for one workspace keeps no other waiting.
                    rest.extend_from_slice(some);
                }
            }
        }
        let all = rest.is_empty();
        let kept = rest.len();
        self.calls().put_back(rest);
        trouble.tell(self, kept);
        all
    }
}

impl Trouble {
    fn tell(&mut self, host: &Host, waiting: usize) {
        let (now, lost) = (host.clock().elapsed(), host.calls_lost());
        match (waiting > 0 || lost > self.lost_said, self.said_at) {
            (false, None) => return,
            (false, Some(_)) => {
                info!("Calls of tools are written down again");
                self.said_at = None;
                return;
            }
            (true, Some(said)) if now.saturating_sub(said) < SAID_EVERY => return,
            (true, _) => {}
        }
        warn!(waiting, lost, "Calls of tools cannot be written down; they are answered all the same");
        (self.said_at, self.lost_said) = (Some(now), lost);
    }
}

/// Writes the record of calls. Belongs to every process that answers agents.
pub struct CallWriter {
    host: Host,
}

impl CallWriter {
    pub fn new(host: &Host) -> Self {
        Self { host: host.clone() }
    }
}

impl Loop for CallWriter {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn tick<'a>(&'a self) -> Later<'a, Next> {
        Box::pin(async {
            let all = self.host.write_calls().await;
            Next::NotBefore(if all { EVERY } else { AFTER_FAILURE })
        })
    }

    /// What was noted until now is still written down.
    fn close<'a>(&'a self, grace: Duration) -> Later<'a, ()> {
        Box::pin(async move {
            if tokio::time::timeout(grace, self.host.write_calls()).await != Ok(true) {
                warn!("The last calls of tools were not written down, but for those that changed something");
            }
        })
    }
}
