//! The product's face for agents: which tools there are, who may use them, and what a model is told first.

use domain::insight::event_log::{self, Proof};
use domain::kernel::idempotency::{Answer, Key};
use domain::kernel::{Code, Cx, No, Principal, Receipt, Refusal, Source};
use domain::workspace::access::{Verb, rules};
use host::Host;
use rmcp::model::{Implementation, Tool};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::server::{Caller, Face};

/// What of the server a client gets, as upper bounds that no client can loosen.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Everybody is this principal; no token is asked for. For local protocol tools only.
    pub no_auth: Option<Principal>,
    /// Only tools that read.
    pub read_only: bool,
}

pub struct Milepost {
    pub(crate) host: Host,
    pub(crate) read_only: bool,
}

impl Caller for Principal {
    fn key(&self) -> String {
        format!("{}/{}/{}", self.workspace, self.actor.key(), self.powers)
    }
}

/// The right that a tool needs before anything else is looked at. The verbs behind it ask again.
fn verb(tool: &str) -> Option<Verb> {
    Some(match tool {
        "deal_get" | "deal_list" | "milestone_list" | "milestone_explain" => Verb::ReadDeals,
        "deal_create" => Verb::CreateDeal,
        "deal_update" => Verb::EditDeal,
        "milestone_add" => Verb::AddMilestone,
        "milestone_update" => Verb::EditMilestone,
        "milestone_complete" => Verb::CompleteMilestone,
        "milestone_waive" => Verb::WaiveMilestone,
        "milestone_remove" => Verb::RemoveMilestone,
        "key_dates_preview" => Verb::PreviewKeyDates,
        "key_dates_apply" => Verb::ApplyKeyDates,
        "approval_list" => Verb::ReadApprovals,
        "delivery_list" => Verb::ReadDeliveries,
        "draft_get" => Verb::ReadDrafts,
        "draft_propose" => Verb::ProposeDraft,
        "policy_preview" => Verb::PreviewPolicy,
        _ => return None,
    })
}

impl Face for Milepost {
    type Caller = Principal;

    fn about(&self) -> Implementation {
        Implementation::new("milepost", env!("CARGO_PKG_VERSION")).with_title("Milepost")
    }

    fn instructions(&self) -> String {
        include_str!("instructions.md").to_owned()
    }

    fn allows(&self, caller: &Principal, tool: &Tool) -> Result<(), Refusal> {
        let reads = tool.annotations.as_ref().and_then(|hints| hints.read_only_hint) == Some(true);
        if self.read_only && !reads {
            return Err(Refusal::new(
                Code::Forbidden,
                format!("This server is read-only, so {} is switched off. Nothing was changed.", tool.name),
                "Ask the person who runs it, or use the command line.",
            ));
        }
        match verb(&tool.name) {
            Some(verb) if rules::allows(caller.powers, verb) => Ok(()),
            Some(verb) => Err(Refusal::new(
                Code::Forbidden,
                format!(
                    "{} needs the right {verb}, which {} does not have. Nothing was changed.",
                    tool.name, caller.standing
                ),
                "Ask an owner or admin of the workspace for a token with a wider scope.",
            )),
            // A tool that nobody gave a right to is nobody's.
            None => Err(Refusal::not_found("tool")),
        }
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
        (Some(token), None) => host.authenticate(&token, Source::Mcp).await,
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
