//! What a contact's message asks of us: to stop, to go on, to help, or nothing of the kind.
//!
//! The words that carriers prescribe count when they are the whole message. A wish in plain words counts wherever it
//! stands. In doubt a wish to stop is one: who wanted to go on can say START, who wanted to stop was promised it.

use crate::words;

words! {
    /// What a message means for whether we may write.
    pub enum Heard { Stop = "stop", Start = "start", Help = "help", Plain = "plain" }
}

/// A whole message that means stop, but for its punctuation.
const STOP: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "optout",
    "opt out",
    "revoke",
    "remove",
    "remove me",
    "stop please",
    "please stop",
    "unsubscribe me",
    "stop it",
    "stop now",
    "just stop",
    "stop stop",
    "stop stop stop",
    "alto",
    "parar",
    "baja",
    "no more",
    "take me off",
    "leave me alone",
    "arret",
];

const START: &[&str] =
    &["start", "unstop", "yes start", "opt in", "optin", "resume", "subscribe", "start please", "please start"];

const HELP: &[&str] = &["help", "info", "help me", "help please", "ayuda"];

/// What somebody says who wants to hear nothing any more. `*` stands for one word or none out of [`FILLERS`].
const WISHES: &[&str] = &[
    "stop * texting",
    "stop * messaging",
    "stop * emailing",
    "stop * mailing",
    "stop * contacting",
    "stop * calling",
    "stop * writing",
    "stop * writing to me",
    "stop * sending me",
    "stop * sending these",
    "stop * sending messages",
    "stop * sending texts",
    "stop * sending emails",
    "stop * bothering",
    "stop * harassing",
    "stop * spamming",
    "stop the messages",
    "stop the texts",
    "stop the emails",
    "stop these messages",
    "stop these texts",
    "stop these emails",
    "stop all messages",
    "stop all texts",
    "stop all emails",
    "stop all communication",
    "stop messages",
    "stop texts",
    "stop emails",
    "quit texting",
    "quit messaging",
    "quit emailing",
    "quit contacting",
    "quit sending",
    "cease contacting",
    "cease all contact",
    "cease and desist",
    "do not text me",
    "do not message me",
    "do not email me",
    "do not mail me",
    "do not contact me",
    "do not call me",
    "do not write to me",
    "do not write me",
    "do not send me any more",
    "do not send me anything",
    "do not ever contact",
    "do not ever text",
    "never text me",
    "never contact me",
    "never email me",
    "never message me",
    "never write to me",
    "do not want any more texts",
    "do not want any more emails",
    "do not want any more messages",
    "do not want more texts",
    "do not want more emails",
    "do not want more messages",
    "do not want your texts",
    "do not want your emails",
    "do not want your messages",
    "do not want these texts",
    "do not want these emails",
    "do not want these messages",
    "do not want to hear from you",
    "do not want to receive",
    "do not wish to receive",
    "do not wish to be contacted",
    "do not want to be contacted",
    "no longer want to receive",
    "no longer wish to receive",
    "no longer want to be contacted",
    "no longer want to hear from you",
    "no longer wish to be contacted",
    "remove me from",
    "remove my number",
    "remove my email",
    "remove my name",
    "remove my address",
    "remove this number",
    "delete my number",
    "delete my email",
    "delete me from",
    "lose my number",
    "take me off",
    "take my number off",
    "take my name off",
    "take my email off",
    "get me off your list",
    "no more emails",
    "no more email",
    "no more texts",
    "no more text messages",
    "no more messages",
    "no more calls",
    "no more contact",
    "no more of these",
    "unsubscribe me",
    "please unsubscribe",
    "want to unsubscribe",
    "like to unsubscribe",
    "to unsubscribe from",
    "opt me out",
    "want to opt out",
    "like to opt out",
    "wish to opt out",
    "opting out",
    "please opt out",
    "i opt out",
    "leave me alone",
    "off your list",
    "off your mailing list",
    "off this list",
    "dejen de enviarme",
    "deje de enviarme",
    "no me escriban",
    "no me contacten",
];

const FILLERS: &[&str] = &["all", "ever", "please", "just", "now", "the", "these", "already", "with"];

/// What turns a wish into its opposite, or into a question about a machine: "do not stop texting me".
const BEFORE: &[&str] = &["not", "never", "did not", "cannot", "why did you", "you can"];

/// What makes of a wish something about one message or one hour: "do not text me the address".
const AFTER: &[&str] = &[
    "the", "that", "about", "until", "till", "before", "after", "while", "unless", "a", "an", "him", "her", "them",
];

/// Reads a message. Only its beginning counts: what stands below a reply is usually ours.
pub fn heard(text: &str) -> Heard {
    let words = words(&own_part(text));
    let whole = words.join(" ");
    if STOP.contains(&whole.as_str()) {
        return Heard::Stop;
    }
    if START.contains(&whole.as_str()) {
        return Heard::Start;
    }
    if HELP.contains(&whole.as_str()) {
        return Heard::Help;
    }
    if WISHES.iter().any(|wish| asks(&words, wish)) { Heard::Stop } else { Heard::Plain }
}

/// Without what a reply quotes, and not more than anybody writes to say stop.
fn own_part(text: &str) -> String {
    let quoted = |line: &str| {
        let line = line.trim();
        line.starts_with('>')
            || line.starts_with("-----Original")
            || (line.starts_with("On ") && line.ends_with("wrote:"))
    };
    let own: Vec<&str> = text.lines().take_while(|line| !quoted(line)).collect();
    let own = own.join("\n");
    own.chars().take(2_000).collect()
}

/// Lower-case words, with shortened forms written out: "Don't" is "do not".
fn words(text: &str) -> Vec<String> {
    let text = text
        .to_lowercase()
        .replace(['\u{2019}', '\u{2018}', '`'], "'")
        .replace("opt-", "opt ")
        .replace("e-mail", "email");
    let mut words = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '\'') {
        let word = word.trim_matches('\'');
        let long: &[&str] = match word {
            "" => &[],
            "don't" | "dont" => &["do", "not"],
            "didn't" | "didnt" => &["did", "not"],
            "can't" | "cant" => &["cannot"],
            "u" => &["you"],
            "pls" | "plz" => &["please"],
            "msgs" => &["messages"],
            "txt" | "txting" => &["texting"],
            "anymore" => &["any", "more"],
            other => &[other],
        };
        words.extend(long.iter().map(|word| (*word).to_owned()));
    }
    words
}

/// Whether a wish stands in the words, and is not turned round by what stands before it.
fn asks(words: &[String], wish: &str) -> bool {
    let wish: Vec<&str> = wish.split(' ').collect();
    (0..words.len()).any(|at| fits(&words[at..], &wish) && !is_turned_round(&words[..at], &wish))
}

fn fits(words: &[String], wish: &[&str]) -> bool {
    let Some((first, rest)) = wish.split_first() else { return true };
    if rest.is_empty() && *first == "me" {
        return words.first().is_some_and(|word| word == "me")
            && words.get(1).is_none_or(|next| !AFTER.contains(&next.as_str()));
    }
    if *first == "*" {
        let filled = words.first().is_some_and(|word| FILLERS.contains(&word.as_str()));
        return fits(words, rest) || (filled && fits(&words[1..], rest));
    }
    words.first().is_some_and(|word| word == first) && fits(&words[1..], rest)
}

fn is_turned_round(before: &[String], wish: &[&str]) -> bool {
    // "do not" belongs to the wish itself when the wish starts with it.
    if matches!(wish.first(), Some(&("do" | "no" | "never"))) {
        return false;
    }
    let before = before.join(" ");
    BEFORE.iter().any(|turn| before == *turn || before.ends_with(&format!(" {turn}")))
}

#[cfg(test)]
mod tests;
