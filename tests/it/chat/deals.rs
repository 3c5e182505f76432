//! `/deal`: from a form to a closing that moves, and back.

use std::time::Duration;

use domain::kernel::db::Limits;
use domain::workspace::access::Role::{Coordinator, Member, Owner, Viewer};
use harness::{Place, on_both};
use host::sweep::Sweep;
use insta::assert_snapshot;
use serde_json::json;

use super::faults::freeze;
use super::hall::Hall;

on_both! {
    fn a_deal_is_typed_into_a_form_shown_and_created(world: World) {
        let mut hall = Hall::open(world);
        let form = hall.slash(Coordinator, "/deal new", &[
            ("side", json!("buyer")), ("financing", json!("conventional")), ("state", json!("IL")),
        ]);
        let wrong = hall.submit(Coordinator, form.modal(), &[
            ("What the team calls it", "12 Oak Street - Lee"),
            ("Address", "12 Oak Street, Chicago, IL 60601"),
            ("Contract date", "today"),
            ("Closing date", "as soon as possible"),
            ("Other dates and people, each on a line", "inspection: in 10 days\nbuyer: Ann Lee, ann@example.com"),
        ]);
        // Nothing of it is typed twice.
        let form = hall.click(Coordinator, &wrong, "Change it");
        let shown = hall.submit(Coordinator, form.modal(), &[("Closing date", "dec 11")]);
        let create = shown.message().custom_id("Create");
        hall.click(Coordinator, &shown, "Create");
        // Nothing is created twice either.
        let twice = hall.wait(hall.at(Coordinator).click_custom(&shown, &create));
        assert!(twice.shown().contains("was confirmed before"), "{}", twice.shown());
        hall.slash(Coordinator, "/deal list", &[]);
        let deal = hall.pick(Coordinator, "/deal show", "deal", "oak");
        hall.slash(Coordinator, "/deal show", &[("deal", deal.clone())]);
        hall.slash(Coordinator, "/deal timeline", &[("deal", deal)]);
        assert_snapshot!("a_deal_is_typed_into_a_form", hall.transcript());
    }

    fn a_contract_that_was_signed_this_month_is_not_read_as_next_years(world: World) {
        let mut hall = Hall::open(world);
        let form = hall.slash(Coordinator, "/deal new", &[("side", json!("buyer")), ("financing", json!("cash"))]);
        let mut typed = |contract: &str, closing: &str| {
            hall.submit(Coordinator, form.modal(), &[
                ("What the team calls it", "12 Oak Street"),
                ("Address", "12 Oak Street, Chicago, IL 60601"),
                ("Contract date", contract),
                ("Closing date", closing),
            ])
            .shown()
        };
        let said = typed("oct 10", "next friday");
        assert!(said.contains("contract date: Sat 10 Oct 2026 (4 days ago)\n"), "{said}");
        // What else the words may mean stands beside them.
        assert!(said.contains("closing date: Fri 16 Oct 2026 (in 2 days) (not Fri 23 Oct 2026)"), "{said}");
        let said = typed("friday", "dec 11");
        assert!(said.contains("contract date: Fri 9 Oct 2026 (5 days ago) (not Fri 16 Oct 2026)"), "{said}");
        let said = typed("nov 3", "dec 11");
        assert!(said.contains("contract date: Mon 3 Nov 2025") && said.contains("(not Tue 3 Nov 2026)"), "{said}");
        // The same where a contract date is corrected.
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        let deal = hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let said = hall.slash(Coordinator, "/deal reschedule", &[
            ("deal", json!(deal.to_string())), ("date", json!("contract_date")), ("to", json!("oct 10")),
        ]);
        assert!(said.shown().contains("Saturday 10 October 2026, 4 days ago"), "{}", said.shown());
    }

    fn a_closing_moves_when_somebody_said_yes_and_moves_back(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let deal = hall.pick(Coordinator, "/deal reschedule", "deal", "oak");
        let date = hall.types_with(
            Coordinator, "/deal reschedule", &[("deal", deal.clone()), ("date", json!("clos"))], "date",
        );
        let to = |text: &str| vec![("deal", deal.clone()), ("date", date[0].value.clone()), ("to", json!(text))];
        hall.slash(Coordinator, "/deal reschedule", &to("soon"));
        let shown = hall.slash(Coordinator, "/deal reschedule", &to("dec 18"));
        let stale = hall.slash(Coordinator, "/deal reschedule", &to("dec 21"));
        hall.click(Coordinator, &shown, "Make this change");
        // The other preview is of dates that are not so any more.
        hall.click(Coordinator, &stale, "Make this change");
        // Mike may look, and not move a closing.
        let asked = hall.slash(Member, "/deal reschedule", &to("dec 24"));
        hall.click(Member, &asked, "Make this change");
        let undo = hall.slash(Coordinator, "/deal undo", &[("deal", deal.clone())]);
        hall.click(Coordinator, &undo, "Take it back");
        hall.slash(Coordinator, "/deal undo", &[("deal", deal)]);
        assert_snapshot!("a_closing_moves", hall.transcript());
    }

    fn the_dates_of_a_draft_move_too(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        let new = domain::deals::deal::intake::NewDeal { activate: false, ..new };
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let offered = hall.types(Coordinator, "/deal reschedule", "deal", "oak");
        assert!(offered[0].name.contains("draft"), "{}", offered[0].name);
        let deal = offered[0].value.clone();
        let shown = hall.slash(Coordinator, "/deal reschedule", &[
            ("deal", deal), ("date", json!("closing_date")), ("to", json!("dec 18")),
        ]);
        let done = hall.click(Coordinator, &shown, "Make this change");
        assert!(done.shown().contains("changed the dates of **12 Oak Street**"), "{}", done.shown());
        let deal = hall.pick(Coordinator, "/deal undo", "deal", "");
        let asked = hall.slash(Coordinator, "/deal undo", &[("deal", deal.clone())]);
        hall.click(Coordinator, &asked, "Take it back");
        let shown = hall.slash(Coordinator, "/deal show", &[("deal", deal)]).shown();
        assert!(shown.contains("Closing date: Fri 11 Dec 2026"), "{shown}");
    }

    fn a_name_that_is_longer_than_discord_takes_breaks_nothing(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        let deal = hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let deal = json!(deal.to_string());
        let name = |length: usize| [("deal", deal.clone()), ("date", json!("x".repeat(length)))];
        assert_eq!(hall.types_with(Coordinator, "/deal reschedule", &name(100), "date").len(), 1);
        assert_eq!(hall.types_with(Coordinator, "/deal reschedule", &name(101), "date").len(), 0);
        // Whoever sends it reads what is wrong with it.
        let long = [("deal", deal.clone()), ("date", json!("x".repeat(101))), ("to", json!("dec 1"))];
        let said = hall.slash(Coordinator, "/deal reschedule", &long).shown();
        assert!(said.contains("then up to 59 of the characters"), "{said}");
    }

    fn a_change_that_is_taken_back_in_the_channel_stays_there_as_it_was_told(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let deal = hall.pick(Coordinator, "/deal reschedule", "deal", "oak");
        let to = |date: &str, to: &str| vec![("deal", deal.clone()), ("date", json!(date)), ("to", json!(to))];
        let asked = hall.slash(Coordinator, "/deal reschedule", &to("closing_date", "dec 18"));
        let told = hall.click(Coordinator, &asked, "Make this change").followups.remove(0);
        hall.transcript();
        let undo = told.custom_id("Undo");
        let again = hall.click(Owner, &told, "Undo").followups.remove(0);
        // Whoever had the button in view all the while.
        let late = hall.wait(hall.at(Coordinator).click_custom(&told, &undo));
        assert!(late.ephemeral && late.shown().contains("was taken back before"), "{}", late.shown());
        // And there again.
        hall.click(Coordinator, &again, "Undo");
        // A date from which no milestone counts.
        let asked = hall.slash(Coordinator, "/deal reschedule", &to("photo_day", "oct 20"));
        hall.click(Coordinator, &asked, "Make this change");
        assert_snapshot!("a_change_is_taken_back", hall.transcript());
    }

    fn a_change_that_cannot_be_taken_back_any_more_says_what_chat_has_instead(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let deal = hall.pick(Coordinator, "/deal reschedule", "deal", "oak");
        let to = [("deal", deal), ("date", json!("closing_date")), ("to", json!("dec 18"))];
        let asked = hall.slash(Coordinator, "/deal reschedule", &to);
        let told = hall.click(Coordinator, &asked, "Make this change").followups.remove(0);
        let title = hall.pick(Coordinator, "/milestone complete", "milestone", "title");
        hall.slash(Coordinator, "/milestone complete", &[("milestone", title)]);
        let late = hall.click(Owner, &told, "Undo");
        assert!(late.ephemeral && late.followups.is_empty(), "{}", late.shown());
        let said = late.shown();
        assert!(said.ends_with("Preview the old key dates as a new change (`/deal reschedule`)."), "{said}");
        // A plan is good for a day.
        hall.world.hours_pass(25);
        let late = hall.click(Coordinator, &told, "Undo").shown();
        assert!(late.ends_with("Preview the change again (`/deal reschedule`)."), "{late}");
    }

    fn who_takes_back_a_change_while_the_database_is_slow_reads_that_it_is_done(world: World) {
        let limits = Limits { wait: Duration::from_secs(60), ..Place::usual_limits() };
        let mut hall = Hall::patient(world, limits, 30).linked();
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let deal = hall.pick(Coordinator, "/deal reschedule", "deal", "oak");
        let to = [("deal", deal), ("date", json!("closing_date")), ("to", json!("dec 18"))];
        let asked = hall.slash(Coordinator, "/deal reschedule", &to);
        let told = hall.click(Coordinator, &asked, "Make this change").followups.remove(0);
        let held = freeze(&hall);
        let pressed = hall.runtime.spawn(hall.at(Owner).click(&told, "Undo"));
        hall.wait(hall.discord.until("an answer is promised", |discord| discord.count("POST /interactions/*/*/callback") >= 5));
        drop(held);
        let pressed = hall.wait(pressed).unwrap();
        hall.wait(hall.discord.until("the channel is told", |_| !pressed.again().followups.is_empty()));
        let said = pressed.again().shown();
        assert!(said.contains("Done. The channel reads it below") && said.contains("Olga Owens took back"), "{said}");
    }

    fn that_nothing_changed_is_told_to_whoever_asked_and_not_to_the_channel(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let deal = hall.pick(Coordinator, "/deal close", "deal", "oak");
        let survey = hall.pick(Coordinator, "/milestone edit", "milestone", "title");
        let close = |hall: &mut Hall, who| hall.slash(who, "/deal close", &[("deal", deal.clone())]);
        let edit = |hall: &mut Hall| hall.slash(Coordinator, "/milestone edit", &[("milestone", survey.clone()), ("due", json!("oct 30"))]);
        let edits = [edit(&mut hall), edit(&mut hall)];
        let closes = [close(&mut hall, Coordinator), close(&mut hall, Owner)];
        assert_eq!(hall.click(Coordinator, &edits[0], "Yes").followups.len(), 1);
        // The second question was about the milestone as it was.
        assert_eq!(hall.click(Coordinator, &edits[1], "Yes").followups.len(), 0);
        let same = edit(&mut hall);
        let same = hall.click(Coordinator, &same, "Yes");
        assert!(same.followups.is_empty() && same.shown().contains("Nothing was changed"), "{}", same.shown());
        assert_eq!(hall.click(Coordinator, &closes[0], "Yes").followups.len(), 1);
        let second = hall.click(Owner, &closes[1], "Yes");
        assert!(second.ephemeral && second.followups.is_empty(), "{}", second.shown());
        assert!(second.shown().contains("is closed already. Nothing was changed"), "{}", second.shown());
    }

    fn a_deal_ends_after_a_question(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let deal = hall.pick(Coordinator, "/deal cancel", "deal", "oak");
        let asked = hall.slash(Coordinator, "/deal cancel", &[("deal", deal.clone()), ("reason", json!("The buyer left"))]);
        hall.click(Coordinator, &asked, "No");
        let asked = hall.slash(Coordinator, "/deal cancel", &[("deal", deal.clone()), ("reason", json!("The buyer left"))]);
        // What Cora asked for, nobody else confirms.
        let yes = asked.message().custom_id("Yes");
        let other = hall.slash(Viewer, "/deal list", &[]);
        let forged = hall.wait(hall.at(Viewer).click_custom(&other, &yes));
        assert!(forged.shown().contains("by somebody else"), "{}", forged.shown());
        hall.click(Coordinator, &asked, "Yes");
        hall.slash(Coordinator, "/deal show", &[("deal", deal)]);
        assert_snapshot!("a_deal_ends", hall.transcript());
    }

    fn what_nobody_confirms_is_kept_for_a_day_at_most(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let deal = hall.pick(Coordinator, "/deal cancel", "deal", "oak");
        let asks = |hall: &mut Hall| hall.slash(Coordinator, "/deal cancel", &[("deal", deal.clone()), ("reason", json!("Ann is ill"))]);
        let kept = |hall: &Hall| {
            let query = format!("SELECT body AS line FROM chat_pending WHERE workspace_id = '{}'", hall.world.team.id);
            hall.world.lines(&hall.world.team, &query).len()
        };
        let asked = asks(&mut hall);
        assert_eq!(kept(&hall), 1);
        hall.click(Coordinator, &asked, "No");
        assert_eq!(kept(&hall), 0);
        asks(&mut hall);
        hall.world.seconds_pass(23 * 3_600);
        hall.wait(Sweep::new(&hall.host).tick());
        assert_eq!(kept(&hall), 1);
        hall.world.seconds_pass(3_600);
        hall.wait(Sweep::new(&hall.host).tick());
        assert_eq!(kept(&hall), 0);
    }
}
