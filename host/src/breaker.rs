//! Leaving alone what does not answer: a destination, or a whole provider.
//!
//! What is closed is known to the whole installation ([`domain::delivery::trouble`]); here stands what this process knows
//! of it, and what it has learned and not yet told. How often something failed in a row before it is closed, each process
//! counts by itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::delivery::Message;
use domain::delivery::outbox::{Outcome, Report, Trouble, Wanted};
use domain::delivery::trouble::{Change, Hold, What, rules};
use domain::kernel::id::MessageId;
use domain::people::reach::Channel;
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

/// For how long it is left alone at first. Doubles with every probe that fails.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3_600);
/// For how long a probe may be under way before another one is sent.
pub const PROBE: Duration = Duration::from_secs(60);
/// Without a word of the server's how long, what told us to slow down is left alone for this long.
const SLOW_DOWN: Duration = Duration::from_secs(5);
const FAILURES_OF_DESTINATION: u32 = 5;
const FAILURES_OF_PROVIDER: u32 = 10;
/// Of so much lasting trouble people are told at a time.
const MOST_LASTING: usize = 50;

#[derive(Clone, Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    /// Nothing is sent before this moment of the monotonic clock.
    closed_until: Option<Duration>,
    /// How long it was closed the last time, when that was for a failure.
    last: Option<Duration>,
    /// The message that asks whether it is over.
    probe: Option<MessageId>,
    /// Since when it has not answered, as the installation has it.
    since: Option<Timestamp>,
    /// As the installation has it; `None` while only this process knows of it.
    version: Option<i64>,
}

impl State {
    fn is_closed(&self, now: Duration) -> bool {
        self.closed_until.is_some_and(|until| now < until)
    }
}

/// Whether a message may be written now.
#[derive(Debug, PartialEq, Eq)]
pub enum Admitted {
    Yes,
    No,
    /// When this process is the one that may ask whether these are over: see [`Breakers::probing`].
    AsProbe(Vec<(What, i64)>),
}

#[derive(Default)]
struct Inner {
    known: HashMap<What, State>,
    /// Learned here and not yet told; whether by a probe.
    untold: BTreeMap<What, bool>,
    /// Counts what was learned here: what was read before that is not newer.
    learned: u64,
}

#[derive(Default)]
pub struct Breakers(Mutex<Inner>);

impl Breakers {
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What may be claimed at this moment.
    pub fn wanted(&self, limit: usize, now: Duration) -> Wanted {
        let mut wanted = Wanted::up_to(limit);
        self.with(|inner| {
            for (what, state) in &inner.known {
                let Some(until) = state.closed_until else { continue };
                match (what, now < until) {
                    (What::Provider(channel), true) => wanted.no_channels.push(*channel),
                    (What::Destination(destination), true) => wanted.no_destinations.push(destination.clone()),
                    (What::Provider(channel), false) => wanted.one_of_channel.push(*channel),
                    (What::Destination(destination), false) => wanted.one_of_destination.push(destination.clone()),
                }
            }
        });
        wanted
    }

    /// What has not answered for long, and since when: whole providers first, and not all when there are very many.
    pub fn lasting(&self, wall: Timestamp) -> Vec<(What, Timestamp)> {
        let mut lasting: Vec<(What, Timestamp)> = self.with(|inner| {
            let all = inner.known.iter().filter_map(|(what, state)| Some((what.clone(), state.since?)));
            all.filter(|(_, since)| since.duration_until(wall) >= rules::LASTING).collect()
        });
        lasting.sort();
        lasting.truncate(MOST_LASTING);
        lasting
    }

    /// Whether this message may be written. When it is a probe, others wait for what comes of it.
    pub fn admits(&self, m: &Message, now: Duration) -> Admitted {
        self.with(|inner| {
            let whats = of(m);
            if whats.iter().any(|what| inner.known.get(what).is_some_and(|state| state.is_closed(now))) {
                return Admitted::No;
            }
            let mut holds = Vec::new();
            for what in whats {
                let Some(state) = inner.known.get_mut(&what).filter(|state| state.closed_until.is_some()) else {
                    continue;
                };
                match state.version {
                    Some(version) => holds.push((what, version)),
                    None => {
                        state.closed_until = Some(now + PROBE);
                        state.probe = Some(m.id);
                    }
                }
            }
            if holds.is_empty() { Admitted::Yes } else { Admitted::AsProbe(holds) }
        })
    }

    /// This message is the installation's probe of these.
    pub fn probing(&self, m: &Message, holds: &[(What, i64)], now: Duration) {
        self.with(|inner| {
            inner.learned += 1;
            for (what, version) in holds {
                let state = inner.known.entry(what.clone()).or_default();
                state.closed_until = Some(now + PROBE);
                state.probe = Some(m.id);
                state.version = Some(version + 1);
            }
        });
    }

    /// Learns from what came of asking the provider.
    pub fn note(&self, m: &Message, report: &Report, now: Duration) {
        let [provider, destination] = of(m);
        let asked = match &report.outcome {
            Outcome::NotSent { retry_after, .. } => retry_after.filter(SignedDuration::is_positive),
            _ => None,
        };
        let asked = asked.and_then(|wait| Duration::try_from(rules::bounded(wait)).ok());
        let too_many = report.provider_status == Some(429);
        self.with(|inner| match (report.trouble, &report.outcome) {
            // It answers, and wants us to wait: one request for each of its waits.
            (Some(Trouble::Provider), Outcome::NotSent { .. }) if too_many && asked.is_some() => {
                inner.wait(m, provider, asked.unwrap_or(SLOW_DOWN), now);
            }
            (Some(Trouble::Provider), _) => inner.close(m, provider, asked, now),
            (Some(Trouble::Destination), Outcome::NotSent { .. }) if too_many && asked.is_some() => {
                inner.answers(m, provider, now);
                inner.wait(m, destination, asked.unwrap_or(SLOW_DOWN), now);
            }
            (None, Outcome::NotSent { .. }) if too_many || asked.is_some() => {
                inner.answers(m, provider, now);
                inner.wait(m, destination, asked.unwrap_or(SLOW_DOWN), now);
            }
            (Some(Trouble::Destination), _) => {
                inner.answers(m, provider, now);
                inner.close(m, destination, asked, now);
            }
            (None, Outcome::NotSent { .. } | Outcome::Unclear { .. }) => {
                inner.fail(m, destination, FAILURES_OF_DESTINATION, now);
                // Webhooks have no provider in common.
                if m.channel != Channel::Webhook {
                    inner.fail(m, provider, FAILURES_OF_PROVIDER, now);
                }
            }
            // Also a no is an answer. That an address takes nothing any more is known where addresses are; one that takes or
            // wants nothing says nothing of those beside it.
            (Some(Trouble::Address | Trouble::OptedOut), _)
            | (None, Outcome::Accepted { .. } | Outcome::Refused { .. }) => {
                inner.answers(m, provider, now);
                inner.answers(m, destination, now);
            }
        });
    }

    /// What the others are to be told, as of now. What cannot be told is given back to [`Self::untold`].
    pub fn to_tell(&self, now: Duration) -> Vec<Change> {
        self.with(|inner| {
            let untold = std::mem::take(&mut inner.untold);
            let change = |(what, probe): (What, bool)| match inner.known.get(&what) {
                Some(State { closed_until: Some(until), last, .. }) => {
                    let (wait, last) = (signed(until.saturating_sub(now)), last.map(signed));
                    Change::Close { what, wait, last, probe }
                }
                _ => Change::Open(what),
            };
            untold.into_iter().map(change).collect()
        })
    }

    pub fn untold(&self, changes: &[Change]) {
        self.with(|inner| {
            for change in changes {
                let probe = matches!(change, Change::Close { probe: true, .. });
                *inner.untold.entry(change.what().clone()).or_default() |= probe;
            }
        });
    }

    /// To be taken before the installation is asked, and given to [`Self::learn`] with the answer.
    pub fn mark(&self) -> u64 {
        self.with(|inner| inner.learned)
    }

    /// Takes over what the installation knows. What this process knows already keeps its moment: the wall clock that the
    /// instants are by may have been moved since. False when this process learned something itself in the meantime.
    pub fn learn(&self, mark: u64, holds: &[Hold], now: Duration, wall: Timestamp) -> bool {
        self.with(|inner| {
            if inner.learned != mark {
                return false;
            }
            let held: HashMap<&What, &Hold> = holds.iter().map(|hold| (&hold.what, hold)).collect();
            let untold = &inner.untold;
            inner.known.retain(|what, state| {
                state.version.is_none() || untold.contains_key(what) || held.contains_key(what)
            });
            for hold in holds.iter().filter(|hold| !untold.contains_key(&hold.what)) {
                let state = inner.known.entry(hold.what.clone()).or_default();
                if state.version != Some(hold.version) {
                    *state = State {
                        closed_until: Some(now + unsigned(rules::left(hold, wall))),
                        last: hold.last.map(unsigned),
                        since: Some(hold.since),
                        version: Some(hold.version),
                        ..State::default()
                    };
                }
            }
            true
        })
    }
}

impl Inner {
    fn changed(&mut self, what: What, probe: bool) {
        self.learned += 1;
        *self.untold.entry(what).or_default() |= probe;
    }

    fn fail(&mut self, m: &Message, what: What, most: u32, now: Duration) {
        let state = self.known.entry(what.clone()).or_default();
        state.failures += 1;
        // Of one that was closed before, the first failure says that it is not over.
        if state.failures >= most || state.last.is_some() {
            self.close(m, what, None, now);
        }
    }

    /// Takes nothing: left alone for longer each time it is found so.
    fn close(&mut self, m: &Message, what: What, asked: Option<Duration>, now: Duration) {
        let state = self.known.entry(what.clone()).or_default();
        let probe = state.probe == Some(m.id);
        if state.is_closed(now) && !probe {
            // It had left before this was closed: the same trouble, heard of once more.
            if let Some(asked) = asked {
                self.wait(m, what, asked, now);
            }
            return;
        }
        let wait = state.last.map_or(FIRST, |last| (last * 2).min(LONGEST));
        let whole = asked.map_or(wait, |asked| asked.max(wait));
        warn!(what = %what, seconds = whole.as_secs(), "Left alone for a while, because it takes nothing from us");
        let (version, since) = (state.version, state.since);
        *state = State { closed_until: Some(now + whole), last: Some(wait), version, since, ..State::default() };
        self.changed(what, probe);
    }

    /// Wants us to wait.
    fn wait(&mut self, m: &Message, what: What, asked: Duration, now: Duration) {
        let state = self.known.entry(what.clone()).or_default();
        let probe = state.probe == Some(m.id);
        let until = now + asked;
        if state.is_closed(now) && !probe && state.closed_until >= Some(until) {
            return;
        }
        state.closed_until = Some(until);
        state.probe = None;
        self.changed(what, probe);
    }

    fn answers(&mut self, m: &Message, what: What, now: Duration) {
        let Some(state) = self.known.get_mut(&what) else { return };
        if state.is_closed(now) && state.probe != Some(m.id) {
            // It had left before this was closed, and says nothing of now.
            return;
        }
        if state.last.is_some() {
            info!(what = %what, "Answers again");
        }
        let was_closed = state.closed_until.is_some();
        self.known.remove(&what);
        if was_closed {
            self.changed(what, true);
        }
    }
}

fn of(m: &Message) -> [What; 2] {
    [What::Provider(m.channel), What::Destination(m.destination.clone())]
}

fn signed(wait: Duration) -> SignedDuration {
    SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX)
}

fn unsigned(wait: SignedDuration) -> Duration {
    Duration::try_from(wait).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::sample::message;

    const NOW: &str = "2026-10-14T15:00:00Z";

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// One of several to the same channel.
    fn post(number: u128) -> Message {
        let mut post = message(Channel::Discord, "77", "Hello");
        post.id = MessageId(uuid::Uuid::from_u128(number));
        post
    }

    fn report(m: &Message, status: i32, outcome: Outcome, trouble: Option<Trouble>) -> Report {
        let ended_at = NOW.parse().unwrap();
        Report { message: m.id, attempt: 1, ended_at, provider_status: Some(status), outcome, trouble }
    }

    fn banned(breakers: &Breakers, m: &Message, now: u64) {
        let no = Outcome::NotSent { why: "ban".into(), retry_after: None };
        breakers.note(m, &report(m, 429, no, Some(Trouble::Provider)), at(now));
    }

    fn accepted(breakers: &Breakers, m: &Message, now: u64) {
        breakers.note(m, &report(m, 200, Outcome::Accepted { provider_id: None }, None), at(now));
    }

    /// How long the provider is left alone, in seconds, and which version of that is known.
    fn closed(breakers: &Breakers) -> Option<(u64, Option<i64>)> {
        breakers.with(|inner| {
            let state = inner.known.get(&What::Provider(Channel::Discord))?;
            Some((state.closed_until?.as_secs(), state.version))
        })
    }

    #[test]
    fn what_was_on_its_way_when_it_was_closed_neither_opens_it_nor_closes_it_for_longer() {
        let breakers = Breakers::default();
        for number in 1..=16 {
            banned(&breakers, &post(number), 1);
        }
        accepted(&breakers, &post(17), 2);
        assert_eq!(closed(&breakers), Some((61, None)));
        // The one that asks is believed, whatever it learns.
        assert_eq!(breakers.admits(&post(18), at(60)), Admitted::No);
        assert_eq!(breakers.admits(&post(18), at(61)), Admitted::Yes);
        assert_eq!(breakers.admits(&post(19), at(62)), Admitted::No);
        banned(&breakers, &post(18), 63);
        assert_eq!(closed(&breakers), Some((63 + 120, None)));
        assert_eq!(breakers.admits(&post(20), at(183)), Admitted::Yes);
        accepted(&breakers, &post(20), 184);
        assert_eq!((closed(&breakers), breakers.admits(&post(21), at(184))), (None, Admitted::Yes));
    }

    #[test]
    fn full_mailboxes_close_neither_their_domain_nor_the_mail_server() {
        let breakers = Breakers::default();
        let letter =
            |number| Message { channel: Channel::Email, destination: "email:example.org".into(), ..post(number) };
        let full = |number| {
            let later = Outcome::NotSent { why: "452 4.2.2 mailbox full".into(), retry_after: None };
            report(&letter(number), 452, later, Some(Trouble::Address))
        };
        for number in 1..=30 {
            breakers.note(&letter(number), &full(number), at(1));
        }
        assert_eq!(breakers.admits(&letter(31), at(1)), Admitted::Yes);
        assert!(breakers.to_tell(at(1)).is_empty());
    }

    #[test]
    fn a_channels_wait_is_kept_to_the_second_and_not_made_longer() {
        let breakers = Breakers::default();
        let wait = Some(SignedDuration::from_secs(2));
        let busy = Outcome::NotSent { why: "busy".into(), retry_after: wait };
        breakers.note(&post(1), &report(&post(1), 429, busy, Some(Trouble::Destination)), at(10));
        assert_eq!(breakers.admits(&post(2), at(11)), Admitted::No);
        assert_eq!(breakers.admits(&post(2), at(12)), Admitted::Yes);
        let told = breakers.to_tell(at(10));
        let what = What::Destination(post(1).destination);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].what(), &what);
        assert!(breakers.to_tell(at(10)).is_empty());
    }

    #[test]
    fn what_the_installation_knows_counts_from_when_it_was_heard() {
        let breakers = Breakers::default();
        let wall: Timestamp = NOW.parse().unwrap();
        let hold = |version| Hold {
            what: What::Provider(Channel::Discord),
            since: wall,
            closed_at: wall,
            closed_until: wall + SignedDuration::from_secs(100),
            last: None,
            version,
        };
        assert!(breakers.learn(breakers.mark(), &[hold(7)], at(5), wall));
        assert_eq!(closed(&breakers), Some((105, Some(7))));
        // The wall clock is set, and the same row says something else.
        let back = wall - SignedDuration::from_hours(2);
        assert!(breakers.learn(breakers.mark(), &[hold(7)], at(50), back));
        assert_eq!(closed(&breakers), Some((105, Some(7))));
        let asks = vec![(What::Provider(Channel::Discord), 7)];
        assert_eq!(breakers.admits(&post(1), at(105)), Admitted::AsProbe(asks.clone()));
        breakers.probing(&post(1), &asks, at(105));
        assert_eq!(breakers.admits(&post(2), at(106)), Admitted::No);
        // What was read before this process learned something says nothing.
        let mark = breakers.mark();
        accepted(&breakers, &post(1), 107);
        assert!(!breakers.learn(mark, &[hold(7)], at(107), wall));
        assert_eq!(closed(&breakers), None);
        assert_eq!(breakers.to_tell(at(107)), [Change::Open(What::Provider(Channel::Discord))]);
        // Opened by somebody else.
        assert!(breakers.learn(breakers.mark(), &[hold(9)], at(108), wall));
        assert!(breakers.learn(breakers.mark(), &[], at(109), wall));
        assert_eq!(closed(&breakers), None);
    }
}
