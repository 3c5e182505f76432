//! The keys of a provider (RFC 7517), and whether one of them signed something. OpenSSL does the arithmetic.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sha::sha256;
use openssl::sign::{RsaPssSaltlen, Verifier};
use serde::Deserialize;

use super::jwt::MOST_KID;

/// Keys of one provider that are kept.
const MOST_KEYS: usize = 64;
/// Bits of an RSA key: fewer are too weak, more cost too much to check.
const RSA_BITS: std::ops::RangeInclusive<i32> = 2_048..=8_192;

/// How a token may be signed. What is shared with nobody's secret only: no HMAC, and never nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Ps256,
    Es256,
}

impl Algorithm {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
pub struct Set {
    keys: Vec<Jwk>,
}

/// A key as a provider publishes it. Only its public parts are read.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    for_use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

enum Kind {
    Rsa(PKey<Public>),
    P256(EcKey<Public>),
}

pub struct Key {
    kid: Option<String>,
    /// The only one that it may be used with.
    only: Option<Algorithm>,
    kind: Kind,
}

impl Set {
    /// The keys that may have signed a token. What is for something else, or of another kind, is passed over.
    pub fn usable(self) -> Vec<Key> {
        self.keys.into_iter().take(MOST_KEYS).filter_map(Key::of).collect()
    }
}

impl Key {
    fn of(jwk: Jwk) -> Option<Self> {
        let verifies = jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if jwk.for_use.as_deref().is_some_and(|what| what != "sig") || !verifies {
            return None;
        }
        if jwk.kid.as_ref().is_some_and(|kid| kid.len() > MOST_KID) {
            return None;
        }
        let only = match &jwk.alg {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        let kind = match jwk.kty.as_str() {
            "RSA" => Kind::Rsa(rsa(&number(jwk.n)?, &number(jwk.e)?).ok()??),
            "EC" if jwk.crv.as_deref() == Some("P-256") => {
                Kind::P256(p256(&number(jwk.x)?, &number(jwk.y)?).ok()?)
            }
            _ => return None,
        };
        Some(Self { kid: jwk.kid, only, kind })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let kind = match self.kind {
            Kind::Rsa(_) => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
            Kind::P256(_) => algorithm == Algorithm::Es256,
        };
        kind && self.only.is_none_or(|only| only == algorithm)
    }

    /// Whether this key made the signature of `signed`.
    pub fn signed(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        self.fits(algorithm) && self.check(algorithm, signed, signature).unwrap_or(false)
    }

    fn check(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
        match &self.kind {
            Kind::Rsa(key) => {
                let mut verifier = Verifier::new(MessageDigest::sha256(), key)?;
                if algorithm == Algorithm::Ps256 {
                    verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                    verifier.set_rsa_mgf1_md(MessageDigest::sha256())?;
                    verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
                } else {
                    verifier.set_rsa_padding(Padding::PKCS1)?;
                }
                verifier.verify_oneshot(signature, signed)
            }
            Kind::P256(key) => {
                // Two numbers of 32 bytes each, as RFC 7518 has them.
                if signature.len() != 64 {
                    return Ok(false);
                }
                let (r, s) = signature.split_at(32);
                let pair = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
                pair.verify(&sha256(signed), key)
            }
        }
    }
}

/// The keys that a token may mean: of its name where it names one, else the only one there is.
pub fn meant<'a>(keys: &'a [Key], kid: Option<&str>, algorithm: Algorithm) -> Vec<&'a Key> {
    let fitting = keys.iter().filter(|key| key.fits(algorithm));
    match kid {
        Some(kid) => fitting.filter(|key| key.kid.as_deref() == Some(kid)).take(4).collect(),
        None if keys.len() == 1 => fitting.collect(),
        None => Vec::new(),
    }
}

fn number(text: Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok().filter(|bytes| bytes.len() <= 1_100)
}

fn rsa(n: &[u8], e: &[u8]) -> Result<Option<PKey<Public>>, ErrorStack> {
    let (n, e) = (BigNum::from_slice(n)?, BigNum::from_slice(e)?);
    let sound = RSA_BITS.contains(&n.num_bits()) && e.is_odd() && e.num_bits() > 1 && e.num_bits() <= 33;
    if !sound {
        return Ok(None);
    }
    PKey::from_rsa(Rsa::from_public_components(n, e)?).map(Some)
}

fn p256(x: &[u8], y: &[u8]) -> Result<EcKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let (x, y) = (BigNum::from_slice(x)?, BigNum::from_slice(y)?);
    let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y)?;
    key.check_key()?;
    Ok(key)
}
