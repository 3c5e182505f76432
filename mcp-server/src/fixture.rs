//! A small server for this crate's tests: what a product's face looks like, without a product.

use domain::kernel::{Code, Refusal};
use rmcp::handler::server::wrapper::Json;
use rmcp::model::{Implementation, JsonObject, ProtocolVersion, Tool};
use rmcp::service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle};
use rmcp::{RoleClient, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::args::Parameters;
use crate::guard::{Guard, Refused};
use crate::server::{Caller, Face, Offers, Server, Who, Word};
use crate::stdio;

/// A token's holder; one called `guest` may only read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) &'static str);

impl Caller for Token {
    fn key(&self) -> String {
        self.0.to_owned()
    }
}

pub(crate) struct Echo;

impl Face for Echo {
    type Caller = Token;

    fn about(&self) -> Implementation {
        Implementation::new("echo", "1.0.0")
    }

    fn instructions(&self) -> String {
        "Says what it is told.".into()
    }

    fn allows(&self, caller: &Token, tool: &Tool) -> Result<(), Refusal> {
        let reads = tool.annotations.as_ref().is_some_and(|hints| hints.read_only_hint == Some(true));
        if reads || caller.0 != "guest" {
            return Ok(());
        }
        let next = "Ask the person who made the token for the scope write.";
        Err(Refusal::new(Code::Forbidden, "Your token may only read. Nothing was changed.", next))
    }

    fn renamed<'a>(&self, name: &'a str) -> &'a str {
        if name == "parrot" { "echo" } else { name }
    }

    async fn question(&self, _: &Token, tool: &str, arguments: &JsonObject) -> Result<Option<String>, Refusal> {
        let risky = tool == "echo" && arguments.get("text").is_some_and(|text| text == "risky");
        Ok(risky.then(|| "Say it all the same?".into()))
    }

    async fn seal(&self) -> [u8; 32] {
        [7; 32]
    }

    fn offers(&self) -> Offers {
        Offers { documents: true, ..Offers::default() }
    }

    fn can_change(&self, uri: &str) -> bool {
        uri.starts_with("echo://")
    }

    /// Each changes once.
    async fn changes(&self, _: Token, uris: Vec<String>, tell: mpsc::Sender<String>) {
        for uri in uris {
            let _ = tell.send(uri).await;
        }
        tell.closed().await;
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EchoArgs {
    /// What to say.
    #[schemars(length(min = 1, max = 1000))]
    text: String,
    /// How often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 3))]
    times: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Said {
    said: Vec<String>,
    caller: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    confirmed: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

#[tool_router(router = echo_tools, vis = "pub(crate)")]
impl Echo {
    #[tool(
        description = "Says a text back.",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn echo(
        &self,
        Who(caller): Who<Token>,
        word: Word,
        Parameters(args): Parameters<EchoArgs>,
    ) -> Result<Json<Said>, Refused> {
        if args.text == "swear" {
            return Err(Refusal::new(Code::WrongState, "That is not said here.", "Say something else.").into());
        }
        let said = vec![args.text; args.times.unwrap_or(1) as usize];
        Ok(Json(Said { said, caller: caller.0.to_owned(), confirmed: word == Word::Yes }))
    }
}

#[tool_router(router = bad_tools)]
impl Echo {
    #[tool(
        description = "Panics.",
        annotations(
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn panic(&self, Parameters(_): Parameters<Nothing>) -> Result<Json<Said>, Refused> {
        panic!("a detail that is nobody's business")
    }

    #[tool(
        description = "Never ends.",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn wait(&self, Parameters(_): Parameters<Nothing>) -> Result<Json<Said>, Refused> {
        std::future::pending().await
    }
}

pub(crate) fn server() -> Server<Echo> {
    let guard = Guard::default().with_ids(|| "x1".into());
    Server::new(Echo, [Echo::echo_tools(), Echo::bad_tools()], guard).unwrap()
}

/// The two protocol eras, as a client chooses between them.
pub(crate) fn eras() -> [ClientLifecycleMode; 2] {
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
    ]
}

/// A client in the same process, connected as `caller`.
pub(crate) async fn client(caller: Token, era: ClientLifecycleMode) -> RunningService<RoleClient, ()> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (read, write) = tokio::io::split(far);
    let handler = server().with_local(caller);
    tokio::spawn(stdio::serve(handler, read, write, stdio::MOST_BYTES, CancellationToken::new()));
    serve_client_with_lifecycle((), near, era).await.unwrap()
}
