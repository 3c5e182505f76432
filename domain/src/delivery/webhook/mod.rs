//! Programs that listen: what happens here is told to them, signed, at least once, in the log's order of becoming due.
//!
//! The database holds no secret of theirs: what signs derives from the installation's key, the endpoint's id and the number
//! of the secret that stands here, and what their headers carry is sealed.

pub mod ops;
pub mod rules;
pub mod sealed;
pub mod store;
pub mod target;
pub mod view;

use std::collections::BTreeMap;

use jiff::Timestamp;
use sealed::Carried;
use serde::{Deserialize, Serialize};

use crate::kernel::Fact;
use crate::kernel::event::Change;
use crate::kernel::id::EndpointId;
use crate::words;

words! {
    pub enum EndpointStatus {
        Active = "active",
        /// By a person, or because it answered 410. Nothing is sent to it.
        Disabled = "disabled",
        Removed = "removed",
    }
}

/// A program that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub id: EndpointId,
    /// Never changes: another address is another endpoint, with a secret of its own.
    pub url: String,
    /// Which events it is told of: `*`, `milestone.*`, `deal.created`.
    pub events: Vec<String>,
    /// Sent along with each call. Names in lower case.
    pub headers: BTreeMap<String, Carried>,
    pub status: EndpointStatus,
    pub disabled_why: Option<String>,
    /// The number of its secret, from 1.
    pub secret_version: i32,
    /// Until when calls are signed with the secret before this one, too.
    pub previous_until: Option<Timestamp>,
    /// The last event of the log that was looked at for it; of a disabled one, the last before those that it missed.
    pub cursor: i64,
    pub created_at: Timestamp,
    pub version: i64,
}

impl Endpoint {
    /// The numbers of the secrets that sign now, the newest first.
    pub fn secret_versions(&self, now: Timestamp) -> Vec<i32> {
        let previous = self.previous_until.filter(|until| now < *until).map(|_| self.secret_version - 1);
        std::iter::once(self.secret_version).chain(previous.filter(|version| *version >= 1)).collect()
    }
}

/// What happens to endpoints. An address may hold a secret in its path, so the log names the host alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Added { host: String, events: Vec<String>, headers: Vec<String> },
    Changed(Change),
    SecretRotated { secret_version: i32, previous_until: Option<Timestamp> },
    Disabled { why: String },
    Enabled { after: i64 },
    Removed { host: String },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => "endpoint.added",
            Self::Changed(_) => "endpoint.changed",
            Self::SecretRotated { .. } => "endpoint.secret_rotated",
            Self::Disabled { .. } => "endpoint.disabled",
            Self::Enabled { .. } => "endpoint.enabled",
            Self::Removed { .. } => "endpoint.removed",
        }
    }
}
