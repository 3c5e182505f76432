//! A contact as the faces show it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::standing::{self, Consent, Standing};
use super::zones::{Clues, Zones};
use super::{Contact, store};
use crate::kernel::id::ContactId;
use crate::kernel::{Cx, No, Refusal};
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
    Ok(ContactView { contact, standing, consents: consents.into_values().collect(), zones })
}
