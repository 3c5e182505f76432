//! What the official conformance suite makes of the product: what it has to complain of is written down, with the
//! reason, and nothing else may be wrong.

use std::path::{Path, PathBuf};

use harness::Clients;

use super::{Running, Terminal};

fn baseline(version: &str) -> PathBuf {
    let name = format!("../tests/clients/product-{version}.yml");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The server that admits everybody: the suite has no token.
fn product() -> (Terminal, Running, String) {
    let t = Terminal::new();
    t.setup("lakeside");
    let mut command = t.command(&["serve", "--no-auth"]);
    // A bound on calls in a minute has to end with the minute; and each of the suite's wrong calls would be logged.
    command.env_remove("MILEPOST_CLOCK__AT").env("MILEPOST_TELEMETRY__LOG", "error");
    let (server, said) = Running::start(&mut command);
    let url = said["mcp"].as_str().unwrap().to_owned();
    (t, server, url)
}

fn is_as_known(version: &str) {
    let Some(clients) = Clients::here() else { return };
    let (_t, server, url) = product();
    let known = baseline(version);
    let wanted = ["--suite", "all", "--spec-version", version, "--expected-failures", known.to_str().unwrap()];
    let verdict = clients.conformance(&url, &wanted);
    let differs = verdict.differs(&known).unwrap_or_default();
    assert!(verdict.passed && differs.is_empty(), "{}\n{differs}", verdict.told());
    assert_eq!(server.terminate(), 0);
}

#[test]
fn the_suite_for_2025_11_25_finds_what_is_known_and_nothing_else() {
    is_as_known("2025-11-25");
}

#[test]
fn the_suite_for_2026_07_28_finds_what_is_known_and_nothing_else() {
    is_as_known("2026-07-28");
}

#[test]
fn a_baseline_that_is_too_long_or_too_short_fails() {
    let Some(clients) = Clients::here() else { return };
    let (t, _server, url) = product();
    let judged = |scenario: &str, entries: &str| {
        let file = t.0.path().join("baseline.yml");
        std::fs::write(&file, format!("server:\n{entries}")).unwrap();
        let version = ["--spec-version", "2025-11-25", "--expected-failures", file.to_str().unwrap()];
        let verdict = clients.conformance(&url, &[&["--scenario", scenario], &version[..]].concat());
        (verdict.passed, verdict.differs(&file).is_none())
    };
    let failing = "  - tools-call-audio:tools-call-audio\n";
    assert_eq!(judged("tools-call-audio", failing), (true, true));
    assert_eq!(judged("tools-call-audio", "  []\n"), (false, false), "something got worse");
    assert_eq!(judged("ping", "  - ping:ping\n"), (false, false), "something got better");
    assert_eq!(judged("ping", "  - ping:pong\n"), (true, false), "something is not looked at any more");
}
