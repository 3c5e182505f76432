//! How a client is connected.

use serde_json::Value;

pub fn snippet(file: &str, document: &Value, command: Option<&str>, no_token: bool) -> String {
    let mut text = String::new();
    if let Some(command) = command {
        text.push_str(&format!("Run:\n\n{command}\n\nOr put this"));
    } else {
        text.push_str("Put this");
    }
    text.push_str(&format!(" into {file}:\n\n{}\n", serde_json::to_string_pretty(document).unwrap_or_default()));
    if no_token {
        text.push_str("\nThe token comes from: milepost token create --agent NAME --scope write\n");
    }
    text
}

/// The command that adds the server to Claude Code.
pub fn claude_add(server: &Value) -> String {
    let text = |value: &Value| quoted(value.as_str().unwrap_or_default());
    if let Some(url) = server.get("url") {
        let token = text(&server["headers"]["Authorization"]);
        let token = token.trim_matches('\'');
        return format!(
            "claude mcp add --transport http milepost {} --header {}",
            text(url),
            quoted(&format!("Authorization: {token}"))
        );
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
