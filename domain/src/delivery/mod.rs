//! Everything that leaves the product: what may be sent, to whom, when, and what became of it.
//!
//! There is one way out: [`outbox::ops::enqueue`], then the policy's decision at the moment of sending
//! ([`policy::gate`]), then a channel that takes only what the gate has [`policy::Cleared`], then the record.

pub mod card;
pub mod cards;
pub mod feed;
pub mod gone;
pub mod html;
pub mod notify;
pub mod outbox;
pub mod policy;
pub mod rehearsal;
pub mod settings;
pub mod sms;
pub mod template;
pub mod thread;
pub mod trial;
pub mod trouble;
pub mod webhook;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kernel::canonical::{self, hex, sha256};
use crate::kernel::id::{ApprovalId, BatchId, ContactId, DealId, EndpointId, MemberId, MessageId, WorkspaceId};
use crate::people::reach::{Channel, Topic};
use crate::words;

words! {
    /// Why it is sent, which decides what the policy asks of it.
    pub enum Purpose {
        /// Sales and marketing.
        Outreach = "outreach",
        /// To a party of a deal, about the deal.
        Transactional = "transactional",
        /// To members, the team's channels, and the team's own programs.
        Internal = "internal",
    }
}

words! {
    /// Where a message stands. All but the first three are settled.
    pub enum Status {
        Queued = "queued",
        /// The policy said: not before an instant.
        Deferred = "deferred",
        Sending = "sending",
        /// The provider took it.
        Sent = "sent",
        Delivered = "delivered",
        Read = "read",
        /// The provider refused it for good.
        Failed = "failed",
        /// It was tried as often as it may be. Can be replayed.
        Dead = "dead",
        /// The policy said no.
        Suppressed = "suppressed",
        Cancelled = "cancelled",
        /// It was not sent while it was of use.
        Expired = "expired",
        /// Whether the provider took it cannot be known. A person decides; it is never sent again by itself.
        Unknown = "unknown",
    }
}

impl Status {
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Queued | Self::Deferred | Self::Sending)
    }
}

/// Who a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    Contact(ContactId),
    Member(MemberId),
    /// A program that listens.
    Endpoint(EndpointId),
    /// A channel of the team's chat.
    Team,
}

/// What is read, byte for byte. The hash over it is what people approve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Content {
    /// One line: an e-mail's subject, a card's title.
    pub subject: String,
    /// Plain text, always there.
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub html: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// For programs: a webhook's body, or what chat draws beside the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Value")]
    pub data: Option<Value>,
}

/// A text file that goes along, such as a calendar entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Attachment {
    pub name: String,
    pub media_type: String,
    pub text: String,
}

impl Content {
    /// SHA-256 over the canonical JSON of `["milepost.message.v1", channel, address, content]`, in hex: what goes where,
    /// and by which way.
    pub fn hash(&self, channel: Channel, address: &str) -> String {
        let form = json!(["milepost.message.v1", channel, address, self]);
        hex(&sha256(&[&canonical::bytes(&form)]))
    }
}

/// The order in which due messages leave; within one, the longest due first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Urgent = 0,
    Usual = 1,
    Bulk = 2,
}

impl Priority {
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Usual, Self::Bulk];
}

/// A message that somebody or some rule wants to leave.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// What it is said on, such as `reminder:<milestone>:<recipient>:2026-12-09:email`. One message for each occasion,
    /// however often it is asked for. At most 200 characters.
    pub occasion: String,
    pub topic: Topic,
    pub purpose: Purpose,
    pub channel: Channel,
    pub to: To,
    /// As the channel understands it: an e-mail address, a phone number, a Discord channel's id, a URL; empty in-app.
    pub address: String,
    pub deal_id: Option<DealId>,
    /// What approved exactly this content for this address.
    pub approval_id: Option<ApprovalId>,
    pub batch_id: Option<BatchId>,
    pub content: Content,
    pub priority: Priority,
    pub due_at: Timestamp,
    /// When it is of no use any more.
    pub expires_at: Option<Timestamp>,
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub workspace: WorkspaceId,
    pub id: MessageId,
    pub occasion: String,
    pub topic: Topic,
    pub purpose: Purpose,
    pub channel: Channel,
    pub to: To,
    pub address: String,
    /// What is paced and watched together: `email:example.com`, `discord:<channel>`, `webhook:<endpoint>`.
    pub destination: String,
    pub deal_id: Option<DealId>,
    pub approval_id: Option<ApprovalId>,
    pub batch_id: Option<BatchId>,
    pub content: Content,
    pub content_hash: String,
    pub priority: i32,
    pub due_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub status: Status,
    /// Why it stands so, for a person.
    pub reason: Option<String>,
    /// When somebody looks at it next; `None` once it is settled.
    pub next_at: Option<Timestamp>,
    /// Until when the dispatcher that claimed it may send it.
    pub lease_until: Option<Timestamp>,
    /// How often it was claimed; the number of the last attempt.
    pub attempts: i32,
    /// When its first byte may have left: from here a provider's window for repetitions counts.
    pub first_write_at: Option<Timestamp>,
    /// When it was counted against the contact's caps; `None` while it was not, or when it certainly never left.
    pub counted_at: Option<Timestamp>,
    pub provider_id: Option<String>,
    pub settled_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub version: i64,
    /// The message that this one draws anew where it stands: nobody gets a second one of it.
    pub edits: Option<MessageId>,
}
