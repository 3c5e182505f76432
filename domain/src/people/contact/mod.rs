//! A person outside the team.

pub mod ops;
pub mod standing;
pub mod store;
pub mod view;
pub mod zones;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::Fact;
use crate::kernel::id::ContactId;

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

/// All of it is personal: the log's leaf holds only a salted hash of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Added {
        #[serde(skip)]
        personal: Value,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        "contact.added"
    }

    fn personal(&self) -> Option<Value> {
        let Self::Added { personal } = self;
        Some(personal.clone())
    }
}
