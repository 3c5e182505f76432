//! What the policy would say, what it said, and whether it would say the same again of the same facts.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::delivery::policy::ops::{self, PreviewPolicy};
use domain::delivery::policy::view::{DecisionView, PolicyView, Replay};
use domain::kernel::id::{DecisionId, MessageId};
use host::Host;
use serde::Serialize;

use super::{Body, Caller, Id};
use crate::Problem;

pub(super) fn routes() -> Router<Host> {
    Router::new()
        .route("/policy/preview", post(preview))
        .route("/policy/decisions/{id}", get(decision))
        .route("/deliveries/{id}/decisions", get(decisions))
}

/// Nothing is stored or sent, so it takes no idempotency key.
async fn preview(
    State(host): State<Host>,
    Caller(who): Caller,
    Body(cmd): Body<PreviewPolicy>,
) -> Result<Json<PolicyView>, Problem> {
    Ok(Json(host.look(&who, move |cx| ops::preview(cx, &cmd)).await?))
}

async fn decision(
    State(host): State<Host>,
    Caller(who): Caller,
    Id(id): Id<DecisionId>,
) -> Result<Json<Replay>, Problem> {
    Ok(Json(host.look(&who, move |cx| ops::replay(cx, id)).await?))
}

/// All there are of one message, the first first.
#[derive(Serialize)]
struct Decisions {
    items: Vec<DecisionView>,
}

async fn decisions(
    State(host): State<Host>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
) -> Result<Json<Decisions>, Problem> {
    Ok(Json(Decisions { items: host.look(&who, move |cx| ops::decisions_of(cx, id)).await? }))
}
