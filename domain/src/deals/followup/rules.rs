//! Who is told, how urgent it is, and what of the deal a letter says.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

use super::facts::File;
use crate::assist::draft::calendar::{Calendar, Entry};
use crate::assist::draft::check::{Finding, FindingKind, Known};
use crate::assist::draft::letter::{Dates, Letter, Words};
use crate::assist::draft::{Draft, DraftKind, Recipient, Urgency, WrittenBy};
use crate::assist::prompt::{Checklist, DealFacts, Finished, FollowUp, Reader, Step};
use crate::deals::deal::{CLOSING_DATE, PartyRole, Side};
use crate::deals::milestone::ops::days_late;
use crate::deals::milestone::{Milestone, Responsible, State};
use crate::kernel::id::ContactId;
use crate::kernel::time;
use crate::people::contact::Contact;
use crate::people::reach::rules::{Addresses, NoWay, way};
use crate::people::reach::{Channel, Person, Preferences, Topic};

/// Steps that a letter lists at most.
const NEXT: usize = 4;
/// From how many days before the next deadline something is urgent, and important.
const URGENT_DAYS: i64 = 2;
const IMPORTANT_DAYS: i64 = 7;
/// The type of the milestone that is the closing itself.
pub const CLOSING: &str = "closing";
/// Days before the closing on which clients get their checklist.
pub const CHECKLIST_DAYS: i64 = 7;

/// The roles on a notify list that somebody has on the deal.
pub fn roles(notify: &[Responsible], parties: &[(PartyRole, Contact)]) -> Vec<PartyRole> {
    let there: BTreeSet<PartyRole> = parties.iter().map(|(role, _)| *role).collect();
    let named = |role: &PartyRole| notify.iter().any(|n| *n == Responsible::All || n.role() == Some(*role));
    there.into_iter().filter(named).collect()
}

/// Whether we represent whoever has this role.
pub fn is_client(side: Side, role: PartyRole) -> bool {
    matches!(
        (side, role),
        (Side::Buyer | Side::Both, PartyRole::Buyer) | (Side::Seller | Side::Both, PartyRole::Seller)
    )
}

/// The clients of a side.
pub fn clients(side: Side) -> &'static [PartyRole] {
    match side {
        Side::Buyer => &[PartyRole::Buyer],
        Side::Seller => &[PartyRole::Seller],
        Side::Both => &[PartyRole::Buyer, PartyRole::Seller],
    }
}

/// From how near the next deadline is, and how late things are.
pub fn urgency(days_to_next: Option<i64>, days_late: i64, overdue: usize) -> Urgency {
    match days_to_next {
        _ if overdue > 0 => Urgency::Urgent,
        Some(days) if days <= URGENT_DAYS => Urgency::Urgent,
        Some(days) if days <= IMPORTANT_DAYS => Urgency::Important,
        _ if days_late > 0 => Urgency::Important,
        _ => Urgency::Routine,
    }
}

/// "Friday, December 4, 2026"
pub fn spoken(date: Date) -> String {
    date.strftime("%A, %B %-d, %Y").to_string()
}

/// Who answers for a step, to a reader.
pub fn who(responsible: Responsible, reader: PartyRole) -> String {
    match responsible {
        Responsible::All => "everyone".into(),
        other if other.role() == Some(reader) => "you".into(),
        Responsible::BuyerAgent => "the buyer's agent".into(),
        Responsible::SellerAgent => "the seller's agent".into(),
        Responsible::Title => "the title company".into(),
        Responsible::Other => "another party".into(),
        other => format!("the {other}"),
    }
}

fn days_until(today: Date, date: Date) -> i64 {
    today.until((Unit::Day, date)).map_or(0, |span| i64::from(span.get_days()))
}

fn step(milestone: &Milestone, reader: PartyRole) -> Step {
    Step {
        title: milestone.title.clone(),
        on: milestone.due_on.map(spoken),
        who: who(milestone.responsible, reader),
    }
}

/// The day on which a milestone was completed, in the deal's zone.
fn completed_on(milestone: &Milestone, zone: &TimeZone) -> Option<Date> {
    match &milestone.state {
        State::Completed { at, .. } => Some(time::today(*at, zone)),
        State::Open(_) | State::Waived { .. } => None,
    }
}

/// What one role is told of a completed milestone: the deal's steps as they are, not as a template has them. `None` when the
/// milestone is not completed.
pub fn follow_up(file: &File, done: &Milestone, role: PartyRole) -> Option<FollowUp> {
    let zone = file.deal.zone();
    let on = completed_on(done, &zone)?;
    let late = i64::from(days_late(done.due_on, on));
    let open: Vec<&Milestone> = file.milestones.iter().filter(|m| m.state.is_open() && m.id != done.id).collect();
    let is_over = |m: &&&Milestone| m.due_on.is_some_and(|due| due < file.today);
    let overdue: Vec<&Milestone> = open.iter().filter(is_over).copied().collect();
    let coming: Vec<&Milestone> = open.iter().filter(|m| !is_over(m)).copied().collect();
    let next_on = coming.iter().find_map(|m| m.due_on);
    let yours = coming.iter().find(|m| m.due_on.is_some() && m.responsible.role() == Some(role));
    let closing = file.deal.key_dates.get(CLOSING_DATE).copied();
    Some(FollowUp {
        urgency: urgency(next_on.map(|on| days_until(file.today, on)), late, overdue.len()),
        deal: DealFacts {
            address: file.deal.address.clone(),
            side: file.deal.side.to_string(),
            financing: file.deal.financing.to_string(),
            closing: closing.map(spoken),
            days_to_closing: closing.map_or(0, |closing| days_until(file.today, closing)),
        },
        recipient: Reader { role: role.to_string(), client: is_client(file.deal.side, role) },
        done: Finished {
            kind: done.type_.clone(),
            title: done.title.clone(),
            on: spoken(on),
            due: done.due_on.map(spoken),
            days_late: late,
        },
        yours: yours.map(|m| step(m, role)),
        more: coming.len().saturating_sub(NEXT),
        next: coming.iter().take(NEXT).map(|m| step(m, role)).collect(),
        overdue: overdue.iter().take(NEXT).map(|m| step(m, role)).collect(),
    })
}

/// What a client prepares for the closing. `None` without a closing date.
pub fn checklist(file: &File, role: PartyRole) -> Option<Checklist> {
    let closing = *file.deal.key_dates.get(CLOSING_DATE)?;
    let own = |m: &&Milestone| m.state.is_open() && m.responsible.role() == Some(role);
    Some(Checklist {
        address: file.deal.address.clone(),
        closing: spoken(closing),
        role: role.to_string(),
        items: Checklist::items_of(role.as_str()),
        open: file.milestones.iter().filter(own).take(NEXT).map(|m| step(m, role)).collect(),
    })
}

/// Whether a checklist for this closing is due: within the week before it, not on the day.
pub fn is_closing_week(today: Date, closing: Date) -> bool {
    (1..=CHECKLIST_DAYS).contains(&days_until(today, closing))
}

/// Who gets a letter and by which way, and who gets nothing and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    pub recipients: Vec<Recipient>,
    /// Their names.
    pub left_out: Vec<(String, NoWay)>,
}

/// Those whom a letter is for, each once: everybody in a role, or one party (`contact:<id>`). As with reminders, each by
/// the first way that is open and not switched off for such a letter.
pub fn audience(file: &File, to: &str, topic: Topic) -> Audience {
    let one = to.strip_prefix("contact:").and_then(|id| id.parse::<ContactId>().ok());
    let meant = |role: &PartyRole, contact: &Contact| match one {
        Some(id) => contact.id == id,
        None => role.as_str() == to,
    };
    let usual = Preferences::default();
    let mut seen = BTreeSet::new();
    let mut audience = Audience::default();
    for (_, contact) in file.parties.iter().filter(|(role, contact)| meant(role, contact)) {
        if !seen.insert(contact.id) {
            continue;
        }
        let at = Addresses {
            email: contact.email.as_deref(),
            phone: contact.phone.as_deref(),
            agreed_to_sms: file.agreed_to_sms.contains(&contact.id),
        };
        let preferences = file.preferences.get(&Person::Contact(contact.id)).unwrap_or(&usual);
        match way(contact.id, at, preferences, topic) {
            Ok((channel, address)) => {
                let (contact_id, name) = (contact.id, contact.name.clone());
                audience.recipients.push(Recipient { contact_id, name, channel, address });
            }
            Err(why) => audience.left_out.push((contact.name.clone(), why)),
        }
    }
    audience
}

/// What approvers are told of who gets a letter: whom it does not reach, and who gets less than all of it.
pub fn audience_findings(audience: &Audience, to: &str, words: &Words) -> Vec<Finding> {
    let mut findings = Vec::new();
    if audience.recipients.is_empty() {
        let whom = if to.starts_with("contact:") {
            "Nobody it is for".to_owned()
        } else {
            format!("Nobody in the role {to}")
        };
        let switched_off = audience.left_out.iter().any(|(_, why)| *why == NoWay::SwitchedOff);
        let why = if switched_off {
            format!("{whom} wants to be written to about this. Call them, or withdraw the draft.")
        } else {
            format!(
                "{whom} has an e-mail address here or has agreed to text messages. Add an address (milepost \
                 contact edit), or record the consent, and edit the draft."
            )
        };
        findings.push(note(FindingKind::Recipient, &why, true));
    }
    for (name, why) in &audience.left_out {
        let why = match why {
            NoWay::NoAddress => {
                format!("{name} is not sent this: no e-mail address is known, and no consent to text messages.")
            }
            NoWay::SwitchedOff => format!("{name} is not sent this: {name} switched such letters off."),
        };
        findings.push(note(FindingKind::Recipient, &why, false));
    }
    let by_text = audience.recipients.iter().filter(|to| to.channel == Channel::Sms);
    if !words.short().1 {
        for to in by_text {
            let why = format!("{} gets a text message, which holds only the beginning of it.", to.name);
            findings.push(note(FindingKind::Recipient, &why, false));
        }
    }
    findings
}

/// Whether an approver may let words pass in spite of what was found in them, and say why: those that a member wrote, when
/// there is somebody to get them.
pub fn may_pass_despite(source: WrittenBy, recipients: usize) -> bool {
    source == WrittenBy::Member && recipients > 0
}

/// A finding about no place in the words.
pub fn note(kind: FindingKind, why: &str, blocks: bool) -> Finding {
    Finding { kind, part: String::new(), start: 0, end: 0, text: String::new(), why: why.into(), blocks }
}

/// What the messages of a draft are about.
pub fn topic(kind: DraftKind) -> Topic {
    match kind {
        DraftKind::FollowUp => Topic::FollowUp,
        DraftKind::Checklist => Topic::Checklist,
        DraftKind::Message => Topic::Message,
    }
}

/// The days that a follow-up or a checklist speaks of, for the reader's calendar: nothing that the letter does not say.
pub fn entries(file: &File, draft: &Draft, letter: &Letter) -> Vec<Entry> {
    let said = format!("{}\n{}", letter.subject, letter.body).to_lowercase();
    let says = |text: &str| said.contains(&text.to_lowercase());
    let place = says(&file.deal.address).then(|| file.deal.address.clone());
    let own = |m: &Milestone| m.responsible.role().is_some_and(|role| role.as_str() == draft.recipient_role);
    let ahead = file
        .milestones
        .iter()
        .filter(|m| m.state.is_open() && m.due_on.is_some_and(|on| on >= file.today) && says(&m.title));
    let of_milestone = |m: &Milestone| {
        Some(Entry {
            name: m.id.to_string(),
            uid: format!("{}@milepost", m.id),
            sequence: m.version,
            on: m.due_on?,
            title: m.title.clone(),
            place: place.clone(),
        })
    };
    match draft.kind {
        DraftKind::FollowUp => ahead.take(NEXT).filter_map(of_milestone).collect(),
        DraftKind::Checklist => {
            let closing = file.deal.key_dates.get(CLOSING_DATE).map(|on| Entry {
                name: CLOSING_DATE.into(),
                uid: format!("{}.{CLOSING_DATE}@milepost", file.deal.id),
                sequence: file.deal.version,
                on: *on,
                title: "Closing".into(),
                place: place.clone(),
            });
            // The closing's own milestone is there as the closing.
            let steps = ahead.filter(|m| own(m) && m.type_ != CLOSING).take(NEXT).filter_map(of_milestone);
            closing.into_iter().chain(steps).collect()
        }
        DraftKind::Message => Vec::new(),
    }
}

/// A letter as it would leave: signed, with what its dates stand for and with the days that go along.
pub fn words(file: &File, draft: &Draft, letter: Letter, now: Timestamp) -> Words {
    let entries = entries(file, draft, &letter);
    let calendar = (!entries.is_empty()).then_some(Calendar { stamp: now, entries });
    Words { calendar, ..Words::of(letter, &signature(file), dated(file)) }
}

/// The lines under a letter.
pub fn signature(file: &File) -> String {
    match &file.owner {
        Some(owner) => format!("{}\n{}", owner.name, file.workspace.name),
        None => file.workspace.name.clone(),
    }
}

/// Everything that a letter about the deal may state.
pub fn known(file: &File) -> Known {
    let mut known = Known::on(file.today);
    let zone = file.deal.zone();
    known.dates.extend(file.deal.key_dates.values());
    for m in &file.milestones {
        known.dates.extend(m.due_on);
        if let Some(on) = completed_on(m, &zone) {
            known.dates.insert(on);
            known.days.insert(i64::from(days_late(m.due_on, on)));
        }
        known.phrases.push(m.title.clone());
    }
    known.days.remove(&0);
    known.amounts.extend(file.deal.price_cents);
    known.phrases.extend([file.deal.title.clone(), file.workspace.name.clone()]);
    known.phrases.extend(address_parts(&file.deal.address));
    for (_, contact) in &file.parties {
        known.phrases.push(contact.name.clone());
        known.emails.extend(contact.email.iter().map(|email| email.to_lowercase()));
        known.phones.extend(contact.phone.iter().map(|p| p.chars().filter(char::is_ascii_digit).collect()));
    }
    if let Some(owner) = &file.owner {
        known.phrases.push(owner.name.clone());
        known.emails.insert(owner.email.to_lowercase());
    }
    known
}

/// What is due on each day: milestones and key dates by their names in the database.
pub fn dated(file: &File) -> Dates {
    let mut dates = Dates::new();
    for (name, on) in &file.deal.key_dates {
        dates.entry(*on).or_default().insert(name.clone());
    }
    for m in &file.milestones {
        if let Some(on) = m.due_on {
            dates.entry(on).or_default().insert(m.id.to_string());
        }
    }
    dates
}

/// An address as people shorten it: "12 Oak Street, Chicago, IL 60601", "12 Oak Street, Chicago", "12 Oak Street", "Chicago",
/// "IL 60601", "IL", "60601".
fn address_parts(address: &str) -> Vec<String> {
    let mut parts: Vec<String> =
        address.match_indices(',').map(|(at, _)| address[..at].trim().to_owned()).collect();
    parts.push(address.to_owned());
    for piece in address.split(',').map(str::trim) {
        parts.push(piece.to_owned());
        if let Some((state, code)) = piece.rsplit_once(' ')
            && state.len() == 2
        {
            parts.extend([state.to_owned(), code.to_owned()]);
        }
    }
    parts
}

#[cfg(test)]
mod tests;
