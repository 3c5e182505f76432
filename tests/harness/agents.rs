//! A real protocol client, connected to the product's server in this process.

use std::collections::BTreeMap;

use domain::kernel::Principal;
use mcp_server::Options;
use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::World;

/// Which revision of the protocol a client speaks.
#[derive(Clone, Copy, Debug)]
pub enum Era {
    /// 2025-11-25, with a handshake.
    Legacy,
    /// 2026-07-28, each request for itself.
    Modern,
}

impl Era {
    pub const BOTH: [Self; 2] = [Self::Legacy, Self::Modern];

    fn lifecycle(self) -> ClientLifecycleMode {
        match self {
            Self::Legacy => ClientLifecycleMode::Initialize,
            Self::Modern => {
                ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
            }
        }
    }
}

/// An agent's client program. It holds every answer against the output schema of its tool, as careful clients do.
pub struct Agent {
    client: RunningService<RoleClient, ()>,
    outputs: BTreeMap<String, Map<String, Value>>,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub refused: bool,
    pub content: Value,
}

impl Answer {
    /// The content of an answer that is no refusal.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(!self.refused, "refused: {}", self.content);
        self.content
    }

    /// The code and sentence of a refusal.
    #[track_caller]
    pub fn no(&self) -> (String, String) {
        assert!(self.refused, "not refused: {}", self.content);
        let text = |name: &str| self.content[name].as_str().unwrap_or_default().to_owned();
        (text("code"), text("sentence"))
    }
}

impl Agent {
    pub async fn connect(world: &World, who: &Principal, era: Era) -> Self {
        let server = mcp_server::server(&world.host, &Options::default()).unwrap().with_local(who.clone());
        let (near, far) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(far);
        tokio::spawn(mcp_server::stdio::serve(
            server,
            read,
            write,
            mcp_server::stdio::MOST_BYTES,
            CancellationToken::new(),
        ));
        let client = serve_client_with_lifecycle((), near, era.lifecycle()).await.unwrap();
        let all = mcp_server::server(&world.host, &Options::default()).unwrap().tools();
        let output = |tool: rmcp::model::Tool| Some((tool.name.to_string(), (*tool.output_schema?).clone()));
        Self { client, outputs: all.into_iter().filter_map(output).collect() }
    }

    /// The names of the tools that this agent is shown.
    pub async fn tools(&self) -> Vec<String> {
        self.client.list_all_tools().await.unwrap().iter().map(|tool| tool.name.to_string()).collect()
    }

    pub async fn call(&self, tool: &str, arguments: Value) -> Answer {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let result = self.client.call_tool(request).await.unwrap();
        let content = result.structured_content.clone().unwrap_or(Value::Null);
        let text = result.content.first().and_then(|block| block.as_text()).map(|text| text.text.clone());
        // Some clients show the model only one of the two.
        let said: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or(Value::Null);
        assert_eq!(said, content, "the text says something else than the structure");
        if let (Some(schema), Value::Object(members)) = (self.outputs.get(tool), &content) {
            let wrong = domain::kernel::shape::fit(schema, &mut members.clone());
            assert!(wrong.is_empty(), "{tool} answers something else than it promises: {wrong:?} in {content}");
        }
        Answer { refused: result.is_error == Some(true), content }
    }
}
