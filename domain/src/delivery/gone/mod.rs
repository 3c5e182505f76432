//! Addresses that take nothing any more: their provider refused them for good, or what was sent there came back.
//!
//! As long as one is known here, the policy refuses what is for it (`BAD_ADDRESS`), until somebody uses another address or
//! opens this one again. A webhook's address belongs to its endpoint, which is disabled instead.

pub mod ops;
pub(super) mod store;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kernel::Fact;
use crate::kernel::id::{GoneAddressId, MessageId};
use crate::people::reach::Channel;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct GoneAddress {
    pub id: GoneAddressId,
    pub channel: Channel,
    /// As a program sees it: masked.
    pub address: String,
    pub why: String,
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// The message that told.
    pub message_id: MessageId,
}

impl GoneAddress {
    /// Why a message for it is refused. Without the provider's words, which may hold the address.
    pub fn sentence(&self) -> String {
        format!(
            "The address takes nothing since {}: it was refused for good, or what was sent there came back (milepost \
             delivery reopen {} opens it again).",
            self.since.strftime("%-d %B %Y (UTC)"),
            self.id
        )
    }
}

/// One form for all ways to write it.
pub fn key(channel: Channel, address: &str) -> String {
    match channel {
        Channel::Email => address.to_lowercase(),
        _ => address.to_owned(),
    }
}

/// Whether such an address can be gone by itself.
pub fn is_kept(channel: Channel) -> bool {
    matches!(channel, Channel::Discord | Channel::Email | Channel::Sms)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The address and a provider's words about it stand beside the log.
    Gone {
        channel: Channel,
        message_id: MessageId,
        #[serde(skip)]
        address: String,
        #[serde(skip)]
        why: String,
    },
    Reopened {
        channel: Channel,
        #[serde(skip)]
        address: String,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Gone { .. } => "address.gone",
            Self::Reopened { .. } => "address.reopened",
        }
    }

    fn personal(&self) -> Option<Value> {
        Some(match self {
            Self::Gone { address, why, .. } => json!({ "address": address, "why": why }),
            Self::Reopened { address, .. } => json!({ "address": address }),
        })
    }
}
