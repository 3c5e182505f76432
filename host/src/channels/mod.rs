//! The ways out. A channel turns what the gate has cleared into a report, and knows nothing else.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use domain::delivery::Message;
use domain::delivery::outbox::Report;
use domain::delivery::policy::Cleared;

pub use domain::delivery::outbox::Found;

pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One way out.
pub trait Channel: Send + Sync {
    /// Sends, at most once, and says what is known of it.
    ///
    /// `until` is on the host clock's monotonic time (`Clock::elapsed`). Right before the first byte leaves, the channel
    /// looks at the clock: from `until` on it sends nothing and reports `NotSent`, because somebody else may hold the
    /// message by now. It never waits longer than 30 s for an answer.
    fn deliver<'a>(&'a self, cleared: Cleared, until: Duration) -> Later<'a, Report>;

    /// Asks the provider whether it has a message. Channels that cannot ask say [`Found::CannotTell`].
    fn look_up<'a>(&'a self, message: &'a Message) -> Later<'a, Found>;
}
