use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RunningService, ServiceError};
use rmcp::{RoleClient, model::ErrorCode};
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Echo, Token, client, eras, server};

type Client = RunningService<RoleClient, ()>;

async fn call(client: &Client, tool: &'static str, arguments: Value) -> Result<CallToolResult, ServiceError> {
    let arguments = arguments.as_object().unwrap().clone();
    client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await
}

/// A tool result's content, which says the same in text and in structure.
#[track_caller]
fn content(result: CallToolResult, is_error: bool) -> Value {
    assert_eq!(result.is_error, Some(is_error), "{result:?}");
    let structured = result.structured_content.unwrap();
    let text: Value = serde_json::from_str(&result.content[0].as_text().unwrap().text).unwrap();
    assert_eq!(text, structured);
    structured
}

#[tokio::test]
async fn a_call_is_answered_in_both_eras_and_knows_who_calls() {
    for era in eras() {
        let client = client(Token("anna"), era).await;
        let answer = content(call(&client, "echo", json!({"text": "hi", "times": 2})).await.unwrap(), false);
        assert_eq!(answer, json!({"said": ["hi", "hi"], "caller": "anna"}));
        client.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_has_a_code_a_sentence_and_what_to_do_next() {
    for era in eras() {
        let client = client(Token("anna"), era).await;
        let answer = content(call(&client, "echo", json!({"text": "swear"})).await.unwrap(), true);
        let expected =
            json!({"code": "wrong_state", "sentence": "That is not said here.", "next": "Say something else."});
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn wrong_arguments_are_all_named_in_a_result_that_the_model_sees() {
    for era in eras() {
        let client = client(Token("anna"), era).await;
        let answer = content(call(&client, "echo", json!({"txt": "hi", "times": 9})).await.unwrap(), true);
        assert_eq!(answer["code"], "invalid");
        let fields: Vec<_> = answer["problems"].as_array().unwrap().iter().map(|p| p["field"].clone()).collect();
        assert_eq!(fields, ["text", "times", "txt"]);
        assert!(answer["sentence"].as_str().unwrap().contains("Did you mean `text`?"), "{answer}");
    }
}

#[tokio::test]
async fn a_panic_in_a_tool_is_answered_and_the_connection_lives_on() {
    for era in eras() {
        let client = client(Token("anna"), era).await;
        let answer = content(call(&client, "panic", json!({})).await.unwrap(), true);
        let sentence = "Something went wrong on our side (id x1). Nothing is known to have changed.";
        assert_eq!(answer["sentence"], sentence);
        content(call(&client, "echo", json!({"text": "still here"})).await.unwrap(), false);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_never_ends_is_given_up_after_thirty_seconds() {
    for era in eras() {
        let client = client(Token("anna"), era).await;
        let answer = content(call(&client, "wait", json!({})).await.unwrap(), true);
        assert!(answer["sentence"].as_str().unwrap().contains("longer than 30 seconds"), "{answer}");
    }
}

#[tokio::test]
async fn an_unknown_tool_is_told_the_nearest_name() {
    for era in eras() {
        let client = client(Token("anna"), era).await;
        let Err(ServiceError::McpError(error)) = call(&client, "ecko", json!({})).await else { panic!() };
        assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
        assert_eq!(error.message, "There is no tool ecko. Nothing was done. Did you mean echo?");
    }
}

#[tokio::test]
async fn a_tool_that_was_renamed_answers_under_its_old_name_and_is_listed_under_the_new_one() {
    for era in eras() {
        let client = client(Token("anna"), era).await;
        let answer = content(call(&client, "parrot", json!({"text": "hi"})).await.unwrap(), false);
        assert_eq!(answer["said"], json!(["hi"]));
        let list = client.list_tools(None).await.unwrap();
        assert!(list.tools.iter().all(|tool| tool.name != "parrot"));
    }
}

#[tokio::test]
async fn a_caller_sees_only_the_tools_they_may_use_and_is_told_why_about_the_others() {
    for era in eras() {
        let modern = era != eras()[0];
        let client = client(Token("guest"), era).await;
        let list = client.list_tools(None).await.unwrap();
        let names: Vec<_> = list.tools.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(names, ["echo", "wait"]);
        assert_eq!(list.cache_scope, modern.then_some(CacheScope::Private));
        let answer = content(call(&client, "panic", json!({})).await.unwrap(), true);
        assert_eq!(answer["code"], "forbidden");
    }
}

#[tokio::test]
async fn the_server_introduces_itself() {
    for era in eras() {
        let client = client(Token("anna"), era).await;
        let info = client.peer_info().unwrap();
        assert_eq!(info.instructions.as_deref(), Some("Says what it is told."));
    }
}

#[test]
fn every_tool_keeps_the_contract() {
    let wrong: Vec<_> = server().tools().iter().flat_map(contract::check_tool).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn two_tools_of_one_name_stop_the_start() {
    let twice = Server::new(Echo, [Echo::echo_tools(), Echo::echo_tools()], Guard::default());
    assert_eq!(twice.err(), Some(DuplicateTool("echo".into())));
}
