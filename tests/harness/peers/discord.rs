//! The part of Discord that is written to: channels, direct messages, nonces, buckets. It refuses what Discord refuses,
//! and what would hurt people although Discord allows it, such as a message without `allowed_mentions`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host::Clock;
use serde_json::{Value, json};

use super::http::{Answer, Asked, Peer, Server, held, is_http_peer};
use super::ledger::{Arrival, Mark};

/// The only token it knows.
const TOKEN: &str = "fake.discord.token";
/// The start of Discord's own time, in milliseconds of ours.
const EPOCH: i64 = 1_420_070_400_000;
/// For how long a nonce is remembered. Discord says "a few minutes".
const WINDOW: Duration = Duration::from_secs(120);

/// How much it takes before it answers 429. Without any, nothing is limited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// So many messages in a channel in such a time.
    pub channel: Option<(u32, Duration)>,
    /// So many requests of all kinds in a second.
    pub global: Option<u32>,
}

/// A message that people see.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    pub id: String,
    pub channel: String,
    pub nonce: Option<String>,
    /// The whole request's body.
    pub body: Value,
    /// On the peer's clock.
    pub at: Duration,
}

#[derive(Default)]
struct State {
    posted: Vec<Posted>,
    /// Which message a nonce belongs to in a channel.
    nonces: HashMap<(String, String), usize>,
    direct: HashMap<String, String>,
    gone: HashSet<String>,
    closed: HashSet<String>,
    /// What is wrong with what it was asked, in words.
    mistakes: Vec<String>,
    limits: Limits,
    counted: HashMap<String, Vec<Duration>>,
    next_id: i64,
}

struct Rest {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

/// Discord's REST half, version 10.
pub struct FakeDiscord {
    pub(super) server: Server,
    state: Arc<Mutex<State>>,
}

is_http_peer!(FakeDiscord);

impl FakeDiscord {
    /// Its windows pass on this clock, so that a story moves them by hand.
    pub fn start(clock: &Clock) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let server = Server::start(Rest { clock: clock.clone(), state: Arc::clone(&state) });
        Self { server, state }
    }

    /// As `discord.api_url` in the settings.
    pub fn url(&self) -> String {
        format!("http://{}/api/v10", self.server.address())
    }

    /// As `discord.token` in the settings.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// What people see, channel after channel in the order in which it came.
    pub fn posted(&self) -> Vec<Posted> {
        held(&self.state).posted.clone()
    }

    /// Everything that Discord would have refused, or that we never want to send.
    pub fn mistakes(&self) -> Vec<String> {
        held(&self.state).mistakes.clone()
    }

    pub fn set_limits(&self, limits: Limits) {
        held(&self.state).limits = limits;
    }

    /// The channel was deleted.
    pub fn delete_channel(&self, channel: &str) {
        held(&self.state).gone.insert(channel.into());
    }

    /// The bot may not see the channel any more.
    pub fn lock_out(&self, channel: &str) {
        held(&self.state).closed.insert(channel.into());
    }

    /// It may again.
    pub fn let_in(&self, channel: &str) {
        held(&self.state).closed.remove(channel);
    }

    /// Somebody else writes into a channel.
    pub fn chatter(&self, clock: &Clock, channel: &str, text: &str) {
        let mut state = held(&self.state);
        let body = json!({ "content": text });
        state.post(clock, channel, None, body);
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        let of = |posted: Posted| Arrival {
            mark: Mark::Text(posted.body.to_string()),
            to: posted.channel,
            provider_id: Some(posted.id),
        };
        // What others write has no nonce.
        self.posted().into_iter().filter(|posted| posted.nonce.is_some()).map(of).collect()
    }
}

impl State {
    fn id(&mut self, clock: &Clock) -> String {
        self.next_id += 1;
        (((clock.now().as_millisecond() - EPOCH) << 22) + self.next_id).to_string()
    }

    fn post(&mut self, clock: &Clock, channel: &str, nonce: Option<String>, body: Value) -> usize {
        let id = self.id(clock);
        let at = clock.elapsed();
        self.posted.push(Posted { id, channel: channel.into(), nonce: nonce.clone(), body, at });
        let index = self.posted.len() - 1;
        if let Some(nonce) = nonce {
            self.nonces.insert((channel.into(), nonce), index);
        }
        index
    }

    /// Counts a request against a bucket; how long to wait when it is full.
    fn full(&mut self, bucket: &str, most: u32, window: Duration, now: Duration) -> Option<Duration> {
        let counted = self.counted.entry(bucket.into()).or_default();
        counted.retain(|at| now.saturating_sub(*at) < window);
        if (counted.len() as u32) < most {
            counted.push(now);
            return None;
        }
        counted.first().map(|first| window.saturating_sub(now.saturating_sub(*first)))
    }
}

fn no(status: u16, code: u32, message: &str) -> Answer {
    Answer::json(status, &json!({ "message": message, "code": code }))
}

fn too_many(wait: Duration, global: bool) -> Answer {
    let seconds = wait.as_secs_f64();
    let body = json!({ "message": "You are being rate limited.", "retry_after": seconds, "global": global });
    let answer = Answer::json(429, &body).with("retry-after", &wait.as_secs().max(1).to_string());
    let answer = answer.with("x-ratelimit-scope", if global { "global" } else { "user" });
    if global { answer.with("x-ratelimit-global", "true") } else { answer }
}

impl Peer for Rest {
    fn take(&self, asked: &Asked) -> Answer {
        let mut state = held(&self.state);
        let now = self.clock.elapsed();
        if let Some(most) = state.limits.global
            && let Some(wait) = state.full("global", most, Duration::from_secs(1), now)
        {
            return too_many(wait, true);
        }
        if asked.header("authorization") != Some(&format!("Bot {TOKEN}")) {
            return no(401, 0, "401: Unauthorized");
        }
        if asked.header("user-agent").is_none_or(str::is_empty) {
            state.mistakes.push(format!("{} {} has no user agent", asked.method, asked.path));
        }
        match (asked.method.as_str(), asked.parts().as_slice()) {
            ("POST", ["api", "v10", "channels", channel, "messages"]) => self.create(&mut state, channel, asked),
            ("GET", ["api", "v10", "channels", channel, "messages"]) => self.list(&state, channel, asked),
            ("POST", ["api", "v10", "users", "@me", "channels"]) => self.open_direct(&mut state, asked),
            ("GET", ["api", "v10", "users", "@me"]) => {
                Answer::json(200, &json!({ "id": "1000", "username": "milepost", "bot": true }))
            }
            _ => {
                state.mistakes.push(format!("{} {} is nothing that Discord has", asked.method, asked.path));
                no(404, 0, "404: Not Found")
            }
        }
    }
}

impl Rest {
    fn reachable(state: &State, channel: &str) -> Option<Answer> {
        if state.gone.contains(channel) || channel.parse::<u64>().is_err() {
            return Some(no(404, 10_003, "Unknown Channel"));
        }
        state.closed.contains(channel).then(|| no(403, 50_001, "Missing Access"))
    }

    fn create(&self, state: &mut State, channel: &str, asked: &Asked) -> Answer {
        if let Some(no) = Self::reachable(state, channel) {
            return no;
        }
        let now = self.clock.elapsed();
        let mut headers = Vec::new();
        if let Some((most, window)) = state.limits.channel {
            if let Some(wait) = state.full(channel, most, window, now) {
                return too_many(wait, false);
            }
            let left = most as usize - state.counted[channel].len();
            headers.push(("x-ratelimit-limit", most.to_string()));
            headers.push(("x-ratelimit-remaining", left.to_string()));
            headers.push(("x-ratelimit-reset-after", format!("{:.3}", window.as_secs_f64())));
            headers.push(("x-ratelimit-bucket", "messages".to_owned()));
        }
        let body = asked.json();
        let wrong = wrong_with(&body, asked);
        if !wrong.is_empty() {
            let empty = wrong.iter().any(|sentence| sentence.contains("empty message"));
            let said = wrong.join("; ");
            state.mistakes.extend(wrong);
            return no(400, if empty { 50_006 } else { 50_035 }, &format!("Invalid Form Body: {said}"));
        }
        let nonce = match &body["nonce"] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let known = nonce.as_ref().filter(|_| body["enforce_nonce"] == true).and_then(|nonce| {
            let index = *state.nonces.get(&(channel.to_owned(), nonce.clone()))?;
            (now.saturating_sub(state.posted[index].at) < WINDOW).then_some(index)
        });
        let index = known.unwrap_or_else(|| state.post(&self.clock, channel, nonce, body));
        let answer = Answer::json(200, &self.shown(&state.posted[index]));
        headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value))
    }

    /// A message as Discord shows it.
    fn shown(&self, posted: &Posted) -> Value {
        let ms = (posted.id.parse::<i64>().unwrap_or(0) >> 22) + EPOCH;
        let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
        let mut shown = json!({
            "id": posted.id,
            "channel_id": posted.channel,
            "timestamp": at.to_string(),
            "content": posted.body["content"].as_str().unwrap_or_default(),
            "embeds": posted.body.get("embeds").cloned().unwrap_or_else(|| json!([])),
            "author": { "id": "1000", "username": "milepost", "bot": true },
            "attachments": [], "mentions": [], "mention_roles": [], "mention_everyone": false,
            "pinned": false, "tts": false, "type": 0,
        });
        if let Some(nonce) = &posted.nonce {
            shown["nonce"] = json!(nonce);
        }
        shown
    }

    /// The newest first; `limit`, `before` and `after` as Discord has them.
    fn list(&self, state: &State, channel: &str, asked: &Asked) -> Answer {
        if let Some(no) = Self::reachable(state, channel) {
            return no;
        }
        let query: HashMap<String, String> = asked.query().into_iter().collect();
        let number = |name: &str| query.get(name).and_then(|value| value.parse::<i64>().ok());
        let limit = number("limit").unwrap_or(50);
        if !(1..=100).contains(&limit) {
            return no(400, 50_035, "Invalid Form Body: limit is not between 1 and 100");
        }
        let id = |posted: &Posted| posted.id.parse::<i64>().unwrap_or(0);
        let mut found: Vec<&Posted> = state
            .posted
            .iter()
            .filter(|posted| posted.channel == channel)
            .filter(|posted| number("before").is_none_or(|before| id(posted) < before))
            .filter(|posted| number("after").is_none_or(|after| id(posted) > after))
            .collect();
        // By id: an older clock gives smaller ids, as it does there.
        found.sort_by_key(|posted| std::cmp::Reverse(id(posted)));
        let page = match number("after") {
            Some(_) => &found[found.len().saturating_sub(limit as usize)..],
            None => &found[..found.len().min(limit as usize)],
        };
        Answer::json(200, &Value::Array(page.iter().map(|posted| self.shown(posted)).collect()))
    }

    fn open_direct(&self, state: &mut State, asked: &Asked) -> Answer {
        let body = asked.json();
        let Some(user) = body["recipient_id"].as_str().filter(|id| id.parse::<u64>().is_ok()) else {
            state.mistakes.push("a direct message to nobody".into());
            return no(400, 50_033, "Invalid Recipient(s)");
        };
        let known = state.direct.get(user).cloned();
        let id = known.unwrap_or_else(|| state.id(&self.clock));
        state.direct.insert(user.into(), id.clone());
        Answer::json(200, &json!({ "id": id, "type": 1, "recipients": [{ "id": user }] }))
    }
}

/// What Discord would refuse about a message, and what we never want to send.
fn wrong_with(body: &Value, asked: &Asked) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, sentence: String| {
        if !holds {
            wrong.push(sentence);
        }
    };
    must(
        asked.header("content-type").is_some_and(|kind| kind.starts_with("application/json")),
        "the body is not declared as JSON".into(),
    );
    must(body.is_object(), "the body is no JSON object".into());
    let length = |value: &Value| value.as_str().unwrap_or_default().chars().count();
    let content = length(&body["content"]);
    must(content <= 2_000, format!("content has {content} characters, at most 2000 are taken"));
    let none = Vec::new();
    let embeds = body["embeds"].as_array().unwrap_or(&none);
    must(embeds.len() <= 10, format!("{} embeds, at most 10 are taken", embeds.len()));
    let mut total = 0;
    for embed in embeds {
        let fields = embed["fields"].as_array().unwrap_or(&none);
        must(fields.len() <= 25, format!("an embed of {} fields, at most 25 are taken", fields.len()));
        let bounded = [
            ("title", length(&embed["title"]), 256),
            ("description", length(&embed["description"]), 4_096),
            ("footer.text", length(&embed["footer"]["text"]), 2_048),
            ("author.name", length(&embed["author"]["name"]), 256),
        ];
        let names = fields.iter().map(|field| ("field name", length(&field["name"]), 256));
        let values = fields.iter().map(|field| ("field value", length(&field["value"]), 1_024));
        for (name, has, most) in bounded.into_iter().chain(names).chain(values) {
            total += has;
            must(has <= most, format!("an embed's {name} has {has} characters, at most {most} are taken"));
        }
        for field in fields {
            let both = length(&field["name"]) > 0 && length(&field["value"]) > 0;
            must(both, "an embed's field has no name or no value".into());
        }
    }
    must(total <= 6_000, format!("the embeds have {total} characters together, at most 6000 are taken"));
    let text = body["content"].as_str().is_some_and(|text| !text.trim().is_empty());
    must(text || !embeds.is_empty(), "an empty message".into());
    let mentions = &body["allowed_mentions"];
    must(mentions.is_object(), "allowed_mentions is missing: everybody in the text would be called".into());
    let parsed = mentions["parse"].as_array().map_or(0, Vec::len);
    must(parsed == 0, "allowed_mentions.parse is not empty".into());
    let nonce = match &body["nonce"] {
        Value::Null => 0,
        Value::Number(number) => number.to_string().len(),
        nonce => length(nonce),
    };
    must(nonce <= 25, format!("a nonce of {nonce} characters, at most 25 are taken"));
    must(body["enforce_nonce"] != true || nonce > 0, "enforce_nonce without a nonce".into());
    wrong
}
