//! The fixture's tools.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock,
    ElicitRequestParams, ElicitResult, ElicitationAction, InputRequest, InputRequiredResult, JsonObject,
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProtocolVersion,
};
use rmcp::service::{RequestContext, ServiceError};
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use crate::ask::{self, Answers};
use crate::jobs;
use crate::offer::{Change, Offer, WATCHED};
use crate::resources::IMAGE;
use crate::session::Session;

/// One sample of silence.
const SOUND: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQEAAACAAA==";

pub async fn call(
    offer: &Offer,
    session: &Session,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let name = request.name.as_ref();
    if offer.tool(name).is_none() {
        return Err(ErrorData::invalid_params("There is no such tool.", Some(json!({ "name": name }))));
    }
    let arguments = request.arguments.unwrap_or_default();
    if name.starts_with("test_input_required_result_") {
        let answers = Answers(request.input_responses.unwrap_or_default());
        let state = request.request_state.map(|sealed| offer.open(name, &sealed)).transpose()?;
        return asking(offer, name, &answers, state.as_ref(), context);
    }
    match name {
        "test_simple_text" => answer([text("This is a simple text response for testing.")]),
        "test_image_content" => answer([image()]),
        "test_audio_content" => answer([json!({ "type": "audio", "data": SOUND, "mimeType": "audio/wav" })]),
        "test_embedded_resource" => {
            answer([resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")])
        }
        "test_multiple_content_types" => answer([
            text("Multiple content types test:"),
            image(),
            resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
        ]),
        "test_error_handling" => failed("This tool intentionally returns an error for testing"),
        "test_tool_with_logging" => {
            for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                log(session, context, line).await?;
            }
            answer([text("Three lines were written to the log, if anybody reads it.")])
        }
        "test_logging_tool" => {
            log(session, context, "The tool was called").await?;
            answer([text("A line was written to the log, if anybody reads it.")])
        }
        "test_tool_with_progress" => {
            for done in [0.0, 50.0, 100.0] {
                progress(context, done).await?;
            }
            answer([text("Done.")])
        }
        "test_sampling" => sampling(context, &arguments).await,
        "test_elicitation" => {
            let fields = json!({
                "username": { "type": "string", "description": "User's response" },
                "email": { "type": "string", "description": "User's email address" },
            });
            let message = argument(&arguments, "message")?;
            elicitation(context, "User response", message, fields, &["username", "email"]).await
        }
        "test_elicitation_sep1034_defaults" => {
            let message = "Send this as it is, or change it.";
            elicitation(context, "Elicitation completed", message, filled_in(), &[]).await
        }
        "test_elicitation_sep1330_enums" => {
            elicitation(context, "Elicitation completed", "Choose.", choices(), &[]).await
        }
        "test_missing_capability" => {
            let client = context.client_capabilities().unwrap_or_default();
            if client.sampling.is_none() {
                let needed = ClientCapabilities::builder().enable_sampling().build();
                return Err(ErrorData::missing_required_client_capability(needed));
            }
            answer([text("The client has a model.")])
        }
        "test_streaming_elicitation" => {
            progress(context, 50.0).await?;
            match Answers(request.input_responses.unwrap_or_default()).text("user_name", "name") {
                Some(name) => answer([text(&format!("Hello, {name}!"))]),
                None => Ok(ask::required([("user_name", name_form())], None).into()),
            }
        }
        "test_trigger_tool_change" => changed(offer, Change::Tools),
        "test_trigger_prompt_change" => changed(offer, Change::Prompts),
        "test_trigger_resource_change" => changed(offer, Change::Resource(WATCHED.into())),
        "greet" => answer([text(&format!("Hello, {}!", argument(&arguments, "name")?))]),
        "slow_compute"
        | "failing_job"
        | "protocol_error_job"
        | "confirm_delete"
        | "multi_input"
        | "test_tool_with_task" => {
            let answers = Answers(request.input_responses.unwrap_or_default());
            jobs::call(&offer.tasks, name, &arguments, &answers, context).await
        }
        "test_x_mcp_header" => answer([text(argument(&arguments, "region")?)]),
        "json_schema_2020_12_tool" => answer([text(&Value::Object(arguments).to_string())]),
        _ => answer([text("Shown.")]),
    }
}

/// The tools that ask before they answer, the way of 2026-07-28.
fn asking(
    offer: &Offer,
    name: &str,
    answers: &Answers,
    state: Option<&Value>,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let seal = |state: Value| Some(offer.seal(name, &state));
    let questions = match name {
        "test_input_required_result_elicitation" => {
            if let Some(name) = answers.text("user_name", "name") {
                return answer([text(&format!("Hello, {name}!"))]);
            }
            ask::required([("user_name", name_form())], None)
        }
        "test_input_required_result_sampling" => {
            if let Some(written) = answers.written("capital_question") {
                return answer([text(&written)]);
            }
            ask::required([("capital_question", ask::model("What is the capital of France?", 100))], None)
        }
        "test_input_required_result_list_roots" => {
            if let Some(roots) = answers.roots("client_roots") {
                return answer([text(&format!("The roots are {}.", roots.join(", ")))]);
            }
            ask::required([("client_roots", ask::roots())], None)
        }
        "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => {
            if state.is_some() && answers.field("confirm", "ok") == Some(Value::Bool(true)) {
                return answer([text("state-ok")]);
            }
            let question = ask::form("Please confirm", "ok", "boolean");
            ask::required([("confirm", question)], seal(json!({ "asked": "confirm" })))
        }
        "test_input_required_result_multiple_inputs" => {
            let name = answers.text("user_name", "name");
            let greeting = answers.written("greeting");
            let roots = answers.roots("client_roots");
            if let (Some(name), Some(greeting), Some(roots), Some(_)) = (name, greeting, roots, state) {
                return answer([text(&format!("{greeting} {name}, {} roots", roots.len()))]);
            }
            let questions = [
                ("user_name", name_form()),
                ("greeting", ask::model("Generate a greeting", 50)),
                ("client_roots", ask::roots()),
            ];
            ask::required(questions, seal(json!({ "asked": "everything" })))
        }
        "test_input_required_result_multi_round" => {
            let name = state.and_then(|state| state["name"].as_str());
            if let (Some(name), Some(color)) = (name, answers.text("step2", "color")) {
                return answer([text(&format!("{name} likes {color}."))]);
            }
            let name = name.map(str::to_owned).or_else(|| state.and_then(|_| answers.text("step1", "name")));
            match name {
                None => {
                    let question = ask::form("Step 1: What is your name?", "name", "string");
                    ask::required([("step1", question)], seal(json!({})))
                }
                Some(name) => {
                    let question = ask::form("Step 2: What is your favorite color?", "color", "string");
                    ask::required([("step2", question)], seal(json!({ "name": name })))
                }
            }
        }
        _ => {
            let questions = ask::within(&context.client_capabilities().unwrap_or_default());
            if questions.is_empty() || questions.keys().all(|key| answers.0.contains_key(key)) {
                return answer([text(&format!("The client can answer {} questions.", questions.len()))]);
            }
            InputRequiredResult::from_input_requests(questions)
        }
    };
    Ok(questions.into())
}

fn name_form() -> InputRequest {
    ask::form("What is your name?", "name", "string")
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn image() -> Value {
    json!({ "type": "image", "data": IMAGE, "mimeType": "image/png" })
}

fn resource(uri: &str, kind: &str, text: &str) -> Value {
    json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } })
}

fn answer<const N: usize>(content: [Value; N]) -> Result<CallToolResponse, ErrorData> {
    let block = |content| serde_json::from_value::<ContentBlock>(content).expect("content of the protocol");
    Ok(CallToolResult::success(content.map(block).into()).into())
}

fn failed(why: &str) -> Result<CallToolResponse, ErrorData> {
    Ok(CallToolResult::error(vec![ContentBlock::text(why)]).into())
}

fn changed(offer: &Offer, change: Change) -> Result<CallToolResponse, ErrorData> {
    offer.change(change);
    answer([text("Changed.")])
}

fn argument<'a>(arguments: &'a JsonObject, name: &str) -> Result<&'a str, ErrorData> {
    let missing = || ErrorData::invalid_params(format!("The argument {name} is missing."), None);
    arguments.get(name).and_then(Value::as_str).ok_or_else(missing)
}

fn unsent(error: ServiceError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

/// Since 2026-07-28 a request says whether it wants the log; before, the session did.
async fn log(session: &Session, context: &RequestContext<RoleServer>, line: &str) -> Result<(), ErrorData> {
    let modern = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
    let wanted = match context.meta.log_level() {
        Some(level) => matches!(level, LoggingLevel::Debug | LoggingLevel::Info),
        None => !modern && session.wants_information(),
    };
    if wanted {
        let said = LoggingMessageNotificationParam::new(LoggingLevel::Info, line.into());
        context.peer.notify_logging_message(said).await.map_err(unsent)?;
    }
    Ok(())
}

async fn progress(context: &RequestContext<RoleServer>, done: f64) -> Result<(), ErrorData> {
    if let Some(token) = context.meta.get_progress_token() {
        let said = ProgressNotificationParam::new(token, done).with_total(100.0);
        context.peer.notify_progress(said).await.map_err(unsent)?;
    }
    Ok(())
}

async fn sampling(
    context: &RequestContext<RoleServer>,
    arguments: &JsonObject,
) -> Result<CallToolResponse, ErrorData> {
    let prompt = argument(arguments, "prompt")?;
    if context.client_capabilities().unwrap_or_default().sampling.is_none() {
        return failed("The client has no model to ask.");
    }
    let params = serde_json::from_value(ask::sampling(prompt, 100)).expect("parameters of the protocol");
    match context.peer.create_message(params).await {
        Ok(written) => {
            let written = written.message.content.first().and_then(|block| block.as_text());
            answer([text(&format!("LLM response: {}", written.map_or("", |block| &block.text)))])
        }
        Err(error) => failed(&format!("The client's model did not answer: {error}")),
    }
}

async fn elicitation(
    context: &RequestContext<RoleServer>,
    said: &str,
    message: &str,
    fields: Value,
    needed: &[&str],
) -> Result<CallToolResponse, ErrorData> {
    if context.client_capabilities().unwrap_or_default().elicitation.is_none() {
        return failed("The client cannot ask anybody.");
    }
    let schema = json!({ "type": "object", "properties": fields, "required": needed });
    let params: ElicitRequestParams =
        serde_json::from_value(json!({ "message": message, "requestedSchema": schema }))
            .expect("parameters of the protocol");
    match context.peer.create_elicitation(params).await {
        Ok(ElicitResult { action, content, .. }) => {
            let action = match action {
                ElicitationAction::Accept => "accept",
                ElicitationAction::Decline => "decline",
                _ => "cancel",
            };
            answer([text(&format!("{said}: action={action}, content={}", content.unwrap_or_default()))])
        }
        Err(error) => failed(&format!("Nobody was asked: {error}")),
    }
}

fn filled_in() -> Value {
    json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    })
}

fn choices() -> Value {
    let plain = json!(["option1", "option2", "option3"]);
    let titled = json!([
        { "const": "value1", "title": "First Option" },
        { "const": "value2", "title": "Second Option" },
        { "const": "value3", "title": "Third Option" },
    ]);
    json!({
        "untitledSingle": { "type": "string", "enum": plain },
        "titledSingle": { "type": "string", "oneOf": titled },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": plain } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled } },
    })
}
