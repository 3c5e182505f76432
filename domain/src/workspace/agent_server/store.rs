//! Servers of other agents in the database.

use diesel::prelude::*;

use super::{AgentServer, Health, Tools};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::schema::agent_servers;
use crate::kernel::{Cx, Fault};

#[derive(Queryable, Selectable)]
#[diesel(table_name = agent_servers)]
struct Row {
    name: String,
    started: bool,
    approved_tools: Option<String>,
    approved_by: Option<String>,
    found_tools: Option<String>,
    answered_at: Option<At>,
    failed_at: Option<At>,
    failed_why: Option<String>,
    failures: i32,
    version: i64,
}

fn server(row: Row) -> Result<AgentServer, Fault> {
    let tools = |text: Option<String>| -> Result<Option<Tools>, Fault> {
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| Fault::Corrupt(error.to_string()))
    };
    let approved = tools(row.approved_tools)?;
    Ok(AgentServer {
        name: row.name,
        started: row.started,
        approved: approved.zip(row.approved_by),
        found: tools(row.found_tools)?,
        health: Health {
            answered_at: row.answered_at.map(|at| at.0),
            failed_at: row.failed_at.map(|at| at.0),
            why: row.failed_why,
            failures: row.failures,
        },
        version: row.version,
    })
}

pub fn find(cx: &mut Cx<'_>, name: &str) -> Result<Option<AgentServer>, Fault> {
    let workspace = cx.workspace();
    let row: Option<Row> = both!(cx.conn(), |c| {
        agent_servers::table.find((workspace, name)).select(Row::as_select()).first(c).optional()
    })?;
    row.map(server).transpose()
}

/// As [`find`], held until the end of the transaction. A server that nothing is known of yet is noted as stopped.
pub fn hold(cx: &mut Cx<'_>, name: &str) -> Result<AgentServer, Fault> {
    let workspace = cx.workspace();
    let new = (
        agent_servers::workspace_id.eq(workspace),
        agent_servers::name.eq(name),
        agent_servers::started.eq(false),
        agent_servers::failures.eq(0),
        agent_servers::version.eq(1_i64),
    );
    both!(cx.conn(), |c| diesel::insert_into(agent_servers::table)
        .values(new)
        .on_conflict_do_nothing()
        .execute(c))?;
    both!(cx.conn(), |c| {
        diesel::update(agent_servers::table.find((workspace, name)))
            .set(agent_servers::version.eq(agent_servers::version + 1_i64))
            .execute(c)
    })?;
    find(cx, name)?.ok_or_else(|| Fault::Corrupt("the server that was just noted is missing".into()))
}

/// All that something is known of, by name.
pub fn list(cx: &mut Cx<'_>) -> Result<Vec<AgentServer>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<Row> = both!(cx.conn(), |c| {
        agent_servers::table
            .filter(agent_servers::workspace_id.eq(workspace))
            .order(agent_servers::name)
            .select(Row::as_select())
            .load(c)
    })?;
    rows.into_iter().map(server).collect()
}

pub fn update(cx: &mut Cx<'_>, server: &AgentServer) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let text = |tools: &Tools| serde_json::to_string(tools).map_err(|error| Fault::Corrupt(error.to_string()));
    let approved = server.approved.as_ref();
    let set = (
        agent_servers::started.eq(server.started),
        agent_servers::approved_hash.eq(approved.map(|(tools, _)| tools.hash.clone())),
        agent_servers::approved_tools.eq(approved.map(|(tools, _)| text(tools)).transpose()?),
        agent_servers::approved_by.eq(approved.map(|(_, by)| by.clone())),
        agent_servers::approved_at.eq(approved.map(|(tools, _)| At(tools.at))),
        agent_servers::found_hash.eq(server.found.as_ref().map(|tools| tools.hash.clone())),
        agent_servers::found_tools.eq(server.found.as_ref().map(text).transpose()?),
        agent_servers::found_at.eq(server.found.as_ref().map(|tools| At(tools.at))),
        agent_servers::answered_at.eq(server.health.answered_at.map(At)),
        agent_servers::failed_at.eq(server.health.failed_at.map(At)),
        agent_servers::failed_why.eq(server.health.why.clone()),
        agent_servers::failures.eq(server.health.failures),
    );
    both!(cx.conn(), |c| diesel::update(agent_servers::table.find((workspace, &server.name)))
        .set(set)
        .execute(c))?;
    Ok(())
}
