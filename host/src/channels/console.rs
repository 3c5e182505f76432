//! Messages in a readable block on standard error or in a file: for running without any provider.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::delivery::Message;
use domain::delivery::outbox::Report;
use domain::delivery::policy::Cleared;

use super::{Channel, Found, Later, Learned};
use crate::clock::Clock;
use crate::egress::LATE;

pub struct Console {
    clock: Clock,
    file: Option<PathBuf>,
    /// Blocks do not run into each other.
    turn: Mutex<()>,
}

impl Console {
    pub fn new(clock: Clock, file: Option<PathBuf>) -> Self {
        Self { clock, file, turn: Mutex::new(()) }
    }

    fn print(&self, message: &Message, until: Duration) -> Learned {
        let text = block(message, &self.clock.now().to_string());
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.clock.elapsed() >= until {
            return Learned::not_sent(LATE);
        }
        let Some(file) = &self.file else {
            return match std::io::stderr().lock().write_all(text.as_bytes()) {
                Ok(()) => Learned::accepted(None),
                Err(error) => Learned::not_sent(format!("Standard error cannot be written: {error}.")),
            };
        };
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
        match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => Learned::accepted(None),
            Err(error) => Learned::not_sent(format!(
                "The file {} (console.file) cannot be written: {error}.",
                file.display()
            )),
        }
    }
}

impl Channel for Console {
    fn deliver<'a>(&'a self, cleared: Cleared, until: Duration) -> Later<'a, Report> {
        Box::pin(async move { self.print(cleared.message(), until).report(&cleared, &self.clock) })
    }

    fn look_up<'a>(&'a self, _: &'a Message) -> Later<'a, Found> {
        Box::pin(async { Found::CannotTell { why: "A console cannot be asked what it has shown.".into() } })
    }
}

/// What a reader sees. Nothing in it can end the block early or move the cursor.
fn block(message: &Message, at: &str) -> String {
    let clean = |text: &str| -> String {
        text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
    };
    let one_line = |text: &str| clean(text).replace('\n', " ");
    let mut out = format!(
        "+-- {} to {} ({}, {}) {at}\n",
        message.channel,
        if message.address.is_empty() { "-".to_owned() } else { one_line(&message.address) },
        message.topic,
        message.id,
    );
    if !message.content.subject.is_empty() {
        out.push_str(&format!("| {}\n|\n", one_line(&message.content.subject)));
    }
    for line in clean(&message.content.text).lines() {
        out.push_str(&format!("| {line}\n"));
    }
    for attachment in &message.content.attachments {
        out.push_str(&format!("| [{}, {} bytes]\n", one_line(&attachment.name), attachment.text.len()));
    }
    out.push_str("+--\n");
    out
}

#[cfg(test)]
mod tests {
    use domain::delivery::Attachment;
    use domain::people::reach;

    use super::*;
    use crate::channels::sample::message;

    #[test]
    fn a_message_is_a_block_that_its_text_cannot_leave() {
        let mut one = message(reach::Channel::Email, "ana@example.com", "Dear Ana,\n+--\n\u{1b}[2Jthe end\r");
        one.content.attachments = vec![Attachment {
            name: "closing.ics".into(),
            media_type: "text/calendar".into(),
            text: "BEGIN".into(),
        }];
        assert_eq!(
            block(&one, "now"),
            "+-- email to ana@example.com (message, 01990000-0000-7000-8000-000000000001) now\n| Inspection is due\n|\n\
             | Dear Ana,\n| +--\n| \u{fffd}[2Jthe end\u{fffd}\n| [closing.ics, 5 bytes]\n+--\n"
        );
    }

    #[test]
    fn the_file_has_it_or_it_was_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("messages.txt");
        let clock = Clock::standing_at(jiff::Timestamp::UNIX_EPOCH);
        let one = message(reach::Channel::Console, "", "Hello");
        let console = Console::new(clock.clone(), Some(file.clone()));
        assert_eq!(console.print(&one, Duration::from_secs(1)), Learned::accepted(None));
        assert!(std::fs::read_to_string(&file).unwrap().contains("| Hello\n"));
        assert_eq!(console.print(&one, Duration::ZERO), Learned::not_sent(LATE));
        let nowhere = Console::new(clock, Some(folder.path().to_owned()));
        let learned = nowhere.print(&one, Duration::from_secs(1));
        assert!(format!("{learned:?}").contains("console.file"), "{learned:?}");
    }
}
