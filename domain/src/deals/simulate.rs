//! What will be sent in the next days, to whom, why, and what the policy says: the sweep and the policy themselves, run
//! ahead of time on data that are not kept.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deal;
use super::followup::ops::{Answer, accept, begin, checklists, next_checklist};
use super::reminder::glance::sections;
use super::reminder::store::{self, shown};
use super::reminder::{Kind, Recipient, State, ops, view};
use crate::deals::milestone::explain::long;
use crate::delivery::notify::ops::{digests, next_digest};
use crate::delivery::notify::verify;
use crate::delivery::rehearsal::{Fate, send_due};
use crate::delivery::sms::Bill;
use crate::delivery::{Message, To, outbox, settings};
use crate::kernel::id::{DealId, MessageId};
use crate::kernel::{Cx, No, Principal, Problem, Refusal, Rehearsal, Source, Work, time};
use crate::people::reach::{Channel, Topic};
use crate::words;
use crate::workspace::access::ops::operator;
use crate::workspace::access::{Require, Verb};
use crate::workspace::member;

pub const MOST_DAYS: i64 = 366;

words! {
    /// What would become of a message.
    pub enum Verdict {
        Sent = "sent",
        Refused = "refused",
        Expired = "expired",
        /// It was never put into the outbox; `why` says for what reason.
        NotSent = "not_sent",
        /// Held beyond the days that were looked at.
        Held = "held",
    }
}

/// One message, as it would go out if nobody changed anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Forecast {
    /// RFC 3339 UTC.
    #[schemars(with = "String")]
    pub at: Timestamp,
    pub verdict: Verdict,
    pub topic: Topic,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Channel")]
    pub channel: Option<Channel>,
    /// A name, or a channel of the team's chat.
    pub to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    pub subject: String,
    pub text: String,
    /// What a text message takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bill")]
    pub sms: Option<Bill>,
    /// The milestones that it is about, and why now.
    pub why: Vec<String>,
    /// What the policy says, in the order in which it said it.
    pub policy: Vec<String>,
}

/// Everything of the next `days` days, in order; with `only` that of one deal. Changes nothing.
///
/// Nobody completes anything or votes meanwhile, and no model is asked: letters that are to be written are the templates', and
/// of those that wait for a yes the first notice to their approvers is shown and none that repeats it. `tell` hears how many
/// of the days are done.
pub fn simulate(
    work: &Work<'_>,
    days: i64,
    only: Option<DealId>,
    tell: &dyn Fn(i64),
) -> Result<Vec<Forecast>, No> {
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(vec![Problem::new("days", format!("must be between 1 and {MOST_DAYS}."))].into());
    }
    let workspace = work.read(|cx| {
        cx.require(Verb::ReadDeliveries)?;
        match only {
            Some(id) if deal::store::find(cx, id)?.is_none() => Err(Refusal::not_found("deal").into()),
            _ => Ok(cx.workspace()),
        }
    })?;
    let clock = operator(workspace, "clock", Source::System);
    work.rehearse(|rehearsal| run(rehearsal, &clock, days, only, tell))
}

fn run(
    rehearsal: &mut Rehearsal<'_>,
    clock: &Principal,
    days: i64,
    only: Option<DealId>,
    tell: &dyn Fn(i64),
) -> Result<Vec<Forecast>, No> {
    let started = rehearsal.now();
    let mut now = started;
    let end = now + SignedDuration::from_hours(24 * days);
    let mut forecasts = Vec::new();
    let mut held: BTreeMap<MessageId, Vec<String>> = BTreeMap::new();
    // Looking for them at every instant would cost more than all else.
    let mut checklists_at = Some(started);
    while now <= end {
        tell(now.duration_since(started).as_hours() / 24);
        if checklists_at.is_some_and(|at| at <= now) {
            checklists_at = rehearsal.by(clock, now, |cx| {
                checklists(cx)?;
                next_checklist(cx)
            })?;
        }
        rehearsal.by(clock, now, letters)?;
        let next = rehearsal.at(now, |cx| step(cx, only, &mut forecasts, &mut held))?;
        match next.into_iter().chain(checklists_at).min() {
            Some(next) => now = next.max(now + SignedDuration::from_secs(1)),
            None => break,
        }
    }
    rehearsal.at(end, |cx| unsent(cx, only, &mut forecasts, &mut held, started))?;
    forecasts.sort_by(|a, b| (a.at, &a.subject, &a.to).cmp(&(b.at, &b.subject, &b.to)));
    Ok(forecasts)
}

/// Writes what waits for a writer.
fn letters(cx: &mut Cx<'_>) -> Result<(), No> {
    while let Some(assignment) = begin(cx)? {
        accept(cx, &assignment, &Answer::Template { instead_of_model: None })?;
    }
    Ok(())
}

/// One instant: what the loops would do at it. Gives the next instant at which they have something to do.
fn step(
    cx: &mut Cx<'_>,
    only: Option<DealId>,
    forecasts: &mut Vec<Forecast>,
    held: &mut BTreeMap<MessageId, Vec<String>>,
) -> Result<Option<Timestamp>, No> {
    while ops::attend(cx, 200)?.deals > 0 {}
    digests(cx, &mut sections)?;
    let fates = send_due(cx)?;
    let mut shown = Vec::new();
    for fate in fates {
        let (message, verdict, said) = match fate {
            Fate::Held { message, until, why } => {
                let until = time::moment(until, &member::ops::reading_zone(cx)?);
                held.entry(message.id).or_default().push(format!("held until {until}: {why}"));
                continue;
            }
            Fate::Sent(message) => (message, Verdict::Sent, "allowed".to_owned()),
            Fate::Refused { message, why } => (message, Verdict::Refused, why),
            Fate::Expired(message) => (message, Verdict::Expired, "it was not allowed while it was of use".into()),
        };
        if only.is_none() || message.deal_id == only {
            let mut policy = held.remove(&message.id).unwrap_or_default();
            policy.push(said);
            shown.push((message, verdict, policy));
        }
    }
    forecasts.extend(told(cx, shown)?);
    let nexts = [store::next_look(cx)?, outbox::waiting::next_due(cx)?, next_digest(cx)?];
    Ok(nexts.into_iter().flatten().min())
}

fn told(cx: &mut Cx<'_>, shown: Vec<(Message, Verdict, Vec<String>)>) -> Result<Vec<Forecast>, No> {
    let ids: Vec<MessageId> = shown.iter().map(|(message, ..)| message.id).collect();
    let occasions: Vec<String> =
        shown.iter().filter_map(|(m, ..)| m.occasion.rsplit_once(':')).map(|(base, _)| base.to_owned()).collect();
    let reasons = reasons(cx, &ids, &occasions)?;
    let price = settings::store::find(cx)?.settings.sms_segment_price;
    let mut forecasts = Vec::with_capacity(shown.len());
    for (message, verdict, policy) in shown {
        let to = match message.to {
            To::Contact(id) => view::name(cx, &Recipient::Contact(id))?,
            To::Member(id) => view::name(cx, &Recipient::Member(id))?,
            To::Team | To::Endpoint(_) => format!("{} {}", message.channel, message.address),
        };
        let base = message.occasion.rsplit_once(':').map_or("", |(base, _)| base);
        let is_text = message.channel == Channel::Sms;
        forecasts.push(Forecast {
            sms: is_text.then(|| Bill::of(&message.content.text, price.as_ref())),
            at: cx.now(),
            verdict,
            topic: message.topic,
            channel: Some(message.channel),
            to,
            deal_id: message.deal_id,
            why: match message.topic {
                Topic::Approval => vec!["It waits for a yes; nobody votes in a rehearsal".into()],
                _ => reasons.get(base).cloned().unwrap_or_default(),
            },
            text: if verify::is_secret(&message) { verify::HIDDEN.into() } else { message.content.text },
            subject: message.content.subject,
            policy,
        });
    }
    Ok(forecasts)
}

/// By the occasion of a message what it is about.
fn reasons(cx: &mut Cx<'_>, ids: &[MessageId], occasions: &[String]) -> Result<HashMap<String, Vec<String>>, No> {
    let mut reasons: HashMap<String, Vec<String>> = HashMap::new();
    if ids.is_empty() {
        return Ok(reasons);
    }
    for (record, title) in shown::said_on(cx, occasions)? {
        let Some(occasion) = record.occasion.clone() else { continue };
        let due_on = long(record.due_on);
        let why = match record.key.kind {
            Kind::Reminder => format!("{title} is due on {due_on}; its reminder is for {}", long(record.key.on)),
            Kind::Snoozed => format!("{title} (due on {due_on}) was put off until {}", long(record.key.on)),
            Kind::Overdue => format!("{title} was due on {due_on} and is not completed"),
            Kind::Escalation(step) => {
                format!("{title} was due on {due_on} and is still not completed (step {step})")
            }
        };
        reasons.entry(occasion).or_default().push(why);
    }
    for why in reasons.values_mut() {
        why.sort();
    }
    Ok(reasons)
}

/// What was recorded in the rehearsal as missed or refused, and what is still held at its end.
fn unsent(
    cx: &mut Cx<'_>,
    only: Option<DealId>,
    forecasts: &mut Vec<Forecast>,
    held: &mut BTreeMap<MessageId, Vec<String>>,
    started: Timestamp,
) -> Result<(), No> {
    for (id, policy) in std::mem::take(held) {
        let Some(message) = outbox::store::find(cx, id)? else { continue };
        if !message.status.is_settled() && (only.is_none() || message.deal_id == only) {
            forecasts.extend(told(cx, vec![(message, Verdict::Held, policy)])?);
        }
    }
    for listed in shown::refused_since(cx, started)? {
        let record = listed.record;
        if only.is_some_and(|only| only != record.deal_id) {
            continue;
        }
        let reason = record.reason.clone().unwrap_or_default();
        forecasts.push(Forecast {
            at: record.planned_at,
            verdict: if record.state == State::Refused { Verdict::Refused } else { Verdict::NotSent },
            topic: match record.key.kind {
                Kind::Reminder | Kind::Snoozed => Topic::Reminder,
                Kind::Overdue => Topic::Overdue,
                Kind::Escalation(_) => Topic::Escalation,
            },
            channel: None,
            to: view::name(cx, &record.key.recipient)?,
            deal_id: Some(record.deal_id),
            subject: format!("{} - {}", listed.milestone, listed.deal),
            text: String::new(),
            sms: None,
            why: vec![reason],
            policy: Vec::new(),
        });
    }
    Ok(())
}
