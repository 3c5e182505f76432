//! A deal from its contract to its closing.

use std::collections::BTreeMap;

use domain::deals::deal::key_dates::Applied;
use domain::deals::deal::ops::{EditDeal, confirm, edit as edit_deal};
use domain::deals::deal::view::Detail;
use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::ops::{
    AddMilestone, CompleteMilestone, EditMilestone, WaiveMilestone, add, complete, edit, explain, waive,
};
use domain::deals::milestone::view::MilestoneView;
use domain::kernel::Code;
use domain::workspace::access::Role;
use harness::{DATES, deal, on_both};

fn of_type<'a>(detail: &'a Detail, type_: &str) -> &'a MilestoneView {
    detail.milestones.iter().find(|m| m.type_ == type_).unwrap()
}

fn due(detail: &Detail) -> BTreeMap<String, String> {
    let text = |m: &MilestoneView| m.due_on.map_or("-".into(), |date| date.to_string());
    detail.milestones.iter().map(|m| (m.title.clone(), text(m))).collect()
}

on_both! {
    fn a_financed_deal_gets_its_eleven_milestones_and_a_cash_deal_eight(world: World) {
        let financed = world.deal("12 Oak Street");
        let mut cash = deal("14 Oak Street", DATES);
        cash.financing = "cash".into();
        let cash = world.create(&cash);
        assert_eq!(world.detail(financed).milestones.len(), 11);
        let paid = world.detail(cash);
        assert_eq!(paid.milestones.len(), 8);
        for lenders in ["appraisal_ordered", "appraisal_complete", "financing_contingency"] {
            assert!(paid.milestones.iter().all(|m| m.type_ != lenders), "{lenders}");
        }
        insta::assert_json_snapshot!("dates_of_a_financed_deal", due(&world.detail(financed)));
    }

    fn confirming_a_draft_twice_makes_its_milestones_once(world: World) {
        let cora = world.team.cora();
        let mut draft = deal("12 Oak Street", DATES);
        draft.activate = false;
        let id = world.create(&draft);
        assert_eq!(world.detail(id).milestones.len(), 0);
        world.act(&cora, |cx| confirm(cx, id)).unwrap();
        let once = world.everything(&world.team);
        let again = world.done(&cora, |cx| confirm(cx, id)).unwrap();
        assert_eq!(again.receipts, []);
        assert_eq!(world.everything(&world.team), once);
    }

    fn closing_a_week_later_moves_what_counts_from_closing_and_undo_puts_it_back(world: World) {
        let id = world.deal("12 Oak Street");
        let before = world.detail(id);
        let plan = world.preview(id, "closing 2026-12-18");
        assert_eq!(world.detail(id), before, "a preview changes nothing");
        let mut moves: Vec<String> = plan
            .changes
            .iter()
            .map(|c| format!("{}: {} -> {}", c.title, c.old.unwrap(), c.new.unwrap()))
            .collect();
        moves.sort();
        insta::assert_json_snapshot!("moves_with_the_closing", moves);
        let Ok(Applied::Now { applied: moved, undo_token, .. }) = world.apply(plan.plan_token) else {
            panic!("the plan was not applied")
        };
        assert_eq!(moved, plan.changes);
        let after = world.detail(id);
        for m in &after.milestones {
            let was = before.milestones.iter().find(|b| b.id == m.id).unwrap();
            let moved = plan.changes.iter().find(|c| c.milestone_id == m.id);
            assert_eq!(m.due_on, moved.map_or(was.due_on, |c| c.new), "{}", m.title);
            assert_eq!(moved.is_some(), m.source.reference.as_deref() == Some("closing_date"), "{}", m.title);
        }
        assert!(matches!(world.apply(undo_token), Ok(Applied::Now { .. })));
        let back = world.detail(id);
        assert_eq!((back.deal.key_dates, due(&Detail { deal: after.deal, ..back })), (before.deal.key_dates.clone(), due(&before)));
    }

    fn what_is_done_stays_done_and_keeps_its_first_time(world: World) {
        let cora = world.team.cora();
        let id = world.deal("12 Oak Street");
        let inspection = world.milestone(id, "inspection").id;
        let cmd = CompleteMilestone { id: inspection, version: None, note: Some("Passed".into()) };
        let first = world.done(&cora, |cx| complete(cx, &cmd)).unwrap();
        assert_eq!(first.receipts.len(), 1);
        assert_eq!(first.value.milestone.ended_at, Some(world.now()));
        world.hours_pass(30);
        let again = world.done(&world.team.as_(Role::Owner), |cx| complete(cx, &cmd)).unwrap();
        assert_eq!(again.receipts, []);
        assert_eq!(again.value.milestone, first.value.milestone);
        insta::assert_snapshot!("completed_already", again.value.already.unwrap());
    }

    fn a_required_milestone_is_waived_only_with_a_reason_and_can_be_reopened(world: World) {
        let cora = world.team.cora();
        let id = world.deal("12 Oak Street");
        let title_search = world.milestone(id, "title_search").id;
        let bare = WaiveMilestone { id: title_search, version: None, reason: None };
        let no = world.act(&cora, |cx| waive(cx, &bare)).unwrap_err();
        assert_eq!((no.code, no.problems[0].field.as_str()), (Code::Invalid, "reason"));
        let told = WaiveMilestone { reason: Some("The seller's policy is a month old".into()), ..bare.clone() };
        let waived = world.act(&cora, |cx| waive(cx, &told)).unwrap().milestone;
        assert_eq!((waived.status, waived.waive_reason), (MilestoneStatus::Waived, told.reason.clone()));
        let cmd = CompleteMilestone { id: title_search, version: None, note: None };
        let no = world.act(&cora, |cx| complete(cx, &cmd)).unwrap_err();
        assert_eq!(no.code, Code::WrongState);
        insta::assert_snapshot!("completing_a_waived_one", no);
        let reopen = EditMilestone { reopen: Some(true), ..EditMilestone::of(title_search) };
        let open = world.done(&cora, |cx| edit(cx, &reopen)).unwrap();
        assert_eq!(open.value.milestone.status, MilestoneStatus::Upcoming);
        assert_eq!(open.receipts.len(), 1, "{:?}", open.receipts);
        assert_eq!(world.act(&cora, |cx| complete(cx, &cmd)).unwrap().already, None);
        let wood = world.milestone(id, "wood_infestation").id;
        let optional = WaiveMilestone { id: wood, version: None, reason: None };
        assert_eq!(world.act(&cora, |cx| waive(cx, &optional)).unwrap().milestone.status, MilestoneStatus::Waived);
    }

    fn a_pinned_milestone_is_listed_as_kept_and_stays(world: World) {
        let cora = world.team.cora();
        let id = world.deal("12 Oak Street");
        let party = AddMilestone {
            deal_id: id,
            title: "Key handover party".into(),
            due_on: "2026-12-12".into(),
            responsible_role: None,
            remind_days_before: None,
            required: Some(false),
            notes: None,
        };
        let party = world.act(&cora, |cx| add(cx, &party)).unwrap().milestone;
        assert_eq!(party.type_, "custom");
        let walk = world.milestone(id, "final_walkthrough").id;
        let pin = EditMilestone {
            due_on: Some("2026-12-10".into()),
            reason: Some("The seller moves out on the 9th".into()),
            ..EditMilestone::of(walk)
        };
        assert!(world.act(&cora, |cx| edit(cx, &pin)).unwrap().milestone.pinned);
        let plan = world.preview(id, "closing 2026-12-18");
        assert!(plan.changes.iter().all(|c| c.milestone_id != walk && c.milestone_id != party.id));
        assert_eq!(plan.kept.iter().map(|k| k.milestone_id).collect::<Vec<_>>(), [walk]);
        world.apply(plan.plan_token).unwrap();
        let why = world.look(&cora, |cx| explain(cx, walk)).unwrap();
        assert_eq!(why.milestone.due_on.unwrap().to_string(), "2026-12-10");
        insta::assert_snapshot!("why_a_pinned_date", why.explanation);
        let unpin = EditMilestone { pinned: Some(false), ..EditMilestone::of(walk) };
        let free = world.act(&cora, |cx| edit(cx, &unpin)).unwrap().milestone;
        assert_eq!(free.due_on.unwrap().to_string(), "2026-12-16", "the rule decides again, from the new closing");
        let why = world.look(&cora, |cx| explain(cx, walk)).unwrap();
        insta::assert_snapshot!("why_a_ruled_date", why.explanation);
    }

    fn a_milestone_is_overdue_when_its_day_ends_in_the_deals_zone(world: World) {
        // The day of the autumn change has 25 hours, that of the spring change 23.
        for (contract, closing, last, over) in [
            ("2026-10-29", "2026-12-11", "2026-11-02T05:59:59.999999Z", "2026-11-02T06:00:00Z"),
            ("2027-03-11", "2027-04-30", "2027-03-15T04:59:59.999999Z", "2027-03-15T05:00:00Z"),
        ] {
            world.set_clock("2026-10-14T15:00:00Z");
            let dates = format!("contract {contract} closing {closing}");
            let id = world.create(&deal(&dates, &dates));
            world.set_clock(last);
            assert_eq!(world.milestone(id, "earnest_money").status, MilestoneStatus::Upcoming);
            world.set_clock(over);
            let late = world.detail(id);
            assert_eq!(of_type(&late, "earnest_money").status, MilestoneStatus::Overdue);
            assert_eq!(late.overdue.iter().map(|m| m.title.as_str()).collect::<Vec<_>>(), ["Earnest money delivery"]);
            assert_eq!(late.next_milestone.unwrap().title, "Home inspection");
        }
    }

    fn a_closed_deal_keeps_what_was_done_and_takes_no_new_dates(world: World) {
        let cora = world.team.cora();
        let id = world.deal("12 Oak Street");
        let plan = world.preview(id, "closing 2026-12-18");
        let close = EditDeal { status: Some("closed".into()), ..EditDeal::of(id) };
        world.act(&cora, |cx| edit_deal(cx, &close)).unwrap();
        assert_eq!(world.apply(plan.plan_token).unwrap_err().code, Code::WrongState);
        let closing = world.milestone(id, "closing").id;
        let cmd = CompleteMilestone { id: closing, version: None, note: None };
        assert_eq!(world.act(&cora, |cx| complete(cx, &cmd)).unwrap().already, None);
        let rename = EditMilestone { title: Some("Keys".into()), ..EditMilestone::of(closing) };
        assert_eq!(world.act(&cora, |cx| edit(cx, &rename)).unwrap_err().code, Code::WrongState);
    }
}
