//! An agent's client program and the real binary: over standard input and output, and over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle};
use serde_json::{Value, json};

use super::{BINARY, found_a_workspace, json_of, ok};

async fn call(agent: &RunningService<RoleClient, ()>, tool: &str, arguments: Value) -> Value {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
    let result = agent.call_tool(request).await.unwrap();
    assert_ne!(result.is_error, Some(true), "{tool}: {result:?}");
    result.structured_content.unwrap()
}

#[test]
fn an_agent_runs_a_deal_through_the_binary_in_both_protocol_eras() {
    let folder = tempfile::tempdir().unwrap();
    found_a_workspace(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let modern = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    for (era, lifecycle) in [("legacy", ClientLifecycleMode::Initialize), ("modern", modern)] {
        runtime.block_on(run_a_deal(folder.path(), era, lifecycle));
    }
    let verdict = json_of(folder.path(), &["audit", "verify", "--json"]);
    assert!(verdict.to_string().contains("\"first_break\":null"), "{verdict}");
}

async fn run_a_deal(data: &Path, era: &str, lifecycle: ClientLifecycleMode) {
    let mut server = tokio::process::Command::new(BINARY)
        .args(["mcp", "--data"])
        .arg(data)
        .env_clear()
        .env("MILEPOST_CLOCK__AT", super::NOW)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pipes = (server.stdout.take().unwrap(), server.stdin.take().unwrap());
    let agent = serve_client_with_lifecycle((), pipes, lifecycle).await.unwrap();
    let new = json!({
        "title": format!("12 Oak Street ({era})"), "address": "12 Oak Street, Chicago", "side": "buyer",
        "financing": "va", "time_zone": "America/Chicago",
        "key_dates": {"contract_date": "2026-11-20", "closing_date": "2027-01-15"},
    });
    let created = call(&agent, "deal_create", new).await;
    let milestone = |of: &Value, type_: &str| {
        of["milestones"].as_array().unwrap().iter().find(|m| m["type"] == type_).unwrap().clone()
    };
    let prep = milestone(&created, "closing_prep");
    let why = call(&agent, "milestone_explain", json!({"id": prep["id"]})).await;
    assert!(why["explanation"].as_str().unwrap().contains("7 calendar days before closing_date"), "{why}");
    let change = json!({"deal_id": created["deal"]["id"], "key_dates": {"closing_date": "2027-01-22"}});
    let preview = call(&agent, "key_dates_preview", change).await;
    let applied = call(&agent, "key_dates_apply", json!({"plan_token": preview["plan_token"]})).await;
    assert_eq!(milestone(&applied, "closing_prep")["due_on"], "2027-01-15");
    let done = call(&agent, "milestone_complete", json!({"id": prep["id"]})).await;
    assert_eq!(done["milestone"]["status"], "completed");
    agent.cancel().await.unwrap();
    assert!(server.wait().await.unwrap().success());
}

/// A server that goes away with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            line.split("http://").nth(1).map(|rest| rest.split(['/', ' ']).next().unwrap_or_default().to_owned())
        });
        // The pipe is read on, so that the server can go on writing.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.unwrap() }
    }

    /// Status and body of the answer.
    #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
    fn ask(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{head}Host: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_server_answers_agents_who_bring_a_token_while_the_command_line_works_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    found_a_workspace(data);
    let made = json_of(data, &["token", "create", "--agent", "scheduler", "--scope", "read", "--json"]);
    let text = made.to_string();
    let at = text.find("milep_mcp_").unwrap();
    let token = &text[at..at + 46];
    let server = Server::start(data);
    assert_eq!(server.ask("GET /healthz/readiness HTTP/1.1\r\n", "").0, 200);
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"deal_list","arguments":{}}}"#;
    let post = |token: &str| {
        format!(
            "POST /mcp HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n"
        )
    };
    ok(data, &super::CREATE);
    let (status, body) = server.ask(&post(token), list);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("12 Oak Street"), "{body}");
    let id = made["token"]["id"].as_str().unwrap().to_owned();
    ok(data, &["token", "revoke", &id]);
    assert_eq!(server.ask(&post(token), list).0, 401);
}
