//! Threads of deals. One is made from the message that it hangs from, right before the first thing is said in it; making it
//! once more changes nothing, so nothing has to be remembered of it.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::delivery::Message;
use domain::delivery::outbox::Outcome;
use domain::delivery::thread::{self, Thread};
use reqwest::Method;
use serde_json::json;

use super::{Discord, MOST_KNOWN, code, judge};
use crate::channels::Learned;
use crate::egress::Heard;

/// Minutes without a word after which Discord puts a thread away. The next word brings it back.
const PUT_AWAY_AFTER: u32 = 10_080;

/// What Discord answers, by its own numbers.
mod says {
    pub const UNKNOWN_CHANNEL: i64 = 10_003;
    pub const UNKNOWN_MESSAGE: i64 = 10_008;
    pub const NO_ACCESS: i64 = 50_001;
    pub const NO_PERMISSION: i64 = 50_013;
    pub const NOT_IN_SUCH_A_CHANNEL: i64 = 50_024;
    pub const ARCHIVED: i64 = 50_083;
    pub const MADE_BEFORE: i64 = 160_004;
}

/// Threads that this process has seen. Those that it forgets are made once more, which changes nothing.
#[derive(Default)]
pub(super) struct Known(Mutex<HashSet<String>>);

impl Known {
    fn held(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, id: &str) -> bool {
        self.held().contains(id)
    }

    fn note(&self, id: &str) {
        let mut known = self.held();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(id.to_owned());
    }

    fn forget(&self, id: &str) -> bool {
        self.held().remove(id)
    }
}

impl Discord {
    /// Posts into a thread, or edits what stands in it.
    pub(super) async fn send_into(&self, thread: Thread<'_>, message: &Message, until: Duration) -> Learned {
        if message.edits.is_some() {
            return self.write_awake(message, thread.message, until).await.0;
        }
        let (mut learned, mut code) = match self.open(thread, message, until).await {
            Ok(()) => self.write_awake(message, thread.message, until).await,
            Err(learned) => return learned,
        };
        // Somebody deleted it since this process saw it.
        if code == Some(says::UNKNOWN_CHANNEL) && self.threads.forget(thread.message) {
            (learned, code) = match self.open(thread, message, until).await {
                Ok(()) => self.write_awake(message, thread.message, until).await,
                Err(learned) => return learned,
            };
        }
        match (&learned.outcome, code) {
            (Outcome::Refused { .. }, Some(says::NO_ACCESS | says::NO_PERMISSION)) => {
                closed("write into threads there: it lacks Send Messages in Threads", learned.status)
            }
            // It says nothing of other threads.
            (Outcome::Refused { why, gone: true }, Some(_)) => {
                Learned { status: learned.status, ..Learned::refused(why.clone()) }
            }
            _ => learned,
        }
    }

    /// Makes sure that a thread is there.
    async fn open(&self, thread: Thread<'_>, message: &Message, until: Duration) -> Result<(), Learned> {
        if self.threads.has(thread.message) {
            return Ok(());
        }
        let name = thread::name(&thread::name_of(&message.content).unwrap_or_default());
        let body = json!({ "name": name, "auto_archive_duration": PUT_AWAY_AFTER });
        let path = format!("channels/{}/messages/{}/threads", thread.channel, thread.message);
        let mut request = self.request(Method::POST, &path, Some(&body))?;
        request.until = Some(until);
        let answer = match self.egress.to_provider(request).await {
            // Nothing was said: whether the thread came to be changes nothing for anybody.
            Heard::NotSent { why } | Heard::Lost { why } => return Err(Learned::not_sent(why)),
            Heard::Answer(answer) => answer,
        };
        let learned = judge(&answer);
        match (&learned.outcome, code(&answer)) {
            (Outcome::Accepted { .. }, _) | (_, Some(says::MADE_BEFORE)) => {
                self.threads.note(thread.message);
                Ok(())
            }
            // A thread outlives its message; whether it is there, the post learns.
            (_, Some(says::UNKNOWN_MESSAGE)) => Ok(()),
            (_, Some(says::NO_ACCESS | says::NO_PERMISSION)) => {
                Err(closed("open threads there: it lacks Create Public Threads", learned.status))
            }
            (_, Some(says::NOT_IN_SUCH_A_CHANNEL)) => {
                Err(closed("open threads there, because such a channel has none", learned.status))
            }
            (Outcome::Unclear { why }, _) => {
                Err(Learned { status: learned.status, ..Learned::not_sent(why.clone()) })
            }
            (Outcome::Refused { why, gone: true }, _) if learned.trouble.is_none() => {
                Err(Learned { status: learned.status, ..Learned::refused(why.clone()) })
            }
            _ => Err(learned),
        }
    }

    /// Posts or edits, also where that is a thread that was put away: what stands in it can only be changed once it is back.
    pub(super) async fn write_awake(
        &self,
        message: &Message,
        place: &str,
        until: Duration,
    ) -> (Learned, Option<i64>) {
        let (learned, code) = self.write(message, place, until).await;
        if code != Some(says::ARCHIVED) {
            return (learned, code);
        }
        let back = self.bring_back(place, until).await;
        match &back.outcome {
            Outcome::Accepted { .. } => self.write(message, place, until).await,
            Outcome::Refused { .. } => (learned, code),
            Outcome::NotSent { .. } => (back, None),
            // Nothing was said: whether the thread is back changes nothing for anybody.
            Outcome::Unclear { why } => (Learned { status: back.status, ..Learned::not_sent(why.clone()) }, None),
        }
    }

    /// Takes a thread out of the archive.
    async fn bring_back(&self, thread: &str, until: Duration) -> Learned {
        let body = json!({ "archived": false });
        let mut request = match self.request(Method::PATCH, &format!("channels/{thread}"), Some(&body)) {
            Ok(request) => request,
            Err(learned) => return learned,
        };
        request.until = Some(until);
        match self.egress.to_provider(request).await {
            Heard::NotSent { why } => Learned::not_sent(why),
            Heard::Lost { why } => Learned::unclear(why),
            Heard::Answer(answer) => judge(&answer),
        }
    }
}

/// No thread of the channel takes anything.
fn closed(what: &str, status: Option<i32>) -> Learned {
    let why = format!("Discord does not let the bot {what}. Nothing was sent.");
    Learned { status, ..Learned::gone(why) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::delivery::To;
    use domain::people::reach;

    use super::super::tests::{SOON, host, sent, word};
    use super::*;
    use crate::channels::peer::{Peer, http};
    use crate::channels::sample::message;

    fn said(text: &str) -> Message {
        let mut message = message(reach::Channel::Discord, "77/9001", text);
        message.to = To::Team;
        thread::named(&mut message.content, "12 Oak Street");
        message
    }

    fn is_making(request: &str) -> bool {
        request.starts_with("POST /channels/77/messages/9001/threads ")
    }

    #[tokio::test]
    async fn a_thread_is_made_before_the_first_post_and_remembered() {
        let peer = Peer::start(|_| http(200, "", r#"{"id":"9001"}"#)).await;
        let (discord, _folder) = host(&peer.url(""));
        for text in ["one", "two"] {
            assert_eq!(word(&discord.send(&said(text), SOON).await), "accepted 9001");
        }
        let heard = peer.heard();
        assert!(is_making(&heard[0]), "{}", heard[0]);
        assert_eq!(sent(&heard[0]), json!({ "name": "12 Oak Street", "auto_archive_duration": 10_080 }));
        assert!(heard[1..].iter().all(|request| request.starts_with("POST /channels/9001/messages ")));
        assert_eq!(heard.len(), 3);
    }

    #[tokio::test]
    async fn what_each_answer_to_making_a_thread_means() {
        let code = |code: i64| json!({ "message": "no", "code": code }).to_string();
        for (status, body, expected) in [
            (201, r#"{"id":"9001"}"#.to_owned(), "accepted 5"),
            (400, code(160_004), "accepted 5"),
            (404, code(10_008), "accepted 5"),
            (403, code(50_013), "gone"),
            (403, code(50_001), "gone"),
            (400, code(50_024), "gone"),
            (404, code(10_003), "refused"),
            (400, code(160_006), "refused"),
            (401, code(0), "refused, provider"),
            (429, code(0), "not sent, destination"),
            (500, String::new(), "not sent"),
            (201, "{".to_owned(), "not sent"),
            (403, "<html>".to_owned(), "not sent, provider"),
        ] {
            let answer = http(status, "", &body);
            let peer = Peer::start(move |request| match is_making(request) {
                true => answer.clone(),
                false => http(200, "", r#"{"id":"5"}"#),
            })
            .await;
            let (discord, _folder) = host(&peer.url(""));
            let learned = discord.send(&said("Keys"), SOON).await;
            assert_eq!(word(&learned), expected, "{status} {body}");
            let posted = usize::from(expected.starts_with("accepted"));
            assert_eq!(peer.heard().len(), 1 + posted, "{status} {body}");
        }
    }

    #[tokio::test]
    async fn what_each_answer_to_a_post_in_a_thread_means() {
        let code = |code: i64| json!({ "message": "no", "code": code }).to_string();
        for (status, body, expected) in [
            (403, code(50_013), "gone"),
            (403, code(50_001), "gone"),
            (404, code(10_003), "refused"),
            (400, code(160_005), "refused"),
            (500, String::new(), "unclear"),
        ] {
            let answer = http(status, "", &body);
            let peer = Peer::start(move |request| match is_making(request) {
                true => http(201, "", r#"{"id":"9001"}"#),
                false => answer.clone(),
            })
            .await;
            let (discord, _folder) = host(&peer.url(""));
            assert_eq!(word(&discord.send(&said("Keys"), SOON).await), expected, "{status} {body}");
        }
    }

    #[tokio::test]
    async fn what_was_put_away_is_brought_back_wherever_it_is_named() {
        const PUT_AWAY: &str = r#"{"message":"Thread is archived","code":50083}"#;
        let back = |status, body: &str| http(status, "", body);
        let no = r#"{"message":"Missing Permissions","code":50013}"#;
        for (address, place) in [("77/9001", "9001"), ("9001", "9001")] {
            for edits in [false, true] {
                for (answer, expected, tries) in [
                    (back(200, r#"{"id":"9001"}"#), "accepted 5", 2),
                    (back(403, no), "refused", 1),
                    (back(429, r#"{"retry_after":3}"#), "not sent, 3s, destination", 1),
                    (back(500, ""), "not sent", 1),
                ] {
                    let writes = Arc::new(AtomicUsize::new(0));
                    let counted = writes.clone();
                    let peer = Peer::start(move |request| match request {
                        request if is_making(request) => http(201, "", r#"{"id":"9001"}"#),
                        request if request.starts_with("PATCH /channels/9001 ") => answer.clone(),
                        _ if counted.fetch_add(1, Ordering::SeqCst) == 0 => http(400, "", PUT_AWAY),
                        _ => http(200, "", r#"{"id":"5"}"#),
                    })
                    .await;
                    let (discord, _folder) = host(&peer.url(""));
                    let mut one = Message { address: address.into(), ..said("Keys") };
                    if edits {
                        one.edits = Some(one.id);
                        one.content.data = Some(json!({ "edits": "5" }));
                    }
                    let learned = discord.send(&one, SOON).await;
                    assert_eq!(word(&learned), expected, "{address} {edits}");
                    assert_eq!(writes.load(Ordering::SeqCst), tries, "{address} {edits} {expected}");
                    let to = format!("/channels/{place}/messages");
                    assert_eq!(peer.heard().iter().filter(|heard| heard.contains(&to)).count(), tries);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_thread_that_was_deleted_is_made_anew() {
        let posts = Arc::new(AtomicUsize::new(0));
        let counted = posts.clone();
        let peer = Peer::start(move |request| match is_making(request) {
            true => http(201, "", r#"{"id":"9001"}"#),
            false if counted.fetch_add(1, Ordering::SeqCst) == 1 => {
                http(404, "", r#"{"message":"Unknown Channel","code":10003}"#)
            }
            false => http(200, "", r#"{"id":"5"}"#),
        })
        .await;
        let (discord, _folder) = host(&peer.url(""));
        for text in ["one", "two", "three"] {
            assert_eq!(word(&discord.send(&said(text), SOON).await), "accepted 5");
        }
        assert_eq!(posts.load(Ordering::SeqCst), 4);
        assert_eq!(peer.heard().iter().filter(|request| is_making(request)).count(), 2);
    }
}
