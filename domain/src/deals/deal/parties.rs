//! Who is on a deal, and where they are reached: what changes here, changes what waits to be sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::intake::{self, NewParty};
use super::ops::{check_version, subject};
use super::{Deal, DealStatus, Event, PartyRole, store};
use crate::deals::{followup, reminder};
use crate::delivery::notify::verify;
use crate::delivery::outbox;
use crate::kernel::id::{ContactId, DealId, PartyId};
use crate::kernel::{Code, Cx, No, Problem, Refusal};
use crate::people::contact::ops::{EditContact, Edited, only_people};
use crate::people::contact::standing::ops::SetConsent;
use crate::people::contact::view::ContactView;
use crate::people::contact::{self, standing};
use crate::people::reach::ops::Shown;
use crate::people::reach::{Person, Preferences};
use crate::workspace::access::{Require, Verb};

/// Puts somebody on a deal: a contact that is known, or a person who is met.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct AddParty {
    pub deal_id: DealId,
    /// The version of the deal that you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    pub who: Who,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Who {
    Known { role: PartyRole, contact_id: ContactId },
    New(NewParty),
}

/// Adds a party. Reminders that are theirs come to them from now on. Adding one who is there changes nothing.
pub fn add_party(cx: &mut Cx<'_>, cmd: &AddParty) -> Result<(), No> {
    cx.require(Verb::EditDeal)?;
    only_people(cx, "Who is on a deal")?;
    let deal = open(cx, cmd.deal_id, cmd.version)?;
    let (role, who) = match &cmd.who {
        Who::Known { role, contact_id } => {
            contact::store::find(cx, *contact_id)?.ok_or_else(|| Refusal::not_found("contact"))?;
            (*role, *contact_id)
        }
        Who::New(party) => {
            let (role, person) = intake::party(party, deal.state.as_deref())?;
            (role, contact::ops::meet(cx, &person)?.id)
        }
    };
    let there = store::parties(cx, deal.id)?;
    if there.iter().any(|party| party.role == role && party.contact_id == who) {
        return Ok(());
    }
    if there.len() >= intake::MAX_PARTIES {
        let most = intake::MAX_PARTIES;
        return Err(vec![Problem::new("party", format!("is one too many: a deal has at most {most}."))].into());
    }
    let id = PartyId(cx.mint());
    store::insert_party(cx, id, deal.id, role, who)?;
    store::update(cx, &deal)?;
    cx.record(subject(deal.id), &Event::PartyAdded { role, contact_id: who })?;
    plan_anew(cx, deal.id)
}

/// Takes somebody off a deal.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct RemoveParty {
    pub deal_id: DealId,
    /// The version of the deal that you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    pub role: PartyRole,
    pub contact_id: ContactId,
}

/// Removes a party. What waits for them about the deal is taken back, unless they have another role on it.
pub fn remove_party(cx: &mut Cx<'_>, cmd: &RemoveParty) -> Result<(), No> {
    cx.require(Verb::EditDeal)?;
    only_people(cx, "Who is on a deal")?;
    let deal = open(cx, cmd.deal_id, cmd.version)?;
    if !store::delete_party(cx, deal.id, cmd.role, cmd.contact_id)? {
        return Err(Refusal::new(
            Code::NotFound,
            format!("This contact is not the {} on this deal. Nothing was changed.", cmd.role),
            "See who is on it with milepost deal show.",
        )
        .into());
    }
    store::update(cx, &deal)?;
    cx.record(subject(deal.id), &Event::PartyRemoved { role: cmd.role, contact_id: cmd.contact_id })?;
    plan_anew(cx, deal.id)?;
    if store::parties(cx, deal.id)?.iter().all(|party| party.contact_id != cmd.contact_id) {
        followup::moved::left_the_deal(cx, deal.id, cmd.contact_id)?;
    }
    Ok(())
}

/// Mends what is known of a contact, on all of their deals at once. Reminders that wait for an old address go to the new
/// one; approved letters are taken back and put up for approval under the new one, since an address is part of what was
/// approved. A reminder that could not be sent for want of an address comes now.
pub fn edit_contact(cx: &mut Cx<'_>, cmd: &EditContact) -> Result<ContactView, No> {
    let deals = hold_deals(cx, cmd.contact_id)?;
    let Edited { before, after } = contact::ops::edit(cx, cmd)?;
    if (&before.email, &before.phone) != (&after.email, &after.phone) {
        plan_all_anew(cx, &deals)?;
        followup::moved::address_changed(cx, &after)?;
    }
    contact::view::of(cx, after)
}

/// Records a consent with its evidence, or its end. A reminder that could not be sent for want of it comes now.
pub fn set_consent(cx: &mut Cx<'_>, cmd: &SetConsent) -> Result<ContactView, No> {
    let deals = hold_deals(cx, cmd.contact_id)?;
    let view = standing::ops::set_consent(cx, cmd)?;
    plan_all_anew(cx, &deals)?;
    Ok(view)
}

/// Sets somebody's preferences. A contact's reminders that were switched off and are not any more come now.
pub fn set_preferences(
    cx: &mut Cx<'_>,
    person: Person,
    new: &Preferences,
    version: Option<i64>,
) -> Result<Shown, No> {
    let deals = match person {
        Person::Contact(id) => hold_deals(cx, id)?,
        Person::Member(_) => Vec::new(),
    };
    let shown = verify::set_preferences(cx, person, new, version)?;
    plan_all_anew(cx, &deals)?;
    Ok(shown)
}

/// A contact's deals, and then the messages that wait for the contact, as whoever sends them holds them.
fn hold_deals(cx: &mut Cx<'_>, contact: ContactId) -> Result<Vec<Deal>, No> {
    let mut deals = Vec::new();
    // Everybody holds deals first, in the order of their ids.
    for id in store::of_contact(cx, contact)? {
        deals.extend(store::hold(cx, id)?);
    }
    outbox::waiting::hold_unsent_to(cx, contact)?;
    Ok(deals)
}

fn plan_all_anew(cx: &mut Cx<'_>, deals: &[Deal]) -> Result<(), No> {
    deals.iter().filter(|deal| deal.status == DealStatus::Active).try_for_each(|deal| plan_anew(cx, deal.id))
}

fn plan_anew(cx: &mut Cx<'_>, id: DealId) -> Result<(), No> {
    reminder::store::look_soon(cx, id)?;
    reminder::ops::changed(cx, id)
}

/// The deal, held, as long as it goes on.
fn open(cx: &mut Cx<'_>, id: DealId, version: Option<i64>) -> Result<Deal, No> {
    let deal = check_version(cx, id, version)?;
    match deal.status {
        DealStatus::Draft | DealStatus::Active => Ok(deal),
        DealStatus::Closed | DealStatus::Cancelled => Err(Refusal::new(
            Code::WrongState,
            format!("The deal is {}, so who is on it stays. Nothing was changed.", deal.status),
            "To mend an address, change the contact (milepost contact edit).",
        )
        .into()),
    }
}
