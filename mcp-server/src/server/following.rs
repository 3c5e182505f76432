//! News of documents that change, for as long as a client listens.
//!
//! Clients of 2026-07-28 hold one request open for all that they follow; those before it follow one document at a time over
//! a connection that lasts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{ErrorCode, ResourceUpdatedNotificationParam, SubscriptionFilter};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Caller, Face, Server};
use domain::kernel::shape::shown;

/// Documents that one connection or one open request follows at most.
const MOST: usize = 100;
/// News that wait for a slow client; more wait where they come from.
const WAITING: usize = 16;

/// Requests that one caller holds open to be told of changes.
const MOST_OPEN: usize = 20;

/// How many requests each caller holds open.
#[derive(Clone, Default)]
pub(super) struct Open(Arc<Mutex<BTreeMap<String, usize>>>);

/// One of them, until it ends.
struct Held {
    open: Open,
    key: String,
}

impl Open {
    fn hold(&self, key: String) -> Option<Held> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(key.clone()).or_default();
        if *count >= MOST_OPEN {
            return None;
        }
        *count += 1;
        Some(Held { open: self.clone(), key })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(all.remove(&self.key)),
        }
    }
}

/// What one connection follows. What is dropped is no longer followed.
pub(super) type Followed = Arc<Mutex<BTreeMap<String, DropGuard>>>;

impl<F: Face> Server<F> {
    pub(super) fn accepted(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        if !self.inner.face.offers().documents {
            return None;
        }
        let uris = requested.resource_subscriptions.iter().flatten();
        let known = uris.filter(|uri| self.inner.face.can_change(uri)).take(MOST).cloned();
        Some(SubscriptionFilter::builder().resource_subscriptions(known).build())
    }

    pub(super) async fn tell(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let caller = self.caller(subscription.request_context())?;
        let Some(_held) = self.inner.open.hold(caller.key()) else {
            let sentence = format!(
                "Your token holds {MOST_OPEN} requests open already, which is the most. Nothing is followed. Name all \
                 documents in one request, or end another one."
            );
            return Err(ErrorData::new(ErrorCode::INVALID_REQUEST, sentence, None));
        };
        let uris = subscription.accepted().resource_subscriptions.clone().unwrap_or_default();
        let (tell, mut told) = mpsc::channel(WAITING);
        let changes = self.inner.face.changes(caller, uris, tell);
        let telling = async {
            while let Some(uri) = told.recv().await {
                if subscription.sink().notify_resource_updated(uri).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            () = subscription.cancelled() => {}
            () = telling => {}
            () = changes => {}
        }
        Ok(())
    }

    pub(super) fn follow(&self, uri: String, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let caller = self.caller(context)?;
        if !super::lasts(context) {
            let sentence = "Following a document takes a connection that lasts: a session, or standard input and output. \
                            Nothing is followed. Read the document again when it matters, or call changes_since.";
            return Err(ErrorData::new(ErrorCode::INVALID_REQUEST, sentence, None));
        }
        if !self.inner.face.can_change(&uri) {
            return Err(super::no_such_document(&uri));
        }
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if followed.len() >= MOST && !followed.contains_key(&uri) {
            let sentence = format!(
                "{MOST} documents are followed already, which is the most. {} is not. Unsubscribe from another first.",
                shown(&uri)
            );
            return Err(ErrorData::new(ErrorCode::INVALID_REQUEST, sentence, None));
        }
        let stop = CancellationToken::new();
        followed.insert(uri.clone(), stop.clone().drop_guard());
        let (inner, peer) = (self.inner.clone(), context.peer.clone());
        tokio::spawn(async move {
            let (tell, mut told) = mpsc::channel(WAITING);
            let changes = inner.face.changes(caller, vec![uri], tell);
            let telling = async {
                while let Some(uri) = told.recv().await {
                    if peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await.is_err() {
                        break;
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = telling => {}
                () = changes => {}
            }
        });
        Ok(())
    }

    pub(super) fn unfollow(&self, uri: &str) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }
}
