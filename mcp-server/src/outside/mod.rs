//! The servers of other agents, used by people of a workspace: looked at, approved, called, and left alone while they do not
//! answer.
//!
//! A call goes out when its server was started, its tools are those that somebody approved, and it did not just fail several
//! times. Every call stands in the log, whatever came of it. Another server takes its place only where nothing can be done
//! twice by that.

mod keeping;
mod line;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::kernel::canonical::{self, hex, sha256};
use domain::kernel::id::WorkspaceId;
use domain::kernel::{Code, Principal, Problem, Refusal, text};
use domain::workspace::agent_server::{AgentServerView, CallOutcome, Called, Tool, Tools, ops};
use host::Host;
use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex as Turn;

pub use keeping::Keeping;
use line::{Broken, Line};

/// Failures in a row after which a server is left alone, and for how long at first and at most.
const FAILURES: u32 = 3;
const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(300);
/// The longest arguments and answers, in bytes.
const MOST_ARGUMENTS: usize = 64 << 10;
const MOST_ANSWER: usize = 256 << 10;
/// The longest text of another agent that is shown, in characters.
const MOST_TEXT: usize = 20_000;

type Key = (WorkspaceId, String);

/// The lines to other agents' servers that this process holds. Cheap to clone.
#[derive(Clone)]
pub struct Outside {
    host: Host,
    lines: Arc<Mutex<BTreeMap<Key, Arc<Held>>>>,
}

/// One line, or none yet, and how it fared.
#[derive(Default)]
struct Held {
    /// Whoever opens it holds its turn, so that it is opened once.
    line: Turn<Option<Arc<Line>>>,
    fared: Mutex<Fared>,
}

#[derive(Default)]
struct Fared {
    failures: u32,
    /// On the monotonic clock.
    alone_until: Option<Duration>,
    last: Option<Duration>,
}

/// What another agent's tool answered: its words, not ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answered {
    /// The server that answered, which may be another one's place.
    pub server: String,
    pub tool: String,
    /// Whether the tool itself says that it failed.
    pub failed: bool,
    /// Its text, without what is hidden in it.
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured: Option<Value>,
    pub took_ms: i64,
}

/// Why a call brought no answer.
enum Failed {
    /// Nothing left.
    NotSent(Refusal),
    /// It may have been done.
    Unclear(Refusal),
}

impl Outside {
    pub fn new(host: &Host) -> Self {
        Self { host: host.clone(), lines: Arc::default() }
    }

    /// The servers that the settings name for a workspace.
    pub fn named(&self, slug: &str) -> Vec<String> {
        let mine = |server: &host::agents::Server| server.workspaces.iter().any(|known| known == slug);
        let servers = &self.host.config().servers;
        servers.iter().filter(|(_, server)| mine(server)).map(|(name, _)| name.clone()).collect()
    }

    /// The name, when the settings name such a server for the workspace; the answer is the same for one that is another's.
    pub async fn known(&self, who: &Principal, name: &str) -> Result<(), Refusal> {
        let all = self.host.directory().await?;
        let slug =
            all.iter().find(|workspace| workspace.id == who.workspace).map(|workspace| workspace.slug.as_str());
        if slug.is_some_and(|slug| self.named(slug).iter().any(|known| known == name)) {
            return Ok(());
        }
        let next = "See which there are: milepost agent-server list. The settings name them, in [servers.NAME].";
        Err(Refusal { next: next.into(), ..Refusal::not_found("agent server") })
    }

    /// Asks a server for its tools, whatever is known of it, and writes down what it says.
    pub async fn check(&self, who: &Principal, name: &str) -> Result<AgentServerView, Refusal> {
        self.known(who, name).await?;
        let held = self.held(who.workspace, name);
        let open = held.line.lock().await.clone().filter(|line| line.is_open());
        match open {
            None => drop(self.open(who, name, &held).await?),
            Some(line) => match line.tools(self.host.clock().now()).await {
                Ok(tools) => self.found(who, name, &held, tools).await?,
                Err(why) => {
                    self.close(&held).await;
                    self.fared_badly(who, name, &held, &why).await;
                    return Err(unavailable(name, &why));
                }
            },
        }
        let name = name.to_owned();
        self.host.look(who, move |cx| ops::get(cx, &name)).await
    }

    /// Calls a tool in the name of `who`.
    pub async fn call(
        &self,
        who: &Principal,
        name: &str,
        tool: &str,
        arguments: JsonObject,
    ) -> Result<Answered, Refusal> {
        self.known(who, name).await?;
        let bytes = canonical::bytes(&Value::Object(arguments.clone()));
        if bytes.len() > MOST_ARGUMENTS {
            let sentence = format!("take {} bytes, more than {MOST_ARGUMENTS}.", bytes.len());
            return Err(Refusal::invalid(vec![Problem::new("arguments", sentence)]));
        }
        let hash = hex(&sha256(&[&bytes]));
        let (mut at, mut instead_of) = (name.to_owned(), None);
        loop {
            let failed = match self.call_one(who, &at, tool, &arguments, &hash, instead_of.clone()).await {
                Ok(answered) => return Ok(answered),
                Err(failed) => failed,
            };
            let fallback = self.host.config().servers.get(&at).and_then(|server| server.fallback.clone());
            // What may have been done is not done again elsewhere.
            let (Failed::NotSent(refusal), Some(next)) = (&failed, fallback) else { return Err(failed.into()) };
            if refusal.code != Code::Unavailable || self.known(who, &next).await.is_err() {
                return Err(failed.into());
            }
            instead_of = Some(std::mem::replace(&mut at, next));
        }
    }

    async fn call_one(
        &self,
        who: &Principal,
        name: &str,
        tool: &str,
        arguments: &JsonObject,
        hash: &str,
        instead_of: Option<String>,
    ) -> Result<Answered, Failed> {
        let (server, wanted) = (name.to_owned(), tool.to_owned());
        let usable = move |cx: &mut domain::kernel::Cx<'_>| ops::usable(cx, &server, &wanted);
        self.host.look(who, usable).await.map_err(Failed::NotSent)?;
        let begun = self.host.clock().elapsed();
        let tried = self.tried(who, name, tool, arguments).await;
        let took = self.host.clock().elapsed().saturating_sub(begun);
        let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let outcome = match &tried {
            Ok(result) if result.is_error == Some(true) => CallOutcome::ToolFailed,
            Ok(_) => CallOutcome::Answered,
            Err(Failed::NotSent(_)) => CallOutcome::NotSent,
            Err(Failed::Unclear(_)) => CallOutcome::Unclear,
        };
        let answer_hash = tried.as_ref().ok().and_then(|result| serde_json::to_value(result).ok());
        let called = Called {
            server: name.to_owned(),
            tool: tool.to_owned(),
            arguments_hash: hash.to_owned(),
            answer_hash: answer_hash.map(|answer| hex(&sha256(&[&canonical::bytes(&answer)]))),
            outcome,
            took_ms,
            instead_of,
        };
        let written = self.host.act(who, move |cx| ops::called(cx, &called)).await;
        let result = tried?;
        // A call that nobody can find in the log has no answer either.
        written.map_err(Failed::Unclear)?;
        answered(name, tool, result, took_ms).map_err(Failed::Unclear)
    }

    async fn tried(
        &self,
        who: &Principal,
        name: &str,
        tool: &str,
        arguments: &JsonObject,
    ) -> Result<CallToolResult, Failed> {
        let held = self.held(who.workspace, name);
        self.not_left_alone(name, &held).map_err(Failed::NotSent)?;
        let line = self.open(who, name, &held).await.map_err(Failed::NotSent)?;
        // The line may have been opened to tools other than those that were approved.
        let (server, wanted) = (name.to_owned(), tool.to_owned());
        let approved: Tool =
            self.host.look(who, move |cx| ops::usable(cx, &server, &wanted)).await.map_err(Failed::NotSent)?;
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.clone());
        match line.call(request).await {
            Ok(result) => {
                self.fared_well(&held);
                Ok(result)
            }
            Err(Broken::Said(said)) => {
                self.fared_well(&held);
                let sentence = format!("{name} refused the call: {}", said.trim_end_matches('.'));
                let next = format!("Look at its tools: milepost agent-server check {name}.");
                Err(Failed::NotSent(Refusal::new(
                    Code::Invalid,
                    format!("{sentence}. Nothing is known to have been done."),
                    next,
                )))
            }
            Err(Broken::Lost(why)) => {
                self.close(&held).await;
                self.fared_badly(who, name, &held, &why).await;
                let why = why.trim_end_matches('.').to_owned();
                // What can be repeated was as good as not sent.
                if approved.repeatable {
                    return Err(Failed::NotSent(unavailable(
                        name,
                        &format!("{why}. Its tool changes nothing when it is called again."),
                    )));
                }
                let sentence =
                    format!("{name} did not answer: {why}. It may or may not have done what it was asked.");
                let next = format!("Find out from {name} before you call it again.");
                Err(Failed::Unclear(Refusal::new(Code::Unavailable, sentence, next)))
            }
        }
    }

    fn held(&self, workspace: WorkspaceId, name: &str) -> Arc<Held> {
        let mut all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((workspace, name.to_owned())).or_default().clone()
    }

    /// The open line, or a new one, whose tools are written down as they are.
    async fn open(&self, who: &Principal, name: &str, held: &Held) -> Result<Arc<Line>, Refusal> {
        let mut turn = held.line.lock().await;
        if let Some(line) = turn.as_ref().filter(|line| line.is_open()) {
            return Ok(line.clone());
        }
        *turn = None;
        let Some(server) = self.host.config().servers.get(name) else {
            return Err(Refusal::not_found("agent server"));
        };
        match Line::open(server, self.host.clock().now()).await {
            Ok((line, tools)) => {
                self.found(who, name, held, tools).await?;
                let line = Arc::new(line);
                *turn = Some(line.clone());
                Ok(line)
            }
            Err(why) => {
                self.fared_badly(who, name, held, &why).await;
                Err(unavailable(name, &why))
            }
        }
    }

    async fn found(&self, who: &Principal, name: &str, held: &Held, tools: Tools) -> Result<(), Refusal> {
        self.fared_well(held);
        let name = name.to_owned();
        self.host.act(who, move |cx| ops::found(cx, &name, &tools)).await?;
        Ok(())
    }

    async fn close(&self, held: &Held) {
        held.line.lock().await.take();
    }

    fn not_left_alone(&self, name: &str, held: &Held) -> Result<(), Refusal> {
        let now = self.host.clock().elapsed();
        let fared = held.fared.lock().unwrap_or_else(PoisonError::into_inner);
        match fared.alone_until {
            Some(until) if now < until => {
                let wait = (until - now).as_secs() + 1;
                Err(unavailable(
                    name,
                    &format!("it failed {} times in a row and is left alone for {wait} s", fared.failures),
                ))
            }
            _ => Ok(()),
        }
    }

    fn fared_well(&self, held: &Held) {
        *held.fared.lock().unwrap_or_else(PoisonError::into_inner) = Fared::default();
    }

    async fn fared_badly(&self, who: &Principal, name: &str, held: &Held, why: &str) {
        {
            let now = self.host.clock().elapsed();
            let mut fared = held.fared.lock().unwrap_or_else(PoisonError::into_inner);
            fared.failures = fared.failures.saturating_add(1);
            if fared.failures >= FAILURES {
                let wait = fared.last.map_or(FIRST, |last| (last * 2).min(LONGEST));
                (fared.alone_until, fared.last) = (Some(now + wait), Some(wait));
            }
        }
        let (name, why) = (name.to_owned(), why.to_owned());
        // That it failed is told to whoever asked in any case.
        let _ = self.host.act(who, move |cx| ops::failed(cx, &name, &why)).await;
    }
}

impl From<Failed> for Refusal {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotSent(refusal) | Failed::Unclear(refusal) => refusal,
        }
    }
}

fn unavailable(name: &str, why: &str) -> Refusal {
    let why = why.trim_end_matches('.');
    let next = format!("Look at it: milepost agent-server check {name}.");
    Refusal::new(Code::Unavailable, format!("{name} cannot be used: {why}. Nothing was done."), next)
}

/// An answer, bounded, as another agent's words.
fn answered(name: &str, tool: &str, result: CallToolResult, took_ms: i64) -> Result<Answered, Refusal> {
    let bytes = serde_json::to_vec(&result).map_or(usize::MAX, |bytes| bytes.len());
    if bytes > MOST_ANSWER {
        let sentence = format!(
            "{name} answered with more than {MOST_ANSWER} bytes, which nobody looked at. What it was asked, it did."
        );
        return Err(Refusal::new(Code::Unavailable, sentence, "Ask it for less."));
    }
    let texts: Vec<&str> =
        result.content.iter().filter_map(|block| block.as_text()).map(|text| text.text.as_str()).collect();
    let clean: String = texts
        .join("\n")
        .chars()
        .filter(|c| *c == '\n' || !(c.is_control() || text::is_hidden(*c)))
        .take(MOST_TEXT)
        .collect();
    Ok(Answered {
        server: name.to_owned(),
        tool: tool.to_owned(),
        failed: result.is_error == Some(true),
        text: clean,
        structured: result.structured_content,
        took_ms,
    })
}

#[cfg(test)]
mod tests;
