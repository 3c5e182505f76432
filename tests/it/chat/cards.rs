//! What the bot posts by itself: people press its buttons, and it says what became of it.

use std::pin::Pin;

use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::followup::propose::{EditDraft, edit as edit_draft};
use domain::deals::followup::review::{Decide, decide};
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, add, edit as edit_milestone};
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::kernel::Cx;
use domain::kernel::id::MilestoneId;
use domain::workspace::access::Role::{Admin, Coordinator, Member, Owner};
use domain::workspace::approval::ops::get;
use domain::workspace::approval::{ApprovalState, Choice};
use harness::fake_discord::{Channel, FakeDiscord, Said};
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

/// Olga or Adam, and then once more Olga or Adam.
fn two_stages(world: &World) {
    let stages = json!({ "draft_stages": ["any of role:owner + role:admin", "any of role:owner + role:admin"] });
    let stages = EditSettings { version: None, set: stages.as_object().unwrap().clone() };
    world.act(&world.team.as_(Admin), |cx| edit_settings(cx, &stages)).unwrap();
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

    fn two_who_press_done_and_change_the_date_at_the_same_moment_do_not_both_get_their_way(world: World) {
        let (mut hall, process) = with_a_sender(world);
        due_soon(&hall.world, &["Keys", "Photos", "Survey"]);
        let card = posts(&mut hall, &process)[0].clone();
        let form = hall.wait(hall.at(Admin).click_custom(&card, &beside(&hall, "Survey", "Waive")));
        let ids: Vec<MilestoneId> = ["Keys", "Photos", "Survey"]
            .iter()
            .map(|title| hall.pick(Coordinator, "/milestone edit", "milestone", title).as_str().unwrap().parse().unwrap())
            .collect();
        let all_later = move |cx: &mut Cx<'_>| {
            ids.iter().try_for_each(|id| {
                let due = EditMilestone { due_on: Some("2026-10-20".into()), ..EditMilestone::of(*id) };
                edit_milestone(cx, &due).map(drop)
            })
        };
        let at = hall.at(Admin);
        let presses: Vec<Pin<Box<dyn Future<Output = Said> + Send>>> = vec![
            Box::pin(at.click(&card, "Done: Keys")),
            Box::pin(at.click_custom(&card, &beside(&hall, "Photos", "Snooze 1 d"))),
            Box::pin(at.submit(form.modal(), &[("Why it is not needed", "Nobody asked")])),
        ];
        for said in hall.pressed_during(Coordinator, all_later, presses) {
            let shown = said.shown();
            assert!(shown.contains("changed since the card was drawn") && shown.contains("20 Oct"), "{shown}");
        }
    }

    fn a_yes_is_a_yes_to_the_stage_that_was_on_the_card(world: World) {
        let (mut hall, process) = with_a_sender(world);
        two_stages(&hall.world);
        let deal = hall.world.peopled_deal("12 Oak Street");
        let draft = hall.world.draft_for_the_buyer(deal);
        posts(&mut hall, &process);
        let all = hall.discord.channel_messages(&hall.channel);
        let card = all.into_iter().find(|message| message.shown().contains("to the buyer,")).unwrap();
        let (edit, reject) = (hall.click(Owner, &card, "Edit"), hall.click(Owner, &card, "Reject"));
        // Olga sees the first stage, and Adam says yes to it while her press is on its way.
        let id = draft.approval_id.unwrap();
        let yes = Decide::of(id, Choice::Approve);
        let olga = hall.at(Owner);
        let presses: Vec<Pin<Box<dyn Future<Output = Said> + Send>>> = vec![
            Box::pin(olga.click(&card, "Approve")),
            Box::pin(olga.submit(reject.modal(), &[("Why not", "The roof")])),
            Box::pin(olga.submit(edit.modal(), &[("Subject", "Another one")])),
        ];
        let late = hall.pressed_during(Admin, move |cx| decide(cx, &yes), presses);
        for said in &late {
            let shown = said.shown();
            assert!(shown.contains("so nothing was done. It is pending, in stage 2"), "{shown}");
        }
        let stands = |hall: &Hall| hall.world.look(&hall.world.team.cora(), |cx| get(cx, id)).unwrap();
        let now = stands(&hall);
        assert_eq!((now.approval.state, now.approval.stage, now.votes.len()), (ApprovalState::Pending, 2, 1));
        // What she typed waits for her, and what she reads now has buttons for the stage that is open.
        let form = hall.click(Owner, &late[1], "Open the form again, as you filled it in");
        assert_eq!(form.modal().fields[0].value, "The roof");
        let done = hall.click(Owner, &late[0], "Approve");
        assert!(done.shown().contains("is approved by Olga Owens"), "{}", done.shown());
    }

    fn of_two_yeses_at_once_one_counts_for_each_stage_that_was_read(world: World) {
        let (mut hall, process) = with_a_sender(world);
        two_stages(&hall.world);
        let deal = hall.world.peopled_deal("12 Oak Street");
        hall.world.draft_for_the_buyer(deal);
        posts(&mut hall, &process);
        let cards = hall.discord.channel_messages(&hall.channel);
        let cards: Vec<_> = cards.iter().filter(|card| card.buttons().contains(&"Approve".into())).collect();
        assert_eq!(cards.len(), 4);
        let (olga, adam) = (hall.at(Owner), hall.at(Admin));
        for card in cards {
            let both = vec![olga.click(card, "Approve"), adam.click(card, "Approve")];
            let said: Vec<String> = hall.wait(FakeDiscord::at_once(both)).iter().map(Said::shown).collect();
            let kept = said.iter().filter(|said| said.contains("Your vote on") && said.contains("is kept")).count();
            let late = said.iter().filter(|said| said.contains("It is pending, in stage 2")).count();
            assert_eq!((kept, late), (1, 1), "{said:#?}");
        }
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
            hall.world.act(&hall.world.team.as_(Admin), |cx| edit_settings(cx, &set)).unwrap();
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
