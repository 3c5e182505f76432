//! What contacts say, and what members write down of it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Consent, Event, Heard, Standing, Via, heard, store};
use crate::kernel::id::ContactId;
use crate::kernel::{ActorKind, Code, Cx, No, Problem, Refusal, Subject, text};
use crate::people::contact::{self, Contact, view::ContactView};
use crate::people::reach::Channel;
use crate::workspace::access::{Require, Verb};

/// More than any channel lets somebody write at once.
const LONGEST: usize = 50_000;

fn subject(id: ContactId) -> Subject {
    Subject::new("contact", id.0)
}

fn known(cx: &mut Cx<'_>, id: ContactId) -> Result<Contact, No> {
    Ok(contact::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("contact"))?)
}

/// Everybody who is reached when this contact is: all with the same number or address.
fn fellows(cx: &mut Cx<'_>, contact: &Contact) -> Result<BTreeSet<ContactId>, No> {
    let sharing = contact::store::sharing(cx, contact.phone.as_deref(), contact.email.as_deref())?;
    Ok(sharing.into_iter().map(|fellow| fellow.id).chain([contact.id]).collect())
}

/// A contact wants to hear nothing any more.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct OptOut {
    pub contact_id: ContactId,
    /// How the contact said so.
    pub via: Via,
    /// What they said, or what shows it.
    #[serde(default)]
    pub why: String,
}

/// Records that a contact opted out: at once, for every channel and every purpose, and for everybody with the same number
/// or address. Only the contact can undo it. Recording it twice changes nothing.
pub fn opt_out(cx: &mut Cx<'_>, cmd: &OptOut) -> Result<ContactView, No> {
    if !is_own(cx, cmd.contact_id) {
        cx.require(Verb::RecordOptOut)?;
    }
    let why = text::prose("why", &cmd.why, text::REASON).map_err(|p| vec![p])?;
    let contact = known(cx, cmd.contact_id)?;
    stop(cx, &contact, cmd.via, &why)?;
    contact::view::of(cx, contact)
}

fn stop(cx: &mut Cx<'_>, contact: &Contact, via: Via, why: &str) -> Result<(), No> {
    let fellows = fellows(cx, contact)?;
    let held = store::hold(cx, &fellows)?;
    for id in fellows {
        let standing = held.get(&id).cloned().unwrap_or_default();
        if standing.opted_out_at.is_some() {
            continue;
        }
        let after = Standing { opted_out_at: Some(cx.now()), opted_out_via: Some(via.to_string()), ..standing };
        store::save(cx, id, &after)?;
        cx.record(subject(id), &Event::OptedOut { via, why: why.to_owned() })?;
    }
    Ok(())
}

/// The provider of texts says that whoever has this number told it to stop. That counts as told to us.
///
/// Part of settling a message, which holds it.
pub(crate) fn stopped_at_provider(cx: &mut Cx<'_>, id: ContactId, number: &str) -> Result<(), No> {
    let contact = known(cx, id)?;
    stop(cx, &contact, Via::Sms, "The provider of texts says that this number told it to stop.")?;
    address_stops(cx, number, Via::Sms)
}

/// The contact is no longer reached at this address. When they wanted nothing, whoever is written down with it next does
/// not either. Part of changing a contact.
pub(crate) fn left_address(cx: &mut Cx<'_>, id: ContactId, address: &str) -> Result<(), No> {
    let held = store::hold(cx, &BTreeSet::from([id]))?;
    let via = held.get(&id).filter(|standing| standing.opted_out_at.is_some());
    let Some(via) = via.map(|standing| standing.opted_out_via.clone().unwrap_or_default()) else { return Ok(()) };
    address_stops(cx, address, via.parse().unwrap_or(Via::Letter))
}

fn address_stops(cx: &mut Cx<'_>, address: &str, via: Via) -> Result<(), No> {
    if store::keep_address(cx, address, via.as_str())? {
        cx.record(of_address(cx, address), &Event::AddressOptedOut { via })?;
    }
    Ok(())
}

fn address_goes_on(cx: &mut Cx<'_>, address: &str, via: Via) -> Result<(), No> {
    if store::free_address(cx, address)? {
        cx.record(of_address(cx, address), &Event::AddressOptedIn { via })?;
    }
    Ok(())
}

fn of_address(cx: &Cx<'_>, address: &str) -> Subject {
    Subject::new("address", store::address_id(cx.workspace(), address))
}

/// The contact wants to hear from us again. Only they can say so, through a channel they wrote on or a link of their own.
pub fn opt_in(cx: &mut Cx<'_>, contact_id: ContactId, via: Via) -> Result<ContactView, No> {
    if !is_own(cx, contact_id) || !matches!(via, Via::Sms | Via::Email | Via::Discord | Via::Link) {
        return Err(Refusal::new(
            Code::Forbidden,
            "Only the contact can take an opt-out back. Nothing was changed.",
            "The contact can write START to one of our numbers, or use the link in an earlier message.",
        )
        .into());
    }
    let contact = known(cx, contact_id)?;
    go_on(cx, &contact, via)?;
    contact::view::of(cx, contact)
}

/// Whether a contact wants nothing any more, for the contact itself.
pub fn has_opted_out(cx: &mut Cx<'_>, id: ContactId) -> Result<bool, No> {
    if !is_own(cx, id) {
        cx.require(Verb::ReadContacts)?;
    }
    let contact = known(cx, id)?;
    let standing = store::of_contacts(cx, &BTreeSet::from([contact.id]))?.remove(&contact.id).unwrap_or_default();
    Ok(standing.opted_out_at.is_some())
}

/// Whoever writes from a number speaks for all who are written down with it. A link is one contact's, and speaks for nobody
/// else: who shares the number wants nothing until they say otherwise themselves.
fn go_on(cx: &mut Cx<'_>, contact: &Contact, via: Via) -> Result<(), No> {
    let whose = if via == Via::Link { BTreeSet::from([contact.id]) } else { fellows(cx, contact)? };
    let held = store::hold(cx, &whose)?;
    for id in whose {
        let standing = held.get(&id).cloned().unwrap_or_default();
        if standing.opted_out_at.is_none() {
            continue;
        }
        let after = Standing { opted_out_at: None, opted_out_via: None, opted_in_at: Some(cx.now()), ..standing };
        store::save(cx, id, &after)?;
        cx.record(subject(id), &Event::OptedIn { via })?;
    }
    for address in contact.phone.iter().chain(&contact.email) {
        address_goes_on(cx, address, via)?;
    }
    Ok(())
}

/// Whether the contact itself is the one who acts.
fn is_own(cx: &Cx<'_>, id: ContactId) -> bool {
    cx.actor().kind == ActorKind::Contact && cx.actor().id == Some(id.0)
}

/// A message of a contact that reached us.
#[derive(Clone, Debug)]
pub struct Inbound {
    pub contact_id: ContactId,
    /// `Sms`, `Email`, `Discord` or `Link`.
    pub via: Via,
    pub text: String,
}

/// Notes that a contact wrote, and does what the message asks: STOP and its like, also in plain words, opt out; START
/// opts in. The words themselves are not kept. The contact is the one who acts, or the system that read the channel.
///
/// A caller answers [`Heard::Stop`] and [`Heard::Help`] with the one message that carriers prescribe, on the spot.
pub fn record_inbound(cx: &mut Cx<'_>, inbound: &Inbound) -> Result<Heard, No> {
    if !is_own(cx, inbound.contact_id) && cx.actor().kind != ActorKind::System {
        return Err(Refusal::new(
            Code::Forbidden,
            "Only a channel can say that a contact wrote. Nothing was changed.",
            "To write down what a contact said otherwise, record an opt-out or a consent.",
        )
        .into());
    }
    let contact = known(cx, inbound.contact_id)?;
    let text: String = inbound.text.chars().take(LONGEST).collect();
    let meaning = heard(&text);
    let held = store::hold(cx, &BTreeSet::from([contact.id]))?;
    let standing = held.get(&contact.id).cloned().unwrap_or_default();
    // Messages can come in out of order: the latest counts.
    let latest = standing.last_inbound_at.map_or(cx.now(), |at| at.max(cx.now()));
    store::save(cx, contact.id, &Standing { last_inbound_at: Some(latest), ..standing })?;
    cx.record(subject(contact.id), &Event::Heard { via: inbound.via, meaning })?;
    match meaning {
        Heard::Stop => stop(cx, &contact, inbound.via, "")?,
        Heard::Start => go_on(cx, &contact, inbound.via)?,
        Heard::Help | Heard::Plain => {}
    }
    Ok(meaning)
}

/// A text that somebody wrote to the number from which this installation sends.
#[derive(Clone, Debug)]
pub struct FromNumber {
    pub number: String,
    pub text: String,
    /// Whether this workspace is the one whose message was answered. The words of others only count here when they ask
    /// to stop or to go on: the number is the installation's, so such a wish holds in all of its workspaces.
    pub here: bool,
}

/// Notes a text from a number, known or not, and does what it asks. A wish to stop is kept by the number itself, so that
/// it holds for whoever is written down with it later. Only the channel that read it may say so.
pub fn record_text(cx: &mut Cx<'_>, text: &FromNumber) -> Result<Heard, No> {
    if cx.actor().kind != ActorKind::System {
        return Err(Refusal::new(
            Code::Forbidden,
            "Only a channel can say that somebody wrote. Nothing was changed.",
            "To write down what a contact said otherwise, record an opt-out or a consent.",
        )
        .into());
    }
    let words: String = text.text.chars().take(LONGEST).collect();
    let meaning = heard(&words);
    for contact in contact::store::sharing(cx, Some(&text.number), None)? {
        if text.here {
            record_inbound(cx, &Inbound { contact_id: contact.id, via: Via::Sms, text: words.clone() })?;
            continue;
        }
        match meaning {
            Heard::Stop => stop(cx, &contact, Via::Sms, "")?,
            Heard::Start => go_on(cx, &contact, Via::Sms)?,
            Heard::Help | Heard::Plain => {}
        }
    }
    match meaning {
        Heard::Stop => address_stops(cx, &text.number, Via::Sms)?,
        Heard::Start => address_goes_on(cx, &text.number, Via::Sms)?,
        Heard::Help | Heard::Plain => {}
    }
    Ok(meaning)
}

/// A contact agreed to a channel, or does not any more.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct SetConsent {
    pub contact_id: ContactId,
    /// `email`, `sms` or `discord`.
    pub channel: Channel,
    pub given: bool,
    /// What shows it: a signed form, a recorded call, words of the contact. Needed to give one.
    #[serde(default)]
    pub evidence: String,
}

/// Records a consent with its evidence, or its end.
pub fn set_consent(cx: &mut Cx<'_>, cmd: &SetConsent) -> Result<ContactView, No> {
    if !is_own(cx, cmd.contact_id) {
        // To withdraw one only ever protects the contact.
        cx.require(if cmd.given { Verb::EditContacts } else { Verb::RecordOptOut })?;
    }
    let mut problems = Vec::new();
    if !matches!(cmd.channel, Channel::Email | Channel::Sms | Channel::Discord) {
        problems.push(Problem::new("channel", "takes no consent. It must be email, sms or discord."));
    }
    let evidence = text::prose("evidence", &cmd.evidence, text::REASON).map_err(|p| problems.push(p));
    let evidence = evidence.unwrap_or_default();
    if cmd.given && evidence.is_empty() {
        problems
            .push(Problem::new("evidence", "is empty. Say what shows the consent, such as a form and its date."));
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let contact = known(cx, cmd.contact_id)?;
    let only = BTreeSet::from([contact.id]);
    store::hold(cx, &only)?;
    let before = store::consents(cx, &only)?.remove(&contact.id).and_then(|mut all| all.remove(&cmd.channel));
    let (channel, now) = (cmd.channel, cx.now());
    match (cmd.given, before) {
        (true, Some(before)) if before.holds() && before.evidence == evidence => {}
        (true, _) => {
            let consent = Consent { channel, given_at: now, withdrawn_at: None, evidence: evidence.clone() };
            store::save_consent(cx, contact.id, &consent)?;
            cx.record(subject(contact.id), &Event::ConsentGiven { channel, evidence })?;
        }
        (false, Some(before)) if before.holds() => {
            store::save_consent(cx, contact.id, &Consent { withdrawn_at: Some(now), ..before })?;
            cx.record(subject(contact.id), &Event::ConsentWithdrawn { channel, why: evidence })?;
        }
        (false, _) => {}
    }
    contact::view::of(cx, contact)
}

/// A person leads the conversation from now on: no rule writes to the contact until it is handed back.
pub fn take_over(cx: &mut Cx<'_>, id: ContactId) -> Result<ContactView, No> {
    cx.require(Verb::EditContacts)?;
    let contact = known(cx, id)?;
    let standing = store::hold(cx, &BTreeSet::from([id]))?.remove(&id).unwrap_or_default();
    if standing.taken_over_at.is_none() {
        let by = cx.actor().name.clone();
        let after = Standing { taken_over_at: Some(cx.now()), taken_over_by: Some(by.clone()), ..standing };
        store::save(cx, id, &after)?;
        cx.record(subject(id), &Event::TakenOver { by })?;
    }
    contact::view::of(cx, contact)
}

/// The conversation goes back to the rules.
pub fn release(cx: &mut Cx<'_>, id: ContactId) -> Result<ContactView, No> {
    cx.require(Verb::EditContacts)?;
    let contact = known(cx, id)?;
    let standing = store::hold(cx, &BTreeSet::from([id]))?.remove(&id).unwrap_or_default();
    if standing.taken_over_at.is_some() {
        store::save(cx, id, &Standing { taken_over_at: None, taken_over_by: None, ..standing })?;
        cx.record(subject(id), &Event::Released {})?;
    }
    contact::view::of(cx, contact)
}
