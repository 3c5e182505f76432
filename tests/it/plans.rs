//! A change of key dates is planned, shown, and then made whole or not at all.

use domain::deals::deal::key_dates::{Applied, apply};
use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, WaiveMilestone, add, edit, remove, waive};
use domain::kernel::Code;
use domain::kernel::id::{DealId, PlanId};
use harness::{World, on_both, unknown_id};

/// Everything but the previews themselves.
fn without_plans(world: &World) -> Vec<(String, Vec<String>)> {
    world.everything(&world.team).into_iter().filter(|(table, _)| table != "date_plans").collect()
}

type Change = fn(&World, DealId);

/// Each a change of a deal that somebody may make between a preview and its application.
const CHANGES: &[(&str, Change)] = &[
    ("the title is edited", |world, id| {
        let cmd = EditDeal { title: Some("13 Oak Street".into()), ..EditDeal::of(id) };
        world.act(&world.team.cora(), |cx| edit_deal(cx, &cmd)).unwrap();
    }),
    ("a milestone is completed", |world, id| {
        world.complete(world.milestone(id, "earnest_money").id);
    }),
    ("a milestone is waived", |world, id| {
        let id = world.milestone(id, "wood_infestation").id;
        let cmd = WaiveMilestone { id, version: None, reason: None };
        world.act(&world.team.cora(), |cx| waive(cx, &cmd)).unwrap();
    }),
    ("a milestone is pinned", |world, id| {
        let cmd =
            EditMilestone { pinned: Some(true), ..EditMilestone::of(world.milestone(id, "closing_prep").id) };
        world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
    }),
    ("a milestone is added", |world, deal_id| {
        let (title, due_on) = ("Handover".into(), "2026-12-12".into());
        let (responsible_role, remind_days_before, required, notes) = (None, None, None, None);
        let cmd = AddMilestone { deal_id, title, due_on, responsible_role, remind_days_before, required, notes };
        world.act(&world.team.cora(), |cx| add(cx, &cmd)).unwrap();
    }),
    ("a milestone is removed", |world, id| {
        let id = world.milestone(id, "closing").id;
        world.act(&world.team.cora(), |cx| remove(cx, id, None, None)).unwrap();
    }),
    ("other dates are changed", |world, id| {
        let plan = world.preview(id, "inspection 2026-10-28");
        assert!(matches!(world.apply(plan.plan_token), Ok(Applied::Now { .. })));
    }),
];

on_both! {
    fn a_plan_made_before_any_change_of_the_deal_is_refused_with_a_fresh_one(world: World) {
        for (what, change) in CHANGES {
            let id = world.deal(what);
            let plan = world.preview(id, "closing 2026-12-18");
            change(&world, id);
            let before = without_plans(&world);
            let Ok(Applied::Stale { fresh }) = world.apply(plan.plan_token) else { panic!("{what}: not stale") };
            assert_eq!(without_plans(&world), before, "{what}");
            assert_ne!(fresh.plan_token, plan.plan_token);
            let Ok(Applied::Now { applied, .. }) = world.apply(fresh.plan_token) else { panic!("{what}") };
            assert_eq!(applied, fresh.changes, "{what}");
            assert_eq!(world.detail(id).deal.key_dates["closing_date"].to_string(), "2026-12-18");
        }
        world.log_is_whole(&world.team);
    }

    fn a_plan_whose_change_was_made_by_another_says_so(world: World) {
        let id = world.deal("12 Oak Street");
        let (mine, theirs) = (world.preview(id, "closing 2026-12-18"), world.preview(id, "closing 2026-12-18"));
        world.apply(theirs.plan_token).unwrap();
        let no = world.apply(mine.plan_token).unwrap_err();
        assert_eq!((no.code, no.problems[0].field.as_str()), (Code::Invalid, "key_dates"));
    }

    fn applying_a_plan_twice_changes_nothing_the_second_time(world: World) {
        let id = world.deal("12 Oak Street");
        let plan = world.preview(id, "closing 2026-12-18");
        world.apply(plan.plan_token).unwrap();
        let before = world.everything(&world.team);
        let again = world.done(&world.team.cora(), |cx| apply(cx, plan.plan_token)).unwrap();
        assert_eq!((again.value, again.receipts), (Applied::Already { deal_id: id }, vec![]));
        assert_eq!(world.everything(&world.team), before);
    }

    fn an_undo_whose_deal_moved_on_is_refused_as_a_whole(world: World) {
        let id = world.deal("12 Oak Street");
        let plan = world.preview(id, "closing 2026-12-18");
        let Ok(Applied::Now { undo_token, .. }) = world.apply(plan.plan_token) else { panic!("not applied") };
        world.complete(world.milestone(id, "earnest_money").id);
        let before = world.everything(&world.team);
        let no = world.apply(undo_token).unwrap_err();
        assert_eq!(no.code, Code::Stale);
        assert_eq!(world.everything(&world.team), before);
    }

    fn an_expired_or_foreign_plan_is_answered_like_one_that_never_was(world: World) {
        let stranger = world.found("harbor", "harbor.example");
        let id = world.deal("12 Oak Street");
        let plan = world.preview(id, "closing 2026-12-18");
        let never = world.apply(unknown_id::<PlanId>()).unwrap_err();
        let foreign = world.act(&stranger.cora(), |cx| apply(cx, plan.plan_token)).unwrap_err();
        assert_eq!((never.code, &foreign), (Code::NotFound, &never));
        world.hours_pass(24);
        assert_eq!(world.apply(plan.plan_token).unwrap_err(), never);
        // Also after the next preview has swept it away.
        world.preview(id, "closing 2026-12-21");
        assert_eq!(world.apply(plan.plan_token).unwrap_err(), never);
        insta::assert_snapshot!("a_plan_that_is_not_there", never);
    }

    fn a_date_that_was_taken_away_leaves_its_milestones_to_the_fallback_or_in_need(world: World) {
        let id = world.create(&harness::deal(
            "12 Oak Street",
            "contract 2026-10-14 closing 2026-12-11 inspection 2026-10-30",
        ));
        let plan = world.preview(id, "inspection -");
        let titles: Vec<String> = plan.changes.iter().map(|c| format!("{} {:?}", c.title, c.new)).collect();
        assert_eq!(titles, ["Home inspection Some(2026-10-24)", "Repair request deadline Some(2026-10-27)"]);
        let Ok(Applied::Now { undo_token, .. }) = world.apply(plan.plan_token) else { panic!("not applied") };
        assert!(!world.detail(id).deal.key_dates.contains_key("inspection_deadline"));
        world.apply(undo_token).unwrap();
        assert_eq!(world.milestone(id, "inspection").due_on.unwrap().to_string(), "2026-10-30");
    }
}
