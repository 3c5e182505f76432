//! Leaving alone what does not answer: a destination, or a whole provider. Per process; each replica learns by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::delivery::Message;
use domain::delivery::outbox::{Outcome, Report, Trouble, Wanted};
use domain::people::reach::Channel;
use tracing::{info, warn};

/// For how long it is left alone at first. Doubles with every probe that fails.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3_600);
/// For how long a probe may be under way before another one is sent.
const PROBE: Duration = Duration::from_secs(60);
/// Without a word of the server's how long, what told us to slow down is left alone for this long.
const SLOW_DOWN: Duration = Duration::from_secs(5);
const FAILURES_OF_DESTINATION: u32 = 5;
const FAILURES_OF_PROVIDER: u32 = 10;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Provider(Channel),
    Destination(String),
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    /// Nothing is sent before this moment of the monotonic clock.
    closed_until: Option<Duration>,
    /// How long it was closed the last time, when that was for a failure.
    last: Option<Duration>,
}

#[derive(Default)]
pub struct Breakers(Mutex<HashMap<Key, State>>);

impl Breakers {
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<Key, State>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What may be claimed at this moment.
    pub fn wanted(&self, limit: usize, now: Duration) -> Wanted {
        let mut wanted = Wanted::up_to(limit);
        self.with(|known| {
            for (key, state) in known.iter() {
                let Some(until) = state.closed_until else { continue };
                match (key, now < until) {
                    (Key::Provider(channel), true) => wanted.no_channels.push(*channel),
                    (Key::Destination(destination), true) => wanted.no_destinations.push(destination.clone()),
                    (Key::Provider(channel), false) => wanted.one_of_channel.push(*channel),
                    (Key::Destination(destination), false) => wanted.one_of_destination.push(destination.clone()),
                }
            }
        });
        wanted
    }

    /// Whether this message may be written. When it is a probe, others wait for what comes of it.
    pub fn admits(&self, m: &Message, now: Duration) -> bool {
        let keys = [Key::Provider(m.channel), Key::Destination(m.destination.clone())];
        self.with(|known| {
            let closed =
                |key: &Key| known.get(key).and_then(|state| state.closed_until).is_some_and(|at| now < at);
            if keys.iter().any(closed) {
                return false;
            }
            for key in &keys {
                if let Some(state) = known.get_mut(key).filter(|state| state.closed_until.is_some()) {
                    state.closed_until = Some(now + PROBE);
                }
            }
            true
        })
    }

    /// Learns from what came of asking the provider.
    pub fn note(&self, m: &Message, report: &Report, now: Duration) {
        let provider = Key::Provider(m.channel);
        let destination = Key::Destination(m.destination.clone());
        let asked = match &report.outcome {
            Outcome::NotSent { retry_after, .. } => retry_after.filter(jiff::SignedDuration::is_positive),
            _ => None,
        };
        let asked = asked.and_then(|wait| Duration::try_from(wait).ok());
        self.with(|known| match (report.trouble, &report.outcome) {
            (Some(Trouble::Provider), _) => close(known, provider, asked, now),
            (Some(Trouble::Destination), _) | (None, Outcome::Refused { gone: true, .. }) => {
                known.remove(&provider);
                close(known, destination, asked, now);
            }
            (None, Outcome::NotSent { .. }) if asked.is_some() || report.provider_status == Some(429) => {
                // It answers, and wants us to wait: one request for each of its waits.
                known.remove(&provider);
                let state = known.entry(destination).or_default();
                state.closed_until = Some(now + asked.unwrap_or(SLOW_DOWN).min(24 * LONGEST));
            }
            (None, Outcome::NotSent { .. } | Outcome::Unclear { .. }) => {
                fail(known, destination, FAILURES_OF_DESTINATION, now);
                // Webhooks have no provider in common.
                if m.channel != Channel::Webhook {
                    fail(known, provider, FAILURES_OF_PROVIDER, now);
                }
            }
            // A number that wants nothing says nothing of those beside it.
            (Some(Trouble::OptedOut), _) | (None, Outcome::Accepted { .. } | Outcome::Refused { .. }) => {
                for key in [provider, destination] {
                    if known.remove(&key).is_some_and(|state| state.last.is_some()) {
                        info!(what = ?key, "Answers again");
                    }
                }
            }
        });
    }
}

fn fail(known: &mut HashMap<Key, State>, key: Key, most: u32, now: Duration) {
    let state = known.entry(key.clone()).or_default();
    state.failures += 1;
    // Of one that was closed before, the first failure says that it is not over.
    if state.failures >= most || state.last.is_some() {
        close(known, key, None, now);
    }
}

fn close(known: &mut HashMap<Key, State>, key: Key, asked: Option<Duration>, now: Duration) {
    let state = known.entry(key.clone()).or_default();
    let wait = state.last.map_or(FIRST, |last| (last * 2).min(LONGEST));
    let wait = asked.map_or(wait, |asked| asked.max(wait));
    warn!(what = ?key, seconds = wait.as_secs(), "Left alone for a while, because it takes nothing from us");
    *state = State { failures: 0, closed_until: Some(now + wait), last: Some(wait.min(LONGEST)) };
}
