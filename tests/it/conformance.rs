//! The router that agents talk to does what the protocol requires, by the judgement of the official conformance suite.
//! The fixture behind it has the tools, prompts and resources that the suite calls.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use harness::Clients;

struct Fixture {
    child: Child,
    url: String,
}

impl Fixture {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-fixture"));
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim_end().to_owned() }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `on_hold` is a scenario that the suite has on hold itself.
fn meets_all(requirements: &str, arguments: &[&str], on_hold: Option<&str>) {
    let Some(clients) = Clients::here() else { return };
    let fixture = Fixture::start(arguments);
    let mut verdict = clients.conformance(&fixture.url, &["--requirements", requirements]);
    assert!(verdict.passed && verdict.well > 50, "{}", verdict.told());
    // Nor is there anything else wrong: no warning, and nothing in what is run without being required.
    verdict.faults.retain(|fault, _| Some(fault.as_str()) != on_hold);
    assert!(verdict.faults.is_empty(), "{}", verdict.told());
}

#[test]
fn all_that_2025_11_25_requires_is_met() {
    let resumed = "server-sse-polling:server-sse-disconnect-resume";
    meets_all("2025-11-25", &["--sessions"], Some(resumed));
}

#[test]
fn all_that_2026_07_28_requires_is_met() {
    meets_all("2026-07-28", &[], None);
}

#[test]
fn all_that_2026_07_28_requires_is_met_where_older_clients_have_sessions() {
    meets_all("2026-07-28", &["--sessions"], None);
}
