//! A person outside the team.

pub mod ops;
pub mod standing;
pub mod store;
pub mod view;
pub mod zones;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::Fact;
use crate::kernel::id::ContactId;
use crate::people::reach::Channel;
use crate::words;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
pub struct Contact {
    pub id: ContactId,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub time_zone: Option<String>,
    /// Where they live, as far as it tells their zone: `US-IL`, or a country such as `CA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub region: Option<String>,
}

impl Contact {
    /// Whether the contact is reached at this address by a channel. Of the others no address is written down.
    pub fn is_at(&self, channel: Channel, address: &str) -> bool {
        let own = match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.phone,
            _ => return true,
        };
        own.as_deref().is_some_and(|own| zones::plain(own) == zones::plain(address))
    }
}

words! {
    /// What became of a field. What stood in it is personal.
    pub enum Turn { Added = "added", Changed = "changed", Removed = "removed" }
}

/// Who it is is personal: the log's leaf holds only a salted hash of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Added {
        #[serde(skip)]
        personal: Value,
    },
    Edited {
        /// By the names of the fields.
        #[serde(flatten)]
        fields: BTreeMap<String, Turn>,
        #[serde(skip)]
        personal: Value,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => "contact.added",
            Self::Edited { .. } => "contact.edited",
        }
    }

    fn personal(&self) -> Option<Value> {
        let (Self::Added { personal } | Self::Edited { personal, .. }) = self;
        Some(personal.clone())
    }
}
