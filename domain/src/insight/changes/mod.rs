//! What happened in the workspace since somebody looked last.
//!
//! The log is without gaps and in the order of its commits: whoever appends to it holds the workspace's head until the
//! commit. So nothing can come later with a lower number than what was seen, and whoever goes on from the last number
//! misses no event, however long somebody else's transaction took.

pub mod ops;
pub mod rules;
pub mod store;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::id::DealId;
use crate::words;

words! {
    /// What an event is about, as a reader asks for it.
    pub enum Kind {
        Deal = "deal",
        Milestone = "milestone",
        Template = "template",
        Draft = "draft",
        Approval = "approval",
        Message = "message",
        // Whether messages leave at all.
        Dispatch = "dispatch",
        Contact = "contact",
        // One that takes nothing any more, or whose holder wants nothing.
        Address = "address",
        // Members, tokens, endpoints, settings: for those who may read the whole log.
        Other = "other",
    }
}

/// An event as a reader sees it: no personal data, and of what people typed nothing but titles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Change {
    /// Place in the workspace's log, counted without gaps.
    pub sequence: i64,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Such as milestone.completed.
    pub event: String,
    pub subject: About,
    pub actor: By,
    /// The face through which it came.
    pub source: String,
    /// The fields that changed.
    pub changed: Vec<String>,
    pub summary: String,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct About {
    pub kind: String,
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub id: Uuid,
    /// As it is called now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub title: Option<String>,
    /// The deal that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub deal_title: Option<String>,
}

/// Who did it. A contact is not named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct By {
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
}

/// Some events in their order, and from where to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Changes {
    /// The first one first.
    pub changes: Vec<Change>,
    /// Hand it in next time: what comes after it is what is new then. It does not go stale.
    pub next_cursor: String,
    /// Whether there is more to be had at once.
    pub more: bool,
}
