//! Many at once: one effect, no lost update, a log without gaps.

use std::sync::Barrier;

use domain::deals::deal::intake::NewParty;
use domain::deals::deal::key_dates::Applied;
use domain::deals::deal::ops::create;
use domain::deals::milestone::ops::{CompleteMilestone, EditMilestone, complete, edit};
use domain::insight::event_log::ops::verify;
use domain::kernel::Code;
use domain::workspace::access::ops::{CreateToken, For, create_token};
use domain::workspace::access::{Grant, Role};
use domain::workspace::member::{self, MemberStatus, ops::AddMember};
use harness::{DATES, World, deal, on_both};

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

fn times(world: &World, event: &str) -> usize {
    world.events(&world.team).iter().filter(|name| *name == event).count()
}

on_both! {
    fn sixteen_who_complete_the_same_milestone_leave_one_event(world: World) {
        let id = world.milestone(world.deal("12 Oak Street"), "inspection").id;
        let cmd = CompleteMilestone { id, version: None, note: None };
        let outcomes = at_once(16, |_| world.act(&world.team.cora(), |cx| complete(cx, &cmd)).unwrap());
        assert_eq!(outcomes.iter().filter(|outcome| outcome.already.is_none()).count(), 1);
        assert_eq!(times(&world, "milestone.completed"), 1);
        world.log_is_whole(&world.team);
    }

    fn eight_who_ask_a_model_at_once_spend_one_budget(world: World) {
        use domain::assist::budget::ops::{reserve, today};
        let machine = world.machine(&world.team);
        let granted = at_once(8, |_| {
            (0..5).filter_map(|_| world.act(&machine, |cx| reserve(cx, 0, 10_000)).unwrap()).collect::<Vec<_>>()
        });
        let mut answers: Vec<u32> = granted.into_iter().flatten().map(|reserved| reserved.answer).collect();
        answers.sort_unstable();
        assert_eq!(answers, [700, 700, 1_500, 1_500, 1_500, 1_500, 1_500, 1_500]);
        let stands = world.look(&world.team.cora(), |cx| today(cx, 10_000)).unwrap();
        assert_eq!(stands.spent, 10_400, "each looked before it took, and nothing was lost");
    }

    fn eight_who_apply_the_same_plan_change_the_dates_once(world: World) {
        let id = world.deal("12 Oak Street");
        let plan = world.preview(id, "closing 2026-12-18").plan_token;
        let outcomes = at_once(8, |_| world.apply(plan).unwrap());
        assert_eq!(outcomes.iter().filter(|o| matches!(o, Applied::Now { .. })).count(), 1);
        assert_eq!(outcomes.iter().filter(|o| matches!(o, Applied::Already { .. })).count(), 7);
        assert_eq!(times(&world, "deal.key_dates_changed"), 1);
        world.log_is_whole(&world.team);
    }

    fn two_plans_for_one_deal_are_not_both_applied(world: World) {
        let id = world.deal("12 Oak Street");
        let plans = ["closing 2026-12-18", "closing 2026-12-22"].map(|dates| world.preview(id, dates).plan_token);
        let outcomes = at_once(2, |i| world.apply(plans[i]).unwrap());
        assert_eq!(outcomes.iter().filter(|o| matches!(o, Applied::Now { .. })).count(), 1);
        assert_eq!(outcomes.iter().filter(|o| matches!(o, Applied::Stale { .. })).count(), 1);
        assert_eq!(times(&world, "deal.key_dates_changed"), 1);
    }

    fn eight_who_create_deals_leave_a_log_without_gaps(world: World) {
        // The same people on all deals, in another order: whoever is met first is met once.
        let person = |i: usize| NewParty {
            role: "buyer".into(),
            name: format!("Person {i}"),
            email: Some(format!("person{i}@example.org")),
            ..NewParty::default()
        };
        at_once(8, |thread| {
            for round in 0..3 {
                let mut new = deal(&format!("{thread}-{round} Oak Street"), DATES);
                new.parties = (0..4).map(|i| person((i + thread) % 4)).collect();
                world.act(&world.team.cora(), |cx| create(cx, &new)).unwrap();
            }
        });
        assert_eq!((world.count(&world.team, "deals"), world.count(&world.team, "contacts")), (24, 4));
        assert_eq!(world.count(&world.team, "milestones"), 24 * 11);
        world.log_is_whole(&world.team);
    }

    fn of_those_who_edit_one_version_only_one_succeeds(world: World) {
        let id = world.milestone(world.deal("12 Oak Street"), "inspection").id;
        let outcomes = at_once(8, |i| {
            let cmd = EditMilestone { version: Some(1), notes: Some(format!("note {i}")), ..EditMilestone::of(id) };
            world.act(&world.team.cora(), |cx| edit(cx, &cmd))
        });
        let (good, bad): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (1, 7));
        assert!(bad.into_iter().all(|no| no.unwrap_err().code == Code::Stale));
        let kept = world.look(&world.team.cora(), |cx| domain::deals::milestone::ops::get(cx, id)).unwrap();
        assert_eq!((kept.version, kept.notes), (2, good.into_iter().next().unwrap().unwrap().milestone.notes));
    }

    fn edits_of_different_fields_are_all_kept(world: World) {
        let deal_id = world.deal("12 Oak Street");
        let id = world.milestone(deal_id, "inspection").id;
        let version = world.detail(deal_id).deal.version;
        at_once(3, |i| {
            let of = EditMilestone::of(id);
            let cmd = match i {
                0 => EditMilestone { notes: Some("Bring a ladder".into()), ..of },
                1 => EditMilestone { due_on: Some("2026-10-30".into()), ..of },
                _ => EditMilestone { status: Some("scheduled".into()), ..of },
            };
            world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
        });
        let kept = world.milestone(deal_id, "inspection");
        assert_eq!((kept.notes.as_str(), kept.status.as_str(), kept.version), ("Bring a ladder", "scheduled", 4));
        assert_eq!(kept.due_on.unwrap().to_string(), "2026-10-30");
        assert_eq!(world.detail(deal_id).deal.version, version + 3);
    }

    fn an_auditor_who_looks_while_others_write_finds_the_log_whole(world: World) {
        let id = world.milestone(world.deal("12 Oak Street"), "inspection").id;
        at_once(4, |i| {
            for round in 0..25 {
                if i == 0 {
                    let verdict = world.look(&world.team.as_(Role::Admin), verify).unwrap();
                    assert_eq!(verdict.first_break, None);
                } else {
                    let cmd = EditMilestone { notes: Some(format!("{i} {round}")), ..EditMilestone::of(id) };
                    world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
                }
            }
        });
        world.log_is_whole(&world.team);
    }

    fn two_owners_who_demote_each_other_leave_one(world: World) {
        let owners = [world.team.members[&Role::Owner].id, world.team.members[&Role::Admin].id];
        let operator = world.team.operator();
        for _ in 0..5 {
            for id in owners {
                world.act(&operator, |cx| member::ops::change(cx, id, Role::Owner, MemberStatus::Active)).unwrap();
            }
            let outcomes = at_once(2, |i| {
                world.act(&operator, |cx| member::ops::change(cx, owners[i], Role::Admin, MemberStatus::Active))
            });
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        }
    }

    fn what_is_named_by_two_at_once_is_there_once(world: World) {
        let owner = world.team.as_(Role::Owner);
        at_once(4, |i| {
            let holder = For::Agent("robot".into());
            let cmd = CreateToken { holder, label: format!("token {i}"), scope: Grant::Read, days: None };
            world.act(&owner, |cx| create_token(cx, &cmd)).unwrap();
        });
        assert_eq!((world.count(&world.team, "agents"), world.count(&world.team, "api_tokens")), (1, 4));
        let outcomes = at_once(4, |_| {
            let (name, email) = ("Nina New".to_owned(), "nina@example.com".to_owned());
            let cmd = AddMember { name, email, role: Role::Member, time_zone: "America/Chicago".into() };
            world.act(&owner, |cx| member::ops::add(cx, &cmd))
        });
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        world.log_is_whole(&world.team);
    }
}
