//! A real-estate transaction that somebody has promised to close on a date.

pub mod cascade;
pub mod import;
pub mod intake;
pub mod key_dates;
pub mod ops;
pub mod parties;
pub mod rules;
pub mod store;
pub mod view;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::kernel::event::Change;
use crate::kernel::id::{ContactId, DealId, MemberId, MilestoneId, PartyId, PlanId};
use crate::kernel::{Fact, time};
use crate::words;

words! {
    /// Which side of the transaction the team represents.
    pub enum Side { Buyer = "buyer", Seller = "seller", Both = "both" }
}

words! {
    pub enum Financing {
        Cash = "cash",
        Conventional = "conventional",
        Fha = "fha",
        Va = "va",
        Usda = "usda",
    }
}

words! {
    pub enum DealStatus { Draft = "draft", Active = "active", Closed = "closed", Cancelled = "cancelled" }
}

words! {
    /// What a contact or member is on a deal.
    pub enum PartyRole {
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

/// Named civil dates of a deal, by name. `contract_date` and `closing_date` are always there once a deal exists.
pub type KeyDates = BTreeMap<String, Date>;

pub const CONTRACT_DATE: &str = "contract_date";
pub const CLOSING_DATE: &str = "closing_date";
/// Those that the templates of the product count from. A deal may have others of its own.
pub const KNOWN_DATES: [&str; 5] = [
    CONTRACT_DATE,
    CLOSING_DATE,
    "inspection_deadline",
    "appraisal_contingency_deadline",
    "financing_contingency_deadline",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    pub id: DealId,
    pub title: String,
    pub address: String,
    pub side: Side,
    pub financing: Financing,
    /// Two capital letters.
    pub state: Option<String>,
    /// US cents.
    pub price_cents: Option<i64>,
    /// An IANA name. Its civil days are the deal's.
    pub time_zone: String,
    pub owner_id: Option<MemberId>,
    /// The channel of Discord in which the team speaks of it; the workspace's when there is none.
    pub chat_channel: Option<String>,
    pub status: DealStatus,
    pub template: String,
    /// The version that generated the milestones, or would.
    pub template_version: i32,
    pub key_dates: KeyDates,
    pub created_at: Timestamp,
    pub activated_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Counts every change of the deal and of its milestones.
    pub version: i64,
}

impl Deal {
    pub fn zone(&self) -> TimeZone {
        time::zone(&self.time_zone)
    }
}

/// A contact in a role on a deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub id: PartyId,
    pub role: PartyRole,
    pub contact_id: ContactId,
}

/// A milestone's date as an event remembers it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dating {
    pub id: MilestoneId,
    pub title: String,
    pub due_on: Option<Date>,
}

/// What happens to a deal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Created {
        title: String,
        address: String,
        side: Side,
        financing: Financing,
        state: Option<String>,
        price_cents: Option<i64>,
        time_zone: String,
        template: String,
        key_dates: KeyDates,
        parties: Vec<(PartyRole, ContactId)>,
    },
    Edited(Change),
    Confirmed {
        template: String,
        template_version: i32,
        milestones: Vec<Dating>,
    },
    /// A member has read these, which a program gave, and lets contacts be written to with them.
    WordsConfirmed {
        title: bool,
        address: bool,
        parties: bool,
    },
    Closed {
        open_milestones: usize,
    },
    Cancelled {
        open_milestones: usize,
        reason: Option<String>,
    },
    PartyAdded {
        role: PartyRole,
        contact_id: ContactId,
    },
    PartyRemoved {
        role: PartyRole,
        contact_id: ContactId,
    },
    KeyDatesChanged {
        plan: PlanId,
        undo: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confirmed: Option<key_dates::Confirmation>,
        before: KeyDates,
        after: KeyDates,
        moved: Vec<Moving>,
        kept: Vec<Dating>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moving {
    pub id: MilestoneId,
    pub title: String,
    pub old: Option<Date>,
    pub new: Option<Date>,
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "deal.created",
            Self::Edited(_) => "deal.edited",
            Self::Confirmed { .. } => "deal.confirmed",
            Self::WordsConfirmed { .. } => "deal.words_confirmed",
            Self::Closed { .. } => "deal.closed",
            Self::Cancelled { .. } => "deal.cancelled",
            Self::PartyAdded { .. } => "deal.party_added",
            Self::PartyRemoved { .. } => "deal.party_removed",
            Self::KeyDatesChanged { .. } => "deal.key_dates_changed",
        }
    }
}
