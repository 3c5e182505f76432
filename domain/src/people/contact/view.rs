//! A contact as the faces show it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::standing::{self, Consent, Standing};
use super::zones::{Clues, Zones};
use super::{Contact, store, zones};
use crate::kernel::id::ContactId;
use crate::kernel::page::{self, Ask, Page};
use crate::kernel::{Cx, No, Refusal, text};
use crate::workspace::access::{Require, Verb};
use crate::workspace::tenant;

/// Who it is and how they stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct ContactView {
    pub contact: Contact,
    pub standing: Standing,
    /// Withdrawn ones among them.
    pub consents: Vec<Consent>,
    /// Where they may be, and how that was found.
    pub zones: Zones,
    /// Since when somebody else with the same number or address wants nothing any more: that holds for both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub address_opted_out_at: Option<Timestamp>,
    /// Counts every change of who it is.
    pub version: i64,
}

/// A contact in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Listed {
    #[serde(flatten)]
    pub contact: Contact,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub opted_out_at: Option<Timestamp>,
}

/// Which contacts to list, by name.
#[derive(Clone, Debug, Default)]
pub struct ListContacts {
    /// Part of the name, the e-mail address or the telephone number.
    pub text: Option<String>,
    /// Only those who opted out, or only those who did not.
    pub opted_out: Option<bool>,
    pub ask: Ask,
}

pub fn list(cx: &mut Cx<'_>, cmd: &ListContacts) -> Result<Page<Listed>, No> {
    cx.require(Verb::ReadContacts)?;
    let limit = cmd.ask.limit().map_err(|p| vec![p])?;
    let after: Option<(String, ContactId)> = cmd.ask.after().map_err(|p| vec![p])?;
    let text = cmd.text.as_deref().map(|t| text::line("text", t, 200)).transpose().map_err(|p| vec![p])?;
    let after = after.filter(|(name, _)| !name.contains('\0'));
    let wanted = store::Wanted { text, words_first: false, opted_out: cmd.opted_out, after, limit };
    let page = Page::cut(store::list(cx, &wanted)?, limit, |(contact, _)| (contact.name.clone(), contact.id));
    Ok(page.map(|(contact, at)| Listed { contact, opted_out_at: at.map(|at| at.0) }))
}

/// At most 25 contacts for what was typed so far of their name, e-mail address or telephone number: those of whose name a
/// word begins with it, then the others, each by name.
pub fn suggest(cx: &mut Cx<'_>, typed: &str) -> Result<Vec<Listed>, No> {
    cx.require(Verb::ReadContacts)?;
    let text = text::typed("text", typed).map_err(|p| vec![p])?;
    let wanted =
        store::Wanted { text, words_first: true, limit: i64::from(page::OFFERED) - 1, ..store::Wanted::default() };
    let found = store::list(cx, &wanted)?;
    Ok(found.into_iter().map(|(contact, at)| Listed { contact, opted_out_at: at.map(|at| at.0) }).collect())
}

/// A contact with its standing.
pub fn get(cx: &mut Cx<'_>, id: ContactId) -> Result<ContactView, No> {
    cx.require(Verb::ReadContacts)?;
    let contact = store::find(cx, id)?.ok_or_else(|| Refusal::not_found("contact"))?;
    of(cx, contact)
}

/// The contacts with this e-mail address or telephone number, the one known longest first.
pub fn find(cx: &mut Cx<'_>, text: &str) -> Result<Vec<Contact>, No> {
    cx.require(Verb::ReadContacts)?;
    let text = text.trim();
    if text.contains('\0') || text.len() > 300 {
        return Ok(Vec::new());
    }
    let (phone, email) = if text.contains('@') { (None, Some(text)) } else { (Some(text), None) };
    Ok(store::sharing(cx, phone, email)?)
}

/// Part of other verbs, which ask for the right to look.
pub(crate) fn of(cx: &mut Cx<'_>, contact: Contact) -> Result<ContactView, No> {
    let only = BTreeSet::from([contact.id]);
    let standing = standing::store::of_contacts(cx, &only)?.remove(&contact.id).unwrap_or_default();
    let consents = standing::store::consents(cx, &only)?.remove(&contact.id).unwrap_or_default();
    let workspace = tenant::store::find(cx)?.map_or_else(String::new, |workspace| workspace.time_zone);
    let clues = Clues {
        time_zone: contact.time_zone.as_deref(),
        phone: contact.phone.as_deref(),
        region: contact.region.as_deref(),
        workspace: &workspace,
    };
    let zones = Zones::of(clues);
    let plain = |address: &Option<String>| address.as_deref().map(zones::plain).into_iter().collect();
    let (phones, emails) = (plain(&contact.phone), plain(&contact.email));
    let elsewhere = match standing.opted_out_at {
        Some(_) => None,
        None => standing::store::opted_out_addresses(cx, &phones, &emails)?.into_values().min(),
    };
    let version = store::version(cx, contact.id)?;
    Ok(ContactView {
        contact,
        standing,
        consents: consents.into_values().collect(),
        zones,
        address_opted_out_at: elsewhere,
        version,
    })
}
