//! Everything about a deal that a letter may rest on, read at once.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use crate::deals::deal::{self, Deal, PartyRole};
use crate::deals::milestone::{self, Milestone};
use crate::deals::reminder::store::agreed_to_sms;
use crate::kernel::id::{ContactId, DealId};
use crate::kernel::{Cx, No, Refusal, time};
use crate::people::contact::{self, Contact};
use crate::people::reach::{self, Person, Preferences};
use crate::workspace::member::{self, Member, MemberStatus};
use crate::workspace::tenant::{self, Workspace};

/// A deal as it is now.
#[derive(Clone, Debug)]
pub struct File {
    pub deal: Deal,
    /// In order of their dates.
    pub milestones: Vec<Milestone>,
    pub parties: Vec<(PartyRole, Contact)>,
    /// The active member whose deal it is.
    pub owner: Option<Member>,
    pub workspace: Workspace,
    /// In the deal's zone.
    pub today: Date,
    /// How the parties want to be reached; who said nothing is not among them.
    pub preferences: HashMap<Person, Preferences>,
    /// The parties whose consent to text messages holds.
    pub agreed_to_sms: HashSet<ContactId>,
}

pub fn gather(cx: &mut Cx<'_>, id: DealId) -> Result<File, No> {
    let missing = || Refusal::not_found("deal");
    let deal = deal::store::find(cx, id)?.ok_or_else(missing)?;
    let mut parties = Vec::new();
    for party in deal::store::parties(cx, id)? {
        if let Some(contact) = contact::store::find(cx, party.contact_id)? {
            parties.push((party.role, contact));
        }
    }
    let owner = match deal.owner_id {
        Some(owner) => member::store::find(cx, owner)?.filter(|m| m.status == MemberStatus::Active),
        None => None,
    };
    let milestones = milestone::store::of_deal(cx, id)?;
    let workspace = tenant::store::find(cx)?.ok_or_else(missing)?;
    let today = time::today(cx.now(), &deal.zone());
    let contacts: Vec<ContactId> = parties.iter().map(|(_, contact)| contact.id).collect();
    let people: Vec<Person> = contacts.iter().map(|id| Person::Contact(*id)).collect();
    let preferences = reach::store::of(cx, &people)?;
    let agreed_to_sms = agreed_to_sms(cx, &contacts)?;
    Ok(File { deal, milestones, parties, owner, workspace, today, preferences, agreed_to_sms })
}
