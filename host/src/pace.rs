//! How often one caller may ask. Per process: a courtesy to the others, not a promise that is kept in the database.

use std::num::NonZeroU32;

use domain::kernel::{Code, Refusal};
use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

pub struct Pace {
    limiter: DefaultKeyedRateLimiter<String>,
    per_minute: NonZeroU32,
}

impl Pace {
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::keyed(Quota::per_minute(per_minute)), per_minute }
    }

    /// Counts one call of `caller`.
    pub fn check(&self, caller: String) -> Result<(), Refusal> {
        self.limiter.check_key(&caller).map_err(|not_until| {
            let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now()).as_secs() + 1;
            Refusal::new(
                Code::TooManyRequests,
                format!("More than {} calls came in a minute. Nothing was changed.", self.per_minute),
                format!("Wait {wait} s, then go on."),
            )
        })
    }
}
