//! `/setup`

use std::time::Duration;

use domain::deals::reminder::ops::change_settings;
use domain::delivery::settings::{self, ops::EditSettings};
use domain::kernel::Refusal;
use domain::people::chat::ops::{self, Redeem, TypedIn, wrong_code};
use domain::workspace::tenant;
use host::Host;
use serde_json::{Map, json};
use serenity::all::Http;

use super::{Command, offered as pick, one_of, text};
use crate::chat::asked::{Asked, Call};
use crate::chat::caller::Caller;
use crate::chat::reply::{Reply, Say};
use crate::chat::says;
use crate::chat::spec::{Kind, Opt};

pub fn spec() -> Command {
    Command {
        name: "setup",
        about: "Link this server or yourself, and choose the channel, the zone and who approves",
        verbs: vec![],
        options: vec![
            text("code", "The code that milepost invite or an admin gave you", 40),
            Opt::new("channel", "Where the team reads reminders and approvals", Kind::Channel),
            pick("zone", "The zone of new deals, such as America/Chicago"),
            Opt::new("threads", "A thread for each deal", Kind::Flag),
            one_of("approvers", "Whose yes a letter needs", &["owner", "admin", "coordinator", "anyone of these"]),
        ],
    }
}

/// A code that somebody typed who may not be known yet.
pub async fn redeem(host: &Host, http: &Http, asked: &Asked, call: &Call) -> Result<Reply, Refusal> {
    // Nobody guesses 50 bits at the pace that all of somebody's questions are held to.
    let code = call.owned("code").unwrap_or_default();
    let holder = host.code_holder(&code).await?.ok_or_else(wrong_code)?;
    let guild = match &asked.guild {
        Some(guild) => {
            Some(TypedIn { id: guild.id.clone(), name: named(http, &guild.id).await, manages: guild.manages })
        }
        None => None,
    };
    let cmd = Redeem { code, user_id: asked.user.clone(), guild };
    let done = host.act(&holder, move |cx| ops::redeem(cx, &cmd)).await?;
    Ok(Say::privately(says::redeemed(&done.value, asked.guild.is_some())).into())
}

/// What a server is called; its name is for people, so one that does not come in time is done without.
async fn named(http: &Http, guild: &str) -> String {
    let asked = async { Some(http.get_guild(guild.parse::<u64>().ok()?.into()).await.ok()?.name) };
    let named = tokio::time::timeout(Duration::from_millis(400), asked).await;
    named.ok().flatten().unwrap_or_else(|| "a Discord server".into())
}

pub async fn run(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let mut set = Map::new();
    if let Some(id) = call.text("channel") {
        set.insert("team_channel".into(), json!({ "channel": "discord", "address": id }));
    }
    if let Some(threads) = call.said("threads") {
        set.insert("deal_threads".into(), threads.into());
    }
    match call.text("approvers") {
        Some("anyone of these") => drop(set.insert("draft_stages".into(), json!([]))),
        Some(role) => drop(set.insert("draft_stages".into(), json!([format!("any of role:{role}")]))),
        None => {}
    }
    let zone = call.owned("zone");
    let changes = !set.is_empty() || zone.is_some();
    let (stored, zone) = caller
        .act(move |cx| {
            if let Some(zone) = &zone {
                tenant::ops::set_zone(cx, zone.trim())?;
            }
            let stored = match set.is_empty() {
                true => settings::ops::get(cx)?,
                false => change_settings(cx, &EditSettings { version: None, set: set.clone() })?,
            };
            let zone = tenant::store::find(cx)?.map(|workspace| workspace.time_zone).unwrap_or_default();
            Ok((stored, zone))
        })
        .await?;
    Ok(Say::privately(says::set_up(&stored, &zone, changes)).into())
}
