//! What a dispatcher shares with those of other processes: what is left alone, and how many of them send.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::delivery::Message;
use domain::delivery::outbox::{Report, Wanted};
use domain::delivery::trouble::{What, ops, rules};
use domain::kernel::id::DispatcherId;
use jiff::{SignedDuration, Timestamp};

use crate::Host;
use crate::breaker::{Admitted, Breakers, PROBE};

/// How old may be what is known before something is claimed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// More are not counted.
const MOST_DISPATCHERS: u32 = 64;

pub struct Installation {
    host: Host,
    id: DispatcherId,
    breakers: Breakers,
    live: AtomicU32,
    times: Mutex<Times>,
}

/// By the monotonic clock.
#[derive(Clone, Copy, Default)]
struct Times {
    looked: Option<Duration>,
    attended: Option<Duration>,
}

impl Installation {
    pub fn new(host: &Host) -> Self {
        Self {
            host: host.clone(),
            id: DispatcherId(host.mint()),
            breakers: Breakers::default(),
            live: AtomicU32::new(1),
            times: Mutex::default(),
        }
    }

    /// How many processes send, this one among them.
    pub fn dispatchers(&self) -> u32 {
        self.live.load(Ordering::Relaxed)
    }

    /// Says that this process sends, and what may be claimed now. A database that does not answer was logged where it was
    /// asked; until it answers, what this process knows holds.
    pub async fn wanted(&self, limit: usize) -> Wanted {
        let now = self.host.clock().elapsed();
        let times = self.times(|times| *times);
        let every = Duration::try_from(rules::SAYS_SO).unwrap_or_default();
        if times.attended.is_none_or(|at| now.saturating_sub(at) >= every) {
            let (id, wall) = (self.id, self.host.clock().now());
            if self.host.installation(move |db| ops::attend(db, id, wall)).await.is_ok() {
                self.times(|times| times.attended = Some(now));
            }
        }
        if times.looked.is_none_or(|at| now.saturating_sub(at) >= LOOK_EVERY) {
            self.look().await;
        }
        self.breakers.wanted(limit, self.host.clock().elapsed())
    }

    /// What has not answered for long, and since when.
    pub fn lasting(&self) -> Vec<(What, Timestamp)> {
        self.breakers.lasting(self.host.clock().now())
    }

    /// Learns what the others know by now. Whoever has claimed something looks once more: what was in flight before may
    /// have found its destination closed, and was settled only after that was told.
    pub async fn look(&self) {
        self.tell().await;
        let mark = self.breakers.mark();
        let (now, wall) = (self.host.clock().elapsed(), self.host.clock().now());
        let Ok(standing) = self.host.installation(move |db| ops::look(db, wall)).await else { return };
        let live = u32::try_from(standing.dispatchers).unwrap_or(MOST_DISPATCHERS);
        self.live.store(live.clamp(1, MOST_DISPATCHERS), Ordering::Relaxed);
        if self.breakers.learn(mark, &standing.holds, now, wall) {
            self.times(|times| times.looked = Some(now));
        }
    }

    /// Whether this message may be written. Of all processes one asks whether a trouble is over.
    pub async fn admits(&self, m: &Message) -> bool {
        let clock = self.host.clock();
        match self.breakers.admits(m, clock.elapsed()) {
            Admitted::Yes => true,
            Admitted::No => false,
            Admitted::AsProbe(holds) => {
                let (wall, asked) = (clock.now(), holds.clone());
                let wait = SignedDuration::try_from(PROBE).unwrap_or_default();
                let ours = self.host.installation(move |db| ops::probe(db, &asked, wait, wall)).await;
                if !matches!(ours, Ok(true)) {
                    self.times(|times| times.looked = None);
                    return false;
                }
                self.breakers.probing(m, &holds, clock.elapsed());
                true
            }
        }
    }

    /// Learns from what came of asking a provider. To be told before it is settled.
    pub fn note(&self, m: &Message, report: &Report) {
        self.breakers.note(m, report, self.host.clock().elapsed());
    }

    /// Tells the others what this process learned. What cannot be told now is told with the next look.
    pub async fn tell(&self) {
        let changes = self.breakers.to_tell(self.host.clock().elapsed());
        if changes.is_empty() {
            return;
        }
        let (wall, these) = (self.host.clock().now(), changes.clone());
        if self.host.installation(move |db| ops::tell(db, &these, wall)).await.is_err() {
            self.breakers.untold(&changes);
        } else {
            // By now it has another version than this process knows.
            self.times(|times| times.looked = None);
        }
    }

    /// Says that this process sends no more.
    pub async fn leave(&self) {
        let id = self.id;
        if self.times(|times| times.attended.take()).is_some() {
            // When it cannot be said, it is not counted for much longer.
            let _ = self.host.installation(move |db| ops::leave(db, id)).await;
        }
    }

    fn times<T>(&self, f: impl FnOnce(&mut Times) -> T) -> T {
        f(&mut self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
