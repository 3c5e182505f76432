//! `/approve`: reading exactly what would leave, and deciding about it.

use domain::workspace::access::Role::{Admin, Coordinator, Member, Owner};
use harness::{World, on_both};
use insta::assert_snapshot;
use serde_json::json;

use super::hall::Hall;

/// A letter to the buyer waits for a yes.
fn hall_with_a_letter(world: World) -> Hall {
    let hall = Hall::open(world);
    let deal = hall.world.peopled_deal("12 Oak Street");
    hall.world.draft_for_the_buyer(deal);
    hall
}

on_both! {
    fn a_letter_is_read_changed_sent_back_and_approved(world: World) {
        let mut hall = hall_with_a_letter(world);
        hall.slash(Coordinator, "/approve queue", &[]);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter)]);
        let approve = shown.message().custom_id("Approve");
        let form = hall.click(Coordinator, &shown, "Edit");
        hall.submit(Coordinator, form.modal(), &[("Subject", "The inspection is done")]);
        // A press on the card of the words before.
        let late = hall.wait(hall.at(Coordinator).click_custom(&shown, &approve));
        assert!(late.shown().contains("so nothing was done"), "{}", late.shown());
        let letter = hall.pick(Owner, "/approve show", "approval", "buyer");
        let shown = hall.slash(Owner, "/approve show", &[("approval", letter.clone())]);
        // Mike reads, and decides nothing here.
        hall.slash(Member, "/approve decide", &[("approval", letter), ("choice", json!("approve"))]);
        hall.click(Owner, &shown, "Approve");
        // Adam comes second.
        let late = hall.wait(hall.at(Admin).slash("/team list", &[]));
        let second = hall.wait(hall.at(Admin).click_custom(&late, &shown.message().custom_id("Approve")));
        assert!(second.shown().contains("by Olga Owens"), "{}", second.shown());
        assert_snapshot!("a_letter", hall.transcript());
    }

    fn a_letter_is_sent_back_with_a_reason(world: World) {
        let mut hall = hall_with_a_letter(world);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter)]);
        let form = hall.click(Coordinator, &shown, "Request changes");
        hall.submit(Coordinator, form.modal(), &[("What would have to change", "Say who was there")]);
        hall.slash(Coordinator, "/approve queue", &[]);
        let said = hall.transcript();
        let end = said.find("cora> [Request changes]").unwrap();
        assert_snapshot!("a_letter_sent_back", &said[end..]);
    }

    fn a_thousand_presses_are_one_yes(world: World) {
        let mut hall = hall_with_a_letter(world);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter)]);
        let at = hall.at(Coordinator);
        let presses = (0..1_000).map(|_| at.click(&shown, "Approve")).collect();
        let said = hall.wait(harness::fake_discord::FakeDiscord::at_once(presses));
        let (first, others): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|said| said.again().shown().contains("is approved by Cora Castillo. 1 message"));
        assert_eq!(first.len(), 1);
        for one in others {
            let shown = one.again().shown();
            let told = ["so nothing was done", "There is nothing left to decide", "The database is busy"].iter().any(|words| shown.contains(words));
            assert!(told, "{shown}");
        }
    }
}
