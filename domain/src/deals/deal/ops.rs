//! Creating deals, making them active, editing them, and ending them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::intake::{self, Checked, NewDeal};
use super::rules::{self, Moving};
use super::store::ByProgram;
use super::{Dating, Deal, DealStatus, Event, PartyRole, store};
use crate::deals::milestone::rules::{Terms, lapses_at};
use crate::deals::milestone::template::{self, Template};
use crate::deals::milestone::{self, Milestone, OpenState, State};
use crate::deals::reminder::take_back::Reworded;
use crate::deals::{followup, reminder, thread};
use crate::delivery::settings::rules::is_snowflake;
use crate::kernel::event::Change;
use crate::kernel::id::{ContactId, DealId, MemberId, MilestoneId, PartyId};
use crate::kernel::{ActorKind, Code, Cx, No, Problem, Refusal, Subject, text};
use crate::people::contact::{self, ops::Person};
use crate::workspace::access::{Require, Verb};
use crate::workspace::{member, tenant};

/// When a rule says nothing of reminders. Days before the milestone.
const USUAL_LEAD: i32 = 2;

pub(crate) fn subject(id: DealId) -> Subject {
    Subject::new("deal", id.0)
}

/// Creates a deal, and with `activate` its milestones in the same transaction.
pub fn create(cx: &mut Cx<'_>, new: &NewDeal) -> Result<DealId, No> {
    cx.require(Verb::CreateDeal)?;
    let checked = intake::check(new)?;
    let activate = checked.activate;
    let deal = insert(cx, checked)?;
    if activate {
        activate_draft(cx, deal.clone())?;
    }
    Ok(deal.id)
}

/// Stores a checked deal as a draft. The caller has asked for the right.
pub(crate) fn insert(cx: &mut Cx<'_>, checked: Checked) -> Result<Deal, No> {
    let (template, owner_id, time_zone) = known_here(cx, &checked)?;
    let deal = Deal {
        id: DealId(cx.mint()),
        title: checked.title,
        address: checked.address,
        side: checked.side,
        financing: checked.financing,
        state: checked.state,
        price_cents: checked.price_cents,
        time_zone,
        owner_id,
        chat_channel: None,
        status: DealStatus::Draft,
        template: template.name,
        template_version: template.version,
        key_dates: checked.key_dates,
        created_at: cx.now(),
        activated_at: None,
        ended_at: None,
        version: 1,
    };
    store::insert(cx, &deal)?;
    let mut parties = Vec::with_capacity(checked.parties.len());
    for (role, contact) in meet_all(cx, &checked.parties)? {
        let id = PartyId(cx.mint());
        store::insert_party(cx, id, deal.id, role, contact)?;
        parties.push((role, contact));
    }
    let created = Event::Created {
        title: deal.title.clone(),
        address: deal.address.clone(),
        side: deal.side,
        financing: deal.financing,
        state: deal.state.clone(),
        price_cents: deal.price_cents,
        time_zone: deal.time_zone.clone(),
        template: deal.template.clone(),
        key_dates: deal.key_dates.clone(),
        parties,
    };
    cx.record(subject(deal.id), &created)?;
    Ok(deal)
}

/// The contacts of the parties, in the parties' order. They are met in the order of their addresses, so that two who
/// bring the same new people at once wait for each other in a row and not in a circle.
fn meet_all(cx: &mut Cx<'_>, parties: &[(PartyRole, Person)]) -> Result<Vec<(PartyRole, ContactId)>, No> {
    let mut places: Vec<usize> = (0..parties.len()).collect();
    places.sort_by(|a, b| parties[*a].1.email.cmp(&parties[*b].1.email));
    let mut met = Vec::with_capacity(places.len());
    for place in places {
        let (role, person) = &parties[place];
        met.push((place, (*role, contact::ops::meet(cx, person)?.id)));
    }
    met.sort_by_key(|(place, _)| *place);
    Ok(met.into_iter().map(|(_, party)| party).collect())
}

/// What only the database knows: the template, the owner, and the workspace's zone.
pub(crate) fn known_here(cx: &mut Cx<'_>, checked: &Checked) -> Result<(Template, Option<MemberId>, String), No> {
    let mut problems = Vec::new();
    let template = template::ops::named(cx, &checked.template)?;
    if template.is_none() {
        let shown: String = checked.template.chars().take(60).collect();
        problems.push(Problem::new("template", format!("there is no template \"{shown}\" here.")));
    }
    let owner = match &checked.owner_email {
        Some(email) => {
            let found = member::store::find_by_email(cx, email)?;
            if found.is_none() {
                problems.push(Problem::new("owner_email", format!("{email} is no member of this workspace.")));
            }
            found.map(|member| member.id)
        }
        None => usual_owner(cx)?,
    };
    let time_zone = match &checked.time_zone {
        Some(zone) => zone.clone(),
        None => tenant::store::find(cx)?.ok_or_else(|| Refusal::not_found("workspace"))?.time_zone,
    };
    match template {
        Some(template) if problems.is_empty() => Ok((template, owner, time_zone)),
        _ => Err(problems.into()),
    }
}

/// The acting member; for agents and the operator the workspace's first owner, so that a deal is never nobody's.
fn usual_owner(cx: &mut Cx<'_>) -> Result<Option<MemberId>, No> {
    let actor = cx.actor();
    if actor.kind == ActorKind::Member {
        return Ok(actor.id.map(MemberId));
    }
    Ok(member::store::first_owner(cx)?)
}

/// What came of moving a deal to another status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    Now {
        open_milestones: usize,
    },
    /// It was there before; nothing was changed.
    Already,
}

/// Makes a draft active and generates its milestones. Confirming an active deal changes nothing, but that a member has read
/// what a program said there.
pub fn confirm(cx: &mut Cx<'_>, id: DealId) -> Result<Moved, No> {
    cx.require(Verb::ConfirmDeal)?;
    let deal = store::hold(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    match rules::confirm(deal.status)? {
        Moving::Already(_) => {
            let read = confirm_words(cx, &deal, ByProgram::ALL)?;
            Ok(if read { Moved::Now { open_milestones: 0 } } else { Moved::Already })
        }
        Moving::Now { .. } => {
            activate_draft(cx, deal)?;
            Ok(Moved::Now { open_milestones: 0 })
        }
    }
}

/// A member who confirms a deal, or gives it the title or address that it has, has read what a program said there; from
/// then on contacts are written to with it.
fn confirm_words(cx: &mut Cx<'_>, deal: &Deal, read: ByProgram) -> Result<bool, No> {
    if cx.is_program() {
        return Ok(false);
    }
    let by_program = store::worded_by_programs(cx, &[deal.id])?.get(&deal.id).copied().unwrap_or_default();
    let ByProgram { title, address, parties } = by_program.and(read);
    if !(title || address || parties) {
        return Ok(false);
    }
    // What was held back for it may be due.
    reminder::store::look_soon(cx, deal.id)?;
    cx.record(subject(deal.id), &Event::WordsConfirmed { title, address, parties })?;
    Ok(true)
}

/// Generates the milestones of a draft and makes it active. The deal must be held or new.
pub(crate) fn activate_draft(cx: &mut Cx<'_>, mut deal: Deal) -> Result<(), No> {
    let template = template::ops::named(cx, &deal.template)?.ok_or_else(|| {
        Refusal::new(
            Code::WrongState,
            format!("The template {} of this deal is gone. Nothing was changed.", deal.template),
            "Bring the template back (milepost template set), then confirm the deal.",
        )
    })?;
    let terms =
        Terms { side: deal.side, financing: deal.financing, state: deal.state.as_deref().unwrap_or_default() };
    let zone = deal.zone();
    let made: Vec<Milestone> = rules::generate(&template, terms, &deal.key_dates)?
        .into_iter()
        .map(|made| Milestone {
            id: MilestoneId(cx.mint()),
            deal_id: deal.id,
            type_: made.rule.rule.type_.clone(),
            title: made.title,
            due_on: made.due_on,
            lapses_at: made.due_on.map(|due_on| lapses_at(due_on, &zone)),
            state: State::Open(OpenState::Upcoming),
            required: made.required,
            responsible: made.responsible,
            responsible_member: None,
            remind_days_before: Some(made.remind_days_before.unwrap_or(USUAL_LEAD)),
            notify: made.notify,
            notes: String::new(),
            evidence: Vec::new(),
            pinned: false,
            rule: Some(made.rule),
            origin: made.origin,
            created_at: cx.now(),
            version: 1,
        })
        .collect();
    milestone::store::insert(cx, &deal, &made)?;
    deal.status = DealStatus::Active;
    deal.activated_at = Some(cx.now());
    deal.template_version = template.version;
    store::update(cx, &deal)?;
    thread::activated(cx, &deal)?;
    let milestones = made.iter().map(|m| Dating { id: m.id, title: m.title.clone(), due_on: m.due_on }).collect();
    let confirmed = Event::Confirmed { template: template.name, template_version: template.version, milestones };
    cx.record(subject(deal.id), &confirmed)
}

/// What may change of a deal. What is `None` stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct EditDeal {
    pub deal_id: DealId,
    /// The version you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub address: Option<String>,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64")]
    pub price: Option<f64>,
    /// E-mail address of the member who owns the deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub owner_email: Option<String>,
    /// Discord channel id for the deal's reminders; empty for the team's channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub chat_channel: Option<String>,
    /// `active` confirms a draft and generates its milestones; `closed` and `cancelled` end the deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealStatus")]
    pub status: Option<String>,
    /// Why it is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
}

impl EditDeal {
    /// A command that changes nothing yet.
    pub fn of(deal_id: DealId) -> Self {
        let (title, address, price, owner_email, chat_channel) = (None, None, None, None, None);
        let (version, status, reason) = (None, None, None);
        Self { deal_id, version, title, address, price, owner_email, chat_channel, status, reason }
    }
}

/// Edits a deal's own fields and moves its status.
pub fn edit(cx: &mut Cx<'_>, cmd: &EditDeal) -> Result<(), No> {
    let status = cmd.status.as_deref().map(|text| intake::word::<DealStatus>("status", text)).transpose();
    let status = status.map_err(|problem| vec![problem])?;
    let edits = cmd.title.is_some()
        || cmd.address.is_some()
        || cmd.price.is_some()
        || cmd.owner_email.is_some()
        || cmd.chat_channel.is_some();
    if !edits && status.is_none() {
        return Err(vec![Problem::new("title", "nothing to change was given: name at least one field.")].into());
    }
    if edits {
        edit_fields(cx, cmd)?;
    } else {
        check_version(cx, cmd.deal_id, cmd.version)?;
    }
    match status {
        None => {}
        Some(DealStatus::Draft) => {
            return Err(vec![Problem::new("status", "a deal does not go back to draft.")].into());
        }
        Some(DealStatus::Active) => {
            confirm(cx, cmd.deal_id)?;
        }
        Some(DealStatus::Closed) => {
            end(cx, cmd.deal_id, DealStatus::Closed, None)?;
        }
        Some(DealStatus::Cancelled) => {
            end(cx, cmd.deal_id, DealStatus::Cancelled, cmd.reason.as_deref())?;
        }
    }
    Ok(())
}

pub(super) fn check_version(cx: &mut Cx<'_>, id: DealId, version: Option<i64>) -> Result<Deal, No> {
    let deal = store::hold(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    match version {
        Some(yours) if yours != deal.version => Err(Refusal::stale("deal", yours, deal.version).into()),
        _ => Ok(deal),
    }
}

fn edit_fields(cx: &mut Cx<'_>, cmd: &EditDeal) -> Result<(), No> {
    cx.require(Verb::EditDeal)?;
    let before = check_version(cx, cmd.deal_id, cmd.version)?;
    let mut after = before.clone();
    let mut problems = Vec::new();
    let mut keep = |result: Result<String, Problem>| result.map_err(|p| problems.push(p)).ok();
    if let Some(title) = cmd.title.as_deref().and_then(|t| keep(text::line("title", t, text::TITLE))) {
        after.title = title;
    }
    if let Some(address) = cmd.address.as_deref().and_then(|t| keep(text::line("address", t, 300))) {
        after.address = address;
    }
    if let Some(price) = cmd.price {
        match intake::cents("price", price) {
            Ok(cents) => after.price_cents = Some(cents),
            Err(problem) => problems.push(problem),
        }
    }
    if let Some(email) = &cmd.owner_email {
        match member::store::find_by_email(cx, &email.trim().to_lowercase())? {
            Some(owner) => after.owner_id = Some(owner.id),
            None => problems.push(Problem::new("owner_email", "is no member of this workspace.")),
        }
    }
    match cmd.chat_channel.as_deref().map(str::trim) {
        None => {}
        Some("") => after.chat_channel = None,
        Some(id) if is_snowflake(id) => after.chat_channel = Some(id.to_owned()),
        Some(_) => {
            let sentence = "is no id of a Discord channel: up to 20 digits, as Copy Channel ID gives it.";
            problems.push(Problem::new("chat_channel", sentence));
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let facts = |d: &Deal| {
        serde_json::json!({
            "title": d.title, "address": d.address, "price_cents": d.price_cents, "owner_id": d.owner_id,
            "chat_channel": d.chat_channel,
        })
    };
    let change = Change::between(&facts(&before), &facts(&after));
    let same = ByProgram {
        title: cmd.title.is_some() && before.title == after.title,
        address: cmd.address.is_some() && before.address == after.address,
        parties: false,
    };
    if !change.is_empty() {
        store::update(cx, &after)?;
        if (&after.title, &after.address) != (&before.title, &before.address) {
            store::reworded(cx, &after)?;
            reminder::ops::reworded(cx, after.id, Reworded::Deal)?;
        } else if after.owner_id != before.owner_id || after.chat_channel != before.chat_channel {
            reminder::store::look_soon(cx, after.id)?;
            reminder::ops::changed(cx, after.id)?;
        }
        cx.record(subject(after.id), &Event::Edited(change))?;
        followup::take_back::changed(cx, after.id, followup::take_back::DEAL_EDITED)?;
    }
    if same.any() {
        confirm_words(cx, &after, same)?;
    }
    Ok(())
}

/// Closes or cancels a deal. Its milestones stay as they are; nothing is sent for them any more.
pub fn end(cx: &mut Cx<'_>, id: DealId, to: DealStatus, reason: Option<&str>) -> Result<Moved, No> {
    cx.require(Verb::EndDeal)?;
    let reason = reason.map(|text| text::prose("reason", text, text::REASON)).transpose().map_err(|p| vec![p])?;
    let mut deal = store::hold(cx, id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    let open = milestone::store::of_deal(cx, id)?.iter().filter(|m| m.state.is_open()).count();
    let moving = match to {
        DealStatus::Closed => rules::close(deal.status, open)?,
        _ => rules::cancel(deal.status, open)?,
    };
    let Moving::Now { status, open_milestones } = moving else { return Ok(Moved::Already) };
    deal.status = status;
    deal.ended_at = Some(cx.now());
    store::update(cx, &deal)?;
    reminder::store::forget_others(cx, &[id], &[])?;
    reminder::ops::changed(cx, id)?;
    thread::ended(cx, &deal)?;
    let event = match status {
        DealStatus::Closed => Event::Closed { open_milestones },
        _ => Event::Cancelled { open_milestones, reason: reason.filter(|text| !text.is_empty()) },
    };
    cx.record(subject(id), &event)?;
    followup::take_back::ended(cx, id, status)?;
    Ok(Moved::Now { open_milestones })
}
