//! How fast messages leave, as a courtesy to providers, beside the caps in the database: for each channel, destination and
//! workspace, and in all. The rates are the installation's; processes that send at the same time share them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::delivery::Message;
use domain::kernel::id::WorkspaceId;
use domain::people::reach::Channel;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

/// A second's messages. Discord's own limit is 50 for a token, so that what leaves at once and what follows stay below.
const KINDS: [(Channel, u32); 4] =
    [(Channel::Discord, 40), (Channel::Email, 50), (Channel::Sms, 20), (Channel::Webhook, 100)];
const DESTINATION: u32 = 20;
const WORKSPACE: u32 = 50;
const ALL: u32 = 150;
/// How many leave at once after a rest.
const AT_ONCE: u32 = 8;

pub struct Pacing {
    kinds: BTreeMap<Channel, DefaultDirectRateLimiter>,
    destinations: DefaultKeyedRateLimiter<String>,
    workspaces: DefaultKeyedRateLimiter<WorkspaceId>,
    all: DefaultDirectRateLimiter,
    count: AtomicUsize,
}

fn per_second(count: u32) -> Quota {
    let some = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(some(count)).allow_burst(some(AT_ONCE))
}

impl Pacing {
    pub fn new() -> Self {
        Self {
            kinds: KINDS.into_iter().map(|(kind, count)| (kind, RateLimiter::direct(per_second(count)))).collect(),
            destinations: RateLimiter::keyed(per_second(DESTINATION)),
            workspaces: RateLimiter::keyed(per_second(WORKSPACE)),
            all: RateLimiter::direct(per_second(ALL)),
            count: AtomicUsize::new(0),
        }
    }

    /// Waits for this message's turn, among as many processes that send.
    pub async fn wait(&self, workspace: WorkspaceId, m: &Message, dispatchers: u32) {
        // What stays on this machine needs no courtesy.
        let Some(kind) = self.kinds.get(&m.channel) else { return };
        // Each process paces as if every message of its own were one of each: so together they keep to the rates.
        for _ in 0..dispatchers {
            self.workspaces.until_key_ready(&workspace).await;
        }
        for _ in 0..dispatchers {
            self.destinations.until_key_ready(&m.destination).await;
        }
        for _ in 0..dispatchers {
            kind.until_ready().await;
        }
        for _ in 0..dispatchers {
            self.all.until_ready().await;
        }
        if self.count.fetch_add(1, Ordering::Relaxed) % 10_000 == 9_999 {
            self.destinations.retain_recent();
            self.workspaces.retain_recent();
        }
    }
}
