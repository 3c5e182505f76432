//! How a workspace wants messages to leave: what it tightens of the policy, where the team hears, who is told when
//! something stays undone.

pub mod ops;
pub mod rules;
pub mod stage;
pub mod store;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::stage::DraftStage;
use super::sms::Price;
use crate::kernel::event::Change;
use crate::kernel::id::MemberId;
use crate::kernel::time::TimeOfDay;
use crate::kernel::{Fact, Subject};
use crate::people::reach::Channel;
use crate::words;
use crate::workspace::access::Role;

/// The whole document. A workspace that never said anything has [`Settings::default`].
///
/// Of the policy it can only tighten: [`Settings::limits`] never gives less than the floor, whatever stands here. A row
/// that a newer version wrote is read without what is not known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Settings {
    /// When quiet hours begin in the contact's zone. 21:00 or earlier.
    pub quiet_from: TimeOfDay,
    /// When they end. 09:00 or later, and before they begin.
    pub quiet_until: TimeOfDay,
    /// Whether outreach waits on Saturdays as it does on Sundays.
    pub hold_saturdays: bool,
    /// Whether Sundays, held Saturdays and blackout days hold transactional messages too.
    pub hold_transactional: bool,
    /// Days on which outreach waits until the next morning.
    #[schemars(with = "Vec<String>")]
    pub blackout_days: BTreeSet<Date>,
    /// Hours between two outreach messages to one contact. 24 or more.
    pub outreach_every_hours: i64,
    /// How many transactional messages a contact gets in 24 hours, at most.
    pub transactional_per_day: i64,
    /// After how many unanswered outreach messages a contact is left alone. 5 or fewer.
    pub unanswered_most: i64,
    /// Within how many days these count. 14 or more.
    pub unanswered_days: i64,
    /// How many messages to contacts leave the workspace in 24 hours, at most. No bound of its own when absent.
    pub messages_per_day: Option<i64>,
    /// Where the team hears of reminders and of what is overdue, when a deal has no place of its own.
    pub team_channel: Option<TeamChannel>,
    /// Whether what chat hears of a deal stands in a thread of its own there, on Discord, when the deal has no place of its own.
    pub deal_threads: bool,
    /// Whether the owner of a deal gets an e-mail when something is overdue, besides the notification.
    pub overdue_email: bool,
    /// Hours after the owner was told that something is overdue until others are told, and between those.
    pub escalate_after_hours: i64,
    /// Who is told then, one after the other.
    #[schemars(with = "Vec<String>")]
    pub escalation_path: Vec<Whom>,
    /// The stages in which drafts are decided about, one after the other, each as [`DraftStage`] writes it. When empty any owner,
    /// admin or coordinator decides, and those who are waited for are told again each day.
    #[schemars(with = "Vec<String>")]
    pub draft_stages: Vec<DraftStage>,
    /// Types of milestones whose follow-ups leave without anybody's approval: never with risky words, nor with words that
    /// a program wrote.
    pub unapproved_follow_ups: BTreeSet<String>,
    /// Whether these may leave in a model's words too; else only in the template's.
    pub unapproved_model_words: bool,
    /// Whether an e-mail is sent again when nobody can know if it left. It may arrive twice then.
    pub resend_unclear_email: bool,
    /// The same of text messages.
    pub resend_unclear_sms: bool,
    /// Whether contacts are reminded of milestones that are theirs.
    pub reminders_to_contacts: bool,
    /// What the provider takes for one segment of a text, such as `0.0079 USD`; no cost is shown when absent.
    #[schemars(with = "Option<String>")]
    pub sms_segment_price: Option<Price>,
    /// Whether the team's channel hears of its day once a day, of its week on Mondays, or of both.
    pub team_digest: TeamDigest,
    /// When, in the workspace's zone.
    pub team_digest_at: TimeOfDay,
}

words! {
    /// How often the team's channel hears of what lies before it.
    pub enum TeamDigest { Off = "off", Daily = "daily", Weekly = "weekly", Both = "both" }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quiet_from: rules::FLOOR_QUIET_FROM,
            quiet_until: rules::FLOOR_QUIET_UNTIL,
            hold_saturdays: false,
            hold_transactional: false,
            blackout_days: BTreeSet::new(),
            outreach_every_hours: rules::FLOOR_OUTREACH_HOURS,
            transactional_per_day: 6,
            unanswered_most: rules::FLOOR_UNANSWERED,
            unanswered_days: rules::FLOOR_UNANSWERED_DAYS,
            messages_per_day: None,
            team_channel: None,
            deal_threads: false,
            overdue_email: false,
            escalate_after_hours: 24,
            escalation_path: vec![Whom::Role(Role::Admin), Whom::Role(Role::Owner)],
            draft_stages: Vec::new(),
            unapproved_follow_ups: BTreeSet::new(),
            unapproved_model_words: false,
            resend_unclear_email: false,
            resend_unclear_sms: false,
            reminders_to_contacts: true,
            sms_segment_price: None,
            team_digest: TeamDigest::Off,
            team_digest_at: TimeOfDay::at(8, 0),
        }
    }
}

impl Settings {
    /// Whether a message of this channel is sent again by itself when nobody can know if it left.
    pub fn resends_unclear(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.resend_unclear_email,
            Channel::Sms => self.resend_unclear_sms,
            _ => false,
        }
    }
}

/// A place where the whole team reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct TeamChannel {
    /// `discord` or `console`.
    pub channel: Channel,
    /// The channel's id on Discord; any word on the console.
    pub address: String,
}

/// Somebody on the team. Written `role:admin` or `member:<id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whom {
    /// Every active member of this role.
    Role(Role),
    Member(MemberId),
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Member(id) => write!(f, "member:{id}"),
        }
    }
}

impl FromStr for Whom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = match text.split_once(':') {
            Some(("role", role)) => role.parse().map(Self::Role).ok(),
            Some(("member", id)) => id.parse().map(Self::Member).ok(),
            _ => None,
        };
        read.ok_or_else(|| "is nobody on a team. Write role:admin or member: and the member's id".into())
    }
}

impl Serialize for Whom {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Whom {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The settings as they are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Stored {
    pub settings: Settings,
    /// Since when nothing is sent until a person says go on.
    #[schemars(with = "Option<String>")]
    pub held_since: Option<Timestamp>,
    pub held_why: Option<String>,
    /// The server's clock jumped ahead, and nobody has resumed since: nothing is planned by it either.
    #[serde(skip)]
    pub clock_in_doubt: bool,
    /// 0 while nobody said anything.
    pub version: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Changed(Change),
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        "delivery_settings.changed"
    }
}

pub(in crate::delivery) fn subject(workspace: crate::kernel::id::WorkspaceId) -> Subject {
    Subject::new("delivery_settings", workspace.0)
}
