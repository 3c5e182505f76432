//! Another agent's server as this program uses it: another Milepost, started as a program.

use std::path::Path;

use serde_json::{Value, json};

use super::{Terminal, process, text};

/// Writes the settings of `t`, with servers that are what `other` is when it is started with `arguments`.
fn name_servers(t: &Terminal, other: &Path, arguments: &[&str], first: &str) {
    let program = process::milepost(&[]).get_program().to_string_lossy().into_owned();
    let command = |program: &str| {
        let data = other.join("data").to_string_lossy().into_owned();
        let all: Vec<&str> = [&[program, "--data", &data, "mcp"], arguments].concat();
        serde_json::to_string(&all).unwrap()
    };
    let clock = "environment = { MILEPOST_CLOCK__AT = \"2026-12-04T15:00:00Z\" }";
    let settings = format!(
        "[servers.first]\nworkspaces = [\"lakeside\"]\ncommand = {}\n{clock}\nfallback = \"second\"\n\
         [servers.second]\nworkspaces = [\"lakeside\"]\ncommand = {}\n{clock}\n\
         [servers.theirs]\nworkspaces = [\"harbor\"]\ncommand = [\"agent\"]\n",
        command(if first.is_empty() { &program } else { first }),
        command(&program)
    );
    std::fs::write(t.0.path().join("milepost.toml"), settings).unwrap();
}

fn calls(t: &Terminal) -> Vec<Value> {
    let log = t.json(&["audit", "export"]);
    let all = log.as_array().unwrap().iter();
    all.filter(|event| event["event"] == "agent_server.called").map(|event| event["data"].clone()).collect()
}

#[test]
fn another_agents_tools_are_used_as_they_were_approved_and_no_longer_when_they_change() {
    let (t, other) = (Terminal::new(), Terminal::new());
    t.setup("lakeside");
    other.setup("elsewhere");
    other.deal();
    name_servers(&t, other.0.path(), &["--read-only"], "");
    let server = |args: &[&str]| t.run(&[&["agent-server"], args].concat());
    shows!("agent_servers_at_first", server(&["list"]));
    // What the settings name for another workspace is as if it were not there.
    let theirs = server(&["check", "theirs"]);
    assert_eq!((theirs.code, &theirs.err), (3, &server(&["check", "never"]).err));
    shows!("agent_server_that_is_stopped", server(&["call", "first", "deal_list"]));

    t.ok(&["agent-server", "start", "first"]);
    let seen = t.json(&["agent-server", "check", "first"]);
    assert_eq!(seen["server"]["standing"], "unapproved");
    let hash = text(&seen["server"]["found"]["hash"]);
    shows!("agent_server_whose_tools_nobody_approved", server(&["call", "first", "deal_list"]));
    shows!("agent_server_and_another_hash", server(&["approve", "first", "--hash", &"0".repeat(64)]));
    t.ok(&["agent-server", "approve", "first", "--hash", &hash]);
    let answer = t.json(&["agent-server", "call", "first", "deal_list"]);
    assert_eq!(answer["answer"]["structured"]["deals"][0]["title"], "12 Oak Street - Smith");
    shows!("agent_server_without_that_tool", server(&["call", "first", "deal_create"]));
    let wrong = t.json(&["agent-server", "call", "first", "deal_get", "--arguments", "{\"id\": 7}"]);
    assert_eq!(wrong["answer"]["failed"], true, "{wrong}");

    // Its program is another one now, and so are its tools.
    name_servers(&t, other.0.path(), &[], "");
    shows!("agent_server_whose_tools_changed", server(&["call", "first", "deal_list"]));
    let changed = t.json(&["agent-server", "check", "first"]);
    assert_eq!(changed["server"]["standing"], "changed");
    let added = changed["server"]["difference"]["added"].as_array().unwrap();
    assert!(added.contains(&json!("deal_create")), "{changed}");

    let outcomes: Vec<Value> = calls(&t).iter().map(|call| json!([call["tool"], call["outcome"]])).collect();
    let expected = json!([["deal_list", "answered"], ["deal_get", "tool_failed"], ["deal_list", "not_sent"]]);
    assert_eq!(Value::from(outcomes), expected);
    assert!(calls(&t).iter().all(|call| text(&call["arguments_hash"]).len() == 64));
    assert_eq!(t.json(&["audit", "verify"])["whole"], true);
}

#[test]
fn another_server_takes_the_place_of_one_that_is_not_reached() {
    let (t, other) = (Terminal::new(), Terminal::new());
    t.setup("lakeside");
    other.setup("elsewhere");
    other.deal();
    name_servers(&t, other.0.path(), &["--read-only"], "");
    for name in ["first", "second"] {
        t.ok(&["agent-server", "start", name]);
        let seen = t.json(&["agent-server", "check", name]);
        t.ok(&["agent-server", "approve", name, "--hash", &text(&seen["server"]["found"]["hash"])]);
    }
    name_servers(&t, other.0.path(), &["--read-only"], "/nonexistent/agent");
    let answer = t.json(&["agent-server", "call", "first", "deal_list"]);
    assert_eq!(answer["answer"]["server"], "second");
    assert_eq!(calls(&t).last().unwrap()["instead_of"], "first");
    shows!("agent_server_that_is_not_reached", t.run(&["agent-server", "list"]));
    // Stopped, it is not called in anybody's place.
    t.ok(&["agent-server", "stop", "second"]);
    let nobody = t.run(&["agent-server", "call", "first", "deal_list"]);
    assert!(
        nobody.code == 3 && nobody.err.contains("second is stopped. Nothing was called."),
        "{}",
        nobody.shown()
    );
}
