//! The least that a tool can do, behind the same door as the product's.

use std::future::ready;

use axum::Router;
use domain::kernel::Refusal;
use mcp_server::args::Parameters;
use mcp_server::guard::{Guard, Refused};
use mcp_server::http::{self, Settings};
use mcp_server::server::{Face, Server};
use rmcp::handler::server::wrapper::Json;
use rmcp::model::{Implementation, Tool};
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

struct Echo;

impl Face for Echo {
    type Caller = ();

    fn about(&self) -> Implementation {
        Implementation::new("echo", "1.0.0")
    }

    fn instructions(&self) -> String {
        "Says what it is told.".into()
    }

    fn allows(&self, (): &(), _: &Tool) -> Result<(), Refusal> {
        Ok(())
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EchoArgs {
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Said {
    said: String,
}

#[tool_router]
impl Echo {
    /// Says a text back.
    #[tool(annotations(
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn echo(&self, Parameters(args): Parameters<EchoArgs>) -> Result<Json<Said>, Refused> {
        Ok(Json(Said { said: args.text }))
    }
}

/// `/mcp` with the one tool, for everybody.
pub fn router(settings: Settings) -> Router {
    // One tool has no name twice.
    let server =
        Server::new(Echo, [Echo::tool_router()], Guard::default()).unwrap_or_else(|error| unreachable!("{error}"));
    http::router(settings, move || server.clone(), |_| ready(Ok(())))
}
