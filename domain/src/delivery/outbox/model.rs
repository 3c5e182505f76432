//! The dispatcher, reduced to what can go wrong with one message, and every order in which it can.
//!
//! Two dispatchers share a row. A provider takes what reaches it, and knows a nonce again for a while. In between is a
//! network that delays and loses. A checker walks through all the orders in which they can act, a few minutes' worth of
//! time in a dozen ticks, and finds the shortest story in which a person is told twice, if there is one.
//!
//! Nobody is told to pause here: an actor that could act and doesn't, while time goes on, is a process that was stopped, a
//! virtual machine that was moved, a disk that did not answer.
//!
//! One thing is taken for granted, and the code has to live up to it: looking at the clock and handing the bytes to the
//! network is one step. Channels look right before they write, and write at once.

use stateright::{Checker, Model, Property};

type Tick = u8;

/// For how long a claim is good.
const LEASE: Tick = 2;
/// For how long the provider knows a nonce again, from when it took the message.
const WINDOW: Tick = 4;
/// For how long bytes may be under way.
const NETWORK: Tick = 1;
/// From here on nothing fails any more, and everybody acts when they can.
const CALM: Tick = 8;
/// The end of the world.
const END: Tick = 20;

/// How a message is kept from going out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// A claim that runs out; whoever comes next sends again.
    Lease,
    /// And a report counts only while its claim is the last one.
    Fencing,
    /// And the same nonce on each attempt.
    Nonce,
    /// And no byte after the claim's end, nor after the deadline that the first possible byte set. From then on nothing is
    /// sent; once nothing can be under way any more, the provider is asked.
    Recipe { deadline: Tick, looks_before_writing: bool, asks_after: Tick },
    /// For providers that know no nonce and cannot be asked: nothing that is unclear is ever sent again.
    NeverAgain,
}

/// A byte that left in the deadline's last moment arrives while the provider still knows the nonce, and before it is asked.
const DEADLINE: Tick = WINDOW - NETWORK;
const OURS: Strategy =
    Strategy::Recipe { deadline: DEADLINE, looks_before_writing: true, asks_after: DEADLINE + NETWORK };

impl Strategy {
    fn has_nonce(self) -> bool {
        matches!(self, Self::Nonce | Self::Recipe { .. })
    }

    /// Whether a report of an older claim is void.
    fn compares(self) -> bool {
        self != Self::Lease
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Row {
    Queued { from: Tick },
    Sending { lease_until: Tick },
    Sent,
    Unknown,
}

/// What a dispatcher knows of its attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Known {
    Accepted,
    NotSent,
    Unclear,
    /// The provider was asked, and has it.
    Found,
    NotThere,
    CannotTell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Dispatcher {
    Idle,
    /// Its claim is committed; nothing has left.
    Claimed {
        attempt: u8,
        until: Tick,
        first_write: Tick,
    },
    /// Its claim is for asking, not for sending.
    Asking {
        attempt: u8,
    },
    /// Its bytes have left.
    Waiting {
        attempt: u8,
    },
    Knows {
        attempt: u8,
        what: Known,
    },
}

/// Bytes on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Flying {
    since: Tick,
    attempt: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    now: Tick,
    row: Row,
    /// The attempt of the last claim.
    attempts: u8,
    claimed_before: bool,
    /// As the row has it: when the first byte may have left.
    first_write: Option<Tick>,
    dispatchers: [Dispatcher; 2],
    flying: Vec<Flying>,
    /// How many times a person was told.
    told: u8,
    /// When the provider took the message that the nonce belongs to.
    nonce_taken: Option<Tick>,
    crashes: u8,
}

impl Dispatcher {
    fn attempt(&mut self) -> Option<&mut u8> {
        match self {
            Self::Idle => None,
            Self::Claimed { attempt, .. }
            | Self::Asking { attempt }
            | Self::Waiting { attempt }
            | Self::Knows { attempt, .. } => Some(attempt),
        }
    }
}

impl World {
    /// The same world, with what makes no difference made the same: which dispatcher is which, and by what numbers the
    /// attempts go that somebody still remembers.
    fn tidied(mut self) -> Self {
        let mut remembered: Vec<u8> = self.dispatchers.iter_mut().filter_map(|d| d.attempt().copied()).collect();
        remembered.push(self.attempts);
        remembered.sort_unstable();
        remembered.dedup();
        // From 1; bytes that nobody waits for any more are attempt 0.
        let number = |old: u8| remembered.iter().position(|r| *r == old).map_or(0, |at| at as u8 + 1);
        for attempt in self.dispatchers.iter_mut().filter_map(Dispatcher::attempt) {
            *attempt = number(*attempt);
        }
        for flying in &mut self.flying {
            flying.attempt = number(flying.attempt);
        }
        self.attempts = number(self.attempts);
        self.dispatchers.sort_unstable();
        self.flying.sort_unstable();
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    TimePasses,
    Claim(usize),
    Write(usize),
    Ask(usize),
    /// The provider is asked, and its answer does not help: the page does not reach back far enough, or it is down.
    AskInVain(usize),
    GiveUpWaiting(usize),
    Settle(usize),
    Crash(usize),
    /// The provider takes what is under way, and its answer arrives.
    Take(usize),
    /// The provider takes it, and its answer is lost.
    TakeSilently(usize),
    /// It never reaches the provider.
    Lose(usize),
}

#[derive(Clone, Copy)]
struct Dispatch(Strategy);

impl Dispatch {
    /// Whether a claim made now is for sending. `None` when the row can't be claimed.
    fn claim(&self, world: &World) -> Option<Claim> {
        let due = match world.row {
            Row::Queued { from } => from <= world.now,
            Row::Sending { lease_until } => lease_until <= world.now,
            Row::Sent | Row::Unknown => false,
        };
        let taken_over = matches!(world.row, Row::Sending { .. });
        if !due {
            return None;
        }
        match (self.0, world.first_write) {
            (Strategy::Recipe { deadline, asks_after, .. }, Some(first)) if world.now >= first + deadline => {
                (world.now >= first + asks_after).then_some(Claim::ToAsk)
            }
            (Strategy::NeverAgain, _) if taken_over => Some(Claim::Unknown),
            _ => Some(Claim::ToSend),
        }
    }

    /// Whether the look at the clock before the write lets the bytes go.
    fn may_write(&self, now: Tick, until: Tick, first_write: Tick) -> bool {
        match self.0 {
            Strategy::Recipe { deadline, looks_before_writing: true, .. } => {
                now < until && now < first_write + deadline
            }
            Strategy::NeverAgain => now < until,
            _ => true,
        }
    }

    fn settle(&self, world: &mut World, attempt: u8, what: Known) {
        let settled = matches!(world.row, Row::Sent | Row::Unknown);
        let void = self.0.compares() && (attempt != world.attempts || settled);
        if void {
            return;
        }
        let again = Row::Queued { from: world.now + 1 };
        world.row = match what {
            Known::Accepted | Known::Found => Row::Sent,
            Known::NotSent => again,
            Known::Unclear if self.0 == Strategy::NeverAgain => Row::Unknown,
            Known::Unclear => again,
            Known::NotThere => {
                world.first_write = None;
                again
            }
            Known::CannotTell => Row::Unknown,
        };
    }
}

enum Claim {
    ToSend,
    ToAsk,
    /// The claim that ran out may have been sent, and nobody can say.
    Unknown,
}

impl Model for Dispatch {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            now: 0,
            row: Row::Queued { from: 0 },
            attempts: 0,
            claimed_before: false,
            first_write: None,
            dispatchers: [Dispatcher::Idle; 2],
            flying: Vec::new(),
            told: 0,
            nonce_taken: None,
            crashes: 0,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let trouble = world.now < CALM;
        for (i, dispatcher) in world.dispatchers.iter().enumerate() {
            match dispatcher {
                Dispatcher::Idle if self.claim(world).is_some() => steps.push(Step::Claim(i)),
                Dispatcher::Idle => {}
                Dispatcher::Claimed { .. } => steps.push(Step::Write(i)),
                Dispatcher::Asking { .. } => {
                    steps.push(Step::Ask(i));
                    if trouble {
                        steps.push(Step::AskInVain(i));
                    }
                }
                Dispatcher::Waiting { attempt } => {
                    // A calm dispatcher waits as long as there is something to wait for.
                    if trouble || !world.flying.iter().any(|f| f.attempt == *attempt) {
                        steps.push(Step::GiveUpWaiting(i));
                    }
                }
                Dispatcher::Knows { .. } => steps.push(Step::Settle(i)),
            }
            if trouble && *dispatcher != Dispatcher::Idle && world.crashes < 2 {
                steps.push(Step::Crash(i));
            }
        }
        for at in 0..world.flying.len() {
            steps.push(Step::Take(at));
            if trouble {
                steps.extend([Step::TakeSilently(at), Step::Lose(at)]);
            }
        }
        // Bytes are under way for so long and no longer. In calm times nobody dawdles.
        let arrived = world.flying.iter().all(|f| world.now < f.since + NETWORK);
        if world.now < END && arrived && (trouble || steps.is_empty()) {
            steps.push(Step::TimePasses);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        let now = world.now;
        match step {
            Step::TimePasses => {
                let settled = matches!(world.row, Row::Sent | Row::Unknown);
                let idle = world.dispatchers.iter().all(|d| *d == Dispatcher::Idle);
                if settled && idle && world.flying.is_empty() {
                    return None;
                }
                world.now += 1;
            }
            Step::Claim(i) => {
                let claim = self.claim(&world)?;
                world.claimed_before |= world.attempts > 0;
                world.attempts += 1;
                let (attempt, until) = (world.attempts, now + LEASE);
                world.row = Row::Sending { lease_until: until };
                world.dispatchers[i] = match claim {
                    Claim::ToSend => {
                        let first_write = *world.first_write.get_or_insert(now);
                        Dispatcher::Claimed { attempt, until, first_write }
                    }
                    Claim::ToAsk => Dispatcher::Asking { attempt },
                    Claim::Unknown => {
                        world.row = Row::Unknown;
                        Dispatcher::Idle
                    }
                };
            }
            Step::Write(i) => {
                let Dispatcher::Claimed { attempt, until, first_write } = world.dispatchers[i] else {
                    return None;
                };
                world.dispatchers[i] = if self.may_write(now, until, first_write) {
                    world.flying.push(Flying { since: now, attempt });
                    Dispatcher::Waiting { attempt }
                } else {
                    Dispatcher::Knows { attempt, what: Known::NotSent }
                };
            }
            Step::Ask(i) | Step::AskInVain(i) => {
                let Dispatcher::Asking { attempt } = world.dispatchers[i] else { return None };
                let what = match (step, world.told) {
                    (Step::AskInVain(_), _) => Known::CannotTell,
                    (_, 0) => Known::NotThere,
                    (_, _) => Known::Found,
                };
                world.dispatchers[i] = Dispatcher::Knows { attempt, what };
            }
            Step::GiveUpWaiting(i) => {
                let Dispatcher::Waiting { attempt } = world.dispatchers[i] else { return None };
                world.dispatchers[i] = Dispatcher::Knows { attempt, what: Known::Unclear };
            }
            Step::Settle(i) => {
                let Dispatcher::Knows { attempt, what } = world.dispatchers[i] else { return None };
                self.settle(&mut world, attempt, what);
                world.dispatchers[i] = Dispatcher::Idle;
            }
            Step::Crash(i) => {
                world.dispatchers[i] = Dispatcher::Idle;
                world.crashes += 1;
            }
            Step::Take(at) | Step::TakeSilently(at) => {
                let Flying { attempt, .. } = world.flying.remove(at);
                let known = self.0.has_nonce() && world.nonce_taken.is_some_and(|taken| now < taken + WINDOW);
                if !known {
                    world.told += 1;
                    world.nonce_taken = Some(now);
                }
                let waiting = world.dispatchers.iter_mut().find(|d| **d == Dispatcher::Waiting { attempt });
                if let (Step::Take(_), Some(dispatcher)) = (step, waiting) {
                    *dispatcher = Dispatcher::Knows { attempt, what: Known::Accepted };
                }
            }
            Step::Lose(at) => {
                world.flying.remove(at);
            }
        }
        Some(world.tidied())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nobody is told twice", |_, world: &World| world.told <= 1),
            Property::always("what is called sent was sent", |_, world: &World| {
                world.row != Row::Sent || world.told >= 1
            }),
            // Time goes on while there is something to do, so a world in which nothing can happen is finished.
            Property::always("every message has its end", |model: &Self, world: &World| {
                matches!(world.row, Row::Sent | Row::Unknown) || !model.next_states(world).is_empty()
            }),
            Property::sometimes("a message is sent after a crash", |_, world: &World| {
                world.row == Row::Sent && world.crashes > 0
            }),
            Property::sometimes("a message is lost under way and sent in the end", |_, world: &World| {
                world.row == Row::Sent && world.claimed_before
            }),
        ]
    }
}

const TWICE: &str = "nobody is told twice";

/// The shortest story in which somebody is told twice, step by step.
fn told_twice(strategy: Strategy) -> Option<Vec<Step>> {
    let checker = Dispatch(strategy).checker().spawn_bfs().join();
    checker.discovery(TWICE).map(|path| path.into_actions())
}

#[test]
fn with_the_recipe_nobody_is_told_twice_and_every_message_has_its_end() {
    let checker = Dispatch(OURS).checker().spawn_dfs().join();
    checker.assert_properties();
    assert!(checker.unique_state_count() > 10_000, "only {} worlds were looked at", checker.unique_state_count());
}

#[test]
fn a_provider_without_memory_is_never_asked_twice_by_itself() {
    let checker = Dispatch(Strategy::NeverAgain).checker().spawn_dfs().join();
    checker.assert_no_discovery(TWICE);
    checker.assert_no_discovery("every message has its end");
    checker.assert_no_discovery("what is called sent was sent");
}

#[test]
fn a_lease_alone_tells_twice() {
    told_twice(Strategy::Lease).unwrap();
}

#[test]
fn a_lease_with_fencing_tells_twice() {
    told_twice(Strategy::Fencing).unwrap();
}

#[test]
fn a_nonce_tells_twice_once_the_provider_has_forgotten_it() {
    told_twice(Strategy::Nonce).unwrap();
}

#[test]
fn a_deadline_that_leaves_no_time_for_the_network_tells_twice() {
    let deadline = WINDOW + NETWORK;
    told_twice(Strategy::Recipe { deadline, looks_before_writing: true, asks_after: deadline + NETWORK }).unwrap();
}

#[test]
fn a_deadline_that_nobody_looks_at_before_writing_tells_twice() {
    let asks_after = DEADLINE + NETWORK;
    told_twice(Strategy::Recipe { deadline: DEADLINE, looks_before_writing: false, asks_after }).unwrap();
}

#[test]
fn a_provider_that_is_asked_while_bytes_are_under_way_is_told_twice() {
    told_twice(Strategy::Recipe { deadline: DEADLINE, looks_before_writing: true, asks_after: DEADLINE }).unwrap();
}
