//! Letters: what there is, what each recipient would get, proposing one, other words for one, taking one back. Deciding is
//! for people.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::assist::draft::DraftState;
use domain::deals::followup::ops::{self, ListDrafts};
use domain::deals::followup::propose::{self, EditDraft, ProposeDraft};
use domain::deals::followup::sheet;
use domain::deals::followup::view::{DraftDetail, DraftPreview, DraftView};
use domain::kernel::Cx;
use domain::kernel::id::{DealId, DraftId};
use host::Host;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Body, Caller, Id, Key, Listed, Query};
use crate::Problem;

pub(super) fn routes() -> Router<Host> {
    Router::new()
        .route("/drafts", get(list).post(propose))
        .route("/drafts/{id}", get(one).patch(edit))
        .route("/drafts/{id}/preview", get(preview))
        .route("/drafts/{id}/withdraw", post(withdraw))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    #[schemars(with = "DealId")]
    deal_id: Option<DealId>,
    /// Those that are not settled when left out.
    #[serde(default)]
    state: Vec<DraftState>,
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
    Query(q): Query<Wanted>,
) -> Result<Json<Listed<DraftView>>, Problem> {
    let wanted = ListDrafts { deal_id: q.deal_id, state: q.state, cursor: q.cursor, limit: q.limit };
    Ok(Json(host.look(&who, move |cx| ops::list(cx, &wanted)).await?.into()))
}

async fn one(
    State(host): State<Host>,
    Caller(who): Caller,
    Id(id): Id<DraftId>,
) -> Result<Json<DraftDetail>, Problem> {
    Ok(Json(host.look(&who, move |cx| ops::get(cx, id)).await?))
}

async fn propose(
    State(host): State<Host>,
    Caller(who): Caller,
    Key(key): Key,
    Body(cmd): Body<ProposeDraft>,
) -> Result<(StatusCode, Json<DraftView>), Problem> {
    let new = cmd.clone();
    let propose = move |cx: &mut Cx<'_>| propose::propose(cx, &new);
    let draft = host.act_once(&who, key, "rest.draft_propose", cmd, propose).await?.value;
    Ok((StatusCode::CREATED, Json(draft)))
}

/// Other words. The draft's id stands in the path.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// The version of the words that was read; refused when there is a newer one.
    #[serde(default)]
    #[schemars(with = "i32")]
    version: Option<i32>,
    #[serde(default)]
    #[schemars(with = "String")]
    subject: Option<String>,
    #[serde(default)]
    #[schemars(with = "String")]
    body: Option<String>,
}

async fn edit(
    State(host): State<Host>,
    Caller(who): Caller,
    Id(id): Id<DraftId>,
    Key(key): Key,
    Body(words): Body<Edit>,
) -> Result<Json<DraftView>, Problem> {
    let Edit { version, subject, body } = words;
    let cmd = EditDraft { id, version, subject, body };
    let new = cmd.clone();
    let edit = move |cx: &mut Cx<'_>| propose::edit(cx, &new);
    Ok(Json(host.act_once(&who, key, "rest.draft_edit", cmd, edit).await?.value))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct At {
    /// What the policy would say at this instant; else when the draft is to leave, or now.
    #[serde(default)]
    #[schemars(with = "String", extend("format" = "date-time"))]
    at: Option<Timestamp>,
}

async fn preview(
    State(host): State<Host>,
    Caller(who): Caller,
    Id(id): Id<DraftId>,
    Query(At { at }): Query<At>,
) -> Result<Json<DraftPreview>, Problem> {
    Ok(Json(host.look(&who, move |cx| sheet::preview(cx, id, at)).await?))
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Withdraw {
    /// Why.
    reason: String,
}

async fn withdraw(
    State(host): State<Host>,
    Caller(who): Caller,
    Id(id): Id<DraftId>,
    Key(key): Key,
    Body(cmd): Body<Withdraw>,
) -> Result<Json<DraftView>, Problem> {
    let Withdraw { reason } = cmd.clone();
    let withdraw = move |cx: &mut Cx<'_>| propose::withdraw(cx, id, &reason);
    Ok(Json(host.act_once(&who, key, "rest.draft_withdraw", (id, cmd), withdraw).await?.value))
}
