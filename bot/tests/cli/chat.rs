//! Chat through the real program: an invitation, a code that is typed, a reminder that is worked off, and a token that is wrong.

use std::process::Command;

use harness::peers::FakeDiscord;
use harness::{Place, World};
use host::{Clock, Config};
use serde_json::{Value, json};

use super::outage::{KEY, within};
use super::process::milepost_in;
use super::{Running, Terminal, ran, text};

fn with_bot<'a>(command: &'a mut Command, discord: &FakeDiscord, token: &str) -> &'a mut Command {
    command.env("MILEPOST_DISCORD__TOKEN", token).env("MILEPOST_DISCORD__API_URL", discord.url())
}

#[test]
fn without_a_bot_there_is_nobody_to_invite() {
    let t = Terminal::new();
    t.setup("lakeside");
    shows!("chat_without_a_bot", t.run(&["invite"]));
    shows!("chat_list_empty", t.ok(&["chat", "list"]));
}

#[test]
fn a_bot_is_invited_linked_and_worked_with_sqlite() {
    invited_and_worked_with(Place::file());
}

#[test]
fn a_bot_is_invited_linked_and_worked_with_postgres() {
    if let Some(place) = Place::schema() {
        invited_and_worked_with(place);
    }
}

/// From an invitation to a reminder that is worked off, through the real program with all that it does.
fn invited_and_worked_with(place: Place) {
    let world = World::with(place, Place::usual_limits(), Config::default());
    let home = tempfile::tempdir().unwrap();
    let discord = FakeDiscord::start(&Clock::system());
    let guild = discord.guild("Lakeside Realty");
    let channel = guild.channel("closings");
    let olga = guild.admin("olga").in_channel(&channel);
    let program = |words: &[&str]| {
        let mut command = milepost_in(&world, home.path(), &[]);
        with_bot(&mut command, &discord, discord.token()).env("MILEPOST_VAULT__MASTER_KEY", KEY).args(words);
        // Ten in the morning, at whatever hour this is told.
        command.env("MILEPOST_CLOCK__AT", world.now().to_string());
        command
    };
    let (server, _) = Running::start(&mut program(&["serve"]));
    assert!(within(10, || discord.connected() == 1), "the bot does not listen");

    let invited = ran(&mut program(&["invite", "--json"])).json();
    let link = text(&invited["invite"]);
    assert!(link.contains("client_id=1000") && link.contains("scope=bot+applications.commands"), "{link}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let asks = |path: &str, options: &[(&str, Value)]| runtime.block_on(olga.slash(path, options)).shown();
    let said = asks("/setup", &[("code", invited["code"].clone())]);
    assert!(said.contains("This server is linked. You are **Olga Owens** here."), "{said}");
    let said = asks("/setup", &[("channel", json!(channel.id))]);
    assert!(said.contains("The team reads in #closings"), "{said}");

    // A deal whose first reminder is due: the program posts it by itself.
    world.create(&harness::deal("12 Oak Street", "contract 2026-10-12 closing 2026-12-11"));
    let offered = runtime.block_on(olga.autocomplete("/deal show", &[("deal", json!("oak"))], "deal"));
    let said = asks("/deal show", &[("deal", offered[0].value.clone())]);
    assert!(said.contains("Earnest money delivery"), "{said}");
    assert!(within(90, || !discord.channel_messages(&channel).is_empty()), "nothing is posted");
    let card = discord.channel_messages(&channel)[0].clone();
    assert!(card.shown().contains("Earnest money delivery"), "{}", card.shown());
    let said = runtime.block_on(olga.click(&card, "Done")).shown();
    assert!(said.contains("done. By Olga Owens"), "{said}");
    let now = || discord.channel_messages(&channel)[0].shown();
    assert!(within(30, || now().contains("done by Olga Owens")), "{}", now());

    let listed = ran(&mut program(&["chat", "list"])).out;
    assert!(listed.contains("Lakeside Realty") && listed.contains("Olga Owens"), "{listed}");
    assert_eq!(ran(&mut program(&["chat", "unlink", &guild.id])).code, 0);
    let said = asks("/today", &[]);
    assert!(said.contains("not linked to a Milepost workspace"), "{said}");
    assert_eq!(server.terminate(), 0);
    assert!(within(10, || discord.connected() == 0), "the bot did not say goodbye");
    assert_eq!(discord.mistakes(), [""; 0]);
}

#[test]
fn a_wrong_token_is_said_once_and_everything_else_runs() {
    let t = Terminal::new();
    t.setup("lakeside");
    let discord = FakeDiscord::start(&Clock::system());
    let said = t.0.path().join("said.txt");
    let file = std::fs::File::create(&said).unwrap();
    let mut command = t.command(&["serve"]);
    let (server, _) = Running::start(with_bot(&mut command, &discord, "no.such.token").stderr(file));
    let sentence = "Discord does not accept the bot's token, so nobody is answered in chat. Everything else runs.";
    let read = || std::fs::read_to_string(&said).unwrap_or_default();
    assert!(within(10, || read().contains(sentence)), "{}", read());
    assert_eq!(server.probe("/healthz/readiness"), 200);
    t.ok(&["deal", "show", &t.deal()]);
    assert_eq!(server.terminate(), 0);
    assert_eq!(read().matches(sentence).count(), 1, "{}", read());
    assert_eq!(discord.identifies(), 0);
}
