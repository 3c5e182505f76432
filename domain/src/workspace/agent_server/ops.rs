//! Starting, stopping and approving servers of other agents; noting what they say and how calls ended.

use super::rules::{difference, standing};
use super::{AgentServer, AgentServerView, Called, Event, Health, Standing, Tool, Tools, store};
use crate::kernel::canonical::sha256;
use crate::kernel::{ActorKind, Code, Cx, No, Refusal, Subject, text};
use crate::workspace::access::{Require, Verb};

/// The longest reason that is kept, in characters.
const WHY: usize = 300;

/// A server has a name and no id; the same name is always the same subject.
fn subject(name: &str) -> Subject {
    let hash = sha256(&[b"milepost.agent_server.v1", name.as_bytes()]);
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    Subject::new("agent_server", uuid::Builder::from_custom_bytes(half).into_uuid())
}

/// What is known of the servers that the settings name, in their order.
pub fn list(cx: &mut Cx<'_>, named: &[String]) -> Result<Vec<AgentServerView>, No> {
    cx.require(Verb::ReadTeam)?;
    let known = store::list(cx)?;
    let of =
        |name: &String| known.iter().find(|server| server.name == *name).cloned().unwrap_or_else(|| unknown(name));
    Ok(named.iter().map(|name| view(of(name))).collect())
}

/// One of them. That the settings name it is for the caller to look at.
pub fn get(cx: &mut Cx<'_>, name: &str) -> Result<AgentServerView, No> {
    cx.require(Verb::ReadTeam)?;
    Ok(view(store::find(cx, name)?.unwrap_or_else(|| unknown(name))))
}

fn unknown(name: &str) -> AgentServer {
    let (started, approved, found) = (false, None, None);
    AgentServer { name: name.to_owned(), started, approved, found, health: Health::default(), version: 0 }
}

fn view(server: AgentServer) -> AgentServerView {
    let standing = standing(&server);
    let none: &[Tool] = &[];
    let approved = server.approved.as_ref();
    let differs = matches!(standing, Standing::Unapproved | Standing::Changed);
    let difference = server
        .found
        .as_ref()
        .filter(|_| differs)
        .map(|found| difference(approved.map_or(none, |(tools, _)| &tools.tools), &found.tools));
    AgentServerView {
        standing,
        approved_hash: approved.map(|(tools, _)| tools.hash.clone()),
        approved_by: approved.map(|(_, by)| by.clone()),
        approved_at: approved.map(|(tools, _)| tools.at),
        difference,
        name: server.name,
        found: server.found,
        health: server.health,
    }
}

pub fn start(cx: &mut Cx<'_>, name: &str) -> Result<AgentServerView, No> {
    set_started(cx, name, true, Event::Started { name: name.to_owned() })
}

/// From then on nothing of this workspace calls it.
pub fn stop(cx: &mut Cx<'_>, name: &str) -> Result<AgentServerView, No> {
    set_started(cx, name, false, Event::Stopped { name: name.to_owned() })
}

fn set_started(cx: &mut Cx<'_>, name: &str, started: bool, event: Event) -> Result<AgentServerView, No> {
    cx.require(Verb::ManageAgentServers)?;
    let mut server = store::hold(cx, name)?;
    if server.started != started {
        server.started = started;
        // What was so before somebody started it says nothing of how it is now.
        server.health.failures = 0;
        store::update(cx, &server)?;
        cx.record(subject(name), &event)?;
    }
    Ok(view(server))
}

/// Notes the tools as their server gives them, and that it answered. Gives whether it may be used. Part of using a server.
pub fn found(cx: &mut Cx<'_>, name: &str, tools: &Tools) -> Result<AgentServerView, No> {
    cx.require(Verb::UseAgentServers)?;
    let mut server = store::hold(cx, name)?;
    let before = server.found.replace(tools.clone());
    server.health = Health { answered_at: Some(cx.now()), failures: 0, ..server.health };
    store::update(cx, &server)?;
    if before.as_ref().is_none_or(|before| before.hash != tools.hash) {
        let was = before.map(|before| before.tools).unwrap_or_default();
        let difference = difference(&was, &tools.tools);
        let event = Event::ToolsChanged { name: name.to_owned(), hash: tools.hash.clone(), difference };
        cx.record(subject(name), &event)?;
    }
    Ok(view(server))
}

/// Approves the tools that have this hash, which are those that the server gave last. Only a person does.
pub fn approve(cx: &mut Cx<'_>, name: &str, hash: &str) -> Result<AgentServerView, No> {
    cx.require(Verb::ManageAgentServers)?;
    if cx.is_program() || cx.actor().kind == ActorKind::Agent {
        let next = "A person approves them: milepost agent-server approve.";
        let sentence = "Programs do not approve other programs' tools. Nothing was changed.";
        return Err(Refusal::new(Code::Forbidden, sentence, next).into());
    }
    let mut server = store::hold(cx, name)?;
    let next =
        format!("Look at its tools (milepost agent-server check {name}), then approve the hash that is shown.");
    let Some(found) = server.found.clone() else {
        let sentence = format!("It is not known which tools {name} has. Nothing was approved.");
        return Err(Refusal::new(Code::WrongState, sentence, next).into());
    };
    if found.hash != hash {
        let sentence = format!("The tools of {name} are not those with that hash any more. Nothing was approved.");
        return Err(Refusal::new(Code::Stale, sentence, next).into());
    }
    let was = server.approved.take();
    if was.as_ref().is_some_and(|(tools, _)| tools.hash == hash) {
        server.approved = was;
        return Ok(view(server));
    }
    let difference = difference(&was.map(|(tools, _)| tools.tools).unwrap_or_default(), &found.tools);
    server.approved = Some((Tools { at: cx.now(), ..found }, cx.actor().name.clone()));
    store::update(cx, &server)?;
    let event = Event::ToolsApproved { name: name.to_owned(), hash: hash.to_owned(), difference };
    cx.record(subject(name), &event)?;
    Ok(view(server))
}

/// Whether this tool of this server may be called, and what is known of it. The refusal says what stands in the way.
pub fn usable(cx: &mut Cx<'_>, name: &str, tool: &str) -> Result<Tool, No> {
    cx.require(Verb::UseAgentServers)?;
    let server = store::find(cx, name)?.unwrap_or_else(|| unknown(name));
    let refuse =
        |what: &str, next: String| Refusal::new(Code::WrongState, format!("{what} Nothing was called."), next);
    let check = format!("milepost agent-server check {name}");
    match standing(&server) {
        Standing::Ready => {}
        Standing::Stopped => {
            let next = format!("An admin starts it: milepost agent-server start {name}.");
            return Err(refuse(&format!("{name} is stopped."), next).into());
        }
        Standing::Unseen => {
            let next = format!("Ask it once: {check}.");
            return Err(refuse(&format!("It is not known yet which tools {name} has."), next).into());
        }
        Standing::Unapproved => {
            let next = format!("An admin looks at them ({check}) and approves them.");
            return Err(refuse(&format!("Nobody has approved the tools of {name}."), next).into());
        }
        Standing::Changed => {
            let next = format!("An admin looks at what changed ({check}) and approves it, or stops {name}.");
            return Err(refuse(&format!("The tools of {name} are not those that were approved."), next).into());
        }
    }
    let tools = server.approved.map(|(tools, _)| tools.tools).unwrap_or_default();
    tools.into_iter().find(|known| known.name == tool).ok_or_else(|| {
        let sentence = format!("{name} has no such tool. Nothing was called.");
        Refusal::new(Code::NotFound, sentence, format!("See which it has: {check}.")).into()
    })
}

/// Notes that a server did not answer. Bookkeeping: nobody's data change.
pub fn failed(cx: &mut Cx<'_>, name: &str, why: &str) -> Result<(), No> {
    cx.require(Verb::UseAgentServers)?;
    let mut server = store::hold(cx, name)?;
    let why: String = text::legible(why).chars().take(WHY).collect();
    let failures = server.health.failures.saturating_add(1);
    server.health = Health { failed_at: Some(cx.now()), why: Some(why), failures, ..server.health };
    Ok(store::update(cx, &server)?)
}

/// Writes down a call, however it ended.
pub fn called(cx: &mut Cx<'_>, call: &Called) -> Result<(), No> {
    cx.require(Verb::UseAgentServers)?;
    cx.record(subject(&call.server), &Event::Called(call.clone()))
}
