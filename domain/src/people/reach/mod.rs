//! Through what people are reached, and about what.

pub mod ops;
pub mod proof;
pub mod rules;
pub mod store;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::kernel::Fact;
use crate::kernel::event::Change;
use crate::kernel::id::{ContactId, MemberId};
use crate::words;

words! {
    /// The way a message takes.
    pub enum Channel {
        Discord = "discord",
        Email = "email",
        Sms = "sms",
        Webhook = "webhook",
        InApp = "in_app",
        Console = "console",
    }
}

words! {
    /// What a message is about; what a person switches on and off.
    pub enum Topic {
        Reminder = "reminder",
        Overdue = "overdue",
        Escalation = "escalation",
        Digest = "digest",
        FollowUp = "follow_up",
        Checklist = "checklist",
        /// Words that somebody wrote for this one occasion.
        Message = "message",
        /// An approval waits, or was decided.
        Approval = "approval",
        /// Something failed that a member should know of.
        Alert = "alert",
        /// A fact of the log, for another program.
        Event = "event",
    }
}

words! {
    /// How somebody wants to hear of a topic on a channel.
    pub enum Mode {
        /// At once.
        On = "on",
        Off = "off",
        /// Together with others, on the hour, daily or weekly.
        Hourly = "hourly",
        Daily = "daily",
        Weekly = "weekly",
    }
}

impl Mode {
    pub fn is_digest(self) -> bool {
        matches!(self, Self::Hourly | Self::Daily | Self::Weekly)
    }
}

words! {
    pub enum Day {
        Monday = "monday",
        Tuesday = "tuesday",
        Wednesday = "wednesday",
        Thursday = "thursday",
        Friday = "friday",
        Saturday = "saturday",
        Sunday = "sunday",
    }
}

/// Local times `HH:MM`. Nothing but what is urgent reaches the person in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Quiet {
    pub from: String,
    pub until: String,
}

/// How a person wants to be reached. What is absent is as usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct Preferences {
    pub topics: BTreeMap<Topic, BTreeMap<Channel, Mode>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Quiet")]
    pub quiet: Option<Quiet>,
    /// When daily and weekly digests come: a local time `HH:MM`.
    pub digest_at: String,
    /// On which day the weekly digest comes.
    pub digest_on: Day,
    /// Which channel is tried first, and which next when it fails.
    pub order: Vec<Channel>,
    /// A Discord user id, digits only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub discord: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub phone: Option<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            topics: BTreeMap::new(),
            quiet: None,
            digest_at: "08:00".into(),
            digest_on: Day::Monday,
            order: Vec::new(),
            discord: None,
            phone: None,
        }
    }
}

/// Whose preferences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Person {
    Member(MemberId),
    Contact(ContactId),
}

impl Person {
    fn kind(self) -> &'static str {
        match self {
            Self::Member(_) => "member",
            Self::Contact(_) => "contact",
        }
    }

    fn id(self) -> Uuid {
        match self {
            Self::Member(id) => id.0,
            Self::Contact(id) => id.0,
        }
    }
}

impl Preferences {
    /// What the person said of a topic on a channel, when they said anything.
    pub fn said(&self, topic: Topic, channel: Channel) -> Option<Mode> {
        self.topics.get(&topic).and_then(|ways| ways.get(&channel)).copied()
    }

    /// How `person` hears of a topic on a channel.
    pub fn mode(&self, person: Person, topic: Topic, channel: Channel) -> Mode {
        self.said(topic, channel).unwrap_or_else(|| match person {
            Person::Member(_) => rules::usual_for_member(topic, channel),
            Person::Contact(_) => rules::usual_for_contact(topic, channel),
        })
    }
}

/// What happens to somebody's preferences. Numbers and ids of people stand beside the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Changed {
        #[serde(flatten)]
        change: Change,
        #[serde(skip)]
        personal: Value,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        "preferences.changed"
    }

    fn personal(&self) -> Option<Value> {
        let Self::Changed { personal, .. } = self;
        Some(personal.clone())
    }
}
