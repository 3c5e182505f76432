//! The clock's round: looks in every workspace for what is due by now, plans it, and sends digests.

use std::sync::Arc;
use std::time::Duration;

use domain::deals::reminder::glance::sections;
use domain::deals::reminder::ops::attend;
use domain::deals::reminder::team_digest::team_digest;
use domain::delivery::notify::ops::digests;
use domain::insight::calls::ops as calls;
use domain::kernel::id::WorkspaceId;
use domain::kernel::{Principal, Source};
use domain::people::chat::pending;
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinSet};
use tracing::{info, warn};

use crate::Host;
use crate::channels::Later;
use crate::loops::{Loop, Next};

/// Milestones whose time has come that one transaction looks at.
pub const AT_ONCE: usize = 512;

/// The same while people write: on an embedded database each of them waits until such a transaction is over, and beside
/// PostgreSQL for the processors that it takes.
const AT_ONCE_AMONG_PEOPLE: usize = 16;

/// Transactions for one workspace before the others have their turn, and while people write.
const IN_A_ROW: usize = 8;
const IN_A_ROW_AMONG_PEOPLE: usize = 4;

/// When it comes round again while there is more to do.
const AGAIN: Duration = Duration::from_millis(50);

/// While people write, an embedded database is left to them for so long for each message that was planned: some fifty times
/// as long as that took.
const BREATH: Duration = Duration::from_millis(30);
const LONGEST_BREATH: Duration = Duration::from_secs(2);

/// Workspaces that are swept at the same time.
const SIDE_BY_SIDE: usize = 4;

/// Transactions that forget calls of tools, in one workspace and minute, and how often it is asked how many there are.
const FORGETS_IN_A_ROW: usize = 20;
const CALLS_COUNTED_EVERY_MINUTES: i64 = 60;

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

    /// One round over all workspaces. Gives when there may be more to do: `Idle` when nothing was.
    pub async fn tick(&self) -> Next {
        let minute = self.host.clock().now().as_second().div_euclid(DIGESTS_EVERY_SECONDS);
        let new_minute = {
            let mut last = self.digested.lock().await;
            (last.replace(minute) != Some(minute)).then_some(minute)
        };
        // A database that does not answer was logged where it was asked.
        let Ok(workspaces) = self.host.directory().await else { return Next::Idle };
        self.host.jumps().look(self.host.clock());
        self.host.jumps().meet(&workspaces);
        // While people write, a little for each workspace, and then a pause.
        let among_people = self.host.do_people_write();
        let one_writer = self.host.db().file().is_some();
        let (at_once, in_a_row) = match (among_people, one_writer) {
            (false, _) => (AT_ONCE, IN_A_ROW),
            (true, false) => (AT_ONCE_AMONG_PEOPLE, IN_A_ROW_AMONG_PEOPLE),
            (true, true) => (AT_ONCE_AMONG_PEOPLE, 1),
        };
        let mut done = Done::default();
        let mut rounds: JoinSet<Done> = JoinSet::new();
        for workspace in workspaces {
            if rounds.len() >= SIDE_BY_SIDE {
                done.add(rounds.join_next().await);
            }
            let host = self.host.clone();
            rounds.spawn(async move { sweep(&host, workspace.id, (at_once, in_a_row), new_minute).await });
        }
        while let Some(round) = rounds.join_next().await {
            done.add(Some(round));
        }
        match (done.more, among_people && one_writer) {
            (false, _) => Next::Idle,
            (true, false) => Next::After(AGAIN),
            (true, true) => {
                let breath = BREATH.saturating_mul(u32::try_from(done.planned).unwrap_or(u32::MAX));
                Next::NotBefore(breath.clamp(AGAIN, LONGEST_BREATH))
            }
        }
    }
}

/// What a round did.
#[derive(Default)]
struct Done {
    planned: usize,
    more: bool,
}

impl Done {
    fn add(&mut self, round: Option<Result<Self, JoinError>>) {
        match round {
            None => {}
            Some(Ok(round)) => {
                self.planned += round.planned;
                self.more |= round.more;
            }
            Some(Err(failed)) => warn!("The sweep of a workspace failed and comes round again: {failed}"),
        }
    }
}

/// One workspace. What fails was logged where it failed; it is done with the next round.
async fn sweep(
    host: &Host,
    workspace: WorkspaceId,
    (at_once, in_a_row): (usize, usize),
    new_minute: Option<i64>,
) -> Done {
    let who = clock(host, workspace);
    let mut planned = 0;
    let mut more = false;
    for _ in 0..in_a_row {
        if host.tell_of_jumps(workspace).await.is_err() {
            break;
        }
        let Ok(done) = host.by_the_clock(&who, move |cx| attend(cx, at_once)).await else { break };
        planned += done.messages;
        more = done.deals > 0;
        if !more {
            break;
        }
    }
    if new_minute.is_some() {
        match host.by_the_clock(&who, |cx| digests(cx, &mut sections)).await {
            Ok(done) => planned += done,
            Err(refusal) => warn!(workspace = %workspace, "No digests were sent: {}", refusal.sentence),
        }
        match host.by_the_clock(&who, team_digest).await {
            Ok(done) => planned += done,
            Err(refusal) => warn!(workspace = %workspace, "The team's digest was not sent: {}", refusal.sentence),
        }
        if matches!(host.look(&who, pending::is_any_old).await, Ok(true)) {
            // What is left is looked at again in a minute.
            let _ = host.act(&who, pending::drop_old).await;
        }
    }
    if let Some(minute) = new_minute {
        forget_calls(host, &who, minute).await;
    }
    if planned > 0 {
        info!(workspace = %workspace, messages = planned, "Planned what is due");
    }
    Done { planned, more }
}

/// Forgets which tools were called long ago, and of calls that changed nothing those beyond the most that are kept. A clock in
/// doubt forgets nothing.
async fn forget_calls(host: &Host, who: &Principal, minute: i64) {
    let days = host.config().limits.keep_calls_days;
    if matches!(host.look(who, move |cx| calls::is_any_old(cx, days)).await, Ok(true)) {
        for _ in 0..FORGETS_IN_A_ROW {
            if !matches!(host.by_the_clock(who, move |cx| calls::drop_old(cx, days)).await, Ok(true)) {
                break;
            }
        }
    }
    if minute % CALLS_COUNTED_EVERY_MINUTES != 0 {
        return;
    }
    let Ok(Some(last)) = host.look(who, |cx| calls::beyond(cx, calls::MOST_KEPT)).await else { return };
    for _ in 0..FORGETS_IN_A_ROW {
        if !matches!(host.by_the_clock(who, move |cx| calls::drop_beyond(cx, last)).await, Ok(true)) {
            break;
        }
    }
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
        Box::pin(Sweep::tick(self))
    }
}
