//! The way to Discord for answers. What the product posts by itself goes through the outbox and takes another.

use std::sync::Arc;
use std::time::Duration;

use host::Host;
use host::egress;
use secrecy::ExposeSecret;
use serde_json::Value;
use serenity::all::{CreateAttachment, Http, HttpBuilder};
use serenity::http::{HttpError, StatusCode};

use super::commands;
use super::spec;

/// Where Discord's REST interface is when the settings say nothing.
const DISCORD: &str = "https://discord.com";
const PATH: &str = "/api/v10";
/// The answer was given already: the first try got through.
const ANSWERED: isize = 40060;
/// Discord knows of no answer yet. What answers a call may still be on its way when what comes after it is there.
const UNANSWERED: isize = 10015;
/// How long to wait before what comes after an answer is said again. Discord takes it for a quarter of an hour.
const AGAIN: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(9),
];

/// A client for the bot's token. Nothing is limited here: answers have no limit of their own, and nothing else is sent.
pub fn http(host: &Host) -> Result<Http, String> {
    let settings = &host.config().discord;
    let token = settings.token.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
    let base = settings.api_url.trim_end_matches('/');
    let root = base.strip_suffix(PATH).ok_or_else(|| format!("discord.api_url must end in {PATH}."))?;
    let builder = HttpBuilder::new(token).client(egress::for_answers()?).ratelimiter_disabled(true);
    Ok(if root == DISCORD { builder.build() } else { builder.proxy(root).build() })
}

/// Gives the first answer to a question. A connection that was kept and had gone, or an error of Discord's own, costs one
/// repetition, no answer.
pub async fn first(http: &Http, id: &str, token: &str, body: &Value) -> Result<(), String> {
    let Ok(id) = id.parse::<u64>() else { return Err("the question has no id".into()) };
    let mut tries = 0;
    loop {
        tries += 1;
        match http.create_interaction_response(id.into(), token, body, Vec::new()).await {
            Ok(()) => return Ok(()),
            Err(serenity::Error::Http(HttpError::Request(error)))
                if tries == 1 && !error.is_timeout() && (error.is_connect() || error.is_request()) => {}
            Err(serenity::Error::Http(HttpError::UnsuccessfulRequest(said)))
                if tries == 2 && said.error.code == ANSWERED =>
            {
                return Ok(());
            }
            Err(serenity::Error::Http(HttpError::UnsuccessfulRequest(said)))
                if tries == 1 && said.status_code.is_server_error() => {}
            Err(error) => return Err(words(&error)),
        }
    }
}

/// What is said after the first answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// What the first answer comes to be. Saying it twice changes nothing, so whatever broke is tried again.
    Instead,
    /// Something more. It is tried again only where it cannot have got through.
    More,
}

/// Says what comes after the first answer, for up to a quarter of a minute.
pub async fn say(
    http: &Http,
    token: &str,
    later: Later,
    body: &Value,
    files: &[CreateAttachment],
) -> Result<(), String> {
    let mut waits = AGAIN.iter();
    loop {
        let said = match later {
            Later::Instead => http.edit_original_interaction_response(token, body, files.to_vec()).await,
            Later::More => http.create_followup_message(token, body, files.to_vec()).await,
        };
        match (said, waits.next()) {
            (Ok(_), _) => return Ok(()),
            (Err(error), Some(wait)) if may_pass(&error, later == Later::Instead) => {
                tokio::time::sleep(*wait).await
            }
            (Err(error), _) => return Err(words(&error)),
        }
    }
}

fn may_pass(error: &serenity::Error, repeatable: bool) -> bool {
    let serenity::Error::Http(error) = error else { return false };
    match error {
        HttpError::UnsuccessfulRequest(said) => {
            said.error.code == UNANSWERED
                || said.status_code == StatusCode::TOO_MANY_REQUESTS
                || (repeatable && said.status_code.is_server_error())
        }
        HttpError::Request(error) => error.is_connect() || repeatable,
        _ => false,
    }
}

/// An error without the address it is about: that has the token of an answer in it.
pub fn words(error: &serenity::Error) -> String {
    match error {
        serenity::Error::Http(HttpError::UnsuccessfulRequest(said)) => {
            format!("Discord answered {} ({}, code {})", said.status_code, said.error.message, said.error.code)
        }
        serenity::Error::Http(HttpError::Request(error)) if error.is_timeout() => {
            "Discord did not answer in time".into()
        }
        serenity::Error::Http(HttpError::Request(_)) => "the connection to Discord broke".into(),
        other => other.to_string(),
    }
}

/// Tells Discord of the commands, when it was told of others or of none.
pub async fn register(host: &Host, http: &Arc<Http>) -> Result<bool, String> {
    let application = http.application_id().map(|id| id.to_string()).unwrap_or_default();
    let body = spec::body(&commands::all());
    let hash = spec::hash(&application, &body);
    let known = host.commands_hash().await.map_err(|refusal| refusal.to_string())?;
    if known.as_deref() == Some(&hash) {
        return Ok(false);
    }
    http.create_global_commands(&body).await.map_err(|error| words(&error))?;
    host.note_commands(&hash).await.map_err(|refusal| refusal.to_string())?;
    Ok(true)
}
