//! The bundle that a desktop client installs, and the entry for the registry.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::Clients;
use rmcp::service::{ClientLifecycleMode, serve_client_with_lifecycle};
use serde_json::{Value, json};
use zip::ZipArchive;

use super::{Terminal, ran, text};

/// A bundle of a program that hands everything on to the real one, which is large.
fn bundle(t: &Terminal, out: &str, more: &[&str]) -> Value {
    let script = t.0.path().join("stands-in.sh");
    std::fs::write(&script, format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_milepost"))).unwrap();
    t.json(&[&["mcp", "bundle", "--out", out, "--program", script.to_str().unwrap()], more].concat())
}

/// What stands in a zip: name, rights, bytes.
fn entries(file: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut zip = ZipArchive::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut all = Vec::new();
    for i in 0..zip.len() {
        let mut entry = zip.by_index(i).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        all.push((entry.name().unwrap().into_owned(), entry.unix_mode().unwrap() & 0o777, bytes));
    }
    all
}

/// Unpacks it as a client does, and fills in what a person chose.
fn installed(file: &Path, into: &Path, chosen: &[(&str, &str)]) -> (Value, Command) {
    std::fs::create_dir_all(into).unwrap();
    for (name, rights, bytes) in entries(file) {
        let path = into.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(rights)).unwrap();
    }
    let manifest: Value = serde_json::from_slice(&std::fs::read(into.join("manifest.json")).unwrap()).unwrap();
    let filled = |value: &Value| {
        let mut words = text(value).replace("${__dirname}", into.to_str().unwrap());
        for (name, setting) in manifest["user_config"].as_object().unwrap() {
            let given = chosen.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
            let value = given.or(setting["default"].as_str()).unwrap_or_else(|| panic!("{name} has no default"));
            words = words.replace(&format!("${{user_config.{name}}}"), value);
        }
        assert!(!words.contains("${"), "{words}");
        words
    };
    let config = &manifest["server"]["mcp_config"];
    let mut command = Command::new(filled(&config["command"]));
    command.args(config["args"].as_array().unwrap().iter().map(&filled)).env_clear();
    for (name, value) in config["env"].as_object().unwrap() {
        command.env(name, filled(value));
    }
    (manifest, command)
}

#[test]
fn a_bundle_runs_where_it_was_unpacked_with_nothing_but_what_was_chosen() {
    let t = Terminal::new();
    t.setup("lakeside");
    let wrote = bundle(&t, "milepost.mcpb", &[]);
    let file = t.0.path().join("milepost.mcpb");
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(wrote["sha256"], domain::kernel::canonical::hex(&domain::kernel::canonical::sha256(&[&bytes])));
    assert_eq!(wrote["bytes"], bytes.len());
    let names: Vec<_> = entries(&file).into_iter().map(|(name, rights, _)| (name, rights)).collect();
    assert_eq!(names, [("manifest.json".to_owned(), 0o644), ("server/milepost".to_owned(), 0o755)]);

    let data = t.0.path().join("data");
    let chosen = [("data", data.to_str().unwrap()), ("scope", "read")];
    let (manifest, command) = installed(&file, &t.0.path().join("installed"), &chosen);
    let listed = tools_of(command);
    let promised: Vec<String> =
        manifest["tools"].as_array().unwrap().iter().map(|tool| text(&tool["name"])).collect();
    assert!(!listed.is_empty() && listed.iter().all(|tool| promised.contains(tool)), "{listed:?}");
    assert!(!listed.contains(&"deal_create".to_owned()), "it was to read only: {listed:?}");
    let (_, command) = installed(&file, &t.0.path().join("again"), &chosen[..1]);
    assert_eq!(tools_of(command), promised);

    // The same program makes the same file, so that its hash can be published.
    bundle(&t, "again.mcpb", &[]);
    assert_eq!(std::fs::read(t.0.path().join("again.mcpb")).unwrap(), bytes);
    let other = bundle(&t, "windows.mcpb", &["--platform", "win32"]);
    assert_eq!(other["manifest"]["server"]["entry_point"], "server/milepost.exe");
    assert_eq!(other["manifest"]["compatibility"]["platforms"], json!(["win32"]));
}

fn tools_of(command: Command) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut server = tokio::process::Command::from(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let pipes = (server.stdout.take().unwrap(), server.stdin.take().unwrap());
        let client = serve_client_with_lifecycle((), pipes, ClientLifecycleMode::Initialize).await.unwrap();
        let tools = client.list_all_tools().await.unwrap();
        client.cancel().await.unwrap();
        tools.into_iter().map(|tool| tool.name.into_owned()).collect()
    })
}

#[test]
fn a_bundle_that_cannot_be_made_changes_nothing() {
    let t = Terminal::new();
    std::fs::write(t.0.path().join("milepost.mcpb"), "precious").unwrap();
    for wrong in [&["--program", "nowhere"][..], &["--program", "."], &["--out", "nowhere/milepost.mcpb"]] {
        let ran = t.run(&[&["mcp", "bundle"], wrong].concat());
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{wrong:?}: {}", ran.shown());
    }
    assert_eq!(std::fs::read_to_string(t.0.path().join("milepost.mcpb")).unwrap(), "precious");
}

#[test]
fn the_bundles_own_tools_find_nothing_wrong_with_it() {
    let Some(clients) = Clients::here() else { return };
    let t = Terminal::new();
    bundle(&t, "milepost.mcpb", &[]);
    let mcpb = |args: &[&str]| {
        let mut command = clients.node();
        command
            .current_dir(t.0.path())
            .arg(clients.path("node_modules/@anthropic-ai/mcpb/dist/cli/cli.js"))
            .args(args);
        let ran = ran(&mut command);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.shown());
        ran.out
    };
    mcpb(&["unpack", "milepost.mcpb", "unpacked"]);
    let said = mcpb(&["validate", "unpacked/manifest.json"]);
    assert!(said.contains("validation passes"), "{said}");
    let program = t.0.path().join("unpacked/server/milepost");
    assert_eq!(std::fs::metadata(program).unwrap().permissions().mode() & 0o777, 0o755);
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../server.json")
}

#[test]
fn the_entry_for_the_registry_is_the_one_that_this_version_prints() {
    let t = Terminal::new();
    let listing = t.json(&["mcp", "listing"]);
    let kept = std::fs::read_to_string(committed()).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&kept).unwrap(),
        listing,
        "write it anew: milepost mcp listing > server.json"
    );
    assert_eq!(t.ok(&["mcp", "listing"]).out, kept);
    // What the registry takes at most.
    assert!(listing["description"].as_str().unwrap().chars().count() <= 100);
    assert_eq!(listing["version"], env!("CARGO_PKG_VERSION"));

    let wrote = bundle(&t, "milepost.mcpb", &[]);
    let url = "https://github.com/lakeside/milepost/releases/download/v1/milepost.mcpb";
    let whole =
        ["mcp", "listing", "--name", "io.github.lakeside/milepost", "--bundle", "milepost.mcpb", "--url", url];
    let whole = t.json(&whole);
    assert_eq!(whole["packages"][0]["identifier"], url);
    assert_eq!(whole["packages"][0]["fileSha256"], wrote["sha256"]);
    for wrong in [
        &["--name", "milepost"][..],
        &["--name", "a/b/c"],
        &["--name", "a b/c"],
        &["--bundle", "milepost.mcpb"],
        &["--bundle", "milepost.mcpb", "--url", "http://example.com/milepost.mcpb"],
        &["--bundle", "milepost.mcpb", "--url", "https://example.com/milepost.zip"],
    ] {
        let ran = t.run(&[&["mcp", "listing"], wrong].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{wrong:?}: {}", ran.shown());
    }
    std::fs::write(t.0.path().join("whole.json"), whole.to_string()).unwrap();

    // Held against the registry's published schema, and what it asks for beyond that.
    let Some(clients) = Clients::here() else { return };
    for file in [committed(), t.0.path().join("whole.json")] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(file, folder.path().join("server.json")).unwrap();
        let mut judge = clients.python();
        judge.args(["-m", "skillsaw", "lint", "--strict", "--type", "mcp-registry"]).arg(folder.path());
        let ran = ran(&mut judge);
        assert_eq!(ran.code, 0, "{}", ran.shown());
    }
}
