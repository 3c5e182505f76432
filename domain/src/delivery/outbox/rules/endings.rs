//! What becomes of a message, as a table: in which state it was, what happened, and everything that is other afterwards.

use super::tests::{flying, now};
use super::*;
use crate::kernel::id::{ContactId, MemberId};

const TRIED: &str = "The server was busy";

/// In a state, tried once 10 s ago and not since; whatever waits is due in 100 s.
fn in_state(channel: Channel, status: Status) -> Message {
    let waits = matches!(status, Status::Queued | Status::Deferred | Status::Sending);
    let in_flight = status == Status::Sending;
    let soon = now() + SignedDuration::from_secs(100);
    Message {
        status,
        reason: Some(TRIED.into()),
        next_at: waits.then_some(soon),
        lease_until: in_flight.then_some(soon),
        settled_at: (!waits).then(|| now() - SignedDuration::from_secs(5)),
        counted_at: Some(now() - SignedDuration::from_secs(10)),
        provider_id: (!waits).then(|| "p1".into()),
        ..flying(channel, 10)
    }
}

/// Everything that is other afterwards; instants as seconds from now.
fn changes(before: &Message, after: &Message) -> String {
    let instant = |at: Option<Timestamp>| match at {
        Some(at) => format!("{:+} s", now().duration_until(at).as_secs()),
        None => "none".into(),
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
    let fields = |m: &Message| {
        [
            ("status", m.status.to_string()),
            ("next", instant(m.next_at)),
            ("lease", instant(m.lease_until)),
            ("due", instant(Some(m.due_at))),
            ("expires", instant(m.expires_at)),
            ("first write", instant(m.first_write_at)),
            ("counted", instant(m.counted_at)),
            ("settled", instant(m.settled_at)),
            ("attempts", m.attempts.to_string()),
            ("provider", text(&m.provider_id)),
            ("version", m.version.to_string()),
            ("reason", text(&m.reason)),
        ]
    };
    let changed: Vec<String> = fields(before)
        .into_iter()
        .zip(fields(after))
        .filter(|(was, is)| was != is)
        .map(|((name, _), (_, is))| format!("{name}: {is}"))
        .collect();
    if changed.is_empty() { "nothing is other".into() } else { changed.join("; ") }
}

fn ruled(before: &Message, after: Result<Message, Refusal>) -> String {
    match after {
        Ok(after) => changes(before, &after),
        Err(no) => format!("no: {} {}", no.sentence, no.next),
    }
}

#[test]
fn an_attempt_ends_in_one_of_these_ways() {
    let outcomes = [
        ("accepted", Outcome::Accepted { provider_id: Some("p9".into()) }),
        ("refused", Outcome::Refused { why: "no such user".into(), gone: false }),
        ("not sent", Outcome::NotSent { why: "busy".into(), retry_after: None }),
        (
            "not sent, a wish",
            Outcome::NotSent { why: "busy".into(), retry_after: Some(SignedDuration::from_secs(60)) },
        ),
        ("unclear", Outcome::Unclear { why: "cut off".into() }),
    ];
    let mut table = String::new();
    for channel in [Channel::Email, Channel::Discord, Channel::Webhook] {
        for attempts in [3, tries(channel)] {
            let before = Message { attempts, ..in_state(channel, Status::Sending) };
            for (name, outcome) in &outcomes {
                for (first, resend_unclear) in [(true, false), (false, false), (false, true)] {
                    let ground = Ground { now: now(), first, resend_unclear, jitter: 500 };
                    let what = match (first, resend_unclear) {
                        (true, _) => "nothing was written before",
                        (false, false) => "an earlier try wrote",
                        (false, true) => "an earlier try wrote, and unclear ones are sent again",
                    };
                    let after = changes(&before, &after(&before, outcome, &ground));
                    table.push_str(&format!("{channel}, try {attempts}, {name}, {what}\n    {after}\n"));
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_provider_that_is_asked_answers_in_one_of_these_ways() {
    let before = in_state(Channel::Discord, Status::Sending);
    let waits = in_state(Channel::Discord, Status::Queued);
    let mut table = format!("while it is asked\n    {}\n", changes(&waits, &looked_up(&waits, now())));
    for (name, found) in [
        ("it has it", Found::Sent { provider_id: Some("p9".into()) }),
        ("it does not have it", Found::NotThere),
        ("it cannot tell", Found::CannotTell { why: "no access".into() }),
    ] {
        table.push_str(&format!("{name}\n    {}\n", changes(&before, &after_look_up(&before, &found, now()))));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_a_provider_tells_later_is_news_or_not() {
    let mut table = String::new();
    for status in Status::ALL {
        let before = in_state(Channel::Sms, *status);
        for (name, said) in [
            ("taken", Said::Taken),
            ("delivered", Said::Delivered),
            ("read", Said::Read),
            ("failed", Said::Failed { why: "number is gone".into() }),
        ] {
            for (which, of) in [
                ("the only try", Spoken { last: true, first: true, taken: false }),
                ("the only try, taken", Spoken { last: true, first: true, taken: true }),
                ("a later try", Spoken { last: true, first: false, taken: false }),
                ("an earlier try", Spoken { last: false, first: true, taken: false }),
            ] {
                let news = heard(&before, &said, &of, now()).map(|after| changes(&before, &after));
                table.push_str(&format!(
                    "{status}, {name}, {which}: {}\n",
                    news.unwrap_or_else(|| "no news".into())
                ));
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_persons_word_counts_where_it_can_and_is_refused_where_it_cannot() {
    let mut table = String::new();
    for status in Status::ALL {
        let before = in_state(Channel::Email, *status);
        let mut line = |word: &str, after: String| table.push_str(&format!("{status}, {word}\n    {after}\n"));
        let taken = cancel(&before, "Taken back".into(), now());
        line("cancel", ruled(&before, taken.map(|after| after.unwrap_or_else(|| before.clone()))));
        line("replay", ruled(&before, replay(&before, false, "Cora", now())));
        line("replay after its address", ruled(&before, replay(&before, true, "Cora", now())));
        line("it arrived", ruled(&before, resolve(&before, Resolution::Sent, "Cora", now())));
        line("send again", ruled(&before, resolve(&before, Resolution::SendAgain, "Cora", now())));
        line("reschedule", ruled(&before, reschedule(&before, now() + SignedDuration::from_secs(7))));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn who_sends_again_what_expired_knows_that_it_is_of_use() {
    let check = |expires_in: i64, kept: bool| {
        let expires_at = Some(now() + SignedDuration::from_secs(expires_in));
        let expired = Message { expires_at, ..in_state(Channel::Email, Status::Expired) };
        let again = replay(&expired, false, "Cora", now()).unwrap();
        assert_eq!(again.expires_at, expires_at.filter(|_| kept), "{expires_in}");
    };
    check(-1, false);
    check(0, false);
    check(1, true);
}

#[test]
fn what_is_no_longer_of_use_ends_unless_it_may_have_arrived() {
    let said = |claim: &Claim| match claim {
        Claim::Send => "send".to_owned(),
        Claim::LookUp => "look up".into(),
        Claim::NotBefore(at) => format!("look up in {} s", now().duration_until(*at).as_secs()),
        Claim::End(status, _) => status.to_string(),
    };
    let check = |channel, expires_in: i64, wrote: bool, resend: bool, expected: &str| {
        let expires_at = Some(now() + SignedDuration::from_secs(expires_in));
        let first_write_at = wrote.then(|| now() - SignedDuration::from_secs(20));
        let message = Message { expires_at, first_write_at, ..flying(channel, 20) };
        let claim = on_claim(&message, now(), resend);
        assert_eq!(said(&claim), expected, "{channel} {expires_in} {wrote}");
    };
    check(Channel::Email, 1, false, false, "send");
    check(Channel::Email, 0, false, false, "expired");
    check(Channel::Webhook, 0, true, false, "expired");
    check(Channel::Email, 0, true, true, "unknown");
    check(Channel::Email, 1, true, true, "send");
    check(Channel::Discord, 1, true, false, "send");
    // Not a second time, but whether the first arrived can be asked once it is no longer under way.
    check(Channel::Discord, 0, true, false, "look up in 100 s");
}

#[test]
fn only_a_member_is_shown_something_inside_the_product() {
    let check = |to, expected: &Claim| {
        let message = Message { to, first_write_at: None, ..flying(Channel::InApp, 0) };
        assert_eq!(on_claim(&message, now(), false), *expected);
    };
    check(To::Member(MemberId(uuid::Uuid::nil())), &Claim::Send);
    let why = "A message inside the product needs a member to be shown to. Nothing was shown.";
    check(To::Team, &Claim::End(Status::Failed, why.into()));
}

#[test]
fn a_try_is_numbered_from_one_and_only_messages_to_contacts_are_counted() {
    let queued = Message {
        attempts: 0,
        first_write_at: None,
        counted_at: None,
        ..in_state(Channel::Email, Status::Queued)
    };
    let mut table = String::new();
    for (name, before) in [
        ("to the team", queued.clone()),
        ("to a contact", Message { to: To::Contact(ContactId(uuid::Uuid::nil())), ..queued }),
        ("to a contact, once more", {
            let contact = To::Contact(ContactId(uuid::Uuid::nil()));
            Message { to: contact, ..in_state(Channel::Email, Status::Queued) }
        }),
    ] {
        table.push_str(&format!("{name}\n    {}\n", changes(&before, &sending(&before, now()))));
    }
    insta::assert_snapshot!(table);
    let check = |channel, attempt, expected| assert_eq!(nth(channel, attempt), expected, "{channel} {attempt}");
    check(Channel::Email, 0, 1);
    check(Channel::Email, 1, 1);
    check(Channel::Email, 14, 14);
    check(Channel::Email, 15, 1);
    check(Channel::Webhook, 10, 10);
    check(Channel::Webhook, 12, 2);
    check(Channel::InApp, 6, 1);
}

#[test]
fn the_waits_are_these() {
    let check = |channel, nth, jitter, expected_ms: i128| {
        assert_eq!(wait(channel, nth, None, jitter).as_millis(), expected_ms, "{channel} {nth} {jitter}");
    };
    // The schedule of Standard Webhooks.
    for (nth, seconds) in (1..).zip([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, 86_400]) {
        check(Channel::Webhook, nth, 500, seconds * 1_000);
    }
    for (nth, seconds) in (1..).zip([5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]) {
        check(Channel::Email, nth, 500, seconds * 1_000);
    }
    // A fifth more or less.
    check(Channel::Email, 2, 0, 8_000);
    check(Channel::Email, 2, 250, 9_000);
    check(Channel::Email, 2, 1_000, 12_000);
    check(Channel::Email, 2, 5_000, 12_000);
    let asked =
        |seconds, jitter| wait(Channel::Email, 1, Some(SignedDuration::from_secs(seconds)), jitter).as_millis();
    // A wish is at least kept, and outdone by a tenth or five seconds at most.
    assert_eq!(asked(20, 0), 20_000);
    assert_eq!(asked(20, 500), 21_000);
    assert_eq!(asked(100, 1_000), 105_000);
}

#[test]
fn after_the_clock_went_back_nothing_waits_longer_than_it_had_to() {
    let hour = 3_600;
    let second = SignedDuration::from_secs;
    // It read an hour later when the clock was put back to now.
    let was = now() + second(hour);
    let check = |status, attempts, created: i64, due: i64, next: Option<i64>, expected: &str| {
        let at = |seconds: i64| now() + second(seconds);
        let before = Message {
            attempts,
            created_at: at(created),
            due_at: at(due),
            next_at: next.map(at),
            lease_until: None,
            ..in_state(Channel::Email, status)
        };
        let after = after_clock_went_back(&before, was, now());
        let said = after.map_or_else(|| "it stays".into(), |after| changes(&before, &after));
        assert_eq!(said, expected, "{status} {attempts} {next:?}");
    };
    // In flight: a lease at most.
    check(Status::Sending, 1, -9, 0, Some(46), "next: +45 s; lease: +45 s; version: 2");
    check(Status::Sending, 1, -9, 0, Some(45), "it stays");
    // By the calendar: it keeps its instant.
    check(Status::Queued, 0, 10, 20, Some(20), "it stays");
    // At once, by the clock as it was.
    check(Status::Queued, 0, 10, 10, Some(10), "next: +0 s; version: 2");
    check(Status::Queued, 0, 0, 0, Some(10), "it stays");
    check(Status::Queued, 0, 10, 0, Some(0), "it stays");
    // For another try: what is left of the wait.
    check(Status::Queued, 1, -9, 0, Some(hour + 20), "next: +20 s; version: 2");
    check(Status::Queued, 1, -9, 0, Some(hour - 20), "next: +0 s; version: 2");
    check(Status::Queued, 1, -9, 0, Some(100 * hour), "next: +86400 s; version: 2");
    check(Status::Queued, 1, -9, 0, Some(0), "it stays");
    check(Status::Queued, 1, -9, 0, None, "it stays");
    check(Status::Deferred, 1, -9, 0, Some(hour), "it stays");
}

#[test]
fn an_address_is_shown_so_that_it_can_be_told_apart_but_not_used() {
    let check =
        |channel, address: &str, expected: &str| assert_eq!(masked(channel, address), expected, "{address}");
    check(Channel::Sms, "+13125550142", "***42");
    check(Channel::Webhook, "https://user:secret@hooks.example.org/in?key=1", "hooks.example.org/***");
    check(Channel::Webhook, "hooks.example.org", "hooks.example.org/***");
    check(Channel::Discord, "112233445566778899", "112233445566778899");
    check(Channel::Console, "console", "console");
}
