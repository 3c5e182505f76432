//! Deals from a file: every bad row, line, column and reason is named; all or nothing unless told to skip.

mod read;

use std::collections::{BTreeMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::intake::{self, Checked, NewDeal};
use super::{DealStatus, ops, rules, store};
use crate::deals::milestone::rules::Terms;
use crate::kernel::id::DealId;
use crate::kernel::{Cx, No, Refusal};
use crate::workspace::access::{Require, Verb};
use crate::workspace::tenant;

pub use read::{Format, read};

pub const MAX_ROWS: usize = 20_000;
/// Bytes.
pub const MAX_FILE: usize = 50 << 20;

/// One deal of a file, before anything about it was checked.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it starts in the file, from 1.
    pub line: u64,
    pub deal: NewDeal,
    /// How the file calls what a problem calls a field, where the two differ.
    pub columns: BTreeMap<String, String>,
}

/// A place in the file that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Bad {
    /// From 1.
    pub line: u64,
    /// The column or field as the file calls it; empty for the row as a whole.
    pub column: String,
    pub reason: String,
}

/// What a file holds: rows that could be read, and places that could not. A row of which some of the places could not
/// be read is there too, so that everything that is wrong with it is told at once.
#[derive(Clone, Debug, Default)]
pub struct Read {
    pub rows: Vec<Row>,
    pub bad: Vec<Bad>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only check.
    pub dry_run: bool,
    /// Import the good rows although others are bad.
    pub skip_bad: bool,
    /// Make the deals active and generate their milestones.
    pub confirm: bool,
}

/// What came of an import, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    pub dry_run: bool,
    /// Rows in the file.
    pub rows: usize,
    /// Deals that were created; with `dry_run` those that would be.
    pub imported: usize,
    /// Rows that are bad.
    pub bad_rows: usize,
    pub problems: Vec<Bad>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deal_ids: Vec<DealId>,
}

impl Report {
    /// Whether a row was bad and nothing was therefore imported.
    pub fn refused(&self) -> bool {
        !self.dry_run && self.bad_rows > 0 && self.imported == 0
    }
}

/// Checks every row and imports them in one transaction. With a bad row nothing is imported, unless `skip_bad`.
pub fn import(cx: &mut Cx<'_>, file: &Read, options: Options) -> Result<Report, No> {
    cx.require(Verb::ImportDeals)?;
    cx.require(Verb::CreateDeal)?;
    if options.confirm {
        cx.require(Verb::ConfirmDeal)?;
    }
    // Two who import the same file at once must not both find that none of it is there.
    tenant::store::hold(cx)?;
    let mut problems = file.bad.clone();
    let good = check_rows(cx, file, options, &mut problems)?;
    let bad_lines: HashSet<u64> = problems.iter().map(|bad| bad.line).collect();
    let unread = file.bad.iter().map(|bad| bad.line).filter(|line| !file.rows.iter().any(|row| row.line == *line));
    let rows = file.rows.len() + unread.collect::<HashSet<_>>().len();
    let wanted = problems.is_empty() || options.skip_bad;
    problems.sort();
    let mut report = Report {
        dry_run: options.dry_run,
        rows,
        imported: if wanted { good.len() } else { 0 },
        bad_rows: bad_lines.len(),
        problems,
        deal_ids: Vec::new(),
    };
    if options.dry_run || !wanted {
        return Ok(report);
    }
    for checked in good {
        let deal = ops::insert(cx, checked)?;
        report.deal_ids.push(deal.id);
        if options.confirm {
            ops::activate_draft(cx, deal)?;
        }
    }
    Ok(report)
}

fn check_rows(
    cx: &mut Cx<'_>,
    file: &Read,
    options: Options,
    problems: &mut Vec<Bad>,
) -> Result<Vec<Checked>, No> {
    let mut known = store::titles_and_addresses(cx, &[DealStatus::Draft, DealStatus::Active])?;
    let unread: HashSet<u64> = file.bad.iter().map(|bad| bad.line).collect();
    let mut good = Vec::with_capacity(file.rows.len());
    for row in &file.rows {
        let mut wrong = |field: &str, reason: String| {
            let column = row.columns.get(field).cloned().unwrap_or_else(|| field.to_owned());
            problems.push(Bad { line: row.line, column, reason });
        };
        let checked = match intake::check(&row.deal) {
            Ok(checked) => checked,
            Err(all) => {
                all.into_iter().for_each(|problem| wrong(&problem.field, problem.sentence));
                continue;
            }
        };
        let here = match ops::known_here(cx, &checked) {
            Ok(here) => here,
            Err(No::Refusal(refusal)) if !refusal.problems.is_empty() => {
                refusal.problems.into_iter().for_each(|problem| wrong(&problem.field, problem.sentence));
                continue;
            }
            Err(other) => return Err(other),
        };
        if options.confirm {
            let state = checked.state.as_deref().unwrap_or_default();
            let terms = Terms { side: checked.side, financing: checked.financing, state };
            if let Err(all) = rules::generate(&here.0, terms, &checked.key_dates) {
                all.into_iter().for_each(|problem| wrong(&problem.field, problem.sentence));
                continue;
            }
        }
        if !known.insert((checked.title.clone(), checked.address.clone())) {
            wrong(
                "title",
                "a deal with this title and address is there already, or stands twice in the file.".into(),
            );
            continue;
        }
        if !unread.contains(&row.line) {
            good.push(checked);
        }
    }
    Ok(good)
}

/// What a person is told when a bad row kept everything out.
pub fn refusal(report: &Report) -> Refusal {
    let first = report
        .problems
        .first()
        .map_or_else(String::new, |bad| format!(" The first: line {}, {}: {}", bad.line, bad.column, bad.reason));
    Refusal::new(
        crate::kernel::Code::Invalid,
        format!("{} of {} rows are bad, so nothing was imported.{first}", report.bad_rows, report.rows),
        "Correct the rows, or import the good ones with --skip-bad.",
    )
}
