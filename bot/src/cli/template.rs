//! `milepost template`: the rules that make milestones.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use domain::deals::milestone::template::{self, ops};
use domain::kernel::Refusal;
use serde_json::{Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop};
use crate::says;

#[derive(Subcommand)]
pub enum Template {
    /// List the templates that deals can use
    List,
    /// Print a template as the TOML that `set` takes
    Show { name: String },
    /// Say everything that is wrong with a file, by field and line
    Check { file: PathBuf },
    /// Store the workspace's own template from a TOML file
    Set { file: PathBuf },
    /// Go back to the template that ships
    Reset { name: String },
}

pub fn run(common: &Common, cmd: &Template) -> Outcome {
    // Checking a file needs no database.
    if let Template::Check { file } = cmd {
        let text = text(file)?;
        let template = template::Template::parse(&text).map_err(Refusal::invalid)?;
        return Ok(Some(Answer::new(says::template::good(&template), &template)));
    }
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Template::List => {
            let all = desk.read(ops::list)?;
            let rows = all.iter().map(|listed| {
                let t = &listed.template;
                json!({ "name": t.name, "title": t.title, "version": t.version, "holidays": t.holidays,
                        "rules": t.rules.len(), "own": listed.own })
            });
            Answer::new(says::template::list(&all), json!({ "templates": rows.collect::<Vec<_>>() }))
        }
        Template::Show { name } => {
            let template = desk.read(|cx| ops::show(cx, name))?;
            let toml = template.to_toml().map_err(|error| Stop::Failed(says::sentence(&error.to_string())))?;
            Answer::new(toml, &template)
        }
        Template::Check { file } | Template::Set { file } => {
            let text = text(file)?;
            let done = desk.write(|cx| ops::set(cx, &text))?;
            let words = says::template::set(&done.value);
            Answer::new(words, Written::<Value>::beside(done.receipt, json!({ "template": done.value })))
        }
        Template::Reset { name } => {
            let done = desk.write(|cx| ops::reset(cx, name))?;
            Answer::new(
                says::template::reset(name),
                Written::<Value>::beside(done.receipt, json!({ "reset": name })),
            )
        }
    };
    Ok(Some(answer))
}

fn text(file: &Path) -> Result<String, Stop> {
    std::fs::read_to_string(file)
        .map_err(|error| Stop::Failed(format!("{} cannot be read: {error}. Nothing was changed.", file.display())))
}
