//! How a contact stands with us: what they agreed to, whether they want nothing any more, when they last wrote, and
//! whether a person leads the conversation.

pub mod heard;
pub mod ops;
pub mod store;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use heard::{Heard, heard};

use crate::kernel::Fact;
use crate::people::reach::Channel;
use crate::words;

words! {
    /// On which way a contact's word reached us.
    pub enum Via {
        Sms = "sms",
        Email = "email",
        Discord = "discord",
        /// Said on the telephone, and written down by a member.
        Phone = "phone",
        InPerson = "in_person",
        Letter = "letter",
        /// A link that was made for this contact alone.
        Link = "link",
    }
}

/// All of it, as it is stored. Nothing is known of most contacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Standing {
    /// Since when the contact wants nothing any more, by any channel. Only the contact can undo it.
    #[schemars(with = "Option<String>")]
    pub opted_out_at: Option<Timestamp>,
    pub opted_out_via: Option<String>,
    /// When the contact last opted in again.
    #[schemars(with = "Option<String>")]
    pub opted_in_at: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub last_inbound_at: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub taken_over_at: Option<Timestamp>,
    pub taken_over_by: Option<String>,
    pub version: i64,
}

/// What a contact agreed to, for one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Consent {
    pub channel: Channel,
    #[schemars(with = "String")]
    pub given_at: Timestamp,
    #[schemars(with = "Option<String>")]
    pub withdrawn_at: Option<Timestamp>,
    /// What shows that it was given.
    pub evidence: String,
}

impl Consent {
    pub fn holds(&self) -> bool {
        self.withdrawn_at.is_none()
    }
}

/// What happens to a contact's standing. Words and names are personal and stand beside the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    OptedOut {
        via: Via,
        #[serde(skip)]
        why: String,
    },
    OptedIn {
        via: Via,
    },
    ConsentGiven {
        channel: Channel,
        #[serde(skip)]
        evidence: String,
    },
    ConsentWithdrawn {
        channel: Channel,
        #[serde(skip)]
        why: String,
    },
    /// The contact wrote. What they wrote is not kept here.
    Heard {
        via: Via,
        meaning: Heard,
    },
    TakenOver {
        #[serde(skip)]
        by: String,
    },
    Released {},
    /// Whoever has this address wants nothing any more. The log names no address.
    AddressOptedOut {
        via: Via,
    },
    AddressOptedIn {
        via: Via,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::OptedOut { .. } => "contact.opted_out",
            Self::OptedIn { .. } => "contact.opted_in",
            Self::ConsentGiven { .. } => "contact.consent_given",
            Self::ConsentWithdrawn { .. } => "contact.consent_withdrawn",
            Self::Heard { .. } => "contact.heard",
            Self::TakenOver { .. } => "contact.taken_over",
            Self::Released {} => "contact.released",
            Self::AddressOptedOut { .. } => "address.opted_out",
            Self::AddressOptedIn { .. } => "address.opted_in",
        }
    }

    fn personal(&self) -> Option<Value> {
        match self {
            Self::OptedOut { why, .. } | Self::ConsentWithdrawn { why, .. } if !why.is_empty() => {
                Some(json!({ "why": why }))
            }
            Self::ConsentGiven { evidence, .. } => Some(json!({ "evidence": evidence })),
            Self::TakenOver { by } => Some(json!({ "by": by })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
