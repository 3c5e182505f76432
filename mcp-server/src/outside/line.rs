//! One open line to another agent's server: a program's standard input and output, or an address.

use std::future::Future;
use std::process::Stdio;
use std::time::Duration;

use domain::workspace::agent_server::{MOST_TOOLS, Tools, fold};
use host::agents::Server;
use jiff::Timestamp;
use rmcp::model::{CallToolRequestParams, CallToolResult, PaginatedRequestParams, ProtocolVersion};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, RunningService, ServiceError, serve_client_with_lifecycle,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, transport::IntoTransport};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::process::{Child, Command};

/// The longest words of a failure that are kept, in characters.
const WORDS: usize = 300;

pub(super) struct Line {
    client: RunningService<RoleClient, ()>,
    patience: Duration,
    /// The program, which ends with the line.
    _program: Option<Child>,
}

/// Why a call has no result.
#[derive(Debug)]
pub(super) enum Broken {
    /// The server answered that it does not do this.
    Said(String),
    /// Nobody knows what became of it.
    Lost(String),
}

impl Line {
    /// Opens a line and asks for all tools. The error says in a few words why it cannot be used.
    pub(super) async fn open(server: &Server, now: Timestamp) -> Result<(Self, Tools), String> {
        let patience = Duration::from_secs(server.timeout);
        match &server.url {
            Some(url) => {
                let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
                config.auth_header = token(server)?;
                let http = host::egress::for_agent_servers(patience)?;
                let transport = StreamableHttpClientTransport::with_client(http, config);
                Self::over(transport, None, patience, now).await
            }
            None => {
                let mut program = start(server)?;
                let (Some(input), Some(output)) = (program.stdin.take(), program.stdout.take()) else {
                    return Err("its program has no standard input and output".into());
                };
                Self::over((output, input), Some(program), patience, now).await
            }
        }
    }

    pub(super) async fn over<T, E, A>(
        transport: T,
        program: Option<Child>,
        patience: Duration,
        now: Timestamp,
    ) -> Result<(Self, Tools), String>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        // Whichever of the two eras the server speaks.
        let era = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: Some(ProtocolVersion::V_2025_11_25),
        };
        let opening = async {
            let opened: Result<_, ClientInitializeError> = serve_client_with_lifecycle((), transport, era).await;
            let client = opened.map_err(|error| few(&error.to_string()))?;
            let line = Self { client, patience, _program: program };
            let tools = line.listed(now).await?;
            Ok((line, tools))
        };
        in_time(patience, opening).await.unwrap_or_else(|| Err(silent(patience)))
    }

    /// All tools as they are now.
    pub(super) async fn tools(&self, now: Timestamp) -> Result<Tools, String> {
        in_time(self.patience, self.listed(now)).await.unwrap_or_else(|| Err(silent(self.patience)))
    }

    async fn listed(&self, now: Timestamp) -> Result<Tools, String> {
        let (mut all, mut cursor): (Vec<Value>, _) = (Vec::new(), None);
        loop {
            let asked = PaginatedRequestParams::default().with_cursor(cursor);
            let page = self.client.list_tools(Some(asked)).await.map_err(|error| few(&error.to_string()))?;
            all.extend(page.tools.iter().filter_map(|tool| serde_json::to_value(tool).ok()));
            cursor = page.next_cursor;
            // A list without an end is none.
            if cursor.is_none() || all.len() > MOST_TOOLS {
                break;
            }
        }
        fold(&all, now).map_err(|what| format!("its list of tools {what}"))
    }

    pub(super) fn is_open(&self) -> bool {
        !self.client.is_transport_closed()
    }

    pub(super) async fn call(&self, request: CallToolRequestParams) -> Result<CallToolResult, Broken> {
        match in_time(self.patience, self.client.call_tool(request)).await {
            Some(Ok(result)) => Ok(result),
            Some(Err(ServiceError::McpError(error))) => Err(Broken::Said(few(&error.message))),
            Some(Err(error)) => Err(Broken::Lost(few(&error.to_string()))),
            None => Err(Broken::Lost(format!("no answer came within {} s", self.patience.as_secs()))),
        }
    }
}

fn silent(patience: Duration) -> String {
    format!("it did not answer within {} s", patience.as_secs())
}

async fn in_time<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(patience, work).await.ok()
}

/// Somebody else's words, on one line and few.
fn few(said: &str) -> String {
    domain::kernel::text::legible(said).chars().take(WORDS).collect()
}

fn token(server: &Server) -> Result<Option<String>, String> {
    match (&server.token, &server.token_file) {
        (Some(token), _) => Ok(Some(token.expose_secret().to_owned())),
        (None, Some(file)) => match std::fs::read_to_string(file) {
            Ok(token) => Ok(Some(token.trim().to_owned())),
            Err(error) => Err(format!("the file with its token cannot be read: {error}")),
        },
        (None, None) => Ok(None),
    }
}

/// Starts the program, which finds nothing of our own environment but where programs are. Its log is its own.
fn start(server: &Server) -> Result<Child, String> {
    let [program, arguments @ ..] = server.command.as_slice() else { return Err("its command is empty".into()) };
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    for (name, value) in &server.environment {
        command.env(name, value.expose_secret());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().map_err(|error| format!("its program cannot be started: {error}"))
}
