//! `milepost demo`: the server on a sample workspace, with dates relative to today.

mod cast;
mod clockwork;
mod deals;
mod stage;

use std::path::Path;

use clap::Args;
use domain::deals::deal::view::{self, ListDeals};
use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::ops::{self as milestones, ListMilestones};
use domain::kernel::{Principal, time};
use domain::workspace::access::Grant;
use domain::workspace::access::ops::{self as access, CreateToken, For};
use domain::workspace::approval::ops::{self as approvals, ListApprovals};
use domain::workspace::member;
use domain::workspace::tenant::{self, Workspace};
use host::Host;
use serde_json::json;

use crate::cli::{Answer, Common, Outcome, Stop};
use crate::says::demo::{Facts, welcome};
use crate::{says, serve};

/// The sample workspace's short name.
pub const SLUG: &str = "demo";

#[derive(Args)]
pub struct Demo {
    #[command(flatten)]
    serve: serve::Serve,
}

/// Where messages go, in the data folder.
const MESSAGES: &str = "messages.txt";

/// Without `--data`, in a folder of its own that is deleted in the end. The settings' database is never touched, and
/// nothing leaves this machine: every message is added to a file, whatever the settings name.
pub fn demo(common: &Common, cmd: &Demo) -> Outcome {
    let mut config = common.settings()?;
    config.database.url = None;
    cmd.serve.address(&config)?;
    host::logs::start(&config.telemetry);
    let fresh = match &common.data {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("milepost-demo-").tempdir()?),
    };
    let data = fresh.as_ref().map_or_else(|| common.data(), |folder| folder.path().to_owned());
    only_into(&mut config, &data);
    let host = Host::open(config, &data)?;
    let workspace = sample(&host, &data)?;
    let operator = crate::cli::operator(workspace.id);
    let told = told(&host, &workspace, &operator, &data, fresh.is_some())?;
    let common = Common { workspace: Some(SLUG.into()), ..common.clone() };
    serve::run(&host, &common, &cmd.serve, Some(&told))?;
    Ok(None)
}

/// Leaves one way out, which is a file in the data folder.
fn only_into(config: &mut host::Config, data: &Path) {
    config.discord.token = None;
    config.mail = Default::default();
    config.sms = Default::default();
    config.model = Default::default();
    config.console.file = Some(data.join(MESSAGES));
    config.console.stand_in = true;
}

/// The sample workspace, made now or at an earlier start.
fn sample(host: &Host, data: &Path) -> Result<Workspace, Stop> {
    let all = tenant::store::directory(host.db())?;
    if let Some(there) = all.iter().find(|workspace| workspace.slug == SLUG) {
        return Ok(there.clone());
    }
    if !all.is_empty() {
        return Err(Stop::Failed(says::demo::not_here(data)));
    }
    cast::perform(host, &data.join(MESSAGES))
}

/// What is said once the address is known. The token is made before.
fn told(
    host: &Host,
    workspace: &Workspace,
    operator: &Principal,
    data: &Path,
    deleted: bool,
) -> Result<impl Fn(&str) -> Answer, Stop> {
    let now = host.clock().now();
    let token = CreateToken {
        holder: For::Agent("Demo agent".into()),
        label: "demo".into(),
        scope: Grant::Write,
        days: Some(30),
    };
    let made = host.on_this_thread(operator, now, |work| work.write(|cx| access::create_token(cx, &token)))?;
    let secret = made.value.1;
    let overdue = ListMilestones { status: vec![MilestoneStatus::Overdue], ..ListMilestones::default() };
    let (explain, move_this, vote) = host.on_this_thread(operator, now, |work| {
        work.read(|cx| {
            let late = milestones::list(cx, &overdue)?.items;
            let moving = ListDeals { text: Some("Washington".into()), ..ListDeals::default() };
            let moving = view::list(cx, &moving)?.items.first().cloned();
            let waiting = approvals::list(cx, &ListApprovals::default())?.items;
            let mut vote = None;
            if let Some(approval) = waiting.last()
                && let Some(who) = approval.waiting_for.first()
            {
                let email = member::ops::list(cx)?.into_iter().find(|m| m.id == who.id).map(|m| m.email);
                vote = email.map(|email| (approval.id, email));
            }
            Ok((late.first().map(|m| m.id), moving, vote))
        })
    })?;
    let facts = Facts {
        program: std::env::args().next().unwrap_or_else(|| "milepost".into()),
        workspace: workspace.name.clone(),
        today: time::today(now, &time::zone(&workspace.time_zone)),
        data: data.to_owned(),
        deleted,
        secret,
        explain,
        vote,
        messages: data.join(MESSAGES),
        reschedule: move_this.map(|deal| {
            let closing = deal.key_dates.get("closing_date").copied().unwrap_or_default();
            (deal.id, closing.checked_add(jiff::Span::new().days(14)).unwrap_or(closing))
        }),
    };
    Ok(move |url: &str| {
        let json = json!({
            "workspace": SLUG, "data": facts.data, "deleted_at_exit": deleted, "token": facts.secret,
            "today": facts.today, "messages": facts.messages,
        });
        Answer::new(welcome(&facts, url), json)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::assist::draft::DraftState;
    use domain::deals::deal::DealStatus;
    use domain::deals::followup::ops as followups;
    use domain::delivery::Status;
    use domain::delivery::outbox::view::{self as deliveries, ListDeliveries};
    use domain::insight::event_log;
    use domain::kernel::page::Ask;
    use domain::people::reach::Channel;

    use super::*;

    /// A Saturday, the day of Thanksgiving, the first of a year before anybody works, a leap day, both clock changes.
    #[test]
    fn the_sample_is_lifelike_on_any_day() {
        let days = [
            "2026-11-21T18:00:00Z",
            "2026-11-26T15:00:00Z",
            "2027-01-01T06:05:00Z",
            "2028-02-29T23:59:59Z",
            "2027-03-14T09:30:00Z",
            "2026-11-01T07:30:00Z",
        ];
        std::thread::scope(|scope| days.iter().for_each(|at| drop(scope.spawn(|| is_lifelike(at)))));
    }

    fn is_lifelike(at: &str) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = host::Config::default();
        config.clock.at = Some(at.parse().unwrap());
        let host = Host::open(config, folder.path()).unwrap();
        let workspace = sample(&host, folder.path()).unwrap();
        let who = crate::cli::operator(workspace.id);
        let (deals, milestones, messages, drafts, verdict, log) = host
            .on_this_thread(&who, host.clock().now(), |work| {
                work.read(|cx| {
                    let ask = Ask { cursor: None, limit: Some(100) };
                    let all =
                        ListDeals { status: DealStatus::ALL.to_vec(), ask: ask.clone(), ..Default::default() };
                    let of_active = ListMilestones { ask, ..Default::default() };
                    let deals = view::list(cx, &all)?.items;
                    let milestones = milestones::list(cx, &of_active)?.items;
                    let mut messages = Vec::new();
                    for status in Status::ALL {
                        let wanted = ListDeliveries { status: vec![*status], ..Default::default() };
                        let all = deliveries::list(cx, &wanted, &Ask { cursor: None, limit: Some(100) })?.items;
                        messages.extend(all.into_iter().filter(|m| m.channel == Channel::Email));
                    }
                    let drafts = followups::list(cx, &Default::default())?.items;
                    Ok((
                        deals,
                        milestones,
                        messages,
                        drafts,
                        event_log::ops::verify(cx)?,
                        event_log::ops::export(cx, 0)?,
                    ))
                })
            })
            .unwrap();
        assert_eq!(deals.len(), 13, "{at}");
        let statuses: BTreeSet<_> = deals.iter().map(|deal| deal.status).collect();
        assert_eq!(statuses.len(), DealStatus::ALL.len(), "{at}: {statuses:?}");
        let statuses: BTreeSet<_> = milestones.iter().map(|m| m.status).collect();
        assert_eq!(statuses.len(), MilestoneStatus::ALL.len(), "{at}: {statuses:?}");
        assert!(milestones.iter().any(|m| m.pinned) && milestones.iter().any(|m| m.type_ == "custom"), "{at}");
        assert!(milestones.iter().any(|m| m.source.fallback), "{at}");
        let with = |status| messages.iter().filter(|m| m.status == status).collect::<Vec<_>>();
        assert!(with(Status::Sent).len() > 10, "{at}");
        assert!(with(Status::Suppressed).iter().any(|m| m.reason.is_some()), "{at}");
        assert!(with(Status::Failed).is_empty() && with(Status::Unknown).is_empty(), "{at}");
        assert!(drafts.iter().any(|draft| draft.state == DraftState::InReview), "{at}");
        assert!(drafts.iter().all(|draft| draft.state != DraftState::Blocked), "{at}");
        assert_eq!(verdict.first_break, None, "{at}");
        assert!(log.is_sorted_by(|a, b| a.at <= b.at), "{at}: the log is not in the order of time");
        // A second start finds it there.
        assert_eq!(sample(&host, folder.path()).unwrap().id, workspace.id);
    }
}
