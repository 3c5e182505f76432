//! What a header of an endpoint carries may be a secret, so it is kept sealed. The domain has no key to it: whoever runs a
//! verb brings what seals and opens, which only computes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::id::{EndpointId, WorkspaceId};

/// Where a value is kept. Sealed for one place, it opens in no other.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub workspace: WorkspaceId,
    pub endpoint: EndpointId,
    /// Where its calls go: whoever can write into the database must not have them sent elsewhere.
    pub address: &'a str,
    pub header: &'a str,
}

/// Seals and opens, with the installation's key.
pub trait Vault {
    /// The nonce is random, and never used before.
    fn seal(&self, place: &Place<'_>, nonce: [u8; 12], value: &str) -> String;

    /// The error completes "it cannot be opened: ", and tells nothing of the value.
    fn open(&self, place: &Place<'_>, sealed: &str) -> Result<String, String>;
}

/// What a header carries, as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Carried {
    Sealed {
        sealed: String,
    },
    /// As versions before the first sealed value kept it. Sealed when its endpoint is changed.
    Plain(String),
}

impl Carried {
    pub fn open(&self, place: &Place<'_>, vault: &dyn Vault) -> Result<String, String> {
        match self {
            Self::Sealed { sealed } => vault.open(place, sealed),
            Self::Plain(value) => Ok(value.clone()),
        }
    }
}

/// Never with the value.
impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sealed { .. } => "sealed",
            Self::Plain(_) => "not sealed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_never_sealed_is_told_from_a_sealed_one_whatever_it_says() {
        let read = |json: &str| serde_json::from_str::<Carried>(json).unwrap();
        assert_eq!(read(r#""v1.abc""#), Carried::Plain("v1.abc".into()));
        assert_eq!(read(r#"{"sealed":"v1.abc"}"#), Carried::Sealed { sealed: "v1.abc".into() });
        for one in [Carried::Plain("{\"sealed\":\"x\"}".into()), Carried::Sealed { sealed: "x".into() }] {
            assert_eq!(read(&serde_json::to_string(&one).unwrap()), one);
            assert!(!format!("{one:?}").contains('x'));
        }
    }
}
