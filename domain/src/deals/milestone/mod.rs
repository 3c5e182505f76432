//! A dated promise inside a deal, the reason for its date, and what we do when it slips.

pub mod explain;
pub mod ops;
pub mod rules;
pub mod store;
pub mod template;
pub mod view;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calendar::{Days, PassedDay, Roll};
use super::deal::PartyRole;
use crate::kernel::Fact;
use crate::kernel::event::Change;
use crate::kernel::id::{DealId, MemberId, MilestoneId};
use crate::words;
use template::DateRule;

words! {
    /// What is stored. Whether an open milestone is overdue depends on the clock and is never stored as a status.
    pub enum MilestoneState {
        Upcoming = "upcoming",
        Scheduled = "scheduled",
        InProgress = "in_progress",
        Completed = "completed",
        Waived = "waived",
    }
}

words! {
    /// What is shown: the stored state, or `overdue` for an open milestone whose due day has ended in the deal's zone.
    pub enum MilestoneStatus {
        Upcoming = "upcoming",
        Scheduled = "scheduled",
        InProgress = "in_progress",
        Completed = "completed",
        Waived = "waived",
        Overdue = "overdue",
    }
}

words! {
    /// Who answers for a milestone, or hears of it: a role on the deal, or all of them.
    pub enum Responsible {
        All = "all",
        Buyer = "buyer",
        Seller = "seller",
        BuyerAgent = "buyer_agent",
        SellerAgent = "seller_agent",
        Attorney = "attorney",
        Lender = "lender",
        Inspector = "inspector",
        Appraiser = "appraiser",
        Title = "title",
        Other = "other",
    }
}

impl Responsible {
    /// The one role that is meant; `None` when it is all of them.
    pub fn role(self) -> Option<PartyRole> {
        self.as_str().parse().ok()
    }
}

impl From<PartyRole> for Responsible {
    fn from(role: PartyRole) -> Self {
        match role {
            PartyRole::Buyer => Self::Buyer,
            PartyRole::Seller => Self::Seller,
            PartyRole::BuyerAgent => Self::BuyerAgent,
            PartyRole::SellerAgent => Self::SellerAgent,
            PartyRole::Attorney => Self::Attorney,
            PartyRole::Lender => Self::Lender,
            PartyRole::Inspector => Self::Inspector,
            PartyRole::Appraiser => Self::Appraiser,
            PartyRole::Title => Self::Title,
            PartyRole::Other => Self::Other,
        }
    }
}

words! {
    /// How far the work on an open milestone is. Any of them can follow any other.
    pub enum OpenState { Upcoming = "upcoming", Scheduled = "scheduled", InProgress = "in_progress" }
}

/// Where a milestone stands, with the evidence for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Open(OpenState),
    Completed {
        at: Timestamp,
        by: String,
    },
    Waived {
        at: Timestamp,
        by: String,
        /// A required milestone is never waived without one.
        reason: Option<String>,
    },
}

impl State {
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// The word that is stored.
    pub fn word(&self) -> MilestoneState {
        match self {
            Self::Open(OpenState::Upcoming) => MilestoneState::Upcoming,
            Self::Open(OpenState::Scheduled) => MilestoneState::Scheduled,
            Self::Open(OpenState::InProgress) => MilestoneState::InProgress,
            Self::Completed { .. } => MilestoneState::Completed,
            Self::Waived { .. } => MilestoneState::Waived,
        }
    }
}

/// A rule as it was when it made a milestone. Stored with the milestone, so that a later version of the template never
/// moves a deal that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRule {
    pub template: String,
    pub template_version: i32,
    /// The id of a [`HolidayCalendar`](super::calendar::HolidayCalendar).
    pub holidays: String,
    pub rule: DateRule,
}

/// A key date by name, and what it was when it was counted from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Reference {
    pub name: String,
    #[schemars(with = "String", extend("format" = "date"))]
    pub date: Date,
}

/// Which holidays were looked up, and in which version of the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct HolidayData {
    pub calendar: String,
    pub version: String,
}

/// How a date was worked out, completely enough to work it out again on paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Derivation {
    pub template: String,
    pub template_version: i32,
    /// The type of the rule.
    pub rule: String,
    pub holidays: HolidayData,
    /// The key date that was counted from.
    pub reference: Reference,
    /// Days after the reference; negative before it.
    pub offset: i32,
    pub days: Days,
    pub roll: Roll,
    /// Whether the rule's own reference was absent, so that its fallback was counted from.
    pub fallback: bool,
    /// The reference that was absent. There exactly when `fallback` is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
    /// The weekend days and holidays that were not counted, in the order they were passed.
    pub skipped: Vec<PassedDay>,
    /// Where counting ended, before rolling.
    #[schemars(with = "String", extend("format" = "date"))]
    pub counted_to: Date,
    /// The weekend days and holidays that the date was moved off, from `counted_to` on.
    pub rolled: Vec<PassedDay>,
    #[schemars(with = "String", extend("format" = "date"))]
    pub due_on: Date,
}

/// Why a rule gives no date: the key dates it could count from are absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Undated {
    pub template: String,
    pub template_version: i32,
    /// The type of the rule.
    pub rule: String,
    /// The rule's reference, then its fallback if it has one.
    pub absent: Vec<String>,
}

/// What a rule says about a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schemars(inline)]
pub enum Due {
    On(Derivation),
    NeedsDate(Undated),
}

impl Due {
    pub fn date(&self) -> Option<Date> {
        match self {
            Self::On(derivation) => Some(derivation.due_on),
            Self::NeedsDate(_) => None,
        }
    }
}

/// A date that a person set: of a milestone of their own, or over what the rule said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct ByHand {
    /// The person's name as it is shown.
    pub by: String,
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the rule said when it was overridden; `None` for a milestone that no rule made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Box<Due>>,
}

/// Where a milestone's date comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schemars(inline)]
pub enum Origin {
    Rule(Derivation),
    NeedsDate(Undated),
    ByHand(ByHand),
}

impl Origin {
    /// What the rule says, or said when a person overrode it. `None` for a milestone that no rule made.
    pub fn said_by_rule(&self) -> Option<Due> {
        match self {
            Self::Rule(derivation) => Some(Due::On(derivation.clone())),
            Self::NeedsDate(undated) => Some(Due::NeedsDate(undated.clone())),
            Self::ByHand(by_hand) => by_hand.instead_of.as_deref().cloned(),
        }
    }
}

impl From<Due> for Origin {
    fn from(due: Due) -> Self {
        match due {
            Due::On(derivation) => Self::Rule(derivation),
            Due::NeedsDate(undated) => Self::NeedsDate(undated),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    pub id: MilestoneId,
    pub deal_id: DealId,
    /// The rule's type, or `custom`.
    pub type_: String,
    pub title: String,
    /// `None` when it needs a date.
    pub due_on: Option<Date>,
    /// When the due day ends in the deal's zone.
    pub lapses_at: Option<Timestamp>,
    pub state: State,
    pub required: bool,
    pub responsible: Responsible,
    pub responsible_member: Option<MemberId>,
    /// `None` when reminders are off.
    pub remind_days_before: Option<i32>,
    pub notify: Vec<Responsible>,
    pub notes: String,
    /// Links that show it was done.
    pub evidence: Vec<String>,
    /// A person set its date, which no change of key dates moves.
    pub pinned: bool,
    pub rule: Option<StoredRule>,
    pub origin: Origin,
    pub created_at: Timestamp,
    pub version: i64,
}

impl Milestone {
    pub fn status(&self, now: Timestamp) -> MilestoneStatus {
        rules::status(&self.state, self.lapses_at, now)
    }
}

/// The type of a milestone that no rule made.
pub const CUSTOM: &str = "custom";

/// What happens to a milestone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Added {
        deal_id: DealId,
        title: String,
        due_on: Option<Date>,
        responsible: Responsible,
    },
    Edited {
        deal_id: DealId,
        #[serde(flatten)]
        change: Change,
    },
    /// A member has read the title, which a program wrote, and lets contacts read it.
    TitleConfirmed {
        deal_id: DealId,
        title: String,
    },
    Completed {
        deal_id: DealId,
        before: MilestoneState,
        after: MilestoneState,
        days_late: i32,
        note: Option<String>,
    },
    Waived {
        deal_id: DealId,
        before: MilestoneState,
        after: MilestoneState,
        reason: Option<String>,
    },
    Reopened {
        deal_id: DealId,
        before: MilestoneState,
        after: MilestoneState,
        reason: Option<String>,
    },
    Removed {
        deal_id: DealId,
        title: String,
        due_on: Option<Date>,
        reason: Option<String>,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => "milestone.added",
            Self::Edited { .. } => "milestone.edited",
            Self::TitleConfirmed { .. } => "milestone.title_confirmed",
            Self::Completed { .. } => "milestone.completed",
            Self::Waived { .. } => "milestone.waived",
            Self::Reopened { .. } => "milestone.reopened",
            Self::Removed { .. } => "milestone.removed",
        }
    }
}
