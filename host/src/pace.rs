//! How often one caller may ask, in all and for each tool. Per process: a courtesy to the others, not a promise that is kept
//! in the database (`domain::workspace::quota` keeps those).

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use domain::kernel::Refusal;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;

/// The host's monotonic clock, as the library asks it.
struct Ticks(Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

type Limiter = RateLimiter<String, DashMapStateStore<String>, Ticks, NoOpMiddleware<Duration>>;

pub struct Pace {
    clock: Clock,
    calls: Limiter,
    per_minute: NonZeroU32,
    /// By how many calls of one tool they allow in a minute.
    tools: BTreeMap<NonZeroU32, Limiter>,
}

impl Pace {
    /// `for_tools` are the budgets that there are for single tools.
    pub fn new(clock: &Clock, per_minute: NonZeroU32, for_tools: impl IntoIterator<Item = NonZeroU32>) -> Self {
        let limiter = |budget| {
            RateLimiter::new(Quota::per_minute(budget), DashMapStateStore::default(), Ticks(clock.clone()))
        };
        let tools = for_tools.into_iter().map(|budget| (budget, limiter(budget))).collect();
        Self { clock: clock.clone(), calls: limiter(per_minute), per_minute, tools }
    }

    /// Counts one call of `caller`.
    pub fn check(&self, caller: String) -> Result<(), Refusal> {
        self.wait(&self.calls, &caller).map_err(|seconds| {
            let sentence = format!("More than {} calls came in a minute. Nothing was changed.", self.per_minute);
            Refusal::too_many(sentence, format!("Wait {seconds} s, then go on."), seconds)
        })
    }

    /// Counts one call of a tool with a budget of its own.
    pub fn check_tool(&self, caller: &str, tool: &str, budget: NonZeroU32) -> Result<(), Refusal> {
        let Some(limiter) = self.tools.get(&budget) else { return Ok(()) };
        self.wait(limiter, &format!("{caller}/{tool}")).map_err(|seconds| {
            let sentence = format!("{tool} was called more than {budget} times in a minute. Nothing was changed.");
            Refusal::too_many(sentence, format!("Wait {seconds} s, then call it again."), seconds)
        })
    }

    /// Counts one, or gives the seconds after which one may be counted.
    fn wait(&self, limiter: &Limiter, key: &String) -> Result<(), u64> {
        limiter.check_key(key).map_err(|early| {
            let wait = early.wait_time_from(Ticks(self.clock.clone()).now());
            u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).unwrap()
    }

    #[test]
    fn each_caller_and_tool_has_a_budget_of_its_own_and_gets_it_back_with_time() {
        let clock = Clock::standing_at(jiff::Timestamp::UNIX_EPOCH);
        let pace = Pace::new(&clock, some(1_000), [some(2), some(6)]);
        let calls = |caller: &str, tool: &str| pace.check_tool(caller, tool, some(2));
        assert!(calls("a", "draft_propose").is_ok() && calls("a", "draft_propose").is_ok());
        let no = calls("a", "draft_propose").unwrap_err();
        assert_eq!(
            (no.sentence.as_str(), no.next.as_str(), no.retry_after()),
            (
                "draft_propose was called more than 2 times in a minute. Nothing was changed.",
                "Wait 30 s, then call it again.",
                Some(30)
            )
        );
        assert!(calls("b", "draft_propose").is_ok() && calls("a", "deal_create").is_ok());
        assert!(pace.check_tool("a", "draft_propose", some(6)).is_ok());
        clock.advance(Duration::from_millis(29_999));
        assert_eq!(calls("a", "draft_propose").unwrap_err().retry_after(), Some(1));
        clock.advance(Duration::from_millis(1));
        assert!(calls("a", "draft_propose").is_ok() && calls("a", "draft_propose").is_err());
    }

    #[test]
    fn who_asks_too_often_is_told_for_how_long_to_wait() {
        let clock = Clock::standing_at(jiff::Timestamp::UNIX_EPOCH);
        let pace = Pace::new(&clock, some(60), []);
        for _ in 0..60 {
            pace.check("a".into()).unwrap();
        }
        let no = pace.check("a".into()).unwrap_err();
        assert_eq!((no.next.as_str(), no.retry_after()), ("Wait 1 s, then go on.", Some(1)));
        clock.advance(Duration::from_secs(1));
        pace.check("a".into()).unwrap();
    }
}
