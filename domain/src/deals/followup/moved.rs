//! What becomes of letters whose reader has another address, or is not on the deal any more.

use super::facts;
use super::ops::{new_draft, subject};
use super::take_back::withdraw;
use super::{review, rules};
use crate::assist::draft::check::FindingKind;
use crate::assist::draft::{DraftState, Event, Recipient, Version, store};
use crate::delivery::Message;
use crate::delivery::outbox::ops::{cancel_unsent, cut_short};
use crate::delivery::outbox::waiting::{hold_unsent_to, may_come_again_to};
use crate::kernel::id::{ContactId, DealId, DraftId, MessageId};
use crate::kernel::{Cx, No};
use crate::people::contact::Contact;
use crate::workspace::approval;

/// Takes back what waits for an address that the contact has no more. An approved letter among it waits for a new yes,
/// under the new address. The contact's deals and these messages are held.
pub(in crate::deals) fn address_changed(cx: &mut Cx<'_>, contact: &Contact) -> Result<(), No> {
    let mut old = hold_unsent_to(cx, contact.id)?;
    old.retain(|message| !contact.is_at(message.channel, &message.address));
    let ids: Vec<MessageId> = old.iter().map(|message| message.id).collect();
    let gone = cancel_unsent(cx, &ids, "The contact has another address by now.")?;
    for letter in old.iter().filter(|message| gone.contains(&message.id)) {
        ask_anew(cx, letter, contact)?;
    }
    Ok(())
}

/// The same words in a draft of their own: whoever else got them does not get them twice.
fn ask_anew(cx: &mut Cx<'_>, letter: &Message, contact: &Contact) -> Result<(), No> {
    let (Some(deal), Some(approval)) = (letter.deal_id, letter.approval_id) else { return Ok(()) };
    let Some((id, number)) = said_by(&letter.occasion) else { return Ok(()) };
    let Some(before) = store::find(cx, id)? else { return Ok(()) };
    let versions = store::versions(cx, &[id])?;
    let words = versions.into_iter().map(|(_, version)| version).find(|version| version.number == number);
    let Some(words) = words else { return Ok(()) };
    let to = format!("contact:{}", contact.id);
    let file = facts::gather(cx, deal)?;
    let audience = rules::audience(&file, &to, rules::topic(before.kind));
    if audience.recipients.is_empty() {
        return Ok(());
    }
    let mut draft = new_draft(cx, format!("readdressed:{}", letter.id), before.kind, deal, to.clone());
    draft.milestone_id = before.milestone_id;
    draft.urgency = before.urgency;
    // It never waits for a writer.
    draft.state = DraftState::InReview;
    store::insert(cx, std::slice::from_ref(&draft))?;
    let begun =
        Event::Begun { deal_id: deal, kind: draft.kind, milestone_id: draft.milestone_id, recipient_role: to };
    cx.record(subject(draft.id), &begun)?;
    let author = approval::store::find(cx, approval)?.and_then(|approval| approval.author);
    let mut version = Version { number: 1, recipients: audience.recipients, made_at: cx.now(), ..words };
    // These are found anew.
    version.findings.retain(|f| !matches!(f.kind, FindingKind::Risk | FindingKind::Approval));
    review::open(cx, &mut draft, &file, version, author, None)?;
    Ok(())
}

/// Of which draft, and of which version of its words, a letter is.
fn said_by(occasion: &str) -> Option<(DraftId, i32)> {
    let mut parts = occasion.strip_prefix("draft:")?.split(':');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Takes back what waits for somebody who is not on the deal any more; what was just leaving does not leave later. The deal
/// is held.
pub(in crate::deals) fn left_the_deal(cx: &mut Cx<'_>, id: DealId, who: ContactId) -> Result<(), No> {
    let waiting: Vec<MessageId> =
        hold_unsent_to(cx, who)?.into_iter().filter(|m| m.deal_id == Some(id)).map(|m| m.id).collect();
    cancel_unsent(cx, &waiting, "The contact is not on the deal any more.")?;
    let again = may_come_again_to(cx, who, id)?;
    cut_short(cx, &again)?;
    for draft in store::open_to(cx, id, &format!("contact:{who}"))? {
        withdraw(cx, draft, "The contact is not on the deal any more.")?;
    }
    Ok(())
}

/// Of those a version is for, whoever is not reached there any more.
pub(super) fn elsewhere<'v>(file: &facts::File, version: &'v Version) -> Vec<&'v Recipient> {
    let is_there = |to: &Recipient| {
        file.parties.iter().any(|(_, party)| party.id == to.contact_id && party.is_at(to.channel, &to.address))
    };
    version.recipients.iter().filter(|to| !is_there(to)).collect()
}
