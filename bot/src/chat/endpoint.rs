//! `/discord/interactions`: Discord calls, and the first answer is the answer to the call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use host::Clock;
use serde_json::{Value, json};
use serenity::all::Interaction;
use serenity::interactions_endpoint::Verifier;
use tokio::sync::oneshot;

use super::answer::{Chat, Out};
use super::asked::Asked;

/// More is no question.
const MOST: usize = 256 << 10;
/// How far a call's own time may be from ours. Seconds.
const SKEW: i64 = 300;

#[derive(Clone)]
struct Door {
    chat: Chat,
    verifier: Verifier,
    clock: Clock,
}

/// The route for an application with this public key (64 hexadecimal digits). The error is a sentence.
pub fn routes(chat: Chat, public_key: &str, clock: &Clock) -> Result<Router, String> {
    let wrong = || "discord.public_key is no key. Copy it from the application's page again.".to_owned();
    let mut key = [0; 32];
    for (n, byte) in key.iter_mut().enumerate() {
        let digits = public_key.get(2 * n..2 * n + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    let verifier = Verifier::try_new(key).map_err(|_| wrong())?;
    let door = Door { chat, verifier, clock: clock.clone() };
    Ok(Router::new().route("/discord/interactions", post(called)).with_state(door))
}

/// The same for every call that is not Discord's, whatever is wrong with it.
fn not_discord() -> Response {
    (StatusCode::UNAUTHORIZED, "invalid request signature").into_response()
}

async fn called(State(door): State<Door>, headers: HeaderMap, body: Body) -> Response {
    let Ok(body) = to_bytes(body, MOST).await else { return not_discord() };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (signature, at) = (text("x-signature-ed25519"), text("x-signature-timestamp"));
    if door.verifier.verify(signature, at, &body).is_err() || !is_new(at, &door.clock) {
        return not_discord();
    }
    match answer(&door, &body).await {
        Some(answer) => ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response(),
        None => (StatusCode::BAD_REQUEST, "this is no interaction that is known here").into_response(),
    }
}

/// Whether a signed call is of now: an old one that somebody kept is no question any more.
fn is_new(at: &str, clock: &Clock) -> bool {
    at.parse::<i64>().is_ok_and(|at| clock.now().as_second().abs_diff(at) <= SKEW.unsigned_abs())
}

async fn answer(door: &Door, body: &Bytes) -> Option<Value> {
    let interaction: Interaction = serde_json::from_slice(body).ok()?;
    if let Interaction::Ping(_) = interaction {
        return Some(json!({ "type": 1 }));
    }
    let asked = Asked::of(&interaction)?;
    let (give, given) = oneshot::channel();
    let chat = door.chat.clone();
    // The work goes on when Discord hangs up, and after the first answer.
    tokio::spawn(async move {
        let out = ByReturn(Mutex::new(Some(give)));
        chat.answer(asked, &out).await;
    });
    given.await.ok()
}

struct ByReturn(Mutex<Option<oneshot::Sender<Value>>>);

impl Out for ByReturn {
    fn first<'a>(&'a self, body: Value) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        let give = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let given = give.is_some_and(|give| give.send(body).is_ok());
        Box::pin(async move { if given { Ok(()) } else { Err("Discord hung up".into()) } })
    }
}
