//! How a client is connected.

use std::fmt::Display;
use std::path::Path;

use serde_json::Value;

use crate::cli::Secret;

pub const TITLE: &str = "Milepost";

/// At most 100 characters, which is what the registry takes.
pub const ABOUT: &str =
    "Keeps a real-estate team's deadlines, says why each date is due, and drafts what people approve.";

pub const LONG: &str = "Milepost works out every milestone of a real-estate transaction from its key dates, says in words \
    why each is due when it is, shows what a new closing date would move before it moves, and proposes letters that \
    people approve before they leave. This bundle serves an agent from a data folder on this machine; `milepost setup` \
    makes one. Everything that the agent does is in the log under its own name.";

pub fn snippet(file: &str, document: &Value, command: Option<&str>, secret: Secret) -> String {
    let mut text = String::new();
    if let Some(command) = command {
        text.push_str(&format!("Run:\n\n{command}\n\nOr put this"));
    } else {
        text.push_str("Put this");
    }
    text.push_str(&format!(" into {file}:\n\n{}\n", serde_json::to_string_pretty(document).unwrap_or_default()));
    text.push_str(match secret {
        Secret::None => "",
        Secret::Written => "\nThe token stands in it: keep it to yourself, and out of version control.\n",
        Secret::Environment => {
            "\nThe client takes the token from MILEPOST_TOKEN in its environment. It comes from:\n\
             milepost token create --agent NAME --scope write\n"
        }
        Secret::Asked => {
            "\nThe client asks for the token once and keeps it. It comes from:\n\
             milepost token create --agent NAME --scope write\n"
        }
    });
    text
}

pub fn bundled(file: &Path, bytes: u64, sha256: &str) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    format!(
        "Wrote {} ({mebibytes:.1} MiB, SHA-256 {sha256}).\nOpen it with a desktop client that installs MCP bundles, such as \
         Claude Desktop, and choose the data folder there.\n",
        file.display()
    )
}

pub fn unread(file: &Path, error: &dyn Display) -> String {
    format!("{} cannot be read: {error}. Nothing was written.", file.display())
}

pub fn unwritten(file: &Path, error: &dyn Display) -> String {
    format!("{} cannot be written: {error}. What was there before is as it was.", file.display())
}

pub fn odd_name(name: &str) -> String {
    format!(
        "{name} is no name for the registry. Write a namespace of yours, a slash and a name, such as \
         io.github.yourname/milepost."
    )
}

pub fn odd_url(url: &str) -> String {
    format!("The registry takes no bundle from {url}. It wants an https:// address with \"mcp\" in it.")
}

/// The command that adds the server to Claude Code.
pub fn claude_add(server: &Value) -> String {
    let text = |value: &Value| quoted(value.as_str().unwrap_or_default());
    if let Some(url) = server.get("url") {
        let header = server["headers"]["Authorization"].as_str().unwrap_or_default();
        // A variable is the shell's to fill in, which it does not do between single quotes.
        let header = match header.contains('$') {
            true => format!("\"Authorization: {header}\""),
            false => quoted(&format!("Authorization: {header}")),
        };
        return format!("claude mcp add --transport http milepost {} --header {header}", text(url));
    }
    let mut command = format!("claude mcp add milepost -- {}", text(&server["command"]));
    for arg in server["args"].as_array().into_iter().flatten() {
        command.push(' ');
        command.push_str(&text(arg));
    }
    command
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
