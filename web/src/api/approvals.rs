//! Approvals, to look at. A token decides nothing: that is for people, in chat, on the web or at the server's terminal.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::deals::followup::sheet;
use domain::deals::followup::view::ApprovalSheet;
use domain::kernel::id::{ApprovalId, MemberId};
use domain::kernel::page::Ask;
use domain::kernel::{Code, Refusal};
use domain::workspace::approval::ApprovalState;
use domain::workspace::approval::ops::{self, ListApprovals};
use domain::workspace::approval::view::ApprovalView;
use host::Host;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Caller, Id, Listed, Query};
use crate::Problem;

pub(super) fn routes() -> Router<Host> {
    Router::new()
        .route("/approvals", get(list))
        .route("/approvals/{id}", get(one))
        .route("/approvals/{id}/votes", post(vote))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Pending ones when left out.
    #[serde(default)]
    state: Vec<ApprovalState>,
    /// Only those that wait for this member.
    #[schemars(with = "Option<String>")]
    #[serde(default)]
    waiting_for: Option<MemberId>,
    #[serde(default)]
    #[schemars(with = "String")]
    cursor: Option<String>,
    #[serde(default)]
    #[schemars(with = "i64")]
    limit: Option<i64>,
}

async fn list(
    State(host): State<Host>,
    Caller(who): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Listed<ApprovalView>>, Problem> {
    let ask = Ask { cursor: wanted.cursor, limit: wanted.limit };
    let wanted = ListApprovals { state: wanted.state, waiting_for: wanted.waiting_for, subject: None, ask };
    Ok(Json(host.look(&who, move |cx| ops::list(cx, &wanted)).await?.into()))
}

async fn one(
    State(host): State<Host>,
    Caller(who): Caller,
    Id(id): Id<ApprovalId>,
) -> Result<Json<ApprovalSheet>, Problem> {
    Ok(Json(host.look(&who, move |cx| sheet::approval(cx, id)).await?))
}

/// Where a program would look for it, so that it is told who decides. It looks at nothing, so it says the same of every id.
async fn vote() -> Problem {
    Refusal::new(
        Code::Forbidden,
        "A token decides about no approval, whatever its scope: people do. No vote was counted.",
        "Ask a person whom it waits for (waiting_for) to decide, in chat or with milepost approval vote.",
    )
    .into()
}
