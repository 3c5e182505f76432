//! What is to come: the days ahead, rehearsed.

use domain::deals::simulate::{Forecast, Verdict, simulate};
use domain::kernel::Principal;
use domain::kernel::id::DealId;
use domain::people::reach::{Channel, Topic};
use jiff::Timestamp;
use rmcp::handler::server::wrapper::Json;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::args::Parameters;
use crate::guard::Refused;
use crate::milepost::Milepost;
use crate::progress::Progress;
use crate::server::Who;

/// Days that are rehearsed at most: a model reads a month, and the database has other work.
const MOST_DAYS: u32 = 31;
const USUAL_DAYS: u32 = 7;
/// Reasons of one message that are shown.
const REASONS: usize = 5;
/// Messages that are shown.
const SHOWN: usize = 25;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateSchedule {
    /// 1 to 31 days from now; 7 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 31))]
    pub days: Option<u32>,
    /// Only what is about this deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
}

/// A message as it would go out, without its words.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Upcoming {
    #[schemars(with = "String")]
    at: Timestamp,
    verdict: Verdict,
    topic: Topic,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Channel")]
    channel: Option<Channel>,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    deal_id: Option<DealId>,
    subject: String,
    /// The milestones that it is about, and why now.
    why: Vec<String>,
    /// What the policy says.
    policy: Vec<String>,
}

impl From<Forecast> for Upcoming {
    fn from(forecast: Forecast) -> Self {
        let Forecast { at, verdict, topic, channel, to, deal_id, subject, why, policy, .. } = forecast;
        let some = |all: Vec<String>| all.into_iter().take(REASONS).collect();
        Self { at, verdict, topic, channel, to, deal_id, subject, why: some(why), policy: some(policy) }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Ahead {
    /// In order.
    messages: Vec<Upcoming>,
    /// How many more there are in these days; look at fewer days, or at one deal.
    more: usize,
}

#[tool_router(router = schedule_tools, vis = "pub")]
impl Milepost {
    /// What will be sent in the next days if nobody changes anything: when, to whom, why, and what the policy says. A
    /// rehearsal that keeps nothing. It can take some seconds.
    #[tool(annotations(
        title = "Look ahead at what is to be sent",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn schedule_simulate(
        &self,
        Who(who): Who<Principal>,
        progress: Progress,
        Parameters(args): Parameters<SimulateSchedule>,
    ) -> Result<Json<Ahead>, Refused> {
        let days = args.days.unwrap_or(USUAL_DAYS).min(MOST_DAYS);
        let rehearse = async |report: crate::progress::Report| {
            let told = move |done: i64| report.at(u32::try_from(done).unwrap_or(0), days);
            self.host.rehearse(&who, move |work| simulate(work, days.into(), args.deal_id, &told)).await
        };
        let all = progress.during(rehearse).await?;
        let more = all.len().saturating_sub(SHOWN);
        Ok(Json(Ahead { messages: all.into_iter().take(SHOWN).map(Upcoming::from).collect(), more }))
    }
}
