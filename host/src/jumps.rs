//! Wall time against the time that passed: whether what the clock says may be acted on. One for each process, shared by
//! everything in it that acts by the clock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::deals::reminder::ops::after_clock_went_back;
use domain::delivery::outbox::ops::{clock_jumped, is_clock_in_doubt};
use domain::kernel::id::WorkspaceId;
use domain::kernel::{Cx, No, Principal, Refusal, Source};
use domain::workspace::tenant::Workspace;
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::{Clock, Host};

/// A difference of wall and monotonic time that nobody's drift explains.
const JUMP: SignedDuration = SignedDuration::from_secs(60);

#[derive(Default)]
pub(crate) struct Jumps {
    seen: Mutex<Seen>,
    /// Held while a workspace's log is told, so that each jump is told once.
    telling: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Seen {
    last: Option<(Timestamp, Duration)>,
    jumps: Vec<SignedDuration>,
    /// How many of the jumps each workspace's log knows.
    told: HashMap<WorkspaceId, usize>,
    /// Whether the first round is over: a workspace that comes later has seen none of the jumps before.
    begun: bool,
}

impl Seen {
    /// The first jump that a workspace's log does not know yet.
    fn untold(&self, workspace: WorkspaceId) -> Option<SignedDuration> {
        self.told.get(&workspace).and_then(|told| self.jumps.get(*told)).copied()
    }
}

impl Jumps {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody starts to act by the clock: what it did before is nobody's concern.
    pub fn begin(&self) {
        self.seen().last = None;
    }

    /// Notes a jump of the wall clock since the last look. After a start there is nothing to compare with.
    pub fn look(&self, clock: &Clock) {
        let mut seen = self.seen();
        let (wall, passed) = (clock.now(), clock.elapsed());
        if let Some((last_wall, last_passed)) = seen.last.replace((wall, passed)) {
            let between = SignedDuration::try_from(passed.saturating_sub(last_passed)).unwrap_or_default();
            let by = last_wall.duration_until(wall) - between;
            if by.abs() > JUMP {
                warn!(seconds = by.as_secs(), "The wall clock jumped");
                seen.jumps.push(by);
            }
        }
    }

    /// The workspaces that there are.
    pub fn meet(&self, workspaces: &[Workspace]) {
        let mut seen = self.seen();
        let known = if seen.begun { seen.jumps.len() } else { 0 };
        seen.begun = true;
        for workspace in workspaces {
            seen.told.entry(workspace.id).or_insert(known);
        }
    }

    /// Whether no jump was seen, just now included, that a workspace's log does not know yet.
    pub fn are_told(&self, clock: &Clock, workspace: WorkspaceId) -> bool {
        self.look(clock);
        self.seen().untold(workspace).is_none()
    }
}

impl Host {
    /// Writes jumps of the clock into a workspace's log, before anything is done there by the new time.
    pub(crate) async fn tell_of_jumps(&self, workspace: WorkspaceId) -> Result<(), Refusal> {
        let jumps = self.jumps();
        if jumps.are_told(self.clock(), workspace) {
            return Ok(());
        }
        let who = self.operator(workspace, "dispatch", Source::System);
        let _telling = jumps.telling.lock().await;
        loop {
            let Some(by) = jumps.seen().untold(workspace) else { return Ok(()) };
            let tell = move |cx: &mut Cx<'_>| {
                if by.is_negative() {
                    after_clock_went_back(cx)?;
                }
                clock_jumped(cx, by)
            };
            self.act(&who, tell).await?;
            if let Some(told) = jumps.seen().told.get_mut(&workspace) {
                *told += 1;
            }
        }
    }

    /// Does what the clock brings, and nothing while the clock is in doubt: when it jumped and the workspace's log does not
    /// know yet, or jumped ahead and nobody has looked at it since. What is due waits.
    pub(crate) async fn by_the_clock<T, F>(&self, who: &Principal, mut f: F) -> Result<T, Refusal>
    where
        T: Default + Send + 'static,
        F: FnMut(&mut Cx<'_>) -> Result<T, No> + Send + 'static,
    {
        let host = self.clone();
        let done = self.act(who, move |cx| {
            // The instant of this change was read before, so a jump before that is seen here.
            if !host.jumps().are_told(host.clock(), cx.workspace()) || is_clock_in_doubt(cx)? {
                return Ok(T::default());
            }
            f(cx)
        });
        Ok(done.await?.value)
    }
}
