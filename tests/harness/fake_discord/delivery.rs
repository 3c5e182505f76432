//! Interactions as signed requests to the bot's own address, the other way in which Discord delivers them. What comes back
//! is the first answer.

use std::sync::LazyLock;
use std::time::Duration;

use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::interactions;
use super::multipart::Sent;
use super::rest::Request;
use super::state::Known;
use crate::peers::Asked;
use crate::peers::http::held;

/// The same in every story, so that a public key can stand in a snapshot.
static KEY: LazyLock<PKey<Private>> =
    LazyLock::new(|| PKey::private_key_from_raw_bytes(&[7; 32], Id::ED25519).expect("a key of 32 bytes"));

/// As `verify_key` of the application, in hexadecimal digits.
pub(super) fn public_key() -> String {
    hex(&KEY.raw_public_key().expect("the public half"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A status, how the body is declared, and the body.
type Came = Result<(u16, String, Vec<u8>), String>;

async fn post(url: &str, timestamp: i64, payload: &Value, honest: bool) -> Came {
    let body = payload.to_string();
    // Somebody else's signature is one of something else.
    let signed = format!("{timestamp}{}", if honest { body.as_str() } else { "something else" });
    let mut signer = Signer::new_without_digest(&KEY).map_err(|error| error.to_string())?;
    let signature = signer.sign_oneshot_to_vec(signed.as_bytes()).map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build();
    let request = client
        .map_err(|error| error.to_string())?
        .post(url)
        .header("content-type", "application/json")
        .header("user-agent", "Discord-Interactions/1.0 (+https://discord.com)")
        .header("x-signature-ed25519", hex(&signature))
        .header("x-signature-timestamp", timestamp.to_string())
        .body(body);
    let response = request.send().await.map_err(|error| error.to_string())?;
    let kind =
        response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| error.to_string())?;
    Ok((status, kind, body.to_vec()))
}

/// Sends an interaction, and takes what comes back as its first answer. With 202 that comes by itself later.
pub(super) async fn deliver(known: &Known, url: &str, payload: &Value) {
    let timestamp = held(known).clock.now().as_second();
    let came = post(url, timestamp, payload, true).await;
    let mut state = held(known);
    match came {
        Err(error) => state.mistake(format!("{url} does not answer: {error}")),
        Ok((202, _, _)) => {}
        Ok((200, kind, body)) => {
            let sent = Sent::read(&kind, &body);
            let (id, token) = (&payload["id"], &payload["token"]);
            let (id, token) = (id.as_str().unwrap_or_default(), token.as_str().unwrap_or_default());
            let parts = ["interactions", id, token, "callback"];
            let asked = Asked {
                method: "POST".into(),
                path: "/".into(),
                headers: vec![("content-type".into(), kind)],
                body,
                answered: None,
            };
            let request = Request { asked: &asked, method: "POST", parts: &parts, sent: &sent };
            // A refusal is seen by nobody but the person, to whom nothing is shown.
            let _ = interactions::first(&mut state, &request, id, token);
        }
        Ok((status, _, body)) => {
            let said: String = String::from_utf8_lossy(&body).chars().take(200).collect();
            state.mistake(format!("{url} answers an interaction with {status}: {said}"));
        }
    }
}

/// What Discord does when somebody saves the address: a ping that must be answered, and one with a wrong signature that
/// must be refused. What is wrong with it, in words.
pub(super) async fn check(known: &Known, url: &str) -> Result<(), String> {
    let (timestamp, ping) = {
        let mut state = held(known);
        let id = state.id();
        let token = format!("ping-{id}");
        let ping = json!({ "id": id, "application_id": super::APP, "type": 1, "token": token, "version": 1,
            "user": state.user_json(super::APP), "entitlements": [], "authorizing_integration_owners": {} });
        (state.clock.now().as_second(), ping)
    };
    let (status, _, body) = post(url, timestamp, &ping, true).await?;
    let pong: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status != 200 || pong["type"] != 1 {
        return Err(format!("a ping is answered with {status} {pong}"));
    }
    match post(url, timestamp, &ping, false).await? {
        (401, _, _) => Ok(()),
        (status, _, _) => Err(format!("a wrong signature is answered with {status}, not with 401")),
    }
}
