//! `milepost preferences`: how a member or contact wants to be reached.

use clap::Subcommand;
use domain::deals::deal::parties;
use domain::delivery::notify::verify;
use domain::people::reach::ops;
use serde_json::{Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome};
use crate::says;

#[derive(Subcommand)]
pub enum Preferences {
    /// Show how somebody hears of what
    Show {
        /// A member's or contact's e-mail address, or a contact's number or id
        email: String,
    },
    /// Enter the code that was sent to your own number; without a code, send another
    Verify {
        /// Six digits
        code: Option<String>,
    },
    /// Change it: TOPIC.CHANNEL on|off|hourly|daily|weekly, quiet 21:00-08:00, digest_at 07:30, digest_on monday, order
    /// email,sms, phone +13125550100, discord ID. An empty value goes back to what is usual.
    /// A member's new phone is sent a code; messages go there once the member entered it. A Discord id that is set here,
    /// on the server's own terminal, is believed
    #[command(verbatim_doc_comment)]
    Set {
        /// A member's or contact's e-mail address, or a contact's number or id
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
        Preferences::Verify { code: Some(code) } => {
            let done = desk.write(|cx| verify::verify(cx, code))?;
            let shown = done.value.or_refuse()?;
            Answer::new(says::preferences::verified(&shown), Written::<Value>::beside(done.receipt, json!(shown)))
        }
        Preferences::Verify { code: None } => {
            let done = desk.write(verify::send_again)?;
            let text = says::preferences::code_sent(&done.value);
            Answer::new(text, Written::<Value>::beside(done.receipt, json!(done.value)))
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
                parties::set_preferences(cx, person, &new, *version)
            })?;
            let text = says::preferences::shown(&done.value);
            Answer::new(text, Written::<Value>::beside(done.receipt, json!(done.value)))
        }
    };
    Ok(Some(answer))
}
