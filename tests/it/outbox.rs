//! One occasion, one message; one claim, one attempt; every message an end that somebody can see.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use diesel::connection::{Connection, InstrumentationEvent};
use domain::both;
use domain::delivery::outbox::{
    About, Found, Heard, Outcome, Resolution, Said, Trouble, Wanted, ops, rules, view,
};
use domain::delivery::{NewMessage, Priority, Status, To, feed};
use domain::kernel::id::MessageId;
use domain::kernel::page::Ask;
use domain::kernel::{Code, Cx, No};
use domain::people::reach::{Channel, Topic};
use domain::workspace::access::{Grant, Role};
use harness::{World, accepted, message, not_sent, on_both, report, unclear, unknown_id};
use jiff::SignedDuration;

/// What `count` threads that start at the same moment come back with.
fn at_once<T: Send>(count: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count);
    std::thread::scope(|threads| {
        let running: Vec<_> = (0..count)
            .map(|i| {
                let (start, f) = (&start, &f);
                threads.spawn(move || {
                    start.wait();
                    f(i)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// How many statements a verb makes, those of the policy not counted.
fn statements<T>(world: &World, f: impl Fn(&mut Cx<'_>) -> Result<T, No>) -> (usize, T) {
    let seen = Arc::new(AtomicUsize::new(0));
    let done = world.act(&world.machine(&world.team), |cx| {
        let count = seen.clone();
        both!(cx.conn(), |c| c.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event
                && !query.to_string().contains("decisions")
            {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
        let done = f(cx);
        both!(cx.conn(), |c| c.set_instrumentation(|_: InstrumentationEvent<'_>| {}));
        done
    });
    (seen.load(Ordering::Relaxed), done.unwrap())
}

fn mail(world: &World, occasion: &str) -> MessageId {
    world.queue(occasion, Channel::Email, "ann@example.org")
}

fn chat(world: &World, occasion: &str) -> MessageId {
    world.queue(occasion, Channel::Discord, "100200300")
}

fn to(world: &World, role: Role, new: NewMessage) -> NewMessage {
    NewMessage { to: To::Member(world.team.members[&role].id), ..new }
}

fn titles(world: &World, role: Role) -> Vec<String> {
    let feed = world.look(&world.team.as_(role), |cx| feed::ops::list(cx, false, &Ask::default())).unwrap();
    feed.notifications.items.into_iter().map(|n| n.title).collect()
}

on_both! {
    fn a_thousand_occasions_that_eight_ask_for_are_a_thousand_messages(world: World) {
        let now = world.now();
        let new: Vec<NewMessage> =
            (0..1_000).map(|i| message(&format!("reminder:{i}"), Channel::Console, "", now)).collect();
        let ids = at_once(8, |i| {
            // Each begins somewhere else, so that they meet.
            let mut mine = new.clone();
            mine.rotate_left(i * 125);
            let ids: BTreeSet<MessageId> =
                mine.chunks(100).flat_map(|some| world.enqueue(&world.team, some)).collect();
            ids
        });
        assert!(ids.iter().all(|each| *each == ids[0]));
        assert_eq!((ids[0].len(), world.count(&world.team, "messages")), (1_000, 1_000));
        assert_eq!(world.events(&world.team).iter().filter(|e| *e == "message.queued").count(), 1_000);
        world.log_is_whole(&world.team);
    }

    fn eight_dispatchers_never_claim_the_same_message(world: World) {
        let now = world.now();
        let new: Vec<NewMessage> =
            (0..400).map(|i| message(&format!("r:{i}"), Channel::Email, &format!("a@d{i}.example"), now)).collect();
        world.enqueue(&world.team, &new);
        let claimed = at_once(8, |_| {
            let mut mine = Vec::new();
            loop {
                let some = world.claim(16);
                if some.cleared.is_empty() {
                    return mine;
                }
                let reports: Vec<_> = some.cleared.iter().map(|c| report(c, now, accepted())).collect();
                mine.extend(some.cleared.iter().map(|c| c.message().id));
                world.settle(&reports);
            }
        });
        let all: Vec<MessageId> = claimed.into_iter().flatten().collect();
        assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (400, 400));
        assert_eq!((world.count(&world.team, "attempts"), world.count(&world.team, "decisions")), (400, 400));
        world.log_is_whole(&world.team);
    }

    fn one_chat_channel_has_one_message_in_flight_whoever_asks(world: World) {
        for i in 0..40 {
            chat(&world, &format!("c:{i}"));
        }
        for _ in 0..5 {
            let claimed: Vec<_> = at_once(8, |_| world.claim(10)).into_iter().flat_map(|c| c.cleared).collect();
            assert_eq!(claimed.len(), 1);
            world.settle(&[report(&claimed[0], world.now(), accepted())]);
        }
        // Nor does it keep the rest of the house waiting.
        mail(&world, "m");
        let claimed = world.claim(10);
        let channels: Vec<Channel> = claimed.cleared.iter().map(|c| c.message().channel).collect();
        assert_eq!(channels, [Channel::Discord, Channel::Email]);
    }

    fn a_hundred_messages_cost_few_statements(world: World) {
        let now = world.now();
        let new: Vec<NewMessage> =
            (0..100).map(|i| message(&format!("r:{i}"), Channel::Email, &format!("a@d{i}.example"), now)).collect();
        world.enqueue(&world.team, &new);
        let (count, claimed) = statements(&world, |cx| ops::claim(cx, &Wanted::up_to(100)));
        assert!(claimed.cleared.len() == 100 && count < 20, "{count} statements");
        let yes = Outcome::Accepted { provider_id: Some("x".into()) };
        let reports: Vec<_> = claimed.cleared.iter().map(|c| report(c, now, yes.clone())).collect();
        let (count, settled) = statements(&world, |cx| ops::settle(cx, &reports));
        assert!(settled.len() == 100 && count < 10, "{count} statements");
    }

    fn the_urgent_leave_first_and_among_equals_the_longest_due(world: World) {
        let now = world.now();
        let at = |name: &str, priority, minutes: i64| NewMessage {
            priority,
            ..message(name, Channel::Console, "", now - SignedDuration::from_mins(minutes))
        };
        world.enqueue(&world.team, &[
            at("bulk", Priority::Bulk, 90),
            at("late", Priority::Usual, 5),
            at("later", Priority::Usual, 9),
            at("urgent", Priority::Urgent, 0),
            NewMessage { due_at: now + SignedDuration::from_mins(1), ..at("tomorrow", Priority::Urgent, 0) },
        ]);
        let order: Vec<String> = world.claim(10).cleared.iter().map(|c| c.message().occasion.clone()).collect();
        assert_eq!(order, ["urgent", "later", "late", "bulk"]);
    }

    fn mail_that_was_accepted_is_sent_and_its_history_can_be_read(world: World) {
        let id = mail(&world, "m");
        let claimed = world.claim(10);
        assert_eq!(world.status(id), Status::Sending);
        world.seconds_pass(2);
        let yes = Outcome::Accepted { provider_id: Some("<1@example.org>".into()) };
        world.settle(&[report(&claimed.cleared[0], world.now(), yes)]);
        let detail = world.delivery(id);
        assert_eq!((detail.delivery.status, detail.delivery.attempts), (Status::Sent, 1));
        assert_eq!(detail.delivery.provider_id.as_deref(), Some("<1@example.org>"));
        assert_eq!((detail.attempts.len(), detail.decisions.len()), (1, 1));
        assert_eq!(detail.attempts[0].decision_id, detail.decisions[0].id);
        let moves: Vec<_> = world.events(&world.team).into_iter().filter(|e| e == "message.moved").collect();
        assert_eq!(moves.len(), 2);
    }

    fn a_dead_process_is_taken_over_within_a_minute_and_by_each_channels_rule(world: World) {
        let (letter, post) = (mail(&world, "m"), chat(&world, "c"));
        let hook = world.queue("h", Channel::Webhook, "https://example.org/hook");
        let claimed = world.claim(10);
        assert_eq!(claimed.cleared.len(), 3);
        world.seconds_pass(44);
        assert!(world.claim(10).is_empty(), "the lease holds");
        world.seconds_pass(2);
        let again = world.claim(10);
        let retried: BTreeSet<MessageId> = again.cleared.iter().map(|c| c.message().id).collect();
        assert_eq!(retried, BTreeSet::from([post, hook]));
        assert!(again.cleared.iter().all(|c| c.attempt() == 2));
        // A letter cannot be taken back, so nobody sends it twice.
        assert_eq!(world.status(letter), Status::Unknown);
        let detail = world.delivery(post);
        assert!(detail.attempts[0].detail.as_deref().unwrap().contains("did not come back"));
        // The one that was taken over comes back late: its report completes the record and nothing else.
        let late: Vec<_> = claimed.cleared.iter().filter(|c| c.message().id == post).collect();
        assert_eq!(world.settle(&[report(late[0], world.now(), not_sent(None))]), []);
        assert_eq!((world.status(post), world.delivery(post).attempts.len()), (Status::Sending, 2));
    }

    fn a_late_yes_still_says_what_became_of_an_unknown_letter(world: World) {
        let id = mail(&world, "m");
        let claimed = world.claim(10);
        world.a_lease_passes();
        world.claim(10);
        assert_eq!(world.status(id), Status::Unknown);
        world.settle(&[report(&claimed.cleared[0], world.now(), not_sent(None))]);
        assert_eq!(world.status(id), Status::Unknown);
        world.settle(&[report(&claimed.cleared[0], world.now(), accepted())]);
        assert_eq!(world.status(id), Status::Sent);
    }

    fn a_post_that_is_unclear_for_long_is_looked_up_before_anything_else(world: World) {
        let found = |answer: Found| {
            let id = chat(&world, &format!("{answer:?}"));
            world.claim(10);
            // Until two minutes after the first write its bytes may still be on their way.
            world.a_lease_passes();
            world.a_lease_passes();
            assert_eq!(world.claim(10).look_ups.len(), 0);
            world.a_lease_passes();
            let claimed = world.claim(10);
            assert_eq!((claimed.cleared.len(), claimed.look_ups.len()), (0, 1));
            let asked: Vec<_> = claimed.look_ups.into_iter().map(|look_up| (look_up, answer.clone())).collect();
            world.act(&world.machine(&world.team), |cx| ops::found(cx, &asked)).unwrap();
            id
        };
        let there = found(Found::Sent { provider_id: Some("77".into()) });
        assert_eq!(world.status(there), Status::Sent);
        let dark = found(Found::CannotTell { why: "the channel cannot be read".into() });
        assert_eq!(world.status(dark), Status::Unknown);
        let missing = found(Found::NotThere);
        assert_eq!(world.status(missing), Status::Queued);
        let again = world.claim(10);
        assert_eq!((again.cleared[0].message().id, again.cleared[0].attempt()), (missing, 2));
        assert_eq!(again.cleared[0].message().first_write_at, None, "its window begins anew");
    }

    fn a_chat_channel_goes_on_after_the_dispatcher_that_held_its_message_died(world: World) {
        let ids: Vec<MessageId> = ["a", "b", "c"].iter().map(|occasion| chat(&world, occasion)).collect();
        assert_eq!(world.claim(10).cleared.len(), 1);
        world.a_lease_passes();
        // Two of them have been due for longer than the stale one's lease has been over.
        for _ in 0..3 {
            world.all_end(&accepted());
        }
        assert!(ids.iter().all(|id| world.status(*id) == Status::Sent));
    }

    fn what_is_unclear_is_never_sent_again_by_itself(world: World) {
        let (letter, text) = (mail(&world, "m"), world.queue("s", Channel::Sms, "+13125550100"));
        world.all_end(&unclear());
        for _ in 0..50 {
            world.hours_pass(1);
            assert!(world.claim(10).cleared.is_empty());
        }
        assert_eq!((world.status(letter), world.status(text)), (Status::Unknown, Status::Unknown));
        let who = world.team.cora();
        let no = world.act(&who, |cx| ops::replay(cx, letter)).unwrap_err();
        assert_eq!(no.code, Code::WrongState);
        world.act(&who, |cx| ops::resolve(cx, letter, Resolution::Sent)).unwrap();
        world.act(&who, |cx| ops::resolve(cx, text, Resolution::SendAgain)).unwrap();
        assert_eq!((world.status(letter), world.status(text)), (Status::Sent, Status::Queued));
        assert_eq!(world.claim(10).cleared[0].message().id, text);
    }

    fn a_workspace_may_want_unclear_letters_sent_again(world: World) {
        world.meddle(&world.team, &format!(
            "INSERT INTO delivery_settings (workspace_id, body, version) VALUES ('{}', '{{\"resend_unclear_email\":true}}', 1)",
            world.team.id
        ));
        let id = mail(&world, "m");
        world.all_end(&unclear());
        assert_eq!(world.status(id), Status::Queued);
        world.seconds_pass(10);
        world.all_end(&accepted());
        assert_eq!(world.status(id), Status::Sent);
    }

    fn what_may_have_arrived_is_not_called_unsent_after_the_clock_went_back(world: World) {
        world.meddle(&world.team, &format!(
            "INSERT INTO delivery_settings (workspace_id, body, version) VALUES ('{}', '{{\"resend_unclear_email\":true}}', 1)",
            world.team.id
        ));
        let id = mail(&world, "m");
        world.all_end(&unclear());
        world.set_clock(&(world.now() - SignedDuration::from_hours(2)).to_string());
        world.act(&world.machine(&world.team), |cx| ops::clock_jumped(cx, SignedDuration::from_hours(-2))).unwrap();
        world.seconds_pass(10);
        world.all_end(&Outcome::Refused { why: "No such mailbox".into(), gone: false });
        assert_eq!(world.status(id), Status::Unknown);
    }

    fn a_wait_that_the_server_asks_for_is_one_request(world: World) {
        let check = |asked: Option<i64>, from: u64, to: u64| {
            let id = chat(&world, &format!("{asked:?}"));
            world.all_end(&not_sent(asked.map(SignedDuration::from_secs)));
            let mut waited = 0;
            while world.claim(10).cleared.is_empty() {
                world.seconds_pass(1);
                waited += 1;
            }
            assert!((from..=to).contains(&waited), "{asked:?}: after {waited} s");
            assert_eq!(world.delivery(id).attempts.len(), 2);
            world.act(&world.machine(&world.team), |cx| {
                let m = domain::delivery::outbox::store::find(cx, id)?.unwrap();
                ops::settle(cx, &[domain::delivery::outbox::Report {
                    message: id,
                    attempt: m.attempts,
                    ended_at: cx.now(),
                    provider_status: Some(200),
                    outcome: accepted(),
                    trouble: None::<Trouble>,
                }])
            }).unwrap();
        };
        check(Some(1), 1, 2);
        check(Some(1336), 1336, 1342);
        check(Some(-1), 4, 7);
        check(None, 4, 7);
    }

    fn nobody_waits_for_longer_than_a_day_because_a_server_says_so(world: World) {
        let id = chat(&world, "c");
        world.all_end(&not_sent(Some(SignedDuration::MAX)));
        let next = world.delivery(id).delivery.next_at.unwrap();
        assert!(next <= world.now() + SignedDuration::from_hours(25), "{next}");
    }

    fn tried_often_enough_it_is_dead_and_can_be_replayed(world: World) {
        let id = mail(&world, "m");
        let mut tries = 0;
        while world.status(id) == Status::Queued {
            world.all_end(&not_sent(None));
            world.hours_pass(2);
            tries += 1;
        }
        assert_eq!((tries, world.status(id)), (rules::tries(Channel::Email), Status::Dead));
        world.claim(10);
        assert_eq!(titles(&world, Role::Coordinator), ["A message by email was not sent"]);
        world.act(&world.team.cora(), |cx| ops::replay(cx, id)).unwrap();
        world.all_end(&not_sent(None));
        assert_eq!(world.status(id), Status::Queued, "a replay gives as many tries again");
        world.hours_pass(2);
        world.all_end(&accepted());
        assert_eq!(world.status(id), Status::Sent);
    }

    fn a_letter_that_certainly_never_left_does_not_count(world: World) {
        let counted = || world.lines(&world.team, "SELECT CAST(counted_at AS text) AS line FROM messages");
        let mut new = harness::deal("12 Oak Street", harness::DATES);
        new.parties = vec![domain::deals::deal::intake::NewParty {
            role: "buyer".into(), name: "Ann Lee".into(), email: Some("ann@example.org".into()),
            time_zone: Some("America/Chicago".into()), ..Default::default()
        }];
        world.create(&new);
        let ann = world.lines(&world.team, "SELECT CAST(id AS text) AS line FROM contacts");
        let new = NewMessage {
            to: To::Contact(ann[0].parse().unwrap()),
            purpose: domain::delivery::Purpose::Transactional,
            ..message("m", Channel::Email, "ann@example.org", world.now())
        };
        world.enqueue(&world.team, &[new]);
        let claimed = world.claim(10);
        assert_ne!(counted(), [""]);
        world.settle(&[report(&claimed.cleared[0], world.now(), not_sent(None))]);
        assert_eq!(counted(), [""]);
        world.seconds_pass(10);
        world.all_end(&unclear());
        assert_ne!(counted(), [""], "what may have arrived counts");
    }

    fn a_target_that_is_gone_fails_what_else_waits_for_it_and_says_so_once(world: World) {
        let now = world.now();
        let first = chat(&world, "c:0");
        let more: Vec<_> = (1..4).map(|i| chat(&world, &format!("c:{i}"))).collect();
        let other = world.queue("elsewhere", Channel::Discord, "999");
        let claimed = world.claim(10);
        let gone = Outcome::Refused { why: "Unknown channel".into(), gone: true };
        world.settle(&[
            report(&claimed.cleared[0], now, gone),
            report(&claimed.cleared[1], now, accepted()),
        ]);
        assert!(more.iter().chain([&first]).all(|id| world.status(*id) == Status::Failed));
        assert_eq!(world.status(other), Status::Sent);
        world.claim(10);
        let told = BTreeSet::from_iter(titles(&world, Role::Owner));
        assert!(told.contains("Some messages by discord (3) were not sent"), "{told:?}");
        assert!(told.len() == 2 && told.contains("A message by discord was not sent"), "{told:?}");
        assert_eq!(titles(&world, Role::Viewer), [""; 0]);
        assert!(world.claim(10).is_empty());
    }

    fn a_member_hears_of_the_own_message_and_nobody_of_a_failed_alert(world: World) {
        let now = world.now();
        let refused = Outcome::Refused { why: "No such mailbox".into(), gone: false };
        world.enqueue(&world.team, &[to(&world, Role::Member, message("m", Channel::Email, "mike@example.com", now))]);
        let alert = NewMessage { topic: Topic::Alert, ..message("a", Channel::Email, "ops@example.com", now) };
        world.enqueue(&world.team, &[alert]);
        world.all_end(&refused);
        world.claim(10);
        assert_eq!(titles(&world, Role::Member), ["A message by email was not sent"]);
        assert_eq!(titles(&world, Role::Owner), [""; 0]);
    }

    fn a_message_inside_the_product_is_shown_in_the_transaction_that_claims_it(world: World) {
        let now = world.now();
        let ids = world.enqueue(&world.team, &[
            to(&world, Role::Member, message("n:1", Channel::InApp, "", now)),
            to(&world, Role::Member, message("n:2", Channel::InApp, "", now)),
            message("nobody", Channel::InApp, "", now),
        ]);
        let claimed = world.claim(10);
        assert_eq!((claimed.cleared.len(), claimed.done), (0, 3));
        assert_eq!((world.status(ids[0]), world.status(ids[2])), (Status::Sent, Status::Failed));
        assert_eq!(titles(&world, Role::Member), ["n:2", "n:1"]);
        let mike = world.team.as_(Role::Member);
        let feed = world.look(&mike, |cx| feed::ops::list(cx, true, &Ask { limit: Some(1), cursor: None })).unwrap();
        assert_eq!((feed.unread, feed.notifications.items.len()), (2, 1));
        let newest = feed.notifications.items[0].id;
        let marked = world.act(&mike, |cx| feed::ops::mark_read(cx, Some(&[newest]))).unwrap();
        assert_eq!((marked.marked, marked.unread), (1, 1));
        let again = world.act(&mike, |cx| feed::ops::mark_read(cx, Some(&[newest]))).unwrap();
        assert_eq!((again.marked, again.unread), (0, 1));
        let cora = world.team.cora();
        let no = world.act(&cora, |cx| feed::ops::mark_read(cx, Some(&[newest]))).unwrap_err();
        assert_eq!(no.code, Code::NotFound, "somebody else's");
        let marked = world.act(&mike, |cx| feed::ops::mark_read(cx, None)).unwrap();
        assert_eq!((marked.marked, marked.unread), (1, 0));
    }

    fn what_was_of_no_use_any_more_expires_and_says_so(world: World) {
        let now = world.now();
        let new = NewMessage {
            expires_at: Some(now + SignedDuration::from_mins(5)),
            ..message("m", Channel::Email, "ann@example.org", now)
        };
        let id = world.enqueue(&world.team, &[new])[0];
        world.hours_pass(1);
        assert!(world.claim(10).cleared.is_empty());
        let delivery = world.delivery(id).delivery;
        assert_eq!(delivery.status, Status::Expired);
        assert!(delivery.reason.unwrap().contains("while it was of use"));
        world.act(&world.team.cora(), |cx| ops::replay(cx, id)).unwrap();
        world.all_end(&accepted());
        assert_eq!(world.status(id), Status::Sent);
    }

    fn what_has_not_left_can_be_taken_back_once(world: World) {
        let (id, cora) = (mail(&world, "m"), world.team.cora());
        let why = Some("Ann called");
        let cancelled = world.act(&cora, |cx| ops::cancel(cx, id, why)).unwrap();
        assert_eq!(cancelled.status, Status::Cancelled);
        assert_eq!(cancelled.reason.as_deref(), Some("Cancelled by Cora Castillo: Ann called."));
        let again = world.act(&cora, |cx| ops::cancel(cx, id, None)).unwrap();
        assert_eq!(again, cancelled);
        assert!(world.claim(10).is_empty());
        let under_way = mail(&world, "m2");
        world.claim(10);
        let no = world.act(&cora, |cx| ops::cancel(cx, under_way, None)).unwrap_err();
        assert_eq!(no.code, Code::WrongState);
        let others = world.act(&world.machine(&world.team), |cx| {
            ops::cancel_unsent(cx, &[id, under_way], "The milestone is done.")
        });
        assert_eq!(others.unwrap(), []);
        let viewer = world.team.as_(Role::Viewer);
        assert_eq!(world.act(&viewer, |cx| ops::cancel(cx, id, None)).unwrap_err().code, Code::Forbidden);
        let other = world.found("harbor", "harbor.example");
        let foreign = world.act(&other.cora(), |cx| ops::cancel(cx, id, None)).unwrap_err();
        let unknown = world.act(&other.cora(), |cx| ops::cancel(cx, unknown_id(), None)).unwrap_err();
        assert_eq!(foreign, unknown);
    }

    fn one_that_may_have_arrived_is_not_called_cancelled(world: World) {
        let id = chat(&world, "c");
        world.all_end(&unclear());
        assert_eq!(world.status(id), Status::Queued);
        world.act(&world.team.cora(), |cx| ops::cancel(cx, id, None)).unwrap();
        assert_eq!(world.status(id), Status::Unknown);
    }

    fn a_message_can_be_given_another_time(world: World) {
        let (id, later) = (mail(&world, "m"), world.now() + SignedDuration::from_hours(3));
        world.act(&world.team.cora(), |cx| ops::reschedule(cx, id, later)).unwrap();
        assert!(world.claim(10).is_empty());
        world.hours_pass(3);
        assert_eq!(world.claim(10).cleared.len(), 1);
    }

    fn what_the_provider_tells_later_never_goes_backwards(world: World) {
        let id = world.queue("s", Channel::Sms, "+13125550100");
        let machine = world.machine(&world.team);
        let says = |said: Said| {
            let about = About { channel: Channel::Sms, provider_id: "SM1".into(), ours: None };
            world.act(&machine, |cx| ops::provider_says(cx, &about, &said)).unwrap()
        };
        assert_eq!(says(Said::Delivered), Heard::Nobody);
        world.all_end(&Outcome::Accepted { provider_id: Some("SM1".into()) });
        assert_eq!(says(Said::Delivered), Heard::Noted(id));
        assert_eq!(says(Said::Delivered), Heard::Old(id));
        assert_eq!(says(Said::Failed { why: "30005".into() }), Heard::Old(id));
        assert_eq!(says(Said::Read), Heard::Noted(id));
        assert_eq!(says(Said::Delivered), Heard::Old(id));
        assert_eq!(world.status(id), Status::Read);
        let bounced = world.queue("s2", Channel::Sms, "+13125550101");
        world.all_end(&Outcome::Accepted { provider_id: Some("SM2".into()) });
        let failed = Said::Failed { why: "Unreachable".into() };
        let about = About { channel: Channel::Sms, provider_id: "SM2".into(), ours: None };
        world.act(&machine, |cx| ops::provider_says(cx, &about, &failed)).unwrap();
        assert_eq!(world.status(bounced), Status::Failed);
    }

    fn nothing_leaves_a_workspace_that_is_held(world: World) {
        let (id, cora) = (mail(&world, "m"), world.team.cora());
        world.act(&cora, |cx| ops::hold(cx, "A wrong template went out")).unwrap();
        let claimed = world.claim(10);
        assert_eq!(claimed.held.as_deref(), Some("A wrong template went out"));
        assert!(claimed.cleared.is_empty() && claimed.look_ups.is_empty());
        assert_eq!(world.status(id), Status::Queued);
        // The others who look after deliveries hear of it where nothing has to leave.
        assert_eq!(
            world.lines(
                &world.team,
                "SELECT m.name || ': ' || n.title || '. ' || n.body AS line FROM notifications n \
                 JOIN members m ON m.workspace_id = n.workspace_id AND m.id = n.member_id ORDER BY m.name",
            ),
            ["Adam Adler", "Olga Owens"].map(|name| format!(
                "{name}: Messages are held: nothing leaves. Cora Castillo holds all messages: A wrong template went \
                 out. Once all is well: milepost delivery resume."
            ))
        );
        assert!(world.claim(10).is_empty());
        mail(&world, "m2");
        let agent = world.agent(&world.team, Grant::Admin);
        assert_eq!(world.act(&agent, ops::resume).unwrap_err().code, Code::Forbidden);
        assert_eq!(world.act(&cora, ops::resume).unwrap().held_since, None);
        assert_eq!(world.claim(10).cleared.len(), 2);
        assert_eq!(world.act(&cora, ops::resume).unwrap_err().code, Code::WrongState);
    }

    fn a_clock_that_goes_back_two_hours_repeats_nothing_and_stalls_nothing(world: World) {
        let now = world.now();
        let sent = mail(&world, "sent");
        world.all_end(&accepted());
        let flying = chat(&world, "flying");
        world.claim(10);
        let waiting = world.queue("waiting", Channel::Webhook, "https://example.org");
        world.all_end(&not_sent(None));
        let at_once = mail(&world, "at once");
        let by_calendar = world.enqueue(&world.team, &[message(
            "by calendar", Channel::Email, "a@b.example", now + SignedDuration::from_mins(30),
        )])[0];
        let back = now - SignedDuration::from_hours(2);
        world.set_clock(&back.to_string());
        world
            .act(&world.machine(&world.team), |cx| ops::clock_jumped(cx, SignedDuration::from_hours(-2)))
            .unwrap();
        assert!(world.events(&world.team).contains(&"clock.jumped".to_owned()));
        let mut left = BTreeSet::new();
        for _ in 0..60 {
            world.seconds_pass(1);
            let claimed = world.claim(10);
            left.extend(claimed.cleared.iter().map(|c| c.message().id));
            left.extend(claimed.look_ups.iter().map(|l| l.message().id));
        }
        assert_eq!(left, BTreeSet::from([flying, waiting, at_once]));
        assert_eq!(world.status(sent), Status::Sent);
        world.set_clock(&(now + SignedDuration::from_mins(30)).to_string());
        assert!(world.claim(10).cleared.iter().any(|c| c.message().id == by_calendar));
    }

    fn a_clock_that_jumps_a_day_ahead_sends_nothing_until_a_person_says_so(world: World) {
        let machine = world.machine(&world.team);
        mail(&world, "m");
        world.act(&machine, |cx| ops::clock_jumped(cx, SignedDuration::from_mins(14))).unwrap();
        assert!(world.claim(10).held.is_none());
        let later = world.now() + SignedDuration::from_hours(26);
        world.set_clock(&later.to_string());
        world.act(&machine, |cx| ops::clock_jumped(cx, SignedDuration::from_hours(26))).unwrap();
        world.act(&machine, |cx| ops::clock_jumped(cx, SignedDuration::from_hours(-26))).unwrap();
        assert!(world.claim(10).held.unwrap().contains("jumped forward by 1560 minutes"));
        world.act(&world.team.cora(), ops::resume).unwrap();
        assert!(world.claim(10).held.is_none());
    }

    fn a_program_sees_addresses_masked_and_a_person_sees_them_whole(world: World) {
        let id = mail(&world, "m");
        world.all_end(&Outcome::Refused { why: "<ann@example.org> is unknown here".into(), gone: false });
        let agent = world.agent(&world.team, Grant::Read);
        let seen = world.look(&agent, |cx| view::detail(cx, id)).unwrap();
        assert_eq!(seen.delivery.address, "a***@example.org");
        assert!(!serde_json::to_string(&seen).unwrap().contains("ann@example.org"));
        assert_eq!(world.delivery(id).delivery.address, "ann@example.org");
        let log = world.lines(&world.team, "SELECT data AS line FROM events");
        assert!(!log.concat().contains("ann@example.org"), "the chained part of the log holds no address");
        assert_eq!(rules::masked(Channel::Sms, "+13125550100"), "***00");
        assert_eq!(rules::masked(Channel::Webhook, "https://u:p@hooks.example/T0/secret?x"), "hooks.example/***");
    }

    fn lists_are_filtered_and_go_on_where_they_ended(world: World) {
        for i in 0..5 {
            world.seconds_pass(1);
            mail(&world, &format!("m:{i}"));
            world.queue(&format!("s:{i}"), Channel::Sms, "+13125550100");
        }
        let wanted = view::ListDeliveries { channel: Some(Channel::Email), ..Default::default() };
        let mut ask = Ask { limit: Some(2), cursor: None };
        let mut seen = Vec::new();
        loop {
            let page = world.look(&world.team.cora(), |cx| view::list(cx, &wanted, &ask)).unwrap();
            seen.extend(page.items.into_iter().map(|d| d.subject));
            ask.cursor = page.next_cursor;
            if ask.cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["m:4", "m:3", "m:2", "m:1", "m:0"]);
        let failed = view::ListDeliveries { status: vec![Status::Failed], ..Default::default() };
        let none = world.look(&world.team.cora(), |cx| view::list(cx, &failed, &Ask::default())).unwrap();
        assert!(none.items.is_empty());
    }

    fn a_claim_takes_nothing_of_what_is_in_trouble_and_one_to_see_whether_it_is_over(world: World) {
        for i in 0..3 {
            world.queue(&format!("a:{i}"), Channel::Email, "x@a.example");
            world.queue(&format!("b:{i}"), Channel::Email, "x@b.example");
        }
        world.queue("s", Channel::Sms, "+13125550100");
        let wanted = Wanted {
            no_channels: vec![Channel::Sms],
            no_destinations: vec!["email:a.example".into()],
            one_of_destination: vec!["email:b.example".into()],
            ..Wanted::up_to(10)
        };
        let claimed = world.act(&world.machine(&world.team), |cx| ops::claim(cx, &wanted)).unwrap();
        let to: Vec<&str> = claimed.cleared.iter().map(|c| c.message().destination.as_str()).collect();
        assert_eq!(to, ["email:b.example"]);
    }
}
