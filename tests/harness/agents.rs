//! A real protocol client, connected to the product's server in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use domain::kernel::Principal;
use host::Host;
use host::agents::Toolsets;
use mcp_server::Options;
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
    Implementation, ProgressNotificationParam, ProtocolVersion, ResourceUpdatedNotificationParam,
};
use rmcp::service::{
    ClientLifecycleMode, NotificationContext, RequestContext, RunningService, serve_client_with_lifecycle,
};
use rmcp::{ClientHandler, ErrorData, RoleClient};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
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

/// How far a call said it was, and of how much.
pub type Step = (f64, Option<f64>);

/// What a client program shows to the person at it, and what that person says.
#[derive(Clone)]
pub struct Person {
    /// What is said to every question; without it the program cannot ask.
    says: Option<ElicitationAction>,
    asked: Arc<Mutex<Vec<String>>>,
    progress: Arc<Mutex<Vec<Step>>>,
    news: mpsc::UnboundedSender<String>,
}

impl ClientHandler for Person {
    fn get_info(&self) -> ClientConfig {
        let mut can = ClientCapabilities::default();
        if self.says.is_some() {
            can = ClientCapabilities::builder().enable_elicitation().build();
        }
        ClientConfig::new(can, Implementation::new("test", "1"))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams { message, .. } = request else {
            panic!("a form was expected")
        };
        self.asked.lock().unwrap().push(message);
        Ok(ElicitResult::new(self.says.clone().unwrap_or(ElicitationAction::Cancel)))
    }

    async fn on_progress(&self, at: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.progress.lock().unwrap().push((at.progress, at.total));
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let _ = self.news.send(params.uri);
    }
}

/// An agent's client program. It holds every answer against the output schema of its tool, as careful clients do.
pub struct Agent {
    pub client: RunningService<RoleClient, Person>,
    outputs: BTreeMap<String, Map<String, Value>>,
    news: mpsc::UnboundedReceiver<String>,
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
    /// A client program that cannot ask anybody anything, with every toolset.
    pub async fn connect(world: &World, who: &Principal, era: Era) -> Self {
        Self::connect_with(world, who, era, None).await
    }

    /// A client program at which somebody says this to every question.
    pub async fn connect_with(world: &World, who: &Principal, era: Era, says: Option<ElicitationAction>) -> Self {
        Self::connect_to(&world.host, who, era, says).await
    }

    /// To another server than the world's own.
    pub async fn connect_to(host: &Host, who: &Principal, era: Era, says: Option<ElicitationAction>) -> Self {
        let options = Options { toolsets: Toolsets::all(), ..Options::default() };
        let server = mcp_server::server(host, &options).unwrap().with_local(who.clone());
        let all = server.tools();
        let (near, far) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(far);
        tokio::spawn(mcp_server::stdio::serve(
            server,
            read,
            write,
            mcp_server::stdio::MOST_BYTES,
            CancellationToken::new(),
        ));
        let (tell, news) = mpsc::unbounded_channel();
        let person = Person { says, asked: Arc::default(), progress: Arc::default(), news: tell };
        let client = serve_client_with_lifecycle(person, near, era.lifecycle()).await.unwrap();
        let output = |tool: rmcp::model::Tool| Some((tool.name.to_string(), (*tool.output_schema?).clone()));
        Self { client, outputs: all.into_iter().filter_map(output).collect(), news }
    }

    /// The questions that the person was asked.
    pub fn asked(&self) -> Vec<String> {
        self.client.service().asked.lock().unwrap().clone()
    }

    /// How far calls said they were.
    pub fn progress(&self) -> Vec<Step> {
        self.client.service().progress.lock().unwrap().clone()
    }

    /// The next document that is said to have changed.
    pub async fn next_news(&mut self) -> String {
        self.news.recv().await.unwrap()
    }

    /// Whether news have come that nobody has looked at.
    pub fn has_news(&mut self) -> bool {
        self.news.try_recv().is_ok()
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
