//! The handler behind every transport: knows who calls, shows them their tools, and guards each call.

use std::fmt;
use std::sync::Arc;

use domain::kernel::{Code, Refusal};
use rmcp::handler::server::common::{AsRequestContext, FromContextPart};
use rmcp::handler::server::tool::{ToolCallContext, ToolRouter};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode, Implementation,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ResultType, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use crate::contract;
use crate::guard::{self, Guard};
use domain::kernel::shape::{closest, shown};

/// Who calls, as far as this crate has to know.
pub trait Caller: Clone + Send + Sync + 'static {
    /// Different for callers who must not see each other's sessions, such as the id of a token.
    fn key(&self) -> String;
}

/// Everyone is the same caller: for local tools without tokens.
impl Caller for () {
    fn key(&self) -> String {
        String::new()
    }
}

/// What a product puts behind the protocol. Its tools are methods of the same type, in `#[tool_router]` blocks.
pub trait Face: Send + Sync + Sized + 'static {
    type Caller: Caller;

    fn about(&self) -> Implementation;

    /// For the model, before it sees a tool: what this server is for and how its tools belong together.
    fn instructions(&self) -> String;

    /// Whether `caller` may use `tool`. A tool that is refused is not listed, and calling it answers the refusal.
    /// It must depend on nothing but the caller and the tool: a list may not differ between connections.
    fn allows(&self, caller: &Self::Caller, tool: &Tool) -> Result<(), Refusal>;
}

/// Who made this call: an extractor for tools, `async fn deal_get(&self, Who(caller): Who<Token>, ..)`.
#[derive(Debug, Clone)]
pub struct Who<P>(pub P);

impl<C: AsRequestContext, P: Caller> FromContextPart<C> for Who<P> {
    fn from_context_part(context: &mut C) -> Result<Self, ErrorData> {
        context.as_request_context().extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

fn nobody() -> ErrorData {
    guard::carry(&Refusal::new(
        Code::Unauthenticated,
        "This call came without a caller. Nothing was done.",
        "Connect with a token (Authorization: Bearer ...) and call again.",
    ))
}

/// Two tools want the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateTool(pub String);

impl fmt::Display for DuplicateTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "two tools are called {}", self.0)
    }
}

impl std::error::Error for DuplicateTool {}

/// A [`Face`] as a protocol handler, for both protocol eras. Cloning it is cheap; every clone is the same server.
pub struct Server<F: Face> {
    inner: Arc<Inner<F>>,
    local: Option<F::Caller>,
}

struct Inner<F> {
    face: F,
    tools: ToolRouter<F>,
    guard: Guard,
    config: ServerConfig,
}

impl<F: Face> Clone for Server<F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), local: self.local.clone() }
    }
}

impl<F: Face> Server<F> {
    /// `tools` are the routers that `#[tool_router]` made; output schemas are widened to take refusals.
    pub fn new(
        face: F,
        tools: impl IntoIterator<Item = ToolRouter<F>>,
        guard: Guard,
    ) -> Result<Self, DuplicateTool> {
        let mut all = ToolRouter::new();
        for mut route in tools.into_iter().flatten() {
            if all.has_route(route.name()) {
                return Err(DuplicateTool(route.name().to_owned()));
            }
            contract::shorten_input(&mut route.attr);
            contract::shorten_output(&mut route.attr);
            contract::admit_refusals(&mut route.attr);
            all.add_route(route);
        }
        let config = ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(face.about())
            .with_instructions(face.instructions());
        Ok(Self { inner: Arc::new(Inner { face, tools: all, guard, config }), local: None })
    }

    /// The same server for one caller who needs no token, for standard input and output.
    pub fn with_local(self, caller: F::Caller) -> Self {
        Self { local: Some(caller), ..self }
    }

    /// Every tool as it is listed to a caller who may use all of them, sorted by name.
    pub fn tools(&self) -> Vec<Tool> {
        self.inner.tools.list_all()
    }

    /// The caller that HTTP admitted, else the local one.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<F::Caller, ErrorData> {
        let admitted = context.extensions.get::<http::request::Parts>();
        match admitted {
            // A request over HTTP is never the local caller's, even should admission have left no trace.
            Some(parts) => parts.extensions.get::<F::Caller>().cloned().ok_or_else(nobody),
            None => self.local.clone().ok_or_else(nobody),
        }
    }

    fn listed(&self, caller: &F::Caller) -> Vec<Tool> {
        let mut tools = self.inner.tools.list_all();
        tools.retain(|tool| self.inner.face.allows(caller, tool).is_ok());
        tools
    }

    fn no_such_tool(&self, caller: &F::Caller, name: &str) -> ErrorData {
        let tools = self.listed(caller);
        let hint = match closest(name, tools.iter().map(|tool| tool.name.as_ref())) {
            Some(near) => format!("Did you mean {near}?"),
            None => "List the tools to see all of them.".to_owned(),
        };
        ErrorData::invalid_params(format!("There is no tool {}. Nothing was done. {hint}", shown(name)), None)
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = self.caller(&context)?;
        let Some(tool) = self.inner.tools.get(&request.name) else {
            return Err(self.no_such_tool(&caller, &request.name));
        };
        if let Err(refusal) = self.inner.face.allows(&caller, tool) {
            return Ok(guard::refused(&refusal).into());
        }
        context.extensions.insert(Who(caller));
        self.inner.tools.call(ToolCallContext::new(&self.inner.face, request, context)).await
    }
}

impl<F: Face> ServerHandler for Server<F> {
    fn get_info(&self) -> ServerConfig {
        self.inner.config.clone()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (name, stop) = (request.name.clone(), context.ct.clone());
        let name = if self.inner.tools.has_route(&name) { name.as_ref() } else { "unknown tool" };
        self.inner.guard.tool(name, &stop, self.call(request, context)).await
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let stop = context.ct.clone();
        let list = async {
            if request.is_some_and(|page| page.cursor.is_some()) {
                return Err(ErrorData::invalid_params("All tools fit on one page; leave `cursor` out.", None));
            }
            let caller = self.caller(&context)?;
            let modern =
                context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
            Ok(ListToolsResult {
                result_type: Some(ResultType::COMPLETE),
                tools: self.listed(&caller),
                meta: None,
                next_cursor: None,
                ttl_ms: modern.then_some(0),
                // What one token may use is not for the cache of another.
                cache_scope: modern.then_some(CacheScope::Private),
            })
        };
        self.inner.guard.other("tools/list", &stop, list).await
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.inner.tools.get(name).cloned()
    }

    /// A known method whose parameters have the wrong shape arrives here too, and must not be called unknown.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let expected = match request.method.as_str() {
            "initialize" => Some("`protocolVersion`, `capabilities` and `clientInfo` {name, version}"),
            "tools/call" => Some("`name`, a text, and `arguments`, an object"),
            "tools/list" => Some("nothing, or `cursor`, a text"),
            _ => None,
        };
        Err(match expected {
            Some(expected) => ErrorData::invalid_params(
                format!("The parameters of {} do not have the right shape. It takes {expected}.", request.method),
                None,
            ),
            None => ErrorData::new(
                ErrorCode::METHOD_NOT_FOUND,
                format!("There is no method {} here.", shown(&request.method)),
                None,
            ),
        })
    }
}

#[cfg(test)]
mod tests;
