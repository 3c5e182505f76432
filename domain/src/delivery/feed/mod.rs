//! What a member sees inside the product: notifications, read or not.

pub mod ops;
mod store;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kernel::Fact;
use crate::kernel::id::{MessageId, NotificationId};
use crate::people::reach::Topic;

/// One line of a member's feed. It links to its subject when it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Notification {
    pub id: NotificationId,
    pub message_id: MessageId,
    pub topic: Topic,
    pub title: String,
    pub body: String,
    /// What it is about, such as `milestone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub subject_kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub subject_id: Option<Uuid>,
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub read_at: Option<Timestamp>,
}

/// What an in-app message is about, as its content's data: the notification links to it.
pub fn about(kind: &str, id: Uuid) -> Value {
    json!({ "subject": { "kind": kind, "id": id } })
}

/// The subject in a content's data, if it has one.
fn subject_of(data: Option<&Value>) -> (Option<String>, Option<Uuid>) {
    let subject = data.and_then(|data| data.get("subject"));
    let kind = subject.and_then(|s| s.get("kind")).and_then(Value::as_str).map(str::to_owned);
    let id = subject.and_then(|s| s.get("id")).and_then(Value::as_str).and_then(|id| id.parse().ok());
    match (kind, id) {
        (Some(kind), Some(id)) => (Some(kind), Some(id)),
        _ => (None, None),
    }
}

/// What happens to a feed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A member has read so many notifications.
    Read { count: usize },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        "notifications.read"
    }
}
