//! What was measured.

use crate::cli::bench::agents;
use crate::cli::bench::delivery::{Delivered, Rate};
use crate::cli::bench::overdue::{Felt, Left, Watched};
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

pub fn agents(m: &agents::Measured) -> String {
    let ms = |value: f64| format!("{value:.2} ms");
    let ratio = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    let promised = |kept| match kept {
        None => "",
        Some(true) => "kept",
        Some(false) => "missed",
    };
    let row = |asked: &agents::Asked| {
        vec![
            asked.tool.to_owned(),
            format!("{:.0}", asked.per_second),
            ms(asked.times.p50_ms),
            ms(asked.times.p95_ms),
            asked.bytes.to_string(),
            ratio(asked.of_echo),
            ratio(asked.of_other),
            promised(asked.kept).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = m.asked.iter().map(row).collect();
    format!(
        "{}, {} milestones, {} clients, {} rounds of {} s each\n{}\nPromised: at least {} of the echo, {} times the other \
         server, and 95 % within {} ms.\n",
        m.database,
        m.milestones,
        m.clients,
        m.rounds,
        m.seconds,
        table(&["TOOL", "A SECOND", "MEDIAN", "P95", "BYTES", "OF ECHO", "OF OTHER", "PROMISE"], &rows),
        agents::OF_ECHO,
        agents::OF_OTHER,
        agents::P95_MS,
    )
}

pub fn no_local_address(url: &str) -> String {
    format!("{url} is no server on this machine. Write it as http://127.0.0.1:8000/mcp.")
}

pub fn delivered(m: &Delivered) -> String {
    let ms = |value: f64| format!("{value:.2} ms");
    let rate = |what: String, rate: &Rate| {
        let each = &rate.transactions;
        vec![what, rate.count.to_string(), format!("{:.0}", rate.per_second), ms(each.p50_ms), ms(each.p95_ms)]
    };
    let look = |what: String, times: &Option<Times>| {
        times.as_ref().map(|t| vec![what, t.count.to_string(), String::new(), ms(t.p50_ms), ms(t.p95_ms)])
    };
    let mut rows = vec![
        rate(format!("plan reminders of {} deals", m.deals), &m.plan),
        rate(format!("send, {} at once", m.claim), &m.send),
        rate("  of it claim and decide".into(), &m.claims),
        rate("  of it settle".into(), &m.settles),
        rate("decide by the rules alone, one thread".into(), &m.decisions),
    ];
    rows.extend(look(format!("an empty sweep over {} milestones", m.milestones), &m.empty_sweep));
    rows.extend(look("an empty claim".into(), &m.empty_claim));
    let memory = memory(m.memory_before_kib, m.memory_peak_kib);
    format!(
        "{}, {} workers\n{}\nThe whole way of {} reminders: {:.0} a second.\nResident memory meanwhile: {memory}\n",
        m.database,
        m.workers,
        table(&["WHAT", "COUNT", "A SECOND", "MEDIAN", "P95"], &rows),
        m.reminders,
        m.whole_per_second,
    )
}

fn memory(before: Option<u64>, peak: Option<u64>) -> String {
    match (before, peak) {
        (Some(before), Some(peak)) => {
            let mib = |kib: u64| kib as f64 / 1024.0;
            format!("{:.1} MiB before, {:.1} MiB at most", mib(before), mib(peak))
        }
        _ => "unknown".into(),
    }
}

pub fn watched(w: &Watched) -> String {
    let ms = |value: f64| format!("{value:.2} ms");
    let row = |what: &str, when: &str, times: &Times| {
        vec![
            what.to_owned(),
            when.to_owned(),
            times.count.to_string(),
            ms(times.p50_ms),
            ms(times.p95_ms),
            ms(times.worst_ms),
        ]
    };
    let felt = |when: &str, felt: &Felt| {
        [row("a page of deals", when, &felt.deal_list), row("add a milestone", when, &felt.milestone_add)]
    };
    let rows: Vec<Vec<String>> =
        [felt("idle", &w.idle), felt("while it is planned", &w.planning), felt("while e-mails leave", &w.sending)]
            .into_iter()
            .flatten()
            .collect();
    let left = |which: &str, left: &Left| {
        vec![which.to_owned(), left.deals.to_string(), left.emails.to_string(), left.console.to_string()]
    };
    format!(
        "{}, {} reminders overdue; all planned after {:.1} s, watched for {:.0} s\n{}\n{}\nE-mails in the busiest \
         second: {}; {:.1} a second over all.\nResident memory meanwhile: {}\n",
        w.database,
        w.reminders,
        w.plan_seconds,
        w.seconds,
        table(&["WHAT", "WHEN", "TIMES", "MEDIAN", "P95", "WORST"], &rows),
        table(
            &["LEFT", "DEALS", "E-MAILS", "LINES"],
            &[left("the larger workspace", &w.larger), left("the smaller workspace", &w.smaller)]
        ),
        w.busiest_second,
        (w.larger.emails + w.smaller.emails) as f64 / w.seconds.max(1e-9),
        memory(w.memory_before_kib, w.memory_peak_kib),
    )
}
