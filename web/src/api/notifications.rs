//! A member's feed.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::deals::reminder::glance::glance;
use domain::delivery::feed::Notification;
use domain::delivery::feed::ops::{self, Marked};
use domain::delivery::notify::Section;
use domain::kernel::id::NotificationId;
use domain::kernel::page::Ask;
use host::Host;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Body, Caller, Key, Listed, Query};
use crate::Problem;

pub(super) fn routes() -> Router<Host> {
    Router::new().route("/notifications", get(list)).route("/notifications/read", post(read))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only those that were not read.
    #[serde(default)]
    unread: bool,
    #[serde(default)]
    #[schemars(with = "String")]
    cursor: Option<String>,
    #[serde(default)]
    #[schemars(with = "i64")]
    limit: Option<i64>,
}

#[derive(Serialize)]
struct Feed {
    #[serde(flatten)]
    page: Listed<Notification>,
    /// Of all, not of this page.
    unread: i64,
    /// The member's day at a glance, as a digest has it; with the first page only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sections: Vec<Section>,
}

async fn list(
    State(host): State<Host>,
    Caller(who): Caller,
    Query(q): Query<Wanted>,
) -> Result<Json<Feed>, Problem> {
    let ask = Ask { cursor: q.cursor, limit: q.limit };
    let look = move |cx: &mut domain::kernel::Cx<'_>| {
        let feed = ops::list(cx, q.unread, &ask)?;
        let sections = if ask.cursor.is_none() { glance(cx)? } else { Vec::new() };
        Ok((feed, sections))
    };
    let (feed, sections) = host.look(&who, look).await?;
    Ok(Json(Feed { page: feed.notifications.into(), unread: feed.unread, sections }))
}

#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MarkRead {
    /// All of them when left out.
    #[serde(default)]
    #[schemars(with = "Vec<NotificationId>")]
    ids: Option<Vec<NotificationId>>,
}

async fn read(
    State(host): State<Host>,
    Caller(who): Caller,
    Key(key): Key,
    Body(cmd): Body<MarkRead>,
) -> Result<Json<Marked>, Problem> {
    let ids = cmd.ids.clone();
    let mark = move |cx: &mut domain::kernel::Cx<'_>| ops::mark_read(cx, ids.as_deref());
    Ok(Json(host.act_once(&who, key, "rest.notifications_read", cmd, mark).await?.value))
}
