//! What every tool promises, and the words and shapes that agents and their clients rely on.

use domain::kernel::Source;
use domain::kernel::id::WorkspaceId;
use host::agents::{Toolset, Toolsets};
use host::{Config, Host};
use rmcp::model::Tool;

use crate::server::Face;
use crate::{Milepost, Options, contract, server};

/// What `tools/list` of the default set may cost whoever reads it.
const MOST_TOKENS: usize = 12_000;

fn host() -> (Host, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Host::open(Config::default(), folder.path()).unwrap(), folder)
}

/// Every tool, of every toolset.
fn tools() -> Vec<Tool> {
    let (host, _folder) = host();
    server(&host, &Options::default()).unwrap().tools()
}

/// The tools that somebody who may everything is shown.
fn shown(options: &Options) -> Vec<Tool> {
    let (host, _folder) = host();
    let face = Milepost::new(&host, options);
    let everybody = host.operator(WorkspaceId(host.mint()), "everybody", Source::Mcp);
    tools().into_iter().filter(|tool| face.allows(&everybody, tool).is_ok()).collect()
}

#[test]
fn every_tool_keeps_the_contract() {
    let wrong: Vec<String> = tools().iter().flat_map(contract::check_tool).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_shape_of_every_tool_is_as_agents_know_it() {
    for tool in tools() {
        insta::assert_json_snapshot!(tool.name.to_string(), tool);
    }
}

#[test]
fn the_list_of_tools_is_short_enough_to_be_read() {
    let tools = shown(&Options::default());
    assert!(tools.len() <= 20, "{} tools", tools.len());
    // As a client is sent it, in the tokens of a model whose table is public. Others count a little differently.
    let listed = serde_json::to_string(&serde_json::json!({ "tools": tools })).unwrap();
    let tokens = tiktoken_rs::o200k_base_singleton().encode_ordinary(&listed).len();
    println!(
        "tools/list of the default set: {} tools, {} bytes, {tokens} tokens (o200k_base)",
        tools.len(),
        listed.len()
    );
    assert!(tokens < MOST_TOKENS, "{tokens} tokens");
}

#[test]
fn every_tool_has_a_set_and_asks_for_a_right() {
    let (host, _folder) = host();
    let everybody = host.operator(WorkspaceId(host.mint()), "everybody", Source::Mcp);
    let nobody = domain::kernel::Principal { powers: 0, ..everybody.clone() };
    let all = Options { toolsets: Toolsets::all(), ..Options::default() };
    let face = Milepost::new(&host, &all);
    let read_only = Milepost::new(&host, &Options { read_only: true, ..all });
    for tool in tools() {
        assert!(face.allows(&nobody, &tool).is_err(), "{} is open to all", tool.name);
        assert!(face.allows(&everybody, &tool).is_ok(), "{} is open to none", tool.name);
        let reads = tool.annotations.as_ref().unwrap().read_only_hint == Some(true);
        assert_eq!(read_only.allows(&everybody, &tool).is_ok(), reads, "{}", tool.name);
    }
}

#[test]
fn what_is_switched_off_is_neither_listed_nor_called_nor_spoken_of() {
    let of = |names: &[&str]| Options { toolsets: Toolsets::read(names).unwrap(), ..Options::default() };
    for set in Toolset::ALL {
        let listed: Vec<String> = shown(&of(&[set.as_str()])).iter().map(|tool| tool.name.to_string()).collect();
        assert!(!listed.is_empty(), "{set} has no tools");
        let (host, _folder) = host();
        let face = Milepost::new(&host, &of(&[set.as_str()]));
        let everybody = host.operator(WorkspaceId(host.mint()), "everybody", Source::Mcp);
        for tool in tools().iter().filter(|tool| !listed.contains(&tool.name.to_string())) {
            let no = face.allows(&everybody, tool).unwrap_err();
            assert!(no.sentence.contains("switched off here. Nothing was changed."), "{no}");
        }
        // Of another set's tools nobody is told to call them.
        let said = face.instructions();
        let words: Vec<&str> = said.split(|c: char| !(c.is_ascii_lowercase() || c == '_')).collect();
        for tool in tools().iter().filter(|tool| !listed.contains(&tool.name.to_string())) {
            assert!(!words.contains(&tool.name.as_ref()), "{set} speaks of {}", tool.name);
        }
    }
}
