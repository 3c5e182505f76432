//! Other people's client programs and the real binary: a whole deal, in both protocol eras, over standard input and output
//! and over HTTP. They run under `tests/with-clients`.

use std::path::Path;
use std::process::Command;

use harness::Clients;
use serde_json::json;

use super::{Ran, Running, Terminal, ran, text};

const ERAS: [&str; 2] = ["legacy", "modern"];

/// A server with a token, beside the data folder that it serves.
struct Served {
    t: Terminal,
    server: Running,
    token: String,
}

impl Served {
    fn new() -> Self {
        let t = Terminal::new();
        t.setup("lakeside");
        let made = t.json(&["token", "create", "--agent", "Driver", "--scope", "write"]);
        let token = text(&made["secret"]);
        // A test suite asks oftener than one agent may.
        let mut serve = t.command(&["serve"]);
        let (server, _) = Running::start(serve.env("MILEPOST_LIMITS__CALLS_PER_MINUTE", "100000"));
        Self { t, server, token }
    }

    fn url(&self) -> String {
        format!("{}/mcp", self.server.1)
    }

    fn data(&self) -> String {
        self.t.0.path().join("data").to_str().unwrap().to_owned()
    }
}

/// A script of `tests/clients`.
fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients").join(name).to_str().unwrap().to_owned()
}

fn drive(mut client: Command, script_name: &str) {
    let served = Served::new();
    client.arg(script(script_name)).args([&served.url(), env!("CARGO_BIN_EXE_milepost"), &served.data()]);
    client.env("MILEPOST_DRIVE_TOKEN", &served.token).env("MILEPOST_CLOCK__AT", "2026-12-04T15:00:00Z");
    let ran = ran(&mut client);
    let said = ran.json();
    let runs = said["runs"].as_array().unwrap();
    for run in runs {
        assert_eq!(run["ok"], true, "{run:#}");
    }
    assert_eq!((ran.code, runs.len()), (0, 4), "{}", ran.shown());
    // Four deals, one for each run, and a log that nobody doubts.
    assert_eq!(served.t.json(&["deal", "list"])["deals"].as_array().unwrap().len(), 4);
    assert_eq!(served.t.json(&["audit", "verify"])["whole"], true);
}

#[test]
fn the_official_python_client_runs_a_deal() {
    if let Some(clients) = Clients::here() {
        drive(clients.python(), "drive.py");
    }
}

#[test]
fn the_official_typescript_client_runs_a_deal() {
    if let Some(clients) = Clients::here() {
        drive(clients.node(), "drive.mjs");
    }
}

#[test]
fn the_json_test_suite_is_read_as_it_says() {
    let Some(clients) = Clients::here() else { return };
    let served = Served::new();
    let mut suite = clients.node();
    suite.arg(script("json-suite.mjs")).arg(served.url()).env("MILEPOST_DRIVE_TOKEN", &served.token);
    // One call after the other, a thousand of them.
    let ran = ran(&mut suite);
    assert_eq!(ran.code, 0, "{}", ran.shown());
    let said = ran.json();
    assert!(said["kinds"]["n"].as_u64() > Some(150) && said["kinds"]["y"].as_u64() > Some(80), "{said}");
}

/// What the Inspector is given to reach the server.
enum Way {
    Stdio,
    Http,
}

/// Runs the Inspector's command line.
fn inspect(clients: &Clients, served: &Served, way: &Way, era: &str, more: &[&str]) -> Ran {
    let mut inspector = clients.node();
    inspector.arg(clients.path("node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"));
    // It keeps a catalogue and secrets in the home folder.
    inspector.env("HOME", served.t.0.path()).args(["--cli", "--format", "json", "--protocol-era", era]);
    let (url, data) = (served.url(), served.data());
    match way {
        Way::Stdio => inspector.args(["-e", "MILEPOST_CLOCK__AT=2026-12-04T15:00:00Z"]).args(more).args([
            "--",
            env!("CARGO_BIN_EXE_milepost"),
            "--data",
            &data,
            "mcp",
        ]),
        Way::Http => inspector
            .args(["--transport", "http", "--server-url", &url, "--stored-auth-only"])
            .arg("--header")
            .arg(format!("Authorization: Bearer {}", served.token))
            .args(more),
    };
    ran(&mut inspector)
}

#[test]
fn the_inspector_finds_nothing_wrong_and_calls_tools() {
    let Some(clients) = Clients::here() else { return };
    let served = Served::new();
    let deal = served.t.deal();
    for way in [Way::Stdio, Way::Http] {
        for era in ERAS {
            let inspect = |more: &[&str]| inspect(&clients, &served, &way, era, more);
            let good = |more: &[&str]| {
                let ran = inspect(more);
                assert_eq!(ran.code, 0, "{era} {more:?}: {}", ran.shown());
                ran.json()["result"].clone()
            };
            let listed = good(&["--method", "tools/list", "--strict"]);
            let tools = listed["tools"].as_array().unwrap();
            assert!(tools.iter().any(|tool| tool["name"] == "deal_get"), "{listed:#}");
            let of = |id: &str| json!({ "id": id }).to_string();
            let got = good(&["--method", "tools/call", "--tool-name", "deal_get", "--tool-args-json", &of(&deal)]);
            assert_eq!(got["structuredContent"]["deal"]["id"], deal.as_str(), "{got:#}");
            let nobodys = of("01900000-0000-7000-8000-00000000dead");
            let refused =
                inspect(&["--method", "tools/call", "--tool-name", "deal_get", "--tool-args-json", &nobodys]);
            assert_eq!(refused.code, 5, "{}", refused.shown());
            assert_eq!(refused.json()["result"]["structuredContent"]["code"], "not_found");
        }
    }
}
