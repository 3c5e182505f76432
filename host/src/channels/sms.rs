//! Texts through Twilio's REST interface. Nothing there recognises a repetition, so an unclear text stays unclear.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::delivery::Message;
use domain::delivery::outbox::{Report, Trouble};
use domain::delivery::policy::Cleared;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Channel, Found, Later, Learned, quoted, wait_seconds};
use crate::clock::Clock;
use crate::egress::{Answer, Egress, Heard, Request};
use crate::run::Host;

/// Characters that Twilio takes in one text.
pub const MOST_TEXT: usize = 1_600;

pub struct Sms {
    egress: Egress,
    clock: Clock,
    url: Url,
    authorization: HeaderValue,
    from: String,
    public_url: Option<String>,
}

/// A number with its country, a short code, or a messaging service.
pub fn is_sender(from: &str) -> bool {
    let digits =
        |text: &str, least, most| (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    from.strip_prefix('+').is_some_and(|rest| digits(rest, 7, 15))
        || digits(from, 3, 8)
        || (from.starts_with("MG") && from.bytes().all(|b| b.is_ascii_alphanumeric()))
}

impl Sms {
    pub fn new(host: &Host, egress: Egress) -> Result<Self, String> {
        let settings = &host.config().sms;
        let (Some(account), Some(token), Some(from)) =
            (&settings.account_sid, &settings.auth_token, &settings.from)
        else {
            return Err("[sms] needs account_sid, auth_token and from together.".into());
        };
        let login = STANDARD.encode(format!("{account}:{}", token.expose_secret()));
        let mut authorization = HeaderValue::from_str(&format!("Basic {login}"))
            .map_err(|_| "sms.auth_token has characters that no token has.".to_owned())?;
        authorization.set_sensitive(true);
        let base = settings.api_url.trim_end_matches('/');
        let url = Url::parse(&format!("{base}/2010-04-01/Accounts/{account}/Messages.json"))
            .map_err(|error| format!("sms.api_url is no web address: {error}."))?;
        let public_url = host.config().http.public_url.clone();
        Ok(Self { egress, clock: host.clock().clone(), url, authorization, from: from.clone(), public_url })
    }

    async fn send(&self, message: &Message, attempt: i32, until: Duration) -> Learned {
        let text = &message.content.text;
        if text.trim().is_empty() {
            return Learned::refused("The text is empty. Nothing was sent.");
        }
        if text.chars().count() > MOST_TEXT {
            return Learned::refused(format!(
                "The text is longer than {MOST_TEXT} characters. Nothing was sent. Shorten it, or send an e-mail."
            ));
        }
        let Some(to) = number(&message.address) else {
            return Learned::gone(
                "The address is no telephone number with its country. Nothing was sent. Correct it.",
            );
        };
        let mut request = Request::new(Method::POST, self.url.clone());
        request.headers.insert(AUTHORIZATION, self.authorization.clone());
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        request.body = self.form(message, attempt, &to).into_bytes();
        request.until = Some(until);
        match self.egress.to_provider_afresh(request).await {
            Heard::NotSent { why } => Learned::not_sent(why),
            Heard::Lost { why } => Learned::unclear(why),
            Heard::Answer(answer) => judge(&answer),
        }
    }

    fn form(&self, message: &Message, attempt: i32, to: &str) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", to).append_pair("Body", &message.content.text);
        form.append_pair(if self.from.starts_with("MG") { "MessagingServiceSid" } else { "From" }, &self.from);
        if let Some(base) = &self.public_url {
            form.append_pair("StatusCallback", &status_url(base, message, attempt));
        }
        form.finish()
    }
}

/// With its country, as the provider wants it. Ten digits alone are a number of North America.
fn number(address: &str) -> Option<String> {
    let address = address.trim();
    let digits = address.strip_prefix('+').unwrap_or(address);
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match (address.starts_with('+'), digits.len()) {
        (true, 7..=15) => Some(address.to_owned()),
        (false, 10) => Some(format!("+1{digits}")),
        (false, 11) if digits.starts_with('1') => Some(format!("+{digits}")),
        _ => None,
    }
}

/// Where Twilio says what became of a text. It names the message and the attempt, because Twilio may call before it has
/// answered, and when its answer was lost: then nobody here knows its own name for the text.
pub fn status_url(public_url: &str, message: &Message, attempt: i32) -> String {
    let base = public_url.trim_end_matches('/');
    format!("{base}/hooks/sms/{}/status?message={}&attempt={attempt}", message.workspace, message.id)
}

/// Codes after which this number never gets a text from us: opted out; no number; not one that takes texts.
const GONE: [i64; 4] = [21610, 21211, 21614, 21217];

fn judge(answer: &Answer) -> Learned {
    let json = answer.json();
    let code = json.as_ref().and_then(|body| body.get("code")).and_then(Value::as_i64);
    let said = || {
        let text = json.as_ref().and_then(|body| body.get("message")).and_then(Value::as_str).unwrap_or_default();
        match code {
            Some(code) => format!("Twilio said: {} (code {code}).", quoted(text)),
            None => format!("Twilio answered {}.", answer.status),
        }
    };
    let learned = match answer.status {
        200 | 201 => match json.as_ref().and_then(|body| body.get("sid")).and_then(Value::as_str) {
            Some(sid) => Learned::accepted(Some(sid.to_owned())),
            None => Learned::unclear("Twilio said yes, but its answer broke off."),
        },
        429 => Learned::not_sent("Twilio asked us to wait.")
            .after(answer.header("retry-after").and_then(wait_seconds))
            .trouble(Trouble::Provider),
        401 | 404 => Learned::not_sent(format!(
            "{} Nothing was sent. Check sms.account_sid, sms.auth_token and sms.api_url.",
            said()
        ))
        .trouble(Trouble::Provider),
        400..=499 if answer.status != 408 && code == Some(21610) => Learned::refused(
            // Not gone: nobody but its owner could open it again here, and they do it at Twilio.
            "This number has opted out of texts from ours (code 21610). Nothing was sent. Only its owner can undo it, \
             by texting START.",
        )
        .trouble(Trouble::OptedOut),
        400..=499 if answer.status != 408 && code.is_some_and(|code| GONE.contains(&code)) => {
            Learned::gone(format!("{} Nothing was sent. Correct the number.", said()))
        }
        403 => Learned::not_sent(format!("{} Nothing was sent. Check the Twilio account.", said()))
            .trouble(Trouble::Provider),
        400..=499 if answer.status != 408 => Learned::refused(format!("{} Nothing was sent.", said())),
        300..=399 => Learned::not_sent("Twilio's address leads elsewhere. Nothing was sent. Check sms.api_url.")
            .trouble(Trouble::Provider),
        _ => Learned::unclear(format!("Twilio answered {}.", answer.status)),
    };
    learned.status(answer.status)
}

impl Channel for Sms {
    fn deliver<'a>(&'a self, cleared: Cleared, until: Duration) -> Later<'a, Report> {
        Box::pin(async move {
            self.send(cleared.message(), cleared.attempt(), until).await.report(&cleared, &self.clock)
        })
    }

    fn look_up<'a>(&'a self, _: &'a Message) -> Later<'a, Found> {
        // Its list of texts has nothing of ours to tell one from another with the same words.
        Box::pin(async { Found::CannotTell { why: "Twilio cannot say whether it has this very text.".into() } })
    }
}

#[cfg(test)]
mod tests {
    use domain::delivery::outbox::Outcome;
    use domain::people::reach;

    use super::*;
    use crate::channels::peer::{Peer, http};
    use crate::channels::sample::message;
    use crate::config::Config;

    const SOON: Duration = Duration::from_secs(3600);

    async fn send(answer: Vec<u8>, text: &str, to: &str) -> (Learned, Vec<String>) {
        let peer = Peer::start(move |_| answer.clone()).await;
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.http.public_url = Some("https://m.example.com/".into());
        config.sms.api_url = peer.url("");
        config.sms.account_sid = Some("AC1".into());
        config.sms.auth_token = Some("token".to_owned().into());
        config.sms.from = Some("+13125550100".into());
        let host = Host::open(config, folder.path()).unwrap();
        let egress = Egress::new(host.clock().clone(), Default::default()).unwrap();
        let sms = Sms::new(&host, egress).unwrap();
        let learned = sms.send(&message(reach::Channel::Sms, to, text), 2, SOON).await;
        (learned, peer.heard())
    }

    #[tokio::test]
    async fn a_text_is_a_form_under_the_accounts_login() {
        let (learned, heard) = send(http(201, "", r#"{"sid":"SM9"}"#), "Grüße & more", "(312)5550101").await;
        assert!(matches!(learned.outcome, Outcome::Refused { gone: true, .. }), "{learned:?}");
        assert!(heard.is_empty());
        let (learned, heard) = send(http(201, "", r#"{"sid":"SM9"}"#), "Grüße & more", "3125550101").await;
        assert_eq!(learned, Learned::accepted(Some("SM9".into())).status(201));
        assert!(heard[0].starts_with("POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\n"), "{}", heard[0]);
        assert!(heard[0].contains("authorization: Basic QUMxOnRva2Vu\r\n"));
        assert!(heard[0].ends_with(
            "\r\n\r\nTo=%2B13125550101&Body=Gr%C3%BC%C3%9Fe+%26+more&From=%2B13125550100&StatusCallback=\
             https%3A%2F%2Fm.example.com%2Fhooks%2Fsms%2F00000000-0000-0000-0000-000000000001%2Fstatus\
             %3Fmessage%3D01990000-0000-7000-8000-000000000001%26attempt%3D2"
        ));
    }

    #[tokio::test]
    async fn what_each_answer_of_twilio_means() {
        for (answer, expected) in [
            (http(201, "", r#"{"sid":"SM9""#), "unclear"),
            (http(400, "", r#"{"code":21610,"message":"unsubscribed recipient"}"#), "refused"),
            (http(400, "", r#"{"code":21211,"message":"invalid To"}"#), "gone"),
            (http(400, "", r#"{"code":21614,"message":"not a mobile number"}"#), "gone"),
            (http(400, "", r#"{"code":21408,"message":"region"}"#), "refused"),
            (http(401, "", r#"{"code":20003,"message":"Authenticate"}"#), "not sent"),
            (http(429, "Retry-After: 3\r\n", r#"{"code":20429}"#), "not sent 3"),
            (http(500, "", ""), "unclear"),
            (http(503, "", ""), "unclear"),
            (Vec::new(), "unclear"),
            (b"HTTP/1.1 201 Created\r\nContent-Length: 90\r\n\r\n{\"sid\":".to_vec(), "unclear"),
        ] {
            let shown = String::from_utf8_lossy(&answer).into_owned();
            let (learned, heard) = send(answer, "Hello", "+13125550101").await;
            let word = match learned.outcome {
                Outcome::Accepted { .. } => "accepted".to_owned(),
                Outcome::Refused { gone: true, .. } => "gone".to_owned(),
                Outcome::Refused { .. } => "refused".to_owned(),
                Outcome::NotSent { retry_after: Some(wait), .. } => format!("not sent {}", wait.as_secs()),
                Outcome::NotSent { .. } => "not sent".to_owned(),
                Outcome::Unclear { .. } => "unclear".to_owned(),
            };
            assert_eq!(word, expected, "{shown}");
            assert_eq!(heard.len(), 1, "{shown}");
        }
    }

    #[tokio::test]
    async fn too_long_a_text_is_refused_before_it_leaves() {
        let (learned, heard) = send(http(201, "", r#"{"sid":"SM9"}"#), &"x".repeat(1_601), "+13125550101").await;
        assert!(matches!(learned.outcome, Outcome::Refused { gone: false, .. }), "{learned:?}");
        assert!(heard.is_empty());
    }

    #[test]
    fn who_may_send() {
        for (from, yes) in [
            ("+13125550100", true),
            ("12345", true),
            ("MG0123abc", true),
            ("3125550100", false),
            ("", false),
            ("me", false),
            ("+1 312", false),
        ] {
            assert_eq!(is_sender(from), yes, "{from}");
        }
    }
}
