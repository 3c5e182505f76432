//! What the bot posted stays true: a card shows what can be done, and later what was done, by whom and wherever.

use domain::deals::deal::DealStatus;
use domain::deals::deal::ops::{EditDeal, edit as edit_deal, end};
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, WaiveMilestone, add, edit, remove, waive};
use domain::deals::posted::{Followed, follow};
use domain::delivery::outbox::view::{ListDeliveries, list};
use domain::delivery::outbox::{Outcome, ops as outbox};
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::page::Ask;
use domain::people::reach::Channel;
use domain::workspace::access::Role;
use harness::peers::{FakeDiscord, Fault, How};
use harness::{DATES, World, deal, not_sent, on_both, report, unclear};
use host::dispatch::Dispatcher;
use serde_json::{Value, json};

use crate::reminders::{quiet_but, sweep};
use crate::told::{has_verified, prefers};
use crate::trouble::process;

/// Chat with one process that writes into it.
pub struct Chat {
    pub discord: FakeDiscord,
    pub process: Dispatcher,
}

pub fn chat(world: &World) -> Chat {
    let discord = FakeDiscord::start(world.host.clock());
    let process = process(world, &discord);
    let set = json!({ "team_channel": { "channel": "discord", "address": "77" } });
    let set = EditSettings { version: None, set: set.as_object().unwrap().clone() };
    world.act(&world.team.as_(Role::Admin), |cx| edit_settings(cx, &set)).unwrap();
    Chat { discord, process }
}

impl Chat {
    /// What loops do until nothing is left to do.
    pub fn settles(&self, world: &World) {
        sweep(world);
        for _ in 0..3 {
            cards_follow(world);
            world.wait_for(self.process.round());
            world.seconds_pass(2);
        }
    }

    /// The only card in a channel, as it stands there.
    #[track_caller]
    pub fn card(&self, channel: &str) -> Value {
        let posted = self.discord.posted();
        let bodies: Vec<&Value> = posted.iter().filter(|p| p.channel == channel).map(|p| &p.body).collect();
        assert_eq!(bodies.len(), 1, "{bodies:#?}");
        bodies[0].clone()
    }

    /// What is written on it, and its buttons.
    #[track_caller]
    pub fn reads(&self, channel: &str) -> (String, Vec<String>) {
        let card = self.card(channel);
        (card["content"].as_str().unwrap().to_owned(), labels(&card))
    }
}

pub fn labels(card: &Value) -> Vec<String> {
    let rows = card["components"].as_array().cloned().unwrap_or_default();
    let row = |row: &Value| {
        let all = row["components"].as_array().unwrap().iter();
        all.map(|button| button["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" | ")
    };
    rows.iter().map(row).collect()
}

pub fn cards_follow(world: &World) -> Followed {
    world.act(&world.machine(&world.team), |cx| follow(cx, 50)).unwrap()
}

pub fn oak_street(world: &World, titles: &[&str]) -> (DealId, Vec<MilestoneId>) {
    let id = world.create(&deal("12 Oak Street", DATES));
    quiet_but(world, id, "nothing");
    let new = |title: &&str| AddMilestone {
        deal_id: id,
        title: (*title).into(),
        due_on: "2026-10-15".into(),
        responsible_role: None,
        remind_days_before: Some(2),
        required: None,
        notes: None,
    };
    let cora = world.team.cora();
    let all =
        titles.iter().map(|title| world.act(&cora, |cx| add(cx, &new(title))).unwrap().milestone.id).collect();
    (id, all)
}

pub fn edits(world: &World) -> Vec<String> {
    let query = format!(
        "SELECT status AS line FROM messages WHERE workspace_id = '{}' AND edits IS NOT NULL ORDER BY id",
        world.team.id
    );
    world.lines(&world.team, &query)
}

on_both! {
    fn a_reminder_in_chat_has_what_can_be_done_about_each_milestone(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys"]);
        chat.settles(&world);
        let (text, buttons) = chat.reads("77");
        assert!(text.contains("Keys"), "{text}");
        assert_eq!(buttons, ["Done | Snooze 1 d | Waive"]);
        let name = chat.card("77")["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
        assert_eq!(name, format!("mp:1:done:{}:1", all[0].0.simple()));
        assert_eq!(chat.discord.mistakes(), [""; 0]);
    }

    fn many_milestones_share_a_card_and_the_rest_is_behind_its_last_row(world: World) {
        let chat = chat(&world);
        oak_street(&world, &["A", "B", "C", "D", "E", "F"]);
        chat.settles(&world);
        let (_, buttons) = chat.reads("77");
        assert!(buttons[..4].iter().all(|row| row.starts_with("Done: ") && row.ends_with(" | Snooze 1 d | Waive")));
        assert_eq!((buttons.len(), buttons[4].as_str()), (5, "All 6\u{2026}"));
    }

    fn a_card_says_who_completed_it_although_that_was_done_at_the_command_line(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys", "Walk-through", "Photos"]);
        chat.settles(&world);
        let small_print = |text: &str| text.lines().last().unwrap().to_owned();
        let (before, _) = chat.reads("77");
        let done_at = world.now().as_second();
        world.complete(all[0]);
        let waived = WaiveMilestone { id: all[1], version: None, reason: Some("The buyer was there".into()) };
        world.act(&world.team.as_(Role::Admin), |cx| waive(cx, &waived)).unwrap();
        chat.settles(&world);
        let (text, buttons) = chat.reads("77");
        assert!(text.contains(&format!("~~Keys~~: done by Cora Castillo, <t:{done_at}:R>")), "{text}");
        assert!(text.contains("~~Walk\\-through~~: waived by Adam Adler") || text.contains("~~Walk-through~~: waived by Adam Adler"), "{text}");
        assert_eq!(buttons, ["Done: Photos | Snooze 1 d | Waive"]);
        assert_eq!(small_print(&text), small_print(&before));
        world.act(&world.team.cora(), |cx| remove(cx, all[2], None, None)).unwrap();
        chat.settles(&world);
        let (text, buttons) = chat.reads("77");
        assert!(text.contains("~~Photos~~: removed"), "{text}");
        assert_eq!(buttons, [""; 0]);
        assert_eq!(chat.discord.mistakes(), [""; 0]);
    }

    fn a_card_shows_a_new_date_a_new_title_and_what_was_opened_again(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys", "Photos"]);
        chat.settles(&world);
        let cora = world.team.cora();
        let moved = EditMilestone { due_on: Some("2027-02-10".into()), ..EditMilestone::of(all[0]) };
        world.act(&cora, |cx| edit(cx, &moved)).unwrap();
        let named = EditMilestone { title: Some("Photos of the house".into()), ..EditMilestone::of(all[1]) };
        world.act(&cora, |cx| edit(cx, &named)).unwrap();
        chat.settles(&world);
        let posted = chat.discord.posted();
        let text = posted[0].body["content"].as_str().unwrap();
        assert!(text.contains("Keys: moved to Wednesday 10 February 2027"), "{text}");
        assert!(text.contains("Photos of the house"), "{text}");
        world.complete(all[1]);
        chat.settles(&world);
        assert_eq!(labels(&chat.discord.posted()[0].body).len(), 1);
        let again = EditMilestone { reopen: Some(true), ..EditMilestone::of(all[1]) };
        world.act(&cora, |cx| edit(cx, &again)).unwrap();
        chat.settles(&world);
        assert_eq!(labels(&chat.discord.posted()[0].body).len(), 2);
    }

    fn a_deal_that_ends_takes_the_buttons_off_its_cards(world: World) {
        let chat = chat(&world);
        let (id, _) = oak_street(&world, &["Keys"]);
        chat.settles(&world);
        world.act(&world.team.as_(Role::Admin), |cx| end(cx, id, DealStatus::Cancelled, None)).unwrap();
        chat.settles(&world);
        let (text, buttons) = chat.reads("77");
        assert!(text.contains("The deal is cancelled"), "{text}");
        assert_eq!(buttons, [""; 0]);
    }

    fn an_edit_is_decided_about_before_it_leaves_and_stored_and_is_no_message_of_its_own(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys"]);
        chat.settles(&world);
        let listed = |world: &World| {
            let page = world.look(&world.team.cora(), |cx| list(cx, &ListDeliveries::default(), &Ask::default()));
            page.unwrap().items.len()
        };
        let before = listed(&world);
        world.complete(all[0]);
        chat.settles(&world);
        let stands = format!(
            "SELECT m.status || ' ' || d.verdict || ' ' || CASE WHEN d.content_hash = m.content_hash THEN 'same' END AS line \
             FROM messages m JOIN attempts a ON a.workspace_id = m.workspace_id AND a.message_id = m.id \
             JOIN decisions d ON d.workspace_id = a.workspace_id AND d.id = a.decision_id \
             WHERE m.workspace_id = '{}' AND m.edits IS NOT NULL",
            world.team.id
        );
        assert_eq!(world.lines(&world.team, &stands), ["sent allow same"]);
        assert_eq!((chat.discord.posted().len(), chat.discord.changes()), (1, 1));
        assert_eq!(listed(&world), before);
        world.log_is_whole(&world.team);
    }

    fn two_replicas_edit_once(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys"]);
        chat.settles(&world);
        world.complete(all[0]);
        let drawn: usize = std::thread::scope(|threads| {
            let running: Vec<_> = (0..4).map(|_| threads.spawn(|| cards_follow(&world).drawn)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(drawn, 1);
        let other = process(&world, &chat.discord);
        world.wait_for(async { tokio::join!(chat.process.round(), other.round()) });
        assert_eq!((edits(&world), chat.discord.changes()), (vec!["sent".to_owned()], 1));
    }

    fn a_card_whose_message_was_deleted_is_left_alone(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys", "Photos"]);
        chat.settles(&world);
        chat.discord.delete_message(&chat.discord.posted()[0].id);
        let told = world.count(&world.team, "messages");
        world.complete(all[0]);
        chat.settles(&world);
        assert_eq!(edits(&world), ["failed"]);
        assert_eq!(world.count(&world.team, "messages"), told + 1, "nobody is alerted");
        assert_eq!(world.count(&world.team, "gone_addresses"), 0);
        world.complete(all[1]);
        chat.settles(&world);
        assert_eq!(edits(&world), ["failed"]);
    }

    fn an_edit_that_may_have_arrived_goes_again_and_the_last_one_is_what_stays(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys", "Photos"]);
        chat.settles(&world);
        world.complete(all[0]);
        cards_follow(&world);
        let claimed = world.claim(10);
        assert_eq!(claimed.cleared.len(), 1);
        // The process dies between the claim and the answer.
        world.a_lease_passes();
        world.complete(all[1]);
        cards_follow(&world);
        assert_eq!(edits(&world), ["sending", "queued"]);
        world.wait_for(chat.process.round());
        world.seconds_pass(5);
        world.wait_for(chat.process.round());
        assert_eq!(edits(&world), ["cancelled", "sent"]);
        let (text, buttons) = chat.reads("77");
        assert!(text.contains("~~Keys~~") && text.contains("~~Photos~~"), "{text}");
        assert_eq!(buttons, [""; 0]);
    }

    fn an_unclear_edit_is_simply_sent_again(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys"]);
        chat.settles(&world);
        world.complete(all[0]);
        cards_follow(&world);
        for outcome in [unclear(), not_sent(None), unclear()] {
            let claimed = world.claim(10);
            assert_eq!((claimed.cleared.len(), claimed.look_ups.len()), (1, 0));
            world.settle(&[report(&claimed.cleared[0], world.now(), outcome)]);
            world.seconds_pass(600);
        }
        chat.settles(&world);
        assert_eq!((edits(&world), chat.discord.changes()), (vec!["sent".to_owned()], 1));
    }

    fn what_goes_wrong_with_an_edit_asks_for_it_no_more_often_than_it_helps(world: World) {
        let chat = chat(&world);
        let mut all = Vec::new();
        let rows: [(&str, Fault); 11] = [
            ("429, 1", Fault::slow_down(Some("1"))),
            ("429, 1336", Fault::slow_down(Some("1336"))),
            ("429, -1", Fault::slow_down(Some("-1"))),
            ("429", Fault::slow_down(None)),
            ("500", Fault::status(500)),
            ("502 though taken", Fault::status(502).though_taken()),
            ("a reset", Fault::after_taking(How::Reset)),
            ("a cut body", Fault::after_taking(How::CutBody)),
            ("a ban page", Fault::ban_page()),
            ("404", Fault::status(404)),
            ("403", Fault::status(403)),
        ];
        for (name, fault) in rows {
            let (_, milestones) = oak_street(&world, &["Keys"]);
            chat.settles(&world);
            world.complete(milestones[0]);
            cards_follow(&world);
            let edit = "PATCH /channels/*/messages/*";
            let before = chat.discord.count(edit);
            chat.discord.fail_next(edit, fault);
            let mut asked_at = Vec::new();
            for second in (0..1_800).step_by(6) {
                world.wait_for(chat.process.round());
                let asked = chat.discord.count(edit) - before;
                asked_at.extend(std::iter::repeat_n(second, asked - asked_at.len()));
                world.seconds_pass(6);
            }
            let end = edits(&world).pop().unwrap();
            all.push(format!("{name}: asked after {asked_at:?} seconds, {end}"));
        }
        insta::assert_snapshot!("edits_that_went_wrong", all.join("\n"));
        world.log_is_whole(&world.team);
    }

    fn a_card_waits_for_its_message_and_a_message_that_never_left_has_nothing_to_edit(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys", "Photos"]);
        sweep(&world);
        let claimed = world.claim(10);
        world.complete(all[0]);
        cards_follow(&world);
        assert_eq!(edits(&world), [""; 0]);
        let refused = Outcome::Refused { why: "no".into(), gone: false };
        let reports: Vec<_> = claimed.cleared.iter().map(|c| report(c, world.now(), refused.clone())).collect();
        world.settle(&reports);
        world.seconds_pass(60);
        chat.settles(&world);
        assert_eq!(edits(&world), [""; 0]);
        assert_eq!(cards_follow(&world), Followed::default());
    }

    fn edits_wait_while_everything_is_held(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys"]);
        chat.settles(&world);
        let cora = world.team.cora();
        world.act(&cora, |cx| outbox::hold(cx, "a look first")).unwrap();
        world.complete(all[0]);
        chat.settles(&world);
        assert_eq!((edits(&world), chat.discord.changes()), (vec!["queued".to_owned()], 0));
        world.act(&cora, outbox::resume).unwrap();
        chat.settles(&world);
        assert_eq!((edits(&world), chat.discord.changes()), (vec!["sent".to_owned()], 1));
    }

    fn who_answers_is_called_once_and_nobody_else_whatever_a_title_says(world: World) {
        let chat = chat(&world);
        has_verified(&world, Role::Member, Channel::Discord, "500600700");
        prefers(&world, Role::Member, &[("discord", "500600700")]);
        has_verified(&world, Role::Member, Channel::Discord, "500600700");
        let (_, all) = oak_street(&world, &["Keys", "Photos"]);
        let cora = world.team.cora();
        let hers = EditMilestone {
            title: Some("@everyone <@111> ~~*Keys*~~".into()),
            responsible_member_email: Some("mike@example.com".into()),
            ..EditMilestone::of(all[0])
        };
        world.act(&cora, |cx| edit(cx, &hers)).unwrap();
        chat.settles(&world);
        let card = chat.card("77");
        assert_eq!(card["allowed_mentions"], json!({ "parse": [], "users": ["500600700"] }));
        let text = card["content"].as_str().unwrap();
        assert!(text.starts_with("<@500600700>") && text.contains("\\@everyone \\<\\@111\\>"), "{text}");
        assert!(labels(&card).iter().any(|row| row.starts_with("Done: @everyone <@111> ~~*Keys*~~")), "{card}");
        world.complete(all[0]);
        chat.settles(&world);
        let card = chat.card("77");
        assert_eq!(card["allowed_mentions"], json!({ "parse": [] }));
        assert!(card["content"].as_str().unwrap().contains("~~\\@everyone \\<\\@111\\> \\~\\~\\*Keys\\*\\~\\~~~: done by"), "{card}");
        assert_eq!(chat.discord.mistakes(), [""; 0]);
    }

    fn a_member_who_reads_in_chat_has_the_same_buttons(world: World) {
        let chat = chat(&world);
        prefers(&world, Role::Member, &[("discord", "500600700"), ("reminder.discord", "on")]);
        has_verified(&world, Role::Member, Channel::Discord, "500600700");
        let (_, all) = oak_street(&world, &["Keys"]);
        let his = EditMilestone { responsible_member_email: Some("mike@example.com".into()), ..EditMilestone::of(all[0]) };
        world.act(&world.team.cora(), |cx| edit(cx, &his)).unwrap();
        chat.settles(&world);
        let direct: Vec<Value> = chat.discord.posted().into_iter().filter(|p| p.channel != "77").map(|p| p.body).collect();
        assert_eq!(direct.len(), 1);
        assert_eq!(labels(&direct[0]), ["Done | Snooze 1 d | Waive"]);
        world.complete(all[0]);
        chat.settles(&world);
        assert_eq!(chat.discord.changes(), 2);
        assert!(chat.discord.posted().iter().all(|p| labels(&p.body).is_empty()));
    }

    fn a_card_is_left_as_it_is_after_a_month(world: World) {
        let chat = chat(&world);
        let (id, all) = oak_street(&world, &["Keys"]);
        chat.settles(&world);
        world.hours_pass(31 * 24);
        world.complete(all[0]);
        cards_follow(&world);
        assert_eq!(edits(&world), [""; 0]);
        let named = EditDeal { title: Some("14 Oak Street".into()), ..EditDeal::of(id) };
        world.act(&world.team.cora(), |cx| edit_deal(cx, &named)).unwrap();
        assert_eq!(cards_follow(&world), Followed::default());
    }
}
