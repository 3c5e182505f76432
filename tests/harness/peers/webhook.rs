//! A program that listens for our events. It checks signatures by its own reading of Standard Webhooks, so that it and the
//! product can't be wrong together.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::http::{Answer, Asked, Peer, Server, is_http_peer};
use super::ledger::{Arrival, Mark};

struct Taking;

impl Peer for Taking {
    fn take(&self, _: &Asked) -> Answer {
        Answer::empty(204)
    }
}

pub struct WebhookSink {
    pub(super) server: Server,
}

is_http_peer!(WebhookSink);

impl Default for WebhookSink {
    fn default() -> Self {
        Self::start()
    }
}

impl WebhookSink {
    pub fn start() -> Self {
        Self { server: Server::start(Taking) }
    }

    /// Where it listens: any path below it, too.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.server.address())
    }

    /// What is wrong with a delivery, if anything: `now` in seconds since 1970, at most five minutes from what was signed.
    pub fn wrong_with(&self, asked: &Asked, secret: &str, now: i64) -> Option<String> {
        let header = |name: &str| asked.header(name).ok_or_else(|| format!("the header {name} is missing"));
        let check = || {
            if asked.method != "POST" {
                return Err(format!("it came by {}", asked.method));
            }
            let (id, at, signatures) =
                (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
            let seconds: i64 = at.parse().map_err(|_| format!("the timestamp is {at:?}"))?;
            if now.abs_diff(seconds) > 300 {
                return Err(format!("it was signed at {seconds}, and it is {now}"));
            }
            if serde_json::from_slice::<serde_json::Value>(&asked.body).is_err() {
                return Err("the body is no JSON".into());
            }
            let expected = sign(secret, id, at, &asked.body);
            match signatures.split(' ').any(|signature| signature == expected) {
                true => Ok(()),
                false => Err(format!("none of {signatures:?} is {expected:?}")),
            }
        };
        check().err()
    }

    /// What it took, which it says with a status below 300.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.asked().iter().filter(|asked| asked.answered.is_some_and(|s| s < 300)).map(of).collect()
    }

    /// Every delivery that reached it, taken or not.
    pub fn attempts(&self) -> Vec<Arrival> {
        self.asked().iter().map(of).collect()
    }
}

fn of(asked: &Asked) -> Arrival {
    let id = asked.header("webhook-id").unwrap_or_default();
    Arrival {
        mark: Mark::Id(id.strip_prefix("msg_").unwrap_or(id).into()),
        to: asked.path.clone(),
        provider_id: None,
    }
}

/// `v1,` and the HMAC-SHA256 of id, timestamp and body, with dots between them.
pub fn sign(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// A secret as an endpoint is given one.
pub fn secret(key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}
