//! Whoever follows the log sees each event once, in order, and misses none.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::deals::milestone::ops::{CompleteMilestone, EditMilestone, complete, edit};
use domain::insight::changes::ops::{AskChanges, since};
use domain::insight::changes::{Change, Changes, Kind};
use domain::kernel::page::Ask;
use domain::kernel::{Code, Principal};
use domain::workspace::access::ops::For;
use domain::workspace::access::{Grant, Role};
use harness::{World, on_both, unknown_id};

use crate::query_plans::multiply;

fn after(cursor: Option<&str>, limit: i64) -> AskChanges {
    let ask = Ask { cursor: cursor.map(str::to_owned), limit: Some(limit) };
    AskChanges { ask, ..AskChanges::default() }
}

fn look(world: &World, who: &Principal, cmd: &AskChanges) -> Changes {
    world.look(who, |cx| since(cx, cmd)).unwrap()
}

/// Everything after a cursor, in pages of this size.
fn rest(world: &World, who: &Principal, cmd: &AskChanges) -> Vec<Change> {
    let (mut cmd, mut all) = (cmd.clone(), Vec::new());
    loop {
        let page = look(world, who, &cmd);
        all.extend(page.changes);
        cmd.ask.cursor = Some(page.next_cursor);
        if !page.more {
            return all;
        }
    }
}

fn numbers(changes: &[Change]) -> Vec<i64> {
    changes.iter().map(|change| change.sequence).collect()
}

on_both! {
    fn without_a_cursor_the_latest_are_told_and_where_to_go_on(world: World) {
        let deal = world.deal("12 Oak Street");
        let operator = world.team.operator();
        let first = look(&world, &operator, &after(None, 3));
        let head = world.count(&world.team, "events") as i64;
        assert_eq!(numbers(&first.changes), [head - 2, head - 1, head]);
        assert!(!first.more);
        let quiet = look(&world, &operator, &after(Some(&first.next_cursor), 3));
        assert_eq!((quiet.changes, &quiet.next_cursor, quiet.more), (vec![], &first.next_cursor, false));

        let inspection = world.milestone(deal, "inspection");
        world.complete(inspection.id);
        let new = rest(&world, &world.team.cora(), &after(Some(&first.next_cursor), 1));
        let done = new.iter().find(|change| change.event == "milestone.completed").unwrap();
        assert_eq!(done.sequence, head + 1);
        assert_eq!(done.subject.title.as_deref(), Some(inspection.title.as_str()));
        assert_eq!((done.subject.deal_id, done.subject.deal_title.as_deref()), (Some(deal), Some("12 Oak Street")));
        assert_eq!((done.actor.kind.as_str(), done.actor.name.as_deref()), ("member", Some("Cora Castillo")));
        assert_eq!((done.changed.as_slice(), done.summary.as_str()), (["status".to_owned()].as_slice(), "Completed in time."));
        assert_eq!(done.source, "command_line");
    }

    // What began first has the lower ids and the earlier instant, and on PostgreSQL another one may commit before it.
    fn what_began_first_and_committed_last_is_told_last_and_passed_over_by_nobody(world: World) {
        let (slow, quick) = (world.deal("12 Oak Street"), world.deal("14 Elm Street"));
        let (slow, quick) = (world.milestone(slow, "inspection").id, world.milestone(quick, "inspection").id);
        let operator = world.team.operator();
        let start = look(&world, &operator, &after(None, 1)).next_cursor;
        let (begun, seen) = (Barrier::new(2), Barrier::new(2));
        let between = std::thread::scope(|threads| {
            threads.spawn(|| {
                let cmd = CompleteMilestone { id: slow, version: None, note: None };
                let done = world.act(&world.team.cora(), |cx| {
                    let done = complete(cx, &cmd)?;
                    begun.wait();
                    seen.wait();
                    Ok(done)
                });
                done.unwrap()
            });
            begun.wait();
            // SQLite lets nobody else write meanwhile.
            if world.db().is_postgres() {
                world.complete(quick);
            }
            let between = look(&world, &operator, &after(Some(&start), 100));
            seen.wait();
            between
        });
        let of = |changes: &[Change]| -> Vec<uuid::Uuid> {
            let done = changes.iter().filter(|change| change.event == "milestone.completed");
            done.map(|change| change.subject.id).collect()
        };
        let quickly: &[uuid::Uuid] = if world.db().is_postgres() { &[quick.0] } else { &[] };
        assert_eq!(of(&between.changes), quickly);
        let afterwards = rest(&world, &operator, &after(Some(&between.next_cursor), 2));
        assert_eq!(of(&afterwards), [slow.0], "it is told after what was told before it");
        let all = rest(&world, &operator, &after(Some(&start), 2));
        assert_eq!(numbers(&all), [numbers(&between.changes), numbers(&afterwards)].concat());
    }

    fn a_reader_who_follows_eight_writers_sees_each_event_once_and_in_order(world: World) {
        const WRITERS: usize = 8;
        let milestones: Vec<_> =
            (0..WRITERS).map(|i| world.milestone(world.deal(&format!("{i} Oak Street")), "inspection").id).collect();
        let operator = world.team.operator();
        let start = look(&world, &operator, &after(None, 1)).next_cursor;
        let head = world.count(&world.team, "events") as i64;
        let (ready, done) = (Barrier::new(WRITERS + 1), AtomicUsize::new(0));
        let seen = std::thread::scope(|threads| {
            for id in &milestones {
                let (world, ready, done) = (&world, &ready, &done);
                threads.spawn(move || {
                    ready.wait();
                    for round in 0..15 {
                        let cmd = EditMilestone { notes: Some(format!("round {round}")), ..EditMilestone::of(*id) };
                        world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                });
            }
            ready.wait();
            let (mut cursor, mut seen) = (start, Vec::new());
            loop {
                let all_wrote = done.load(Ordering::SeqCst) == WRITERS;
                let page = look(&world, &operator, &after(Some(&cursor), 7));
                seen.extend(numbers(&page.changes));
                cursor = page.next_cursor;
                if all_wrote && !page.more {
                    break seen;
                }
                std::thread::yield_now();
            }
        });
        let last = world.count(&world.team, "events") as i64;
        assert_eq!(last, head + 8 * 15);
        assert!(seen.iter().copied().eq(head + 1..=last), "{seen:?}");
    }

    fn a_reader_is_told_of_what_it_may_read_and_of_nothing_else(world: World) {
        let operator = world.team.operator();
        let agent = world.agent(&world.team, Grant::Read);
        let start = look(&world, &operator, &after(None, 1)).next_cursor;
        world.token(&world.team, For::Agent("robot".into()), Grant::Write, None);
        let deal = world.peopled_deal("12 Oak Street");
        world.draft_for_the_buyer(deal);
        let own = domain::deals::milestone::template::Template::built_in("residential").unwrap().to_toml().unwrap();
        let set = |cx: &mut domain::kernel::Cx<'_>| domain::deals::milestone::template::ops::set(cx, &own);
        world.act(&world.team.as_(Role::Admin), set).unwrap();
        world.act(&world.team.cora(), |cx| domain::delivery::outbox::ops::hold(cx, "Ann Lee asked")).unwrap();

        let cmd = after(Some(&start), 100);
        let all = rest(&world, &operator, &cmd);
        assert!(numbers(&all).windows(2).all(|pair| pair[0] + 1 == pair[1]), "the operator sees every number");
        let kind = |change: &Change| change.event.split_once('.').unwrap().0.to_owned();
        let hidden = ["agent", "token", "member", "workspace", "notifications", "preferences"];
        let seen = rest(&world, &agent, &cmd);
        let mut kinds: Vec<String> = seen.iter().map(kind).collect();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds, ["approval", "contact", "deal", "dispatch", "draft", "message", "milestone", "template"]);
        let told = seen.len() + all.iter().filter(|change| hidden.contains(&kind(change).as_str())).count();
        assert_eq!(told, all.len(), "what is left out is left out for its kind");
        let text = serde_json::to_string(&seen).unwrap();
        for secret in ["Ann Lee", "ann@", "Lakeside Bank", "robot", "milep_"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        let approval = seen.iter().find(|change| change.event == "approval.requested").unwrap();
        assert!(approval.subject.title.is_some() && approval.subject.deal_id == Some(deal), "{approval:?}");

        // Only some kinds, and only one deal.
        let drafts = AskChanges { kinds: vec![Kind::Draft], ..cmd.clone() };
        let drafts = rest(&world, &agent, &drafts);
        assert!(!drafts.is_empty() && drafts.iter().all(|change| kind(change) == "draft"));
        let other = world.deal("14 Elm Street");
        let of = |deal| rest(&world, &agent, &AskChanges { deal_id: Some(deal), ..cmd.clone() });
        assert!(of(other).iter().all(|change| change.subject.deal_id == Some(other)));
        let about: Vec<String> = of(deal).iter().map(|change| change.subject.kind.clone()).collect();
        for kind in ["deal", "milestone", "draft", "approval", "message"] {
            assert!(about.contains(&kind.to_owned()), "{kind} in {about:?}");
        }
        let ask = |cmd: AskChanges| world.look(&agent, |cx| since(cx, &cmd)).unwrap_err().code;
        assert_eq!(ask(AskChanges { kinds: vec![Kind::Other], ..cmd.clone() }), Code::Forbidden);
        assert_eq!(ask(AskChanges { deal_id: Some(unknown_id()), ..cmd }), Code::NotFound);
    }

    fn a_cursor_of_another_log_is_refused_as_one_that_never_was(world: World) {
        let harbor = world.found("harbor", "harbor.example");
        world.deal("12 Oak Street");
        let cora = world.team.cora();
        let theirs = look(&world, &harbor.cora(), &after(None, 1)).next_cursor;
        let no = |cursor: &str| world.look(&cora, |cx| since(cx, &after(Some(cursor), 20))).unwrap_err();
        let [foreign, nobodys] = [theirs.as_str(), "5b352c2261616161616161616161616161616161225d"].map(no);
        assert_eq!(foreign, nobodys);
        assert_eq!((foreign.code, foreign.problems[0].field.as_str()), (Code::Invalid, "cursor"));
        for made_up in ["", "zz", "5b312c22225d", "5b39323233333732303336383534373735383037225d"] {
            assert_eq!(no(made_up).code, Code::Invalid, "{made_up}");
        }
        // A backup from before was brought back, and something else happened since.
        let mine = look(&world, &cora, &after(None, 1)).next_cursor;
        if !world.db().is_postgres() {
            world.meddle(&world.team, "DROP TRIGGER events_keep_content");
        }
        world.meddle(&world.team, "UPDATE events SET chain = leaf WHERE seq = (SELECT max(seq) FROM events)");
        assert!(no(&mine).sentence.contains("brought back from a backup"), "{}", no(&mine));
    }

    fn a_filter_that_finds_little_in_a_long_log_goes_on_from_where_it_looked(world: World) {
        world.complete(world.milestone(world.deal("12 Oak Street"), "inspection").id);
        let cora = world.team.cora();
        let start = look(&world, &cora, &after(None, 1)).next_cursor;
        let head = world.count(&world.team, "events") as i64;
        let (seq, pg) = (format!("{head} + {{i}}"), world.db().is_postgres());
        let id = if pg {
            "('0190000a-0000-7000-8000-' || lpad(to_hex({i}), 12, '0'))::uuid"
        } else {
            "'0190000a-0000-7000-8000-' || printf('%012x', {i})"
        };
        multiply(&world, "events", 10_500, &[("seq", &seq), ("id", id), ("event", "'token.created'")]);
        let last = format!("UPDATE audit_heads SET seq = {} WHERE workspace_id = '{}'", head + 10_500, world.team.id);
        world.meddle(&world.team, &last);
        world.complete(world.milestone(world.deal("14 Elm Street"), "inspection").id);
        let page = look(&world, &cora, &after(Some(&start), 20));
        assert_eq!((page.changes.len(), page.more), (0, true));
        let rest = rest(&world, &cora, &after(Some(&page.next_cursor), 20));
        assert_eq!(rest.first().unwrap().event, "deal.created");
        assert_eq!(rest.iter().filter(|change| change.event == "milestone.completed").count(), 1);
    }
}
