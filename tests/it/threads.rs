//! What chat hears of a deal stands in the deal's own thread, where the team wants that; and what its thread does not take
//! stands in the channel, once.

use domain::deals::deal::DealStatus;
use domain::deals::deal::intake::NewDeal;
use domain::deals::deal::ops::{EditDeal, confirm, create, edit as edit_deal, end};
use domain::deals::milestone::ops::{AddMilestone, add};
use domain::delivery::gone;
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::page::Ask;
use domain::workspace::access::Role;
use harness::fake_discord::{Channel, Guild, permission};
use harness::peers::{FakeDiscord, Fault};
use harness::{DATES, World, deal, on_both};
use serde_json::json;

use crate::cards::{Chat, cards_follow, chat, labels};
use crate::reminders::{quiet_but, sweep};
use crate::trouble::process;

/// A server whose bot has a process of ours behind it, and the team's channel there.
struct Room {
    chat: Chat,
    guild: Guild,
    channel: Channel,
}

fn set(world: &World, set: serde_json::Value) {
    let set = EditSettings { version: None, set: set.as_object().unwrap().clone() };
    world.act(&world.team.as_(Role::Admin), |cx| edit_settings(cx, &set)).unwrap();
}

fn room(world: &World) -> Room {
    let discord = FakeDiscord::start(world.host.clock());
    let guild = discord.guild("Lakeside Realty");
    let channel = guild.channel("closings");
    let process = process(world, &discord);
    let place = json!({ "channel": "discord", "address": channel.id });
    set(world, json!({ "team_channel": place, "deal_threads": true }));
    Room { chat: Chat { discord, process }, guild, channel }
}

impl Room {
    fn settles(&self, world: &World) {
        self.chat.settles(world);
    }

    /// What waits leaves; nothing new is looked for.
    fn posts(&self, world: &World) {
        world.wait_for(self.chat.process.round());
        world.seconds_pass(2);
    }

    /// What stands in a channel or thread, as its lines with text, the oldest first.
    fn says(&self, place: &str) -> Vec<String> {
        let posted = self.chat.discord.posted();
        let here = posted.iter().filter(|posted| posted.channel == place);
        here.map(|posted| posted.body["content"].as_str().unwrap().to_owned()).collect()
    }

    /// How often a word is said anywhere.
    fn times(&self, word: &str) -> usize {
        let posted = self.chat.discord.posted();
        posted.iter().filter(|posted| posted.body["content"].as_str().unwrap().contains(word)).count()
    }

    /// The only thread there is.
    #[track_caller]
    fn thread(&self) -> String {
        let threads = self.chat.discord.threads(&self.channel);
        assert_eq!(threads.len(), 1);
        threads[0].id.clone()
    }

    fn asked_for_threads(&self) -> usize {
        self.chat.discord.count("POST /channels/*/messages/*/threads")
    }

    fn may_all_but(&self, bits: u64) {
        self.chat.discord.allow(&self.channel, permission::INVITED & !bits);
    }
}

/// A deal of which chat has nothing to say yet.
fn quiet(world: &World, title: &str) -> DealId {
    let id = world.create(&deal(title, DATES));
    quiet_but(world, id, "nothing");
    id
}

/// Something of which chat is to hear now.
fn comes_up(world: &World, deal_id: DealId, title: &str) -> MilestoneId {
    let new = AddMilestone {
        deal_id,
        title: title.into(),
        due_on: "2026-10-15".into(),
        responsible_role: None,
        remind_days_before: Some(2),
        required: None,
        notes: None,
    };
    world.act(&world.team.cora(), |cx| add(cx, &new)).unwrap().milestone.id
}

fn alerts(world: &World) -> usize {
    let query = format!(
        "SELECT occasion AS line FROM messages WHERE workspace_id = '{}' AND occasion LIKE 'alert:threads:%' AND channel = 'in_app'",
        world.team.id
    );
    world.lines(&world.team, &query).len()
}

on_both! {
    fn what_is_said_of_a_deal_stands_in_its_thread(world: World) {
        let room = room(&world);
        let deal = quiet(&world, "12 Oak Street");
        room.settles(&world);
        let opening = room.says(&room.channel.id);
        assert_eq!(opening.len(), 1);
        for part in ["**12 Oak Street**", "Chicago, IL 60601", "Closing on", "Owner: Cora Castillo", "its thread"] {
            assert!(opening[0].contains(part), "{part}: {}", opening[0]);
        }
        assert_eq!(room.asked_for_threads(), 0, "nothing is to be said in it yet");
        comes_up(&world, deal, "Keys");
        room.settles(&world);
        comes_up(&world, deal, "Photos");
        room.settles(&world);
        let thread = room.thread();
        let said = room.says(&thread);
        assert!(said.len() == 2 && said[0].contains("Keys") && said[1].contains("Photos"), "{said:?}");
        assert_eq!(room.says(&room.channel.id).len(), 1);
        assert_eq!(room.chat.discord.threads(&room.channel)[0].name, "12 Oak Street");
        assert_eq!(room.asked_for_threads(), 1);
        assert_eq!(room.chat.discord.mistakes(), [""; 0]);
        world.log_is_whole(&world.team);
    }

    fn until_its_thread_has_begun_a_deal_is_spoken_of_in_the_channel_and_nothing_is_said_twice(world: World) {
        let room = room(&world);
        set(&world, json!({ "deal_threads": false }));
        let deal = quiet(&world, "12 Oak Street");
        room.settles(&world);
        assert_eq!(room.says(&room.channel.id), [""; 0]);
        set(&world, json!({ "deal_threads": true }));
        comes_up(&world, deal, "Keys");
        room.settles(&world);
        let said = room.says(&room.channel.id);
        assert!(said.len() == 2 && said[0].contains("its thread") && said[1].contains("Keys"), "{said:?}");
        comes_up(&world, deal, "Photos");
        room.settles(&world);
        assert!(room.says(&room.thread())[0].contains("Photos"));
        set(&world, json!({ "deal_threads": false }));
        comes_up(&world, deal, "Walk");
        room.settles(&world);
        assert!(room.says(&room.channel.id)[2].contains("Walk"));
        assert_eq!([room.times("Keys"), room.times("Photos"), room.times("Walk")], [1, 1, 1]);
    }

    fn two_deals_have_two_threads(world: World) {
        let room = room(&world);
        let (oak, elm) = (quiet(&world, "12 Oak Street"), quiet(&world, "7 Elm Street"));
        room.settles(&world);
        comes_up(&world, oak, "Keys of Oak");
        comes_up(&world, elm, "Keys of Elm");
        room.settles(&world);
        let mut threads = room.chat.discord.threads(&room.channel);
        threads.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<&str> = threads.iter().map(|thread| thread.name.as_str()).collect();
        assert_eq!(names, ["12 Oak Street", "7 Elm Street"]);
        for (thread, word) in threads.iter().zip(["Keys of Oak", "Keys of Elm"]) {
            let said = room.says(&thread.id);
            assert!(said.len() == 1 && said[0].contains(word), "{said:?}");
        }
    }

    fn two_replicas_open_one_thread(world: World) {
        let room = room(&world);
        set(&world, json!({ "deal_threads": false }));
        let deal = quiet(&world, "12 Oak Street");
        set(&world, json!({ "deal_threads": true }));
        comes_up(&world, deal, "Keys");
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| sweep(&world));
            }
        });
        let other = process(&world, &room.chat.discord);
        let both = || world.wait_for(async { tokio::join!(room.chat.process.round(), other.round()) });
        for _ in 0..3 {
            both();
            world.seconds_pass(2);
        }
        assert_eq!((room.times("its thread"), room.times("Keys")), (1, 1));
        for title in ["Photos", "Walk", "Sign"] {
            comes_up(&world, deal, title);
            sweep(&world);
            both();
            world.seconds_pass(2);
            both();
            world.seconds_pass(2);
        }
        assert_eq!(room.says(&room.thread()).len(), 3);
        assert!(room.asked_for_threads() <= 2, "once for each process");
        assert_eq!(room.chat.discord.mistakes(), [""; 0]);
    }

    fn a_thread_that_was_not_made_before_the_crash_is_made_after_it(world: World) {
        let mut room = room(&world);
        let deal = quiet(&world, "12 Oak Street");
        room.settles(&world);
        comes_up(&world, deal, "Keys");
        // The answer to making it is lost, and the process with it.
        room.chat.discord.fail_next("POST /channels/*/messages/*/threads", Fault::status(500).though_taken());
        sweep(&world);
        room.posts(&world);
        assert_eq!(room.times("Keys"), 0);
        room.chat.process = process(&world, &room.chat.discord);
        world.seconds_pass(120);
        room.settles(&world);
        assert!(room.says(&room.thread())[0].contains("Keys"));
        assert_eq!((room.times("Keys"), room.asked_for_threads()), (1, 2));
        // One more process asks once more, and goes on.
        room.chat.process = process(&world, &room.chat.discord);
        comes_up(&world, deal, "Photos");
        room.settles(&world);
        comes_up(&world, deal, "Walk");
        room.settles(&world);
        assert_eq!((room.says(&room.thread()).len(), room.asked_for_threads()), (3, 3));
    }

    fn a_lost_answer_to_a_post_in_a_thread_is_repeated_there_once(world: World) {
        let room = room(&world);
        let deal = quiet(&world, "12 Oak Street");
        room.settles(&world);
        comes_up(&world, deal, "Photos");
        room.settles(&world);
        comes_up(&world, deal, "Keys");
        room.chat.discord.fail_next("POST /channels/*/messages", Fault::status(500).though_taken());
        sweep(&world);
        for _ in 0..6 {
            room.posts(&world);
            world.seconds_pass(8);
        }
        assert_eq!((room.times("Keys"), room.says(&room.thread()).len()), (1, 2));
    }

    fn without_the_permission_nothing_is_lost_and_the_admin_is_told_once(world: World) {
        let room = room(&world);
        room.may_all_but(permission::CREATE_PUBLIC_THREADS);
        let (oak, elm) = (quiet(&world, "12 Oak Street"), quiet(&world, "7 Elm Street"));
        room.settles(&world);
        comes_up(&world, oak, "Keys");
        comes_up(&world, elm, "Photos");
        room.settles(&world);
        comes_up(&world, oak, "Walk");
        room.settles(&world);
        assert_eq!([room.times("Keys"), room.times("Photos"), room.times("Walk")], [1, 1, 1]);
        assert_eq!(room.says(&room.channel.id).len(), 5, "two beginnings, three reminders");
        assert!(room.asked_for_threads() <= 2);
        let admins = 3;
        assert_eq!(alerts(&world), admins);
        let query = format!("SELECT content AS line FROM messages WHERE workspace_id = '{}' AND occasion LIKE 'alert:threads:%'", world.team.id);
        assert!(world.lines(&world.team, &query).iter().all(|alert| alert.contains("Create Public Threads")));
        // The card is where its message is.
        room.may_all_but(0);
        let page = world.look(&world.team.cora(), |cx| gone::ops::list(cx, &Ask::default())).unwrap();
        assert_eq!(page.items.iter().map(|gone| gone.address.clone()).collect::<Vec<_>>(), [format!("{}/threads", room.channel.id)]);
        world.act(&world.team.as_(Role::Admin), |cx| gone::ops::reopen(cx, page.items[0].id)).unwrap();
        let last = comes_up(&world, elm, "Sign");
        room.settles(&world);
        assert!(room.says(&room.thread())[0].contains("Sign"));
        world.complete(last);
        room.settles(&world);
        assert_eq!((alerts(&world), world.count(&world.team, "gone_addresses")), (admins, 0));
        world.log_is_whole(&world.team);
    }

    fn who_may_open_threads_but_not_write_there_is_told_that(world: World) {
        let room = room(&world);
        room.may_all_but(permission::SEND_MESSAGES_IN_THREADS);
        let oak = quiet(&world, "12 Oak Street");
        room.settles(&world);
        let keys = comes_up(&world, oak, "Keys");
        room.settles(&world);
        let said = room.says(&room.channel.id);
        assert!(said.len() == 2 && said[1].contains("Keys"), "{said:?}");
        let query = format!("SELECT content AS line FROM messages WHERE workspace_id = '{}' AND occasion LIKE 'alert:threads:%'", world.team.id);
        assert!(world.lines(&world.team, &query).iter().all(|alert| alert.contains("Send Messages in Threads")));
        // Its card is followed where it stands.
        world.complete(keys);
        room.settles(&world);
        assert!(room.says(&room.channel.id)[1].contains("~~Keys~~"));
    }

    fn what_a_deleted_thread_does_not_take_is_said_in_the_channel(world: World) {
        let room = room(&world);
        let deal = quiet(&world, "12 Oak Street");
        room.settles(&world);
        comes_up(&world, deal, "Keys");
        room.settles(&world);
        room.chat.discord.delete_channel(&room.thread());
        comes_up(&world, deal, "Photos");
        room.settles(&world);
        let said = room.says(&room.channel.id);
        assert!(said.len() == 2 && said[1].contains("Photos"), "{said:?}");
        assert_eq!((room.times("Photos"), alerts(&world), world.count(&world.team, "gone_addresses")), (1, 0, 0));
    }

    fn a_deal_with_a_channel_of_its_own_stays_there(world: World) {
        let room = room(&world);
        let own = room.guild.channel("oak-street");
        let draft = NewDeal { activate: false, ..deal("12 Oak Street", DATES) };
        let cora = world.team.cora();
        let id = world.act(&cora, |cx| create(cx, &draft)).unwrap();
        let there = EditDeal { chat_channel: Some(own.id.clone()), ..EditDeal::of(id) };
        world.act(&cora, |cx| edit_deal(cx, &there)).unwrap();
        world.act(&cora, |cx| confirm(cx, id)).unwrap();
        quiet_but(&world, id, "nothing");
        comes_up(&world, id, "Keys");
        room.settles(&world);
        assert!(room.says(&own.id)[0].contains("Keys"));
        assert_eq!((room.says(&room.channel.id).len(), room.asked_for_threads()), (0, 0));
    }

    fn a_thread_is_named_after_the_deal_whatever_its_title_is(world: World) {
        let room = room(&world);
        let titles = [
            "@everyone <@111> **12** `Oak`".to_owned(),
            format!("Oak {}", "🏠".repeat(190)),
            "\u{200b}\u{2060}".to_owned(),
        ];
        for title in &titles {
            let id = quiet(&world, title);
            room.settles(&world);
            comes_up(&world, id, "Keys");
            room.settles(&world);
        }
        let names: Vec<String> = room.chat.discord.threads(&room.channel).into_iter().map(|t| t.name).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(names.contains(&titles[0]) && names.contains(&"A deal".to_owned()), "{names:?}");
        assert!(names.iter().any(|name| name.starts_with("Oak 🏠") && name.ends_with('\u{2026}') && name.encode_utf16().count() <= 100));
        assert_eq!(room.chat.discord.mistakes(), [""; 0]);
    }

    fn a_card_in_a_thread_is_drawn_anew_there_also_when_the_thread_was_put_away(world: World) {
        let room = room(&world);
        let deal = quiet(&world, "12 Oak Street");
        room.settles(&world);
        let (keys, photos) = (comes_up(&world, deal, "Keys"), comes_up(&world, deal, "Photos"));
        room.settles(&world);
        world.complete(keys);
        room.settles(&world);
        let thread = room.thread();
        assert!(room.says(&thread)[0].contains("~~Keys~~"));
        room.chat.discord.put_away(&thread);
        world.complete(photos);
        room.settles(&world);
        assert!(room.says(&thread)[0].contains("~~Photos~~"));
        room.chat.discord.put_away(&thread);
        comes_up(&world, deal, "Walk");
        room.settles(&world);
        assert!(room.says(&thread)[1].contains("Walk") && !room.chat.discord.is_archived(&thread));
        assert_eq!((room.says(&thread).len(), room.says(&room.channel.id).len()), (2, 1));
    }

    fn a_card_is_drawn_anew_where_the_teams_channel_is_a_thread_that_was_put_away(world: World) {
        let room = room(&world);
        let oak = quiet(&world, "12 Oak Street");
        room.settles(&world);
        comes_up(&world, oak, "Keys");
        room.settles(&world);
        let thread = room.thread();
        let place = json!({ "channel": "discord", "address": thread });
        set(&world, json!({ "team_channel": place, "deal_threads": false }));
        let elm = quiet(&world, "7 Elm Street");
        let (photos, walk) = (comes_up(&world, elm, "Photos"), comes_up(&world, elm, "Walk"));
        room.settles(&world);
        room.chat.discord.put_away(&thread);
        world.complete(photos);
        room.settles(&world);
        assert!(room.says(&thread)[1].contains("~~Photos~~"), "{:?}", room.says(&thread));
        // What happens next stands on it as well.
        room.chat.discord.put_away(&thread);
        world.complete(walk);
        room.settles(&world);
        assert!(room.says(&thread)[1].contains("~~Walk~~"), "{:?}", room.says(&thread));
        assert_eq!(room.chat.discord.mistakes(), [""; 0]);
    }

    fn the_first_message_of_a_thread_follows_the_deal_and_an_ended_one_has_a_last_word(world: World) {
        let room = room(&world);
        let deal = quiet(&world, "12 Oak Street");
        room.settles(&world);
        comes_up(&world, deal, "Keys");
        room.settles(&world);
        let opening = || room.chat.discord.posted().into_iter().find(|p| p.channel == room.channel.id).unwrap().body;
        assert_eq!(labels(&opening()), ["What is open"]);
        let named = EditDeal { title: Some("14 Oak Street".into()), ..EditDeal::of(deal) };
        world.act(&world.team.cora(), |cx| edit_deal(cx, &named)).unwrap();
        room.settles(&world);
        assert!(opening()["content"].as_str().unwrap().starts_with("**14 Oak Street**"));
        // However long nothing changed of it.
        world.hours_pass(31 * 24);
        room.settles(&world);
        world.act(&world.team.as_(Role::Admin), |cx| end(cx, deal, DealStatus::Cancelled, None)).unwrap();
        room.settles(&world);
        let first = opening();
        assert!(first["content"].as_str().unwrap().contains("The deal is cancelled."), "{first}");
        assert_eq!(labels(&first), [""; 0]);
        let said = room.says(&room.thread());
        assert!(said.last().unwrap().contains("14 Oak Street is cancelled"), "{said:?}");
        let count = room.chat.discord.posted().len();
        room.settles(&world);
        assert_eq!(room.chat.discord.posted().len(), count);
        assert_eq!(room.chat.discord.mistakes(), [""; 0]);
    }

    fn a_deal_that_ends_before_its_thread_began_has_none(world: World) {
        let room = room(&world);
        let deal = quiet(&world, "12 Oak Street");
        world.act(&world.team.as_(Role::Admin), |cx| end(cx, deal, DealStatus::Cancelled, None)).unwrap();
        room.settles(&world);
        assert_eq!(room.chat.discord.posted(), []);
    }

    fn a_letter_is_decided_about_in_the_thread_of_its_deal(world: World) {
        let room = room(&world);
        let deal = world.peopled_deal("12 Oak Street");
        room.posts(&world);
        world.draft_for_the_buyer(deal);
        room.settles(&world);
        let said = room.says(&room.thread());
        assert!(said.iter().any(|text| text.contains("to the buyer,")), "{said:?}");
        assert_eq!(room.says(&room.channel.id).len(), 1);
    }

    fn without_the_setting_nothing_changes(world: World) {
        let chat = chat(&world);
        let deal = quiet(&world, "12 Oak Street");
        comes_up(&world, deal, "Keys");
        chat.settles(&world);
        cards_follow(&world);
        assert_eq!(chat.discord.posted().iter().map(|p| p.channel.as_str()).collect::<Vec<_>>(), ["77"]);
        assert_eq!(chat.discord.count("POST /channels/*/messages/*/threads"), 0);
    }
}
