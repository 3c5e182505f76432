//! A real-estate transaction that somebody has promised to close on a date.

pub mod cascade;
pub mod rules;

use std::collections::BTreeMap;

use jiff::civil::Date;

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
