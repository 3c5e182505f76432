//! The ways out. A channel turns what the gate has cleared into a report, and knows nothing else.

pub mod console;
pub mod discord;
pub mod email;
#[cfg(test)]
pub(crate) mod peer;
pub mod signature;
pub mod sms;
pub mod webhook;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::delivery::Message;
pub use domain::delivery::outbox::Found;
use domain::delivery::outbox::{Outcome, Report, Trouble};
use domain::delivery::policy::Cleared;
use domain::people::reach;
use jiff::SignedDuration;

use crate::clock::Clock;
use crate::egress::Egress;
use crate::run::Host;

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

/// Opens what the settings name; what they don't is missing. Nothing is connected to yet. The error is a sentence.
pub fn open(host: &Host) -> Result<BTreeMap<reach::Channel, Arc<dyn Channel>>, String> {
    use reach::Channel as Kind;
    let config = host.config();
    let egress = Egress::new(host.clock().clone(), config.webhooks.allowed())?;
    let console: Arc<dyn Channel> =
        Arc::new(console::Console::new(host.clock().clone(), config.console.file.clone()));
    let mut all: BTreeMap<Kind, Arc<dyn Channel>> = BTreeMap::new();
    all.insert(Kind::Console, console.clone());
    all.insert(Kind::Webhook, Arc::new(webhook::Webhook::new(host, egress.clone())));
    if config.discord.token.is_some() {
        all.insert(Kind::Discord, Arc::new(discord::Discord::new(host, egress.clone())?));
    }
    if config.mail.smtp_url.is_some() {
        all.insert(Kind::Email, Arc::new(email::Email::new(host)?));
    }
    if config.sms.account_sid.is_some() {
        all.insert(Kind::Sms, Arc::new(sms::Sms::new(host, egress)?));
    }
    if config.console.stand_in {
        for kind in [Kind::Discord, Kind::Email, Kind::Sms] {
            all.entry(kind).or_insert_with(|| console.clone());
        }
    }
    Ok(all)
}

/// What a channel learned from one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Learned {
    pub status: Option<i32>,
    pub outcome: Outcome,
    pub trouble: Option<Trouble>,
}

impl Learned {
    pub fn accepted(provider_id: Option<String>) -> Self {
        Self { status: None, outcome: Outcome::Accepted { provider_id }, trouble: None }
    }

    pub fn refused(why: impl Into<String>) -> Self {
        Self { status: None, outcome: Outcome::Refused { why: why.into(), gone: false }, trouble: None }
    }

    pub fn gone(why: impl Into<String>) -> Self {
        Self { status: None, outcome: Outcome::Refused { why: why.into(), gone: true }, trouble: None }
    }

    pub fn not_sent(why: impl Into<String>) -> Self {
        Self { status: None, outcome: Outcome::NotSent { why: why.into(), retry_after: None }, trouble: None }
    }

    pub fn unclear(why: impl Into<String>) -> Self {
        Self { status: None, outcome: Outcome::Unclear { why: why.into() }, trouble: None }
    }

    pub fn after(mut self, wait: Option<SignedDuration>) -> Self {
        if let Outcome::NotSent { retry_after, .. } = &mut self.outcome {
            *retry_after = wait;
        }
        self
    }

    pub fn status(self, status: u16) -> Self {
        Self { status: Some(i32::from(status)), ..self }
    }

    pub fn trouble(self, trouble: Trouble) -> Self {
        Self { trouble: Some(trouble), ..self }
    }

    pub fn report(self, cleared: &Cleared, clock: &Clock) -> Report {
        Report {
            message: cleared.message().id,
            attempt: cleared.attempt(),
            ended_at: clock.now(),
            provider_status: self.status,
            outcome: self.outcome,
            trouble: self.trouble,
        }
    }
}

/// Seconds, also with a fraction, as `Retry-After` and Discord's body have them. What is negative, no number or beyond a
/// day's sense is no instruction.
pub(crate) fn wait_seconds(text: &str) -> Option<SignedDuration> {
    let seconds: f64 = text.trim().parse().ok()?;
    (seconds.is_finite() && (0.0..=1e9).contains(&seconds)).then(|| SignedDuration::from_secs_f64(seconds))
}

/// As [`wait_seconds`], or until the date that stands there.
pub(crate) fn wait_or_date(text: &str, now: jiff::Timestamp) -> Option<SignedDuration> {
    wait_seconds(text).or_else(|| {
        let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
        Some(at.duration_since(now)).filter(|wait| !wait.is_negative())
    })
}

/// What a provider said, short enough for a record, without what a terminal would obey.
pub(crate) fn quoted(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(crate) mod sample {
    use domain::delivery::{Content, Message, Purpose, Status, To};
    use domain::kernel::id::{MemberId, MessageId, WorkspaceId};
    use domain::people::reach::{Channel, Topic};
    use jiff::Timestamp;
    use uuid::Uuid;

    pub fn message(channel: Channel, address: &str, text: &str) -> Message {
        let at = Timestamp::UNIX_EPOCH;
        Message {
            workspace: WorkspaceId(Uuid::from_u128(1)),
            id: MessageId(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001)),
            occasion: "sample".into(),
            topic: Topic::Message,
            purpose: Purpose::Internal,
            channel,
            to: To::Team,
            address: address.into(),
            destination: channel.to_string(),
            deal_id: None,
            approval_id: None,
            batch_id: None,
            content: Content { subject: "Inspection is due".into(), text: text.into(), ..Content::default() },
            content_hash: String::new(),
            priority: 1,
            due_at: at,
            expires_at: None,
            status: Status::Sending,
            reason: None,
            next_at: Some(at),
            lease_until: Some(at),
            attempts: 1,
            first_write_at: None,
            counted_at: None,
            provider_id: None,
            settled_at: None,
            created_at: at,
            version: 1,
            edits: None,
        }
    }

    pub fn to_member(mut message: Message) -> Message {
        message.to = To::Member(MemberId(Uuid::from_u128(2)));
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_asks_us_to_wait() {
        let now: jiff::Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("1", Some(1.0)),
            ("1336", Some(1336.0)),
            ("0.35", Some(0.35)),
            (" 2 ", Some(2.0)),
            ("-1", None),
            ("", None),
            ("soon", None),
            ("NaN", None),
            ("inf", None),
            ("1e300", None),
            ("Sat, 21 Nov 2026 10:00:30 GMT", Some(30.0)),
            ("Sat, 21 Nov 2026 09:00:30 GMT", None),
        ] {
            assert_eq!(wait_or_date(text, now).map(|wait| wait.as_secs_f64()), seconds, "{text}");
        }
        assert_eq!(wait_seconds("Sat, 21 Nov 2026 10:00:30 GMT"), None);
    }
}
