//! Sessions belong to the caller who opened them, and there are only so many.
//!
//! The protocol library knows neither: to it, whoever has a session's id has the session.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use tokio::sync::{Mutex, RwLock};

use super::reply::Reply;

const SESSION_ID: &str = "mcp-session-id";

pub(super) fn has_id(headers: &HeaderMap) -> bool {
    headers.contains_key(SESSION_ID)
}

pub(super) struct Sessions {
    manager: Arc<LocalSessionManager>,
    /// The caller's key by session id.
    owners: RwLock<HashMap<String, String>>,
    /// Held while one is opened, so that two at once cannot both be the last one.
    opening: Mutex<()>,
    most: usize,
    most_each: usize,
}

impl Sessions {
    pub(super) fn new(most: usize, most_each: usize) -> Self {
        Self { manager: Arc::default(), owners: RwLock::default(), opening: Mutex::default(), most, most_each }
    }

    pub(super) fn manager(&self) -> Arc<LocalSessionManager> {
        self.manager.clone()
    }

    /// Someone else's session gets the same answer as one that does not exist.
    pub(super) async fn belongs(&self, headers: &HeaderMap, key: &str) -> Result<(), Reply> {
        let mut ids = headers.get_all(SESSION_ID).iter();
        let Some(id) = ids.next() else { return Ok(()) };
        let id = id.to_str().unwrap_or_default();
        let owned = self.owners.read().await.get(id).is_some_and(|owner| owner == key);
        if owned && ids.next().is_none() { Ok(()) } else { Err(Reply::no_such_session()) }
    }

    /// Lets `answer` open a session if there is room for one, and remembers whose it is.
    pub(super) async fn open(&self, key: &str, answer: impl Future<Output = Response>) -> Result<Response, Reply> {
        let _one_at_a_time = self.opening.lock().await;
        {
            let live = self.manager.sessions.read().await;
            let mut owners = self.owners.write().await;
            owners.retain(|id, _| live.contains_key(id.as_str()));
            // The library's count also has those whose opening was given up half-way.
            if live.len() >= self.most {
                return Err(Reply::too_many_sessions(false));
            }
            if owners.values().filter(|owner| *owner == key).count() >= self.most_each {
                return Err(Reply::too_many_sessions(true));
            }
        }
        let response = answer.await;
        if let Some(id) = response.headers().get(SESSION_ID).and_then(|id| id.to_str().ok()) {
            self.owners.write().await.insert(id.to_owned(), key.to_owned());
        }
        Ok(response)
    }
}
