//! Telling a client how far a long call is, when it asked to be told.

use rmcp::handler::server::common::{AsRequestContext, FromContextPart};
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use rmcp::{ErrorData, RoleServer};
use tokio::sync::watch;

/// How far a call is: an extractor for tools. It says nothing to a client that did not ask.
pub(crate) struct Progress(Option<(ProgressToken, Peer<RoleServer>)>);

impl<C: AsRequestContext> FromContextPart<C> for Progress {
    fn from_context_part(context: &mut C) -> Result<Self, ErrorData> {
        let context = context.as_request_context();
        Ok(Self(context.meta.get_progress_token().map(|token| (token, context.peer.clone()))))
    }
}

/// Where work says how far it is, of how much. From any thread; what comes too fast is left out.
#[derive(Clone)]
pub(crate) struct Report(watch::Sender<(u32, u32)>);

impl Report {
    pub(crate) fn at(&self, done: u32, of: u32) {
        self.0.send_if_modified(|was| std::mem::replace(was, (done, of)) != (done, of));
    }
}

impl Progress {
    /// Runs `work` and passes on what it reports, until it is done.
    pub(crate) async fn during<T>(self, work: impl AsyncFnOnce(Report) -> T) -> T {
        let (report, mut reported) = watch::channel((0, 0));
        let work = work(Report(report));
        let Some((token, peer)) = self.0 else { return work.await };
        let telling = async {
            let mut last = 0;
            while reported.changed().await.is_ok() {
                let (done, of) = *reported.borrow_and_update();
                // It never goes back.
                if done <= last {
                    continue;
                }
                last = done;
                let told = ProgressNotificationParam::new(token.clone(), done.into()).with_total(of.into());
                if peer.notify_progress(told).await.is_err() {
                    break;
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            biased;
            done = work => done,
            () = telling => std::future::pending().await,
        }
    }
}
