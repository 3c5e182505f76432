//! The log as an auditor reads it: search, export, and the proof that nobody rewrote it.

pub mod ops;
pub mod rules;
pub mod store;

use schemars::JsonSchema;
use serde::Serialize;

use crate::kernel::Subject;
use crate::kernel::id::{DealId, EventId};

/// What `audit verify` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How many events were looked at.
    pub events: i64,
    /// The last chain value: keep it elsewhere to prove later that nothing before it changed.
    pub head: String,
    /// The first thing that is wrong; `None` when the log is whole.
    pub first_break: Option<Break>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    pub sequence: i64,
    /// What is wrong there, as a sentence.
    pub what: String,
}

/// One event as it is shown and exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub sequence: i64,
    pub id: String,
    pub at: String,
    pub actor: String,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub source: String,
    pub correlation_id: String,
    pub subject_kind: String,
    pub subject_id: String,
    pub event: String,
    pub data: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personal: Option<serde_json::Value>,
    pub leaf: String,
    pub chain: String,
}

/// What a stretch of the log is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// What each event is about, and the deal that it belongs to where it says one.
    pub subjects: Vec<(Subject, Option<DealId>)>,
    /// The number of the last event that was looked at.
    pub last: i64,
    /// Whether there are events after it.
    pub more: bool,
}

/// What every face answers a write with: look it up in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Proof {
    pub event_id: EventId,
    /// Place in the workspace's log.
    pub sequence: i64,
    /// What happened, such as milestone.completed.
    pub event: String,
    /// The fields that changed.
    pub changed: Vec<String>,
    /// Whether the events were found in the log after the commit.
    pub read_back: bool,
    /// Further events of the same change, as sequence numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<i64>,
}
