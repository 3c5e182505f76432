//! `milepost completions` and `milepost man`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use super::{Answer, Cli, Outcome};

#[derive(Args)]
pub struct Completions {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

pub fn completions(cmd: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(cmd.shell, &mut Cli::command(), "milepost", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Ok(Some(Answer::new(script.clone(), json!({ "shell": cmd.shell.to_string(), "script": script }))))
}

/// One page: what the program is, and each command with its own section after it.
pub fn page() -> Outcome {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    let page = String::from_utf8_lossy(&page).into_owned();
    Ok(Some(Answer::new(page.clone(), json!({ "page": page }))))
}
