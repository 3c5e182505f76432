//! `milepost demo`: the server on a sample workspace, with dates relative to today.

mod cast;
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

/// Without `--data`, in a folder of its own that is deleted in the end. The settings' database is never touched.
pub fn demo(common: &Common, cmd: &Demo) -> Outcome {
    let mut config = common.settings()?;
    config.database.url = None;
    host::logs::start(&config.telemetry);
    let fresh = match &common.data {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("milepost-demo-").tempdir()?),
    };
    let data = fresh.as_ref().map_or_else(|| common.data(), |folder| folder.path().to_owned());
    let host = Host::open(config, &data)?;
    let workspace = sample(&host, &data)?;
    let operator = crate::cli::operator(workspace.id);
    let told = told(&host, &workspace, &operator, &data, fresh.is_some())?;
    let common = Common { workspace: Some(SLUG.into()), ..common.clone() };
    serve::run(&host, &common, &cmd.serve, Some(&told))?;
    Ok(None)
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
    Ok(cast::perform(host)?)
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
    let (explain, move_this) = host.on_this_thread(operator, now, |work| {
        work.read(|cx| {
            let late = milestones::list(cx, &overdue)?.items;
            let moving = ListDeals { text: Some("Washington".into()), ..ListDeals::default() };
            Ok((late.first().map(|m| m.id), view::list(cx, &moving)?.items.first().cloned()))
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
        reschedule: move_this.map(|deal| {
            let closing = deal.key_dates.get("closing_date").copied().unwrap_or_default();
            (deal.id, closing.checked_add(jiff::Span::new().days(14)).unwrap_or(closing))
        }),
    };
    Ok(move |url: &str| {
        let json = json!({
            "workspace": SLUG, "data": facts.data, "deleted_at_exit": deleted, "token": facts.secret,
            "today": facts.today,
        });
        Answer::new(welcome(&facts, url), json)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::deals::deal::DealStatus;
    use domain::insight::event_log;
    use domain::kernel::page::Ask;

    use super::*;

    /// A Saturday, the day of Thanksgiving, the first of a year before anybody works, a leap day, both clock changes.
    #[test]
    fn the_sample_is_lifelike_on_any_day() {
        for at in [
            "2026-11-21T18:00:00Z",
            "2026-11-26T15:00:00Z",
            "2027-01-01T06:05:00Z",
            "2028-02-29T23:59:59Z",
            "2027-03-14T09:30:00Z",
            "2026-11-01T07:30:00Z",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut config = host::Config::default();
            config.clock.at = Some(at.parse().unwrap());
            let host = Host::open(config, folder.path()).unwrap();
            let workspace = sample(&host, folder.path()).unwrap();
            let who = crate::cli::operator(workspace.id);
            let (deals, milestones, verdict, log) = host
                .on_this_thread(&who, host.clock().now(), |work| {
                    work.read(|cx| {
                        let ask = Ask { cursor: None, limit: Some(100) };
                        let all =
                            ListDeals { status: DealStatus::ALL.to_vec(), ask: ask.clone(), ..Default::default() };
                        let of_active = ListMilestones { ask, ..Default::default() };
                        let deals = view::list(cx, &all)?.items;
                        let milestones = milestones::list(cx, &of_active)?.items;
                        Ok((deals, milestones, event_log::ops::verify(cx)?, event_log::ops::export(cx, 0)?))
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
            assert_eq!(verdict.first_break, None, "{at}");
            assert!(log.is_sorted_by(|a, b| a.at <= b.at), "{at}: the log is not in the order of time");
            // A second start finds it there.
            assert_eq!(sample(&host, folder.path()).unwrap().id, workspace.id);
        }
    }
}
