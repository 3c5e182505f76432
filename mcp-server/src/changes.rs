//! Which documents change: the log of a workspace, read on by one task for all who follow something in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::insight::event_log::ops::touched;
use domain::kernel::id::{DealId, WorkspaceId};
use domain::kernel::{Principal, Source, Subject};
use domain::workspace::access::rules;
use host::Host;
use tokio::sync::{broadcast, mpsc, watch};
use tracing::warn;

use crate::documents::Address;

/// How often it is looked for what other processes changed.
const LOOK: Duration = Duration::from_secs(1);
/// Events of one look.
const MOST: i64 = 500;
/// Looks that a slow follower may lag behind; it then hears that everything changed.
const LAG: usize = 64;

/// What one look found to have changed.
type News = Arc<BTreeSet<Touch>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Touch {
    Deal(DealId),
    Reviews,
    Templates,
    /// Something, and nobody knows what.
    Anything,
}

impl Touch {
    fn of((subject, deal): &(Subject, Option<DealId>)) -> Option<Self> {
        match subject.kind.as_str() {
            "deal" => Some(Self::Deal(DealId(subject.id))),
            "milestone" => deal.map(Self::Deal),
            "approval" => Some(Self::Reviews),
            "template" => Some(Self::Templates),
            _ => None,
        }
    }

    fn reaches(self, address: &Address) -> bool {
        match address {
            _ if self == Self::Anything => true,
            Address::Timeline(id) | Address::Picture(id) => self == Self::Deal(*id),
            Address::ReviewQueue => self == Self::Reviews,
            Address::Templates | Address::Template(_) => self == Self::Templates,
        }
    }
}

/// The workspaces in which something is followed.
#[derive(Clone, Default)]
pub(crate) struct Changes(Arc<Mutex<BTreeMap<WorkspaceId, broadcast::Sender<News>>>>);

impl Changes {
    /// Tells which of these change until nobody listens any more. What `who` may not read never does.
    pub(crate) async fn follow(&self, host: &Host, who: Principal, uris: Vec<String>, tell: mpsc::Sender<String>) {
        let followed: Vec<(String, Address)> = uris
            .into_iter()
            .filter_map(|uri| Some((uri.clone(), Address::parse(&uri)?)))
            .filter(|(_, address)| rules::allows(who.powers, address.right()))
            .collect();
        let mut news = self.listen(host, who.workspace);
        loop {
            let touched = tokio::select! {
                touched = news.recv() => touched,
                () = tell.closed() => return,
            };
            let hears = |address: &Address| match &touched {
                Ok(touched) => touched.iter().any(|touch| touch.reaches(address)),
                Err(_) => true,
            };
            for (uri, _) in followed.iter().filter(|(_, address)| hears(address)) {
                if tell.send(uri.clone()).await.is_err() {
                    return;
                }
            }
            if matches!(touched, Err(broadcast::error::RecvError::Closed)) {
                news = self.listen(host, who.workspace);
            }
        }
    }

    fn listen(&self, host: &Host, workspace: WorkspaceId) -> broadcast::Receiver<News> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = all.get(&workspace) {
            return sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(LAG);
        all.insert(workspace, sender.clone());
        tokio::spawn(self.clone().look_on(host.clone(), workspace, sender, host.commits()));
        receiver
    }

    /// Reads the log of one workspace on from its end, for as long as somebody follows something there.
    async fn look_on(
        self,
        host: Host,
        workspace: WorkspaceId,
        sender: broadcast::Sender<News>,
        mut commits: watch::Receiver<u64>,
    ) {
        let who = host.operator(workspace, "followers of documents", Source::System);
        let mut after: Option<i64> = None;
        loop {
            if after.is_some() {
                commits.mark_unchanged();
            }
            match host.look(&who, move |cx| touched(cx, after, MOST)).await {
                Ok(found) => {
                    let mut touched: BTreeSet<Touch> = found.subjects.iter().filter_map(Touch::of).collect();
                    // A change since the first of them began to listen may stand before where the reading begins.
                    if after.is_none() && commits.has_changed().unwrap_or(false) {
                        touched.insert(Touch::Anything);
                    }
                    after = Some(found.last);
                    if !touched.is_empty() {
                        let _ = sender.send(Arc::new(touched));
                    }
                    if found.more {
                        continue;
                    }
                }
                Err(refusal) => warn!("Followers of documents wait: {refusal}"),
            }
            tokio::select! {
                _ = commits.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if sender.receiver_count() == 0 {
                all.remove(&workspace);
                return;
            }
        }
    }
}
