//! The templates by which deals get their milestones, as Markdown.

use domain::deals::calendar::Days;
use domain::deals::milestone::template::ops::Listed;
use domain::deals::milestone::template::{DateRule, Template};

use super::markdown::{DATA, count, plain, table};

/// Rules, or templates, that are shown.
const MOST: usize = 80;

pub(super) fn catalogue(all: &[Listed]) -> String {
    let row = |listed: &Listed| {
        let template = &listed.template;
        vec![
            plain(&template.name),
            template.version.to_string(),
            plain(&template.title),
            count(template.rules.len(), "rule"),
            if listed.own { "this workspace" } else { "Milepost" }.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().take(MOST).map(row).collect();
    let mut text =
        format!("# Templates\n\n{DATA}\n{}", table(&["Name", "Version", "Title", "Rules", "From"], &rows));
    if all.len() > MOST {
        text.push_str(&format!("\n{} more are not shown.\n", all.len() - MOST));
    }
    text
}

pub(super) fn one(template: &Template) -> String {
    let rows: Vec<Vec<String>> = template.rules.iter().take(MOST).map(row).collect();
    let mut text = format!(
        "# Template {}, version {}\n\n{DATA}\n{}. Business days go by the calendar {}.\n\n{}",
        plain(&template.name),
        template.version,
        plain(&template.title),
        plain(&template.holidays),
        table(&["Type", "Milestone", "Due", "Required", "Responsible", "Reminder", "Only when"], &rows)
    );
    if template.rules.len() > MOST {
        text.push_str(&format!("\n{} more rules are not shown.\n", template.rules.len() - MOST));
    }
    text
}

fn counted(reference: &str, offset: i32, days: Days) -> String {
    match (offset, offset.unsigned_abs()) {
        (0, _) => format!("on {}", plain(reference)),
        (_, by) => {
            let sign = if offset < 0 { "-" } else { "+" };
            format!("{} {sign} {by} {days} day{}", plain(reference), if by == 1 { "" } else { "s" })
        }
    }
}

fn row(rule: &DateRule) -> Vec<String> {
    let mut due = counted(&rule.reference, rule.offset, rule.days);
    if let Some(fallback) = &rule.fallback {
        due.push_str(&format!(", else {}", counted(&fallback.reference, fallback.offset, rule.days)));
    }
    let mut only: Vec<String> = rule.financing.iter().map(|f| f.to_string()).collect();
    only.extend(rule.states.iter().map(|state| plain(state)));
    only.extend(rule.sides.iter().map(|side| format!("{side} side")));
    vec![
        plain(&rule.type_),
        plain(&rule.title),
        due,
        if rule.required { "yes" } else { "no" }.to_owned(),
        rule.responsible.as_str().replace('_', " "),
        rule.remind_days_before.map_or_else(
            || "none".to_owned(),
            |days| format!("{} before", count(days.unsigned_abs() as usize, "day")),
        ),
        only.join(", "),
    ]
}
