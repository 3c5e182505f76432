//! What was measured.

use crate::cli::bench::{Measured, Times};

use super::table;

pub fn measured(m: &Measured) -> String {
    let row = |what: String, times: &Times| {
        let ms = |value: f64| format!("{value:.2} ms");
        vec![what, times.count.to_string(), ms(times.p50_ms), ms(times.p95_ms), ms(times.worst_ms)]
    };
    let rows = [
        row(format!("import of {} deals, {} milestones", m.deals_each, m.milestones_each), &m.imports),
        row(format!("deal_get among {} milestones", m.milestones), &m.deal_get),
        row(format!("milestone_list, a filtered page of 20 among {}", m.milestones), &m.milestone_list),
    ];
    let memory =
        m.idle_memory_kib.map_or_else(|| "unknown".into(), |kib| format!("{:.1} MiB", kib as f64 / 1024.0));
    format!(
        "{}\n{}\nThe first import, into an empty database, took {:.0} ms.\nResident memory of an idle server: {memory}\n",
        m.database,
        table(&["WHAT", "TIMES", "MEDIAN", "P95", "WORST"], &rows),
        m.first_import_ms,
    )
}
