//! Where something is that somebody remembers a few words of.
//!
//! Every word must be the beginning of a word of what is found, whatever its case and its diacritics. What has all of them in
//! its title comes before what has them elsewhere; of those, deals, people and templates come first, then milestones and
//! letters, approvals, and messages at last; of each the one whose words were written last.

pub mod catch_up;
pub mod ops;
pub mod rules;
mod view;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::id::DealId;
use crate::words;

words! {
    /// What can be found.
    pub enum Kind {
        Deal = "deal",
        Milestone = "milestone",
        Contact = "contact",
        Template = "template",
        Draft = "draft",
        Approval = "approval",
        Delivery = "delivery",
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Hit {
    pub kind: Kind,
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub id: Uuid,
    /// The deal that it belongs to; of a contact, the newest one that they are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    pub title: String,
    /// What it says around what was looked for, or what tells it from others. Somebody's words, cut short.
    pub snippet: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub status: Option<String>,
    /// Of a milestone its date, of a deal its closing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub due_on: Option<Date>,
}
