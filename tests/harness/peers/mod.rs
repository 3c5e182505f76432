//! The world outside, on this machine: small servers that answer as the providers do, fail when told to, and keep a
//! ledger of everything that reached them.
//!
//! Each listens on a free port of 127.0.0.1, with a thread of its own, until it is dropped. What a peer took is what a
//! customer would have seen; what it was asked is what the provider would have counted.

pub(crate) mod http;
mod issuer;
pub mod ledger;
mod smtp;
mod twilio;
mod webhook;

pub use crate::fake_discord::{FakeDiscord, Limits, Posted};
pub use http::{Answer, Asked, Fault, How};
pub use issuer::{FakeIssuer, SigningKey, unsigned};
pub use ledger::{Arrival, Mark};
pub use smtp::{Mail, SmtpFault, SmtpPeer, SmtpRules};
pub use twilio::{Callback, FakeTwilio, Text};
pub use webhook::{WebhookSink, secret, sign};
