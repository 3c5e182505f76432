//! Which events an endpoint is told of, and which headers it may ask for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kernel::Problem;
use crate::kernel::event::EventRow;
use crate::people::reach::{Channel, Topic};

const MOST_FILTERS: usize = 50;
const MOST_HEADERS: usize = 20;
const MOST_NAME: usize = 100;
const MOST_VALUE: usize = 1_000;

/// Headers that say how a call is carried; whoever set them could make one call look like another.
const OURS: [&str; 17] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "user-agent",
    "accept-encoding",
    "forwarded",
    "via",
    "date",
    "http2-settings",
];
const OUR_FAMILIES: [&str; 4] = ["webhook-", "proxy-", "x-forwarded-", "sec-"];

/// The filters, trimmed, each once.
pub fn filters(wanted: &[String]) -> Result<Vec<String>, Problem> {
    if wanted.is_empty() {
        return Err(Problem::new("events", "is empty. Name events such as milestone.*, or * for all."));
    }
    if wanted.len() > MOST_FILTERS {
        return Err(Problem::new("events", format!("has more than {MOST_FILTERS} entries.")));
    }
    let mut kept: Vec<String> = Vec::new();
    for filter in wanted {
        let filter = filter.trim();
        let name = filter.strip_suffix(".*").unwrap_or(filter);
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if filter.len() > MOST_NAME || (filter != "*" && !name.split('.').all(word)) {
            return Err(Problem::new(
                "events",
                "has an entry that is no event. Write milestone.completed, milestone.* or *.",
            ));
        }
        if !kept.iter().any(|known| known == filter) {
            kept.push(filter.to_owned());
        }
    }
    Ok(kept)
}

/// Whether an event is among those that are filtered for.
pub fn wants(filters: &[String], event: &str) -> bool {
    filters.iter().any(|filter| match filter.strip_suffix('*') {
        Some(start) => event.starts_with(start),
        None => filter == event,
    })
}

/// Events about the calls themselves and about alerts of failed ones: telling them would bring forth the next ones.
pub fn would_echo(about: Option<(Channel, Topic)>) -> bool {
    matches!(about, Some((Channel::Webhook, _) | (_, Topic::Alert)))
}

/// Headers with their names in lower case.
pub fn headers(wanted: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    let no = |sentence: String| Err(Problem::new("headers", sentence));
    if wanted.len() > MOST_HEADERS {
        return no(format!("has more than {MOST_HEADERS} entries."));
    }
    let mut kept = BTreeMap::new();
    for (name, value) in wanted {
        let lower = name.trim().to_ascii_lowercase();
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if lower.is_empty() || lower.len() > MOST_NAME || !lower.bytes().all(token) {
            return no("has a name that no header has. Use letters, digits and hyphens.".into());
        }
        if OURS.contains(&lower.as_str()) || OUR_FAMILIES.iter().any(|family| lower.starts_with(family)) {
            return no(format!("may not set {lower}: Milepost sets it itself."));
        }
        let value = value.trim();
        if value.len() > MOST_VALUE || !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return no(format!(
                "has a value for {lower} with more than {MOST_VALUE} or other than visible ASCII characters."
            ));
        }
        if kept.insert(lower.clone(), value.to_owned()).is_some() {
            return no(format!("has {lower} twice."));
        }
    }
    Ok(kept)
}

/// What a program gets of an event: the log's row without what is personal. It may ask for that with a token.
pub fn payload(row: &EventRow) -> Result<Value, serde_json::Error> {
    let data: Value = serde_json::from_str(&row.data)?;
    Ok(json!({
        "type": row.event,
        "timestamp": row.at,
        "data": {
            "event_id": row.id,
            "sequence": row.seq,
            "workspace_id": row.workspace_id,
            "subject": { "kind": row.subject_kind, "id": row.subject_id },
            "actor": { "kind": row.actor_kind, "id": row.actor_id },
            "source": row.source,
            "correlation_id": row.correlation_id,
            "details": data,
        },
    }))
}

/// Whether the previous secret may sign until then.
pub fn overlap(now: Timestamp, at_once: bool) -> Option<Timestamp> {
    if at_once { None } else { now.checked_add(jiff::SignedDuration::from_hours(24)).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn which_events_are_told() {
        for (filter, event, yes) in [
            ("*", "deal.created", true),
            ("milestone.*", "milestone.completed", true),
            ("milestone.*", "milestones.x", false),
            ("milestone.*", "deal.created", false),
            ("deal.created", "deal.created", true),
            ("deal.created", "deal.created_again", false),
            ("endpoint.*", "endpoint.secret_rotated", true),
        ] {
            assert_eq!(wants(&strings(&[filter]), event), yes, "{filter} {event}");
        }
        assert_eq!(filters(&strings(&[" deal.* ", "*", "deal.*"])).unwrap(), ["deal.*", "*"]);
        for bad in ["", "deal*", "*.*", "Deal.created", "deal..created", "deal.", ".", "de al", "deal.*.x", "**"] {
            assert!(filters(&strings(&[bad])).is_err(), "{bad}");
        }
        assert!(filters(&[]).is_err() && filters(&vec!["a.b".into(); 51]).is_err());
    }

    #[test]
    fn nothing_is_told_of_the_telling() {
        assert!(would_echo(Some((Channel::Webhook, Topic::Event))));
        assert!(would_echo(Some((Channel::InApp, Topic::Alert))));
        assert!(!would_echo(Some((Channel::Email, Topic::Reminder))));
        assert!(!would_echo(None));
    }

    #[test]
    fn headers_that_carry_the_call_are_ours() {
        let check = |name: &str, value: &str| headers(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
        for (name, value) in [("Authorization", "Bearer x"), ("X-Team", "north 7"), ("x.y", "")] {
            assert_eq!(check(name, value).unwrap().into_keys().next().unwrap(), name.to_lowercase());
        }
        for (name, value) in [
            ("Host", "x"),
            ("content-LENGTH", "0"),
            ("Transfer-Encoding", "chunked"),
            ("Webhook-Id", "x"),
            ("webhook-signature", "v1,x"),
            ("Connection", "close"),
            ("Proxy-Authorization", "x"),
            ("X-Forwarded-For", "x"),
            ("Content-Type", "x"),
            ("", "x"),
            ("a b", "x"),
            ("a:b", "x"),
            ("é", "x"),
            ("x", "a\r\nHost: b"),
            ("x", "a\0"),
            ("x", "é"),
        ] {
            assert!(check(name, value).is_err(), "{name}: {value}");
        }
        assert!(check("x", &"v".repeat(1_001)).is_err());
        let twice = BTreeMap::from([("X-A".to_owned(), "1".to_owned()), ("x-a".to_owned(), "2".to_owned())]);
        assert!(headers(&twice).is_err());
    }
}
