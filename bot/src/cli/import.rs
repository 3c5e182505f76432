//! `milepost import`: deals from a file.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::deals::deal::import::{self, Format, Options, Report};
use domain::kernel::{Problem, Refusal};

use super::{Answer, Common, Desk, Outcome, Stop};
use crate::says;

#[derive(Subcommand)]
pub enum Import {
    /// Deals from a CSV or JSON file: all or nothing, every bad row named by line and column
    Deals(Deals),
}

#[derive(Args)]
pub struct Deals {
    /// A .json file is read as JSON, everything else as CSV
    file: PathBuf,
    /// Only check, and name every problem
    #[arg(long)]
    dry_run: bool,
    /// Import the good rows although others are bad
    #[arg(long)]
    skip_bad: bool,
    /// Make the deals active and generate their milestones
    #[arg(long)]
    confirm: bool,
}

pub fn run(common: &Common, cmd: &Import) -> Outcome {
    let Import::Deals(cmd) = cmd;
    let shown = cmd.file.display();
    let unread = |error| Stop::Failed(format!("{shown} cannot be read: {error}. Nothing was imported."));
    let size = std::fs::metadata(&cmd.file).map_err(unread)?.len();
    if size > import::MAX_FILE as u64 {
        return Err(Stop::Failed(format!(
            "{shown} has {size} bytes; at most {} are taken. Nothing was imported. Split it.",
            import::MAX_FILE
        )));
    }
    let bytes = std::fs::read(&cmd.file).map_err(unread)?;
    let rows = import::read(&bytes, Format::of_name(&cmd.file.to_string_lossy()));
    let desk = Desk::open(common)?;
    let options = Options { dry_run: cmd.dry_run, skip_bad: cmd.skip_bad, confirm: cmd.confirm };
    let done = desk.write(|cx| import::import(cx, &rows, options))?;
    let report = done.value;
    if report.refused() && !cmd.skip_bad {
        return Err(refusal(&report).into());
    }
    Ok(Some(Answer::new(says::import::report(&report, options), &report)))
}

/// The refusal with every bad place in it.
fn refusal(report: &Report) -> Refusal {
    let problems = report.problems.iter().map(|bad| Problem::new(says::import::place(bad), bad.reason.clone()));
    Refusal {
        sentence: says::import::refused(report),
        problems: problems.collect(),
        details: serde_json::to_value(report).ok(),
        ..import::refusal(report)
    }
}
