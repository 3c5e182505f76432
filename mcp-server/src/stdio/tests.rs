use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, DuplexStream};

use super::*;
use crate::fixture::{Token, server};

/// Sends `input`, ends it, and gives back everything that was answered.
async fn conversation(input: impl AsRef<[u8]>, most: usize) -> Vec<Value> {
    let (mut near, far): (DuplexStream, _) = tokio::io::duplex(1 << 22);
    let (read, write) = tokio::io::split(far);
    near.write_all(input.as_ref()).await.unwrap();
    near.shutdown().await.unwrap();
    let handler = server().with_local(Token("anna"));
    serve(handler, read, write, most, CancellationToken::new()).await.unwrap();
    let mut said = String::new();
    near.read_to_string(&mut said).await.unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn call(id: u32, arguments: &str) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}
    });
    let params = format!(r#"{{"name":"echo","arguments":{arguments},"_meta":{meta}}}"#);
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{params}}}\n")
}

#[track_caller]
fn find(answers: &[Value], id: Value) -> &Value {
    answers.iter().find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("no {id} in {answers:?}"))
}

#[tokio::test]
async fn a_bad_line_is_answered_and_the_next_one_is_served() {
    let good = call(2, r#"{"text":"hi"}"#);
    let duplicate = call(3, r#"{"text":"a","text":"b"}"#);
    let nul = call(4, r#"{"text":"a\u0000b"}"#);
    let lines = format!("this is not json\n{duplicate}{nul}[{good}]\n\n{good}");
    let answers = conversation(lines.replace("}\n]", "}]"), MOST_BYTES).await;
    assert_eq!(answers.len(), 5, "{answers:?}");
    assert_eq!(find(&answers, Value::Null)["error"]["code"], -32700);
    assert_eq!(find(&answers, 3.into())["error"]["data"]["path"], "params.arguments.text");
    assert_eq!(find(&answers, 4.into())["error"]["code"], -32600);
    assert_eq!(find(&answers, 2.into())["result"]["structuredContent"]["said"], json!(["hi"]));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_answered_and_forgotten() {
    let long = call(1, &format!(r#"{{"text":"{}"}}"#, "x".repeat(1 << 20)));
    let answers = conversation(long + &call(2, r#"{"text":"hi"}"#), 4096).await;
    assert_eq!(answers.len(), 2, "{answers:?}");
    let sentence = "The line has more than 4096 bytes. Nothing was done. Send less at once.";
    assert_eq!(find(&answers, Value::Null)["error"]["message"], sentence);
    assert_eq!(find(&answers, 2.into())["result"]["isError"], false);
}

#[tokio::test]
async fn a_hundred_thousand_nested_lists_are_one_bad_line() {
    let deep = call(1, &format!(r#"{{"text":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)));
    let answers = conversation(deep + &call(2, r#"{"text":"hi"}"#), MOST_BYTES).await;
    assert_eq!(find(&answers, 1.into())["error"]["code"], -32600);
    assert_eq!(find(&answers, 2.into())["result"]["isError"], false);
}

#[tokio::test]
async fn the_last_line_counts_without_its_line_end() {
    let answers = conversation(call(1, r#"{"text":"hi"}"#).trim_end(), MOST_BYTES).await;
    assert_eq!(answers[0]["result"]["structuredContent"]["caller"], "anna");
}

#[tokio::test]
async fn what_comes_before_the_first_request_does_not_end_the_server() {
    let early = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}\n";
    let answers = conversation(early.to_owned() + &call(1, r#"{"text":"hi"}"#), MOST_BYTES).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_client_that_leaves_at_once_is_no_error() {
    assert_eq!(conversation("", MOST_BYTES).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_known_method_with_wrong_parameters_is_not_called_unknown() {
    let line = call(1, "[]");
    let answers = conversation(line, MOST_BYTES).await;
    assert_eq!(answers[0]["error"]["code"], -32602, "{answers:?}");
    assert!(answers[0]["error"]["message"].as_str().unwrap().contains("tools/call"), "{answers:?}");
}
