//! The rules: facts, limits and an instant in, a decision out. The same three always give the same decision.

mod risk;
#[cfg(test)]
mod tests;
mod wait;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Approved, Decision, Facts, Reason, Recipient, Rule, Standing, Step, Verdict};
use crate::delivery::Purpose;
use crate::delivery::settings::rules::{Limits, is_snowflake};
use crate::delivery::thread::Thread;
use crate::kernel::text;
use crate::people::contact::zones::{self, ZoneSource};
use crate::people::reach::{Channel, Mode, Topic};

pub use risk::risks;
use wait::{Clock, Wait};

/// Whether a rule sends such a message, and not a person who wrote these words for this occasion.
pub fn is_automated(topic: Topic) -> bool {
    topic != Topic::Message
}

/// Whether a contact must have said yes to this channel.
pub fn needs_consent(channel: Channel, purpose: Purpose) -> bool {
    match channel {
        Channel::Sms | Channel::Discord => true,
        Channel::Email => purpose == Purpose::Outreach,
        // Nothing of these reaches a contact: the address rule says so, or it stays on this machine.
        Channel::Webhook | Channel::InApp | Channel::Console => false,
    }
}

/// Whether somebody must have approved the very words before a contact gets them.
pub fn needs_approval(topic: Topic) -> bool {
    matches!(topic, Topic::FollowUp | Topic::Checklist | Topic::Message)
}

/// What keeps an address from being reached by a channel, as a sentence.
pub fn address_problem(channel: Channel, address: &str) -> Option<String> {
    match channel {
        Channel::Email => {
            text::email("address", address).err().map(|_| "The address is no e-mail address.".into())
        }
        Channel::Sms => {
            zones::whole_number(address).is_none().then(|| "The address is no whole telephone number.".into())
        }
        Channel::Discord => (!is_snowflake(address) && Thread::of(address).is_none())
            .then(|| "The address is no id of a channel or person on Discord.".into()),
        Channel::Webhook | Channel::InApp | Channel::Console => None,
    }
}

/// What the policy says of a message at an instant. Every rule that applies is looked at, in the table's order.
pub fn decide(facts: &Facts, limits: &Limits, now: Timestamp) -> Decision {
    let mut trace = Vec::with_capacity(15);
    let mut waits = Vec::new();
    match &facts.recipient {
        Recipient::Contact(standing) => of_contact(facts, standing, limits, now, &mut trace, &mut waits),
        _ => trace.push(address(facts)),
    }
    let settled = wait::settle(&waits, now);
    // What a rule says of waiting is known only once all of them were asked.
    for (place, wait) in waits.iter().enumerate() {
        trace.push(held(wait, settled.opened.get(place).copied().flatten(), now));
    }
    if settled.at.is_none() {
        trace.push(never_open(&waits));
    }
    trace.sort_by_key(|step| step.rule);
    conclude(trace, settled.at)
}

fn of_contact<'f>(
    facts: &'f Facts,
    standing: &'f Standing,
    limits: &'f Limits,
    now: Timestamp,
    trace: &mut Vec<Step>,
    waits: &mut Vec<Wait<'f>>,
) {
    trace.push(opt_out(standing));
    waits.push(frequency(facts, standing, limits));
    let clocks: Vec<Clock> = standing.zones.names.iter().map(|name| Clock::of(name)).collect();
    waits.push(Wait::quiet(clocks.clone(), limits));
    waits.extend(standing.quiet.as_ref().and_then(|quiet| Wait::own_quiet(clocks.clone(), quiet)));
    let holds = facts.purpose == Purpose::Outreach || limits.hold_transactional;
    if holds {
        waits.push(Wait::days(Rule::SundayHold, clocks.clone(), limits));
        if !limits.blackout_days.is_empty() {
            waits.push(Wait::days(Rule::BlackoutDay, clocks, limits));
        }
    }
    if facts.purpose == Purpose::Outreach {
        trace.push(unanswered(standing, limits, now));
    }
    if facts.automated {
        trace.push(take_over(standing));
        trace.push(review(facts));
    }
    trace.extend(standing.mode.map(|mode| preference(facts, mode)));
    trace.push(consent(facts, standing));
    trace.push(zone(facts, standing));
    trace.push(address(facts));
    match limits.messages_per_day {
        None => {}
        Some(0) => trace.push(block(
            Rule::Quota,
            Reason::Quota,
            json!({ "messages_per_day": 0 }),
            "The workspace's quota is 0 messages to contacts in 24 hours.",
        )),
        Some(most) => waits.push(Wait::quota(most, facts.quota_full_until)),
    }
    if needs_approval(facts.topic) || facts.approved != Approved::Unasked {
        trace.push(approval(facts));
    }
}

fn step(rule: Rule, inputs: Value, sentence: impl Into<String>) -> Step {
    Step { rule, verdict: Verdict::Allow, code: None, until: None, inputs, sentence: sentence.into() }
}

fn block(rule: Rule, code: Reason, inputs: Value, sentence: impl Into<String>) -> Step {
    Step { verdict: Verdict::Block, code: Some(code), ..step(rule, inputs, sentence) }
}

fn opt_out(standing: &Standing) -> Step {
    let inputs = json!({ "opted_out_at": standing.opted_out_at, "elsewhere": standing.opted_out_elsewhere });
    match standing.opted_out_at {
        None => step(Rule::OptOut, inputs, "The contact did not opt out."),
        Some(at) => {
            let whose = if standing.opted_out_elsewhere {
                "Somebody with the same number or address"
            } else {
                "The contact"
            };
            let sentence = format!("{whose} opted out on {}; that holds for every channel.", wait::day_utc(at));
            block(Rule::OptOut, Reason::OptedOut, inputs, sentence)
        }
    }
}

fn frequency<'f>(facts: &Facts, standing: &'f Standing, limits: &Limits) -> Wait<'f> {
    if facts.purpose == Purpose::Outreach {
        let gap = SignedDuration::from_hours(limits.outreach_every_hours);
        Wait::cap(&standing.outreach, 1, gap, "outreach message")
    } else {
        let most = usize::try_from(limits.transactional_per_day).unwrap_or(1);
        Wait::cap(&standing.transactional, most, SignedDuration::from_hours(24), "transactional message")
    }
}

/// Five within fourteen days that nobody answered. It does not wear off with time: only the contact's writing ends it.
fn unanswered(standing: &Standing, limits: &Limits, now: Timestamp) -> Step {
    let most = usize::try_from(limits.unanswered_most).unwrap_or(1);
    let span = SignedDuration::from_hours(24 * limits.unanswered_days);
    let since = |at: &&Timestamp| standing.last_inbound_at.is_none_or(|wrote| **at > wrote);
    let latest: Vec<Timestamp> = standing.outreach.iter().filter(since).take(most).copied().collect();
    let full = latest.len() == most
        && matches!((latest.first(), latest.last()), (Some(new), Some(old)) if new.duration_since(*old) < span);
    let recent = latest.iter().filter(|at| now.duration_since(**at) < span).count();
    let inputs = json!({
        "last_inbound_at": standing.last_inbound_at, "latest": latest, "most": most, "days": limits.unanswered_days,
    });
    if full {
        let sentence =
            format!("{most} outreach messages within {} days were not answered.", limits.unanswered_days);
        return block(Rule::Unanswered, Reason::UnansweredSuppression, inputs, sentence);
    }
    step(Rule::Unanswered, inputs, format!("{recent} of at most {most} unanswered outreach messages."))
}

fn take_over(standing: &Standing) -> Step {
    let inputs = json!({ "taken_over_at": standing.taken_over_at });
    match standing.taken_over_at {
        None => step(Rule::TakeOver, inputs, "No person has taken over the conversation."),
        Some(at) => {
            let sentence = format!("A person took over the conversation on {}.", wait::day_utc(at));
            block(Rule::TakeOver, Reason::TakeOver, inputs, sentence)
        }
    }
}

fn review(facts: &Facts) -> Step {
    let (approved, by_rule) = match &facts.approved {
        Approved::Given { state, covers: true, by_rule } => (state == "approved", by_rule.as_deref()),
        _ => (false, None),
    };
    let mut inputs = json!({ "risks": facts.risks, "approved": approved });
    if let Some(rule) = by_rule {
        inputs["by_rule"] = rule.into();
    }
    match (facts.risks.first(), by_rule) {
        (Some(risk), Some(rule)) if approved => {
            let sentence = format!(
                "The words speak of something that a person must look at first: {risk}. No person did: the yes is that \
                 of {rule}."
            );
            block(Rule::Review, Reason::StrategyReviewRequired, inputs, sentence)
        }
        (Some(risk), _) if !approved => {
            let sentence = format!("The words speak of something that a person must look at first: {risk}.");
            block(Rule::Review, Reason::StrategyReviewRequired, inputs, sentence)
        }
        (Some(_), _) => step(Rule::Review, inputs, "The words are risky, and a person approved exactly these."),
        (None, _) => step(Rule::Review, inputs, "Nothing in the words needs a look."),
    }
}

/// Only what the contact said counts here: it can hold back what the other rules allow, and never let through what they do
/// not.
fn preference(facts: &Facts, mode: Mode) -> Step {
    let inputs = json!({ "topic": facts.topic, "channel": facts.channel, "mode": mode });
    let what = facts.topic.as_str().replace('_', "-");
    let by = way(facts.channel);
    match mode {
        Mode::Off => {
            let sentence = format!("The contact switched {what} messages off for {by}.");
            block(Rule::Preference, Reason::SwitchedOff, inputs, sentence)
        }
        _ => step(Rule::Preference, inputs, format!("The contact wants {what} messages by {by}.")),
    }
}

fn consent(facts: &Facts, standing: &Standing) -> Step {
    let needed = needs_consent(facts.channel, facts.purpose);
    let given = standing.consents.contains(&facts.channel);
    let inputs = json!({ "channel": facts.channel, "needed": needed, "given": given });
    match (needed, given) {
        (false, _) => {
            let sentence =
                format!("For {} of this kind ({}) no consent is needed.", way(facts.channel), facts.purpose);
            step(Rule::Consent, inputs, sentence)
        }
        (true, true) => step(Rule::Consent, inputs, format!("The contact agreed to {}.", way(facts.channel))),
        (true, false) => {
            let sentence = format!("The contact did not agree to {}.", way(facts.channel));
            block(Rule::Consent, Reason::NoConsent, inputs, sentence)
        }
    }
}

fn way(channel: Channel) -> &'static str {
    match channel {
        Channel::Discord => "messages on Discord",
        Channel::Email => "e-mails",
        Channel::Sms => "text messages",
        Channel::Webhook => "webhooks",
        Channel::InApp => "in-app notifications",
        Channel::Console => "lines on the console",
    }
}

fn zone(facts: &Facts, standing: &Standing) -> Step {
    let inputs = json!({ "found_by": standing.zones.found_by, "zones": standing.zones.names });
    let zones = wait::zone_names(&standing.zones.names);
    match (standing.zones.found_by, facts.purpose) {
        (ZoneSource::Stated, _) => step(Rule::Zone, inputs, format!("The contact's zone is {zones}.")),
        (ZoneSource::Evidence, _) => {
            step(Rule::Zone, inputs, format!("The contact may be in {zones}; the strictest of them counts."))
        }
        (ZoneSource::Country, Purpose::Outreach) => {
            block(Rule::Zone, Reason::UnknownZone, inputs, "Nothing tells in which time zone the contact is.")
        }
        (ZoneSource::Country, _) => {
            let sentence = format!("The contact's zone is not known: {zones}, whichever is strictest, counts.");
            step(Rule::Zone, inputs, sentence)
        }
    }
}

fn address(facts: &Facts) -> Step {
    let inputs = json!({ "channel": facts.channel, "problem": facts.address_problem });
    let problem = match (&facts.recipient, facts.purpose) {
        (Recipient::Contact(_), Purpose::Internal) => Some("An internal message is addressed to a contact"),
        (Recipient::Contact(_), _) if matches!(facts.channel, Channel::Webhook | Channel::InApp) => {
            Some("This channel does not reach contacts")
        }
        (Recipient::Contact(_), _) => None,
        (_, Purpose::Outreach | Purpose::Transactional) => Some("A message that is not internal has no contact"),
        (Recipient::Member { active: false }, _) => Some("The member is out of service"),
        (Recipient::Endpoint { active: false }, _) => Some("The endpoint is switched off"),
        _ => None,
    };
    match (problem, &facts.address_problem) {
        (Some(problem), _) => block(Rule::Address, Reason::BadAddress, inputs, format!("{problem}.")),
        (None, Some(problem)) => block(Rule::Address, Reason::BadAddress, inputs, problem.clone()),
        (None, None) => step(Rule::Address, inputs, "The address can be reached by this channel."),
    }
}

fn approval(facts: &Facts) -> Step {
    let inputs = json!({ "topic": facts.topic, "approved": facts.approved });
    let no = |sentence: String| {
        block(
            Rule::Approval,
            Reason::NotApproved,
            json!({ "topic": facts.topic, "approved": facts.approved }),
            sentence,
        )
    };
    match &facts.approved {
        Approved::Later => step(
            Rule::Approval,
            inputs,
            "Not looked at: exactly these words must be approved before they are sent.",
        ),
        Approved::Given { state, covers: true, by_rule } if state == "approved" => match by_rule {
            None => step(Rule::Approval, inputs, "Exactly these words for this address are approved."),
            Some(rule) => {
                let sentence =
                    format!("Exactly these words for this address leave by {rule}; no person approved them.");
                step(Rule::Approval, inputs, sentence)
            }
        },
        Approved::Given { state, covers: true, .. } => no(format!("The approval of these words is {state}.")),
        Approved::Given { covers: false, .. } => {
            no("What was approved is not what would be sent: other words, or another address.".into())
        }
        Approved::Unasked => no("Nobody approved these words.".into()),
    }
}

fn held(wait: &Wait<'_>, opened: Option<Timestamp>, now: Timestamp) -> Step {
    match opened {
        None => step(wait.rule, wait.inputs(now), wait.allows()),
        Some(until) => Step {
            verdict: Verdict::Defer,
            code: Some(wait.code),
            until: Some(until),
            ..step(wait.rule, wait.inputs(now), wait.holds(now))
        },
    }
}

fn never_open(waits: &[Wait<'_>]) -> Step {
    let zones: Vec<&str> = waits.iter().flat_map(Wait::zones).collect();
    let sentence = "There is no hour within the next year at which every rule allows it in every zone where the contact may be.";
    block(Rule::Zone, Reason::UnknownZone, json!({ "zones": zones }), sentence)
}

/// The decision that a trace amounts to. `opens` is the instant that the rules which wait agreed on.
pub fn conclude(trace: Vec<Step>, opens: Option<Timestamp>) -> Decision {
    let of = |verdict: Verdict| -> Vec<&Step> { trace.iter().filter(|step| step.verdict == verdict).collect() };
    let (blocks, defers) = (of(Verdict::Block), of(Verdict::Defer));
    let (verdict, steps) = match (blocks.is_empty(), defers.is_empty()) {
        (false, _) => (Verdict::Block, blocks),
        (true, false) => (Verdict::Defer, defers),
        (true, true) => (Verdict::Allow, Vec::new()),
    };
    let mut codes: Vec<Reason> = Vec::new();
    for code in steps.iter().filter_map(|step| step.code) {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    let sentences: Vec<&str> = steps.iter().map(|step| step.sentence.as_str()).collect();
    let (why, next) = match verdict {
        Verdict::Allow => ("Every rule allows it.".into(), String::new()),
        Verdict::Defer => (
            format!("Not sent yet. {}", sentences.join(" ")),
            "It is sent by itself when every rule allows it; nothing needs to be done.".into(),
        ),
        Verdict::Block => {
            (format!("Not sent. {}", sentences.join(" ")), codes.first().map_or("", |code| remedy(*code)).into())
        }
    };
    let until = if verdict == Verdict::Defer { opens } else { None };
    Decision { verdict, until, codes, why, next, trace }
}

/// What is safe to do about a block.
fn remedy(code: Reason) -> &'static str {
    match code {
        Reason::OptedOut => {
            "Do not contact them again. Only the contact can undo this, by writing START or through their own link."
        }
        Reason::UnansweredSuppression => "Leave them alone until they write; then it is possible again.",
        Reason::TakeOver => {
            "Write to the contact in person, or hand the conversation back (milepost contact release)."
        }
        Reason::StrategyReviewRequired => {
            "Ask for an approval of exactly these words, or take the named words out."
        }
        Reason::NoConsent => {
            "Reach the contact by a channel they agreed to, or record their consent with its evidence (milepost \
             contact consent)."
        }
        Reason::UnknownZone => {
            "Add the contact's time zone, region or telephone number (milepost contact edit), then plan it again."
        }
        Reason::BadAddress => {
            "Correct the address (milepost contact edit) or choose another recipient, then send it anew."
        }
        Reason::Quota => "Ask an admin of the workspace about its quota (milepost settings delivery).",
        Reason::SwitchedOff => {
            "Call them if it matters, or reach them by a channel they left on (milepost preferences show)."
        }
        Reason::NotApproved => "Ask for an approval of exactly these words, then send it anew.",
        // These only ever defer.
        Reason::FrequencyCap | Reason::QuietHours | Reason::SundayHold => "Wait until it is allowed.",
    }
}
