//! `/milestone`, `/today`, and the buttons on what they show.

use domain::deals::deal::ops::create;
use domain::workspace::access::Role::{Coordinator, Member, Viewer};
use harness::{World, on_both};
use insta::assert_snapshot;
use serde_json::json;

use super::hall::Hall;

fn hall_with_a_deal(world: World) -> Hall {
    let hall = Hall::open(world);
    let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11 inspection 2026-10-24");
    hall.world.act(&hall.world.team.cora(), |cx| create(cx, &new)).unwrap();
    hall
}

on_both! {
    fn a_day_of_work_without_leaving_chat(world: World) {
        let mut hall = hall_with_a_deal(world);
        hall.slash(Coordinator, "/milestone list", &[]);
        let inspection = hall.pick(Coordinator, "/milestone explain", "milestone", "inspection");
        hall.slash(Coordinator, "/milestone explain", &[("milestone", inspection.clone())]);
        hall.slash(Coordinator, "/milestone complete", &[("milestone", inspection.clone()), ("note", json!("All fine"))]);
        // Whoever comes second reads who was first.
        hall.slash(Member, "/milestone complete", &[("milestone", inspection.clone())]);
        hall.slash(Coordinator, "/milestone reopen", &[("milestone", inspection.clone()), ("reason", json!("The wrong house"))]);
        let deal = hall.pick(Coordinator, "/milestone add", "deal", "oak");
        let add = |due: &str| vec![("deal", deal.clone()), ("title", json!("Order the survey")), ("due", json!(due))];
        hall.slash(Coordinator, "/milestone add", &add("31 feb"));
        let asked = hall.slash(Coordinator, "/milestone add", &add("next friday"));
        hall.click(Coordinator, &asked, "Yes");
        let survey = hall.pick(Coordinator, "/milestone edit", "milestone", "survey");
        let asked = hall.slash(Coordinator, "/milestone edit", &[("milestone", survey.clone()), ("due", json!("in 3 days")), ("remind", json!(1))]);
        hall.click(Coordinator, &asked, "Yes");
        hall.slash(Coordinator, "/milestone waive", &[("milestone", survey.clone())]);
        hall.slash(Coordinator, "/milestone waive", &[("milestone", survey), ("reason", json!("The lender does not ask for it"))]);
        // Vera looks on.
        hall.slash(Viewer, "/milestone complete", &[("milestone", inspection)]);
        hall.slash(Viewer, "/milestone list", &[("status", json!("waived"))]);
        hall.slash(Coordinator, "/today", &[]);
        assert_snapshot!("a_day_of_work", hall.transcript());
    }

    fn a_reminder_on_another_day_is_shown_back_before_anything_changes(world: World) {
        let mut hall = hall_with_a_deal(world);
        let inspection = hall.pick(Coordinator, "/remind", "milestone", "inspection");
        let when = |day: &str| vec![("milestone", inspection.clone()), ("when", json!(day))];
        hall.slash(Coordinator, "/remind", &when("in 3 weeks"));
        hall.slash(Coordinator, "/remind", &when("today"));
        let asked = hall.slash(Coordinator, "/remind", &when("next friday"));
        hall.click(Coordinator, &asked, "No");
        let asked = hall.slash(Coordinator, "/remind", &when("next friday"));
        hall.click(Coordinator, &asked, "Yes");
        hall.slash(Coordinator, "/remind", &when("friday"));
        // Whoever looks on is not asked first.
        hall.slash(Viewer, "/remind", &when("tomorrow"));
        // The day that was shown came before the yes to it.
        let asked = hall.slash(Coordinator, "/remind", &when("tomorrow"));
        hall.world.set_clock("2026-10-15T13:00:00Z");
        hall.click(Coordinator, &asked, "Yes");
        assert_snapshot!("a_reminder_on_another_day", hall.transcript());
    }

    fn what_is_due_is_done_where_it_is_listed(world: World) {
        let mut hall = hall_with_a_deal(world);
        let other = harness::deal("9 Elm Street", "contract 2026-10-14 closing 2026-12-11 inspection 2026-10-24");
        hall.world.act(&hall.world.team.cora(), |cx| create(cx, &other)).unwrap();
        let today = hall.slash(Coordinator, "/today", &[]);
        hall.click(Coordinator, &today, "Done: Earnest money delivery of 9 Elm Street");
        let today = hall.slash(Coordinator, "/today", &[]);
        hall.click(Coordinator, &today, "Done");
        hall.slash(Coordinator, "/today", &[]);
        // Whatever is late, Discord draws five rows at most.
        hall.world.hours_pass(24 * 40);
        let late = hall.wait(hall.at(Coordinator).slash("/today", &[]));
        assert_eq!(late.message().components.len(), 5, "{}", late.shown());
        assert_snapshot!("today", hall.transcript());
    }

    fn what_somebody_typed_and_did_not_choose_is_told_apart_from_an_error(world: World) {
        let mut hall = hall_with_a_deal(world);
        let said = hall.slash(Coordinator, "/milestone complete", &[("milestone", json!("inspection"))]);
        assert!(said.shown().contains("choose one of those that are offered"), "{}", said.shown());
    }
}
