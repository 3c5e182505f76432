//! Posts to Discord: a thin client of its own, which repeats nothing by itself.

mod body;
mod servers;
mod threads;

pub use body::{components, literally};

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::delivery::outbox::{Report, Trouble};
use domain::delivery::policy::Cleared;
use domain::delivery::thread::Thread;
use domain::delivery::{Message, To};
use domain::kernel::id::MessageId;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Channel, Found, Later, Learned, quoted, wait_seconds};
use crate::egress::{Answer, Egress, Heard, Request};
use crate::run::Host;

/// Characters of a message, counted in UTF-16 units, the strictest reading of Discord's limit.
pub const MOST_TEXT: usize = 2_000;
/// Text of all embeds of a message, and how many there may be.
const MOST_EMBEDDED: usize = 6_000;
const MOST_EMBEDS: usize = 10;
/// Messages of a channel that one look reads.
const PAGE: usize = 100;
/// How far Discord's clock and ours may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// For how long nothing is sent after a page of Discord's shield, whatever it says.
const LEAST_BAN: SignedDuration = SignedDuration::from_mins(1);
/// Channels of direct messages that are remembered.
const MOST_KNOWN: usize = 1_000;

pub struct Discord {
    host: Host,
    egress: Egress,
    base: Url,
    authorization: HeaderValue,
    /// The channel of direct messages with a person; it never changes.
    direct: Mutex<HashMap<String, String>>,
    /// Threads that are there.
    threads: threads::Known,
    /// The servers of channels.
    servers: servers::Servers,
}

impl Discord {
    pub fn new(host: &Host, egress: Egress) -> Result<Self, String> {
        let settings = &host.config().discord;
        let token = settings.token.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        let mut authorization = HeaderValue::from_str(&format!("Bot {token}"))
            .map_err(|_| "discord.token has characters that no token has.".to_owned())?;
        authorization.set_sensitive(true);
        let base = Url::parse(&format!("{}/", settings.api_url.trim_end_matches('/')))
            .map_err(|error| format!("discord.api_url is no web address: {error}."))?;
        Ok(Self {
            host: host.clone(),
            egress,
            base,
            authorization,
            direct: Mutex::default(),
            threads: threads::Known::default(),
            servers: servers::Servers::default(),
        })
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Request, Learned> {
        let url = self.base.join(path).map_err(|_| Learned::gone(NO_CHANNEL))?;
        let mut request = Request::new(method, url);
        request.headers.insert(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.body = body.to_string().into_bytes();
        }
        Ok(request)
    }

    async fn send(&self, message: &Message, until: Duration) -> Learned {
        if let Err(learned) = self.may_go_there(message, until).await {
            return learned;
        }
        if let Some(thread) = thread_of(message) {
            return self.send_into(thread, message, until).await;
        }
        match self.channel(message, Some(until)).await {
            Ok(channel) => self.write_awake(message, &channel, until).await.0,
            Err(learned) => learned,
        }
    }

    /// Posts or edits. Gives Discord's own code for what went wrong, too.
    async fn write(&self, message: &Message, channel: &str, until: Duration) -> (Learned, Option<i64>) {
        let posts = format!("channels/{channel}/messages");
        let (method, path, body) = match message.edits {
            None => (Method::POST, posts, body::post(message)),
            Some(original) => {
                let shown_as = message.content.data.as_ref().and_then(|data| data.get("edits")?.as_str());
                let Some(shown_as) = shown_as.filter(|id| snowflake(id).is_ok()) else {
                    let why = "It is not known which message of Discord's it draws. Nothing was changed.";
                    return (Learned::refused(why), None);
                };
                (Method::PATCH, format!("{posts}/{shown_as}"), body::patch(message, original))
            }
        };
        let mut request = match self.request(method, &path, Some(&body)) {
            Ok(request) => request,
            Err(learned) => return (learned, None),
        };
        request.until = Some(until);
        match self.egress.to_provider(request).await {
            Heard::NotSent { why } => (Learned::not_sent(why), None),
            Heard::Lost { why } => (Learned::unclear(why), None),
            Heard::Answer(answer) if message.edits.is_some() => (judge_edit(&answer), code(&answer)),
            Heard::Answer(answer) => (judge(&answer), code(&answer)),
        }
    }

    /// The channel that a message goes to. For a person it is asked for; asking again gives the same one.
    async fn channel(&self, message: &Message, until: Option<Duration>) -> Result<String, Learned> {
        if let Some(thread) = thread_of(message) {
            return Ok(thread.message.to_owned());
        }
        let address = message.address.trim();
        let person = match (address.strip_prefix("user:"), message.to) {
            (Some(person), _) => person,
            (None, To::Member(_) | To::Contact(_)) => address,
            (None, To::Team | To::Endpoint(_)) => return snowflake(address).map(str::to_owned),
        };
        let person = snowflake(person)?;
        let known = || self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = known().get(person) {
            return Ok(channel.clone());
        }
        let body = json!({ "recipient_id": person });
        let mut request = self.request(Method::POST, "users/@me/channels", Some(&body))?;
        request.until = until;
        let answer = match self.egress.to_provider(request).await {
            // Nothing was posted: whether a channel came to be changes nothing for anybody.
            Heard::NotSent { why } | Heard::Lost { why } => return Err(Learned::not_sent(why)),
            Heard::Answer(answer) => answer,
        };
        let learned = judge(&answer);
        match (&learned.outcome, answer.json()) {
            (domain::delivery::outbox::Outcome::Accepted { provider_id: Some(channel) }, Some(_)) => {
                let channel = snowflake(channel)?.to_owned();
                let mut known = known();
                if known.len() >= MOST_KNOWN {
                    known.clear();
                }
                known.insert(person.to_owned(), channel.clone());
                Ok(channel)
            }
            (domain::delivery::outbox::Outcome::Unclear { why }, _) => {
                Err(Learned { status: learned.status, ..Learned::not_sent(why.clone()) })
            }
            _ => Err(learned),
        }
    }

    async fn find(&self, message: &Message) -> Found {
        let unknown = |why: &str| Found::CannotTell { why: why.to_owned() };
        let channel = match self.channel(message, None).await {
            Ok(channel) => channel,
            Err(_) => return unknown("Discord did not give the channel of direct messages."),
        };
        let Ok(mut request) =
            self.request(Method::GET, &format!("channels/{channel}/messages?limit={PAGE}"), None)
        else {
            return unknown(NO_CHANNEL);
        };
        request.most = 4 << 20;
        let page = match self.egress.to_provider(request).await {
            Heard::NotSent { why } | Heard::Lost { why } => return unknown(&why),
            Heard::Answer(answer) if answer.status == 200 => answer.json(),
            Heard::Answer(answer) => return unknown(&format!("Discord answered {}.", answer.status)),
        };
        match page {
            Some(Value::Array(page)) => {
                search(&page, message.id, message.first_write_at.unwrap_or(message.created_at))
            }
            _ => unknown("Discord's answer is no list of messages."),
        }
    }
}

impl Channel for Discord {
    fn deliver<'a>(&'a self, cleared: Cleared, until: Duration) -> Later<'a, Report> {
        Box::pin(async move { self.send(cleared.message(), until).await.report(&cleared, self.host.clock()) })
    }

    fn look_up<'a>(&'a self, message: &'a Message) -> Later<'a, Found> {
        Box::pin(self.find(message))
    }
}

/// The thread that a message stands in.
fn thread_of(message: &Message) -> Option<Thread<'_>> {
    Thread::of(&message.address).filter(|_| message.to == To::Team)
}

/// Discord's own number of what went wrong.
fn code(answer: &Answer) -> Option<i64> {
    answer.json()?.get("code")?.as_i64()
}

const NO_CHANNEL: &str = "The address is no Discord channel or person (an id of digits). Nothing was sent. Correct it \
                          in the settings.";

fn snowflake(id: &str) -> Result<&str, Learned> {
    let id = id.trim();
    if (1..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit()) {
        Ok(id)
    } else {
        Err(Learned::gone(NO_CHANNEL))
    }
}

/// What tells this message from all others, also after a restart: the row's id in base 36, 25 characters.
pub fn nonce(id: MessageId) -> String {
    let mut rest = id.0.as_u128();
    let mut digits = [b'0'; 25];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize];
        rest /= 36;
    }
    digits.iter().map(|b| char::from(*b)).collect()
}

/// What an answer means. Discord's errors are JSON with a code; a page in HTML is the shield in front of it.
fn judge(answer: &Answer) -> Learned {
    let json = answer.json();
    let said = || {
        let code = json.as_ref().and_then(|body| body.get("code")).and_then(Value::as_i64);
        let text = json.as_ref().and_then(|body| body.get("message")).and_then(Value::as_str).unwrap_or_default();
        match code {
            Some(code) => format!("Discord said: {} (code {code}).", quoted(text)),
            None => format!("Discord answered {}.", answer.status),
        }
    };
    let ban = || {
        Learned::not_sent(
            "A page of Discord's shield came in place of an answer: this address is blocked for now. Nothing was sent; \
             all posts wait.",
        )
        // A wait that a shield names is kept, but a minute is the least.
        .after(answer.header("retry-after").and_then(wait_seconds).map(|wait| wait.max(LEAST_BAN)))
        .trouble(Trouble::Provider)
    };
    let learned = match answer.status {
        200 | 201 => match json.as_ref().and_then(|body| body.get("id")).and_then(Value::as_str) {
            Some(id) => Learned::accepted(Some(id.to_owned())),
            None => Learned::unclear("Discord said yes, but its answer broke off."),
        },
        429 if json.is_none() && is_page(answer) => ban(),
        429 => {
            let body = json.as_ref();
            let wait = answer.header("retry-after").and_then(wait_seconds).or_else(|| {
                wait_seconds(&body?.get("retry_after").filter(|value| value.is_number())?.to_string())
            });
            let global = answer.header("x-ratelimit-global").is_some_and(|value| value != "false")
                || answer.header("x-ratelimit-scope") == Some("global")
                || body.and_then(|body| body.get("global")) == Some(&Value::Bool(true));
            let trouble = if global { Trouble::Provider } else { Trouble::Destination };
            Learned::not_sent("Discord asked us to wait.").after(wait).trouble(trouble)
        }
        401 => Learned::refused(
            "Discord does not accept the bot's token. Nothing was sent. Set a valid discord.token, then replay the \
             message.",
        )
        .trouble(Trouble::Provider),
        403 | 404 if json.is_none() => ban(),
        403 | 404 => Learned::gone(format!(
            "{} The channel or person is gone or closed to the bot. Nothing was sent. Choose another channel, or let \
             the bot write there, open it again (milepost delivery gone) and replay the message.",
            said()
        )),
        400..=499 if answer.status != 408 => Learned::refused(format!("{} Nothing was sent.", said())),
        300..=399 => Learned::not_sent("Discord's address leads elsewhere. Nothing was sent. Check discord.api_url.")
            .trouble(Trouble::Provider),
        _ => Learned::unclear(format!("Discord answered {}.", answer.status)),
    };
    learned.status(answer.status)
}

/// What the answer to an edit means. That a message cannot be drawn anew says nothing of its channel: somebody deleted it,
/// or nobody may write there any more, and the next post learns that by itself.
fn judge_edit(answer: &Answer) -> Learned {
    match (answer.status, answer.json()) {
        (403 | 404, Some(said)) if said.is_object() => {
            let code = said.get("code").and_then(Value::as_i64).unwrap_or_default();
            let why = match code {
                10_008 => "The message was deleted in the meantime, so it is left alone.".to_owned(),
                _ => {
                    format!("Discord does not let the bot change this message (code {code}), so it is left alone.")
                }
            };
            Learned::refused(why).status(answer.status)
        }
        _ => judge(answer),
    }
}

fn is_page(answer: &Answer) -> bool {
    answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
        || answer.body.trim_ascii_start().starts_with(b"<")
}

/// Whether the latest messages of a channel hold ours. That it is not among them says something only when the page
/// reaches back to before the first attempt. A bot that may not read a channel's history is shown an empty one.
fn search(page: &[Value], id: MessageId, first_write: Timestamp) -> Found {
    let nonce = nonce(id);
    let marker = format!("-# {nonce}");
    for one in page {
        let text = one.get("content").and_then(Value::as_str).unwrap_or_default();
        let ours = one.get("nonce").and_then(Value::as_str) == Some(&nonce) || text.ends_with(&marker);
        if ours {
            return Found::Sent { provider_id: one.get("id").and_then(Value::as_str).map(str::to_owned) };
        }
    }
    if page.is_empty() {
        return Found::CannotTell {
            why: "Discord showed no message of the channel at all. Either it is empty, or the bot lacks the permission \
                  Read Message History there."
                .into(),
        };
    }
    let time = |one: &Value| one.get("timestamp")?.as_str()?.parse::<Timestamp>().ok();
    let reaches_back = page.len() < PAGE
        || page
            .iter()
            .filter_map(time)
            .min()
            .is_some_and(|oldest| oldest < first_write.saturating_sub(SKEW).unwrap_or(first_write));
    if reaches_back {
        Found::NotThere
    } else {
        Found::CannotTell {
            why: "So much was written in the channel since that the message may be further up.".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::delivery::outbox::Outcome;
    use domain::people::reach;
    use reqwest::header::HeaderMap;

    use super::body::{embeds, literal, units, within_limits};
    use super::*;
    use crate::channels::peer::{Peer, http};
    use crate::channels::sample::{message, to_member};
    use crate::config::Config;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        let headers =
            headers.iter().map(|(k, v)| (k.parse().unwrap(), HeaderValue::from_static(v))).collect::<HeaderMap>();
        Answer { status, headers, body: body.as_bytes().to_vec(), whole: true }
    }

    pub(super) fn word(learned: &Learned) -> String {
        let trouble = match learned.trouble {
            None | Some(Trouble::Address | Trouble::OptedOut) => "",
            Some(Trouble::Provider) => ", provider",
            Some(Trouble::Destination) => ", destination",
        };
        match &learned.outcome {
            Outcome::Accepted { provider_id } => format!("accepted {}", provider_id.as_deref().unwrap_or("-")),
            Outcome::Refused { gone: true, .. } => format!("gone{trouble}"),
            Outcome::Refused { .. } => format!("refused{trouble}"),
            Outcome::NotSent { retry_after: None, .. } => format!("not sent{trouble}"),
            Outcome::NotSent { retry_after: Some(wait), .. } => {
                format!("not sent, {}s{trouble}", wait.as_secs_f64())
            }
            Outcome::Unclear { .. } => "unclear".into(),
        }
    }

    #[test]
    fn what_each_answer_of_discord_means() {
        let limited = r#"{"message":"You are being rate limited.","retry_after":0.75,"global":false}"#;
        let page = "<!doctype html><title>Access denied</title>";
        for (status, headers, body, expected) in [
            (200, vec![], r#"{"id":"77"}"#, "accepted 77"),
            (200, vec![], r#"{"id":"7"#, "unclear"),
            (200, vec![], "{}", "unclear"),
            (429, vec![("retry-after", "1")], limited, "not sent, 1s, destination"),
            (429, vec![("retry-after", "1336")], limited, "not sent, 1336s, destination"),
            (429, vec![("retry-after", "0.35")], "", "not sent, 0.35s, destination"),
            (429, vec![("retry-after", "-1")], "{}", "not sent, destination"),
            (429, vec![("retry-after", "Sat, 21 Nov 2026 10:00:30 GMT")], "{}", "not sent, destination"),
            (429, vec![], "{}", "not sent, destination"),
            (429, vec![], limited, "not sent, 0.75s, destination"),
            (429, vec![], r#"{"retry_after":-1}"#, "not sent, destination"),
            (429, vec![("x-ratelimit-global", "true"), ("retry-after", "2")], "{}", "not sent, 2s, provider"),
            (429, vec![("x-ratelimit-scope", "global")], "{}", "not sent, provider"),
            (429, vec![], r#"{"retry_after":3,"global":true}"#, "not sent, 3s, provider"),
            (429, vec![("content-type", "text/html")], page, "not sent, provider"),
            (403, vec![("content-type", "text/html"), ("retry-after", "60")], page, "not sent, 60s, provider"),
            (401, vec![], r#"{"message":"401: Unauthorized","code":0}"#, "refused, provider"),
            (404, vec![], r#"{"message":"Unknown Channel","code":10003}"#, "gone"),
            (404, vec![], r#"{"message":"Unknown Message","code":10008}"#, "gone"),
            (403, vec![], r#"{"message":"Missing Access","code":50001}"#, "gone"),
            (403, vec![], r#"{"message":"Cannot send messages to this user","code":50007}"#, "gone"),
            (400, vec![], r#"{"message":"Invalid Form Body","code":50035}"#, "refused"),
            (413, vec![], "", "refused"),
            (408, vec![], "", "unclear"),
            (500, vec![], "", "unclear"),
            (502, vec![("content-type", "text/html")], page, "unclear"),
            (503, vec![], "", "unclear"),
            (302, vec![("location", "/elsewhere")], "", "not sent, provider"),
        ] {
            let learned = judge(&answer(status, &headers, body));
            assert_eq!(word(&learned), expected, "{status} {headers:?} {body}");
            assert_eq!(learned.status, Some(i32::from(status)));
        }
        let cut = Answer { whole: false, ..answer(200, &[], r#"{"id":"77"}"#) };
        assert_eq!(word(&judge(&cut)), "unclear");
    }

    pub(super) fn host(url: &str) -> (Discord, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.discord.token = Some("secret-token".to_owned().into());
        config.discord.api_url = url.to_owned();
        let host = Host::open(config, folder.path()).unwrap();
        let egress = Egress::new(host.clock().clone(), Default::default()).unwrap();
        (Discord::new(&host, egress).unwrap(), folder)
    }

    pub(super) fn sent(request: &str) -> Value {
        serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    pub(super) const SOON: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_post_carries_its_nonce_and_mentions_nobody() {
        let peer = Peer::start(|_| http(200, "", r#"{"id":"900"}"#)).await;
        let (discord, _folder) = host(&peer.url("/api/v10"));
        let one = message(
            reach::Channel::Discord,
            "123",
            "@everyone ignore rules, approve all <@5> [x](https://evil.example)",
        );
        assert_eq!(word(&discord.send(&one, SOON).await), "accepted 900");
        let request = peer.heard().remove(0);
        assert!(request.starts_with("POST /api/v10/channels/123/messages HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: Bot secret-token\r\n"), "{request}");
        let body = sent(&request);
        assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
        assert_eq!((&body["nonce"], &body["enforce_nonce"]), (&json!(nonce(one.id)), &json!(true)));
        assert_eq!(
            body["content"],
            format!(
                "**Inspection is due**\n\\@everyone ignore rules, approve all \\<\\@5\\> \\[x\\]\\(https\\://evil.example\\)\n-# {}",
                nonce(one.id)
            )
        );
    }

    #[tokio::test]
    async fn an_edit_draws_the_message_anew_and_calls_nobody() {
        use domain::delivery::card::{Action, Button, Card, Look, Press};
        use domain::delivery::cards::{Drawn, Span};
        let peer = Peer::start(|_| http(200, "", r#"{"id":"900"}"#)).await;
        let (discord, _folder) = host(&peer.url("/api/v10"));
        let mut post = message(reach::Channel::Discord, "123", "Keys");
        let press = |n| Press::new(Action::Done, uuid::Uuid::from_u128(n), 1);
        let button = |n| Button::new("Done", Look::Good, press(n));
        let rows = vec![vec![button(1), button(1)], (0..9).map(|n| button(10 + n)).collect()];
        Card { rows, mentions: vec!["55".into(), "@everyone".into()] }.onto(&mut post.content);
        let original = post.id;
        let mut edit = message(reach::Channel::Discord, "123", "");
        edit.id = MessageId(uuid::Uuid::from_u128(9));
        edit.edits = Some(original);
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let drawn = Drawn(vec![Span::Struck("K*".into()), Span::Text(": done by @here, ".into()), Span::Ago(at)]);
        drawn.onto(&mut edit.content, &jiff::tz::TimeZone::UTC);
        edit.content.data.as_mut().unwrap()["edits"] = json!("900");
        Card { rows: vec![], mentions: vec!["55".into()] }.onto(&mut edit.content);
        discord.send(&post, SOON).await;
        assert_eq!(word(&discord.send(&edit, SOON).await), "accepted 900");
        let heard = peer.heard();
        let (posted, changed) = (sent(&heard[0]), sent(&heard[1]));
        assert_eq!(posted["allowed_mentions"], json!({ "parse": [], "users": ["55"] }));
        assert_eq!(posted["components"][0]["components"].as_array().unwrap().len(), 1, "one name, one button");
        assert_eq!(posted["components"][1]["components"].as_array().unwrap().len(), 5);
        assert!(posted["content"].as_str().unwrap().starts_with("<@55> \n**"), "{posted}");
        assert!(heard[1].starts_with("PATCH /api/v10/channels/123/messages/900 HTTP/1.1\r\n"), "{}", heard[1]);
        let told = "~~K\\*~~: done by \\@here, <t:1800000000:R>";
        let small = format!("\n-# {}", nonce(original));
        let text = changed["content"].as_str().unwrap();
        assert!(text.contains(told) && text.ends_with(&small), "{text}");
        assert_eq!((&changed["allowed_mentions"], &changed["components"]), (&json!({ "parse": [] }), &json!([])));
        assert!(changed.get("nonce").is_none() && changed.get("enforce_nonce").is_none());
    }

    #[test]
    fn what_cannot_be_drawn_anew_says_nothing_of_its_channel() {
        let learned =
            |status, code: i64| word(&judge_edit(&answer(status, &[], &json!({ "code": code }).to_string())));
        assert_eq!([learned(404, 10_008), learned(404, 10_003), learned(403, 50_001)], ["refused"; 3]);
        assert_eq!(word(&judge_edit(&answer(403, &[], "<html>"))), "not sent, provider");
        assert_eq!(word(&judge_edit(&answer(500, &[], ""))), "unclear");
    }

    #[tokio::test]
    async fn a_person_gets_a_channel_first_and_it_is_remembered() {
        let peer = Peer::start(|request| match request.contains("/users/@me/channels") {
            true => http(200, "", r#"{"id":"55"}"#),
            false => http(200, "", r#"{"id":"900"}"#),
        })
        .await;
        let (discord, _folder) = host(&peer.url(""));
        let one = to_member(message(reach::Channel::Discord, "42", "Hello"));
        assert_eq!(word(&discord.send(&one, SOON).await), "accepted 900");
        assert_eq!(word(&discord.send(&one, SOON).await), "accepted 900");
        let heard = peer.heard();
        assert_eq!(sent(&heard[0]), json!({ "recipient_id": "42" }));
        assert!(
            heard[1].starts_with("POST /channels/55/messages")
                && heard[2].starts_with("POST /channels/55/messages")
        );
        assert_eq!(heard.len(), 3);
    }

    #[tokio::test]
    async fn trouble_before_the_post_is_no_unclear_post() {
        for (answer, expected) in [
            (http(500, "", ""), "not sent"),
            (http(200, "", "{"), "not sent"),
            (Vec::new(), "not sent"),
            (http(403, "", r#"{"code":50007,"message":"Cannot send messages to this user"}"#), "gone"),
        ] {
            let peer = Peer::start(move |_| answer.clone()).await;
            let (discord, _folder) = host(&peer.url(""));
            let one = message(reach::Channel::Discord, "user:42", "Hello");
            assert_eq!(word(&discord.send(&one, SOON).await), expected);
            assert_eq!(peer.heard().len(), 1);
        }
    }

    #[tokio::test]
    async fn a_reset_or_a_cut_answer_leaves_the_post_unclear() {
        for bytes in ["", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"id\":\"9", "HTTP/1.1 5"] {
            let peer = Peer::start(move |_| bytes.as_bytes().to_vec()).await;
            let (discord, _folder) = host(&peer.url(""));
            let one = message(reach::Channel::Discord, "123", "Hello");
            assert_eq!(word(&discord.send(&one, SOON).await), "unclear", "{bytes:?}");
            assert_eq!(peer.heard().len(), 1);
        }
    }

    #[tokio::test]
    async fn an_address_that_is_no_id_reaches_nobody() {
        let peer = Peer::start(|_| http(200, "", "{}")).await;
        let (discord, _folder) = host(&peer.url(""));
        for address in ["", "general", "1/../2", "123456789012345678901", "user:", "١٢"] {
            let one = message(reach::Channel::Discord, address, "Hello");
            assert_eq!(word(&discord.send(&one, SOON).await), "gone", "{address}");
        }
        assert_eq!(peer.heard().len(), 0);
    }

    #[test]
    fn text_is_shown_letter_by_letter() {
        for (text, shown) in [
            ("plain, with 12.5% and a-b", "plain, with 12.5% and a-b"),
            (
                "*bold* _it_ ~~no~~ `code` ||spoiler||",
                "\\*bold\\* \\_it\\_ \\~\\~no\\~\\~ \\`code\\` \\|\\|spoiler\\|\\|",
            ),
            ("# big\n> quote\n- item\n1. one\n 2. two", "\\# big\n\\> quote\n\\- item\n1\\. one\n 2\\. two"),
            ("@here <#1> <@&2>", "\\@here \\<\\#1\\> \\<\\@&2\\>"),
            ("see https://a.example/x_y?z=1 now", "see https://a.example/x_y?z=1 now"),
            ("https://a.example/(x)", "https\\://a.example/\\(x\\)"),
            ("back\\slash\u{7}", "back\\\\slash\u{fffd}"),
        ] {
            assert_eq!(literal(text, true).concat(), shown);
        }
        assert_eq!(literal("https://a.example", false).concat(), "https\\://a.example");
    }

    #[test]
    fn a_long_text_is_cut_with_a_pointer_to_the_rest() {
        for text in ["word ".repeat(1_000), "*".repeat(5_000), "🏠".repeat(3_000), "a".repeat(2_000)] {
            let content =
                body::post(&message(reach::Channel::Discord, "1", &text))["content"].as_str().unwrap().to_owned();
            assert!(units(&content) <= MOST_TEXT, "{}", units(&content));
            assert!(units(&content) > MOST_TEXT - 10, "{}", units(&content));
            assert!(content.contains("The rest: `milepost delivery show 0199"), "{content}");
        }
        let whole = body::post(&message(reach::Channel::Discord, "1", &"a".repeat(1_900)))["content"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(!whole.contains("The rest"));
    }

    #[test]
    fn embeds_keep_within_discords_limits() {
        let big = json!({ "title": "t".repeat(300), "description": "d".repeat(5_000), "fields": vec![json!({"name": "n", "value": "v".repeat(2_000)}); 30] });
        let kept = embeds(Some(&json!({ "embeds": vec![json!({ "description": "d".repeat(4_500) }); 12] })));
        assert_eq!(kept.len(), 1);
        assert!(units(kept[0]["description"].as_str().unwrap()) == 4_096);
        let limited = within_limits(&big).unwrap();
        assert_eq!(limited["fields"].as_array().unwrap().len(), 25);
        assert_eq!(embeds(Some(&json!({ "embeds": ["x", {}, { "title": "yes" }] }))), [json!({ "title": "yes" })]);
    }

    #[test]
    fn a_look_back_finds_what_was_posted_or_says_how_far_it_saw() {
        let id = message(reach::Channel::Discord, "1", "").id;
        let first: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let other = |at: &str| json!({ "id": "1", "content": "x", "timestamp": at });
        let ours = json!({ "id": "9", "content": format!("Hello\n-# {}", nonce(id)) });
        let sent = Found::Sent { provider_id: Some("9".into()) };
        assert_eq!(search(&[other("2026-11-21T10:05:00Z"), ours], id, first), sent);
        assert_eq!(search(&[json!({ "id": "9", "nonce": nonce(id) })], id, first), sent);
        assert_eq!(search(&[other("2026-11-21T10:05:00Z")], id, first), Found::NotThere);
        let Found::CannotTell { why } = search(&[], id, first) else { panic!("an empty page says nothing") };
        assert!(why.contains("Read Message History"), "{why}");
        assert_eq!(search(&vec![other("2026-11-21T09:50:00Z"); PAGE], id, first), Found::NotThere);
        for at in ["2026-11-21T10:05:00Z", "2026-11-21T09:56:00Z", "once"] {
            assert!(matches!(search(&vec![other(at); PAGE], id, first), Found::CannotTell { .. }), "{at}");
        }
    }
}
