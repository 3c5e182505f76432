//! Calls to programs that listen: Standard Webhooks over the guarded client. At least once, always under one id.

use std::time::Duration;

use domain::delivery::outbox::{Report, Trouble};
use domain::delivery::policy::Cleared;
use domain::delivery::webhook::ops::{Way, way};
use domain::delivery::webhook::sealed::Place;
use domain::delivery::{Message, To};
use domain::kernel::Source;
use jiff::SignedDuration;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

use super::{Channel, Found, Later, Learned, signature, wait_or_date};
use crate::egress::{Answer, Egress, Heard, Request};
use crate::keys::Keys;
use crate::run::Host;

pub struct Webhook {
    host: Host,
    egress: Egress,
}

impl Webhook {
    pub fn new(host: &Host, egress: Egress) -> Self {
        Self { host: host.clone(), egress }
    }

    async fn send(&self, message: &Message, until: Duration) -> Learned {
        let To::Endpoint(endpoint) = message.to else {
            return Learned::refused("The message names no endpoint. Nothing was sent.");
        };
        let who = self.host.operator(message.workspace, "dispatcher", Source::System);
        let way = match self.host.look(&who, move |cx| way(cx, endpoint)).await {
            Ok(Some(way)) => way,
            Ok(None) => {
                return Learned::gone(
                    "The endpoint is disabled or removed. Nothing was sent. Enable it, then replay the message.",
                );
            }
            Err(refusal) => return Learned::not_sent(refusal.sentence),
        };
        let keys = match self.host.keys().await {
            Ok(keys) => keys,
            Err(why) => return Learned::not_sent(why).trouble(Trouble::Provider),
        };
        let headers = match self.headers(message, &way, keys) {
            Ok(headers) => headers,
            Err(why) => return Learned::refused(why),
        };
        let body = payload(message);
        let make = |url| Request { headers, body, until: Some(until), ..Request::new(Method::POST, url) };
        match self.egress.to_target(&message.address, make).await {
            // The name may lead outside again tomorrow; an address that is private by its spelling never will.
            Err(why) => Learned::gone(format!("The endpoint's address {why} Nothing was sent.")),
            Ok(Heard::NotSent { why }) => Learned::not_sent(why).trouble(Trouble::Destination),
            // It will be asked again under the same id: a program that listens does not act twice on one.
            Ok(Heard::Lost { why }) => Learned::unclear(why).trouble(Trouble::Destination),
            Ok(Heard::Answer(answer)) => judge(&answer, self.host.clock().now()),
        }
    }

    fn headers(&self, message: &Message, way: &Way, keys: &Keys) -> Result<HeaderMap, String> {
        let now = self.host.clock().now();
        let secrets: Vec<_> = way
            .secret_versions
            .iter()
            .map(|version| keys.endpoint_key(message.workspace, way.endpoint, *version))
            .collect();
        let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.expose_secret().as_slice()).collect();
        let id = message.id.to_string();
        let signature = signature::sign(&secrets, &id, now, &payload(message));
        let mut headers = HeaderMap::new();
        for (header, carried) in &way.headers {
            let (workspace, address) = (message.workspace, message.address.as_str());
            let place = Place { workspace, endpoint: way.endpoint, address, header };
            let value = carried.open(&place, keys).map_err(|why| {
                format!(
                    "The value of the header {header} cannot be opened: {why}. Nothing was sent. Set it anew (milepost \
                     endpoint change {} --header ...), then replay the message.",
                    way.endpoint
                )
            })?;
            // Checked when they were stored; one that no client could send is left out.
            if let (Ok(name), Ok(mut value)) = (header.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        let text = |text: String| HeaderValue::from_str(&text).map_err(|error| error.to_string());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("webhook-id", text(id)?);
        headers.insert("webhook-timestamp", text(now.as_second().to_string())?);
        headers.insert("webhook-signature", text(signature)?);
        Ok(headers)
    }
}

/// The same bytes on every attempt.
fn payload(message: &Message) -> Vec<u8> {
    message.content.data.as_ref().map_or_else(|| b"{}".to_vec(), |data| data.to_string().into_bytes())
}

fn judge(answer: &Answer, now: jiff::Timestamp) -> Learned {
    let wait = || {
        let wait = answer.header("retry-after").and_then(|text| wait_or_date(text, now));
        // A receiver may ask for a day, not for ever.
        wait.map(|wait| wait.min(SignedDuration::from_hours(24)))
    };
    let learned = match answer.status {
        200..=299 => Learned::accepted(None),
        410 => Learned::gone("The endpoint answered 410: it wants no more. It was disabled."),
        300..=399 => Learned::not_sent(format!(
            "The endpoint answered {} and pointed elsewhere; redirects are not followed. Register the new address.",
            answer.status
        )),
        status => Learned::not_sent(format!("The endpoint answered {status}.")).after(match status {
            429 | 503 => wait(),
            _ => None,
        }),
    };
    let learned = match answer.status {
        200..=299 | 410 => learned,
        _ => learned.trouble(Trouble::Destination),
    };
    learned.status(answer.status)
}

impl Channel for Webhook {
    fn deliver<'a>(&'a self, cleared: Cleared, until: Duration) -> Later<'a, Report> {
        Box::pin(async move { self.send(cleared.message(), until).await.report(&cleared, self.host.clock()) })
    }

    fn look_up<'a>(&'a self, _: &'a Message) -> Later<'a, Found> {
        Box::pin(async {
            Found::CannotTell { why: "An endpoint cannot be asked; it recognises a repetition.".into() }
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::delivery::outbox::Outcome;

    use super::*;

    #[test]
    fn what_each_answer_of_an_endpoint_means() {
        let now: jiff::Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let ask = |status: u16, after: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(after.map(|text| (reqwest::header::RETRY_AFTER, HeaderValue::from_static(text))));
            judge(&Answer { status, headers, body: Vec::new(), whole: false }, now)
        };
        for status in [200, 201, 204, 299] {
            assert_eq!(ask(status, None).outcome, Outcome::Accepted { provider_id: None }, "{status}");
        }
        assert!(matches!(ask(410, None).outcome, Outcome::Refused { gone: true, .. }));
        for status in [301, 302, 307, 308, 400, 401, 403, 404, 413, 500, 502, 504] {
            let outcome = ask(status, Some("5")).outcome;
            assert!(matches!(outcome, Outcome::NotSent { retry_after: None, .. }), "{status}: {outcome:?}");
        }
        for (text, seconds) in [("5", 5), ("Sat, 21 Nov 2026 10:01:00 GMT", 60), ("999999999", 86_400)] {
            let Outcome::NotSent { retry_after, .. } = ask(429, Some(text)).outcome else { panic!() };
            assert_eq!(retry_after.map(|wait| wait.as_secs()), Some(seconds), "{text}");
        }
        assert!(matches!(ask(503, Some("-1")).outcome, Outcome::NotSent { retry_after: None, .. }));
    }
}
