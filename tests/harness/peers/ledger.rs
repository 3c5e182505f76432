//! Three ledgers of the same sends, laid beside each other: what the provider took, what the outbox says, and what the log
//! of facts says. They agree, or somebody was told twice, or nobody was told and we say they were.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::Status;
use domain::kernel::Conn;
use domain::kernel::id::WorkspaceId;
use domain::people::reach::Channel;
use serde_json::Value;

use crate::behind::lines_of;

/// How a provider's entry is recognised as one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It carries the message's id.
    Id(String),
    /// All there is are the words. The message whose text stands in them is meant, so the texts of a story differ, and
    /// none is part of another.
    Text(String),
}

/// Something that a provider took, and somebody got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub mark: Mark,
    pub to: String,
    /// What the provider calls it.
    pub provider_id: Option<String>,
}

struct Row {
    id: String,
    channel: String,
    text: String,
    hash: String,
    status: Status,
    provider_id: Option<String>,
    attempts: Vec<Attempt>,
    /// Where the message stood after each fact of the log about it.
    facts: Vec<String>,
    notifications: usize,
    /// It draws another one anew, and nobody gets it as a message.
    edits: bool,
}

struct Attempt {
    number: i64,
    outcome: Option<String>,
    /// What the policy had decided, about which message and which content.
    verdict: String,
    about: String,
    hash: String,
}

/// What the three ledgers disagree on, a sentence each; empty when they agree. For a workspace in which every message has
/// its end, and with everything that the channels' peers took; a channel that is not named has nobody to ask.
pub fn differences(conn: &mut Conn, workspace: WorkspaceId, took: &[(Channel, Vec<Arrival>)]) -> Vec<String> {
    let rows = rows(conn, workspace);
    let mut wrong = Vec::new();
    let mut arrived: BTreeMap<&str, Vec<&Arrival>> = BTreeMap::new();
    for (channel, arrivals) in took {
        let name = channel.to_string();
        for arrival in arrivals {
            let meant = |row: &&Row| {
                row.channel == name
                    && !row.edits
                    && match &arrival.mark {
                        Mark::Id(id) => *id == row.id,
                        Mark::Text(text) => !row.text.is_empty() && text.contains(&row.text),
                    }
            };
            match rows.iter().filter(meant).collect::<Vec<_>>().as_slice() {
                [row] => arrived.entry(&row.id).or_default().push(arrival),
                [] => wrong.push(format!("{channel}: {arrival:?} arrived, and no message of the outbox is it")),
                several => wrong.push(format!("{channel}: {arrival:?} could be {} messages", several.len())),
            }
        }
    }
    let asked: BTreeSet<String> = took.iter().map(|(channel, _)| channel.to_string()).collect();
    for row in &rows {
        let took = arrived.remove(row.id.as_str()).unwrap_or_default();
        wrong.extend(about(row, &took, asked.contains(&row.channel)));
    }
    wrong
}

fn about(row: &Row, took: &[&Arrival], asked: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, sentence: &str| {
        if !holds {
            wrong.push(format!("{} {:?} ({}): {sentence}", row.channel, row.text, row.status));
        }
    };
    let in_app = row.channel == Channel::InApp.to_string();
    // A program that listens is told at least once; it knows repetitions by their id.
    let repeats = row.channel == Channel::Webhook.to_string();
    let times = if in_app { row.notifications } else { took.len() };
    let tried = |outcome: &str| row.attempts.iter().any(|attempt| attempt.outcome.as_deref() == Some(outcome));
    if row.edits {
        must(times == 0, "an edit arrived as a message");
        must(row.status != Status::Unknown, "an edit is simply sent again");
    } else if asked || in_app {
        must(times <= 1 || repeats, &format!("it arrived {times} times"));
        match row.status {
            Status::Sent | Status::Delivered | Status::Read => must(times >= 1, "it never arrived"),
            // Somebody may have got it, and we say that we can't tell.
            Status::Unknown => {}
            // The provider took it and gave up on it later, or had taken it before an answer was lost.
            Status::Failed | Status::Dead => {
                must(times == 0 || tried("accepted") || tried("unclear"), "it arrived all the same");
            }
            Status::Suppressed | Status::Cancelled | Status::Expired => {
                must(times == 0, "it arrived all the same")
            }
            Status::Queued | Status::Deferred | Status::Sending => must(false, "it has no end"),
        }
    }
    must(times == 0 || in_app || !row.attempts.is_empty(), "it arrived without a recorded attempt");
    for attempt in &row.attempts {
        let allowed = attempt.verdict == "allow" && attempt.about == row.id && attempt.hash == row.hash;
        must(allowed, &format!("attempt {} stands on no decision that allowed this content", attempt.number));
    }
    if let (Some(ours), [one]) = (&row.provider_id, took)
        && let Some(theirs) = &one.provider_id
        && row.channel != Channel::Email.to_string()
    {
        must(ours == theirs, &format!("the provider calls it {theirs}, and we say {ours}"));
    }
    must(
        row.facts.iter().filter(|fact| *fact == "queued first").count() == 1,
        "the log does not begin with it once",
    );
    let last = row.facts.last().map_or("", String::as_str);
    must(last == row.status.to_string(), &format!("the log ends with {last:?}"));
    let sent = row.facts.iter().filter(|fact| *fact == "sent").count();
    must(sent <= 1, &format!("the log says {sent} times that it was sent"));
    wrong
}

fn rows(conn: &mut Conn, workspace: WorkspaceId) -> Vec<Row> {
    let array = match conn {
        Conn::Pg(_) => "json_build_array",
        Conn::Lite(_) => "json_array",
    };
    let mut all = |columns: &str, rest: &str| -> Vec<Vec<Value>> {
        let own = rest.split_whitespace().next().unwrap_or_default();
        let query = format!("SELECT CAST({array}({columns}) AS text) AS line FROM {rest}")
            .replace("{own}", &format!("{own}.workspace_id = '{workspace}'"));
        lines_of(conn, workspace, &query).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let some = |value: &Value| value.as_str().map(str::to_owned);

    let mut attempts: BTreeMap<String, Vec<Attempt>> = BTreeMap::new();
    for row in all(
        "attempts.message_id, attempts.number, attempts.outcome, decisions.verdict, decisions.message_id, \
         decisions.content_hash",
        "attempts JOIN decisions ON decisions.workspace_id = attempts.workspace_id \
         AND decisions.id = attempts.decision_id WHERE {own} ORDER BY attempts.number",
    ) {
        attempts.entry(text(&row[0])).or_default().push(Attempt {
            number: row[1].as_i64().unwrap_or(0),
            outcome: some(&row[2]),
            verdict: text(&row[3]),
            about: text(&row[4]),
            hash: text(&row[5]),
        });
    }
    let mut facts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in all(
        "events.subject_id, events.event, events.data",
        "events WHERE {own} AND events.subject_kind = 'message' ORDER BY events.seq",
    ) {
        let data: Value = serde_json::from_str(&text(&row[2])).unwrap_or_default();
        let after = data.get("after").or_else(|| data.as_object()?.values().find_map(|inner| inner.get("after")));
        let fact = match (text(&row[1]).as_str(), after.and_then(Value::as_str)) {
            ("message.queued", _) => "queued first".to_owned(),
            (_, Some(after)) => after.to_owned(),
            // A fact that moves nothing.
            (_, None) => continue,
        };
        facts.entry(text(&row[0])).or_default().push(fact);
    }
    let mut notifications: BTreeMap<String, usize> = BTreeMap::new();
    for row in all("notifications.message_id", "notifications WHERE {own}") {
        *notifications.entry(text(&row[0])).or_default() += 1;
    }
    all(
        "messages.id, messages.channel, messages.content, messages.content_hash, messages.status, \
         messages.provider_id, messages.edits",
        "messages WHERE {own} ORDER BY messages.id",
    )
    .iter()
    .map(|row| {
        let id = text(&row[0]);
        let content: Value = serde_json::from_str(&text(&row[2])).unwrap_or_default();
        Row {
            channel: text(&row[1]),
            text: text(&content["text"]).trim().to_owned(),
            hash: text(&row[3]),
            status: text(&row[4]).parse().expect("a status"),
            provider_id: some(&row[5]),
            edits: some(&row[6]).is_some(),
            attempts: attempts.remove(&id).unwrap_or_default(),
            facts: facts.remove(&id).unwrap_or_default(),
            notifications: notifications.remove(&id).unwrap_or_default(),
            id,
        }
    })
    .collect()
}
