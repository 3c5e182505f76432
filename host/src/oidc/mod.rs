//! Access tokens of a provider (OpenID Connect) beside our own: whether one is good, and whom it names.
//!
//! The provider's keys are fetched through [`crate::egress`] and kept: for ten minutes without a question, then asked for
//! again, and while the provider is down for a day. A token that names another key has them fetched once more, at most
//! once a minute, whoever brings such tokens and how many.

mod jwt;
mod keys;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::delivery::webhook::target::{self, Allowed};
use domain::kernel::{Code, Refusal, strict};
use domain::workspace::access::identity::Claimed;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderValue};
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::{debug, info, warn};
use url::Url;

use crate::clock::Clock;
use crate::config;
use crate::egress::{Egress, Heard, Request};
use jwt::{Expected, Unverified};
use keys::{Key, Set};

/// Whether a bearer token may be an access token of a provider, told without reading it.
pub use jwt::looks_like_one;

/// For how long keys are used without a question.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// For how long they are used while the provider cannot be asked.
const HARD_END: Duration = Duration::from_secs(24 * 60 * 60);
/// Between two questions, and while there are no keys at all.
const AGAIN: Duration = Duration::from_secs(60);
const AGAIN_WITHOUT: Duration = Duration::from_secs(5);
/// For how long somebody waits for a question.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of an answer is read.
const MOST: usize = 256 << 10;

/// The scopes that a token may have, each of which includes those before it.
pub const SCOPES: [&str; 4] = ["milepost:read", "milepost:propose", "milepost:write", "milepost:admin"];

/// The provider that the settings name.
pub struct Provider {
    expected: Expected,
    jwks_url: Option<String>,
    clock: Clock,
    egress: Egress,
    known: RwLock<Arc<Known>>,
    /// When it was last asked. Held while it is.
    asked: Mutex<Option<Duration>>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Key>,
    /// On the clock's monotonic time; `None` while none were ever fetched.
    since: Option<Duration>,
}

impl Known {
    fn is_usable(&self, now: Duration) -> bool {
        self.since.is_some_and(|since| now.saturating_sub(since) < HARD_END)
    }

    fn is_fresh(&self, now: Duration) -> bool {
        self.since.is_some_and(|since| now.saturating_sub(since) < FRESH)
    }
}

/// What of a provider's addresses may be asked.
pub fn allowed(settings: &config::Oidc) -> Allowed {
    let mut allowed = Allowed { private: settings.allow_private.clone(), ..Allowed::default() };
    let named = [settings.issuer.as_deref(), settings.jwks_url.as_deref()].into_iter().flatten();
    // A port that whoever runs the installation wrote down is meant.
    allowed.ports.extend(named.filter_map(|address| Url::parse(address).ok()?.port()));
    allowed
}

impl Provider {
    /// `None` when the settings name no provider. Nothing is asked yet. The error is a sentence.
    pub fn open(settings: &config::Oidc, clock: &Clock) -> Result<Option<Self>, String> {
        let (Some(issuer), Some(audience)) = (&settings.issuer, &settings.audience) else { return Ok(None) };
        Ok(Some(Self {
            expected: Expected {
                issuer: issuer.clone(),
                audience: audience.clone(),
                clients: settings.clients.clone(),
                workspace_claim: settings.workspace_claim.clone(),
                scope_claim: settings.scope_claim.clone(),
            },
            jwks_url: settings.jwks_url.clone(),
            clock: clock.clone(),
            egress: Egress::new(clock.clone(), allowed(settings))?,
            known: RwLock::default(),
            asked: Mutex::new(None),
        }))
    }

    /// What a token says of whoever brings it. Every token that is not good gets the same answer.
    pub async fn verify(&self, token: &str) -> Result<Claimed, Refusal> {
        let refused = |why: &str| {
            debug!("An access token was refused: {why}");
            domain::workspace::access::ops::unknown()
        };
        let unverified = jwt::read(token).map_err(refused)?;
        if !self.is_signed(&unverified).await? {
            return Err(refused("none of the provider's keys that it may mean signed it"));
        }
        unverified.claims(&self.expected, self.clock.now().as_second()).map_err(refused)
    }

    async fn is_signed(&self, token: &Unverified<'_>) -> Result<bool, Refusal> {
        let known = self.keys_for(token).await?;
        let meant = keys::meant(&known.keys, token.kid.as_deref(), token.algorithm);
        Ok(meant.iter().any(|key| key.signed(token.algorithm, token.signed.as_bytes(), &token.signature)))
    }

    /// The keys to look for the token's in. The error says that there are none.
    async fn keys_for(&self, token: &Unverified<'_>) -> Result<Arc<Known>, Refusal> {
        let has = |known: &Known| !keys::meant(&known.keys, token.kid.as_deref(), token.algorithm).is_empty();
        let known = self.known();
        let now = self.clock.elapsed();
        if has(&known) && known.is_usable(now) {
            if !known.is_fresh(now)
                && let Ok(mut asked) = self.asked.try_lock()
            {
                // One caller in a minute waits for the answer; the others go on with what is there.
                self.ask(&mut asked).await;
                return Ok(self.known());
            }
            return Ok(known);
        }
        let mut asked = self.asked.lock().await;
        // Somebody else may have asked meanwhile.
        let known = self.known();
        if !(has(&known) && known.is_usable(self.clock.elapsed())) {
            self.ask(&mut asked).await;
        }
        let known = self.known();
        if known.is_usable(self.clock.elapsed()) { Ok(known) } else { Err(no_keys()) }
    }

    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for the provider's keys, unless it was asked just now. What cannot be had leaves those that are known.
    async fn ask(&self, asked: &mut Option<Duration>) {
        let now = self.clock.elapsed();
        let pause = if self.known().is_usable(now) { AGAIN } else { AGAIN_WITHOUT };
        if asked.is_some_and(|at| now.saturating_sub(at) < pause) {
            return;
        }
        *asked = Some(now);
        let found = tokio::time::timeout(PATIENCE, self.fetch()).await;
        match found.unwrap_or_else(|_| Err("it did not answer in time.".into())) {
            Ok(keys) => {
                info!(keys = keys.len(), "Fetched the keys of the provider of access tokens");
                let since = Some(self.clock.elapsed());
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Known { keys, since });
            }
            Err(why) => warn!("The keys of the provider of access tokens could not be fetched: {why}"),
        }
    }

    async fn fetch(&self) -> Result<Vec<Key>, String> {
        let address = match &self.jwks_url {
            Some(address) => address.clone(),
            None => {
                let issuer = &self.expected.issuer;
                let about = self
                    .get(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
                    .await?;
                if about["issuer"].as_str() != Some(issuer) {
                    return Err("what is found there calls itself another issuer.".into());
                }
                about["jwks_uri"].as_str().ok_or("it does not say where its keys are.")?.to_owned()
            }
        };
        let set: Set =
            serde_json::from_value(self.get(&address).await?).map_err(|_| "its keys cannot be read.")?;
        let keys = set.usable();
        // With nothing in its place, what is known stays.
        if keys.is_empty() { Err("it has no key that could sign a token.".into()) } else { Ok(keys) }
    }

    async fn get(&self, address: &str) -> Result<Value, String> {
        let ask = |url: Url| {
            let mut request = Request { most: MOST, ..Request::new(Method::GET, url) };
            request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            request
        };
        let heard = self.egress.to_target(address, ask).await;
        match heard.map_err(|_| "its address is not public and https, and not in oidc.allow_private.")? {
            Heard::Answer(answer) if answer.status == 200 && answer.whole => {
                strict::check(&answer.body).map_err(|flaw| flaw.sentence)?;
                answer.json().ok_or_else(|| "its answer is no JSON.".into())
            }
            Heard::Answer(answer) if answer.status == 200 => Err("its answer is too long or broke off.".into()),
            Heard::Answer(answer) => Err(format!("it answered {}.", answer.status)),
            Heard::NotSent { why } | Heard::Lost { why } => Err(why),
        }
    }
}

fn no_keys() -> Refusal {
    Refusal::new(
        Code::Unavailable,
        "The provider of access tokens cannot be asked for its keys, so nobody can say whether this one is good. \
         Nothing was done.",
        "Try again in a minute; a token of Milepost's own (milepost token create) works meanwhile.",
    )
}

/// Whether an address of the provider may be asked at all: it is public and https, or the settings list it.
pub fn may_be_asked(address: &str, settings: &config::Oidc) -> bool {
    target::check("", address, &allowed(settings)).is_ok()
}
