//! What every tool promises, and the words and shapes that agents and their clients rely on.

use host::{Config, Host};
use rmcp::model::Tool;

use crate::{Options, contract, server};

fn tools() -> Vec<Tool> {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(Config::default(), folder.path()).unwrap();
    server(&host, &Options::default()).unwrap().tools()
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
    let tools = tools();
    assert!(tools.len() <= 20, "{} tools", tools.len());
    // A token is about four bytes of JSON; the promise is 12,000 tokens for the default set.
    let bytes = serde_json::to_string(&tools).unwrap().len();
    assert!(bytes / 4 < 12_000, "{bytes} bytes");
}

#[test]
fn every_tool_asks_for_a_right() {
    use crate::server::Face;
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(Config::default(), folder.path()).unwrap();
    let workspace = domain::kernel::id::WorkspaceId(host.mint());
    let mut nobody = host.operator(workspace, "nobody", domain::kernel::Source::Mcp);
    let everybody = nobody.clone();
    nobody.powers = 0;
    let face = crate::Milepost { host: host.clone(), read_only: false };
    let read_only = crate::Milepost { host, read_only: true };
    for tool in tools() {
        assert!(face.allows(&nobody, &tool).is_err(), "{} is open to all", tool.name);
        assert!(face.allows(&everybody, &tool).is_ok(), "{} is open to none", tool.name);
        let reads = tool.annotations.as_ref().unwrap().read_only_hint == Some(true);
        assert_eq!(read_only.allows(&everybody, &tool).is_ok(), reads, "{}", tool.name);
    }
}
