//! `milepost audit`: the proof that the log is whole, the log itself, and which tools agents called.

use std::io::{ErrorKind, Write};

use clap::{Args, Subcommand, ValueEnum};
use domain::insight::calls::{self, ops::ListCalls};
use domain::insight::event_log::{Entry, ops};
use domain::kernel::id::{CorrelationId, IdentityId, TokenId};
use domain::kernel::page::Ask;
use domain::kernel::{Code, Refusal};
use domain::workspace::tenant;
use jiff::Timestamp;
use serde_json::json;

use super::desk::{self, choose};
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Audit {
    /// Walk the log of every workspace and name the first thing that is wrong
    Verify,
    /// Print the log, oldest first
    Export(Export),
    /// Which tools agents called, the newest first; or one call with all that it changed
    Calls(Calls),
}

#[derive(Args)]
pub struct Calls {
    /// Only this call, with the events that it left
    #[arg(value_parser = read::id::<CorrelationId>, conflicts_with_all = ["agent", "token", "identity", "tool", "outcome", "changes", "since", "until", "cursor", "limit"])]
    id: Option<CorrelationId>,
    /// Only those of an agent or member of this name
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only those with this token
    #[arg(long, value_name = "ID", value_parser = read::id::<TokenId>)]
    token: Option<TokenId>,
    /// Only those with access tokens of this linked identity (milepost agent list)
    #[arg(long, value_name = "ID", value_parser = read::id::<IdentityId>)]
    identity: Option<IdentityId>,
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// ok, or the code of a refusal, such as forbidden
    #[arg(long, value_name = "WORD")]
    outcome: Option<String>,
    /// Only those that changed something
    #[arg(long)]
    changes: bool,
    /// From this instant on, such as 2026-12-04T15:00:00Z
    #[arg(long, value_name = "INSTANT", value_parser = read::instant)]
    since: Option<Timestamp>,
    /// Before this instant
    #[arg(long, value_name = "INSTANT", value_parser = read::instant)]
    until: Option<Timestamp>,
    /// next_cursor of the page before
    #[arg(long)]
    cursor: Option<String>,
    /// 1 to 100 [default: 20]
    #[arg(long)]
    limit: Option<i64>,
}

#[derive(Args)]
pub struct Export {
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Only events with a higher number
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Csv,
}

pub fn run(common: &Common, cmd: &Audit) -> Outcome {
    match cmd {
        Audit::Verify => verify(common).map(Some),
        Audit::Export(cmd) => export(common, cmd).map(|()| None),
        Audit::Calls(cmd) => calls(common, cmd).map(Some),
    }
}

fn calls(common: &Common, cmd: &Calls) -> Result<Answer, Stop> {
    let desk = Desk::open(common)?;
    if let Some(id) = cmd.id {
        let found = desk.read(|cx| calls::ops::get(cx, id))?;
        return Ok(Answer::new(says::audit::call(&found), json!(found)));
    }
    let wanted = ListCalls {
        actor: cmd.agent.clone(),
        token_id: cmd.token,
        identity_id: cmd.identity,
        tool: cmd.tool.clone(),
        outcome: cmd.outcome.clone(),
        changed: cmd.changes,
        since: cmd.since,
        until: cmd.until,
        ask: Ask { cursor: cmd.cursor.clone(), limit: cmd.limit },
    };
    let page = desk.read(|cx| calls::ops::list(cx, &wanted))?;
    let text = says::audit::calls(&page.items, page.next_cursor.as_deref());
    Ok(Answer::new(text, json!({ "calls": page.items, "next_cursor": page.next_cursor })))
}

fn verify(common: &Common) -> Result<Answer, Stop> {
    let host = desk::open_host(common)?;
    let mut all = tenant::store::directory(host.db())?;
    if let Some(slug) = &common.workspace {
        all = vec![choose(&all, Some(slug))?];
    }
    let mut verdicts = Vec::new();
    for workspace in all {
        // What was asked for with --as is asked in each workspace by its own rules.
        let one = Common { workspace: Some(workspace.slug.clone()), ..common.clone() };
        let desk = Desk::on(host.clone(), &one)?;
        verdicts.push((workspace.slug, desk.read(ops::verify)?));
    }
    let rows = verdicts.iter().map(|(slug, verdict)| {
        json!({ "workspace": slug, "events": verdict.events, "head": verdict.head, "first_break": verdict.first_break })
    });
    let json = json!({ "whole": verdicts.iter().all(|(_, v)| v.first_break.is_none()), "logs": rows.collect::<Vec<_>>() });
    let broken = verdicts.iter().find_map(|(slug, verdict)| Some((slug, verdict.first_break.as_ref()?)));
    if let Some((slug, first)) = broken {
        return Err(Refusal {
            details: Some(json),
            ..Refusal::new(Code::WrongState, says::audit::broken(slug, first), says::audit::WHAT_NEXT)
        }
        .into());
    }
    Ok(Answer::new(says::audit::whole(&verdicts), json))
}

/// Writes as it reads: a log may be longer than memory.
fn export(common: &Common, cmd: &Export) -> Result<(), Stop> {
    let desk = Desk::open(common)?;
    let format = if common.json { Format::Json } else { cmd.format };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut after = cmd.after;
    let mut first = true;
    let written = loop {
        let batch = desk.read(|cx| ops::export(cx, after))?;
        if let Err(error) = write_batch(&mut out, format, &batch, first) {
            break Err(error);
        }
        first = false;
        match batch.last() {
            Some(last) => after = last.sequence,
            None => break out.flush(),
        }
    };
    match written {
        // Who reads has seen enough, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// An empty batch ends the document.
fn write_batch(out: &mut impl Write, format: Format, batch: &[Entry], first: bool) -> std::io::Result<()> {
    if format == Format::Csv {
        if first {
            out.write_all(says::audit::CSV_HEAD.as_bytes())?;
        }
        return batch.iter().try_for_each(|entry| out.write_all(says::audit::csv_line(entry).as_bytes()));
    }
    if first {
        out.write_all(b"[")?;
    }
    for (i, entry) in batch.iter().enumerate() {
        out.write_all(if first && i == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, entry)?;
    }
    if batch.is_empty() { out.write_all(b"\n]\n") } else { Ok(()) }
}
