//! An access token as it is written (RFC 7519, in the compact form of RFC 7515): read strictly, and held against what the
//! settings ask for. Nothing of a token is believed before its signature was checked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::kernel::strict;
use domain::workspace::access::Grant;
use domain::workspace::access::identity::{Claimed, MOST_SUBJECT};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::keys::Algorithm;

/// The longest token that is looked at, in bytes.
pub const MOST: usize = 8 << 10;
/// The longest name of a key.
pub const MOST_KID: usize = 256;
/// By how much the clocks of a provider and of this machine may differ. Seconds.
const SKEW: f64 = 60.0;

/// Why a token opens nothing: for the log alone.
pub type Why = &'static str;

/// A token whose signature was not looked at yet.
#[derive(Debug)]
pub struct Unverified<'a> {
    pub algorithm: Algorithm,
    pub kid: Option<String>,
    /// What was signed.
    pub signed: &'a str,
    pub signature: Vec<u8>,
    /// The claims as they came; not to be read before the signature was checked.
    body: Vec<u8>,
}

/// Of the header what counts. Keys and addresses of keys that a token brings along are never looked at.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// Whether it may be such a token at all, told without reading it.
pub fn looks_like_one(token: &str) -> bool {
    token.starts_with("ey") && token.bytes().filter(|b| *b == b'.').count() == 2
}

pub fn read(token: &str) -> Result<Unverified<'_>, Why> {
    if token.len() > MOST {
        return Err("it is longer than 8 KiB");
    }
    let mut parts = token.split('.');
    let (Some(header), Some(body), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("it does not have three parts");
    };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "a part is not written in base64url");
    let signed = &token[..header.len() + 1 + body.len()];
    let header: Header = object(&decoded(header)?)?;
    let algorithm = Algorithm::named(&header.alg).ok_or("its algorithm is not one of RS256, PS256 and ES256")?;
    if header.crit.is_some() {
        return Err("it asks for an extension that nobody here knows");
    }
    let access = ["jwt", "at+jwt", "application/at+jwt"];
    if header.typ.is_some_and(|typ| !access.contains(&typ.to_ascii_lowercase().as_str())) {
        return Err("its type is not that of an access token");
    }
    if header.kid.as_ref().is_some_and(|kid| kid.len() > MOST_KID) {
        return Err("the name of its key is too long");
    }
    Ok(Unverified { algorithm, kid: header.kid, signed, signature: decoded(signature)?, body: decoded(body)? })
}

/// One JSON object without a member given twice.
fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Why> {
    strict::check(bytes).map_err(|_| "a part is not strict JSON")?;
    serde_json::from_slice(bytes).map_err(|_| "a part does not have the expected members")
}

/// What a token must say.
#[derive(Clone, Debug)]
pub struct Expected {
    pub issuer: String,
    pub audience: String,
    /// The programs it may have been given to; any when empty.
    pub clients: Vec<String>,
    pub workspace_claim: String,
    pub scope_claim: String,
}

impl Unverified<'_> {
    /// What the token says of whoever brings it, at an instant in seconds since 1970. Call it after the signature was checked.
    pub fn claims(&self, expected: &Expected, now: i64) -> Result<Claimed, Why> {
        let claims: Map<String, Value> = object(&self.body)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(&expected.issuer) {
            return Err("it is from another issuer");
        }
        let audiences: Vec<&Value> = match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        if !audiences.iter().any(|one| one.as_str() == Some(&expected.audience)) {
            return Err("it is for another audience");
        }
        let client = match (claims.get("azp"), claims.get("client_id")) {
            (Some(azp), _) => Some(azp.as_str().ok_or("its azp is no text")?),
            (None, Some(id)) => Some(id.as_str().ok_or("its client_id is no text")?),
            (None, None) => None,
        };
        if audiences.len() > 1 && client.is_none() {
            return Err("it is for several audiences and does not say to which program it was given");
        }
        if !expected.clients.is_empty() && !client.is_some_and(|id| expected.clients.iter().any(|one| one == id)) {
            return Err("it was given to a program that is not in oidc.clients");
        }
        let now = now as f64;
        let instant = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or("one of its times is no number"),
        };
        if instant("exp")?.ok_or("it does not say when it expires")? + SKEW <= now {
            return Err("it has expired");
        }
        if instant("nbf")?.is_some_and(|from| from - SKEW > now) {
            return Err("it is not good yet");
        }
        if instant("iat")?.ok_or("it does not say when it was issued")? - SKEW > now {
            return Err("it was issued in the future");
        }
        let subject = text("sub").ok_or("it names no subject")?;
        if subject.is_empty() || subject.len() > MOST_SUBJECT * 4 || subject.chars().count() > MOST_SUBJECT {
            return Err("its subject is empty or too long");
        }
        let workspace = match claims.get(&expected.workspace_claim) {
            None => None,
            Some(value) => Some(value.as_str().ok_or("the workspace it names is no text")?.to_owned()),
        };
        let scope = claims.get(&expected.scope_claim).map(scope).transpose()?.flatten();
        Ok(Claimed { issuer: expected.issuer.clone(), subject: subject.to_owned(), workspace, scope })
    }
}

/// The widest of our scopes among those of a token: words in one text, or a list of texts.
fn scope(value: &Value) -> Result<Option<Grant>, Why> {
    let words: Vec<&str> = match value {
        Value::String(text) => text.split(' ').collect(),
        Value::Array(all) => {
            all.iter().map(Value::as_str).collect::<Option<_>>().ok_or("one of its scopes is no text")?
        }
        _ => return Err("its scopes are no text"),
    };
    let ours = words.into_iter().filter_map(|word| word.strip_prefix("milepost:")?.parse().ok());
    Ok(ours.max())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(header: &str, body: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header), part(body), part("signature"))
    }

    #[track_caller]
    fn refused(token: &str, why: &str) {
        let found = read(token).err();
        assert!(found.is_some_and(|found| found.contains(why)), "{found:?} for {token}");
    }

    #[test]
    fn what_is_not_written_as_a_token_is_not_read() {
        let good = r#"{"alg":"RS256","kid":"1","typ":"at+jwt"}"#;
        assert!(read(&token(good, "{}")).is_ok());
        refused("", "three parts");
        refused("ey.ey", "three parts");
        refused("e.y.e.y", "three parts");
        refused(&format!("{}=", token(good, "{}")), "base64url");
        refused(&token(good, "{}").replace('.', ". "), "base64url");
        refused(&token(good, &"x".repeat(MOST)), "8 KiB");
        refused(&token("[]", "{}"), "members");
        refused(&token("nonsense", "{}"), "strict JSON");
        refused(&token(r#"{"alg":"RS256","alg":"ES256"}"#, "{}"), "strict JSON");
        refused(&token(r#"{"kid":"1"}"#, "{}"), "members");
        refused(&token(r#"{"alg":7}"#, "{}"), "members");
        for algorithm in ["none", "None", "", "HS256", "rs256", "RS512", "ES384", "EdDSA", "RSA1_5"] {
            refused(&token(&json!({ "alg": algorithm }).to_string(), "{}"), "algorithm");
        }
        refused(&token(r#"{"alg":"RS256","crit":["b64"],"b64":false}"#, "{}"), "extension");
        refused(&token(r#"{"alg":"RS256","typ":"dpop+jwt"}"#, "{}"), "type");
        refused(&token(&json!({ "alg": "RS256", "kid": "k".repeat(300) }).to_string(), "{}"), "name of its key");
    }

    const NOW: i64 = 1_800_000_000;

    fn expected() -> Expected {
        Expected {
            issuer: "https://login.example.com".into(),
            audience: "https://milepost.example.com/mcp".into(),
            clients: Vec::new(),
            workspace_claim: "milepost_workspace".into(),
            scope_claim: "scope".into(),
        }
    }

    /// The claims of a good token, some of them other than they are, or left out where they are null.
    fn claims(other: Value, expected: &Expected) -> Result<Claimed, Why> {
        let mut claims = json!({
            "iss": "https://login.example.com", "aud": "https://milepost.example.com/mcp", "sub": "client-7",
            "exp": NOW + 300, "iat": NOW, "scope": "openid milepost:read milepost:propose",
        });
        for (name, value) in other.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        read(&token(r#"{"alg":"RS256"}"#, &claims.to_string())).unwrap().claims(expected, NOW)
    }

    #[test]
    fn a_good_token_says_who_it_is_and_what_it_may() {
        let claimed = claims(json!({"milepost_workspace": "lakeside", "nbf": NOW - 5}), &expected()).unwrap();
        assert_eq!((claimed.subject.as_str(), claimed.workspace.as_deref()), ("client-7", Some("lakeside")));
        assert_eq!(claimed.scope, Some(Grant::Propose));
        let scopes = |scope: Value| claims(json!({ "scope": scope }), &expected()).map(|claimed| claimed.scope);
        assert_eq!(scopes(json!(["milepost:admin", "milepost:read"])), Ok(Some(Grant::Admin)));
        assert_eq!(scopes(json!("openid profile milepost:everything xmilepost:read")), Ok(None));
        assert_eq!(scopes(Value::Null), Ok(None));
        assert!(scopes(json!(7)).is_err() && scopes(json!([7])).is_err());
    }

    #[test]
    fn clocks_may_differ_by_a_minute_and_no_more() {
        for (other, good) in [
            (json!({"exp": NOW - 59}), true),
            (json!({"exp": NOW - 60}), false),
            (json!({"exp": NOW as f64 + 0.5}), true),
            (json!({"exp": "soon"}), false),
            (json!({"exp": Value::Null}), false),
            (json!({"nbf": NOW + 60}), true),
            (json!({"nbf": NOW + 61}), false),
            (json!({"iat": NOW + 60}), true),
            (json!({"iat": NOW + 61}), false),
            (json!({"iat": Value::Null}), false),
        ] {
            assert_eq!(claims(other.clone(), &expected()).is_ok(), good, "{other}");
        }
    }

    #[test]
    fn a_token_for_somebody_else_is_refused() {
        let mut only = expected();
        only.clients = vec!["desk".into()];
        let both = json!(["https://other.example.com", "https://milepost.example.com/mcp"]);
        for (other, expected, good) in [
            (json!({"iss": "https://login.example.com/"}), &expected(), false),
            (json!({"iss": Value::Null}), &expected(), false),
            (json!({"aud": "https://milepost.example.com"}), &expected(), false),
            (json!({"aud": Value::Null}), &expected(), false),
            (json!({"aud": {"0": "https://milepost.example.com/mcp"}}), &expected(), false),
            (json!({"aud": both}), &expected(), false),
            (json!({"aud": both, "azp": "desk"}), &expected(), true),
            (json!({"aud": both, "client_id": "desk"}), &expected(), true),
            (json!({}), &only, false),
            (json!({"azp": "desk"}), &only, true),
            (json!({"azp": "other", "client_id": "desk"}), &only, false),
            (json!({"azp": 7}), &expected(), false),
            (json!({"sub": Value::Null}), &expected(), false),
            (json!({"sub": ""}), &expected(), false),
            (json!({"sub": "x".repeat(256)}), &expected(), false),
            (json!({"milepost_workspace": ["lakeside"]}), &expected(), false),
        ] {
            assert_eq!(claims(other.clone(), expected).is_ok(), good, "{other}");
        }
    }

    #[test]
    fn a_claim_given_twice_is_refused() {
        let twice = r#"{"sub":"a","sub":"b"}"#;
        assert!(read(&token(r#"{"alg":"RS256"}"#, twice)).unwrap().claims(&expected(), NOW).is_err());
    }
}
