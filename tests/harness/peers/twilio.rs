//! Twilio's Messages API: it takes the same text as often as it is asked, which is why nobody may ask twice.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;

use super::http::{Answer, Asked, Peer, Server, held, is_http_peer};
use super::ledger::{Arrival, Mark};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "fake-twilio-token";

/// A text that a phone shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub sid: String,
    pub to: String,
    pub from: String,
    pub body: String,
    pub status_callback: Option<String>,
}

/// What Twilio posts to us, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub url: String,
    pub form: Vec<(String, String)>,
    /// The header `X-Twilio-Signature`.
    pub signature: String,
}

impl Callback {
    pub fn body(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish()
    }
}

/// States of a text, and who is called with them.
type Early = (&'static [&'static str], Arc<dyn Fn(&Callback) + Send + Sync>);

#[derive(Default)]
struct State {
    texts: Vec<Text>,
    early: Option<Early>,
    stopped: HashSet<String>,
    landlines: HashSet<String>,
    mistakes: Vec<String>,
}

struct Rest(Arc<Mutex<State>>);

pub struct FakeTwilio {
    pub(super) server: Server,
    state: Arc<Mutex<State>>,
}

is_http_peer!(FakeTwilio);

impl FakeTwilio {
    pub fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        Self { server: Server::start(Rest(Arc::clone(&state))), state }
    }

    /// As `sms.api_url` in the settings.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    pub fn account(&self) -> &'static str {
        ACCOUNT
    }

    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// What people got, in the order in which it came.
    pub fn texts(&self) -> Vec<Text> {
        held(&self.state).texts.clone()
    }

    /// What is wrong with what it was asked, in words.
    pub fn mistakes(&self) -> Vec<String> {
        held(&self.state).mistakes.clone()
    }

    /// This number answered STOP.
    pub fn stop(&self, number: &str) {
        held(&self.state).stopped.insert(number.into());
    }

    /// This number can't get texts.
    pub fn landline(&self, number: &str) {
        held(&self.state).landlines.insert(number.into());
    }

    /// What it posts when a text's state changes: `delivered`, `undelivered`, `failed`, `read`. `None` when nobody asked
    /// to be told.
    pub fn status(&self, sid: &str, status: &str, error: Option<u32>) -> Option<Callback> {
        let text = self.texts().into_iter().find(|text| text.sid == sid)?;
        told(&text, status, error)
    }

    /// The same of a text that it never took, at an address of the caller's choice.
    pub fn tells_at(&self, url: &str, sid: &str, status: &str) -> Callback {
        let (to, from) = ("+13125550130".into(), "+13125550100".into());
        let text = Text { sid: sid.into(), to, from, body: String::new(), status_callback: Some(url.into()) };
        told(&text, status, None).expect("a text that is told of")
    }

    /// It calls with each of these states of a text that it takes before it answers, as it may.
    pub fn before_it_answers(
        &self,
        states: &'static [&'static str],
        call: impl Fn(&Callback) + Send + Sync + 'static,
    ) {
        held(&self.state).early = Some((states, Arc::new(call)));
    }

    /// What it posts when somebody writes to our number.
    pub fn inbound(&self, url: &str, sid: &str, from: &str, to: &str, body: &str) -> Callback {
        let pairs = [
            ("AccountSid", ACCOUNT),
            ("ApiVersion", "2010-04-01"),
            ("Body", body),
            ("From", from),
            ("MessageSid", sid),
            ("NumMedia", "0"),
            ("NumSegments", "1"),
            ("SmsMessageSid", sid),
            ("SmsSid", sid),
            ("SmsStatus", "received"),
            ("To", to),
        ];
        signed(url.into(), pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        let of = |text: Text| Arrival { mark: Mark::Text(text.body), to: text.to, provider_id: Some(text.sid) };
        self.texts().into_iter().map(of).collect()
    }
}

fn told(text: &Text, status: &str, error: Option<u32>) -> Option<Callback> {
    let url = text.status_callback.clone()?;
    let mut form = vec![
        ("AccountSid".into(), ACCOUNT.into()),
        ("ApiVersion".into(), "2010-04-01".into()),
        ("From".into(), text.from.clone()),
        ("MessageSid".into(), text.sid.clone()),
        ("MessageStatus".into(), status.into()),
        ("SmsSid".into(), text.sid.clone()),
        ("SmsStatus".into(), status.into()),
        ("To".into(), text.to.clone()),
    ];
    form.extend(error.map(|code| ("ErrorCode".into(), code.to_string())));
    Some(signed(url, form))
}

fn signed(url: String, form: Vec<(String, String)>) -> Callback {
    let signature = signature(TOKEN, &url, &form);
    Callback { url, form, signature }
}

/// Twilio's rule: the URL, then each field's name and value, sorted by name, under HMAC-SHA1.
fn signature(token: &str, url: &str, form: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = form.iter().collect();
    sorted.sort();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

fn no(status: u16, code: u32, message: &str) -> Answer {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    Answer::json(status, &json!({ "code": code, "message": message, "more_info": more, "status": status }))
}

fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|rest| {
        (8..=15).contains(&rest.len()) && !rest.starts_with('0') && rest.bytes().all(|b| b.is_ascii_digit())
    })
}

impl Peer for Rest {
    fn take(&self, asked: &Asked) -> Answer {
        let mut state = held(&self.0);
        let login = format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{TOKEN}")));
        if asked.header("authorization") != Some(&login) {
            return no(401, 20_003, "Authenticate");
        }
        let path = asked.parts();
        if asked.method != "POST" || path != ["2010-04-01", "Accounts", ACCOUNT, "Messages.json"] {
            state.mistakes.push(format!("{} {} is nothing that Twilio has", asked.method, asked.path));
            return no(404, 20_404, "The requested resource was not found");
        }
        let form = asked.form();
        let field = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let from = field("From").or_else(|| field("MessagingServiceSid"));
        let (Some(to), Some(from), Some(body)) = (field("To"), from, field("Body")) else {
            state.mistakes.push(format!("a text without To, From or Body: {form:?}"));
            return no(400, 21_602, "Message body, sender and recipient are required");
        };
        let length = body.chars().count();
        let refusal = if body.is_empty() {
            Some((21_602, "Message body is required"))
        } else if length > 1_600 {
            Some((21_617, "The concatenated message body exceeds the 1600 character limit"))
        } else if !is_number(&to) {
            Some((21_211, "Invalid 'To' Phone Number"))
        } else if state.stopped.contains(&to) {
            Some((21_610, "Attempt to send to unsubscribed recipient"))
        } else if state.landlines.contains(&to) {
            Some((21_614, "'To' number is not a valid mobile number"))
        } else {
            None
        };
        if let Some((code, message)) = refusal {
            if matches!(code, 21_602 | 21_617) {
                state.mistakes.push(format!("{message}: {length} characters"));
            }
            return no(400, code, message);
        }
        let sid = format!("SM{:032x}", state.texts.len() + 1);
        let status_callback = field("StatusCallback");
        let answer = json!({
            "sid": sid, "account_sid": ACCOUNT, "to": to, "from": from, "body": body, "status": "queued",
            "num_segments": "1", "direction": "outbound-api", "error_code": null, "error_message": null,
        });
        let text = Text { sid, to, from, body, status_callback };
        state.texts.push(text.clone());
        let early = state.early.clone();
        drop(state);
        if let Some((states, call)) = early {
            // On a thread of its own: whoever is called may run what it likes.
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    states.iter().filter_map(|state| told(&text, state, Some(30_005))).for_each(|c| call(&c))
                });
            });
        }
        Answer::json(201, &answer)
    }
}
