//! What the bot posts by itself: people press its buttons, and it says what became of it.

use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::followup::propose::{EditDraft, edit as edit_draft};
use domain::deals::milestone::ops::{AddMilestone, add};
use domain::delivery::settings::ops::{EditSettings, edit};
use domain::workspace::access::Role::{Admin, Coordinator, Member, Owner};
use harness::fake_discord::Channel;
use harness::{World, on_both};
use host::dispatch::Dispatcher;
use insta::assert_snapshot;
use serde_json::json;

use super::hall::Hall;
use crate::cards::cards_follow;
use crate::reminders::{quiet_but, sweep};
use crate::trouble::process;

/// The team reads in this channel, and one process sends.
fn with_a_sender(world: World) -> (Hall, Dispatcher) {
    let mut hall = Hall::open(world);
    let channel = json!(hall.channel.as_ref());
    hall.slash(Owner, "/setup", &[("channel", channel)]);
    let process = process(&hall.world, &hall.discord);
    hall.transcript();
    (hall, process)
}

/// What loops do until nothing is left to do; then the channel as everybody sees it, newest last.
fn posts(hall: &mut Hall, process: &Dispatcher) -> Vec<String> {
    sweep(&hall.world);
    for _ in 0..3 {
        cards_follow(&hall.world);
        hall.wait(process.round());
        hall.world.seconds_pass(2);
    }
    let messages = hall.discord.channel_messages(&hall.channel);
    let shown: String =
        messages.iter().map(|message| format!("{}\n\n", small_print_off(&message.shown()))).collect();
    hall.said.push_str(&format!("--- the channel ---\n{shown}"));
    messages.iter().map(|message| message.id.clone()).collect()
}

/// A message's last line of text names it for look-ups, with an id that differs each time.
fn small_print_off(shown: &str) -> String {
    shown.lines().filter(|line| !line.starts_with("-# ")).collect::<Vec<_>>().join("\n")
}

/// What stands in a button of the first message, in the row of a milestone.
fn beside(hall: &Hall, title: &str, label: &str) -> String {
    let message = &hall.discord.channel_messages(&hall.channel)[0];
    let titles: Vec<String> = message.buttons().into_iter().filter(|label| label.starts_with("Done: ")).collect();
    let row = titles.iter().position(|done| *done == format!("Done: {title}")).unwrap();
    message.custom_ids(label)[row].clone()
}

fn due_soon(world: &World, titles: &[&str]) {
    let id = world.create(&harness::deal("12 Oak Street", harness::DATES));
    quiet_but(world, id, "nothing");
    for title in titles {
        let new = AddMilestone {
            deal_id: id,
            title: (*title).into(),
            due_on: "2026-10-15".into(),
            responsible_role: None,
            remind_days_before: Some(2),
            required: None,
            notes: None,
        };
        world.act(&world.team.cora(), |cx| add(cx, &new)).unwrap();
    }
}

on_both! {
    fn a_reminder_is_worked_off_where_it_is_read(world: World) {
        let (mut hall, process) = with_a_sender(world);
        due_soon(&hall.world, &["Keys", "Photos", "Survey"]);
        let card = posts(&mut hall, &process)[0].clone();
        hall.click(Coordinator, &card, "Done: Keys");
        let snooze = beside(&hall, "Photos", "Snooze 1 d");
        let snoozed = hall.wait(hall.at(Member).click_custom(&card, &snooze));
        hall.said.push_str(&format!("mike> [Snooze 1 d] of Photos\n{}\n\n", snoozed.shown()));
        let waive = beside(&hall, "Survey", "Waive");
        let form = hall.wait(hall.at(Coordinator).click_custom(&card, &waive));
        hall.submit(Coordinator, form.modal(), &[("Why it is not needed", "The lender does not ask for it")]);
        // Mike had the card open all the while.
        let keys = hall.wait(hall.at(Member).click(&card, "Done: Keys"));
        hall.said.push_str(&format!("mike> [Done: Keys]\n{}\n\n", keys.shown()));
        posts(&mut hall, &process);
        assert_snapshot!("a_reminder_is_worked_off", hall.transcript());
    }

    fn a_press_on_what_changed_since_says_how_it_is_now(world: World) {
        let (mut hall, process) = with_a_sender(world);
        due_soon(&hall.world, &["Keys"]);
        let card = posts(&mut hall, &process)[0].clone();
        let done = hall.discord.channel_messages(&hall.channel)[0].custom_id("Done");
        let keys = hall.pick(Coordinator, "/milestone edit", "milestone", "keys");
        let asked = hall.slash(Coordinator, "/milestone edit", &[("milestone", keys), ("due", json!("oct 20"))]);
        hall.click(Coordinator, &asked, "Yes");
        let late = hall.wait(hall.at(Coordinator).click_custom(&card, &done));
        assert!(late.shown().contains("changed since the card was drawn"), "{}", late.shown());
        // Its own buttons are of what is so now.
        let done = hall.wait(hall.at(Coordinator).click(&late, "Done"));
        assert!(done.shown().contains("done. By Cora Castillo"), "{}", done.shown());
    }

    fn a_reason_for_what_changed_meanwhile_is_not_typed_twice(world: World) {
        let (mut hall, process) = with_a_sender(world);
        due_soon(&hall.world, &["Keys"]);
        let card = posts(&mut hall, &process)[0].clone();
        let form = hall.click(Coordinator, &card, "Waive");
        let keys = hall.pick(Coordinator, "/milestone edit", "milestone", "keys");
        let asked = hall.slash(Coordinator, "/milestone edit", &[("milestone", keys), ("due", json!("oct 20"))]);
        hall.click(Coordinator, &asked, "Yes");
        let late = hall.submit(Coordinator, form.modal(), &[("Why it is not needed", "They were handed over")]);
        assert!(late.shown().contains("changed since the card was drawn"), "{}", late.shown());
        let again = hall.click(Coordinator, &late, "Open the form again, as you filled it in");
        assert_eq!(again.modal().fields[0].value, "They were handed over");
        let done = hall.submit(Coordinator, again.modal(), &[]);
        assert!(done.shown().contains("waived. By Cora Castillo. Reason: They were handed over"), "{}", done.shown());
        // Now there is nothing left to waive, and what was typed is not lost either.
        let over = hall.submit(Coordinator, again.modal(), &[("Why it is not needed", "And nobody asked")]);
        assert!(over.shown().contains("| And nobody asked"), "{}", over.shown());
    }

    fn a_button_works_after_a_restart(world: World) {
        let (mut hall, process) = with_a_sender(world);
        due_soon(&hall.world, &["Keys"]);
        let card = posts(&mut hall, &process)[0].clone();
        hall.stop();
        hall.listen();
        let form = hall.click(Coordinator, &card, "Waive");
        hall.submit(Coordinator, form.modal(), &[("Why it is not needed", "Lost")]);
        posts(&mut hall, &process);
        let now = hall.discord.channel_messages(&hall.channel)[0].shown();
        assert!(now.contains("waived by Cora Castillo"), "{now}");
    }

    fn nobody_is_offered_to_approve_what_nobody_can(world: World) {
        let (mut hall, process) = with_a_sender(world);
        let deal = hall.world.peopled_deal("12 Oak Street");
        let draft = hall.world.draft_for_the_buyer(deal);
        let words = EditDraft { id: draft.id, version: None, subject: None, body: Some("Come on May 3, 2031.".into()) };
        hall.world.act(&hall.world.team.cora(), |cx| edit_draft(cx, &words)).unwrap();
        posts(&mut hall, &process);
        let all = hall.discord.channel_messages(&hall.channel);
        let card = all.into_iter().find(|message| message.shown().contains("needs an edit before")).unwrap();
        assert_eq!(card.buttons(), ["Edit", "Request changes", "Reject", "Read all"]);
        let whole = hall.click(Owner, &card, "Read all");
        assert_eq!(whole.message().buttons(), ["Edit", "Request changes", "Reject"]);
        assert!(whole.shown().contains("Nobody can say yes to it as it is"), "{}", whole.shown());
    }

    fn nothing_a_team_says_goes_into_the_server_of_another_team(world: World) {
        let (mut hall, process) = with_a_sender(world);
        let other = hall.world.found("hillside", "hillside.example");
        let guilds = ["Hillside Realty", "Hillside Lending"].map(|name| hall.discord.guild(name));
        let [theirs, nobodys] = guilds.each_ref().map(|guild| guild.channel("general"));
        let links = |hall: &Hall, n: usize| {
            let hilda = other.members[&Owner].id;
            let code = hall.world.act(&other.as_(Owner), |cx| domain::people::chat::ops::make_code(cx, hilda)).unwrap();
            let at = guilds[n].admin("hilda").in_channel(if n == 0 { &theirs } else { &nobodys });
            let said = hall.wait(at.slash("/setup", &[("code", json!(code))]));
            assert!(said.shown().contains("This server is linked"), "{}", said.shown());
        };
        let reads_in = |hall: &Hall, id: &str| {
            let place = json!({ "channel": "discord", "address": id });
            let set = EditSettings { version: None, set: [("team_channel".to_owned(), place)].into_iter().collect() };
            hall.world.act(&hall.world.team.as_(Admin), |cx| edit(cx, &set)).unwrap();
        };
        let seen = |hall: &Hall, channel: &Channel| {
            hall.discord.channel_messages(channel).iter().map(|message| message.shown()).collect::<Vec<_>>()
        };
        links(&hall, 0);
        reads_in(&hall, &theirs.id);
        due_soon(&hall.world, &["Keys"]);
        posts(&mut hall, &process);
        assert_eq!(seen(&hall, &theirs), [""; 0]);
        let query = format!(
            "SELECT status || ': ' || reason AS line FROM messages WHERE workspace_id = '{}' AND channel = 'discord'",
            hall.world.team.id
        );
        let ends = hall.world.lines(&hall.world.team, &query);
        assert!(ends.len() == 1 && ends[0].starts_with("failed: This channel is in a server that is linked to another"), "{ends:?}");
        let said = hall.slash(Owner, "/settings check", &[]).shown();
        assert!(said.contains("Nothing goes to #general since") && said.contains("linked to another workspace"), "{said}");
        // The channel of one deal is asked about as well.
        reads_in(&hall, &hall.channel.id);
        let deal = hall.world.create(&harness::deal("7 Elm Street", harness::DATES));
        let there = EditDeal { chat_channel: Some(theirs.id.clone()), ..EditDeal::of(deal) };
        hall.world.act(&hall.world.team.cora(), |cx| edit_deal(cx, &there)).unwrap();
        hall.world.hours_pass(24);
        posts(&mut hall, &process);
        assert_eq!(seen(&hall, &theirs), [""; 0]);
        // Where nobody has linked the server, whoever is invited writes; once somebody has, others change nothing there.
        reads_in(&hall, &nobodys.id);
        due_soon(&hall.world, &["Photos"]);
        posts(&mut hall, &process);
        let before = seen(&hall, &nobodys);
        assert!(before.len() == 1 && before[0].contains("Photos"), "{before:?}");
        links(&hall, 1);
        let photos = hall.pick(Coordinator, "/milestone complete", "milestone", "photos");
        hall.slash(Coordinator, "/milestone complete", &[("milestone", photos)]);
        posts(&mut hall, &process);
        assert_eq!(seen(&hall, &nobodys), before);
    }

    fn a_letter_is_decided_about_where_the_team_talks(world: World) {
        let (mut hall, process) = with_a_sender(world);
        let deal = hall.world.peopled_deal("12 Oak Street");
        hall.world.draft_for_the_buyer(deal);
        posts(&mut hall, &process);
        hall.transcript();
        let of_the_buyer = |hall: &Hall| {
            let all = hall.discord.channel_messages(&hall.channel);
            all.into_iter().find(|message| message.shown().contains("to the buyer,")).unwrap()
        };
        let card = of_the_buyer(&hall);
        let approve = card.custom_id("Approve");
        hall.click(Owner, &card, "Read all");
        hall.click(Member, &card, "Approve");
        hall.click(Owner, &card, "Approve");
        hall.click(Admin, &card, "Approve");
        posts(&mut hall, &process);
        hall.transcript();
        let now = of_the_buyer(&hall);
        assert!(now.shown().contains("Olga Owens"), "{}", now.shown());
        assert!(now.buttons().is_empty(), "{}", now.shown());
        let late = hall.wait(hall.at(Admin).click_custom(&now, &approve));
        assert!(late.shown().contains("by Olga Owens"), "{}", late.shown());
    }
}
