//! The product's face for agents: which tools there are, who may use them, and what a model is told first.

use domain::deals::deal::key_dates::outline;
use domain::insight::event_log::{self, Proof};
use domain::kernel::id::PlanId;
use domain::kernel::idempotency::{Answer, Key};
use domain::kernel::{Code, Cx, No, Principal, Receipt, Refusal};
use domain::workspace::access::{Verb, rules};
use host::agents::{Toolset, Toolsets};
use host::{Config, Host};
use rmcp::model::{
    GetPromptResult, Implementation, JsonObject, ListResourcesResult, Prompt, ResourceContents, ResourceTemplate,
    Tool,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::audit::{Begun, Noted, Record, only_looks};
use crate::changes::Changes;
use crate::server::{Caller, Face, Offers, Typed, Typing};
use crate::{documents, prompts, tools};

/// What of the server a client gets, as upper bounds that no client can loosen.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Everybody is this principal; no token is asked for. For local protocol tools only.
    pub no_auth: Option<Principal>,
    /// Only tools that read.
    pub read_only: bool,
    pub toolsets: Toolsets,
}

impl Options {
    /// What the settings say; flags may name other toolsets, and may only make it read-only.
    pub fn of(config: &Config, toolsets: &[String], read_only: bool) -> Result<Self, Vec<String>> {
        let named = if toolsets.is_empty() { &config.agents.toolsets } else { toolsets };
        Ok(Self {
            no_auth: None,
            read_only: read_only || config.agents.read_only,
            toolsets: Toolsets::read(named)?,
        })
    }
}

pub struct Milepost {
    pub(crate) host: Host,
    read_only: bool,
    toolsets: Toolsets,
    changes: Changes,
    /// Seals what a client holds while there is no installation's key.
    seal: [u8; 32],
}

impl Milepost {
    pub(crate) fn new(host: &Host, options: &Options) -> Self {
        let mut seal = [0; 32];
        let halves = [host.mint(), host.mint()];
        for (half, id) in seal.chunks_mut(16).zip(halves) {
            half.copy_from_slice(id.as_bytes());
        }
        let (read_only, toolsets) = (options.read_only, options.toolsets.clone());
        Self { host: host.clone(), read_only, toolsets, changes: Changes::default(), seal }
    }
}

impl Caller for Principal {
    fn key(&self) -> String {
        format!("{}/{}/{}", self.workspace, self.actor.key(), self.powers)
    }
}

/// The set that a tool belongs to, and the right that it needs before anything else is looked at. The verbs behind it ask
/// again.
pub(crate) fn place(tool: &str) -> Option<(Toolset, Verb)> {
    use Toolset::{Deals, Letters, Milestones, Overview, Upkeep};
    Some(match tool {
        "deal_get" | "deal_list" => (Deals, Verb::ReadDeals),
        "deal_create" => (Deals, Verb::CreateDeal),
        "deal_update" => (Deals, Verb::EditDeal),
        "key_dates_preview" => (Deals, Verb::PreviewKeyDates),
        "key_dates_apply" => (Deals, Verb::ApplyKeyDates),
        "briefing" | "changes_since" | "search" => (Overview, Verb::ReadDeals),
        "milestone_list" | "milestone_explain" => (Milestones, Verb::ReadDeals),
        "milestone_add" => (Milestones, Verb::AddMilestone),
        "milestone_update" => (Milestones, Verb::EditMilestone),
        "milestone_complete" => (Milestones, Verb::CompleteMilestone),
        "milestone_waive" => (Milestones, Verb::WaiveMilestone),
        "milestone_remove" => (Upkeep, Verb::RemoveMilestone),
        "approval_list" => (Letters, Verb::ReadApprovals),
        "delivery_list" => (Letters, Verb::ReadDeliveries),
        "draft_get" => (Letters, Verb::ReadDrafts),
        "draft_propose" => (Letters, Verb::ProposeDraft),
        "policy_preview" => (Letters, Verb::PreviewPolicy),
        "schedule_simulate" => (Upkeep, Verb::ReadDeliveries),
        _ => return None,
    })
}

/// What a model is told of a toolset, when it is switched on.
fn told(set: Toolset) -> &'static str {
    match set {
        Toolset::Overview => include_str!("instructions/overview.md"),
        Toolset::Deals => include_str!("instructions/deals.md"),
        Toolset::Milestones => include_str!("instructions/milestones.md"),
        Toolset::Letters => include_str!("instructions/letters.md"),
        Toolset::Upkeep => include_str!("instructions/upkeep.md"),
    }
}

impl Face for Milepost {
    type Caller = Principal;

    fn about(&self) -> Implementation {
        Implementation::new("milepost", env!("CARGO_PKG_VERSION")).with_title("Milepost")
    }

    fn instructions(&self) -> String {
        let mut text = include_str!("instructions/all.md").to_owned();
        if self.read_only {
            text.push_str("- This server is read-only: there are no tools that change anything.\n");
        }
        self.toolsets.iter().for_each(|set| text.push_str(told(set)));
        text
    }

    fn allows(&self, caller: &Principal, tool: &Tool) -> Result<(), Refusal> {
        // A tool that nobody gave a set and a right to is nobody's.
        let Some((set, verb)) = place(&tool.name) else { return Err(Refusal::not_found("tool")) };
        if !self.toolsets.has(set) {
            return Err(Refusal::new(
                Code::Forbidden,
                format!(
                    "{} is one of the tools {set}, which are switched off here. Nothing was changed.",
                    tool.name
                ),
                "Ask the person who runs this server, or use the command line.",
            ));
        }
        if self.read_only && !only_looks(tool) {
            return Err(Refusal::new(
                Code::Forbidden,
                format!("This server is read-only, so {} is switched off. Nothing was changed.", tool.name),
                "Ask the person who runs it, or use the command line.",
            ));
        }
        if rules::allows(caller.powers, verb) {
            return Ok(());
        }
        Err(Refusal::new(
            Code::Forbidden,
            format!(
                "{} needs the right {verb}, which {} does not have. Nothing was changed.",
                tool.name, caller.standing
            ),
            "Ask an owner or admin of the workspace for a token with a wider scope.",
        ))
    }

    fn offers(&self) -> Offers {
        Offers { documents: true, prompts: true, completions: true }
    }

    /// Whoever moves key dates is asked first, where a client can ask.
    async fn question(
        &self,
        who: &Principal,
        tool: &str,
        arguments: &JsonObject,
    ) -> Result<Option<String>, Refusal> {
        let plan = arguments.get("plan_token").and_then(|token| token.as_str()?.parse::<PlanId>().ok());
        let (true, Some(plan)) = (tool == "key_dates_apply", plan) else { return Ok(None) };
        let outline = self.host.look(who, move |cx| outline(cx, plan)).await?;
        Ok(outline.as_ref().map(tools::question))
    }

    async fn seal(&self) -> [u8; 32] {
        match self.host.keys().await {
            Ok(keys) => keys.request_state(),
            // Without the installation's key an answer counts with the process that asked.
            Err(_) => self.seal,
        }
    }

    async fn documents(&self, who: &Principal, cursor: Option<String>) -> Result<ListResourcesResult, Refusal> {
        self.list_documents(who, cursor).await
    }

    fn document_templates(&self, who: &Principal) -> Vec<ResourceTemplate> {
        documents::templates(who)
    }

    async fn read(&self, who: &Principal, uri: &str) -> Result<ResourceContents, Refusal> {
        self.read_document(who, uri).await
    }

    fn can_change(&self, uri: &str) -> bool {
        documents::Address::parse(uri).is_some()
    }

    async fn changes(&self, who: Principal, uris: Vec<String>, tell: mpsc::Sender<String>) {
        self.changes.follow(&self.host, who, uris, tell).await;
    }

    fn prompts(&self, who: &Principal) -> Vec<Prompt> {
        prompts::all(who)
    }

    async fn prompt(
        &self,
        who: &Principal,
        name: &str,
        arguments: JsonObject,
    ) -> Result<GetPromptResult, Refusal> {
        self.get_prompt(who, name, arguments).await
    }

    async fn complete(&self, who: &Principal, typing: Typing) -> Result<Vec<String>, Refusal> {
        match &typing.of {
            Typed::Prompt(name) => self.complete_argument(who, name, &typing).await,
            Typed::Document(template) => self.complete_address(who, template, &typing).await,
        }
    }

    fn count(&self, caller: &Principal, tool: Option<&Tool>, over_http: bool) -> Result<(), Refusal> {
        if !over_http {
            self.host.count_call(caller)?;
        }
        tool.map_or(Ok(()), |tool| self.host.count_tool(caller, &tool.name, !only_looks(tool)))
    }

    fn begin(&self, caller: &mut Principal, call: &Begun) -> Box<dyn Record> {
        Box::new(Noted::begin(&self.host, caller, call))
    }
}

impl Milepost {
    /// Runs a verb once for its key and reads its receipt back.
    pub(crate) async fn write<C, T, F>(
        &self,
        who: &Principal,
        key: Option<String>,
        verb: &'static str,
        command: C,
        f: F,
    ) -> Result<(T, Option<Proof>), Refusal>
    where
        C: Serialize + Send + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnMut(&mut Cx<'_>) -> Result<T, No> + Send + 'static,
    {
        let key = key.as_deref().map(Key::parse).transpose().map_err(|problem| Refusal::invalid(vec![problem]))?;
        let Answer { value, receipts, .. } = self.host.act_once(who, key, verb, command, f).await?;
        let proof = self.proof(who, receipts).await?;
        Ok((value, proof))
    }

    pub(crate) async fn proof(&self, who: &Principal, receipts: Vec<Receipt>) -> Result<Option<Proof>, Refusal> {
        self.host.look(who, move |cx| event_log::ops::proof(cx, &receipts)).await
    }
}

/// Who holds this bearer token.
pub(crate) async fn admit(host: Host, options: Options, token: Option<String>) -> Result<Principal, Refusal> {
    match (token, options.no_auth) {
        (_, Some(everybody)) => Ok(everybody),
        (Some(token), None) => host.authenticate_agent(&token).await,
        (None, None) => Err(Refusal::new(
            Code::Unauthenticated,
            "This call came without a token. Nothing was done.",
            "Send Authorization: Bearer milep_...; an admin makes one with milepost token create.",
        )),
    }
}

/// A tool's arguments with an idempotency key beside them.
#[derive(Clone, Debug)]
pub struct Keyed<T> {
    pub command: T,
    pub idempotency_key: Option<String>,
}

const KEY: &str = "idempotency_key";

impl<'de, T: DeserializeOwned> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut members = serde_json::Map::deserialize(deserializer)?;
        let idempotency_key = match members.remove(KEY) {
            None | Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::String(key)) => Some(key),
            Some(_) => return Err(D::Error::custom("idempotency_key must be a text")),
        };
        let command = T::deserialize(serde_json::Value::Object(members)).map_err(D::Error::custom)?;
        Ok(Self { command, idempotency_key })
    }
}

impl<T: JsonSchema> JsonSchema for Keyed<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Keyed{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = T::json_schema(generator);
        if let Some(serde_json::Value::Object(properties)) =
            schema.as_object_mut().and_then(|schema| schema.get_mut("properties"))
        {
            properties.insert(
                KEY.into(),
                serde_json::json!({
                    "type": "string",
                    "description": "The same key gets the same answer: repeat a call safely with it.",
                    "minLength": 1,
                    "maxLength": 200,
                }),
            );
        }
        schema
    }
}
