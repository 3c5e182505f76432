//! A reminder as every face shows it.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::shown::{self, Listed};
use super::{Recipient, Record, State};
use crate::delivery::Status;
use crate::delivery::notify::Dropped;
use crate::delivery::outbox::waiting::furthest;
use crate::kernel::id::{ContactId, DealId, MessageId, MilestoneId};
use crate::kernel::page::Page;
use crate::kernel::{Cx, No};
use crate::people::contact;
use crate::words;
use crate::workspace::member;

words! {
    /// What became of a reminder.
    pub enum Outcome {
        /// It comes again at its time.
        Planned = "planned",
        /// Its message waits.
        Waiting = "waiting",
        Sent = "sent",
        /// It was sent within another reminder's message.
        Merged = "merged",
        Digest = "digest",
        Cancelled = "cancelled",
        Missed = "missed",
        /// The policy, or the recipient, does not allow it.
        Refused = "refused",
        /// The provider refused it, or it was tried in vain, or it expired.
        Failed = "failed",
        /// Whether it arrived cannot be known.
        Unknown = "unknown",
    }
}

/// What became of a record whose message stands so.
pub fn outcome(state: State, leads: bool, status: Option<Status>) -> Outcome {
    match (state, status) {
        (State::Planned, _) => Outcome::Planned,
        (State::Cancelled, _) => Outcome::Cancelled,
        (State::Missed, _) => Outcome::Missed,
        (State::Refused, _) => Outcome::Refused,
        (State::Digest, None) => Outcome::Digest,
        (_, None | Some(Status::Queued | Status::Deferred | Status::Sending)) => Outcome::Waiting,
        (_, Some(Status::Sent | Status::Delivered | Status::Read)) if leads => Outcome::Sent,
        (_, Some(Status::Sent | Status::Delivered | Status::Read)) => Outcome::Merged,
        (_, Some(Status::Suppressed)) => Outcome::Refused,
        (_, Some(Status::Cancelled)) => Outcome::Cancelled,
        (_, Some(Status::Failed | Status::Dead | Status::Expired)) => Outcome::Failed,
        (_, Some(Status::Unknown)) => Outcome::Unknown,
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct ReminderView {
    pub milestone_id: MilestoneId,
    pub milestone: String,
    pub deal_id: DealId,
    pub deal: String,
    /// reminder, overdue or escalation.N
    pub kind: String,
    /// Who is told: a name, or a channel.
    pub to: String,
    #[schemars(with = "String")]
    pub due_on: Date,
    /// When it was to be sent. RFC 3339 UTC.
    #[schemars(with = "String")]
    pub at: Timestamp,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MessageId")]
    pub message_id: Option<MessageId>,
}

pub(super) fn views(cx: &mut Cx<'_>, page: Page<Listed>) -> Result<Page<ReminderView>, No> {
    let lines: Vec<String> = page
        .items
        .iter()
        .filter(|listed| listed.record.state == State::Digest)
        .filter_map(|listed| listed.record.occasion.clone())
        .collect();
    let digests = shown::digest_lines(cx, &lines)?;
    let line = |record: &Record| record.occasion.as_ref().and_then(|occasion| digests.get(occasion));
    // What its words are said on, and where the first message with them stands.
    let said = |listed: &Listed| match line(&listed.record) {
        Some(line) => (line.said_on.clone(), line.status),
        None => (listed.record.occasion.clone(), listed.status),
    };
    let ended = [Status::Failed, Status::Dead, Status::Suppressed];
    let failed = page.items.iter().map(said).filter(|(_, status)| status.is_some_and(|s| ended.contains(&s)));
    let failed: Vec<String> = failed.filter_map(|(base, _)| base).collect();
    // Where one way failed, another may have been taken.
    let taken = furthest(cx, &failed)?;
    let mut names = std::collections::HashMap::new();
    for listed in &page.items {
        let recipient = &listed.record.key.recipient;
        if !names.contains_key(recipient) {
            names.insert(recipient.clone(), name(cx, recipient)?);
        }
    }
    Ok(page.map(|listed| {
        let (base, first) = said(&listed);
        let dropped = line(&listed.record).and_then(|line| line.dropped);
        let other = base.and_then(|base| taken.get(&base)).copied();
        let record = listed.record;
        let status = other.map(|(_, status)| status).or(first);
        let outcome = match dropped {
            Some(Dropped::Expired) => Outcome::Missed,
            Some(Dropped::NoMember | Dropped::Unreached) => Outcome::Refused,
            None => outcome(record.state, record.leads, status),
        };
        let why = if status == listed.status { listed.why } else { None };
        ReminderView {
            milestone_id: record.key.milestone,
            milestone: listed.milestone,
            deal_id: record.deal_id,
            deal: listed.deal,
            kind: record.key.kind.to_string(),
            to: names.get(&record.key.recipient).cloned().unwrap_or_default(),
            due_on: record.due_on,
            at: record.at,
            outcome,
            reason: record.reason.or_else(|| dropped.map(|dropped| why_dropped(dropped).to_owned())).or(why),
            message_id: other.map(|(id, _)| id).or(record.message_id),
        }
    }))
}

fn why_dropped(dropped: Dropped) -> &'static str {
    match dropped {
        Dropped::Expired => "Its day was over before the member's next digest.",
        Dropped::NoMember => "NO_MEMBER: The member is out of service.",
        Dropped::Unreached => "SWITCHED_OFF: The member wants this on no channel on which they are reached.",
    }
}

/// Who a recipient is, for a person to read.
pub fn name(cx: &mut Cx<'_>, recipient: &Recipient) -> Result<String, No> {
    Ok(match recipient {
        Recipient::Contact(id) => contact_name(cx, *id)?,
        Recipient::Member(id) => member::store::find(cx, *id)?.map(|member| member.name).unwrap_or_default(),
        Recipient::Chat(channel, address) => format!("{channel} {address}"),
    })
}

fn contact_name(cx: &mut Cx<'_>, id: ContactId) -> Result<String, No> {
    Ok(contact::store::find(cx, id)?.map(|contact| contact.name).unwrap_or_default())
}
