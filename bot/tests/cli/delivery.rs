//! What a person at the terminal sees of messages, and does about them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use domain::delivery::outbox::{Outcome, Report, Wanted, ops};
use domain::delivery::{Content, NewMessage, Priority, Purpose, To};
use domain::kernel::cx::Seeded;
use domain::kernel::db::Limits;
use domain::kernel::id::CorrelationId;
use domain::kernel::{Cx, Db, No, Source, Work};
use domain::people::reach::{Channel, Topic};
use domain::workspace::access::ops::operator;
use domain::workspace::tenant;
use jiff::Timestamp;

use super::{Running, Terminal, text};

const NOW: &str = "2026-12-04T15:00:00Z";
static SEED: AtomicU64 = AtomicU64::new(1);

/// Does what no command does.
fn behind<T>(t: &Terminal, f: impl FnMut(&mut Cx<'_>) -> Result<T, No>) -> T {
    let db = Db::open_sqlite(&t.0.path().join("data/milepost.db"), Limits::default()).unwrap();
    let workspace = tenant::store::directory(&db).unwrap().remove(0).id;
    let work = Work {
        db: &db,
        principal: &operator(workspace, "dispatch", Source::System),
        now: NOW.parse().unwrap(),
        // The clock stands, so only chance tells ids apart.
        randomness: &Seeded::new(SEED.fetch_add(1, Ordering::Relaxed)),
        correlation: CorrelationId(workspace.0),
        abandoned: &AtomicBool::new(false),
    };
    work.write(f).unwrap_or_else(|no| panic!("{no:?}")).value
}

fn letter(occasion: &str, address: &str) -> NewMessage {
    let now: Timestamp = NOW.parse().unwrap();
    NewMessage {
        occasion: occasion.into(),
        topic: Topic::Reminder,
        purpose: Purpose::Internal,
        channel: Channel::Email,
        to: To::Team,
        address: address.into(),
        deal_id: None,
        approval_id: None,
        batch_id: None,
        content: Content {
            subject: "Inspection is due on Wednesday".into(),
            text: "The inspection of 12 Oak Street is due on Wed 9 Dec 2026.".into(),
            ..Content::default()
        },
        priority: Priority::Usual,
        due_at: now,
        expires_at: None,
    }
}

/// A claim, and what came of it.
fn try_it(cx: &mut Cx<'_>, outcome: &Outcome) -> Result<(), No> {
    let claimed = ops::claim(cx, &Wanted::up_to(10))?;
    let now = cx.now();
    let reports: Vec<Report> = claimed
        .cleared
        .iter()
        .map(|cleared| Report {
            message: cleared.message().id,
            attempt: cleared.attempt(),
            ended_at: now,
            provider_status: Some(451),
            outcome: outcome.clone(),
            trouble: None,
        })
        .collect();
    ops::settle(cx, &reports)?;
    Ok(())
}

#[test]
fn messages_are_looked_at_and_dealt_with_from_the_terminal() {
    let t = Terminal::new();
    t.setup("lakeside");
    assert_eq!(t.ok(&["delivery", "list"]).out.trim(), "No message matches.");
    let unclear = Outcome::Unclear { why: "The connection broke after the data".into() };
    behind(&t, |cx| ops::enqueue(cx, &[letter("a", "ann@example.org")]));
    behind(&t, |cx| try_it(cx, &unclear));
    let all = t.json(&["delivery", "list", "--status", "unknown"]);
    let id = text(&all["deliveries"][0]["id"]);
    shows!("delivery_unknown", t.run(&["delivery", "show", &id]));
    shows!("delivery_replay_refused", t.run(&["delivery", "replay", &id]));
    shows!("delivery_resolved", t.run(&["delivery", "resolve", &id, "--send-again"]));
    shows!("delivery_list", t.run(&["delivery", "list"]));
    shows!("delivery_cancelled", t.run(&["delivery", "cancel", &id, "--reason", "Ann called"]));
    shows!("delivery_held", t.run(&["delivery", "hold", "--reason", "A wrong template went out"]));
    assert!(t.ok(&["delivery", "list"]).out.starts_with("Nothing leaves this workspace since"));
    shows!("delivery_resumed", t.run(&["delivery", "resume"]));
    assert_eq!(t.run(&["delivery", "resume"]).code, 3);
    assert_eq!(t.json(&["audit", "verify"])["whole"], true);
}

#[test]
fn a_bounce_is_recorded_and_its_address_opened_again_from_the_terminal() {
    let t = Terminal::new();
    t.setup("lakeside");
    shows!("delivery_gone_none", t.run(&["delivery", "gone"]));
    behind(&t, |cx| ops::enqueue(cx, &[letter("a", "ann@example.org")]));
    behind(&t, |cx| try_it(cx, &Outcome::Accepted { provider_id: None }));
    let id = text(&t.json(&["delivery", "list"])["deliveries"][0]["id"]);
    shows!("delivery_bounced", t.run(&["delivery", "bounced", &id, "--reason", "550 5.1.1 no such user"]));
    shows!("delivery_gone", t.run(&["delivery", "gone"]));
    behind(&t, |cx| ops::enqueue(cx, &[letter("b", "ann@example.org")]));
    behind(&t, |cx| ops::claim(cx, &Wanted::up_to(10)).map(drop));
    let refused = text(&t.json(&["delivery", "list", "--status", "suppressed"])["deliveries"][0]["id"]);
    shows!("delivery_to_a_gone_address", t.run(&["delivery", "show", &refused]));
    let address = text(&t.json(&["delivery", "gone"])["addresses"][0]["id"]);
    shows!("delivery_reopened", t.run(&["delivery", "reopen", &address]));
    assert_eq!(t.run(&["delivery", "reopen", &address]).code, 3);
    shows!("delivery_looked_at_anew", t.run(&["delivery", "replay", &refused]));
    assert_eq!(t.json(&["audit", "verify"])["whole"], true);
}

#[test]
fn a_server_without_mail_says_so_and_stops_in_order() {
    let t = Terminal::new();
    t.setup("lakeside");
    let (server, _) = Running::start(&mut t.command(&["serve"]));
    behind(&t, |cx| ops::enqueue(cx, &[letter("a", "ann@example.org")]));
    let dana = ["--as", "dana@example.com", "notification", "list"];
    let told = (0..200).any(|_| {
        std::thread::park_timeout(Duration::from_millis(100));
        t.json(&dana)["unread"] == 1
    });
    assert!(told, "{}", t.ok(&["delivery", "list"]).shown());
    assert_eq!(server.terminate(), 0);
    shows!("notification_list", t.run(&dana));
    shows!("notification_read", t.run(&["--as", "dana@example.com", "notification", "read", "--all"]));
    let reason = text(&t.json(&["delivery", "list", "--status", "failed"])["deliveries"][0]["reason"]);
    assert!(reason.contains("[mail] smtp_url"), "{reason}");
}

#[test]
fn a_test_message_shows_whether_a_way_out_works() {
    let t = Terminal::new();
    t.setup("lakeside");
    let dana = ["--as", "dana@example.com", "send-test", "--channel"];
    let no_server = t.ok(&[&dana[..], &["email", "--wait", "0"]].concat());
    shows!("send_test_without_a_server", no_server);
    shows!("send_test_to_a_stranger", t.run(&["send-test", "--channel", "email", "--to", "jordan@example.com"]));
    shows!("send_test_to_nobody", t.run(&["send-test", "--channel", "email"]));
    shows!("send_test_nowhere", t.run(&[&dana[..], &["sms"]].concat()));
    assert_eq!(t.run(&[&dana[..], &["pigeon"]].concat()).code, 2);
    let again = ["in_app", "--wait", "0", "--idempotency-key", "once", "--json"];
    let [first, second] = [(); 2].map(|()| t.ok(&[&dana[..], &again].concat()).json());
    assert_eq!(first["delivery"]["id"], second["delivery"]["id"]);

    let (server, _) =
        Running::start(t.command(&["serve"]).env("MILEPOST_CONSOLE__FILE", t.0.path().join("console.txt")));
    shows!("send_test_failed", t.run(&[&dana[..], &["email"]].concat()));
    shows!("send_test_sent", t.ok(&["send-test", "--channel", "console"]));
    let printed = std::fs::read_to_string(t.0.path().join("console.txt")).unwrap();
    assert!(printed.contains("a test that operator asked for"), "{printed}");
    assert_eq!(server.terminate(), 0);
    t.ok(&["delivery", "hold", "--reason", "Looking into it"]);
    shows!("send_test_held", t.ok(&["send-test", "--channel", "console"]));
}
