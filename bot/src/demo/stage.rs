//! Acts with their instants, done in the order of time by the people who do them, through the same verbs as everything.

use std::collections::{BTreeMap, VecDeque};

use domain::deals::deal::intake::NewDeal;
use domain::deals::deal::key_dates::{self, ChangeKeyDates};
use domain::deals::deal::{DealStatus, ops as deals, view};
use domain::deals::milestone::ops::{
    self as milestones, AddMilestone, CompleteMilestone, EditMilestone, WaiveMilestone,
};
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::{Cx, Fault, No, Principal, Refusal};
use domain::people::contact;
use domain::people::contact::standing::ops::OptOut;
use domain::people::contact::standing::{self, Via};
use host::Host;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::clockwork::Clockwork;

/// The hour at which the office opens.
const OPENS: i8 = 9;
/// The last morning on which somebody decided about drafts. Days from today.
const LAST_DECISIONS: i32 = -2;

pub type Act = Box<dyn Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No>>;

/// The deals that were created so far, by the name that the script gives them.
pub type Known = BTreeMap<&'static str, DealId>;

struct Cue {
    at: Timestamp,
    who: Principal,
    deal: &'static str,
    act: Act,
}

/// Collects the acts in any order and does them in the order of time, so that the log reads as it would have grown.
pub struct Stage<'a> {
    host: &'a Host,
    today: Date,
    zone: TimeZone,
    now: Timestamp,
    cues: Vec<Cue>,
}

impl<'a> Stage<'a> {
    pub fn new(host: &'a Host, zone: TimeZone) -> Self {
        let now = host.clock().now();
        let today = domain::kernel::time::today(now, &zone);
        Self { host, today, zone, now, cues: Vec::new() }
    }

    /// A date so many days from today; a closing or deadline falls on a day when offices are open.
    pub fn day(&self, days: i32) -> Date {
        self.today.checked_add(Span::new().days(days)).unwrap_or(self.today)
    }

    /// In working hours of a day from today on or before it; never after now.
    pub fn at(&self, days: i32, hour: i8) -> Timestamp {
        let local = self.day(days).at(hour, 12, 0, 0).to_zoned(self.zone.clone());
        local.map_or(self.now, |at| at.timestamp().min(self.now))
    }

    pub fn cue(
        &mut self,
        at: Timestamp,
        who: &Principal,
        deal: &'static str,
        act: impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> + 'static,
    ) {
        self.cues.push(Cue { at, who: who.clone(), deal, act: Box::new(act) });
    }

    /// Does what was cued, and on every day from `start` on, at nine, what runs by itself. What was written in
    /// the last days waits for whoever looks at the sample.
    pub fn perform(mut self, start: i32, clockwork: &Clockwork<'_>) -> Result<(), Refusal> {
        // Stable: what is cued for the same instant happens in the order of the script.
        self.cues.sort_by_key(|cue| cue.at);
        let mut rounds: VecDeque<(Timestamp, bool)> = (start..=0)
            .map(|day| (self.at(day, OPENS), day <= LAST_DECISIONS))
            .filter(|(at, _)| *at < self.now)
            .collect();
        let mut known = Known::new();
        for cue in std::mem::take(&mut self.cues) {
            while let Some((at, decides)) = rounds.pop_front_if(|(at, _)| *at < cue.at) {
                turn(clockwork, at, decides)?;
            }
            let done =
                self.host.on_this_thread(&cue.who, cue.at, |work| work.write(|cx| (cue.act)(cx, &known)))?;
            if let Some(id) = done.value {
                known.insert(cue.deal, id);
            }
        }
        rounds.into_iter().try_for_each(|(at, decides)| turn(clockwork, at, decides))
    }
}

/// In the morning people decide before the clock looks, so that what they let go leaves at once.
fn turn(clockwork: &Clockwork<'_>, at: Timestamp, decides: bool) -> Result<(), Refusal> {
    if decides {
        clockwork.morning(at)?;
    }
    clockwork.round(at)
}

fn deal(known: &Known, name: &str) -> Result<DealId, No> {
    known.get(name).copied().ok_or_else(|| Fault::Corrupt(format!("the sample has no deal {name} yet")).into())
}

fn milestone(cx: &mut Cx<'_>, known: &Known, name: &str, kind: &str) -> Result<MilestoneId, No> {
    let detail = view::get(cx, deal(known, name)?)?;
    let found = detail.milestones.iter().find(|m| m.type_ == kind);
    found.map(|m| m.id).ok_or_else(|| Fault::Corrupt(format!("the sample's deal {name} has no {kind}")).into())
}

pub fn create(new: NewDeal) -> impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> {
    move |cx, _| deals::create(cx, &new).map(Some)
}

pub fn complete(
    name: &'static str,
    kind: &'static str,
    note: Option<&'static str>,
) -> impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> {
    move |cx, known| {
        let id = milestone(cx, known, name, kind)?;
        milestones::complete(cx, &CompleteMilestone { id, version: None, note: note.map(str::to_owned) })?;
        Ok(None)
    }
}

pub fn waive(
    name: &'static str,
    kind: &'static str,
    reason: Option<&'static str>,
) -> impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> {
    move |cx, known| {
        let id = milestone(cx, known, name, kind)?;
        milestones::waive(cx, &WaiveMilestone { id, version: None, reason: reason.map(str::to_owned) })?;
        Ok(None)
    }
}

pub fn edit(
    name: &'static str,
    kind: &'static str,
    change: impl Fn(MilestoneId) -> EditMilestone,
) -> impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> {
    move |cx, known| {
        let id = milestone(cx, known, name, kind)?;
        milestones::edit(cx, &change(id))?;
        Ok(None)
    }
}

pub fn progress(
    name: &'static str,
    kind: &'static str,
    status: &'static str,
) -> impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> {
    edit(name, kind, move |id| EditMilestone { status: Some(status.into()), ..EditMilestone::of(id) })
}

pub fn add(
    name: &'static str,
    title: &'static str,
    due: Date,
    responsible: &'static str,
) -> impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> {
    move |cx, known| {
        let new = AddMilestone {
            deal_id: deal(known, name)?,
            title: title.into(),
            due_on: due.to_string(),
            responsible_role: Some(responsible.into()),
            remind_days_before: None,
            required: None,
            notes: None,
        };
        milestones::add(cx, &new)?;
        Ok(None)
    }
}

/// Previewed and applied, as people do it.
pub fn reschedule(
    name: &'static str,
    date: &'static str,
    to: Date,
) -> impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> {
    move |cx, known| {
        let key_dates = BTreeMap::from([(date.to_owned(), Some(to.to_string()))]);
        let preview = key_dates::preview(cx, &ChangeKeyDates { deal_id: deal(known, name)?, key_dates })?;
        key_dates::apply(cx, preview.plan_token)?;
        Ok(None)
    }
}

pub fn end(
    name: &'static str,
    to: DealStatus,
    reason: Option<&'static str>,
) -> impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> {
    move |cx, known| {
        deals::end(cx, deal(known, name)?, to, reason)?;
        Ok(None)
    }
}

/// A party of the deal wants nothing any more.
pub fn opt_out(
    name: &'static str,
    email: &'static str,
    why: &'static str,
) -> impl Fn(&mut Cx<'_>, &Known) -> Result<Option<DealId>, No> {
    move |cx, known| {
        deal(known, name)?;
        let found = contact::view::find(cx, email)?;
        let who = found.first().ok_or_else(|| Fault::Corrupt(format!("the sample has no contact {email} yet")))?;
        standing::ops::opt_out(cx, &OptOut { contact_id: who.id, via: Via::Phone, why: why.into() })?;
        Ok(None)
    }
}
