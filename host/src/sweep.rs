//! The clock's round: looks in every workspace for what is due by now, plans it, and sends digests.

use std::sync::Arc;
use std::time::Duration;

use domain::deals::reminder::glance::sections;
use domain::deals::reminder::ops::attend;
use domain::delivery::notify::ops::digests;
use domain::kernel::id::WorkspaceId;
use domain::kernel::{Principal, Source};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::Host;
use crate::channels::Later;
use crate::loops::{Loop, Next};

/// Milestones whose time has come that one transaction looks at: few, because whoever else wants to write waits for it.
pub const AT_ONCE: usize = 16;

/// Transactions for one workspace before the others have their turn.
const IN_A_ROW: usize = 16;

/// When it comes round again while there is more to do.
pub const AGAIN: Duration = Duration::from_millis(50);

/// While people write, an embedded database is left to them for so long for each message that was planned: some twenty times
/// as long as planning it took.
const BREATH: Duration = Duration::from_millis(20);
const LONGEST_BREATH: Duration = Duration::from_secs(2);

/// Workspaces that are swept at the same time, where there is more than one writer.
const SIDE_BY_SIDE: usize = 4;

/// Digests come at whole minutes; looking for them more often finds nothing.
const DIGESTS_EVERY_SECONDS: i64 = 60;

/// Plans reminders, overdue notices, escalations and digests. Safe on all replicas at once.
pub struct Sweep {
    host: Host,
    digested: Arc<Mutex<Option<i64>>>,
}

impl Sweep {
    pub fn new(host: &Host) -> Self {
        Self { host: host.clone(), digested: Arc::default() }
    }

    /// One round over all workspaces. Gives whether there may be more to do now.
    pub async fn tick(&self) -> bool {
        let minute = self.host.clock().now().as_second().div_euclid(DIGESTS_EVERY_SECONDS);
        let with_digests = {
            let mut last = self.digested.lock().await;
            last.replace(minute) != Some(minute)
        };
        // A database that does not answer was logged where it was asked.
        let Ok(workspaces) = self.host.directory().await else { return false };
        self.host.jumps().look(self.host.clock());
        self.host.jumps().meet(&workspaces);
        let mut more = false;
        let mut rounds: JoinSet<bool> = JoinSet::new();
        let side_by_side = if self.host.db().file().is_some() { 1 } else { SIDE_BY_SIDE };
        for workspace in workspaces {
            if rounds.len() >= side_by_side {
                more |= ended(rounds.join_next().await);
            }
            let host = self.host.clone();
            rounds.spawn(async move { sweep(&host, workspace.id, with_digests).await });
        }
        while let Some(round) = rounds.join_next().await {
            more |= ended(Some(round));
        }
        more
    }
}

fn ended(round: Option<Result<bool, tokio::task::JoinError>>) -> bool {
    match round {
        None => false,
        Some(Ok(more)) => more,
        Some(Err(failed)) => {
            warn!("The sweep of a workspace failed and comes round again: {failed}");
            false
        }
    }
}

/// One workspace. What fails was logged where it failed; it is done with the next round.
async fn sweep(host: &Host, workspace: WorkspaceId, with_digests: bool) -> bool {
    let who = clock(host, workspace);
    let mut planned = 0;
    let mut more = false;
    for _ in 0..IN_A_ROW {
        if host.tell_of_jumps(workspace).await.is_err() {
            break;
        }
        let Ok(done) = host.by_the_clock(&who, |cx| attend(cx, AT_ONCE)).await else { break };
        planned += done.messages;
        more = done.deals > 0;
        if !more {
            break;
        }
        if host.do_people_wait_for_writers() {
            let breath = BREATH.saturating_mul(u32::try_from(done.messages).unwrap_or(u32::MAX));
            tokio::time::sleep(breath.min(LONGEST_BREATH)).await;
        }
    }
    if with_digests {
        match host.by_the_clock(&who, |cx| digests(cx, &mut sections)).await {
            Ok(done) => planned += done,
            Err(refusal) => warn!(workspace = %workspace, "No digests were sent: {}", refusal.sentence),
        }
    }
    if planned > 0 {
        info!(workspace = %workspace, messages = planned, "Planned what is due");
    }
    more
}

/// The product itself, in the name of its clock.
fn clock(host: &Host, workspace: WorkspaceId) -> Principal {
    host.operator(workspace, "clock", Source::System)
}

impl Loop for Sweep {
    fn name(&self) -> &'static str {
        "sweep"
    }

    fn tick<'a>(&'a self) -> Later<'a, Next> {
        Box::pin(async { if self.tick().await { Next::After(AGAIN) } else { Next::Idle } })
    }
}
