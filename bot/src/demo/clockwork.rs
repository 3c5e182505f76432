//! What a running server and a diligent team did meanwhile: reminders, drafts, votes, messages that left.

use std::path::Path;
use std::time::Duration;

use domain::deals::followup::ops::{self as followups, Answer, ListDrafts};
use domain::deals::followup::review::{self, Decide};
use domain::deals::reminder::glance::sections;
use domain::deals::reminder::ops::attend;
use domain::delivery::feed;
use domain::delivery::notify::ops::digests;
use domain::delivery::outbox::{self, Report, Wanted};
use domain::kernel::id::{ApprovalId, WorkspaceId};
use domain::kernel::{Cx, No, Principal, Refusal, Source};
use domain::workspace::approval::Choice;
use host::Host;
use host::channels::Channel;
use host::channels::console::Console;
use host::clock::Clock;
use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::cast::Team;

/// Milestones whose time has come that one transaction looks at.
const MILESTONES: usize = 64;
/// Messages that one claim takes.
const MESSAGES: usize = 100;

/// The server of the sample's past. Its only way out is a file.
pub struct Clockwork<'a> {
    host: &'a Host,
    clock: Principal,
    team: Team,
    file: std::path::PathBuf,
    runtime: Runtime,
}

impl<'a> Clockwork<'a> {
    pub fn new(host: &'a Host, workspace: WorkspaceId, team: Team, file: &Path) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let clock = host.operator(workspace, "clock", Source::System);
        Ok(Self { host, clock, team, file: file.to_owned(), runtime })
    }

    fn act<T>(
        &self,
        who: &Principal,
        at: Timestamp,
        f: impl FnMut(&mut Cx<'_>) -> Result<T, No>,
    ) -> Result<T, Refusal> {
        Ok(self.host.on_this_thread(who, at, |work| work.write(f))?.value)
    }

    /// Plans what is due by then, writes what waits to be written, and sends what may leave.
    pub fn round(&self, at: Timestamp) -> Result<(), Refusal> {
        // In one transaction: nobody else is there, and each transaction waits for the disk.
        self.act(&self.clock, at, |cx| {
            while attend(cx, MILESTONES)?.deals > 0 {}
            digests(cx, &mut sections)?;
            followups::checklists(cx)?;
            while let Some(assignment) = followups::begin(cx)? {
                followups::accept(cx, &assignment, &Answer::Template { instead_of_model: None })?;
            }
            Ok(())
        })?;
        self.send(at)
    }

    /// The team reads its feed, and Priya decides about every draft that waits.
    pub fn morning(&self, at: Timestamp) -> Result<(), Refusal> {
        for member in [&self.team.owner, &self.team.marcus, &self.team.priya, &self.team.tom] {
            self.act(member, at, |cx| feed::ops::mark_read(cx, None))?;
        }
        let priya = &self.team.priya;
        let waiting = self
            .act(priya, at, |cx| followups::list(cx, &ListDrafts { limit: Some(100), ..ListDrafts::default() }))?;
        let waiting: Vec<ApprovalId> = waiting.items.iter().filter_map(|draft| draft.approval_id).collect();
        let all = self.act(priya, at, |cx| waiting.iter().try_for_each(|id| vote(cx, *id, Choice::Approve)));
        if all.is_err() {
            for id in waiting {
                if self.act(priya, at, |cx| vote(cx, id, Choice::Approve)).is_err() {
                    self.act(priya, at, |cx| vote(cx, id, Choice::Reject))?;
                }
            }
        }
        Ok(())
    }

    fn send(&self, at: Timestamp) -> Result<(), Refusal> {
        let console = Console::new(Clock::standing_at(at), Some(self.file.clone()));
        loop {
            let claimed = self.act(&self.clock, at, |cx| outbox::ops::claim(cx, &Wanted::up_to(MESSAGES)))?;
            if claimed.is_empty() {
                return Ok(());
            }
            let mut reports: Vec<Report> = Vec::new();
            for cleared in claimed.cleared {
                reports.push(self.runtime.block_on(console.deliver(cleared, Duration::MAX)));
            }
            if !reports.is_empty() {
                self.act(&self.clock, at, |cx| outbox::ops::settle(cx, &reports))?;
            }
        }
    }
}

fn vote(cx: &mut Cx<'_>, approval_id: ApprovalId, choice: Choice) -> Result<(), No> {
    let moved_on = || "The deal moved on; this would only confuse them.".to_owned();
    let feedback = (choice == Choice::Reject).then(moved_on);
    review::decide(cx, &Decide { approval_id, choice, feedback, despite: None, send_at: None, etag: None })
        .map(drop)
}
