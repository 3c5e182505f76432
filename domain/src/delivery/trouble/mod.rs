//! What takes nothing from us at the moment, and how many of us are sending: what dispatchers tell each other.
//!
//! The bot, the mail server and the account for text messages are the installation's, so whoever was told to wait was told
//! it for all. These rows belong to no workspace; they are read and written in a scope of their own
//! ([`crate::kernel::db::Scope::Installation`]) by dispatchers alone, and no face shows them.

pub mod ops;
pub mod rules;
mod store;

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use crate::people::reach::Channel;

/// What is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// A whole channel: its provider takes nothing from us.
    Provider(Channel),
    /// As [`crate::delivery::Message::destination`] has it.
    Destination(String),
}

const PROVIDER: &str = "provider:";

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider(channel) => write!(f, "{PROVIDER}{channel}"),
            Self::Destination(destination) => f.write_str(destination),
        }
    }
}

impl From<&str> for What {
    fn from(text: &str) -> Self {
        // No destination begins so: each begins with its channel.
        let channel = text.strip_prefix(PROVIDER).and_then(|word| Channel::from_str(word).ok());
        channel.map_or_else(|| Self::Destination(text.to_owned()), Self::Provider)
    }
}

/// Something that is left alone until an instant, and then asked by one of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub what: What,
    /// When it was closed at first; it has not answered since.
    pub since: Timestamp,
    pub closed_at: Timestamp,
    pub closed_until: Timestamp,
    /// How long it was left alone the last time, when that was for a failure.
    pub last: Option<SignedDuration>,
    /// Another one whenever it is closed again or probed.
    pub version: i64,
}

/// What one process learned about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Close {
        what: What,
        wait: SignedDuration,
        last: Option<SignedDuration>,
        /// Learned by the one that asked whether it is over: its word stands, whatever was said before.
        probe: bool,
    },
    /// It answers.
    Open(What),
}

impl Change {
    pub fn what(&self) -> &What {
        match self {
            Self::Close { what, .. } | Self::Open(what) => what,
        }
    }
}

/// How the installation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub holds: Vec<Hold>,
    /// How many processes have sent something lately.
    pub dispatchers: usize,
}
