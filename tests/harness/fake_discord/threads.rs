//! Threads: one per message at most, with the message's id; they sleep when archived, and wake with the next message.

use serde_json::{Value, json};

use super::rest::{Answered, Request, no};
use super::rules::Wrong;
use super::state::{Channel, Kind, State, permission};
use crate::peers::Answer;

pub(super) fn open(state: &mut State, request: &Request<'_>, within: &Channel, of: Option<&str>) -> Answered {
    let body = &request.sent.body;
    let mut wrong = Wrong::default();
    wrong.length("a thread's name", &body["name"], 1, 100);
    request.check(state, wrong.0)?;
    if !matches!(within.kind, Kind::Text) {
        return Err(no(400, 50_024, "Cannot execute action on this channel type"));
    }
    let id = of.map_or_else(|| state.id(), str::to_owned);
    if state.channels.contains_key(&id) {
        return Err(no(400, 160_004, "A thread has already been created for this message"));
    }
    let minutes = body["auto_archive_duration"].as_u64().unwrap_or(4_320);
    let thread = Channel {
        id: id.clone(),
        guild: within.guild.clone(),
        name: body["name"].as_str().unwrap_or_default().into(),
        kind: Kind::Thread { parent: within.id.clone(), archived: false, locked: false, minutes },
        bot_may: None,
    };
    let mut told = state.channel_json(&thread);
    state.channels.insert(id, thread);
    let answer = Answer::json(201, &told);
    told["newly_created"] = json!(true);
    state.tell("THREAD_CREATE", &told);
    Ok(answer)
}

/// A message comes into a thread. Only who manages threads writes into one that is locked.
pub(super) fn wake(state: &mut State, channel: &Channel) -> Result<(), Answer> {
    let may = state.bot_may(channel) & permission::MANAGE_THREADS != 0;
    if let Some(Channel { kind: Kind::Thread { archived, locked, .. }, .. }) = state.channels.get_mut(&channel.id)
    {
        if *locked && !may {
            return Err(no(400, 160_005, "This thread is locked"));
        }
        *archived = false;
    }
    Ok(())
}

pub(super) fn change(state: &mut State, request: &Request<'_>, channel: &str) -> Answered {
    let found = state.reach(channel, permission::VIEW_CHANNEL)?;
    request.check(state, Vec::new())?;
    let Kind::Thread { .. } = found.kind else {
        state.mistake(format!("PATCH /channels/{channel}, which is no thread"));
        return Err(no(403, 50_013, "Missing Permissions"));
    };
    if let Some(thread) = state.channels.get_mut(channel)
        && let Kind::Thread { archived, locked, minutes, .. } = &mut thread.kind
    {
        let body = &request.sent.body;
        *archived = body["archived"].as_bool().unwrap_or(*archived);
        *locked = body["locked"].as_bool().unwrap_or(*locked);
        *minutes = body["auto_archive_duration"].as_u64().unwrap_or(*minutes);
        if let Value::String(name) = &body["name"] {
            thread.name.clone_from(name);
        }
    }
    let shown = state.channel_json(&state.channels[channel]);
    state.tell("THREAD_UPDATE", &shown);
    Ok(Answer::json(200, &shown))
}
