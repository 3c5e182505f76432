//! The fixture's resources, and who is told of changes: the streams that ask for it, and sessions of older clients.

use std::sync::Arc;

use rmcp::model::{ReadResourceResult, ResourceUpdatedNotificationParam};
use rmcp::service::{Peer, SubscriptionContext};
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::offer::{Change, Offer, WATCHED};
use crate::session::Session;

/// One red pixel.
pub const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

pub fn read(offer: &Offer, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let content = match uri {
        "test://static-text" => text(uri, "text/plain", "This is the content of the static text resource."),
        "test://static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": IMAGE }),
        WATCHED => text(uri, "text/plain", &format!("Written {} times.", offer.writes())),
        _ => {
            let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
            let id = id.filter(|id| !id.is_empty() && !id.contains('/')).ok_or_else(|| {
                ErrorData::resource_not_found("There is no such resource.", Some(json!({ "uri": uri })))
            })?;
            let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            text(uri, "application/json", &data.to_string())
        }
    };
    let content = serde_json::from_value(content).expect("content of the protocol");
    Ok(ReadResourceResult::new(vec![content]))
}

fn text(uri: &str, kind: &str, text: &str) -> Value {
    json!({ "uri": uri, "mimeType": kind, "text": text })
}

/// Tells a stream what it asked for, until its client closes it.
pub async fn tell_stream(offer: &Offer, subscription: &SubscriptionContext) {
    let mut changes = offer.changes();
    let sink = subscription.sink();
    loop {
        let change = tokio::select! {
            () = subscription.cancelled() => return,
            change = changes.recv() => change,
        };
        // The sink sends nothing that was not asked for; that is no end of the stream.
        let _ = match change {
            Ok(Change::Tools) => sink.notify_tool_list_changed().await,
            Ok(Change::Prompts) => sink.notify_prompt_list_changed().await,
            Ok(Change::Resource(uri)) => sink.notify_resource_updated(uri).await,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
    }
}

/// Tells the client of a session, until the session is closed.
pub async fn tell_session(offer: Arc<Offer>, session: Arc<Session>, peer: Peer<RoleServer>) {
    let mut changes = offer.changes();
    loop {
        let told = match changes.recv().await {
            Ok(Change::Tools) => peer.notify_tool_list_changed().await,
            Ok(Change::Prompts) => peer.notify_prompt_list_changed().await,
            Ok(Change::Resource(uri)) if session.watches(&uri) => {
                peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await
            }
            Ok(Change::Resource(_)) | Err(RecvError::Lagged(_)) => Ok(()),
            Err(RecvError::Closed) => return,
        };
        if told.is_err() {
            return;
        }
    }
}
