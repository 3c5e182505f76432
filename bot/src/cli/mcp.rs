//! `milepost mcp`: one agent over standard input and output, how to connect one, and how to hand this program to others.

mod bundle;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use domain::kernel::{Principal, Source};
use domain::workspace::access::{self, Grant};
use host::Host;
use mcp_server::Options;
use serde_json::{Value, json};

use super::desk::{self, choose};
use super::{Answer, Common, Outcome, Stop, read};
use crate::{says, serve};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Mcp {
    #[command(subcommand)]
    command: Option<Sub>,
    /// The name under which the log knows the agent
    #[arg(long, value_name = "NAME", default_value = "local agent")]
    agent: String,
    /// read, propose, write or admin
    #[arg(long, default_value = "write", value_parser = read::word::<Grant>)]
    scope: Grant,
    /// Act as the holder of this token instead
    #[arg(long, env = "MILEPOST_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Only tools that read
    #[arg(long)]
    read_only: bool,
    /// Which tools: default, all, or names [default: agents.toolsets of the settings]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    toolsets: Vec<String>,
}

/// What of the server there is; a name that is none stops the start.
pub fn options(host: &Host, toolsets: &[String], read_only: bool) -> Result<Options, Stop> {
    Options::of(host.config(), toolsets, read_only)
        .map_err(|sentences| Stop::Usage(format!("{} Nothing was started.", sentences.join(" "))))
}

#[derive(Subcommand)]
enum Sub {
    /// Print what connects a client to this program
    Config(Config),
    /// Write this program as one file that a desktop client installs (MCPB)
    Bundle(bundle::Bundle),
    /// Print the entry for the MCP registry (server.json)
    Listing(bundle::Listing),
}

#[derive(Args)]
struct Config {
    #[arg(long, value_enum)]
    client: Client,
    /// Connect to a running server at this address instead of starting a program
    #[arg(long, value_name = "URL")]
    http: Option<String>,
    /// The token for --http, to be written down as it is [default: the client finds it elsewhere]
    #[arg(long, requires = "http")]
    token: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Client {
    ClaudeCode,
    ClaudeDesktop,
    Cursor,
    Vscode,
}

pub fn run(common: &Common, cmd: &Mcp) -> Outcome {
    match &cmd.command {
        Some(Sub::Config(cmd)) => config(common, cmd).map(Some),
        Some(Sub::Bundle(cmd)) => bundle::write(cmd).map(Some),
        Some(Sub::Listing(cmd)) => bundle::listing(cmd).map(Some),
        None => stdio(common, cmd).map(|()| None),
    }
}

/// Standard output belongs to the protocol: nothing else is printed.
fn stdio(common: &Common, cmd: &Mcp) -> Result<(), Stop> {
    let host = desk::open_host(common)?;
    let runtime = serve::runtime()?;
    let served = runtime.block_on(async {
        let principal = principal(&host, common, cmd).await?;
        let options = options(&host, &cmd.toolsets, cmd.read_only)?;
        mcp_server::stdio(&host, principal, options).await?;
        Ok(())
    });
    // The thread that reads standard input may wait for a line that never comes.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

async fn principal(host: &Host, common: &Common, cmd: &Mcp) -> Result<Principal, Stop> {
    if let Some(token) = &cmd.token {
        return Ok(host.authenticate(token.trim(), Source::Mcp).await?);
    }
    // A bundle hands on what its user left empty.
    let named = common.workspace.as_deref().filter(|slug| !slug.is_empty());
    let workspace = choose(&host.directory().await?, named)?;
    Ok(access::ops::local_agent(workspace.id, &cmd.agent, cmd.scope, Source::Mcp))
}

fn config(common: &Common, cmd: &Config) -> Result<Answer, Stop> {
    let server = match &cmd.http {
        Some(url) => remote(cmd.client, url, cmd.token.as_deref())?,
        None => local(common, cmd.client)?,
    };
    let (file, mut document) = match cmd.client {
        Client::ClaudeCode => (".mcp.json in your project", json!({ "mcpServers": { "milepost": server } })),
        Client::ClaudeDesktop => (
            "claude_desktop_config.json (Settings, Developer, Edit Config)",
            json!({ "mcpServers": { "milepost": server } }),
        ),
        Client::Cursor => ("~/.cursor/mcp.json", json!({ "mcpServers": { "milepost": server } })),
        Client::Vscode => (".vscode/mcp.json", json!({ "servers": { "milepost": server } })),
    };
    let secret = match (&cmd.http, &cmd.token) {
        (None, _) => Secret::None,
        (Some(_), Some(_)) => Secret::Written,
        (Some(_), None) => cmd.client.secret(),
    };
    if secret == Secret::Asked {
        document["inputs"] = json!([{
            "type": "promptString",
            "id": INPUT,
            "description": "Milepost: the agent's token",
            "password": true,
        }]);
    }
    let command = (cmd.client == Client::ClaudeCode).then(|| says::mcp::claude_add(&server));
    let text = says::mcp::snippet(file, &document, command.as_deref(), secret);
    Ok(Answer::new(text, json!({ "file": file, "config": document, "command": command })))
}

/// The id under which VS Code keeps the token that it asked for.
const INPUT: &str = "milepost-token";

/// Where a client has the token from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// It needs none.
    None,
    /// It stands in the file.
    Written,
    /// From the environment that the client is started in: `MILEPOST_TOKEN`.
    Environment,
    /// The client asks for it once and keeps it.
    Asked,
}

impl Client {
    fn secret(self) -> Secret {
        if self == Self::Vscode { Secret::Asked } else { Secret::Environment }
    }

    /// How the file of this client names a token that does not stand in it. Files of projects are shared with others.
    fn token(self) -> String {
        match self {
            Self::ClaudeCode | Self::ClaudeDesktop => "${MILEPOST_TOKEN}".into(),
            Self::Cursor => "${env:MILEPOST_TOKEN}".into(),
            Self::Vscode => format!("${{input:{INPUT}}}"),
        }
    }
}

fn remote(client: Client, url: &str, token: Option<&str>) -> Result<Value, Stop> {
    if client == Client::ClaudeDesktop {
        return Err(Stop::Usage(
            "Claude Desktop's file starts programs on the same machine only. Leave out --http, or choose another client."
                .into(),
        ));
    }
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Stop::Usage(format!("{url} is no address. Write it as http://127.0.0.1:8787/mcp.")));
    }
    let token = token.map_or_else(|| client.token(), str::to_owned);
    let mut server = json!({ "url": url, "headers": { "Authorization": format!("Bearer {token}") } });
    // Cursor knows by the address.
    if client != Client::Cursor {
        server["type"] = "http".into();
    }
    Ok(server)
}

fn local(common: &Common, client: Client) -> Result<Value, Stop> {
    let program = std::env::current_exe()?;
    let mut args = vec!["--data".to_owned(), absolute(&common.data())?];
    if let Some(file) = common.settings_file() {
        args.extend(["--config".to_owned(), absolute(&file)?]);
    }
    if let Some(slug) = &common.workspace {
        args.extend(["--workspace".to_owned(), slug.clone()]);
    }
    args.push("mcp".into());
    let mut server = json!({ "command": program, "args": args });
    // Claude Desktop's file starts programs and nothing else, so it has no types.
    if client != Client::ClaudeDesktop {
        server["type"] = "stdio".into();
    }
    Ok(server)
}

/// A client starts the program wherever it likes.
fn absolute(path: &std::path::Path) -> Result<String, Stop> {
    Ok(std::path::absolute(path)?.to_string_lossy().into_owned())
}
