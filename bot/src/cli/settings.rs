//! `milepost settings`: what a workspace says of itself.

use clap::{Args, Subcommand};
use domain::assist::budget::ops as budget;
use domain::deals::reminder::ops::change_settings;
use domain::delivery::settings::ops::{self, EditSettings};
use domain::delivery::settings::{Settings as Document, Stored};
use serde_json::{Map, Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop};
use crate::says;

#[derive(Subcommand)]
pub enum Settings {
    /// How messages leave: hours, caps, who is told
    Delivery(Delivery),
    /// Which model drafts letters, and what it spent today of its budget
    Model,
}

#[derive(Args)]
pub struct Delivery {
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Subcommand)]
enum Change {
    /// Change settings: KEY VALUE, as often as you like; lists with commas, "default" to take one back
    Set {
        #[arg(required = true, num_args = 2.., value_name = "KEY VALUE")]
        pairs: Vec<String>,
        /// Refuse when the settings are no longer at this version
        #[arg(long = "if-version", value_name = "N")]
        version: Option<i64>,
    },
}

pub fn run(common: &Common, cmd: Settings) -> Outcome {
    let cmd = match cmd {
        Settings::Delivery(cmd) => cmd,
        Settings::Model => return model(&Desk::open(common)?).map(Some),
    };
    let answer = match cmd.change {
        None => {
            let stored = Desk::open(common)?.read(ops::get)?;
            shown(&stored, None)
        }
        Some(Change::Set { pairs, version }) => {
            let cmd = EditSettings { version, set: read(&pairs)? };
            let done = Desk::open(common)?.write(|cx| change_settings(cx, &cmd))?;
            let text = says::settings::changed(&done.value, done.receipt.is_some());
            Answer::new(text, Written::<Value>::beside(done.receipt, json!({ "delivery": done.value })))
        }
    };
    Ok(Some(answer))
}

fn shown(stored: &Stored, receipt: Option<Value>) -> Answer {
    Answer::new(
        says::settings::delivery(stored),
        Written::<Value>::beside(receipt, json!({ "delivery": stored, "limits": stored.settings.limits() })),
    )
}

fn model(desk: &Desk) -> Result<Answer, Stop> {
    let model = &desk.host.config().model;
    let today = desk.read(|cx| budget::today(cx, model.daily_tokens))?;
    let name = model.model.as_deref();
    Ok(Answer::new(says::settings::model(name, &today), json!({ "model": name, "today": today })))
}

/// Values as people type them, in the kind that the setting has without anybody's word.
fn read(pairs: &[String]) -> Result<Map<String, Value>, Stop> {
    let usual = serde_json::to_value(Document::default()).unwrap_or_default();
    let mut set = Map::new();
    for pair in pairs.chunks(2) {
        let [key, value] = pair else {
            return Err(Stop::Usage(format!(
                "{} has no value. Nothing was changed. Write each setting as KEY VALUE.",
                pair.concat()
            )));
        };
        set.insert(key.clone(), typed(key, value, usual.get(key)));
    }
    Ok(set)
}

fn typed(key: &str, text: &str, usual: Option<&Value>) -> Value {
    if text == "default" || text == "none" {
        return Value::Null;
    }
    match usual {
        Some(Value::Array(_)) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect()
        }
        Some(Value::String(_)) => text.into(),
        _ if key == "team_channel" => {
            let (channel, address) = text.split_once(':').unwrap_or((text, ""));
            json!({ "channel": channel, "address": address })
        }
        // Numbers, yes and no.
        _ => match text {
            "yes" | "on" => true.into(),
            "no" | "off" => false.into(),
            _ => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_the_kind_of_their_setting() {
        let check = |text: &str, expected: Value| {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            assert_eq!(Value::Object(read(&words).unwrap()), expected, "{text}");
        };
        check("quiet_from 20:00", json!({ "quiet_from": "20:00" }));
        check("hold_saturdays yes", json!({ "hold_saturdays": true }));
        check("messages_per_day 500", json!({ "messages_per_day": 500 }));
        check("messages_per_day none", json!({ "messages_per_day": null }));
        check("blackout_days 2026-12-25,2027-01-01", json!({ "blackout_days": ["2026-12-25", "2027-01-01"] }));
        check("team_channel discord:42", json!({ "team_channel": { "channel": "discord", "address": "42" } }));
        assert!(read(&["quiet_from".to_owned()]).is_err());
    }
}
