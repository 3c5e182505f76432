//! What a product puts behind the protocol.

use std::fmt;
use std::future::{Future, ready};

use domain::kernel::{Code, Refusal};
use rmcp::ErrorData;
use rmcp::handler::server::common::{AsRequestContext, FromContextPart};
use rmcp::model::{
    GetPromptResult, Implementation, JsonObject, ListResourcesResult, Prompt, ResourceContents, ResourceTemplate,
    Tool,
};
use tokio::sync::mpsc;

use crate::audit::{Begun, Record};
use crate::guard;

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

/// What of the protocol beside tools a face has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offers {
    /// Documents to read, templates for their addresses, and news of their changes.
    pub documents: bool,
    pub prompts: bool,
    pub completions: bool,
}

/// Something whose value is being typed: an argument of a prompt, or a place in the address of a document.
#[derive(Clone, Debug)]
pub struct Typing {
    pub of: Typed,
    pub argument: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    Prompt(String),
    /// The template of addresses, as it is listed.
    Document(String),
}

/// What the person at the client said to a question that was asked before a call was made. It is the client's word: it
/// proves no person, and approves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Word {
    /// The client cannot ask, or there was nothing to ask.
    #[default]
    NotAsked,
    Yes,
}

/// What a product puts behind the protocol. Its tools are methods of the same type, in `#[tool_router]` blocks. All but
/// tools is optional.
pub trait Face: Send + Sync + Sized + 'static {
    type Caller: Caller;

    fn about(&self) -> Implementation;

    /// For the model, before it sees a tool: what this server is for and how its tools belong together.
    fn instructions(&self) -> String;

    /// Whether `caller` may use `tool`. A tool that is refused is not listed, and calling it answers the refusal.
    /// It must depend on nothing but the caller and the tool: a list may not differ between connections.
    fn allows(&self, caller: &Self::Caller, tool: &Tool) -> Result<(), Refusal>;

    /// Counts a call against what `caller` may call in a time, or refuses it. `tool` is `None` when there is no such tool;
    /// over HTTP the caller was counted at the door already.
    fn count(&self, _caller: &Self::Caller, _tool: Option<&Tool>, _over_http: bool) -> Result<(), Refusal> {
        Ok(())
    }

    /// Begins the record of a call, and may mark the caller with it. Every call is begun, also of what there is not or what
    /// the caller may not use; one that is cut off drops its record.
    fn begin(&self, _caller: &mut Self::Caller, _call: &Begun) -> Box<dyn Record> {
        Box::new(())
    }

    /// What a tool is called today that once was called `name`.
    fn renamed<'a>(&self, name: &'a str) -> &'a str {
        name
    }

    fn offers(&self) -> Offers {
        Offers::default()
    }

    /// What a person should be asked before this call is made, in a sentence; nothing for most calls.
    fn question(
        &self,
        _caller: &Self::Caller,
        _tool: &str,
        _arguments: &JsonObject,
    ) -> impl Future<Output = Result<Option<String>, Refusal>> + Send {
        ready(Ok(None))
    }

    /// What seals the state of a question while a client holds it: the same on every server that may get the answer.
    fn seal(&self) -> impl Future<Output = [u8; 32]> + Send {
        ready([0; 32])
    }

    /// One page of the documents that `caller` can read.
    fn documents(
        &self,
        _caller: &Self::Caller,
        _cursor: Option<String>,
    ) -> impl Future<Output = Result<ListResourcesResult, Refusal>> + Send {
        ready(Ok(ListResourcesResult::default()))
    }

    fn document_templates(&self, _caller: &Self::Caller) -> Vec<ResourceTemplate> {
        Vec::new()
    }

    fn read(
        &self,
        _caller: &Self::Caller,
        _uri: &str,
    ) -> impl Future<Output = Result<ResourceContents, Refusal>> + Send {
        ready(Err(Refusal::not_found("document")))
    }

    /// Whether this is the address of a document that can change, told from its form alone.
    fn can_change(&self, _uri: &str) -> bool {
        false
    }

    /// Tells which of the documents changed, each as often as it does, until nobody listens any more. One that `caller`
    /// may not read never changes.
    fn changes(
        &self,
        _caller: Self::Caller,
        _uris: Vec<String>,
        _tell: mpsc::Sender<String>,
    ) -> impl Future<Output = ()> + Send {
        ready(())
    }

    fn prompts(&self, _caller: &Self::Caller) -> Vec<Prompt> {
        Vec::new()
    }

    fn prompt(
        &self,
        _caller: &Self::Caller,
        _name: &str,
        _arguments: JsonObject,
    ) -> impl Future<Output = Result<GetPromptResult, Refusal>> + Send {
        ready(Err(Refusal::not_found("prompt")))
    }

    /// What may be meant, the likeliest first; at most 100.
    fn complete(
        &self,
        _caller: &Self::Caller,
        _typing: Typing,
    ) -> impl Future<Output = Result<Vec<String>, Refusal>> + Send {
        ready(Ok(Vec::new()))
    }
}

/// Who made this call: an extractor for tools, `async fn deal_get(&self, Who(caller): Who<Token>, ..)`.
#[derive(Debug, Clone)]
pub struct Who<P>(pub P);

impl<C: AsRequestContext, P: Caller> FromContextPart<C> for Who<P> {
    fn from_context_part(context: &mut C) -> Result<Self, ErrorData> {
        context.as_request_context().extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

/// What was said to the question of [`Face::question`]: an extractor for tools.
impl<C: AsRequestContext> FromContextPart<C> for Word {
    fn from_context_part(context: &mut C) -> Result<Self, ErrorData> {
        Ok(context.as_request_context().extensions.get::<Self>().copied().unwrap_or_default())
    }
}

pub(super) fn nobody() -> ErrorData {
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
