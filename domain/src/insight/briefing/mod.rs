//! What needs somebody's attention today, and why.

pub mod ops;
pub mod rules;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::id::DealId;
use crate::words;

words! {
    /// Why something is on the list, in the order in which those that are equally urgent stand.
    pub enum Section {
        /// Nothing leaves until a person resumes.
        Held = "held",
        /// A milestone whose day is over.
        Overdue = "overdue",
        /// A message that failed, or of which nobody can know whether it arrived.
        NotDelivered = "not_delivered",
        /// A milestone of today or of the next days.
        Due = "due",
        /// Something that waits for a yes.
        WaitsForYes = "waits_for_yes",
        /// A letter that nobody can approve as it is, or that is not written yet.
        Letter = "letter",
        /// A deal that closes soon, or should have, with milestones that are open.
        Closing = "closing",
        NeedsDate = "needs_date",
    }
}

words! {
    pub enum Urgency { Now = "now", Today = "today", Soon = "soon" }
}

words! {
    /// What the id is of.
    pub enum Kind {
        Milestone = "milestone",
        Deal = "deal",
        Approval = "approval",
        Draft = "draft",
        Delivery = "delivery",
        Workspace = "workspace",
    }
}

/// Something that needs attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Item {
    pub section: Section,
    pub urgency: Urgency,
    pub kind: Kind,
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub id: Uuid,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub deal_title: Option<String>,
    /// The day that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub due_on: Option<Date>,
    /// A sentence of our own.
    pub why: String,
    /// Who can do something about it, by name and as what they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<String>,
    /// Of a deal that closes: the first of its open milestones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// What somebody said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub said: Option<String>,
}

/// The day's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Briefing {
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub as_of: Timestamp,
    /// The day in the zone of the workspace, or of the one deal.
    #[schemars(with = "String", extend("format" = "date"))]
    pub today: Date,
    pub time_zone: String,
    /// How much of everything there is, in a sentence.
    pub summary: String,
    /// The most urgent first.
    pub items: Vec<Item>,
    /// How many of a section are not shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, i64>")]
    pub left_out: BTreeMap<Section, i64>,
}
