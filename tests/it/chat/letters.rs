//! `/approve`: reading exactly what would leave, and deciding about it.

use std::time::Duration;

use domain::kernel::db::Limits;
use domain::workspace::access::Role::{Admin, Coordinator, Member, Owner};
use harness::fake_discord::{Form, Said};
use harness::{Place, World, on_both};
use insta::assert_snapshot;
use serde_json::json;

use super::faults::freeze;
use super::hall::Hall;

const AGAIN: &str = "Open the form again, as you filled it in";

/// A text as long as a form takes, and true of every deal.
fn long() -> String {
    let mut text = "The inspection took place, and all is well with it.\n".repeat(76);
    text.truncate(3_900);
    text.trim_end().to_owned()
}

/// What a form has in a field when it opens.
fn value<'a>(form: &'a Form, label: &str) -> &'a str {
    &form.fields.iter().find(|field| field.label.starts_with(label)).unwrap().value
}

/// The text of the file that goes along.
fn file(said: &Said) -> String {
    let said = said.again();
    let [file] = said.message().attachments.as_slice() else { panic!("no file: {said:?}") };
    String::from_utf8(file.bytes.clone()).unwrap()
}

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

    fn a_letter_that_somebody_else_edits_meanwhile_is_not_typed_twice(world: World) {
        let mut hall = hall_with_a_letter(world);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter.clone())]);
        let slow = hall.click(Coordinator, &shown, "Edit");
        let beside = hall.slash(Admin, "/approve show", &[("approval", letter)]);
        let fast = hall.click(Admin, &beside, "Edit");
        hall.submit(Admin, fast.modal(), &[("Subject", "Adam's subject")]);
        let text = long();
        let late = hall.submit(Coordinator, slow.modal(), &[("Subject", "Cora's subject"), ("body", &text)]);
        // What is so now stands there, with its own buttons, and the words are where they were.
        let said = late.shown();
        assert!(said.contains("replaced by a newer version by Adam Adler") && said.contains("Adam's subject"), "{said}");
        let form = hall.click(Coordinator, &late, AGAIN);
        assert_eq!((value(form.modal(), "Subject"), value(form.modal(), "Text")), ("Cora's subject", text.as_str()));
        let taken = hall.submit(Coordinator, form.modal(), &[]);
        assert!(taken.shown().contains("has version 3 now"), "{}", taken.shown());
    }

    fn words_that_cannot_be_taken_are_corrected_and_not_typed_again(world: World) {
        let mut hall = hall_with_a_letter(world);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter)]);
        let form = hall.click(Coordinator, &shown, "Edit");
        // As it comes from a word processor.
        let wrong = hall.submit(Coordinator, form.modal(), &[("Subject", "Done\u{200f}"), ("body", &long())]);
        assert!(wrong.shown().contains("invisible character U+200F"), "{}", wrong.shown());
        let form = hall.click(Coordinator, &wrong, AGAIN);
        assert_eq!((value(form.modal(), "Subject"), value(form.modal(), "Text")), ("Done\u{200f}", long().as_str()));
        let taken = hall.submit(Coordinator, form.modal(), &[("Subject", "Done")]);
        assert!(taken.shown().contains("has version 2 now"), "{}", taken.shown());
    }

    fn words_for_a_letter_that_was_decided_about_meanwhile_come_back(world: World) {
        let mut hall = hall_with_a_letter(world);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter.clone())]);
        let edit = hall.click(Coordinator, &shown, "Edit");
        let reject = hall.click(Coordinator, &shown, "Reject");
        hall.slash(Owner, "/approve decide", &[("approval", letter), ("choice", json!("approve"))]);
        let late = hall.submit(Coordinator, edit.modal(), &[("Subject", "Too late"), ("body", &long())]);
        assert!(late.shown().contains("approved by Olga Owens"), "{}", late.shown());
        assert_eq!(file(&late), format!("subject: Too late\n\nbody: {}", long()));
        let late = hall.submit(Coordinator, reject.modal(), &[("Why not", "The roof was never looked at")]);
        let said = late.shown();
        assert!(said.contains("approved by Olga Owens") && said.contains("| The roof was never looked at"), "{said}");
    }

    fn words_for_a_letter_that_was_sent_back_meanwhile_are_its_next_version(world: World) {
        let mut hall = hall_with_a_letter(world);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter.clone())]);
        let edit = hall.click(Coordinator, &shown, "Edit");
        hall.slash(Owner, "/approve decide", &[
            ("approval", letter), ("choice", json!("request_changes")), ("why", json!("Say who was there")),
        ]);
        let taken = hall.submit(Coordinator, edit.modal(), &[("Subject", "The inspection is done")]);
        assert!(taken.shown().contains("has version 2 now"), "{}", taken.shown());
    }

    fn a_reason_for_a_letter_that_is_another_one_by_now_is_kept(world: World) {
        let mut hall = hall_with_a_letter(world);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter.clone())]);
        let changes = hall.click(Coordinator, &shown, "Request changes");
        let beside = hall.slash(Admin, "/approve show", &[("approval", letter)]);
        let edit = hall.click(Admin, &beside, "Edit");
        hall.submit(Admin, edit.modal(), &[("Subject", "Another subject")]);
        let late = hall.submit(Coordinator, changes.modal(), &[("What would have to change", "Say who was there")]);
        assert!(late.shown().contains("Another subject"), "{}", late.shown());
        let form = hall.click(Coordinator, &late, AGAIN);
        assert_eq!(value(form.modal(), "What"), "Say who was there");
        let sent = hall.submit(Coordinator, form.modal(), &[]);
        assert!(sent.shown().contains("sent back for changes by Cora"), "{}", sent.shown());
    }

    fn a_letter_that_comes_while_the_database_is_stuck_stands_in_the_answer(world: World) {
        let limits = Limits { wait: Duration::from_secs(60), ..Place::usual_limits() };
        let mut hall = Hall::patient(world, limits, 2).linked();
        let deal = hall.world.peopled_deal("12 Oak Street");
        hall.world.draft_for_the_buyer(deal);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter)]);
        let form = hall.click(Coordinator, &shown, "Edit");
        let held = freeze(&hall);
        let said = hall.wait(hall.at(Coordinator).submit(form.modal(), &[("Subject", "Done"), ("body", &long())]));
        assert!(said.ephemeral && said.took < Duration::from_secs(1), "{said:?}");
        hall.wait(hall.discord.until("the words come back", |_| said.again().shown().contains("what-you-typed.txt")));
        drop(held);
        assert_eq!(file(&said), format!("subject: Done\n\nbody: {}", long()));
    }

    fn a_form_of_another_version_gives_its_words_back(world: World) {
        let mut hall = hall_with_a_letter(world);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter)]);
        let mut old = hall.click(Coordinator, &shown, "Reject").modal().clone();
        old.id = old.id.replacen("mp:", "mp:0", 1);
        let said = hall.submit(Coordinator, &old, &[("Why not", "The roof *leaks*")]);
        assert!(said.shown().contains("another version") && said.shown().contains("| The roof \\*leaks\\*"), "{}", said.shown());
    }

    fn words_that_say_what_is_not_so_are_kept_back_and_chat_says_why(world: World) {
        let mut hall = hall_with_a_letter(world);
        let letter = hall.pick(Coordinator, "/approve show", "approval", "buyer");
        let shown = hall.slash(Coordinator, "/approve show", &[("approval", letter)]);
        let form = hall.click(Coordinator, &shown, "Edit");
        hall.transcript();
        let wrong = &[("Subject", "Come and see"), ("body", "Please come to the house on May 3, 2031.")];
        let kept_back = hall.submit(Coordinator, form.modal(), wrong);
        // The way on is at hand, and has the words in it.
        hall.click(Coordinator, &kept_back, "Edit");
        let letter = hall.pick(Owner, "/approve show", "approval", "come and see");
        let shown = hall.slash(Owner, "/approve show", &[("approval", letter.clone())]);
        assert!(!shown.message().buttons().contains(&"Approve".to_owned()), "{}", shown.shown());
        let decide = |hall: &mut Hall, despite: Option<&str>| {
            let mut options = vec![("approval", letter.clone()), ("choice", json!("approve"))];
            options.extend(despite.map(|why| ("despite", json!(why))));
            hall.slash(Owner, "/approve decide", &options)
        };
        decide(&mut hall, None);
        decide(&mut hall, Some("Ann asked for a day in spring"));
        assert_snapshot!("a_letter_kept_back", hall.transcript());
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
            let told = ["so nothing was done", "There is nothing left to decide", "The database is busy", "(thinking)"].iter().any(|words| shown.contains(words));
            assert!(told, "{shown}");
        }
    }
}
