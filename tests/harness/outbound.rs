//! Messages in a line, and what becomes of them.

use domain::delivery::outbox::rules::LEASE;
use domain::delivery::outbox::{Claimed, Outcome, Report, Wanted, ops, view};
use domain::delivery::policy::Cleared;
use domain::delivery::{Content, NewMessage, Priority, Purpose, Status, To};
use domain::kernel::Principal;
use domain::kernel::id::MessageId;
use domain::people::reach::{Channel, Topic};
use domain::workspace::access::Role;
use jiff::{SignedDuration, Timestamp};

use crate::{Team, World};

/// One to the team's own channel, due at once.
pub fn message(occasion: &str, channel: Channel, address: &str, due_at: Timestamp) -> NewMessage {
    NewMessage {
        occasion: occasion.into(),
        topic: Topic::Reminder,
        purpose: Purpose::Internal,
        channel,
        to: To::Team,
        address: address.into(),
        deal_id: None,
        approval_id: None,
        batch_id: None,
        content: Content { subject: occasion.into(), text: format!("About {occasion}."), ..Content::default() },
        priority: Priority::Usual,
        due_at,
        expires_at: None,
    }
}

/// What a channel that was handed this says of it.
pub fn report(cleared: &Cleared, ended_at: Timestamp, outcome: Outcome) -> Report {
    Report {
        message: cleared.message().id,
        attempt: cleared.attempt(),
        ended_at,
        provider_status: None,
        outcome,
        trouble: None,
    }
}

pub fn accepted() -> Outcome {
    Outcome::Accepted { provider_id: None }
}

pub fn not_sent(retry_after: Option<SignedDuration>) -> Outcome {
    Outcome::NotSent { why: "The server is busy".into(), retry_after }
}

pub fn unclear() -> Outcome {
    Outcome::Unclear { why: "The connection broke".into() }
}

impl World {
    /// The product itself at work.
    pub fn machine(&self, team: &Team) -> Principal {
        domain::workspace::access::ops::operator(team.id, "dispatch", domain::kernel::Source::System)
    }

    #[track_caller]
    pub fn enqueue(&self, team: &Team, new: &[NewMessage]) -> Vec<MessageId> {
        let done = self.act(&self.machine(team), |cx| ops::enqueue(cx, new)).unwrap();
        done.into_iter().map(|e| e.id()).collect()
    }

    /// One to the team's own channel, due now.
    #[track_caller]
    pub fn queue(&self, occasion: &str, channel: Channel, address: &str) -> MessageId {
        self.enqueue(&self.team, &[message(occasion, channel, address, self.now())])[0]
    }

    #[track_caller]
    pub fn claim(&self, limit: usize) -> Claimed {
        self.act(&self.machine(&self.team), |cx| ops::claim(cx, &Wanted::up_to(limit))).unwrap()
    }

    #[track_caller]
    pub fn settle(&self, reports: &[Report]) -> Vec<(MessageId, Status)> {
        self.act(&self.machine(&self.team), |cx| ops::settle(cx, reports)).unwrap()
    }

    /// Claims what is due and gives the same answer for all of it.
    #[track_caller]
    pub fn all_end(&self, outcome: &Outcome) -> Vec<(MessageId, Status)> {
        let claimed = self.claim(100);
        let reports: Vec<Report> =
            claimed.cleared.iter().map(|cleared| report(cleared, self.now(), outcome.clone())).collect();
        self.settle(&reports)
    }

    #[track_caller]
    pub fn delivery(&self, id: MessageId) -> view::Detail {
        self.look(&self.team.as_(Role::Owner), |cx| view::detail(cx, id)).unwrap()
    }

    #[track_caller]
    pub fn status(&self, id: MessageId) -> Status {
        self.delivery(id).delivery.status
    }

    pub fn seconds_pass(&self, seconds: u64) {
        self.host.clock().advance(std::time::Duration::from_secs(seconds));
    }

    /// As long as a claim holds.
    pub fn a_lease_passes(&self) {
        self.seconds_pass(LEASE.as_secs().unsigned_abs());
    }
}
