//! Whether the process is alive, and whether it can work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use host::Host;
use serde_json::{Value, json};

use crate::Problem;

/// How long the database may take to answer before this process counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks nobody: restarting the process would not mend a database.
pub async fn alive() -> Json<Value> {
    Json(json!({ "status": "alive", "version": env!("CARGO_PKG_VERSION") }))
}

pub async fn ready(State(host): State<Host>) -> Result<Json<Value>, Problem> {
    let unready = |code, detail| Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail));
    match tokio::time::timeout(PATIENCE, host.ready()).await {
        Ok(Ok(())) => Ok(Json(json!({ "status": "ready", "version": env!("CARGO_PKG_VERSION") }))),
        Ok(Err(_)) => unready("database_unavailable", "The database cannot be reached."),
        Err(_) => unready("database_slow", "The database does not answer in time."),
    }
}
