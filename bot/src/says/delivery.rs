//! Messages that left, and those that did not.

use std::collections::BTreeMap;

use domain::delivery::Status;
use domain::delivery::gone::GoneAddress;
use domain::delivery::outbox::ops::{BatchCancelled, Dispatch};
use domain::delivery::outbox::view::{Attempt, Delivery, Detail, Ruled};
use domain::kernel::id::MemberId;

use super::{count, indented, moment, next_page, table};

/// What a person must look at stands out.
pub fn status(status: Status) -> String {
    match status {
        Status::Failed | Status::Dead | Status::Unknown => status.as_str().to_uppercase(),
        other => other.as_str().to_owned(),
    }
}

/// The members by name.
pub type Names = BTreeMap<MemberId, String>;

fn whither(d: &Delivery, names: &Names) -> String {
    let channel = d.channel.as_str().replace('_', "-");
    if !d.address.is_empty() {
        return format!("{channel} {}", d.address);
    }
    match d.to_id.and_then(|id| names.get(&MemberId(id))) {
        Some(name) => format!("{channel} {name}"),
        None => format!("{channel} ({})", d.to_kind),
    }
}

pub fn list(deliveries: &[Delivery], cursor: Option<&str>, dispatch: &Dispatch, names: &Names) -> String {
    let mut text = match dispatch.held_since {
        Some(_) => self::dispatch(dispatch) + "\n\n",
        None => String::new(),
    };
    if deliveries.is_empty() {
        return text + "No message matches.";
    }
    let rows: Vec<Vec<String>> = deliveries
        .iter()
        .map(|d| {
            let when = d.settled_at.or(d.next_at).unwrap_or(d.due_at);
            let about = d.topic.as_str().replace('_', " ");
            vec![status(d.status), moment(when), about, whither(d, names), d.subject.clone(), d.id.to_string()]
        })
        .collect();
    text.push_str(&table(&["STATUS", "WHEN", "ABOUT", "TO", "SUBJECT", "ID"], &rows));
    if deliveries.iter().any(|d| d.reason.is_some()) {
        text.push_str("\nWhy one stands so, and what can be done: milepost delivery show ID\n");
    }
    text + &next_page(cursor)
}

/// The state read back after a change.
pub fn changed(d: &Delivery, names: &Names) -> String {
    let mut text = format!("{} to {} is {}.", title(d), whither(d, names), status(d.status));
    if let Some(reason) = &d.reason {
        text.push_str(&format!(" {}", super::sentence(reason)));
    }
    if let Some(next) = d.next_at {
        text.push_str(&format!(" Looked at next: {}.", moment(next)));
    }
    text
}

/// How a test stands after somebody waited for so many seconds.
pub fn tested(detail: &Detail, names: &Names, dispatch: &Dispatch, waited: u32) -> String {
    let d = &detail.delivery;
    let mut text = changed(d, names);
    let last = detail.attempts.last().and_then(|attempt| attempt.detail.as_deref());
    if let Some(said) = last.filter(|said| d.reason.is_none() && !said.is_empty()) {
        text.push_str(&format!(" {}", super::sentence(said)));
    }
    text.push('\n');
    if !d.status.is_settled() {
        match dispatch.held_since {
            Some(_) => text.push_str(&format!("{}\n", self::dispatch(dispatch))),
            None if d.attempts == 0 => {
                let since = if waited == 0 { "yet".to_owned() } else { format!("within {waited} s") };
                text.push_str(&format!(
                    "No server took it {since}. It leaves when one runs (milepost serve), unless an hour has passed.\n"
                ));
            }
            None => {}
        }
    }
    text + &format!("Its attempts, and what the policy said: milepost delivery show {}\n", d.id)
}

/// What came of taking back a batch.
pub fn batch(done: &BatchCancelled) -> String {
    let text = match done.cancelled.len() {
        0 => "Nothing of the batch was still waiting; nothing was changed.".to_owned(),
        some => format!("{} of the batch taken back; it was not sent.", count(some, "message")),
    };
    match done.others.len() {
        0 => text,
        some => format!(
            "{text} {} left, leaving, or at an end before: milepost delivery list --batch {}",
            count(some, "other message"),
            done.batch_id
        ),
    }
}

/// What became of a draft's messages.
pub fn became(deliveries: &[Delivery]) -> String {
    let row = |d: &Delivery| {
        let when = moment(d.settled_at.or(d.next_at).unwrap_or(d.due_at));
        let why = d.reason.clone().unwrap_or_default();
        vec![status(d.status), when, whither(d, &Names::new()), d.id.to_string(), why]
    };
    table(&["", "", "", "", ""], &deliveries.iter().map(row).collect::<Vec<_>>())
}

fn title(d: &Delivery) -> String {
    if d.subject.is_empty() { "The message".into() } else { format!("\"{}\"", d.subject) }
}

pub fn detail(detail: &Detail, names: &Names) -> String {
    let d = &detail.delivery;
    let mut text = format!("{}\n\n{}\n", changed(d, names), indented(&detail.text));
    text.push_str(&format!(
        "About: {}, {}\nDue: {}\nOccasion: {}\nContent: sha256 {}\n",
        d.topic.as_str().replace('_', " "),
        d.purpose,
        moment(d.due_at),
        detail.occasion,
        d.content_hash,
    ));
    if let Some(bill) = &detail.sms {
        text.push_str(&format!("Text message: {bill}\n"));
    }
    if let Some(id) = &d.provider_id {
        text.push_str(&format!("At the provider: {id}\n"));
    }
    if !detail.decisions.is_empty() {
        text.push_str(&format!("\nThe policy said:\n{}", indented(&decisions(&detail.decisions))));
    }
    if !detail.attempts.is_empty() {
        text.push_str(&format!("\nAttempts:\n{}", indented(&attempts(&detail.attempts))));
    }
    text
}

fn decisions(all: &[Ruled]) -> String {
    let row = |r: &Ruled| {
        let until = r.until.map_or_else(String::new, |until| format!("until {}", moment(until)));
        vec![moment(r.at), r.verdict.to_string(), r.code.clone().unwrap_or_default(), until]
    };
    table(&["", "", "", ""], &all.iter().map(row).collect::<Vec<_>>())
}

fn attempts(all: &[Attempt]) -> String {
    let row = |a: &Attempt| {
        let outcome = a.outcome.map_or_else(|| "under way".into(), |o| o.as_str().replace('_', " "));
        let code = a.provider_status.map_or_else(String::new, |code| code.to_string());
        vec![a.number.to_string(), moment(a.started_at), outcome, code, a.detail.clone().unwrap_or_default()]
    };
    table(&["", "", "", "", ""], &all.iter().map(row).collect::<Vec<_>>())
}

/// The addresses that take nothing any more.
pub fn gone(addresses: &[GoneAddress], cursor: Option<&str>) -> String {
    if addresses.is_empty() {
        return "Every address is tried; none is known to take nothing.".into();
    }
    let row = |gone: &GoneAddress| {
        vec![
            moment(gone.since),
            format!("{} {}", gone.channel, gone.address),
            gone.why.clone(),
            gone.id.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = addresses.iter().map(row).collect();
    let next = "\nNothing is sent to these. When one takes messages again: milepost delivery reopen ID\n";
    table(&["SINCE", "ADDRESS", "WHY", "ID"], &rows) + next + &next_page(cursor)
}

pub fn reopened(gone: &GoneAddress) -> String {
    format!(
        "Messages leave for {} {} again. What was refused meanwhile waits for milepost delivery replay; to list it: \
         milepost delivery list --status failed,suppressed",
        gone.channel, gone.address
    )
}

pub fn dispatch(dispatch: &Dispatch) -> String {
    match (dispatch.held_since, &dispatch.held_why) {
        (Some(since), why) => format!(
            "Nothing leaves this workspace since {}. Reason: {} To let messages leave: milepost delivery resume",
            moment(since),
            super::sentence(why.as_deref().unwrap_or_default()),
        ),
        (None, _) => "Messages leave this workspace as they come due.".into(),
    }
}
