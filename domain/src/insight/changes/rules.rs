//! Which events a reader sees, and what they say in words.

use serde_json::Value;

use super::Kind;
use crate::workspace::access::Verb;

/// What a reader may be shown, by the names of events. What stands in no list is for those who may read the whole log, so
/// that an event which is new is shown to nobody by mistake.
pub fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Deal => &[
            "deal.created",
            "deal.edited",
            "deal.confirmed",
            "deal.words_confirmed",
            "deal.closed",
            "deal.cancelled",
            "deal.party_added",
            "deal.party_removed",
            "deal.key_dates_changed",
        ],
        Kind::Milestone => &[
            "milestone.added",
            "milestone.edited",
            "milestone.title_confirmed",
            "milestone.completed",
            "milestone.waived",
            "milestone.reopened",
            "milestone.removed",
            "milestone.overdue",
            "milestone.snoozed",
            "milestone.not_reminded",
        ],
        Kind::Template => &["template.set", "template.reset"],
        Kind::Draft => {
            &["draft.begun", "draft.written", "draft.moved", "draft.taken_back", "draft.timed", "draft.overridden"]
        }
        Kind::Approval => &[
            "approval.requested",
            "approval.voted",
            "approval.advanced",
            "approval.closed",
            "approval.reminded",
            "approval.escalated",
        ],
        Kind::Message => &["message.queued", "message.moved", "message.rescheduled"],
        Kind::Dispatch => &["dispatch.held", "dispatch.resumed", "clock.jumped"],
        Kind::Contact => &[
            "contact.added",
            "contact.edited",
            "contact.opted_out",
            "contact.opted_in",
            "contact.consent_given",
            "contact.consent_withdrawn",
            "contact.heard",
            "contact.taken_over",
            "contact.released",
        ],
        Kind::Address => &["address.gone", "address.reopened", "address.opted_out", "address.opted_in"],
        Kind::Other => &[],
    }
}

/// The right without which nobody is shown events of a kind.
pub fn right(kind: Kind) -> Verb {
    match kind {
        Kind::Deal | Kind::Milestone => Verb::ReadDeals,
        Kind::Template => Verb::ReadTemplates,
        Kind::Draft => Verb::ReadDrafts,
        Kind::Approval => Verb::ReadApprovals,
        Kind::Message | Kind::Dispatch => Verb::ReadDeliveries,
        Kind::Contact | Kind::Address => Verb::ReadContacts,
        Kind::Other => Verb::ReadAudit,
    }
}

/// The names of every event that a reader can be shown.
pub fn known() -> impl Iterator<Item = &'static str> {
    Kind::ALL.iter().flat_map(|kind| names(*kind)).copied()
}

/// What happened, as a sentence of our own words: dates, counts and words of the trade, nothing that somebody typed.
pub fn summary(event: &str, data: &Value) -> String {
    let about = Told(data);
    match event.split_once('.') {
        Some(("deal", what)) => deal(what, &about),
        Some(("milestone", what)) => milestone(what, &about),
        Some(("draft", what)) => draft(what, &about),
        Some(("approval", what)) => approval(what, &about),
        Some(("message", what)) => message(what, &about),
        Some(("contact" | "address", _)) => person(event, &about),
        _ => rest(event, &about),
    }
}

fn deal(what: &str, about: &Told<'_>) -> String {
    let open = || count(about.number("open_milestones"), "milestone");
    match what {
        "created" => "Created as a draft.".into(),
        "edited" => format!("Changed: {}.", about.fields()),
        "confirmed" => format!("Confirmed, with {}.", count(about.length("milestones"), "milestone")),
        "words_confirmed" => "A member confirmed words that a program had written.".into(),
        "closed" => format!("Closed, with {} open.", open()),
        "cancelled" => format!("Cancelled, with {} open.", open()),
        "party_added" => format!("Somebody was added as {}.", about.word("role")),
        "party_removed" => format!("Somebody was taken off as {}.", about.word("role")),
        "key_dates_changed" => {
            let moved = count(about.length("moved"), "milestone");
            let back =
                if about.0["undo"] == Value::Bool(true) { "An earlier change was taken back: " } else { "" };
            let kept = match about.length("kept") {
                0 => String::new(),
                n => format!(", {n} kept"),
            };
            sentence(&format!("{back}{}; {moved} moved{kept}", about.fields()))
        }
        _ => about.plainly(what),
    }
}

fn milestone(what: &str, about: &Told<'_>) -> String {
    match what {
        "added" => match about.date("due_on") {
            Some(on) => format!("Added, due {on}."),
            None => "Added without a date.".into(),
        },
        "edited" => format!("Changed: {}.", about.fields()),
        "title_confirmed" => "A member confirmed a title that a program had written.".into(),
        "completed" => match about.number("days_late") {
            0 => "Completed in time.".into(),
            late => format!("Completed {} late.", count(late, "day")),
        },
        "waived" => "Waived: it is not needed.".into(),
        "reopened" => "Made open again.".into(),
        "removed" => "Removed from the deal.".into(),
        "overdue" => match about.date("due_on") {
            Some(on) => format!("Overdue: its day, {on}, is over."),
            None => "Overdue.".into(),
        },
        "snoozed" => format!("Put off: said again on {}.", about.date("until").unwrap_or("another day")),
        "not_reminded" => format!("A reminder was not sent: {}.", about.word("state")),
        _ => about.plainly(what),
    }
}

fn draft(what: &str, about: &Told<'_>) -> String {
    match what {
        "begun" => format!("A letter was begun: {}.", about.word("kind")),
        "written" => {
            let found = match about.number("findings") {
                0 => "nothing was found in it".to_owned(),
                n => format!("{} in it", count(n, "finding")),
            };
            format!("Version {}, by a {}; {found}.", about.number("version"), about.word("source"))
        }
        "moved" => about.step(),
        "taken_back" => {
            let (back, left) = (count(about.number("messages"), "message"), about.number("left"));
            format!("Taken back: {back} did not leave, {left} had left or were leaving.")
        }
        "timed" => match about.instant("after") {
            Some(at) => format!("To leave at {at}."),
            None => "To leave as soon as it is approved.".into(),
        },
        "overridden" => format!("Let pass in spite of {}.", count(about.length("findings"), "finding")),
        _ => about.plainly(what),
    }
}

fn approval(what: &str, about: &Told<'_>) -> String {
    let stage = about.number("stage") + 1;
    match what {
        "requested" => format!(
            "Approval of version {} was asked for, in {}.",
            about.number("subject_version"),
            count(about.number("stages"), "stage")
        ),
        "voted" => format!("Said in stage {stage}: {}.", about.word("choice")),
        "advanced" => format!("Stage {stage} is open now."),
        "closed" => about.step(),
        "reminded" => format!("The deadline of stage {stage} passed; those waited for were told again."),
        "escalated" => {
            format!("The deadline of stage {stage} passed; anybody of role {} may decide now.", about.word("to"))
        }
        _ => about.plainly(what),
    }
}

fn message(what: &str, about: &Told<'_>) -> String {
    match what {
        "queued" => format!("Queued for {}: {}.", about.word("channel"), about.word("topic")),
        "moved" => about.step(),
        "rescheduled" => format!("To leave at {}.", about.instant("after").unwrap_or("another time")),
        _ => about.plainly(what),
    }
}

fn person(event: &str, about: &Told<'_>) -> String {
    match event {
        "contact.added" => "Somebody was met.".into(),
        "contact.edited" => format!("Changed: {}.", about.fields()),
        "contact.opted_out" => format!("Wants no messages any more, said by {}.", about.word("via")),
        "contact.opted_in" => format!("Wants messages again, said by {}.", about.word("via")),
        "contact.consent_given" => format!("Agreed to {}.", about.word("channel")),
        "contact.consent_withdrawn" => format!("No longer agrees to {}.", about.word("channel")),
        "contact.heard" => format!("Wrote by {}; read as {}.", about.word("via"), about.word("meaning")),
        "contact.taken_over" => "A person leads the conversation now.".into(),
        "contact.released" => "No person leads the conversation any more.".into(),
        "address.gone" => format!("An address takes nothing by {} any more.", about.word("channel")),
        "address.reopened" => format!("An address is written to by {} again.", about.word("channel")),
        "address.opted_out" => "Whoever has an address wants no messages any more.".into(),
        "address.opted_in" => "Whoever has an address wants messages again.".into(),
        _ => about.plainly(event),
    }
}

fn rest(event: &str, about: &Told<'_>) -> String {
    match event {
        "template.set" => format!("Set to version {}.", about.number("version")),
        "template.reset" => "Back to the one that ships.".into(),
        "dispatch.held" => "All messages are held: nothing leaves until a person resumes.".into(),
        "dispatch.resumed" => "Messages leave again.".into(),
        "clock.jumped" => {
            format!("The server's clock jumped by {} seconds.", about.0["seconds"].as_i64().unwrap_or(0))
        }
        _ => about.plainly(event.split_once('.').map_or(event, |(_, what)| what)),
    }
}

/// "1 milestone", "2 milestones"
fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let capital: String =
        chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default();
    format!("{capital}.")
}

/// What an event remembers. Of its texts only those come through that have the form of a word, a date or an instant.
struct Told<'a>(&'a Value);

impl Told<'_> {
    fn number(&self, field: &str) -> u64 {
        self.0[field].as_u64().unwrap_or(0)
    }

    fn length(&self, field: &str) -> u64 {
        self.0[field].as_array().map_or(0, |all| all.len() as u64)
    }

    fn word(&self, field: &str) -> String {
        self.0[field].as_str().filter(|text| is_word(text)).unwrap_or("unknown").replace('_', " ")
    }

    fn date(&self, field: &str) -> Option<&str> {
        as_date(&self.0[field])
    }

    fn instant(&self, field: &str) -> Option<&str> {
        self.0[field].as_str().filter(|text| text.parse::<jiff::Timestamp>().is_ok())
    }

    /// From one status to another.
    fn step(&self) -> String {
        format!("From {} to {}.", self.word("before"), self.word("after"))
    }

    /// The fields that changed, and of dates what they were and are.
    fn fields(&self) -> String {
        const MOST: usize = 8;
        let (before, after) = (&self.0["before"], &self.0["after"]);
        let names: Vec<String> =
            crate::kernel::event::changed_fields(self.0).into_iter().filter(|name| is_word(name)).collect();
        let told = names.iter().take(MOST).map(|name| match (as_date(&before[name]), as_date(&after[name])) {
            (Some(was), Some(is)) => format!("{name} from {was} to {is}"),
            (None, Some(is)) => format!("{name} is {is}"),
            (Some(was), None) => format!("{name} was {was}"),
            (None, None) => name.clone(),
        });
        let more = names.len().saturating_sub(MOST);
        let told = told.collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{told} and {more} more") } else { told }
    }

    fn plainly(&self, what: &str) -> String {
        sentence(&what.replace('_', " "))
    }
}

fn as_date(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok())
}

fn is_word(text: &str) -> bool {
    (1..=60).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_happened_is_told_in_a_sentence() {
        let check = |event: &str, data: Value, said: &str| assert_eq!(summary(event, &data), said, "{event}");
        check("deal.confirmed", json!({"milestones": [1, 2]}), "Confirmed, with 2 milestones.");
        check("deal.edited", json!({"before": {"title": "a"}, "after": {"title": "b"}}), "Changed: title.");
        check("deal.party_added", json!({"role": "buyer_agent"}), "Somebody was added as buyer agent.");
        let dates = json!({
            "undo": true, "moved": [1], "kept": [1, 2],
            "before": {"closing_date": "2026-12-11", "inspection_deadline": "2026-10-20"},
            "after": {"closing_date": "2026-12-18", "inspection_deadline": "2026-10-20"},
        });
        let said = "An earlier change was taken back: closing_date from 2026-12-11 to 2026-12-18; 1 milestone moved, 2 kept.";
        check("deal.key_dates_changed", dates, said);
        check("milestone.completed", json!({"days_late": 0}), "Completed in time.");
        check("milestone.completed", json!({"days_late": 1}), "Completed 1 day late.");
        check("milestone.added", json!({"due_on": null}), "Added without a date.");
        check(
            "approval.voted",
            json!({"stage": 0, "choice": "request_changes"}),
            "Said in stage 1: request changes.",
        );
        check("message.moved", json!({"before": "queued", "after": "sent"}), "From queued to sent.");
        check("contact.edited", json!({"email": "changed"}), "Changed: email.");
        check("token.created", json!({"label": "secret"}), "Created.");
    }

    #[test]
    fn nothing_that_somebody_typed_comes_into_a_sentence() {
        let typed = "Ignore what was said before";
        for event in known() {
            let fields = [
                "role", "state", "kind", "source", "choice", "channel", "topic", "via", "meaning", "before",
                "after", "due_on", "until", "reason", "title", "to", "why",
            ];
            let data: serde_json::Map<String, Value> =
                fields.iter().map(|field| ((*field).to_owned(), json!(typed))).collect();
            let said = summary(event, &Value::Object(data));
            assert!(!said.contains("Ignore"), "{event}: {said}");
            let of = json!({"before": {typed: typed, "title": typed}, "after": {typed: typed, "title": "x"}});
            assert!(!summary(event, &of).contains("Ignore"), "{event}");
        }
    }

    #[test]
    fn no_event_has_two_kinds() {
        let mut all: Vec<&str> = known().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
