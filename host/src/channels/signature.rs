//! Signatures of webhooks, both ways.
//!
//! Outgoing ones are those of Standard Webhooks: HMAC-SHA-256 over `id.timestamp.body`, in base64 after `v1,`; while a
//! secret is being replaced there are two, apart by a space. Incoming ones fail closed: whatever cannot be read is wrong.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::keys::mac;

/// How far a timestamp may be from now, either way. Seconds.
pub const TOLERANCE: i64 = 300;
/// The longest header of signatures that is looked at.
const MOST_HEADER: usize = 2_000;

/// The value of `webhook-signature`: one signature for each secret.
pub fn sign(secrets: &[&[u8]], id: &str, at: Timestamp, body: &[u8]) -> String {
    let one = |secret: &&[u8]| format!("v1,{}", STANDARD.encode(digest(secret, id, at.as_second(), body)));
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn digest(secret: &[u8], id: &str, seconds: i64, body: &[u8]) -> [u8; 32] {
    let mut mac = mac(secret);
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// Why a webhook is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disbelief {
    /// A header is missing or cannot be read.
    Malformed,
    /// More than five minutes from now.
    Old,
    /// No signature is by any of the secrets.
    Wrong,
}

/// Whether a body came from somebody who has one of the secrets, lately. Takes the same time for every wrong signature.
pub fn verify(
    secrets: &[&[u8]],
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Disbelief> {
    let digits = timestamp.bytes().all(|b| b.is_ascii_digit());
    if id.is_empty() || id.len() > 200 || !digits || signatures.len() > MOST_HEADER {
        return Err(Disbelief::Malformed);
    }
    let seconds: i64 = timestamp.parse().map_err(|_| Disbelief::Malformed)?;
    let apart = now.as_second().checked_sub(seconds).and_then(i64::checked_abs).ok_or(Disbelief::Malformed)?;
    if apart > TOLERANCE {
        return Err(Disbelief::Old);
    }
    let given: Vec<Vec<u8>> =
        signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok()).collect();
    let mut right = false;
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let expected = digest(secret, id, seconds, body);
        for one in &given {
            right |= bool::from(expected.ct_eq(one.as_slice()));
        }
    }
    if right { Ok(()) } else { Err(Disbelief::Wrong) }
}

/// What Twilio signs a call with: HMAC-SHA-1 over the address and the sorted parameters, names and values, in base64.
pub fn twilio(token: &[u8], url: &str, parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort();
    // A parameter that comes twice with one value counts once.
    sorted.dedup();
    let mut mac: Hmac<Sha1> = Hmac::new_from_slice(token).expect("a key of any length");
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Whether Twilio made this call. Takes the same time for every wrong signature.
pub fn is_twilio(token: &[u8], url: &str, parameters: &[(String, String)], given: &str) -> bool {
    !token.is_empty() && bool::from(twilio(token, url, parameters).as_bytes().ct_eq(given.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The vector of the Standard Webhooks specification.
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> Vec<u8> {
        STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_published_vector() {
        assert_eq!(sign(&[&secret()], ID, at(1_614_265_330), BODY), SIGNED);
        assert_eq!(verify(&[&secret()], ID, "1614265330", SIGNED, BODY, at(1_614_265_330)), Ok(()));
    }

    #[test]
    fn two_secrets_while_rotating() {
        let (old, new): (&[u8], &[u8]) = (&secret(), b"another secret of some length...");
        let now = at(1_614_265_330);
        let both = sign(&[new, old], ID, now, BODY);
        for known in [[old], [new]] {
            assert_eq!(verify(&known, ID, "1614265330", &both, BODY, now), Ok(()));
        }
        assert_eq!(verify(&[b"a third"], ID, "1614265330", &both, BODY, now), Err(Disbelief::Wrong));
        assert_eq!(verify(&[new, old], ID, "1614265330", SIGNED, BODY, now), Ok(()));
    }

    #[test]
    fn whatever_is_wrong_is_not_believed() {
        use Disbelief::{Malformed, Old, Wrong};
        let now = 1_614_265_330;
        for (id, time, signed, body, seconds, expected) in [
            (ID, "1614265330", SIGNED, BODY, now + 300, Ok(())),
            (ID, "1614265330", SIGNED, BODY, now - 300, Ok(())),
            (ID, "1614265330", SIGNED, BODY, now + 301, Err(Old)),
            (ID, "1614265330", SIGNED, BODY, now - 301, Err(Old)),
            (ID, "1614265330", SIGNED, b"{}", now, Err(Wrong)),
            ("msg_other", "1614265330", SIGNED, BODY, now, Err(Wrong)),
            (ID, "1614265331", SIGNED, BODY, now, Err(Wrong)),
            (ID, "1614265330", "", BODY, now, Err(Wrong)),
            (ID, "1614265330", "v1,", BODY, now, Err(Wrong)),
            (ID, "1614265330", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, now, Err(Wrong)),
            (ID, "1614265330", "v1,!!!", BODY, now, Err(Wrong)),
            (ID, "-9223372036854775808", SIGNED, BODY, now, Err(Malformed)),
            (ID, "9223372036854775807", SIGNED, BODY, now, Err(Old)),
            (ID, "9223372036854775808", SIGNED, BODY, now, Err(Malformed)),
            (ID, "+1614265330", SIGNED, BODY, now, Err(Malformed)),
            (ID, "", SIGNED, BODY, now, Err(Malformed)),
            (ID, "1614265330.0", SIGNED, BODY, now, Err(Malformed)),
            ("", "1614265330", SIGNED, BODY, now, Err(Malformed)),
        ] {
            assert_eq!(
                verify(&[&secret()], id, time, signed, body, at(seconds)),
                expected,
                "{id} {time} {signed}"
            );
        }
        let long = format!("{SIGNED} ").repeat(100);
        assert_eq!(verify(&[&secret()], ID, "1614265330", &long, BODY, at(now)), Err(Malformed));
        assert_eq!(verify(&[b""], ID, "1614265330", &sign(&[b""], ID, at(now), BODY), BODY, at(now)), Err(Wrong));
        assert_eq!(verify(&[], ID, "1614265330", SIGNED, BODY, at(now)), Err(Wrong));
    }

    #[test]
    fn twilios_documented_example() {
        // From "Security" in Twilio's documentation: token 12345.
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let parameters: Vec<_> = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675310"),
            ("Digits", "1234"),
            ("From", "+14158675310"),
            ("To", "+18005551212"),
        ]
        .map(pair)
        .into();
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let signed = twilio(b"12345", url, &parameters);
        assert_eq!(signed, "GvWf1cFY/Q7PnoempGyD5oXAezc=");
        assert!(is_twilio(b"12345", url, &parameters, &signed));
        assert!(!is_twilio(b"12345", url, &parameters[1..], &signed));
        assert!(!is_twilio(b"12346", url, &parameters, &signed));
        assert!(!is_twilio(b"", url, &parameters, &twilio(b"", url, &parameters)));
    }
}
