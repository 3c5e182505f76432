//! Asking the person at the client before a call is made, where the client can ask one.
//!
//! Clients of 2026-07-28 get the question as the call's answer and repeat the call with what was said; those before it are
//! asked over their connection while the call waits. A yes is the client's word and approves nothing.

use std::time::Duration;

use domain::kernel::{Code, Refusal, canonical};
use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
    ElicitationSchema, InputRequest, InputRequests, InputRequiredResult, ProtocolVersion, RequestStateCodec,
    SealOptions,
};
use rmcp::service::RequestContext;
use serde_json::Value;

use super::{Caller, Face, Server, Word};
use crate::guard;

/// How long a person may think.
const PATIENCE: Duration = Duration::from_secs(600);
/// The question's name within one answer.
const QUESTION: &str = "confirm";

/// How a client can be asked.
enum Way {
    Not,
    /// It repeats the call with the answer.
    Again,
    /// It is asked while the call waits.
    Meanwhile,
}

fn way(context: &RequestContext<RoleServer>) -> Way {
    let forms = context.client_capabilities().and_then(|can| can.elicitation).is_some_and(|asks| {
        // A client that names no kind takes forms, as all did before there were kinds.
        asks.form.is_some() || asks.url.is_none()
    });
    let modern = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
    match (forms, modern) {
        (false, _) => Way::Not,
        (true, true) => Way::Again,
        (true, false) if super::lasts(context) => Way::Meanwhile,
        (true, false) => Way::Not,
    }
}

impl<F: Face> Server<F> {
    /// What the person at the client says to this call; as an error, what the call is answered with instead.
    pub(super) async fn asked(
        &self,
        caller: &F::Caller,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<Word, CallToolResponse> {
        let way = way(context);
        if matches!(way, Way::Not) {
            return Ok(Word::NotAsked);
        }
        let arguments = request.arguments.clone().unwrap_or_default();
        let question = self.inner.face.question(caller, &request.name, &arguments);
        let asking = async { question.await.map_err(|refusal| guard::carry(&refusal)) };
        let question = match self.inner.guard.other(&request.name, &context.ct, asking).await {
            Ok(Some(question)) => question,
            // What stands in the way of asking stands in the way of the call, which says it better.
            Ok(None) | Err(_) => return Ok(Word::NotAsked),
        };
        let form = form(&question);
        let said = match way {
            Way::Not => return Ok(Word::NotAsked),
            Way::Again => {
                let bound = [caller.key(), request.name.to_string()].join("\n").into_bytes();
                let bound = [bound, canonical::bytes(&Value::Object(arguments))].join(&b'\n');
                let codec = RequestStateCodec::new_unchecked(self.inner.face.seal().await);
                match answer(&codec, request, &bound) {
                    Some(said) => said.action,
                    None => {
                        let state = codec.seal_with(
                            question.as_bytes(),
                            &SealOptions::new().associated_data(&bound).ttl(PATIENCE),
                        );
                        let asked = InputRequest::Elicitation(ElicitRequest::new(form));
                        let asked = InputRequests::from([(QUESTION.to_owned(), asked)]);
                        return Err(InputRequiredResult::new(Some(asked), Some(state)).into());
                    }
                }
            }
            Way::Meanwhile => {
                let answered = tokio::select! {
                    answered = context.peer.create_elicitation_with_timeout(form, Some(PATIENCE)) => answered,
                    () = context.ct.cancelled() => return Err(not_done("The call was cancelled while a person was asked.")),
                };
                match answered {
                    Ok(said) => said.action,
                    Err(_) => {
                        return Err(not_done(
                            "The client did not bring an answer to the question that it was asked.",
                        ));
                    }
                }
            }
        };
        match said {
            ElicitationAction::Accept => Ok(Word::Yes),
            ElicitationAction::Decline => Err(not_done("The person at the client said no.")),
            _ => Err(not_done("The person at the client closed the question without an answer.")),
        }
    }
}

fn not_done(what: &str) -> CallToolResponse {
    let next = "Ask the person what they want instead. Do not repeat the call unless they say so.";
    guard::refused(&Refusal::new(Code::Declined, format!("{what} Nothing was changed."), next)).into()
}

/// A yes or no takes no fields.
fn form(question: &str) -> ElicitRequestParams {
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: question.to_owned(),
        requested_schema: ElicitationSchema::new(Default::default()),
    }
}

/// What was said to exactly this question of ours, not long ago. Whatever else came is no answer, and is asked anew.
fn answer(codec: &RequestStateCodec, request: &CallToolRequestParams, bound: &[u8]) -> Option<ElicitResult> {
    codec.open_with(request.request_state.as_deref()?, bound).ok()?;
    let said = request.input_responses.as_ref()?.get(QUESTION)?;
    serde_json::from_value(said.clone()).ok()
}
