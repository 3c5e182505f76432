//! Of servers of other agents.

use domain::workspace::agent_server::{AgentServerView, Difference, Standing};
use mcp_server::outside::Answered;

use super::{count, moment};

pub fn list(servers: &[AgentServerView]) -> String {
    if servers.is_empty() {
        return "The settings name no server of another agent for this workspace. Name one in [servers.NAME].\n"
            .into();
    }
    let mut text = String::new();
    for server in servers {
        text.push_str(&format!("{}  {}{}\n", server.name, standing(server), health(server)));
    }
    text
}

fn standing(server: &AgentServerView) -> String {
    match server.standing {
        Standing::Stopped => format!("stopped (milepost agent-server start {})", server.name),
        Standing::Unseen => {
            format!("started; its tools are not known yet (milepost agent-server check {})", server.name)
        }
        Standing::Unapproved => {
            format!("started; nobody has approved its tools (milepost agent-server check {})", server.name)
        }
        Standing::Changed => {
            format!(
                "not called: its tools are not those that were approved (milepost agent-server check {})",
                server.name
            )
        }
        Standing::Ready => {
            let tools = server.found.as_ref().map_or(0, |found| found.tools.len());
            format!("ready, with {}", count(tools, "tool"))
        }
    }
}

fn health(server: &AgentServerView) -> String {
    match (server.health.failures, server.health.failed_at, &server.health.why) {
        (0, ..) | (_, None, _) => String::new(),
        (times, Some(at), why) => {
            let why = why.as_deref().unwrap_or("it did not answer").trim_end_matches('.').to_owned();
            format!(
                "; failed {}, the last time at {}: {why}",
                count(usize::try_from(times).unwrap_or(0), "time"),
                moment(at)
            )
        }
    }
}

/// Its tools, in its own words.
pub fn shown(server: &AgentServerView) -> String {
    let mut text = format!("{}: {}\n", server.name, standing(server));
    let Some(found) = &server.found else { return text };
    if let (Some(by), Some(at)) = (&server.approved_by, server.approved_at) {
        text.push_str(&format!("approved by {by} at {}\n", moment(at)));
    }
    text.push_str("\nWhat follows are its own words, as it gave them:\n");
    for tool in &found.tools {
        let mark = server.difference.as_ref().map(|difference| mark(difference, &tool.name)).unwrap_or_default();
        let repeatable = if tool.repeatable { " (can be repeated)" } else { "" };
        text.push_str(&format!("  {}{mark}{repeatable}\n      {}\n", tool.name, tool.description));
    }
    if let Some(difference) = &server.difference {
        for name in &difference.removed {
            text.push_str(&format!("  {name} [gone]\n"));
        }
        text.push_str(&format!(
            "\nTo approve exactly these: milepost agent-server approve {} --hash {}\n",
            server.name, found.hash
        ));
    }
    text
}

fn mark(difference: &Difference, name: &str) -> &'static str {
    let has = |names: &[String]| names.iter().any(|known| known == name);
    match (has(&difference.added), has(&difference.changed)) {
        (true, _) => " [new]",
        (_, true) => " [changed]",
        _ => "",
    }
}

pub fn started(server: &AgentServerView) -> String {
    format!("{} is started: {}.\n", server.name, standing(server))
}

pub fn stopped(server: &AgentServerView) -> String {
    format!("{} is stopped. Nothing calls it; what was approved stays so.\n", server.name)
}

pub fn approved(server: &AgentServerView) -> String {
    format!("The tools of {} are approved as they are. A word that changes in them stops its use.\n", server.name)
}

pub fn answered(answer: &Answered) -> String {
    let failed = if answer.failed { ", and says that it failed" } else { "" };
    format!(
        "{} answered {} in {} ms{failed}. Its words:\n{}\n",
        answer.server, answer.tool, answer.took_ms, answer.text
    )
}
