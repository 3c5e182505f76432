//! A provider of access tokens: says where its keys are, and signs whatever a test wants to have signed.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer};
use serde_json::{Value, json};

use super::http::{Answer, Asked, Peer, Server, held, is_http_peer};

/// A key of its own, with which it signs.
#[derive(Clone)]
pub struct SigningKey {
    pub kid: String,
    key: PKey<Private>,
}

impl SigningKey {
    pub fn rsa(kid: &str, bits: u32) -> Self {
        Self { kid: kid.into(), key: PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap() }
    }

    pub fn p256(kid: &str) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self { kid: kid.into(), key: PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap() }
    }

    /// As it is published.
    pub fn jwk(&self) -> Value {
        if let Ok(rsa) = self.key.rsa() {
            let number = |n: &openssl::bn::BigNumRef| URL_SAFE_NO_PAD.encode(n.to_vec());
            return json!({ "kty": "RSA", "kid": self.kid, "use": "sig", "n": number(rsa.n()), "e": number(rsa.e()) });
        }
        let ec = self.key.ec_key().unwrap();
        let (mut x, mut y, mut context) =
            (BigNum::new().unwrap(), BigNum::new().unwrap(), BigNumContext::new().unwrap());
        ec.public_key().affine_coordinates(ec.group(), &mut x, &mut y, &mut context).unwrap();
        let number = |n: BigNum| URL_SAFE_NO_PAD.encode(n.to_vec_padded(32).unwrap());
        json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "x": number(x), "y": number(y) })
    }

    /// The public key as a file holds it, which somebody may take for a shared secret.
    pub fn public_pem(&self) -> Vec<u8> {
        self.key.public_key_to_pem().unwrap()
    }

    /// A token with these claims, in the usual way of the key: RS256 or ES256.
    pub fn token(&self, claims: &Value) -> String {
        let alg = if self.key.rsa().is_ok() { "RS256" } else { "ES256" };
        self.token_with(&json!({ "alg": alg, "kid": self.kid, "typ": "at+jwt" }), claims)
    }

    /// With a header of the test's choice; signed by the algorithm that it names, or by the key's usual one.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.sign(header["alg"].as_str(), signed.as_bytes())))
    }

    fn sign(&self, alg: Option<&str>, bytes: &[u8]) -> Vec<u8> {
        if let Ok(ec) = self.key.ec_key() {
            let pair = EcdsaSig::sign(&openssl::sha::sha256(bytes), &ec).unwrap();
            let number = |n: &openssl::bn::BigNumRef| n.to_vec_padded(32).unwrap();
            return [number(pair.r()), number(pair.s())].concat();
        }
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        if alg == Some("PS256") {
            signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            signer.set_rsa_mgf1_md(MessageDigest::sha256()).unwrap();
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
        }
        signer.sign_oneshot_to_vec(bytes).unwrap()
    }
}

/// The first two parts of a token.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

struct Provider {
    keys: Arc<Mutex<Vec<Value>>>,
    elsewhere: Arc<Mutex<Option<String>>>,
}

impl Peer for Provider {
    fn take(&self, asked: &Asked) -> Answer {
        let here = format!("http://{}", asked.header("host").unwrap_or_default());
        let answer = match asked.path.as_str() {
            "/.well-known/openid-configuration" => {
                let keys = held(&self.elsewhere).clone().unwrap_or_else(|| format!("{here}/keys"));
                json!({ "issuer": here, "jwks_uri": keys })
            }
            "/keys" => json!({ "keys": *held(&self.keys) }),
            _ => return Answer::empty(404),
        };
        Answer::json(200, &answer)
    }
}

pub struct FakeIssuer {
    pub(super) server: Server,
    keys: Arc<Mutex<Vec<Value>>>,
    elsewhere: Arc<Mutex<Option<String>>>,
}

is_http_peer!(FakeIssuer);

impl FakeIssuer {
    pub fn start(keys: &[&SigningKey]) -> Self {
        let (shared, elsewhere) = (Arc::new(Mutex::default()), Arc::new(Mutex::default()));
        let server = Server::start(Provider { keys: Arc::clone(&shared), elsewhere: Arc::clone(&elsewhere) });
        let issuer = Self { server, keys: shared, elsewhere };
        issuer.publishes(keys.iter().map(|key| key.jwk()).collect());
        issuer
    }

    /// As tokens name it.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The keys that it publishes from now on.
    pub fn publishes(&self, keys: Vec<Value>) {
        *held(&self.keys) = keys;
    }

    /// Where it says that its keys are.
    pub fn says_keys_are_at(&self, address: &str) {
        *held(&self.elsewhere) = Some(address.into());
    }

    /// How often it was asked for its keys.
    pub fn times_asked(&self) -> usize {
        self.server.count("GET /keys")
    }

    pub fn goes_away(&self) {
        self.server.stop_listening();
    }

    pub fn comes_back(&self) {
        self.server.listen_again();
    }
}
