//! Whose server a channel is in. Anybody can write down the id of any channel that the bot sees; what a workspace says goes
//! into no server that another workspace has linked.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::delivery::outbox::Outcome;
use domain::delivery::{Message, To};
use domain::people::chat::store::workspace_of;
use reqwest::Method;
use serde_json::Value;

use super::{Discord, MOST_KNOWN, judge, snowflake, thread_of};
use crate::channels::Learned;
use crate::egress::Heard;

/// How long a post waits until it is known whose server it would go to.
const PATIENCE: Duration = Duration::from_secs(10);

const ANOTHERS: &str = "This channel is in a server that is linked to another workspace. Nothing was sent. Choose a channel of \
                        your own server (/setup channel, or milepost deal edit --chat-channel), then replay the message.";
const NOT_KNOWN: &str = "It was not learned in time whose server the channel is in. Nothing was sent.";

/// The servers of channels, which stay where they are; none of a channel that is in no server.
#[derive(Default)]
pub(super) struct Servers(Mutex<HashMap<String, Option<String>>>);

impl Servers {
    fn held(&self) -> MutexGuard<'_, HashMap<String, Option<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, channel: &str) -> Option<Option<String>> {
        self.held().get(channel).cloned()
    }

    fn note(&self, channel: &str, server: &Option<String>) {
        let mut known = self.held();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(channel.to_owned(), server.clone());
    }
}

impl Discord {
    /// An error for what would go into another workspace's server, and while that cannot be known.
    pub(super) async fn may_go_there(&self, message: &Message, until: Duration) -> Result<(), Learned> {
        let Some(channel) = channel_of(message) else { return Ok(()) };
        let asked = self.is_anothers(message, snowflake(channel)?, until);
        match tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(Learned::not_sent(NOT_KNOWN)))? {
            true => Err(ended(message, ANOTHERS)),
            false => Ok(()),
        }
    }

    async fn is_anothers(&self, message: &Message, channel: &str, until: Duration) -> Result<bool, Learned> {
        let server = match self.servers.of(channel) {
            Some(server) => server,
            // Where there is one workspace, nobody else has linked anything.
            None if self.host.directory().await.map_err(|_| Learned::not_sent(NOT_KNOWN))?.len() < 2 => None,
            None => self.ask_for_server(message, channel, until).await?,
        };
        let Some(server) = server else { return Ok(false) };
        let whose = self.host.installation(move |db| workspace_of(db, &server)).await;
        let whose = whose.map_err(|_| Learned::not_sent(NOT_KNOWN))?;
        // A server that nobody has linked is anybody's: those who never link one write where they are invited.
        Ok(whose.is_some_and(|whose| whose != message.workspace))
    }

    async fn ask_for_server(
        &self,
        message: &Message,
        channel: &str,
        until: Duration,
    ) -> Result<Option<String>, Learned> {
        let mut request = self.request(Method::GET, &format!("channels/{channel}"), None)?;
        request.until = Some(until);
        let answer = match self.egress.to_provider(request).await {
            Heard::NotSent { why } | Heard::Lost { why } => return Err(Learned::not_sent(why)),
            Heard::Answer(answer) => answer,
        };
        let learned = judge(&answer);
        match &learned.outcome {
            Outcome::Accepted { .. } => {
                let found = answer.json();
                let server = found.as_ref().and_then(|found| found.get("guild_id")).and_then(Value::as_str);
                let server = server.map(str::to_owned);
                self.servers.note(channel, &server);
                Ok(server)
            }
            Outcome::Unclear { why } => Err(Learned { status: learned.status, ..Learned::not_sent(why.clone()) }),
            // Where the bot may not look it may not write.
            Outcome::Refused { why, gone: true } => Err(Learned { status: learned.status, ..ended(message, why) }),
            _ => Err(learned),
        }
    }
}

/// The channel that a message names, or that its thread is in; none where it goes to a person.
fn channel_of(message: &Message) -> Option<&str> {
    let address = message.address.trim();
    match message.to {
        To::Member(_) | To::Contact(_) => None,
        To::Team | To::Endpoint(_) if address.starts_with("user:") => None,
        To::Team | To::Endpoint(_) => Some(thread_of(message).map_or(address, |thread| thread.channel)),
    }
}

/// A no for good. What a thread does not take is said in its channel, which is asked about by itself then; and what cannot
/// be drawn anew says nothing of what comes next.
fn ended(message: &Message, why: &str) -> Learned {
    match message.edits.is_some() || thread_of(message).is_some() {
        true => Learned::refused(why),
        false => Learned::gone(why),
    }
}

#[cfg(test)]
mod tests {
    use domain::people::reach;

    use super::super::tests::{SOON, host, word};
    use super::*;
    use crate::channels::peer::{Peer, http};
    use crate::channels::sample::{message, to_member};

    #[tokio::test]
    async fn what_each_answer_about_a_channel_means() {
        let post = message(reach::Channel::Discord, "77", "Keys");
        let edit = Message { edits: Some(post.id), ..post.clone() };
        let in_thread = Message { address: "77/9001".into(), ..post.clone() };
        for (status, body, expected) in [
            (200, r#"{"id":"77","guild_id":"5"}"#, ["in 5"; 3]),
            (200, r#"{"id":"77"}"#, ["in none"; 3]),
            (200, r#"{"id":"77","guild"#, ["not sent"; 3]),
            (500, "", ["not sent"; 3]),
            (403, r#"{"code":50001}"#, ["gone", "refused", "refused"]),
            (404, r#"{"code":10003}"#, ["gone", "refused", "refused"]),
            (401, r#"{"code":0}"#, ["refused, provider"; 3]),
            (429, r#"{"retry_after":2}"#, ["not sent, 2s, destination"; 3]),
        ] {
            let answer = http(status, "", body);
            let peer = Peer::start(move |_| answer.clone()).await;
            let (discord, _folder) = host(&peer.url(""));
            for (one, expected) in [&post, &edit, &in_thread].into_iter().zip(expected) {
                let asked = discord.ask_for_server(one, "77", SOON).await;
                let said = asked.map(|server| format!("in {}", server.as_deref().unwrap_or("none")));
                assert_eq!(said.unwrap_or_else(|learned| word(&learned)), expected, "{status} {body}");
            }
            assert!(peer.heard().iter().all(|heard| heard.starts_with("GET /channels/77 ")));
        }
    }

    #[test]
    fn direct_messages_are_in_no_server() {
        let to = |address: &str| message(reach::Channel::Discord, address, "Keys");
        assert_eq!(channel_of(&to("77")), Some("77"));
        assert_eq!(channel_of(&to("77/9001")), Some("77"));
        assert_eq!(channel_of(&to("user:42")), None);
        assert_eq!(channel_of(&to_member(to("42"))), None);
    }
}
