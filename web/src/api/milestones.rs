//! Milestones: putting one off.

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use domain::deals::milestone;
use domain::deals::reminder::snooze::{SnoozeMilestone, Snoozed, snooze};
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::{Cx, Refusal};
use host::Host;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Body, Caller, Key};
use crate::Problem;

pub(super) fn routes() -> Router<Host> {
    Router::new().route("/deals/{deal}/milestones/{id}/snooze", post(put_off))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PutOff {
    /// The version that was read; refused when it is no longer the current one.
    #[serde(default)]
    #[schemars(with = "i64")]
    version: Option<i64>,
    /// 1 to 14 days from today; 1 when left out.
    #[serde(default)]
    #[schemars(with = "i32")]
    days: Option<i32>,
}

async fn put_off(
    State(host): State<Host>,
    Caller(who): Caller,
    Path((deal, id)): Path<(String, String)>,
    Key(key): Key,
    Body(wanted): Body<PutOff>,
) -> Result<Json<Snoozed>, Problem> {
    let (Ok(deal), Ok(id)) = (deal.parse::<DealId>(), id.parse::<MilestoneId>()) else {
        return Err(Problem::no_such_path());
    };
    let cmd = SnoozeMilestone { id, version: wanted.version, days: wanted.days };
    let new = cmd.clone();
    let put_off = move |cx: &mut Cx<'_>| {
        let found = milestone::ops::get(cx, id)?;
        if found.deal_id != deal {
            return Err(Refusal::not_found("milestone").into());
        }
        snooze(cx, &new)
    };
    Ok(Json(host.act_once(&who, key, "rest.milestone_snooze", (deal, cmd), put_off).await?.value))
}
