//! Whether a message may leave, decided at the moment of sending and stored before it.

pub mod gate;
pub mod ops;
pub mod rules;
pub mod store;
pub mod view;

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Message, Purpose};
use crate::kernel::id::DecisionId;
use crate::people::contact::zones::Zones;
use crate::people::reach::{Channel, Mode, Quiet, Topic};
use crate::words;

/// What decided. Raised whenever the same facts could give another verdict than before.
pub const ENGINE: i32 = 1;

words! {
    pub enum Verdict { Allow = "allow", Defer = "defer", Block = "block" }
}

words! {
    /// Why something may not leave now. Part of the contract; never renamed.
    pub enum Reason {
        OptedOut = "OPTED_OUT",
        FrequencyCap = "FREQUENCY_CAP",
        QuietHours = "QUIET_HOURS",
        SundayHold = "SUNDAY_HOLD",
        UnansweredSuppression = "UNANSWERED_SUPPRESSION",
        TakeOver = "TAKE_OVER",
        StrategyReviewRequired = "STRATEGY_REVIEW_REQUIRED",
        NoConsent = "NO_CONSENT",
        UnknownZone = "UNKNOWN_ZONE",
        BadAddress = "BAD_ADDRESS",
        Quota = "QUOTA",
        NotApproved = "NOT_APPROVED",
        SwitchedOff = "SWITCHED_OFF",
    }
}

words! {
    /// The rules, in the order in which they are looked at.
    pub enum Rule {
        OptOut = "opt_out",
        FrequencyCap = "frequency_cap",
        QuietHours = "quiet_hours",
        /// The contact's own.
        OwnQuietHours = "own_quiet_hours",
        SundayHold = "sunday_hold",
        BlackoutDay = "blackout_day",
        Unanswered = "unanswered",
        TakeOver = "take_over",
        Review = "review",
        /// What the contact switched off.
        Preference = "preference",
        Consent = "consent",
        Zone = "zone",
        Address = "address",
        Quota = "quota",
        Approval = "approval",
    }
}

/// Who it is for, as far as the rules ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    Contact(Box<Standing>),
    Member { active: bool },
    Endpoint { active: bool },
    Team,
}

/// How a contact stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Since when the contact wants nothing any more.
    pub opted_out_at: Option<Timestamp>,
    /// It was said by somebody else with the same number or address.
    pub opted_out_elsewhere: bool,
    /// The channels for which a consent holds.
    pub consents: BTreeSet<Channel>,
    pub zones: Zones,
    /// The latest outreach that counted, newest first; more than the caps ask for.
    pub outreach: Vec<Timestamp>,
    /// The latest transactional messages that counted, newest first; more than the caps ask for.
    pub transactional: Vec<Timestamp>,
    /// When the contact last wrote.
    pub last_inbound_at: Option<Timestamp>,
    /// Since when a person leads the conversation.
    pub taken_over_at: Option<Timestamp>,
    /// What the contact said of this topic on this channel. Decisions from before it was asked know nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Between which local hours the contact wants nothing, besides the floor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
}

/// What is known of an approval of these words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approved {
    /// The message names none.
    Unasked,
    Given {
        state: String,
        /// Whether it covers exactly this content for this address.
        covers: bool,
        /// The rule that said yes in people's place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_rule: Option<String>,
    },
    /// Nothing was written yet: a preview asks what else would stand in the way.
    Later,
}

/// Everything that a decision rests on, besides the limits and the instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub purpose: Purpose,
    pub topic: Topic,
    pub channel: Channel,
    /// Sent by a rule, and not because a person wrote these words for this occasion.
    pub automated: bool,
    pub recipient: Recipient,
    /// What is wrong with the address, as a sentence.
    pub address_problem: Option<String>,
    /// What makes the words risky, each as it was found.
    pub risks: Vec<String>,
    pub approved: Approved,
    /// Until when the workspace's own quota is used up.
    pub quota_full_until: Option<Timestamp>,
}

/// One rule's part in a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Step {
    pub rule: Rule,
    pub verdict: Verdict,
    /// There when the rule does not allow it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Reason")]
    pub code: Option<Reason>,
    /// When this rule allows it; there exactly when it defers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub until: Option<Timestamp>,
    /// What was looked at.
    #[schemars(extend("type" = "object"))]
    pub inputs: Value,
    pub sentence: String,
}

/// What the policy says of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub verdict: Verdict,
    /// The earliest instant at which every rule allows it; there exactly when it is deferred.
    pub until: Option<Timestamp>,
    /// The codes that stand in the way, in the order of the rules; of a block only those that block.
    pub codes: Vec<Reason>,
    /// What happened, for a person.
    pub why: String,
    /// The safe next action. Empty when it is allowed.
    pub next: String,
    /// Every rule that applies to such a message, in order.
    pub trace: Vec<Step>,
}

/// A message that may be sent, now, by whoever holds this: its decision is stored.
///
/// Only [`gate::clear`] makes one. It cannot be copied, kept or read back:
/// ```compile_fail
/// fn twice(cleared: domain::delivery::policy::Cleared) {
///     let _ = cleared.clone();
/// }
/// ```
/// ```compile_fail
/// let made: domain::delivery::policy::Cleared = serde_json::from_str("{}").unwrap();
/// ```
/// ```compile_fail
/// fn forge(message: domain::delivery::Message, decision: domain::kernel::id::DecisionId) {
///     let _ = domain::delivery::policy::Cleared { message, decision, attempt: 1 };
/// }
/// ```
#[derive(Debug)]
pub struct Cleared {
    message: Message,
    decision: DecisionId,
    attempt: i32,
}

impl Cleared {
    pub fn message(&self) -> &Message {
        &self.message
    }

    pub fn decision(&self) -> DecisionId {
        self.decision
    }

    /// Which attempt at the message this is, from 1. A later one makes this one void.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }
}

/// What the gate says of a message that is due.
#[derive(Debug)]
pub enum Ruling {
    Go(Cleared),
    Wait { message: Message, until: Timestamp, why: String },
    No { message: Message, why: String },
}
