//! The record of calls: every call of a tool is noted when it ends, however it ends.

use std::sync::Arc;
use std::time::Duration;

use domain::insight::calls::Ended;
use domain::kernel::call::{Call, CallRow};
use domain::kernel::canonical::{self, hex, sha256};
use domain::kernel::{Principal, text};
use host::Host;
use rmcp::ErrorData;
use rmcp::model::{CallToolRequestParams, CallToolResponse, RequestId, Tool};
use serde_json::Value;

/// Letters of a name that no tool has, and of what a program calls its request, that are kept.
const MOST_NAME: usize = 100;
const MOST_REQUEST_ID: usize = 200;

/// A call before anything is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// As it was asked for; there may be no such tool.
    pub tool: String,
    pub is_known: bool,
    /// Whether the tool says that it changes nothing.
    pub only_looks: bool,
    /// SHA-256 of the arguments in their canonical form, in hexadecimal.
    pub arguments_hash: String,
    /// What the protocol names the request by, as JSON.
    pub request_id: String,
}

impl Begun {
    pub(crate) fn of(request: &CallToolRequestParams, id: &RequestId, tool: Option<&Tool>) -> Self {
        let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
        let name = text::legible(&request.name);
        Self {
            tool: name.chars().take(MOST_NAME).collect(),
            is_known: tool.is_some(),
            only_looks: tool.is_none_or(only_looks),
            arguments_hash: hex(&sha256(&[&canonical::bytes(&arguments)])),
            request_id: text::legible(&id.clone().into_json_value().to_string())
                .chars()
                .take(MOST_REQUEST_ID)
                .collect(),
        }
    }
}

/// Whether a tool says that it changes nothing.
pub(crate) fn only_looks(tool: &Tool) -> bool {
    tool.annotations.as_ref().and_then(|hints| hints.read_only_hint) == Some(true)
}

/// Notes how a call ended. Dropped before it was told, it notes that nobody waited for the answer.
pub trait Record: Send {
    fn ended(&mut self, outcome: &str);
}

/// Nothing is kept.
impl Record for () {
    fn ended(&mut self, _outcome: &str) {}
}

/// How a call ended, in one word: `ok`, the code of a refusal, `input_required`, `begun` (it goes on by itself),
/// `no_such_tool`, `error`.
pub(crate) fn outcome(begun: &Begun, answer: &Result<CallToolResponse, ErrorData>) -> String {
    match answer {
        Ok(CallToolResponse::Complete(result)) if result.is_error == Some(true) => {
            let code = result.structured_content.as_ref().and_then(|content| content.get("code")?.as_str());
            code.unwrap_or("error").to_owned()
        }
        Ok(CallToolResponse::Complete(_)) => "ok".into(),
        Ok(CallToolResponse::InputRequired(_)) => "input_required".into(),
        Ok(_) => "begun".into(),
        Err(_) if !begun.is_known => "no_such_tool".into(),
        Err(_) => "error".into(),
    }
}

/// A call that the host writes down.
pub(crate) struct Noted {
    host: Host,
    who: Principal,
    call: Arc<Call>,
    only_looks: bool,
    /// On the host's monotonic clock.
    began: Duration,
    outcome: String,
}

impl Noted {
    /// Begins to note a call. Whatever its caller changes carries its id from here on.
    pub fn begin(host: &Host, who: &mut Principal, begun: &Begun) -> Self {
        let call = Arc::new(Call {
            id: host.mint_call(),
            at: host.clock().now(),
            tool: begun.tool.clone(),
            arguments_hash: begun.arguments_hash.clone(),
            request_id: begun.request_id.clone(),
        });
        who.call = Some(call.clone());
        Self {
            host: host.clone(),
            who: who.clone(),
            call,
            only_looks: begun.only_looks,
            began: host.clock().elapsed(),
            outcome: "cut_off".into(),
        }
    }
}

impl Record for Noted {
    fn ended(&mut self, outcome: &str) {
        self.outcome = outcome.to_owned();
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let took = self.host.clock().elapsed().saturating_sub(self.began);
        let row = CallRow {
            outcome: Some(std::mem::take(&mut self.outcome)),
            duration_ms: i64::try_from(took.as_millis()).ok(),
            ..CallRow::begun(&self.who, &self.call)
        };
        self.host.note_call(Ended { row, only_looks: self.only_looks });
    }
}

#[cfg(test)]
mod tests {
    use domain::insight::calls::{CallView, ops};
    use domain::kernel::Source;
    use domain::workspace::tenant::ops::{Found, found};
    use serde_json::json;

    use super::*;

    fn request(arguments: Value) -> CallToolRequestParams {
        CallToolRequestParams::new("deal_list").with_arguments(arguments.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn the_same_arguments_have_the_same_hash_however_they_are_written() {
        let hash = |arguments| Begun::of(&request(arguments), &RequestId::Number(1), None).arguments_hash;
        assert_eq!(hash(json!({"a": 1, "b": [true]})), hash(json!({"b": [true], "a": 1})));
        assert_ne!(hash(json!({"a": 1})), hash(json!({"a": "1"})));
        let none = Begun::of(&CallToolRequestParams::new("x"), &RequestId::Number(1), None).arguments_hash;
        assert_eq!(none, hash(json!({})));
    }

    #[test]
    fn what_a_program_chose_is_kept_short_and_legible() {
        let name = format!("drop\u{1b}[31m\u{202e}{}", "x".repeat(10_000));
        let id = RequestId::String("\u{200b}".repeat(1_000).into());
        let begun = Begun::of(&CallToolRequestParams::new(name), &id, None);
        assert_eq!(begun.tool.chars().count(), MOST_NAME);
        assert!(begun.tool.starts_with("drop [31m xx"), "{}", begun.tool);
        assert!(!begun.request_id.contains('\u{200b}'), "{:?}", begun.request_id);
    }

    #[tokio::test]
    async fn a_call_that_nobody_waits_for_is_noted_as_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::open(host::Config::default(), folder.path()).unwrap();
        let workspace = domain::kernel::id::WorkspaceId(host.mint());
        let mut who = host.operator(workspace, "setup", Source::Mcp);
        let new = Found {
            slug: "lakeside".into(),
            name: "Lakeside".into(),
            time_zone: "America/Chicago".into(),
            owner_name: "Olga Owens".into(),
            owner_email: "olga@example.com".into(),
        };
        host.act(&who, move |cx| found(cx, &new)).await.unwrap();
        let begun = Begun::of(&request(json!({})), &RequestId::Number(1), None);
        let mut finished = Noted::begin(&host, &mut who, &begun);
        finished.ended("ok");
        drop(finished);
        drop(Noted::begin(&host, &mut who, &begun));
        assert!(host.write_calls().await);
        let page = host.look(&who, |cx| ops::list(cx, &ops::ListCalls::default())).await.unwrap();
        let outcomes: Vec<_> = page.items.into_iter().map(|CallView { outcome, .. }| outcome.unwrap()).collect();
        assert_eq!(outcomes, ["cut_off", "ok"]);
    }
}
