//! REST for programs: `/api/v1`, with a token, JSON in and out, problems with a stable code.

mod approvals;
mod deliveries;
mod door;
mod drafts;
mod milestones;
mod notifications;
mod policy;
mod read;

use std::any::Any;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use domain::kernel::page::Page;
use host::Host;
use serde::Serialize;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::error;

use crate::Problem;
pub use read::{Body, Caller, Id, Key, Query};

/// Everything under `/api/v1`.
pub fn router(host: &Host) -> Router {
    let routes = Router::new()
        .merge(approvals::routes())
        .merge(deliveries::routes())
        .merge(drafts::routes())
        .merge(milestones::routes())
        .merge(notifications::routes())
        .merge(policy::routes());
    Router::new()
        .nest("/api/v1", routes)
        .route_layer(from_fn_with_state(host.clone(), door::guarded))
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(host.clone())
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    error!("Answering a request panicked: {}", said.unwrap_or("without words"));
    let detail = "Something went wrong on our side. Nothing is known to have changed.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", detail).into_response()
}

/// A page of a list, as every list answers.
#[derive(Serialize)]
pub struct Listed<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<T> From<Page<T>> for Listed<T> {
    fn from(page: Page<T>) -> Self {
        Self { items: page.items, next_cursor: page.next_cursor }
    }
}
