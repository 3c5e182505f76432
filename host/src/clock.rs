//! The only place that asks what time it is.
#![allow(clippy::disallowed_methods, reason = "this is the one place")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Wall and monotonic time, from the system or from a hand that moves only when told.
#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    System(Instant),
    Hand(Arc<Mutex<(Timestamp, Duration)>>),
}

impl Clock {
    pub fn system() -> Self {
        Self(Kind::System(Instant::now()))
    }

    /// A clock that stands still until [`Self::advance`] or [`Self::set`] moves it.
    pub fn standing_at(at: Timestamp) -> Self {
        Self(Kind::Hand(Arc::new(Mutex::new((at, Duration::ZERO)))))
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System(_) => Timestamp::now(),
            Kind::Hand(hand) => hand.lock().unwrap_or_else(PoisonError::into_inner).0,
        }
    }

    /// Time since this clock was made. Never goes back, whatever happens to the wall clock.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Kind::System(start) => start.elapsed(),
            Kind::Hand(hand) => hand.lock().unwrap_or_else(PoisonError::into_inner).1,
        }
    }

    /// Moves both times on. No effect on the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Kind::Hand(hand) = &self.0 {
            let mut hand = hand.lock().unwrap_or_else(PoisonError::into_inner);
            hand.0 += SignedDuration::try_from(by).unwrap_or(SignedDuration::ZERO);
            hand.1 += by;
        }
    }

    /// Sets the wall time, as somebody who corrects it does. No effect on the system's clock.
    pub fn set(&self, at: Timestamp) {
        if let Kind::Hand(hand) = &self.0 {
            hand.lock().unwrap_or_else(PoisonError::into_inner).0 = at;
        }
    }
}
