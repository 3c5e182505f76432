//! Channels, threads, guilds and files, and what the bot may not do.

use std::time::Duration;

use harness::fake_discord::{FakeDiscord, permission};
use harness::peers::{Answer, Fault, How};
use serde_json::{Value, json};

use super::client::ask;
use super::{bot, clock, start};

fn text(content: &str) -> Value {
    json!({ "content": content, "allowed_mentions": { "parse": [] } })
}

async fn code(discord: &FakeDiscord, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let (status, said) = ask(discord, method, path, body).await;
    (status, said["code"].clone())
}

#[tokio::test]
async fn a_message_is_one_thread_at_most() {
    let (_, discord, guild) = start();
    let channel = guild.channel("closings");
    let messages = format!("/channels/{}/messages", channel.id);
    let (_, message) = ask(&discord, "POST", &messages, &text("Oak Street 12")).await;
    let threads = format!("{messages}/{}/threads", message["id"].as_str().unwrap());
    let (status, thread) = ask(&discord, "POST", &threads, &json!({ "name": "Oak Street 12" })).await;
    assert_eq!((status, &thread["id"]), (201, &message["id"]));
    assert_eq!(code(&discord, "POST", &threads, &json!({ "name": "Again" })).await, (400, json!(160_004)));
    let id = thread["id"].as_str().unwrap();
    let (_, archived) = ask(&discord, "PATCH", &format!("/channels/{id}"), &json!({ "archived": true })).await;
    assert_eq!((&archived["thread_metadata"]["archived"], discord.is_archived(id)), (&json!(true), true));
    assert_eq!(ask(&discord, "POST", &format!("/channels/{id}/messages"), &text("Awake")).await.0, 200);
    assert!(!discord.is_archived(id), "a message wakes it");
    let alone = json!({ "name": "Without a message", "type": 11 });
    assert_eq!(ask(&discord, "POST", &format!("/channels/{}/threads", channel.id), &alone).await.0, 201);
    assert_eq!(discord.threads(&channel).len(), 2);
    assert_eq!(discord.mistakes(), [""; 0]);
}

#[tokio::test]
async fn what_the_bot_may_not_do_is_refused() {
    let (_, discord, guild) = start();
    let [quiet, hidden, gone] = ["quiet", "hidden", "gone"].map(|name| guild.channel(name));
    discord.allow(&quiet, permission::VIEW_CHANNEL | permission::READ_MESSAGE_HISTORY);
    discord.allow(&hidden, permission::SEND_MESSAGES);
    discord.delete_channel(&gone);
    let messages = |channel: &str| format!("/channels/{channel}/messages");
    for (channel, expected) in [(&quiet.id, (403, 50_013)), (&hidden.id, (403, 50_001)), (&gone.id, (404, 10_003))]
    {
        let (status, code) = code(&discord, "POST", &messages(channel), &text("Hello")).await;
        assert_eq!((status, code), (expected.0, json!(expected.1)));
    }
    assert_eq!(
        code(&discord, "POST", &messages("55"), &text("Hello")).await,
        (404, json!(10_003)),
        "no such channel"
    );
    let missing = format!("{}/9", messages(&quiet.id));
    assert_eq!(code(&discord, "GET", &missing, &Value::Null).await, (404, json!(10_008)));
    let maria = guild.person("maria");
    let (_, direct) = ask(&discord, "POST", "/users/@me/channels", &json!({ "recipient_id": maria.id })).await;
    let direct = messages(direct["id"].as_str().unwrap());
    assert_eq!(ask(&discord, "POST", &direct, &text("Hello")).await.0, 200);
    assert_eq!(maria.direct_messages()[0].shown(), "Hello");
    maria.close_direct_messages();
    assert_eq!(code(&discord, "POST", &direct, &text("Hello")).await, (403, json!(50_007)));
    guild.remove_bot();
    assert_eq!(code(&discord, "POST", &messages(&quiet.id), &text("Hello")).await, (403, json!(50_001)));
    assert_eq!(discord.mistakes(), [""; 0]);
}

#[tokio::test]
async fn everything_that_can_be_looked_at_is_as_discord_describes_it() {
    let (_, discord, guild) = start();
    let channel = guild.channel("closings");
    let olga = guild.admin("olga");
    let messages = format!("/channels/{}/messages", channel.id);
    let (_, message) = ask(&discord, "POST", &messages, &text("One")).await;
    let message = format!("{messages}/{}", message["id"].as_str().unwrap());
    let (_, changed) = ask(&discord, "PATCH", &message, &text("Two")).await;
    assert_eq!((&changed["content"], changed["edited_timestamp"].is_string()), (&json!("Two"), true));
    assert_eq!(discord.channel_messages(&channel)[0].revisions, 1);
    let (guild_id, member) = (&guild.id, &olga.id);
    for path in [
        "/gateway".to_owned(),
        "/gateway/bot".to_owned(),
        "/users/@me".to_owned(),
        "/applications/@me".to_owned(),
        "/oauth2/applications/@me".to_owned(),
        "/applications/1000/commands".to_owned(),
        format!("/applications/1000/guilds/{guild_id}/commands"),
        format!("/guilds/{guild_id}"),
        format!("/guilds/{guild_id}/roles"),
        format!("/guilds/{guild_id}/channels"),
        format!("/guilds/{guild_id}/members/{member}"),
        format!("/channels/{}", channel.id),
        messages,
        message.clone(),
    ] {
        let (status, said) = ask(&discord, "GET", &path, &Value::Null).await;
        assert_eq!(status, 200, "{path}: {said}");
    }
    assert_eq!(ask(&discord, "DELETE", &message, &Value::Null).await.0, 204);
    assert!(discord.channel_messages(&channel).is_empty());
    assert_eq!(discord.mistakes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_request_that_is_meant_fails() {
    let (_, discord, guild) = start();
    let channel = guild.channel("closings");
    let at = guild.person("maria").in_channel(&channel);
    let bot = bot(&discord).await;
    discord.patience(Duration::from_millis(200));
    for fault in [
        Fault::says(Answer::json(500, &json!({ "message": "internal", "code": 0 }))),
        Fault::before_taking(How::Reset),
        Fault::slow_down(Some("Wed, 14 Oct 2026 15:00:30 GMT")),
    ] {
        discord.fail_next("POST /interactions/*/*/callback", fault);
        assert_eq!(ask(&discord, "GET", "/gateway", &Value::Null).await.0, 200);
        let said = at.slash("/deal picture", &[]).await;
        assert_eq!(said.shown(), "(the application did not respond)");
        assert_ne!(at.slash("/deal picture", &[]).await.shown(), said.shown(), "the next one is answered");
    }
    // It was shown, whatever the bot believes.
    discord.fail_next("/interactions/*/*/callback", Fault::after_taking(How::CutBody));
    assert_ne!(at.slash("/deal picture", &[]).await.shown(), "(the application did not respond)");
    assert_eq!(discord.count("POST /interactions/*/*/callback"), 7);
    bot.leaves().await;
}

#[tokio::test]
async fn a_network_that_is_away_comes_back_at_the_same_address() {
    let discord = FakeDiscord::start(&clock());
    assert_eq!(ask(&discord, "GET", "/gateway", &Value::Null).await.0, 200);
    discord.stop_listening();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(client.get(format!("{}/gateway", discord.url())).send().await.is_err());
    discord.listen_again();
    assert_eq!(ask(&discord, "GET", "/gateway", &Value::Null).await.0, 200);
}
