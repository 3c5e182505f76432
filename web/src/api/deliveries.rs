//! Messages and what became of them.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use domain::delivery::Status;
use domain::delivery::outbox::view::{self, Delivery, Detail, ListDeliveries};
use domain::kernel::id::{ApprovalId, BatchId, ContactId, DealId, DraftId, MemberId, MessageId};
use domain::kernel::page::Ask;
use domain::people::reach::{Channel, Topic};
use host::Host;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Caller, Id, Listed, Query};
use crate::Problem;

pub(super) fn routes() -> Router<Host> {
    Router::new().route("/deliveries", get(list)).route("/deliveries/{id}", get(one))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Any when left out.
    #[serde(default)]
    status: Vec<Status>,
    #[serde(default)]
    #[schemars(with = "DealId")]
    deal_id: Option<DealId>,
    #[serde(default)]
    #[schemars(with = "ContactId")]
    contact_id: Option<ContactId>,
    #[serde(default)]
    #[schemars(with = "MemberId")]
    member_id: Option<MemberId>,
    #[serde(default)]
    #[schemars(with = "Channel")]
    channel: Option<Channel>,
    #[serde(default)]
    #[schemars(with = "Topic")]
    topic: Option<Topic>,
    /// What this approval let leave.
    #[serde(default)]
    #[schemars(with = "ApprovalId")]
    approval_id: Option<ApprovalId>,
    /// What any version of this draft became.
    #[serde(default)]
    #[schemars(with = "DraftId")]
    draft_id: Option<DraftId>,
    /// What was asked for together.
    #[serde(default)]
    #[schemars(with = "BatchId")]
    batch_id: Option<BatchId>,
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
) -> Result<Json<Listed<Delivery>>, Problem> {
    let ask = Ask { cursor: q.cursor, limit: q.limit };
    let wanted = ListDeliveries {
        status: q.status,
        deal_id: q.deal_id,
        contact_id: q.contact_id,
        member_id: q.member_id,
        channel: q.channel,
        topic: q.topic,
        approval_id: q.approval_id,
        draft_id: q.draft_id,
        batch_id: q.batch_id,
    };
    Ok(Json(host.look(&who, move |cx| view::list(cx, &wanted, &ask)).await?.into()))
}

async fn one(
    State(host): State<Host>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
) -> Result<Json<Detail>, Problem> {
    Ok(Json(host.look(&who, move |cx| view::detail(cx, id)).await?))
}
