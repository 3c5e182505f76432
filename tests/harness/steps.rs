//! What happens in most stories, in a line. All of it is done by Cora, the coordinator of the world's team.

use std::collections::BTreeMap;

use domain::deals::deal::intake::NewDeal;
use domain::deals::deal::key_dates::{Applied, ChangeKeyDates, Preview, apply, preview};
use domain::deals::deal::ops::create;
use domain::deals::deal::view::{Detail, get};
use domain::deals::milestone::ops::{CompleteMilestone, Outcome, complete};
use domain::deals::milestone::view::MilestoneView;
use domain::insight::event_log::{Verdict, ops::verify};
use domain::kernel::Refusal;
use domain::kernel::id::{DealId, MilestoneId, PlanId};
use domain::workspace::access::Role;

use crate::{Team, World, deal, key_dates};

/// Contract on the day when every story starts, closing eight weeks later.
pub const DATES: &str = "contract 2026-10-14 closing 2026-12-11";

impl World {
    #[track_caller]
    pub fn create(&self, new: &NewDeal) -> DealId {
        self.act(&self.team.cora(), |cx| create(cx, new)).unwrap()
    }

    /// An active deal of eleven milestones.
    #[track_caller]
    pub fn deal(&self, title: &str) -> DealId {
        self.create(&deal(title, DATES))
    }

    #[track_caller]
    pub fn detail(&self, id: DealId) -> Detail {
        self.look(&self.team.cora(), |cx| get(cx, id)).unwrap()
    }

    /// The milestone of this type.
    #[track_caller]
    pub fn milestone(&self, deal: DealId, type_: &str) -> MilestoneView {
        self.detail(deal).milestones.into_iter().find(|m| m.type_ == type_).unwrap()
    }

    #[track_caller]
    pub fn complete(&self, id: MilestoneId) -> Outcome {
        let cmd = CompleteMilestone { id, version: None, note: None };
        self.act(&self.team.cora(), |cx| complete(cx, &cmd)).unwrap()
    }

    /// "closing 2026-12-18"
    #[track_caller]
    pub fn preview(&self, deal_id: DealId, dates: &str) -> Preview {
        let cmd = change(deal_id, dates);
        self.act(&self.team.cora(), |cx| preview(cx, &cmd)).unwrap()
    }

    #[track_caller]
    pub fn apply(&self, token: PlanId) -> Result<Applied, Refusal> {
        self.act(&self.team.cora(), |cx| apply(cx, token))
    }

    /// What the auditor finds.
    #[track_caller]
    pub fn verdict(&self, team: &Team) -> Verdict {
        self.look(&team.as_(Role::Admin), verify).unwrap()
    }

    #[track_caller]
    pub fn log_is_whole(&self, team: &Team) {
        let verdict = self.verdict(team);
        assert_eq!(verdict.first_break, None);
        assert_eq!(verdict.events as usize, self.count(team, "events"));
    }
}

/// A change of key dates; a date `-` takes the name away.
pub fn change(deal_id: DealId, dates: &str) -> ChangeKeyDates {
    let dates: BTreeMap<String, String> = key_dates(dates);
    let key_dates = dates.into_iter().map(|(name, date)| (name, (date != "-").then_some(date))).collect();
    ChangeKeyDates { deal_id, key_dates }
}
