//! Sessions that break and go on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use harness::fake_discord::{FakeDiscord, What};
use serde_json::json;
use serenity::all::GatewayIntents;
use serenity::gateway::GatewayError;

use super::client::{self, Line};
use super::{bot, bot_with, commands, start};

/// Whatever happens to a connection, the next click is answered.
async fn check_it_goes_on(what: impl Fn(&FakeDiscord), resumes: bool) {
    let (_, discord, guild) = start();
    let at = guild.person("maria").in_channel(&guild.channel("closings"));
    let bot = bot(&discord).await;
    assert_eq!(at.slash("/deal slow", &[]).await.kind, What::Message);
    what(&discord);
    let gone_on = |discord: &FakeDiscord| (discord.resumes(), discord.identifies());
    discord.until("it is back", |d| gone_on(d) != (0, 1) && d.connected() == 1).await;
    if resumes {
        assert_eq!(gone_on(&discord), (1, 1), "it resumed");
    } else {
        assert_eq!(discord.identifies(), 2, "it began anew");
    }
    assert_eq!(at.slash("/deal slow", &[]).await.kind, What::Message);
    assert_eq!(discord.mistakes(), [""; 0]);
    bot.leaves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_is_resumed() {
    check_it_goes_on(FakeDiscord::drop_connections, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_closed_is_resumed() {
    check_it_goes_on(|discord| discord.close(4000), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_asked_to_come_again_resumes() {
    check_it_goes_on(FakeDiscord::reconnect_please, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_no_good_any_more_begins_anew() {
    check_it_goes_on(|discord| discord.invalid_session(false), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_timed_out_begins_anew() {
    check_it_goes_on(|discord| discord.close(4009), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_told_to_whoever_resumes() {
    let (_, discord, guild) = start();
    let at = guild.person("maria").in_channel(&guild.channel("closings"));
    client::ask(&discord, "PUT", "/applications/1000/commands", &commands()).await;
    let mut line = Line::open(&discord, "v=10&encoding=json").await;
    line.hears().await.unwrap();
    line.says(&json!({ "op": 2, "d": { "token": discord.token(), "intents": 1 } })).await;
    let session = line.until("READY").await["session_id"].clone();
    discord.drop_connections();
    discord.patience(Duration::ZERO);
    let missed = at.slash("/deal slow", &[]).await;
    assert_eq!(missed.shown(), "(the application did not respond)");
    let mut line = Line::open(&discord, "v=10&encoding=json").await;
    line.hears().await.unwrap();
    let resume = json!({ "op": 6, "d": { "token": discord.token(), "session_id": session, "seq": 1 } });
    line.says(&resume).await;
    for (event, seq) in [("GUILD_CREATE", 2), ("INTERACTION_CREATE", 3), ("RESUMED", 4)] {
        let heard = line.hears().await.unwrap();
        assert_eq!((&heard["t"], &heard["s"]), (&json!(event), &json!(seq)));
    }
    assert_eq!((discord.resumes(), discord.identifies()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_in_the_moment_of_a_cut_is_answered() {
    let (_, discord, guild) = start();
    let at = guild.person("maria").in_channel(&guild.channel("closings"));
    let bot = bot(&discord).await;
    for cut in 1..=3 {
        discord.drop_connections();
        assert_eq!(at.slash("/deal slow", &[]).await.kind, What::Message);
        assert_eq!(discord.resumes(), cut);
    }
    bot.leaves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_comes_back_when_the_network_does() {
    let (_, discord, guild) = start();
    let at = guild.person("maria").in_channel(&guild.channel("closings"));
    let bot = bot(&discord).await;
    discord.stop_listening();
    discord.until("it is gone", |discord| discord.connected() == 0).await;
    discord.listen_again();
    discord.until("it is back", |discord| discord.connected() == 1).await;
    assert_eq!(at.slash("/deal slow", &[]).await.kind, What::Message);
    bot.leaves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interaction_may_be_told_twice_and_is_answered_once() {
    let (_, discord, guild) = start();
    let at = guild.person("maria").in_channel(&guild.channel("closings"));
    let bot = bot(&discord).await;
    at.slash("/deal picture", &[]).await;
    discord.replay_last_interaction();
    discord.until("it came twice", |_| bot.handled.load(Ordering::SeqCst) == 2).await;
    discord
        .until("the second was refused", |discord| {
            discord.ledger().get("POST /interactions/*/*/callback 400") == Some(&1)
        })
        .await;
    bot.leaves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_or_a_refused_intent_ends_it() {
    let (_, discord, _) = start();
    let wrong = bot_with(&discord, "another.token.entirely", GatewayIntents::GUILDS).await;
    let ended = wrong.task.await.unwrap().unwrap_err();
    assert!(matches!(ended, serenity::Error::Gateway(GatewayError::InvalidAuthentication)), "{ended:?}");
    let curious =
        bot_with(&discord, discord.token(), GatewayIntents::GUILDS | GatewayIntents::MESSAGE_CONTENT).await;
    let ended = curious.task.await.unwrap().unwrap_err();
    assert!(matches!(ended, serenity::Error::Gateway(GatewayError::DisallowedGatewayIntents)), "{ended:?}");
    discord.refuse_intents(1);
    let usual = bot_with(&discord, discord.token(), GatewayIntents::GUILDS).await;
    assert!(usual.task.await.unwrap().is_err());
    assert_eq!((discord.identifies(), discord.connected()), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_invited_while_it_listens_hears_of_it() {
    let (_, discord, _) = start();
    let other = discord.uninvited("Lakeside");
    let mut line = Line::identified(&discord, "v=10&encoding=json").await;
    assert_eq!(line.until("GUILD_CREATE").await["name"], "Oak Realty");
    other.invite_bot();
    assert_eq!(line.until("GUILD_CREATE").await["name"], "Lakeside");
    other.channel("closings");
    assert_eq!(line.until("CHANNEL_CREATE").await["name"], "closings");
    other.remove_bot();
    assert_eq!(line.until("GUILD_DELETE").await["id"], other.id.as_str());
    discord.guild("Third");
    assert_eq!(line.until("GUILD_CREATE").await["name"], "Third");
    // The product's own client reads all of these, too.
    let bot = bot_with(&discord, discord.token(), GatewayIntents::GUILDS).await;
    discord.until("the bot is there", |discord| discord.connected() == 2).await;
    let fourth = discord.uninvited("Fourth");
    fourth.invite_bot();
    let channel = fourth.channel("closings");
    discord.delete_channel(&channel);
    fourth.remove_bot();
    discord.reconnect_please();
    discord.until("it has read all", |discord| discord.resumes() == 1 && discord.connected() >= 1).await;
    assert_eq!(discord.mistakes(), [""; 0]);
    bot.leaves().await;
}

#[tokio::test]
async fn a_stream_is_compressed_as_a_whole_when_asked_for() {
    let (_, discord, guild) = start();
    let mut line = Line::identified(&discord, "v=10&encoding=json&compress=zlib-stream").await;
    assert_eq!(line.until("GUILD_CREATE").await["id"], guild.id.as_str());
    line.says(&json!({ "op": 1, "d": 2 })).await;
    assert_eq!(line.hears().await.unwrap()["op"], 11);
    assert_eq!(discord.heartbeats(), 1);
}

#[tokio::test]
async fn a_heart_that_stops_is_noticed() {
    let (_, discord, _) = start();
    discord.heartbeat_every(Duration::from_millis(40));
    let mut line = Line::identified(&discord, "v=10&encoding=json").await;
    line.until("GUILD_CREATE").await;
    assert_eq!(line.hears().await, Err(4009));
}

#[tokio::test]
async fn a_line_that_says_nonsense_is_closed() {
    let (_, discord, _) = start();
    for (says, code) in [
        (json!({ "op": 99 }), 4001),
        (json!({ "op": 2, "d": { "token": "wrong", "intents": 1 } }), 4004),
        (json!({ "op": 2, "d": { "token": discord.token() } }), 4013),
    ] {
        let mut line = Line::open(&discord, "v=10&encoding=json").await;
        line.hears().await.unwrap();
        line.says(&says).await;
        assert_eq!(line.hears().await, Err(code), "{says}");
    }
    let mut old = Line::open(&discord, "v=9&encoding=json").await;
    assert_eq!(old.hears().await, Err(4012));
    let mut lost = Line::open(&discord, "v=10&encoding=json").await;
    lost.hears().await.unwrap();
    lost.says(&json!({ "op": 6, "d": { "token": discord.token(), "session_id": "?", "seq": 1 } })).await;
    assert_eq!(lost.hears().await.unwrap(), json!({ "op": 9, "d": false }));
}
