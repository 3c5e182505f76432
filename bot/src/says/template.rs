//! Templates.

use domain::deals::milestone::template::Template;
use domain::deals::milestone::template::ops::Listed;

use super::{count, table};

pub fn list(all: &[Listed]) -> String {
    let rows: Vec<_> = all
        .iter()
        .map(|listed| {
            let t = &listed.template;
            vec![
                t.name.clone(),
                t.version.to_string(),
                t.rules.len().to_string(),
                if listed.own { "this workspace" } else { "Milepost" }.to_owned(),
                t.title.clone(),
            ]
        })
        .collect();
    table(&["NAME", "VERSION", "RULES", "FROM", "TITLE"], &rows)
}

pub fn good(template: &Template) -> String {
    format!("{} version {} is a good template with {}.", template.name, template.version, rules(template))
}

pub fn set(template: &Template) -> String {
    format!(
        "New deals of this workspace use {} version {} with {}. Deals that have their milestones keep them as they are.",
        template.name,
        template.version,
        rules(template)
    )
}

pub fn reset(name: &str) -> String {
    format!("The workspace's own {name} is gone; the one that ships counts again, where there is one.")
}

fn rules(template: &Template) -> String {
    count(template.rules.len(), "rule")
}
