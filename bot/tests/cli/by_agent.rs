//! An agent's client program and the real binary: over standard input and output, and over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle};
use serde_json::{Value, json};

use super::{Running, Terminal, text};

async fn call(agent: &RunningService<RoleClient, ()>, tool: &str, arguments: Value) -> Value {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
    let result = agent.call_tool(request).await.unwrap();
    assert_ne!(result.is_error, Some(true), "{tool}: {result:?}");
    result.structured_content.unwrap()
}

#[test]
fn an_agent_runs_a_deal_through_the_binary_in_both_protocol_eras() {
    let t = Terminal::new();
    t.setup("lakeside");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let modern = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    for (era, lifecycle) in [("legacy", ClientLifecycleMode::Initialize), ("modern", modern)] {
        runtime.block_on(run_a_deal(&t, era, lifecycle));
    }
    assert_eq!(t.json(&["audit", "verify"])["whole"], true);
    // Every call was written down when its server ended.
    assert_eq!(t.json(&["audit", "calls", "--tool", "milestone_explain"])["calls"].as_array().unwrap().len(), 2);
    shows!("audit_calls", t.ok(&["audit", "calls", "--agent", "local agent", "--limit", "5"]));
    let changes = t.json(&["audit", "calls", "--changes", "--tool", "key_dates_apply"]);
    let ids = changes["calls"].as_array().unwrap().iter().map(|call| text(&call["id"]));
    // The clock stands, so either of the two may be listed first.
    let place = |id: &String| t.json(&["audit", "calls", id])["events"][0]["sequence"].as_u64();
    shows!("audit_call", t.ok(&["audit", "calls", &ids.min_by_key(place).unwrap()]));
    shows!("audit_calls_none", t.ok(&["audit", "calls", "--outcome", "forbidden"]));
    assert_eq!(t.run(&["audit", "calls", "01a1fd55-be28-7001-94fe-4d75c7f177f1"]).code, 3);
}

async fn run_a_deal(t: &Terminal, era: &str, lifecycle: ClientLifecycleMode) {
    let mut server = tokio::process::Command::from(t.command(&["mcp"]))
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

impl Running {
    /// Status and body of the answer.
    #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
    pub(super) fn ask(&self, head: &str, body: &str) -> (u16, String) {
        let address = self.1.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "{head}Host: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }
}

#[test]
fn the_server_answers_agents_who_bring_a_token_while_the_command_line_works_beside_it() {
    let t = Terminal::new();
    t.setup("lakeside");
    let made = t.json(&["token", "create", "--agent", "scheduler", "--scope", "read"]);
    let token = text(&made["secret"]);
    let (server, _) = Running::start(&mut t.command(&["serve"]));
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"deal_list","arguments":{}}}"#;
    let post = |token: &str| {
        format!(
            "POST /mcp HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n"
        )
    };
    t.deal();
    let (status, body) = server.ask(&post(&token), list);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("12 Oak Street"), "{body}");
    t.ok(&["token", "revoke", &text(&made["token"]["id"])]);
    assert_eq!(server.ask(&post(&token), list).0, 401);
}
