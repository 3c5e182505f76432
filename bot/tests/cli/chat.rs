//! Chat through the real program: an invitation, a code that is typed, a question, and a token that is wrong.

use std::process::Command;

use harness::peers::FakeDiscord;
use host::Clock;
use serde_json::json;

use super::outage::within;
use super::{Running, Terminal, ran, text};

fn with_bot<'a>(command: &'a mut Command, discord: &FakeDiscord, token: &str) -> &'a mut Command {
    command.env("MILEPOST_DISCORD__TOKEN", token).env("MILEPOST_DISCORD__API_URL", discord.url())
}

#[test]
fn a_bot_is_invited_linked_and_asked() {
    let t = Terminal::new();
    t.setup("lakeside");
    let discord = FakeDiscord::start(&Clock::system());
    let guild = discord.guild("Lakeside Realty");
    let channel = guild.channel("closings");
    let dana = guild.admin("dana").in_channel(&channel);
    shows!("chat_without_a_bot", t.run(&["invite"]));
    shows!("chat_list_empty", t.ok(&["chat", "list"]));

    let (server, _) = Running::start(with_bot(&mut t.command(&["serve"]), &discord, discord.token()));
    assert!(within(10, || discord.connected() == 1), "the bot does not listen");
    let invited = ran(with_bot(&mut t.command(&["invite", "--json"]), &discord, discord.token()));
    let invited = invited.json();
    let link = text(&invited["invite"]);
    assert!(link.contains("client_id=1000") && link.contains("scope=bot+applications.commands"), "{link}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let said = runtime.block_on(dana.slash("/setup", &[("code", invited["code"].clone())])).shown();
    assert!(said.contains("This server is linked. You are **Dana Whitaker** here."), "{said}");
    t.deal();
    let offered = runtime.block_on(dana.autocomplete("/deal show", &[("deal", json!("oak"))], "deal"));
    let said = runtime.block_on(dana.slash("/deal show", &[("deal", offered[0].value.clone())])).shown();
    assert!(said.contains("Earnest money delivery"), "{said}");
    let listed = t.ok(&["chat", "list"]).out;
    assert!(listed.contains("Lakeside Realty") && listed.contains("Dana Whitaker"), "{listed}");
    let guild_id = &guild.id;
    t.ok(&["chat", "unlink", guild_id]);
    let said = runtime.block_on(dana.slash("/today", &[])).shown();
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
