//! `milepost config`: a sample of the settings, those in force, and what is wrong with them.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::Subcommand;
use host::config::SAMPLE;
use serde_json::json;

use super::{Answer, Common, Outcome, Stop};
use crate::says;

/// The file of settings in the folder where the program starts.
pub const USUAL_FILE: &str = "milepost.toml";

#[derive(Subcommand)]
pub enum Config {
    /// Write a fully commented sample to --config, or to ./milepost.toml
    Init {
        /// Replace the file that is there
        #[arg(long)]
        force: bool,
    },
    /// Print the settings in force, secrets masked
    Show,
    /// Name every problem with the settings
    Check,
}

pub fn run(common: &Common, cmd: &Config) -> Outcome {
    let answer = match cmd {
        Config::Init { force } => init(common, *force)?,
        Config::Show => {
            let shown = common.settings()?.shown();
            let json: serde_json::Value =
                toml::from_str(&shown).map_err(|error| Stop::Failed(says::sentence(&error.to_string())))?;
            Answer::new(shown, json)
        }
        Config::Check => {
            common.settings()?;
            let file = common.settings_file();
            let text = says::config::good(file.as_deref());
            Answer::new(text, json!({ "ok": true, "file": file }))
        }
    };
    Ok(Some(answer))
}

fn init(common: &Common, force: bool) -> Result<Answer, Stop> {
    let file = common.settings_file().unwrap_or_else(|| PathBuf::from(USUAL_FILE));
    let shown = file.display();
    let mut open = OpenOptions::new();
    if force {
        open.write(true).create(true).truncate(true);
    } else {
        open.write(true).create_new(true);
    }
    let written = open.open(&file).and_then(|mut to| to.write_all(SAMPLE.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Stop::Failed(format!(
            "{shown} is there already. Nothing was changed. Replace it with --force, or name another with --config."
        )),
        _ => Stop::Failed(format!("{shown} cannot be written: {error}.")),
    })?;
    Ok(Answer::new(says::config::written(&file), json!({ "file": file })))
}
