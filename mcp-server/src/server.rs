//! The handler behind every transport: knows who calls, shows them what they may use, and guards each call.

mod asking;
mod face;
mod following;

use std::borrow::Cow;
use std::sync::Arc;

use domain::kernel::shape::{closest, shown};
use domain::kernel::{Code, Refusal};
use rmcp::handler::server::tool::{ToolCallContext, ToolRouter};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, CompletionInfo,
    CustomRequest, CustomResult, ErrorCode, GetPromptRequestParams, GetPromptResponse, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference, ResultType,
    ServerCapabilities, ServerConfig, SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};

use crate::audit::{self, Begun};
use crate::contract;
use crate::guard::{self, Guard};
use following::{Followed, Open};

use face::nobody;
pub use face::{Caller, DuplicateTool, Face, Offers, Typed, Typing, Who, Word};

/// A [`Face`] as a protocol handler, for both protocol eras. Cloning it is cheap; a clone is the same server for another
/// connection.
pub struct Server<F: Face> {
    inner: Arc<Inner<F>>,
    local: Option<F::Caller>,
    /// What this connection follows.
    followed: Followed,
}

struct Inner<F> {
    face: F,
    tools: ToolRouter<F>,
    guard: Guard,
    config: ServerConfig,
    open: Open,
}

impl<F: Face> Clone for Server<F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), local: self.local.clone(), followed: Followed::default() }
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
        let config = ServerConfig::new(capabilities(face.offers()))
            .with_server_info(face.about())
            .with_instructions(face.instructions());
        let inner = Arc::new(Inner { face, tools: all, guard, config, open: Open::default() });
        Ok(Self { inner, local: None, followed: Followed::default() })
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
        caller: F::Caller,
        word: Word,
        request: CallToolRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        context.extensions.insert(Who(caller));
        context.extensions.insert(word);
        self.inner.tools.call(ToolCallContext::new(&self.inner.face, request, context)).await
    }

    /// Asks and calls, for a caller whose call is noted.
    async fn answer(
        &self,
        caller: F::Caller,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tool = self.inner.tools.get(&request.name);
        let over_http = context.extensions.get::<http::request::Parts>().is_some();
        if let Err(refusal) = self.inner.face.count(&caller, tool, over_http) {
            return Ok(guard::refused(&refusal).into());
        }
        let Some(tool) = tool else {
            return Err(self.no_such_tool(&caller, &request.name));
        };
        if let Err(refusal) = self.inner.face.allows(&caller, tool) {
            return Ok(guard::refused(&refusal).into());
        }
        // A person may think for longer than a call may take.
        let word = match self.asked(&caller, &request, &context).await {
            Ok(word) => word,
            Err(instead) => return Ok(instead),
        };
        let (name, stop) = (request.name.clone(), context.ct.clone());
        self.inner.guard.tool(&name, &stop, self.call(caller, word, request, context)).await
    }

    /// Runs `f` for the caller, guarded; a refusal becomes a protocol error.
    async fn look<'a, T, W>(
        &'a self,
        name: &str,
        context: &RequestContext<RoleServer>,
        f: impl FnOnce(&'a F, F::Caller) -> W,
    ) -> Result<T, ErrorData>
    where
        W: Future<Output = Result<T, Refusal>>,
    {
        let looking = async {
            let caller = self.caller(context)?;
            f(&self.inner.face, caller).await.map_err(|refusal| refused(&refusal))
        };
        self.inner.guard.other(name, &context.ct, looking).await
    }

    /// The one page of a short list.
    fn only_page(request: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
        match request.is_some_and(|page| page.cursor.is_some()) {
            true => Err(ErrorData::invalid_params("All of them fit on one page; leave `cursor` out.", None)),
            false => Ok(()),
        }
    }
}

fn capabilities(offers: Offers) -> ServerCapabilities {
    let mut all = ServerCapabilities::builder().enable_tools().build();
    let more = ServerCapabilities::builder()
        .enable_prompts()
        .enable_resources()
        .enable_resources_subscribe()
        .enable_completions()
        .build();
    all.prompts = more.prompts.filter(|_| offers.prompts);
    all.resources = more.resources.filter(|_| offers.documents);
    all.completions = more.completions.filter(|_| offers.completions);
    all
}

fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

/// How long a list holds, and for whom: what one token may use is not for the cache of another.
fn held(context: &RequestContext<RoleServer>) -> (Option<u64>, Option<CacheScope>) {
    let modern = is_modern(context);
    (modern.then_some(0), modern.then_some(CacheScope::Private))
}

/// Whether the client can be told something after this request was answered.
fn lasts(context: &RequestContext<RoleServer>) -> bool {
    match context.extensions.get::<http::request::Parts>() {
        Some(parts) => parts.headers.contains_key("mcp-session-id"),
        None => true,
    }
}

fn no_such_document(uri: &str) -> ErrorData {
    let sentence = format!(
        "There is no document {}. List the resources and their templates to see which there are.",
        shown(uri)
    );
    ErrorData::resource_not_found(sentence, Some(serde_json::json!({ "uri": shown(uri) })))
}

/// A refusal where the protocol has errors in place of results.
fn refused(refusal: &Refusal) -> ErrorData {
    let refusal = guard::worded(refusal);
    let code = match refusal.code {
        Code::NotFound => ErrorCode::RESOURCE_NOT_FOUND,
        Code::Unavailable => ErrorCode::INTERNAL_ERROR,
        _ => ErrorCode::INVALID_PARAMS,
    };
    ErrorData::new(code, refusal.to_string(), serde_json::to_value(&refusal).ok())
}

impl<F: Face> ServerHandler for Server<F> {
    fn get_info(&self) -> ServerConfig {
        self.inner.config.clone()
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut caller = match self.caller(&context) {
            Ok(caller) => caller,
            Err(nobody) => return self.inner.guard.tool("nobody's", &context.ct, async { Err(nobody) }).await,
        };
        let today = self.inner.face.renamed(&request.name);
        if today != request.name {
            request.name = Cow::Owned(today.to_owned());
        }
        let begun = Begun::of(&request, &context.id, self.inner.tools.get(&request.name));
        let mut record = self.inner.face.begin(&mut caller, &begun);
        let answer = self.answer(caller, request, context).await;
        record.ended(&audit::outcome(&begun, &answer));
        answer
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let stop = context.ct.clone();
        let list = async {
            Self::only_page(request)?;
            let caller = self.caller(&context)?;
            let (ttl_ms, cache_scope) = held(&context);
            Ok(ListToolsResult {
                result_type: Some(ResultType::COMPLETE),
                tools: self.listed(&caller),
                meta: None,
                next_cursor: None,
                ttl_ms,
                cache_scope,
            })
        };
        self.inner.guard.other("tools/list", &stop, list).await
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.inner.tools.get(self.inner.face.renamed(name)).cloned()
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.and_then(|page| page.cursor);
        let list = async |face: &F, caller: F::Caller| face.documents(&caller, cursor).await;
        let mut list = self.look("resources/list", &context, list).await?;
        (list.ttl_ms, list.cache_scope) = held(&context);
        Ok(list)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Self::only_page(request)?;
        let caller = self.caller(&context)?;
        let (ttl_ms, cache_scope) = held(&context);
        let resource_templates = self.inner.face.document_templates(&caller);
        Ok(ListResourceTemplatesResult { resource_templates, ttl_ms, cache_scope, ..Default::default() })
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let read = async |face: &F, caller: F::Caller| face.read(&caller, &request.uri).await;
        let contents = match self.look("resources/read", &context, read).await {
            Err(error) if error.code == ErrorCode::RESOURCE_NOT_FOUND => Err(no_such_document(&request.uri)),
            read => read,
        }?;
        let mut result = ReadResourceResult::new(vec![contents]);
        (result.ttl_ms, result.cache_scope) = held(&context);
        Ok(result.into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.accepted(requested)
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        self.tell(subscription).await
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.follow(request.uri, &context)
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.unfollow(&request.uri);
        Ok(())
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Self::only_page(request)?;
        let caller = self.caller(&context)?;
        let (ttl_ms, cache_scope) = held(&context);
        let prompts = self.inner.face.prompts(&caller);
        Ok(ListPromptsResult { prompts, ttl_ms, cache_scope, ..Default::default() })
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let get = async |face: &F, caller: F::Caller| {
            let prompts = face.prompts(&caller);
            if prompts.iter().any(|prompt| prompt.name == request.name) {
                return face.prompt(&caller, &request.name, arguments).await;
            }
            let next = match closest(&request.name, prompts.iter().map(|prompt| prompt.name.as_str())) {
                Some(near) => format!("Did you mean {near}?"),
                None => "List the prompts to see which there are.".to_owned(),
            };
            Err(Refusal::new(Code::Invalid, format!("There is no prompt {}.", shown(&request.name)), next))
        };
        Ok(self.look("prompts/get", &context, get).await?.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let of = match request.r#ref {
            Reference::Prompt(prompt) => Typed::Prompt(prompt.name),
            Reference::Resource(template) => Typed::Document(template.uri),
            _ => return Err(ErrorData::invalid_params("`ref` is a prompt's or a resource's.", None)),
        };
        let typing = Typing { of, argument: request.argument.name, value: request.argument.value };
        let complete = async |face: &F, caller: F::Caller| face.complete(&caller, typing).await;
        let mut values = self.look("completion/complete", &context, complete).await?;
        let all = values.len();
        values.truncate(CompletionInfo::MAX_VALUES);
        let more = all > values.len();
        let info = CompletionInfo::with_pagination(values, None, more)
            .map_err(|error| ErrorData::internal_error(error, None))?;
        Ok(CompleteResult::new(info))
    }

    /// A known method whose parameters have the wrong shape arrives here too, and must not be called unknown.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let expected = match request.method.as_str() {
            // These ended with the protocol of 2026-07-28.
            "initialize" | "resources/subscribe" | "resources/unsubscribe" if is_modern(&context) => None,
            "initialize" => Some("`protocolVersion`, `capabilities` and `clientInfo` {name, version}"),
            "tools/call" => Some("`name`, a text, and `arguments`, an object"),
            "tools/list" | "resources/list" | "resources/templates/list" | "prompts/list" => {
                Some("nothing, or `cursor`, a text")
            }
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => Some("`uri`, a text"),
            "prompts/get" => Some("`name`, a text, and `arguments`, an object"),
            "completion/complete" => Some("`ref` and `argument` {name, value}"),
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
