//! `milepost migrate`: brings the database to this version's schema.

use clap::Args;
use domain::kernel::migrate;
use host::Host;
use serde_json::json;

use super::{Answer, Common, Outcome, Stop};
use crate::says;

#[derive(Args)]
pub struct Migrate {
    /// Only say what is missing; fails when something is
    #[arg(long)]
    check: bool,
}

pub fn run(common: &Common, cmd: &Migrate) -> Outcome {
    let config = common.quiet_settings()?;
    let data = common.data();
    let file = data.join(host::DATABASE_FILE);
    if cmd.check && config.database.url.is_none() && !file.exists() {
        return Err(Stop::Failed(says::no_database(&file)));
    }
    let db = Host::database(&config, &data)?;
    if cmd.check {
        let missing = migrate::pending(&db)?;
        if !missing.is_empty() {
            return Err(Stop::Failed(says::migrate::missing(&missing)));
        }
        return Ok(Some(Answer::new(says::migrate::applied(&[]), json!({ "pending": missing }))));
    }
    let applied = migrate::migrate(&db)?;
    Ok(Some(Answer::new(says::migrate::applied(&applied), json!({ "applied": applied }))))
}
