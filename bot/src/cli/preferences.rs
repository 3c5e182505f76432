//! `milepost preferences`: how a member or contact wants to be reached.

use clap::Subcommand;
use domain::people::reach::ops;
use serde_json::{Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome};
use crate::says;

#[derive(Subcommand)]
pub enum Preferences {
    /// Show how somebody hears of what
    Show {
        /// A member's or contact's e-mail address
        email: String,
    },
    /// Change it: TOPIC.CHANNEL on|off|hourly|daily|weekly, quiet 21:00-08:00, digest_at 07:30, digest_on monday, order
    /// email,sms, phone +13125550100, discord ID. An empty value goes back to what is usual
    #[command(verbatim_doc_comment)]
    Set {
        /// A member's or contact's e-mail address
        email: String,
        /// Such as: reminder.email daily quiet 21:00-08:00
        #[arg(required = true, num_args = 2.., value_names = ["KEY", "VALUE"])]
        pairs: Vec<String>,
        /// Refuse when they are no longer at this version
        #[arg(long = "if-version", value_name = "N")]
        version: Option<i64>,
    },
}

pub fn run(common: &Common, cmd: &Preferences) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Preferences::Show { email } => {
            let shown = desk.read(|cx| {
                let person = ops::named(cx, email)?;
                ops::show(cx, person)
            })?;
            Answer::new(says::preferences::shown(&shown), json!(shown))
        }
        Preferences::Set { email, pairs, version } => {
            if pairs.len() % 2 != 0 {
                return Err(super::Stop::Usage(says::preferences::ODD.into()));
            }
            let done = desk.write(|cx| {
                let person = ops::named(cx, email)?;
                let mut new = ops::show(cx, person)?.preferences;
                for pair in pairs.chunks(2) {
                    ops::put(&mut new, &pair[0], &pair[1])?;
                }
                ops::set(cx, person, &new, *version)
            })?;
            let text = says::preferences::shown(&done.value);
            Answer::new(text, Written::<Value>::beside(done.receipt, json!(done.value)))
        }
    };
    Ok(Some(answer))
}
