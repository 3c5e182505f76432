//! An answer comes once, within three seconds, and may be changed for fifteen minutes.

use std::time::Duration;

use harness::fake_discord::{FakeDiscord, Said};
use host::Clock;
use serde_json::{Value, json};

use super::client::{Line, ask};
use super::{commands, start};

fn text(content: &str) -> Value {
    json!({ "content": content, "allowed_mentions": { "parse": [] } })
}

/// Somebody sent a command, and the bot has its token.
struct Asked {
    clock: Clock,
    discord: FakeDiscord,
    channel: String,
    said: Said,
    id: String,
    token: String,
}

async fn asked() -> Asked {
    let (clock, discord, guild) = start();
    let channel = guild.channel("closings");
    ask(&discord, "PUT", "/applications/1000/commands", &commands()).await;
    let mut line = Line::identified(&discord, "v=10&encoding=json").await;
    discord.patience(Duration::ZERO);
    let said = guild.person("maria").in_channel(&channel).slash("/deal slow", &[]).await;
    let came = line.until("INTERACTION_CREATE").await;
    let text = |name: &str| came[name].as_str().unwrap().to_owned();
    assert_eq!((came["context"].as_u64(), text("guild_locale")), (Some(0), "en-US".to_owned()));
    assert_eq!(came["authorizing_integration_owners"]["0"], guild.id.as_str());
    assert!(came["member"]["permissions"].is_string() && came["app_permissions"].is_string());
    let (id, token) = (text("id"), text("token"));
    Asked { clock, discord, channel: channel.id, said, id, token }
}

impl Asked {
    async fn first(&self, body: &Value) -> (u16, Value) {
        let path = format!("/interactions/{}/{}/callback", self.id, self.token);
        let (status, said) = ask(&self.discord, "POST", &path, body).await;
        (status, said["code"].clone())
    }

    async fn later(&self, method: &str, which: &str, body: &Value) -> (u16, Value) {
        ask(&self.discord, method, &format!("/webhooks/1000/{}{which}", self.token), body).await
    }
}

#[tokio::test]
async fn after_three_seconds_nobody_knows_it() {
    let asked = asked().await;
    asked.clock.advance(Duration::from_millis(3_001));
    assert_eq!(asked.first(&json!({ "type": 4, "data": text("Late") })).await, (404, json!(10_062)));
    assert_eq!(asked.said.again().shown(), "(the application did not respond)");
}

#[tokio::test]
async fn a_second_answer_is_refused() {
    let asked = asked().await;
    asked.clock.advance(Duration::from_secs(3));
    assert_eq!(asked.first(&json!({ "type": 4, "data": text("One") })).await, (204, Value::Null));
    assert_eq!(asked.first(&json!({ "type": 4, "data": text("Two") })).await, (400, json!(40_060)));
    assert_eq!(asked.said.again().shown(), "One");
}

#[tokio::test]
async fn after_fifteen_minutes_it_stays_as_it_is() {
    let asked = asked().await;
    assert_eq!(asked.later("POST", "", &text("Too early")).await.1["code"], 10_015);
    asked.first(&json!({ "type": 5, "data": { "flags": 64 } })).await;
    assert_eq!(asked.said.again().shown(), "(only maria sees this)\n(thinking)");
    asked.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(asked.later("PATCH", "/messages/@original", &text("Done")).await.0, 200);
    let (status, more) = asked.later("POST", "", &text("More")).await;
    assert_eq!((status, &more["content"]), (200, &json!("More")));
    asked.clock.advance(Duration::from_secs(1));
    for (method, which) in [("PATCH", "/messages/@original"), ("POST", ""), ("DELETE", "/messages/@original")] {
        let (status, said) = asked.later(method, which, &text("Late")).await;
        assert_eq!((status, &said["code"]), (401, &json!(50_027)), "{method}");
    }
    assert_eq!(asked.said.again().shown(), "(only maria sees this)\nDone\n\nMore");
}

#[tokio::test]
async fn what_follows_a_promise_is_what_was_promised() {
    let asked = asked().await;
    asked.first(&json!({ "type": 5 })).await;
    let (_, first) = asked.later("POST", "", &text("Here")).await;
    assert_eq!(asked.later("GET", "/messages/@original", &Value::Null).await.1["id"], first["id"]);
    let (_, second) = asked.later("POST", "", &text("More")).await;
    let which = format!("/messages/{}", second["id"].as_str().unwrap());
    assert_eq!(asked.later("PATCH", &which, &text("Less")).await.0, 200);
    assert_eq!(asked.said.again().shown(), "Here\n\nLess");
    assert_eq!(asked.later("DELETE", &which, &Value::Null).await.0, 204);
    assert_eq!(asked.later("DELETE", "/messages/@original", &Value::Null).await.0, 204);
    assert_eq!(asked.later("GET", "/messages/@original", &Value::Null).await.1["code"], 10_008);
    assert_eq!(asked.said.again().shown(), "(deleted)");
    assert_eq!(asked.discord.mistakes(), [""; 0]);
}

#[tokio::test]
async fn what_one_person_sees_is_not_in_the_channel() {
    let asked = asked().await;
    let mut hidden = text("Just for you");
    hidden["flags"] = json!(64);
    let path = format!("/interactions/{}/{}/callback?with_response=true", asked.id, asked.token);
    let (status, whole) = ask(&asked.discord, "POST", &path, &json!({ "type": 4, "data": hidden })).await;
    assert_eq!((status, &whole["interaction"]["response_message_ephemeral"]), (200, &json!(true)));
    let id = whole["resource"]["message"]["id"].as_str().unwrap();
    let messages = format!("/channels/{}/messages", asked.channel);
    assert_eq!(ask(&asked.discord, "GET", &messages, &Value::Null).await.1, json!([]));
    for method in ["GET", "DELETE"] {
        let (status, said) = ask(&asked.discord, method, &format!("{messages}/{id}"), &Value::Null).await;
        assert_eq!((status, &said["code"]), (404, &json!(10_008)));
    }
    assert_eq!(asked.discord.mistakes(), [""; 0]);
}
