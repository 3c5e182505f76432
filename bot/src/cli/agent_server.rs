//! `milepost agent-server`: servers of other agents whose tools people of this workspace use.

use clap::Subcommand;
use domain::kernel::{Problem, Refusal};
use domain::workspace::agent_server::{AgentServerView, ops};
use mcp_server::outside::Outside;
use serde_json::{Map, Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop};
use crate::{says, serve};

#[derive(Subcommand)]
pub enum AgentServer {
    /// List the servers that the settings name for this workspace, and how they stand
    List,
    /// Ask a server for its tools, and show them with what changed since they were approved
    Check { name: String },
    /// Let people of this workspace use a server, once its tools are approved
    Start { name: String },
    /// Call a server no more
    Stop { name: String },
    /// Approve the tools that a server has, by the hash that check shows
    Approve {
        name: String,
        #[arg(long)]
        hash: String,
    },
    /// Call a tool of a server
    Call {
        name: String,
        tool: String,
        /// The tool's arguments, as one JSON object
        #[arg(long, default_value = "{}", value_name = "JSON")]
        arguments: String,
    },
}

pub fn run(common: &Common, cmd: AgentServer) -> Outcome {
    let desk = Desk::open(common)?;
    let outside = Outside::new(&desk.host);
    let answer = match cmd {
        AgentServer::List => {
            let named = outside.named(&desk.workspace.slug);
            let servers = desk.read(|cx| ops::list(cx, &named))?;
            Ok(Answer::new(says::agent_server::list(&servers), json!({ "servers": servers })))
        }
        AgentServer::Check { name } => {
            let server = wait(async { outside.check(&desk.who, &name).await })?;
            Ok(Answer::new(says::agent_server::shown(&server), json!({ "server": server })))
        }
        AgentServer::Start { name } => {
            known(&desk, &outside, &name)?;
            tell(desk.write(|cx| ops::start(cx, &name))?, says::agent_server::started)
        }
        AgentServer::Stop { name } => {
            known(&desk, &outside, &name)?;
            tell(desk.write(|cx| ops::stop(cx, &name))?, says::agent_server::stopped)
        }
        AgentServer::Approve { name, hash } => {
            known(&desk, &outside, &name)?;
            tell(desk.write(|cx| ops::approve(cx, &name, &hash))?, says::agent_server::approved)
        }
        AgentServer::Call { name, tool, arguments } => {
            let arguments: Map<String, Value> = serde_json::from_str(&arguments).map_err(|error| {
                Refusal::invalid(vec![Problem::new("arguments", format!("must be one JSON object: {error}."))])
            })?;
            let answered = wait(async { outside.call(&desk.who, &name, &tool, arguments).await })?;
            Ok(Answer::new(says::agent_server::answered(&answered), json!({ "answer": answered })))
        }
    };
    answer.map(Some)
}

fn wait<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Stop> {
    Ok(serve::runtime()?.block_on(work)?)
}

fn known(desk: &Desk, outside: &Outside, name: &str) -> Result<(), Stop> {
    wait(async { outside.known(&desk.who, name).await })
}

fn tell(done: Written<AgentServerView>, say: impl Fn(&AgentServerView) -> String) -> Result<Answer, Stop> {
    let text = say(&done.value);
    let document = json!({ "server": done.value });
    Ok(Answer::new(text, Written::<Value>::beside(done.receipt, document)))
}
