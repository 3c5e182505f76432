//! The program as somebody at a terminal meets it. The clock stands; ids, secrets and hashes are filtered out.

/// Snapshots without what differs between runs.
macro_rules! shows {
    ($name:literal, $ran:expr) => {
        insta::with_settings!({ filters => vec![
            ("--cursor [0-9a-f]+", "--cursor [cursor]"),
            ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[id]"),
            ("milep_(pat|mcp)_[0-9A-Za-z]{36}", "milep_${1}_[secret]"),
            (r"\.\.\.[0-9A-Za-z]{4}", "...[hint]"),
            ("[0-9a-f]{64,}", "[hash]"),
        ], omit_expression => true }, { insta::assert_snapshot!($name, $ran.shown()) });
    };
}

#[path = "cli/abuse.rs"]
mod abuse;
#[path = "cli/agent_server.rs"]
mod agent_server;
#[path = "cli/bundle.rs"]
mod bundle;
#[path = "cli/by_agent.rs"]
mod by_agent;
#[path = "cli/chat.rs"]
mod chat;
#[path = "cli/clients.rs"]
mod clients;
#[path = "cli/clock.rs"]
mod clock;
#[path = "cli/conformance.rs"]
mod conformance;
#[path = "cli/crash.rs"]
mod crash;
#[path = "cli/crash_out.rs"]
mod crash_out;
#[path = "cli/delivery.rs"]
mod delivery;
#[path = "cli/keys.rs"]
mod keys;
#[path = "cli/mail_tls.rs"]
mod mail_tls;
#[path = "cli/outage.rs"]
mod outage;
#[path = "cli/outbound.rs"]
mod outbound;
#[path = "cli/process.rs"]
mod process;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder to work in, at Friday 4 December 2026, 09:00 in Chicago.
struct Terminal(TempDir);

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {}", self.shown()))
    }

    /// With the lines under the first one sorted: what was made at the same instant stands in any order.
    fn in_some_order(mut self) -> Self {
        let mut lines: Vec<&str> = self.out.lines().collect();
        lines[1..].sort_unstable();
        self.out = lines.join("\n") + "\n";
        self
    }

    fn shown(&self) -> String {
        let part =
            |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("[{name}]\n{text}") };
        format!("[code] {}\n{}{}", self.code, part("out", &self.out), part("err", &self.err))
    }
}

impl Terminal {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = process::milepost(&[]);
        command.current_dir(self.0.path()).env("MILEPOST_CLOCK__AT", "2026-12-04T15:00:00Z").args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        ran(&mut self.command(args))
    }

    /// What must work.
    fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.shown());
        ran
    }

    fn json(&self, args: &[&str]) -> Value {
        self.ok(&[args, &["--json"]].concat()).json()
    }

    fn setup(&self, slug: &str) -> Value {
        let owner = ["--owner-name", "Dana Whitaker", "--owner-email", "dana@example.com"];
        self.json(
            &[&["setup", "--name", "Lakeside Realty", "--slug", slug, "--zone", "America/Chicago"], &owner[..]]
                .concat(),
        )
    }

    fn deal(&self) -> String {
        let created = self.json(&[
            "deal",
            "create",
            "--title",
            "12 Oak Street - Smith",
            "--address",
            "12 Oak Street, Naperville",
            "--side",
            "buyer",
            "--financing",
            "conventional",
            "--state",
            "IL",
            "--price",
            "415000",
            "--date",
            "contract_date=2026-11-30",
            "--date",
            "closing_date=2027-01-15",
            "--party",
            "role=buyer,name=Jordan Smith,email=jordan@example.com",
            "--party",
            "role=attorney,name=Abbott, Lin & Co,phone=+1 312 555 0130",
        ]);
        text(&created["deal"]["id"])
    }

    fn milestone(&self, deal: &str, kind: &str) -> String {
        let all = self.json(&["milestone", "list", "--deal", deal]);
        let all = all["milestones"].as_array().unwrap();
        text(&all.iter().find(|m| m["type"] == kind).unwrap()["id"])
    }
}

fn ran(command: &mut Command) -> Ran {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_first_day_with_milepost() {
    let t = Terminal::new();
    shows!("nothing_there_yet", t.run(&["deal", "list"]));
    shows!(
        "setup",
        t.ok(&[
            "setup",
            "--name",
            "Lakeside Realty",
            "--slug",
            "lakeside",
            "--zone",
            "America/Chicago",
            "--owner-name",
            "Dana Whitaker",
            "--owner-email",
            "dana@example.com",
        ])
    );
    shows!(
        "token_create",
        t.ok(&["token", "create", "--agent", "Desk agent", "--scope", "write", "--days", "30"])
    );
    shows!("token_list", t.ok(&["token", "list"]));

    let head = "title,address,side,financing,price,contract_date,closing_date,buyer_name,buyer_email\n";
    let good =
        "9 Elm Court - Doe,9 Elm Court,seller,cash,\"$300,000\",2026-12-01,2027-01-29,Jane Doe,jane@example.com\n";
    let bad = "3 Ash Road - Fox,3 Ash Road,buyer,barter,cheap,2026-12-01,2027-02-30,Al Fox,al@\n";
    std::fs::write(t.0.path().join("bad.csv"), format!("{head}{good}{bad}")).unwrap();
    std::fs::write(t.0.path().join("good.csv"), format!("{head}{good}")).unwrap();
    shows!("import_dry_run", t.ok(&["import", "deals", "bad.csv", "--dry-run"]));
    shows!("import_refused", t.run(&["import", "deals", "bad.csv"]));
    assert_eq!(t.json(&["deal", "list"])["deals"], Value::Array(Vec::new()));
    shows!("import", t.ok(&["import", "deals", "good.csv", "--confirm"]));

    let deal = t.deal();
    let listed = t.json(&["deal", "list"]);
    let titles: Vec<_> = listed["deals"].as_array().unwrap().iter().map(|deal| text(&deal["title"])).collect();
    assert_eq!(titles, ["12 Oak Street - Smith", "9 Elm Court - Doe"]);
    shows!("deal_list", t.ok(&["deal", "list"]));
    shows!("search", t.ok(&["search", "oak", "clos"]));
    shows!("search_for_somebody", t.ok(&["search", "jordan@example.com", "--limit", "1"]));
    shows!("search_in_vain", t.ok(&["search", "nowhere", "--kind", "deal,milestone"]));
    shows!("deal_show", t.ok(&["deal", "show", &deal]));
    shows!("deal_timeline", t.ok(&["deal", "timeline", &deal]));
    shows!("deal_explain", t.ok(&["deal", "explain", &deal]));

    shows!("reschedule", t.ok(&["deal", "reschedule", &deal, "closing_date=2027-01-22"]));
    let before = t.json(&["deal", "show", &deal]);
    shows!("reschedule_apply", t.ok(&["deal", "reschedule", &deal, "closing_date=2027-01-22", "--apply"]));
    let plan = text(&t.json(&["deal", "reschedule", &deal, "closing_date=2027-01-25"])["plan_token"]);
    let undo = text(&t.json(&["deal", "apply", &plan])["undo_token"]);
    shows!("undo", t.ok(&["deal", "apply", &undo]));
    shows!("undo_again", t.ok(&["deal", "apply", &undo]));
    let back = t.json(&["deal", "reschedule", &deal, "closing_date=2027-01-15", "--apply"]);
    assert_eq!(back["deal"]["key_dates"], before["deal"]["key_dates"]);
    let due = |detail: &Value| -> Vec<Value> {
        detail["milestones"].as_array().unwrap().iter().map(|m| m["due_on"].clone()).collect()
    };
    assert_eq!(due(&back), due(&before));

    let stale = text(&t.json(&["deal", "reschedule", &deal, "closing_date=2027-01-22"])["plan_token"]);
    let earnest = t.milestone(&deal, "earnest_money");
    shows!("complete", t.ok(&["milestone", "complete", &earnest, "--note", "Wired"]));
    shows!("complete_again", t.ok(&["milestone", "complete", &earnest]));
    shows!("stale_plan", t.run(&["deal", "apply", &stale]));
    shows!("waive_without_reason", t.run(&["milestone", "waive", &t.milestone(&deal, "inspection")]));
    shows!("waive", t.ok(&["milestone", "waive", &t.milestone(&deal, "inspection"), "--reason", "New build"]));
    let walk = t.milestone(&deal, "final_walkthrough");
    shows!("pin", t.ok(&["milestone", "pin", &walk, "--on", "2027-01-12", "--reason", "Keys are handed over"]));
    shows!("snooze", t.ok(&["milestone", "snooze", &walk, "--days", "2"]));
    shows!("briefing", t.ok(&["briefing", "--days", "30"]));
    shows!("milestone_list", t.ok(&["milestone", "list", "--due-from", "2027-01-01", "--limit", "3"]));
    shows!("audit_verify", t.ok(&["audit", "verify"]));
    assert_eq!(t.ok(&["audit", "export", "--after", "2"]).json()[0]["sequence"], 3);
}

#[test]
fn what_is_refused_says_so_and_changes_nothing() {
    let t = Terminal::new();
    t.setup("lakeside");
    let deal = t.deal();
    let inspection = t.milestone(&deal, "inspection");

    let refused = t.run(&["milestone", "waive", &inspection, "--json"]);
    assert_eq!((refused.code, refused.out.as_str()), (3, ""));
    let refusal: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(refusal["code"], "invalid");

    for wrong in [
        &["milestone", "waive"][..],
        &["milestone", "waive", "12"],
        &["deal", "list", "--status", "sold"],
        &["token", "create", "--scope", "read"],
        &["fly"],
        &["serve", "--no-auth", "--listen", "0.0.0.0:0"],
        &["deal", "reschedule", &deal, "closing_date"],
    ] {
        let ran = t.run(wrong);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{wrong:?}: {}", ran.shown());
        assert!(!ran.err.is_empty(), "{wrong:?}");
    }
    shows!(
        "every_problem_at_once",
        t.run(&[
            "deal",
            "create",
            "--title",
            " ",
            "--address",
            "x",
            "--side",
            "left",
            "--financing",
            "barter",
            "--price",
            "-1",
            "--date",
            "closing_date=soon",
            "--party",
            "role=friend,name=Al,email=al@",
        ])
    );
    t.ok(&["admin", "member", "add", "--name", "Elena Ruiz", "--email", "elena@example.com", "--role", "viewer"]);
    shows!("role_too_small", t.run(&["--as", "elena@example.com", "milestone", "complete", &inspection]));
    t.ok(&["--as", "elena@example.com", "deal", "show", &deal]);
    t.ok(&["admin", "member", "change", "elena@example.com", "--status", "inactive"]);
    shows!("member_out_of_service", t.run(&["--as", "elena@example.com", "deal", "show", &deal]));
    assert_eq!(t.json(&["deal", "show", &deal])["deal"]["version"], 2);
}

#[test]
fn another_workspaces_id_is_answered_as_one_that_never_was() {
    let t = Terminal::new();
    t.setup("one");
    let deal = t.deal();
    t.setup("two");
    shows!("which_workspace", t.run(&["deal", "list"]));
    let there = t.run(&["--workspace", "two", "deal", "show", &deal]);
    let nowhere = t.run(&["--workspace", "two", "deal", "show", "01a1fd55-be28-7001-94fe-4d75c7f177f1"]);
    assert_eq!((there.code, &there.err), (3, &nowhere.err));
    t.ok(&["--workspace", "one", "deal", "show", &deal]);
}

#[test]
fn the_same_key_gets_the_same_answer() {
    let t = Terminal::new();
    t.setup("lakeside");
    let deal = t.deal();
    let add =
        ["milestone", "add", &deal, "--title", "Proof of funds", "--due", "2026-12-10", "--idempotency-key", "k1"];
    assert_eq!(t.json(&add), t.json(&add));
    let other = ["milestone", "add", &deal, "--title", "Other", "--due", "2026-12-10", "--idempotency-key", "k1"];
    assert_eq!(t.run(&other).code, 3);
    assert_eq!(t.json(&["milestone", "list", "--deal", &deal])["milestones"].as_array().unwrap().len(), 12);
}

#[test]
fn a_log_that_was_tampered_with_is_named() {
    let t = Terminal::new();
    t.setup("lakeside");
    t.deal();
    let file = t.0.path().join("data/milepost.db");
    let db = domain::kernel::Db::open_sqlite(&file, domain::kernel::db::Limits::default()).unwrap();
    {
        use diesel::RunQueryDsl;
        let mut conn = db.raw().unwrap();
        domain::both!(&mut conn, |c| {
            diesel::sql_query("DROP TRIGGER IF EXISTS events_keep_content").execute(c).unwrap();
            diesel::sql_query("UPDATE events SET actor_name = 'somebody else' WHERE seq = 4").execute(c).unwrap()
        });
    }
    drop(db);
    shows!("audit_broken", t.run(&["audit", "verify"]));
}

#[test]
fn every_problem_with_the_settings_is_named() {
    let t = Terminal::new();
    std::fs::write(t.0.path().join("milepost.toml"), "[http]\nlistn = 1\nbody_limit = 3\n[colour]\nx = 1\n")
        .unwrap();
    shows!("config_check", ran(t.command(&["config", "check"]).env("MILEPOST_DATABASE__URL", "mysql://x")));
    shows!("config_init", t.run(&["config", "init"]));
    t.ok(&["config", "init", "--force"]);
    t.ok(&["config", "check"]);
    let secret = "postgres://milepost:hunter2@localhost/milepost";
    let shown = ran(t.command(&["config", "show"]).env("MILEPOST_DATABASE__URL", secret));
    assert!(shown.code == 0 && !shown.out.contains("hunter2"), "{}", shown.shown());
    assert_eq!(t.json(&["config", "show"])["http"]["listen"], "127.0.0.1:8787");
}

#[test]
fn a_server_that_asks_for_no_token_is_reached_from_this_machine_only() {
    let t = Terminal::new();
    for address in [
        "0.0.0.0:0",
        "[::]:0",
        "[::ffff:0.0.0.0]:0",
        "[::ffff:127.0.0.1]:0",
        "[::ffff:192.168.0.7]:0",
        "192.168.0.7:0",
        "[fe80::1]:0",
        "169.254.1.1:0",
    ] {
        let config = t.0.path().join("elsewhere.toml");
        std::fs::write(&config, format!("[http]\nlisten = \"{address}\"\n")).unwrap();
        let config = config.to_str().unwrap();
        for ways in [
            t.run(&["serve", "--no-auth", "--listen", address]),
            t.run(&["serve", "--no-auth", "--role", "mcp", "--listen", address]),
            t.run(&["demo", "--no-auth", "--listen", address, "--data", "data"]),
            t.run(&["--config", config, "serve", "--no-auth"]),
            ran(t.command(&["serve", "--no-auth"]).env("MILEPOST_HTTP__LISTEN", address)),
            ran(t.command(&["demo", "--no-auth"]).env("MILEPOST_HTTP__LISTEN", address)),
        ] {
            assert_eq!((ways.code, ways.out.as_str()), (2, ""), "{address}: {}", ways.shown());
            assert!(ways.err.contains("can be reached from elsewhere"), "{address}: {}", ways.err);
        }
    }
    // Nothing was opened either.
    assert!(!t.0.path().join("data").exists());
    for address in ["127.0.0.1:0", "127.0.0.2:0", "[::1]:0"] {
        let mut command = t.command(&["demo", "--no-auth"]);
        let (server, _) = Running::start_at(&mut command, address);
        let list =
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"deal_list","arguments":{}}}"#;
        let head = "POST /mcp HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
                    MCP-Protocol-Version: 2025-11-25\r\n";
        assert_eq!(server.ask(head, list).0, 200, "{address}");
        // What a proxy on this machine lets through from elsewhere is not of this machine.
        for header in ["X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.7", "Via: 1.1 proxy"] {
            let (status, body) = server.ask(&format!("{head}{header}\r\n"), list);
            assert!(status == 403 && body.contains("passed on by a proxy"), "{status}: {body}");
        }
    }
}

#[test]
fn an_agent_is_known_by_what_a_provider_calls_it() {
    let t = Terminal::new();
    t.setup("lakeside");
    let link = ["agent", "link", "--agent", "desk", "--subject", "client-7", "--scope", "write"];
    shows!("agent_link_without_a_provider", t.run(&link));
    let with = |args: &[&str]| {
        let mut command = t.command(args);
        let issuer = "https://login.example.com";
        let here = "https://milepost.example.com";
        command.env("MILEPOST_OIDC__ISSUER", issuer).env("MILEPOST_OIDC__AUDIENCE", "milepost");
        ran(command.env("MILEPOST_HTTP__PUBLIC_URL", here))
    };
    shows!("agent_list_of_none", t.ok(&["agent", "list"]));
    shows!("agent_link", with(&link));
    shows!("agent_link_again", with(&link));
    shows!("agent_list", t.ok(&["agent", "list"]));
    let id = text(&t.json(&["agent", "list"])["identities"][0]["id"]);
    shows!("agent_unlink", t.ok(&["agent", "unlink", &id]));
    assert_eq!(t.run(&["agent", "unlink", &id]).code, 3);
}

#[test]
fn a_template_is_checked_by_line_and_used_once_set() {
    let t = Terminal::new();
    let file = t.0.path().join("own.toml");
    std::fs::write(&file, "name = \"own\"\nversion = 1\n[[rules]]\ntype = 3\n").unwrap();
    shows!("template_check", t.run(&["template", "check", "own.toml"]));
    t.setup("lakeside");
    let shipped = t.ok(&["template", "show", "residential"]).out;
    std::fs::write(&file, shipped.replacen("\"residential\"", "\"own\"", 1)).unwrap();
    t.ok(&["template", "set", "own.toml"]);
    shows!("template_list", t.ok(&["template", "list"]));
    t.ok(&["template", "reset", "own"]);
    assert_eq!(t.run(&["template", "reset", "own"]).code, 3);
}

#[test]
fn a_client_is_told_how_to_connect() {
    let t = Terminal::new();
    for client in ["claude-code", "claude-desktop", "cursor", "vscode"] {
        let told = t.json(&["mcp", "config", "--client", client]);
        let servers = if client == "vscode" { "servers" } else { "mcpServers" };
        let server = &told["config"][servers]["milepost"];
        assert!(Path::new(server["command"].as_str().unwrap()).is_absolute(), "{told}");
        let args = server["args"].as_array().unwrap();
        assert_eq!(args.last().unwrap(), "mcp");
    }
    let http = |client: &str, more: &[&str]| {
        let at = ["mcp", "config", "--client", client, "--http", "http://127.0.0.1:8787/mcp"];
        t.json(&[&at, more].concat())
    };
    let given = ["--token", "milep_mcp_x"];
    let told = http("cursor", &given);
    assert_eq!(told["config"]["mcpServers"]["milepost"]["headers"]["Authorization"], "Bearer milep_mcp_x");
    assert_eq!(
        t.run(&["mcp", "config", "--client", "claude-desktop", "--http", "http://127.0.0.1:8787/mcp"]).code,
        2
    );
    // Without a token in hand each client is told, in its own words, where it finds one.
    let told = http("vscode", &[]);
    assert_eq!(
        told["config"]["servers"]["milepost"]["headers"]["Authorization"],
        "Bearer ${input:milepost-token}"
    );
    assert_eq!(told["config"]["inputs"][0]["password"], true);
    let told = http("cursor", &[]);
    assert_eq!(
        told["config"]["mcpServers"]["milepost"]["headers"]["Authorization"],
        "Bearer ${env:MILEPOST_TOKEN}"
    );
    let told = http("claude-code", &[]);
    assert_eq!(told["config"]["mcpServers"]["milepost"]["headers"]["Authorization"], "Bearer ${MILEPOST_TOKEN}");
    let command = "claude mcp add --transport http milepost http://127.0.0.1:8787/mcp --header \"Authorization: Bearer ${MILEPOST_TOKEN}\"";
    assert_eq!(told["command"], command);
    let command =
        command.replace("\"Authorization: Bearer ${MILEPOST_TOKEN}\"", "'Authorization: Bearer milep_mcp_x'");
    assert_eq!(http("claude-code", &given)["command"], command);
    assert!(t.ok(&["completions", "bash"]).out.contains("milepost"));
    assert!(t.ok(&["man"]).out.contains("milepost"));
}

/// A server under test; stopped when dropped.
struct Running(Child, String);

impl Running {
    fn start(command: &mut Command) -> (Self, Value) {
        Self::start_at(command, "127.0.0.1:0")
    }

    fn start_at(command: &mut Command, address: &str) -> (Self, Value) {
        let mut child = command.args(["--listen", address, "--json"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        (Self(child, text(&said["url"])), said)
    }

    fn probe(&self, path: &str) -> u16 {
        host::egress::probe(self.1.strip_prefix("http://").unwrap().parse().unwrap(), path).unwrap()
    }

    fn terminate(mut self) -> i32 {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        self.0.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_is_healthy_and_stops_when_told() {
    let t = Terminal::new();
    t.setup("lakeside");
    let (server, said) = Running::start(&mut t.command(&["serve"]));
    assert_eq!(said["mcp"], format!("{}/mcp", server.1));
    assert_eq!(
        (server.probe("/healthz"), server.probe("/healthz/readiness"), server.probe("/nowhere")),
        (200, 200, 404)
    );
    t.ok(&["healthcheck", "--url", &format!("{}/healthz/readiness", server.1)]);
    // Everything works beside a running server.
    t.ok(&["deal", "show", &t.deal()]);
    let taken = t.run(&["serve", "--listen", server.1.strip_prefix("http://").unwrap()]);
    assert!(taken.code == 1 && taken.err.contains("Another program listens"), "{}", taken.shown());
    let url = server.1.clone();
    assert_eq!(server.terminate(), 0);
    assert_eq!(t.run(&["healthcheck", "--url", &url]).code, 1);
}

#[test]
fn a_demo_leaves_nothing_behind_unless_told_where() {
    let t = Terminal::new();
    let temporary = tempfile::tempdir().unwrap();
    let (server, said) = Running::start(t.command(&["demo"]).env("TMPDIR", temporary.path()));
    let data = text(&said["demo"]["data"]);
    assert!(data.starts_with(temporary.path().to_str().unwrap()), "{data}");
    assert!(said["demo"]["token"].as_str().unwrap().starts_with("milep_mcp_"));
    assert_eq!(t.json(&["--data", &data, "deal", "list"])["deals"].as_array().unwrap().len(), 11);
    assert_eq!(server.terminate(), 0);
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);

    let (server, _) = Running::start(&mut t.command(&["demo", "--data", "kept", "--no-auth"]));
    assert_eq!(server.terminate(), 0);
    t.ok(&["--data", "kept", "audit", "verify"]);
    t.setup("lakeside");
    assert_eq!(t.run(&["demo", "--data", "data"]).code, 1);
}
