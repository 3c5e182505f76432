//! `/setup`

use std::time::Duration;

use domain::deals::reminder::ops::change_settings;
use domain::delivery::card::Look;
use domain::delivery::settings::ops::EditSettings;
use domain::delivery::settings::stage::DraftStage;
use domain::delivery::settings::{self, Stored, Whom};
use domain::kernel::{Cx, No, Principal, Refusal};
use domain::people::chat::ops::{self, Redeem, TypedIn, wrong_code};
use domain::people::chat::pending;
use domain::workspace::access::{Require, Verb};
use domain::workspace::tenant;
use host::Host;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use serenity::all::Http;
use uuid::Uuid;

use super::deal::confirm;
use super::{Command, offered as pick, one_of, text};
use crate::chat::asked::{Asked, Call};
use crate::chat::caller::Caller;
use crate::chat::presses::Pending;
use crate::chat::reply::{Reply, Say};
use crate::chat::says;
use crate::chat::spec::{Kind, Opt};

/// The setting that says who approves.
const STAGES: &str = "draft_stages";

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

/// A code that somebody typed who may not be known yet, and what else they gave with it.
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
    let mut say = Say::privately(says::redeemed(&done.value, asked.guild.is_some()));
    // What is wrong with one of them is no reason to leave the others.
    for (name, wanted) in SetUp::each(call) {
        let outcome = match set_up(host, &holder, wanted).await {
            Ok(Outcome::Done(done)) => says::set_up_part(name, &done),
            Ok(Outcome::Asks(question, kept)) => {
                say = say.with(confirm(kept, Look::Bad));
                question
            }
            Err(refusal) => says::refusal(&refusal),
        };
        say.text.push_str(&format!("\n- **{name}**: {outcome}"));
    }
    Ok(say.into())
}

/// What a server is called; its name is for people, so one that does not come in time is done without.
async fn named(http: &Http, guild: &str) -> String {
    let asked = async { Some(http.get_guild(guild.parse::<u64>().ok()?.into()).await.ok()?.name) };
    let named = tokio::time::timeout(Duration::from_millis(400), asked).await;
    named.ok().flatten().unwrap_or_else(|| "a Discord server".into())
}

pub async fn run(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    Ok(match set_up(&caller.host, &caller.who, SetUp::of(call)).await? {
        Outcome::Done(done) => Say::privately(says::set_up(&done)).into(),
        Outcome::Asks(question, kept) => Say::privately(question).with(confirm(kept, Look::Bad)).into(),
    })
}

/// What somebody wants of the workspace's settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SetUp {
    set: Map<String, Value>,
    zone: Option<String>,
    /// The settings that it was asked of, when it waits for a yes.
    version: Option<i64>,
}

/// How it is now.
pub struct Done {
    pub stored: Stored,
    pub zone: String,
    /// Who approved before, when that was changed.
    pub approved_before: Option<Vec<DraftStage>>,
    pub changed: bool,
}

enum Outcome {
    Done(Box<Done>),
    /// What is asked first, and what waits for the answer.
    Asks(String, Uuid),
}

impl SetUp {
    fn of(call: &Call) -> Self {
        let mut set = Map::new();
        if let Some(id) = call.text("channel") {
            set.insert("team_channel".into(), json!({ "channel": "discord", "address": id }));
        }
        if let Some(threads) = call.said("threads") {
            set.insert("deal_threads".into(), threads.into());
        }
        match call.text("approvers") {
            Some("anyone of these") => drop(set.insert(STAGES.into(), json!([]))),
            Some(role) => drop(set.insert(STAGES.into(), json!([format!("any of role:{role}")]))),
            None => {}
        }
        Self { set, zone: call.owned("zone"), version: None }
    }

    /// The same, option by option.
    fn each(call: &Call) -> Vec<(&'static str, Self)> {
        let one = |name: &'static str| {
            let given = call.options.get(name)?.clone();
            Some((name, Self::of(&Call { options: [(name.to_owned(), given)].into(), ..Call::default() })))
        };
        ["channel", "threads", "zone", "approvers"].into_iter().filter_map(one).collect()
    }

    /// The stages of approval that it would set, where there are others now that took more than a word to say.
    fn replaces(&self, now: &[DraftStage]) -> Option<Vec<DraftStage>> {
        let new: Vec<DraftStage> = serde_json::from_value(self.set.get(STAGES)?.clone()).ok()?;
        let usual = match now {
            [] => true,
            [one] => matches!(one.approvers.as_slice(), [Whom::Role(role)] if *one == DraftStage::any_of(*role)),
            _ => false,
        };
        (!usual && new != now).then_some(new)
    }

    /// Makes the changes that were asked for.
    pub fn carry_out(&self, cx: &mut Cx<'_>) -> Result<Done, No> {
        if let Some(zone) = &self.zone {
            tenant::ops::set_zone(cx, zone.trim())?;
        }
        let before = settings::ops::get(cx)?;
        let stored = match self.set.is_empty() {
            true => before.clone(),
            false => change_settings(cx, &EditSettings { version: self.version, set: self.set.clone() })?,
        };
        let zone = tenant::store::find(cx)?.map(|workspace| workspace.time_zone).unwrap_or_default();
        let before = before.settings.draft_stages;
        let approved_before = (before != stored.settings.draft_stages).then_some(before);
        Ok(Done { stored, zone, approved_before, changed: !self.set.is_empty() || self.zone.is_some() })
    }
}

/// Does it at once, unless it would put away what somebody thought about.
async fn set_up(host: &Host, who: &Principal, wanted: SetUp) -> Result<Outcome, Refusal> {
    let done = host.act(who, move |cx| {
        let now = settings::ops::get(cx)?;
        let Some(new) = wanted.replaces(&now.settings.draft_stages) else {
            return Ok(Outcome::Done(Box::new(wanted.carry_out(cx)?)));
        };
        cx.require(Verb::EditDeliverySettings)?;
        let besides = wanted.set.len() > 1 || wanted.zone.is_some();
        let question = says::other_approvers(&now.settings.draft_stages, &new, besides);
        let wanted = SetUp { version: Some(now.version), ..wanted.clone() };
        Ok(Outcome::Asks(question, pending::keep(cx, &Pending::SetUp(wanted))?))
    });
    Ok(done.await?.value)
}
