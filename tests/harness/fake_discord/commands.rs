//! What Discord refuses about a set of commands.

use std::collections::HashSet;

use serde_json::Value;

use super::rules::{Wrong, choice_of, length, list};

/// At most so many characters of names, descriptions and values in one command.
const MOST_OF_A_COMMAND: usize = 8_000;

/// The types of options.
pub(super) mod kind {
    pub const SUB: u64 = 1;
    pub const GROUP: u64 = 2;
    pub const STRING: u64 = 3;
    pub const INTEGER: u64 = 4;
    pub const BOOLEAN: u64 = 5;
    pub const USER: u64 = 6;
    pub const CHANNEL: u64 = 7;
    pub const ROLE: u64 = 8;
    pub const MENTIONABLE: u64 = 9;
    pub const NUMBER: u64 = 10;
    pub const ATTACHMENT: u64 = 11;
}

/// The whole set of a bulk overwrite.
pub(super) fn wrong_with(commands: &Value) -> Vec<String> {
    let mut wrong = Wrong::default();
    wrong.must(commands.is_array(), || "the set of commands is no list".into());
    let commands = list(commands);
    let slash = commands.iter().filter(|command| is_slash(command)).count();
    wrong.must(slash <= 100, || format!("{slash} commands, at most 100 are taken"));
    unique(&mut wrong, "commands", commands);
    for command in commands {
        if is_slash(command) {
            named(&mut wrong, "command", command);
            options(&mut wrong, command, 0);
        } else {
            wrong.length("a command's name", &command["name"], 1, 32);
        }
        let size = size(command);
        wrong.must(size <= MOST_OF_A_COMMAND, || {
            format!("the command {} has {size} characters, at most 8000 are taken", command["name"])
        });
    }
    wrong.0
}

fn is_slash(command: &Value) -> bool {
    command["type"].as_u64().unwrap_or(1) == 1
}

/// `^[-_'\p{L}\p{N}]{1,32}$`, and nothing that has a lower case of its own.
fn is_name(name: &str) -> bool {
    let fits = |char: char| matches!(char, '-' | '_' | '\'') || char.is_alphanumeric();
    (1..=32).contains(&name.chars().count()) && name.chars().all(fits) && name.to_lowercase() == name
}

/// Names and descriptions, in every language.
fn named(wrong: &mut Wrong, what: &str, thing: &Value) {
    let name = thing["name"].as_str().unwrap_or_default();
    wrong.must(is_name(name), || format!("{name:?} is no name of a {what}"));
    wrong.length(&format!("the description of the {what} {name:?}"), &thing["description"], 1, 100);
    for (locale, name) in thing["name_localizations"].as_object().into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        wrong.must(is_name(name), || format!("{name:?} is no name of a {what} ({locale})"));
    }
    for (locale, text) in thing["description_localizations"].as_object().into_iter().flatten() {
        wrong.length(&format!("the description of the {what} {name:?} ({locale})"), text, 1, 100);
    }
}

fn unique(wrong: &mut Wrong, what: &str, things: &[Value]) {
    let mut names = HashSet::new();
    for thing in things {
        let (name, kind) = (thing["name"].as_str().unwrap_or_default(), thing["type"].as_u64());
        // A command for a person and one for a message may share their name.
        let kind = if what == "commands" { kind.unwrap_or(1) } else { 0 };
        wrong.must(names.insert((kind, name)), || format!("two {what} with the name {name:?}"));
    }
}

fn options(wrong: &mut Wrong, of: &Value, depth: usize) {
    let (name, options) = (&of["name"], list(&of["options"]));
    wrong.must(options.len() <= 25, || format!("{name} has {} options, at most 25 are taken", options.len()));
    unique(wrong, "options", options);
    let is_sub = |option: &&Value| matches!(option["type"].as_u64(), Some(kind::SUB | kind::GROUP));
    let subs = options.iter().filter(is_sub).count();
    wrong.must(subs == 0 || subs == options.len(), || format!("{name} mixes sub-commands with other options"));
    let mut optional = false;
    for option in options {
        named(wrong, "option", option);
        let required = option["required"] == true;
        wrong.must(!(required && optional), || {
            format!("{name}: the required option {} comes after one that is not", option["name"])
        });
        optional |= !required;
        match option["type"].as_u64() {
            Some(kind::SUB) => {
                wrong.must(depth <= 1, || format!("the sub-command {} lies too deep", option["name"]));
                let nested = list(&option["options"]).iter().any(|inner| is_sub(&inner));
                wrong.must(!nested, || format!("the sub-command {} has sub-commands", option["name"]));
                self::options(wrong, option, depth + 1);
            }
            Some(kind::GROUP) => {
                let subs = list(&option["options"]);
                let holds = depth == 0 && !subs.is_empty() && subs.iter().all(|sub| sub["type"] == kind::SUB);
                wrong.must(holds, || {
                    format!("the group {} holds something else than sub-commands", option["name"])
                });
                self::options(wrong, option, depth + 1);
            }
            Some(kind @ kind::STRING..=kind::ATTACHMENT) => value_of(wrong, option, kind),
            _ => wrong.must(false, || format!("the option {} has the type {}", option["name"], option["type"])),
        }
    }
}

fn value_of(wrong: &mut Wrong, option: &Value, kind: u64) {
    let (name, choices) = (&option["name"], list(&option["choices"]));
    let words = matches!(kind, kind::STRING | kind::INTEGER | kind::NUMBER);
    wrong.must(choices.len() <= 25, || format!("{name} has {} choices, at most 25 are taken", choices.len()));
    wrong.must(choices.is_empty() || option["autocomplete"] != true, || {
        format!("{name} has choices together with autocomplete")
    });
    wrong.must(words || (choices.is_empty() && option["autocomplete"] != true), || {
        format!("{name} has choices or autocomplete, which its type does not have")
    });
    unique(wrong, "choices", choices);
    for choice in choices {
        choice_of(wrong, choice, kind);
        for (_, text) in choice["name_localizations"].as_object().into_iter().flatten() {
            wrong.length("a choice's name", text, 1, 100);
        }
    }
    let least = option["min_length"].as_u64().unwrap_or(0);
    let most = option["max_length"].as_u64().unwrap_or(6_000);
    wrong.must(least <= most && (1..=6_000).contains(&most), || {
        format!("{name} asks for {least} to {most} characters")
    });
}

/// Characters of names, descriptions and values. Of every text, only the longest of its languages counts.
fn size(thing: &Value) -> usize {
    let longest = |text: &Value, others: &Value| {
        let others = others.as_object().into_iter().flatten().map(|(_, text)| length(text));
        others.chain([length(text)]).max().unwrap_or(0)
    };
    let own = longest(&thing["name"], &thing["name_localizations"])
        + longest(&thing["description"], &thing["description_localizations"])
        + length(&thing["value"]);
    let inner = list(&thing["options"]).iter().chain(list(&thing["choices"]));
    own + inner.map(size).sum::<usize>()
}
