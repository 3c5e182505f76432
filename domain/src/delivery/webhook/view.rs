//! Endpoints as they are shown. What a header carries may be a secret, so only its name is.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Endpoint, EndpointStatus};
use crate::kernel::id::EndpointId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct EndpointView {
    pub id: EndpointId,
    pub url: String,
    pub events: Vec<String>,
    /// Names of the headers that go along.
    pub headers: Vec<String>,
    pub status: EndpointStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub disabled_why: Option<String>,
    pub secret_version: i32,
    /// Until when calls are signed with the previous secret, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub previous_secret_until: Option<Timestamp>,
    /// The number of the last event of the log that was looked at for it.
    pub told_up_to: i64,
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    pub version: i64,
}

pub fn view(e: &Endpoint, now: Timestamp) -> EndpointView {
    EndpointView {
        id: e.id,
        url: e.url.clone(),
        events: e.events.clone(),
        headers: e.headers.keys().cloned().collect(),
        status: e.status,
        disabled_why: e.disabled_why.clone(),
        secret_version: e.secret_version,
        previous_secret_until: e.previous_until.filter(|until| now < *until),
        told_up_to: e.cursor,
        created_at: e.created_at,
        version: e.version,
    }
}
