//! Messages: how they come into a channel, change, and are read, and where the bot may do so.

use std::time::Duration;

use serde_json::{Value, json};

use super::multipart::{Sent, attachments};
use super::rest::{Answered, Request, no, nothing, too_many};
use super::state::{Channel, Kind, Message, State, permission};
use super::{APP, Attachment, Posted, rules, threads};
use crate::peers::{Answer, Asked};

/// For how long a nonce is remembered. Discord says "a few minutes".
const WINDOW: Duration = Duration::from_secs(120);

impl State {
    /// A channel that exists and in which the bot has these rights.
    pub fn reach(&mut self, id: &str, needs: u64) -> Result<Channel, Answer> {
        let unknown = || no(404, 10_003, "Unknown Channel");
        if self.gone.contains(id) || id.parse::<u64>().is_err() {
            return Err(unknown());
        }
        // A story without guilds names channels as it likes.
        let nameless =
            Channel { id: id.into(), guild: None, name: format!("channel-{id}"), kind: Kind::Text, bot_may: None };
        let known = self.channels.get(id).cloned();
        let channel = known.or(self.guilds.is_empty().then_some(nameless)).ok_or_else(unknown)?;
        if channel.guild.as_ref().and_then(|id| self.guilds.get(id)).is_some_and(|guild| !guild.has_bot) {
            return Err(no(403, 50_001, "Missing Access"));
        }
        if let Kind::Direct(_) = &channel.kind {
            return Ok(channel);
        }
        let has = self.bot_may(&channel);
        if has & permission::VIEW_CHANNEL == 0 {
            return Err(no(403, 50_001, "Missing Access"));
        }
        if has & needs != needs {
            return Err(no(403, 50_013, "Missing Permissions"));
        }
        Ok(channel)
    }

    /// The files with ids of their own.
    pub fn keep_files(&mut self, files: Vec<Attachment>) -> Vec<Attachment> {
        let with_id = |mut file: Attachment| {
            if file.id.is_empty() {
                file.id = self.id();
            }
            file
        };
        files.into_iter().map(with_id).collect()
    }

    /// A message as its body has it, in no channel's list yet.
    pub fn message_of(&mut self, channel: &str, author: &str, body: &Value, files: Vec<Attachment>) -> Message {
        let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        Message {
            id: self.id(),
            channel: channel.into(),
            author: author.into(),
            content: body["content"].as_str().unwrap_or_default().into(),
            embeds: list("embeds"),
            components: list("components"),
            attachments: self.keep_files(files),
            nonce: None,
            flags: body["flags"].as_u64().unwrap_or(0),
            edited: None,
            revisions: 0,
            only_for: None,
            interaction: None,
            loading: false,
        }
    }

    pub fn keep(&mut self, message: Message) {
        self.messages.insert(message.id.parse().unwrap_or(0), message);
        self.moves();
    }

    pub fn message(&self, id: &str) -> Option<&Message> {
        self.messages.get(&id.parse().ok()?)
    }

    /// Changes what the body names. What is wrong with it, in words.
    pub fn change(&mut self, id: &str, sent: &Sent) -> Result<(), String> {
        let (Ok(number), now) = (id.parse::<u64>(), self.clock.now().to_string()) else { return Ok(()) };
        let Some(mut message) = self.messages.get(&number).cloned() else { return Ok(()) };
        if !sent.body["content"].is_null() || sent.body.get("content").is_some() {
            message.content = sent.body["content"].as_str().unwrap_or_default().into();
        }
        if let Some(embeds) = sent.body["embeds"].as_array() {
            message.embeds = embeds.clone();
        }
        if let Some(components) = sent.body["components"].as_array() {
            message.components = components.clone();
        }
        let files = attachments(sent, &message.attachments)?;
        message.attachments = self.keep_files(files);
        if message.content.trim().is_empty() && message.embeds.is_empty() && message.attachments.is_empty() {
            return Err("an empty message".into());
        }
        message.edited = Some(now);
        message.revisions += 1;
        self.messages.insert(number, message);
        self.moves();
        Ok(())
    }
}

pub(super) fn in_channel(state: &mut State, request: &Request<'_>, channel: &str, rest: &[&str]) -> Answered {
    use permission::{CREATE_PUBLIC_THREADS, READ_MESSAGE_HISTORY, VIEW_CHANNEL};
    let ok = |body: Value| Ok(Answer::json(200, &body));
    match (request.method, rest) {
        ("GET", []) => {
            let found = state.reach(channel, VIEW_CHANNEL)?;
            ok(state.channel_json(&found))
        }
        ("PATCH", []) => threads::change(state, request, channel),
        ("POST", ["messages"]) => create(state, request, channel),
        ("GET", ["messages"]) => {
            state.reach(channel, READ_MESSAGE_HISTORY)?;
            page(state, channel, request.asked)
        }
        ("GET", ["messages", id]) => {
            state.reach(channel, READ_MESSAGE_HISTORY)?;
            ok(state.message_json(&seen(state, channel, id)?))
        }
        ("PATCH", ["messages", id]) => {
            let found = state.reach(channel, VIEW_CHANNEL)?;
            let message = seen(state, channel, id)?;
            if matches!(found.kind, Kind::Thread { archived: true, .. }) {
                return Err(no(400, 50_083, "Thread is archived"));
            }
            if message.author != APP {
                return Err(no(403, 50_005, "Cannot edit a message authored by another user"));
            }
            request.check(state, rules::changed_message(&request.sent.body))?;
            if let Err(wrong) = state.change(id, request.sent) {
                request.check(state, vec![wrong])?;
            }
            for posted in state.posted.iter_mut().filter(|posted| posted.id == *id) {
                for (field, value) in request.sent.body.as_object().into_iter().flatten() {
                    posted.body[field] = value.clone();
                }
            }
            state.changes += 1;
            ok(state.message_json(&seen(state, channel, id)?))
        }
        ("DELETE", ["messages", id]) => {
            state.reach(channel, VIEW_CHANNEL)?;
            seen(state, channel, id)?;
            state.messages.remove(&id.parse().unwrap_or(0));
            state.moves();
            Ok(Answer::empty(204))
        }
        ("POST", ["messages", id, "threads"]) => {
            let found = state.reach(channel, CREATE_PUBLIC_THREADS)?;
            seen(state, channel, id)?;
            threads::open(state, request, &found, Some(id))
        }
        ("POST", ["threads"]) => {
            let found = state.reach(channel, CREATE_PUBLIC_THREADS)?;
            threads::open(state, request, &found, None)
        }
        _ => nothing(state, request),
    }
}

/// A message that everybody in the channel sees. What only one person sees is not there for these routes.
fn seen(state: &State, channel: &str, id: &str) -> Result<Message, Answer> {
    let found = state.message(id).filter(|message| message.channel == channel && message.only_for.is_none());
    found.cloned().ok_or_else(|| no(404, 10_008, "Unknown Message"))
}

fn create(state: &mut State, request: &Request<'_>, channel: &str) -> Answered {
    let mut needs = permission::SEND_MESSAGES;
    if matches!(state.channels.get(channel).map(|c| &c.kind), Some(Kind::Thread { .. })) {
        needs = permission::SEND_MESSAGES_IN_THREADS;
    }
    if !request.sent.files.is_empty() {
        needs |= permission::ATTACH_FILES;
    }
    let found = state.reach(channel, needs)?;
    if let Kind::Direct(user) = &found.kind
        && state.users.get(user).is_some_and(|user| user.closed)
    {
        return Err(no(403, 50_007, "Cannot send messages to this user"));
    }
    let now = state.clock.elapsed();
    let mut headers = Vec::new();
    if let Some((most, window)) = state.limits.channel {
        if let Some(wait) = state.full(channel, most, window, now) {
            return Err(too_many(wait, false));
        }
        let left = most as usize - state.counted[channel].len();
        headers.push(("x-ratelimit-limit", most.to_string()));
        headers.push(("x-ratelimit-remaining", left.to_string()));
        headers.push(("x-ratelimit-reset-after", format!("{:.3}", window.as_secs_f64())));
        headers.push(("x-ratelimit-bucket", "messages".to_owned()));
    }
    let sent = request.sent;
    let files = attachments(sent, &[]);
    let mut wrong = rules::new_message(&sent.body, sent.files.len());
    wrong.extend(files.as_ref().err().cloned());
    request.check(state, wrong)?;
    let nonce = match &sent.body["nonce"] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let known = nonce.as_ref().filter(|_| sent.body["enforce_nonce"] == true).and_then(|nonce| {
        let index = *state.nonces.get(&(channel.to_owned(), nonce.clone()))?;
        (now.saturating_sub(state.posted[index].at) < WINDOW).then(|| state.posted[index].id.clone())
    });
    threads::wake(state, &found)?;
    let id = known.unwrap_or_else(|| state.post(channel, APP, nonce, &sent.body, files.unwrap_or_default()));
    // A message that was deleted since is still what the nonce stands for.
    let message = state.message(&id).cloned().ok_or_else(|| no(404, 10_008, "Unknown Message"))?;
    let answer = Answer::json(200, &state.message_json(&message));
    Ok(headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value)))
}

impl State {
    /// A message that everybody in the channel sees.
    pub fn post(
        &mut self,
        channel: &str,
        author: &str,
        nonce: Option<String>,
        body: &Value,
        files: Vec<Attachment>,
    ) -> String {
        let mut message = self.message_of(channel, author, body, files);
        message.nonce.clone_from(&nonce);
        let (id, at) = (message.id.clone(), self.clock.elapsed());
        self.posted.push(Posted {
            id: id.clone(),
            channel: channel.into(),
            nonce: nonce.clone(),
            body: body.clone(),
            at,
        });
        if let Some(nonce) = nonce {
            self.nonces.insert((channel.into(), nonce), self.posted.len() - 1);
        }
        self.keep(message);
        id
    }
}

/// The newest first; `limit`, `before` and `after` as Discord has them.
fn page(state: &State, channel: &str, asked: &Asked) -> Answered {
    let query = asked.query();
    let number =
        |name: &str| query.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.parse::<u64>().ok());
    let limit = number("limit").unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(no(400, 50_035, "Invalid Form Body: limit is not between 1 and 100"));
    }
    // By id: an older clock gives smaller ids, as it does there.
    let found = state.messages.iter().rev().filter(|(id, message)| {
        message.channel == channel
            && message.only_for.is_none()
            && number("before").is_none_or(|before| **id < before)
            && number("after").is_none_or(|after| **id > after)
    });
    let found: Vec<Value> = found.map(|(_, message)| state.message_json(message)).collect();
    let limit = limit as usize;
    let page = match number("after") {
        Some(_) => &found[found.len().saturating_sub(limit)..],
        None => &found[..found.len().min(limit)],
    };
    Ok(Answer::json(200, &json!(page)))
}

pub(super) fn open_direct(state: &mut State, request: &Request<'_>) -> Answered {
    let Some(user) = request.sent.body["recipient_id"].as_str().filter(|id| id.parse::<u64>().is_ok()) else {
        state.mistake("a direct message to nobody");
        return Err(no(400, 50_033, "Invalid Recipient(s)"));
    };
    request.check(state, Vec::new())?;
    let channel = state.direct(user);
    Ok(Answer::json(200, &state.channel_json(&state.channels[&channel])))
}

impl State {
    /// The channel between the bot and a person.
    pub fn direct(&mut self, user: &str) -> String {
        let with = |channel: &&Channel| matches!(&channel.kind, Kind::Direct(whom) if whom == user);
        if let Some(channel) = self.channels.values().find(with) {
            return channel.id.clone();
        }
        let id = self.id();
        let channel = Channel {
            id: id.clone(),
            guild: None,
            name: String::new(),
            kind: Kind::Direct(user.into()),
            bot_may: None,
        };
        self.channels.insert(id.clone(), channel);
        id
    }
}

/// The bytes of a file, at the address that its message tells.
pub(super) fn file(state: &State, channel: &str, id: &str) -> Answer {
    let of = state.messages.values().filter(|message| message.channel == channel);
    let found = of.flat_map(|message| &message.attachments).find(|file| file.id == id);
    found.map_or_else(
        || no(404, 0, "404: Not Found"),
        |file| Answer::empty(200).with("content-type", &file.content_type).saying(file.bytes.clone()),
    )
}
