//! A person on the team.

pub mod ops;
pub mod store;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kernel::Fact;
use crate::kernel::event::Change;
use crate::kernel::id::MemberId;
use crate::words;
use crate::workspace::access::Role;

words! {
    pub enum MemberStatus { Active = "active", Inactive = "inactive" }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    pub id: MemberId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub time_zone: String,
    pub status: MemberStatus,
    pub version: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Added {
        role: Role,
        time_zone: String,
        #[serde(skip)]
        name: String,
        #[serde(skip)]
        email: String,
    },
    Changed(Change),
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => "member.added",
            Self::Changed(_) => "member.changed",
        }
    }

    fn personal(&self) -> Option<Value> {
        match self {
            Self::Added { name, email, .. } => Some(json!({ "name": name, "email": email })),
            Self::Changed(_) => None,
        }
    }
}
