//! What the bot asks and does over REST, apart from its answers to interactions.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::multipart::Sent;
use super::state::{Known, State, merge};
use super::{APP, TOKEN, commands, gateway, interactions, messages, openapi, rules};
use crate::peers::http::{GoesOn, Peer, held};
use crate::peers::{Answer, Asked};

pub(super) struct Rest(pub Known);

/// A request that is being answered.
pub(super) struct Request<'a> {
    pub asked: &'a Asked,
    pub method: &'a str,
    /// After `/api/v10`.
    pub parts: &'a [&'a str],
    pub sent: &'a Sent,
}

pub(super) type Answered = Result<Answer, Answer>;

pub(super) fn no(status: u16, code: u32, message: &str) -> Answer {
    Answer::json(status, &json!({ "message": message, "code": code }))
}

pub(super) fn too_many(wait: Duration, global: bool) -> Answer {
    let seconds = wait.as_secs_f64();
    let body =
        json!({ "message": "You are being rate limited.", "retry_after": seconds, "global": global, "code": 0 });
    let answer = Answer::json(429, &body).with("retry-after", &wait.as_secs().max(1).to_string());
    let answer = answer.with("x-ratelimit-scope", if global { "global" } else { "user" });
    if global { answer.with("x-ratelimit-global", "true") } else { answer }
}

impl State {
    /// Counts a request against a bucket; how long to wait when it is full.
    pub fn full(&mut self, bucket: &str, most: u32, window: Duration, now: Duration) -> Option<Duration> {
        let counted = self.counted.entry(bucket.into()).or_default();
        counted.retain(|at| now.saturating_sub(*at) < window);
        if (counted.len() as u32) < most {
            counted.push(now);
            return None;
        }
        counted.first().map(|first| window.saturating_sub(now.saturating_sub(*first)))
    }
}

impl Request<'_> {
    /// Notes what is wrong with the request, and refuses it then. Discord's description is only asked where our own rules
    /// have nothing to say, so that a mistake is named once.
    pub fn check(&self, state: &mut State, mut wrong: Vec<String>) -> Result<(), Answer> {
        wrong.extend(self.sent.wrong.clone());
        if wrong.is_empty() {
            let described = openapi::request(self.method, self.parts, &self.sent.body);
            let route = format!("{} /{}", self.method, self.parts.join("/"));
            wrong.extend(described.into_iter().map(|sentence| format!("{route}: {sentence}")));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let code = if wrong.iter().any(|sentence| sentence.contains("empty message")) { 50_006 } else { 50_035 };
        let said = wrong.join("; ");
        state.mistakes.extend(wrong);
        Err(no(400, code, &format!("Invalid Form Body: {said}")))
    }
}

impl Peer for Rest {
    fn take(&self, asked: &Asked) -> Answer {
        let sent = Sent::of(asked);
        let all = asked.parts();
        let mut state = held(&self.0);
        if let (["attachments", channel, id, _], "GET") = (all.as_slice(), asked.method.as_str()) {
            return messages::file(&state, channel, id);
        }
        let parts = match all.as_slice() {
            ["api", "v10", parts @ ..] => parts,
            _ => {
                state.mistake(format!("{} {} is nothing that Discord has", asked.method, asked.path));
                return no(404, 0, "404: Not Found");
            }
        };
        let request = Request { asked, method: &asked.method, parts, sent: &sent };
        let answer = route(&mut state, &request).unwrap_or_else(|no| no);
        let body = (!answer.body.is_empty()).then(|| serde_json::from_slice(&answer.body).unwrap_or_default());
        for wrong in openapi::response(&asked.method, parts, answer.status, body.as_ref()) {
            state.mistake(format!("the double answers {} /{}: {wrong}", asked.method, parts.join("/")));
        }
        answer
    }

    fn upgrade(&self, asked: &Asked, stream: TcpStream, rest: Vec<u8>) -> GoesOn {
        gateway::connect(self.0.clone(), asked, stream, rest)
    }
}

fn route(state: &mut State, request: &Request<'_>) -> Answered {
    let (asked, parts) = (request.asked, request.parts);
    let by_token = matches!(parts, ["interactions" | "webhooks", ..]);
    let now = state.clock.elapsed();
    if let Some(most) = state.limits.global
        && !by_token
        && let Some(wait) = state.full("global", most, Duration::from_secs(1), now)
    {
        return Err(too_many(wait, true));
    }
    // Anybody may ask where the gateway is.
    if !by_token && parts != ["gateway"] && asked.header("authorization") != Some(&format!("Bot {TOKEN}")) {
        return Err(no(401, 0, "401: Unauthorized"));
    }
    if asked.header("user-agent").is_none_or(str::is_empty) {
        state.mistake(format!("{} {} has no user agent", asked.method, asked.path));
    }
    let ok = |body: Value| Ok(Answer::json(200, &body));
    match (request.method, parts) {
        ("GET", ["gateway"]) => ok(json!({ "url": state.address.replacen("http", "ws", 1) })),
        ("GET", ["gateway", "bot"]) => {
            let limit = json!({ "total": 1_000, "remaining": 1_000u64.saturating_sub(state.sessions.identifies as u64),
                "reset_after": 86_400_000, "max_concurrency": 1 });
            let url = state.address.replacen("http", "ws", 1);
            ok(json!({ "url": url, "shards": 1, "session_start_limit": limit }))
        }
        ("GET", ["users", "@me"]) => {
            let mut me = state.user_json(APP);
            merge(&mut me, json!({ "mfa_enabled": true, "locale": "en-US", "verified": true, "email": null }));
            ok(me)
        }
        ("GET", ["oauth2", "applications", "@me"] | ["applications", "@me"]) => ok(application(state)),
        ("GET" | "PUT", ["applications", APP, "commands"]) => command_set(state, request, None),
        ("GET" | "PUT", ["applications", APP, "guilds", guild, "commands"]) => {
            known_guild(state, guild)?;
            command_set(state, request, Some((*guild).to_owned()))
        }
        ("POST", ["users", "@me", "channels"]) => messages::open_direct(state, request),
        ("GET", ["guilds", guild]) => {
            known_guild(state, guild)?;
            ok(state.guild_json(&state.guilds[*guild]))
        }
        ("GET", ["guilds", guild, "members", user]) => {
            known_guild(state, guild)?;
            let guild = &state.guilds[*guild];
            let there = guild.members.contains_key(*user);
            if there { ok(state.member_json(guild, user, true)) } else { Err(no(404, 10_007, "Unknown Member")) }
        }
        ("GET", ["guilds", guild, "roles"]) => {
            known_guild(state, guild)?;
            ok(state.guild_json(&state.guilds[*guild])["roles"].take())
        }
        ("GET", ["guilds", guild, "channels"]) => {
            known_guild(state, guild)?;
            let created = state.guild_create(&state.guilds[*guild]);
            ok(created["channels"].clone())
        }
        (_, ["channels", channel, rest @ ..]) => messages::in_channel(state, request, channel, rest),
        (_, ["interactions" | "webhooks", ..]) => interactions::route(state, request),
        _ => nothing(state, request),
    }
}

pub(super) fn nothing(state: &mut State, request: &Request<'_>) -> Answered {
    state.mistake(format!("{} {} is nothing that this Discord has", request.method, request.asked.path));
    Err(no(404, 0, "404: Not Found"))
}

fn known_guild(state: &State, guild: &str) -> Result<(), Answer> {
    match state.guilds.get(guild) {
        Some(guild) if guild.has_bot => Ok(()),
        Some(_) => Err(no(403, 50_001, "Missing Access")),
        None => Err(no(404, 10_004, "Unknown Guild")),
    }
}

fn command_set(state: &mut State, request: &Request<'_>, guild: Option<String>) -> Answered {
    if request.method == "PUT" {
        state.command_puts += 1;
        request.check(state, commands::wrong_with(&request.sent.body))?;
        let mut all = Vec::new();
        let had = state.commands.remove(&guild).unwrap_or_default();
        for command in rules::list(&request.sent.body) {
            let mut kept = command.clone();
            let kind = command["type"].as_u64().unwrap_or(1);
            let before = had.iter().find(|old| old["name"] == command["name"] && old["type"] == kind);
            let id = before.map_or_else(|| json!(state.id()), |old| old["id"].clone());
            let given =
                json!({ "id": id, "application_id": APP, "version": state.id(), "type": kind, "nsfw": false });
            merge(&mut kept, given);
            for (name, usual) in [("default_member_permissions", Value::Null), ("description", json!(""))] {
                kept.as_object_mut().map(|kept| kept.entry(name).or_insert(usual));
            }
            if let Some(guild) = &guild {
                kept["guild_id"] = json!(guild);
            }
            all.push(kept);
        }
        state.commands.insert(guild.clone(), all);
    }
    let known = state.commands.get(&guild).cloned().unwrap_or_default();
    Ok(Answer::json(200, &Value::Array(known)))
}

fn application(state: &State) -> Value {
    let guilds = state.guilds.values().filter(|guild| guild.has_bot).count();
    json!({
        "id": APP, "name": "Milepost", "icon": null, "description": "", "type": null, "bot": state.user_json(APP),
        "bot_public": false, "bot_require_code_grant": false, "verify_key": super::delivery::public_key(),
        "flags": 0, "flags_new": "0", "redirect_uris": [], "interactions_endpoint_url": state.deliver_to,
        "role_connections_verification_url": null, "owner": state.user_json(APP),
        "approximate_guild_count": guilds, "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0, "explicit_content_filter": 0, "team": null,
        "eligible_oauth2_scopes": [],
    })
}
