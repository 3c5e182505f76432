//! What a server says when it starts, and when it cannot.

use std::net::SocketAddr;

pub const CHAT_OFF: &str = "Chat is off: no Discord token is configured ([discord] token). Everything else runs.";
pub const CHAT_ON: &str = "Chat is on. Invite the bot to your Discord server with: milepost invite";
pub const CHAT_BY_CALLS: &str = "Discord may call /discord/interactions (discord.public_key).";
pub const NO_WORKSPACE_YET: &str = "There is no workspace yet. Found one with: milepost setup";
pub const NO_ALLOWED_HOSTS: &str =
    "Agents are answered under loopback names only: add the name that clients use to [http] allowed_hosts.";

pub fn listening(url: &str, mcp: bool, no_auth: bool) -> String {
    let mut text = format!("Milepost {} listens on {url}\n", env!("CARGO_PKG_VERSION"));
    if mcp {
        let who = if no_auth { "no token is asked for: local tools only" } else { "with a token" };
        text.push_str(&format!("Agents (MCP): {url}/mcp ({who})\n"));
    }
    text
}

pub fn no_auth_elsewhere(address: SocketAddr) -> String {
    format!(
        "--no-auth is for this machine only, and {address} can be reached from elsewhere. Nothing was started. Leave \
         --no-auth out, or listen on 127.0.0.1."
    )
}

pub fn in_use(address: SocketAddr) -> String {
    format!(
        "Another program listens on {address} already. Nothing was started. Stop it, or choose another address with \
         --listen, such as --listen 127.0.0.1:8788."
    )
}

pub fn cannot_listen(address: SocketAddr, why: &str) -> String {
    format!("It is not possible to listen on {address}: {why}. Nothing was started. Choose another with --listen.")
}

pub fn ready(url: &str) -> String {
    format!("Ready: {url}")
}

pub fn not_ready(url: &str, status: u16) -> String {
    format!("Not ready: {url} answered {status}.")
}

pub fn no_answer(url: &str, why: &str) -> String {
    format!("Not ready: {url} did not answer ({why}).")
}

pub fn no_local_address(url: &str) -> String {
    format!("{url} is no address on this machine. Write it as http://127.0.0.1:8787/healthz/readiness.")
}
