//! Threads in a channel of the team's chat, as addresses: `<channel>/<the message that it hangs from>`.
//!
//! A thread on Discord has the id of the message that it was made from, so that message is all that has to be known of it:
//! whoever writes into it makes sure that it is there, and making it once more changes nothing. What a thread does not
//! take is said in its channel.

use std::collections::HashMap;

use serde::Deserialize;

use super::settings::rules::is_snowflake;
use super::{Content, Message, Status, gone, outbox};
use crate::kernel::id::MessageId;
use crate::kernel::{Cx, Fault, text};
use crate::people::reach::Channel;

/// Of a thread's name, in UTF-16 units, the strictest reading of Discord's limit.
const MOST_NAME: usize = 100;

/// The two parts of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread<'a> {
    pub channel: &'a str,
    /// Discord's id of the message that it hangs from, and of itself.
    pub message: &'a str,
}

impl<'a> Thread<'a> {
    /// `None` when the address is none of a thread.
    pub fn of(address: &'a str) -> Option<Self> {
        let (channel, message) = address.split_once('/')?;
        (is_snowflake(channel) && is_snowflake(message)).then_some(Self { channel, message })
    }
}

/// A title as the name of a thread: one line in which everything is seen.
pub fn name(title: &str) -> String {
    let name = text::legible(title);
    let units = |text: &str| text.encode_utf16().count();
    if name.is_empty() {
        return "A deal".into();
    }
    if units(&name) <= MOST_NAME {
        return name;
    }
    let mut cut = String::new();
    let mut room = MOST_NAME - 1;
    for c in name.chars() {
        let Some(left) = room.checked_sub(c.len_utf16()) else { break };
        room = left;
        cut.push(c);
    }
    format!("{}\u{2026}", cut.trim_end())
}

/// Puts the name of its thread onto a message: whoever delivers it may have to make the thread.
pub fn named(content: &mut Content, name: &str) {
    let data = content.data.get_or_insert_with(|| serde_json::json!({}));
    if let Some(fields) = data.as_object_mut() {
        fields.insert("thread".into(), name.into());
    }
}

/// The name of the thread that a message stands in.
pub fn name_of(content: &Content) -> Option<String> {
    String::deserialize(content.data.as_ref()?.get("thread")?).ok()
}

/// What stands among the addresses that take nothing when a channel takes no threads.
pub(in crate::delivery) fn all_of(channel: &str) -> String {
    format!("{channel}/threads")
}

/// Whether a channel takes no threads, until somebody opens them again.
pub fn are_closed(cx: &mut Cx<'_>, channel: &str) -> Result<bool, Fault> {
    let key = gone::key(Channel::Discord, &all_of(channel));
    Ok(gone::store::among(cx, &[key])?.iter().any(|gone| gone.channel == Channel::Discord))
}

/// The message that a thread hangs from.
#[derive(Clone, Debug)]
pub struct Opening {
    pub id: MessageId,
    /// The thread's, once the message stands in its channel.
    pub address: Option<String>,
}

/// The first messages of threads, by the occasions on which they were said.
pub fn openings(cx: &mut Cx<'_>, occasions: &[String]) -> Result<HashMap<String, Opening>, Fault> {
    let asked: Vec<&str> = occasions.iter().map(String::as_str).collect();
    let known = outbox::store::of_occasions(cx, &asked)?;
    let ids: Vec<MessageId> = known.iter().map(|(_, id)| *id).collect();
    let messages = outbox::store::find_all(cx, &ids)?;
    Ok(messages.into_iter().map(|m| (m.occasion.clone(), Opening { id: m.id, address: address(&m) })).collect())
}

fn address(opening: &Message) -> Option<String> {
    let stands = matches!(opening.status, Status::Sent | Status::Delivered | Status::Read);
    let id = opening.provider_id.as_deref().filter(|id| stands && is_snowflake(id))?;
    Some(format!("{}/{id}", opening.address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_the_channel_and_the_message() {
        assert_eq!(Thread::of("77/9001"), Some(Thread { channel: "77", message: "9001" }));
        for address in
            ["", "77", "/", "77/", "/9001", "77/threads", "77/90/1", "user:77/9001", "77/..", " 77/9001"]
        {
            assert_eq!(Thread::of(address), None, "{address}");
        }
    }

    #[test]
    fn a_name_shows_what_it_says_and_fits() {
        for (title, shown) in [
            ("12 Oak Street", "12 Oak Street"),
            ("@everyone\n\u{202e}gnp.exe\u{200b} \u{7}", "@everyone gnp.exe"),
            ("\u{200b}\u{202e} \n", "A deal"),
        ] {
            assert_eq!(name(title), shown);
        }
        for title in ["very ".repeat(60), "🏠".repeat(200), "a".repeat(101)] {
            let name = name(&title);
            assert!(
                (95..=MOST_NAME).contains(&name.encode_utf16().count()) && name.ends_with('\u{2026}'),
                "{name}"
            );
        }
        assert_eq!(name(&"a".repeat(100)), "a".repeat(100));
    }
}
