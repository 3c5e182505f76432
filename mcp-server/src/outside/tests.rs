//! Lines to a server in the same process, which does what it is told to.

use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::line::{Broken, Line};
use super::*;
use crate::fixture::{Token, server};
use crate::stdio;

async fn open(patience: Duration) -> Result<(Line, Tools), String> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (read, write) = tokio::io::split(far);
    let handler = server().with_local(Token("anna"));
    tokio::spawn(stdio::serve(handler, read, write, stdio::MOST_BYTES, CancellationToken::new()));
    Line::over(tokio::io::split(near), None, patience, jiff::Timestamp::UNIX_EPOCH).await
}

fn request(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone())
}

#[tokio::test]
async fn a_line_knows_the_tools_and_what_can_be_repeated_and_calls_them() {
    let (line, tools) = open(Duration::from_secs(5)).await.unwrap();
    let known: Vec<(&str, bool)> = tools.tools.iter().map(|tool| (tool.name.as_str(), tool.repeatable)).collect();
    assert_eq!(known, [("echo", true), ("panic", true), ("wait", true)]);
    let result = line.call(request("echo", json!({"text": "hi"}))).await.unwrap();
    assert_eq!(result.structured_content.unwrap()["said"], json!(["hi"]));
    assert!(line.is_open());
    // The same server has the same hash, whenever it is asked.
    assert_eq!(open(Duration::from_secs(5)).await.unwrap().1.hash, tools.hash);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_does_not_answer_is_given_up_in_time() {
    let (line, _) = open(Duration::from_secs(5)).await.unwrap();
    let lost = line.call(request("wait", json!({}))).await.unwrap_err();
    assert!(matches!(&lost, Broken::Lost(why) if why == "no answer came within 5 s"), "{lost:?}");
    let said = line.call(request("ecko", json!({}))).await.unwrap_err();
    assert!(matches!(&said, Broken::Said(why) if why.contains("There is no tool ecko")), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let (near, _far) = tokio::io::duplex(64);
    let opened =
        Line::over(tokio::io::split(near), None, Duration::from_secs(7), jiff::Timestamp::UNIX_EPOCH).await;
    assert_eq!(opened.err().as_deref(), Some("it did not answer within 7 s"));
}

#[test]
fn an_answer_is_bounded_and_shows_nothing_that_is_hidden() {
    let said = |text: &str| CallToolResult::success(vec![ContentBlock::text(text)]);
    let clean =
        answered("mailer", "check", said("fine\u{202e}\u{e0041}\u{1b}[31m\nnext\u{200b} line"), 3).unwrap();
    assert_eq!(clean.text, "fine[31m\nnext line");
    let long = answered("mailer", "check", said(&"x".repeat(100_000)), 3).unwrap();
    assert_eq!(long.text.len(), MOST_TEXT);
    let absurd = answered("mailer", "check", said(&"x".repeat(MOST_ANSWER)), 3).unwrap_err();
    assert!(absurd.sentence.contains("nobody looked at"), "{absurd}");
}
