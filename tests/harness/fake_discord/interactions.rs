//! What became of a click, a command or a form: the first answer within three seconds, once; more for fifteen minutes.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::multipart::{Sent, attachments};
use super::rest::{Answered, Request, no, nothing};
use super::state::State;
use super::{APP, rules};
use crate::peers::Answer;

const FIRST_WITHIN: Duration = Duration::from_secs(3);
const TOKEN_LIVES: Duration = Duration::from_secs(15 * 60);

/// What somebody did.
pub(super) mod did {
    pub const COMMAND: u64 = 2;
    pub const COMPONENT: u64 = 3;
    pub const AUTOCOMPLETE: u64 = 4;
    pub const FORM: u64 = 5;
}

/// What an answer is.
pub(super) mod answer {
    pub const MESSAGE: u64 = 4;
    pub const DEFERRED: u64 = 5;
    pub const DEFERRED_UPDATE: u64 = 6;
    pub const UPDATE: u64 = 7;
    pub const CHOICES: u64 = 8;
    pub const FORM: u64 = 9;
}

const EPHEMERAL: u64 = 1 << 6;
const LOADING: u64 = 1 << 7;

#[derive(Clone, Debug)]
pub(super) struct Interaction {
    pub id: String,
    /// What somebody did.
    pub kind: u64,
    pub who: String,
    pub channel: String,
    /// The message that was clicked on, also by way of a form.
    pub source: Option<String>,
    /// The type of the option that is being typed.
    pub typed: u64,
    /// As a message that answers it tells of it.
    pub metadata: Value,
    /// On Discord's clock.
    pub made: Duration,
    /// On the wall.
    pub asked: Duration,
    /// The type of the first answer and its data.
    pub first: Option<(u64, Value)>,
    /// How long that took, on the wall.
    pub took: Option<Duration>,
    /// The message that the first answer made or changed.
    pub original: Option<String>,
    /// How often the answer was changed later.
    pub edits: u32,
    pub followups: Vec<String>,
    pub moved: watch::Sender<u32>,
}

impl Interaction {
    fn moves(&self) {
        self.moved.send_modify(|count| *count += 1);
    }

    /// Whether the time for a first answer has passed without one.
    pub fn is_late(&self, now: Duration) -> bool {
        self.first.is_none() && now.saturating_sub(self.made) > FIRST_WITHIN
    }

    /// Whether the token has died.
    pub fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.made) > TOKEN_LIVES
    }

    /// Which first answers are taken.
    fn takes(&self, answer: u64) -> bool {
        use self::answer::{CHOICES, DEFERRED, DEFERRED_UPDATE, FORM, MESSAGE, UPDATE};
        match (self.kind, answer) {
            (did::AUTOCOMPLETE, answer) => answer == CHOICES,
            (_, MESSAGE | DEFERRED) => true,
            (did::COMMAND, FORM) => true,
            (did::COMPONENT, FORM | UPDATE | DEFERRED_UPDATE) => true,
            // A form that came from a message may change it; a form never answers a form.
            (did::FORM, UPDATE | DEFERRED_UPDATE) => self.source.is_some(),
            _ => false,
        }
    }
}

pub(super) fn route(state: &mut State, request: &Request<'_>) -> Answered {
    match (request.method, request.parts) {
        ("POST", ["interactions", id, token, "callback"]) => first(state, request, id, token),
        ("POST", ["webhooks", APP, token]) => follow_up(state, request, token),
        ("GET", ["webhooks", APP, token, "messages", which]) => {
            let id = answered(state, token, which)?;
            show(state, &id)
        }
        ("PATCH", ["webhooks", APP, token, "messages", which]) => {
            let id = answered(state, token, which)?;
            edit(state, request, token, &id)
        }
        ("DELETE", ["webhooks", APP, token, "messages", which]) => {
            let id = answered(state, token, which)?;
            state.messages.remove(&id.parse().unwrap_or(0));
            moves(state, token, *which == "@original");
            Ok(Answer::empty(204))
        }
        _ => nothing(state, request),
    }
}

fn moves(state: &mut State, token: &str, edited: bool) {
    if let Some(found) = state.interactions.get_mut(token) {
        found.edits += u32::from(edited);
        found.moves();
    }
    state.moves();
}

fn show(state: &State, id: &str) -> Answered {
    let message = state.message(id).ok_or_else(|| no(404, 10_008, "Unknown Message"))?;
    Ok(Answer::json(200, &state.message_json(message)))
}

/// The first answer, as a request of its own or as the answer to a signed one.
pub(super) fn first(state: &mut State, request: &Request<'_>, id: &str, token: &str) -> Answered {
    let unknown = || no(404, 10_062, "Unknown interaction");
    let now = state.clock.elapsed();
    let found = state.interactions.get(token).filter(|found| found.id == id).cloned().ok_or_else(unknown)?;
    if found.is_late(now) {
        return Err(unknown());
    }
    if found.first.is_some() {
        return Err(no(400, 40_060, "Interaction has already been acknowledged."));
    }
    let (sent, data) = (request.sent, request.sent.body["data"].clone());
    let kind = sent.body["type"].as_u64().unwrap_or(0);
    let inner = Sent { body: data.clone(), files: sent.files.clone(), wrong: None };
    let files = attachments(&inner, &[]);
    let mut wrong = match kind {
        answer::MESSAGE => rules::new_message(&data, sent.files.len()),
        answer::UPDATE => rules::changed_message(&data),
        answer::CHOICES => rules::choices(&data, found.typed),
        answer::FORM => rules::form(&data),
        _ => Vec::new(),
    };
    if !found.takes(kind) {
        wrong.push(format!("an answer of type {kind} to an interaction of type {}", found.kind));
    }
    if kind == answer::MESSAGE {
        wrong.extend(files.as_ref().err().cloned());
    }
    request.check(state, wrong)?;
    let original = match kind {
        answer::MESSAGE | answer::DEFERRED => {
            let mut message = state.message_of(&found.channel, APP, &data, files.unwrap_or_default());
            message.loading = kind == answer::DEFERRED;
            if message.loading {
                message.flags |= LOADING;
            }
            Some(kept_for(state, &found, message))
        }
        answer::UPDATE => {
            let source = found.source.clone().unwrap_or_default();
            if let Err(wrong) = state.change(&source, &inner) {
                request.check(state, vec![wrong])?;
            }
            Some(source)
        }
        answer::DEFERRED_UPDATE => found.source.clone(),
        _ => None,
    };
    let took = state.wall.elapsed().saturating_sub(found.asked);
    let mut whole = json!({ "interaction": { "id": id, "type": found.kind, "channel_id": found.channel } });
    if let Some(message) = original.as_ref().and_then(|id| state.message(id)) {
        whole["resource"] = json!({ "type": kind, "message": state.message_json(message) });
        whole["interaction"]["response_message_id"] = json!(message.id);
        whole["interaction"]["response_message_loading"] = json!(message.loading);
        whole["interaction"]["response_message_ephemeral"] = json!(message.only_for.is_some());
    }
    if let Some(found) = state.interactions.get_mut(token) {
        found.first = Some((kind, data));
        found.took = Some(took);
        found.original = original;
        found.moves();
    }
    let wants = request.asked.query().contains(&("with_response".into(), "true".into()));
    Ok(if wants { Answer::json(200, &whole) } else { Answer::empty(204) })
}

/// Keeps a message that answers somebody, for everybody or only for them.
fn kept_for(state: &mut State, found: &Interaction, mut message: super::state::Message) -> String {
    message.interaction = Some(found.metadata.clone());
    message.only_for = (message.flags & EPHEMERAL != 0).then(|| found.who.clone());
    let id = message.id.clone();
    state.keep(message);
    id
}

/// The interaction, while its token lives and it was answered.
fn live(state: &State, token: &str) -> Result<Interaction, Answer> {
    let unknown = || no(404, 10_015, "Unknown Webhook");
    let found = state.interactions.get(token).ok_or_else(unknown)?;
    if found.is_over(state.clock.elapsed()) {
        return Err(no(401, 50_027, "Invalid Webhook Token"));
    }
    if found.first.is_none() {
        return Err(unknown());
    }
    Ok(found.clone())
}

/// The id of an answer: the original, or one that followed.
fn answered(state: &State, token: &str, which: &str) -> Result<String, Answer> {
    let found = live(state, token)?;
    let id = match which {
        "@original" => found.original,
        id => found.followups.into_iter().chain(found.original).find(|known| known == id),
    };
    id.filter(|id| state.message(id).is_some()).ok_or_else(|| no(404, 10_008, "Unknown Message"))
}

fn edit(state: &mut State, request: &Request<'_>, token: &str, id: &str) -> Answered {
    request.check(state, rules::changed_message(&request.sent.body))?;
    if let Err(wrong) = state.change(id, request.sent) {
        request.check(state, vec![wrong])?;
    }
    let original = live(state, token)?.original.as_deref() == Some(id);
    if let Some(message) = id.parse().ok().and_then(|id| state.messages.get_mut(&id)) {
        // What a deferred answer comes to be is its beginning, not a change.
        if std::mem::take(&mut message.loading) {
            (message.revisions, message.edited) = (0, None);
        }
        message.flags &= !LOADING;
    }
    moves(state, token, original);
    show(state, id)
}

fn follow_up(state: &mut State, request: &Request<'_>, token: &str) -> Answered {
    let found = live(state, token)?;
    let sent = request.sent;
    let files = attachments(sent, &[]);
    let mut wrong = rules::new_message(&sent.body, sent.files.len());
    wrong.extend(files.as_ref().err().cloned());
    if matches!(found.kind, did::AUTOCOMPLETE) {
        wrong.push("a message that follows an autocomplete".into());
    }
    request.check(state, wrong)?;
    // Right after a deferred answer, what follows is that answer.
    if let Some(original) = found.original.as_deref().filter(|id| state.message(id).is_some_and(|m| m.loading)) {
        return edit(state, request, token, original);
    }
    let message = state.message_of(&found.channel, APP, &sent.body, files.unwrap_or_default());
    let id = kept_for(state, &found, message);
    if let Some(found) = state.interactions.get_mut(token) {
        found.followups.push(id.clone());
        found.moves();
    }
    show(state, &id)
}
