//! What came of an import.

use domain::deals::deal::import::{Bad, Options, Report};

use super::{count, indented};

/// "line 3, closing_date"
pub fn place(bad: &Bad) -> String {
    if bad.column.is_empty() { format!("line {}", bad.line) } else { format!("line {}, {}", bad.line, bad.column) }
}

/// Every place stands in the lines after it.
pub fn refused(report: &Report) -> String {
    let are = if report.bad_rows == 1 { "is" } else { "are" };
    format!("{} of {} {are} bad, so nothing was imported.", report.bad_rows, count(report.rows, "row"))
}

pub fn report(report: &Report, options: Options) -> String {
    let Report { rows, imported, bad_rows, .. } = report;
    let read = count(*rows, "row");
    let deals = count(*imported, "deal");
    let as_what = if options.confirm { "active, with their milestones" } else { "drafts" };
    let mut text = match (report.dry_run, *bad_rows) {
        (true, 0) => {
            format!("{read} read, none bad. {deals} would be imported ({as_what}). Nothing was changed.\n")
        }
        (true, bad) if options.skip_bad => {
            format!("{read} read, {bad} bad. {deals} would be imported ({as_what}). Nothing was changed.\n")
        }
        (true, bad) => format!("{read} read, {bad} bad, so nothing would be imported. Nothing was changed.\n"),
        (false, 0) => format!("{read} read, none bad. {deals} imported ({as_what}).\n"),
        (false, bad) => format!("{read} read, {bad} bad and left out. {deals} imported ({as_what}).\n"),
    };
    let lines: String = report.problems.iter().map(|bad| format!("{}: {}\n", place(bad), bad.reason)).collect();
    text.push_str(&indented(&lines));
    if report.dry_run && *bad_rows > 0 && !options.skip_bad {
        text.push_str("Correct the rows, or import the good ones with --skip-bad.\n");
    }
    if !report.dry_run && *imported > 0 && !options.confirm {
        text.push_str("Make one active and generate its milestones with: milepost deal confirm ID\n");
    }
    text
}
