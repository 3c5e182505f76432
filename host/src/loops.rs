//! What runs by itself: loops that take no input, are poked or come round, and may be killed at any line.

use std::sync::Arc;
use std::time::Duration;

use domain::kernel::id::WorkspaceId;
use domain::kernel::{Cx, No, Source};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::Host;
use crate::channels::Later;

/// When a loop wants to come round again. A poke brings it sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// There may be more to do: in a second.
    Soon,
    /// Nothing was to do: in five seconds.
    Idle,
    After(Duration),
    /// There is more to do, but not before: no poke brings it sooner.
    NotBefore(Duration),
}

impl Next {
    fn wait(self) -> Duration {
        match self {
            Self::Soon => Duration::from_secs(1),
            Self::Idle => Duration::from_secs(5),
            Self::After(wait) | Self::NotBefore(wait) => wait,
        }
    }
}

/// Does something in every workspace where a look finds that there is something to do, in the product's own name. Gives what
/// came of it where it was done.
pub async fn where_needed<T: Send + 'static>(
    host: &Host,
    name: &str,
    is_needed: fn(&mut Cx<'_>) -> Result<bool, No>,
    act: fn(&mut Cx<'_>) -> Result<T, No>,
) -> Vec<(WorkspaceId, T)> {
    // A database that does not answer was logged where it was asked.
    let Ok(workspaces) = host.directory().await else { return Vec::new() };
    let mut all = Vec::new();
    for workspace in workspaces {
        let who = host.operator(workspace.id, name, Source::System);
        if !matches!(host.look(&who, is_needed).await, Ok(true)) {
            continue;
        }
        // What fails in one workspace keeps no other waiting.
        if let Ok(done) = host.act(&who, act).await {
            all.push((workspace.id, done.value));
        }
    }
    all
}

/// Work that comes round. It is safe on all replicas at once: what it does, it claims in the database first. What fails in
/// one workspace it logs, and goes on with the others.
pub trait Loop: Send + Sync {
    fn name(&self) -> &'static str;

    /// One round. Looks for what is to do, does it, and says when to come again.
    fn tick<'a>(&'a self) -> Later<'a, Next>;

    /// Ends in order: what was begun is finished or given back within `grace`.
    fn close<'a>(&'a self, _grace: Duration) -> Later<'a, ()> {
        Box::pin(async {})
    }
}

/// Loops that are under way.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    loops: Vec<Arc<dyn Loop>>,
}

/// Starts loops, each on a task of its own. Must be called on a runtime.
pub fn start(host: &Host, loops: Vec<Arc<dyn Loop>>) -> Running {
    let stop = watch::Sender::new(false);
    let mut tasks = JoinSet::new();
    for this in &loops {
        tasks.spawn(run(this.clone(), host.pokes(), stop.subscribe()));
    }
    Running { stop, tasks, loops }
}

async fn run(this: Arc<dyn Loop>, mut pokes: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow_and_update() {
        pokes.mark_unchanged();
        let round = tokio::spawn({
            let this = this.clone();
            async move { this.tick().await }
        });
        let next = round.await.unwrap_or_else(|failed| {
            error!(name = this.name(), "A loop failed, and comes round again: {failed}");
            Next::Idle
        });
        tokio::select! {
            _ = stop.changed() => {}
            _ = pokes.changed(), if !matches!(next, Next::NotBefore(_)) => {}
            () = tokio::time::sleep(next.wait()) => {}
        }
    }
}

impl Running {
    /// Lets each loop finish its round and close, for as long as `grace`.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.send_replace(true);
        let rounds = async { while self.tasks.join_next().await.is_some() {} };
        // At once: a loop whose round takes long keeps no other from closing.
        let mut closing = JoinSet::new();
        for this in self.loops {
            closing.spawn(async move { this.close(grace).await });
        }
        let closes = async { while closing.join_next().await.is_some() {} };
        let ended = tokio::time::timeout(grace, async { tokio::join!(rounds, closes) });
        if ended.await.is_err() {
            info!("Some work under way was left to its leases");
        }
    }
}
