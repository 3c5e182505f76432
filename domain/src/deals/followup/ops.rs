//! Beginning drafts, writing them between two verbs, closing-week checklists, reading what there is.

use jiff::civil::Date;
use jiff::{SignedDuration, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::facts::{self, File};
use super::view::{DraftDetail, DraftPreview, DraftView, Rendered, version_view, view};
use super::{review, rules};
use crate::assist::draft::check::{Finding, FindingKind};
use crate::assist::draft::letter::{Letter, Words};
use crate::assist::draft::{Draft, DraftKind, DraftState, Event, Urgency, Version, WrittenBy, store};
use crate::assist::prompt::{self, Question};
use crate::deals::deal::{self, CLOSING_DATE, Deal, DealStatus, PartyRole};
use crate::deals::milestone::{self, State};
use crate::delivery::outbox;
use crate::delivery::outbox::rules::masked;
use crate::delivery::{Content, NewMessage, Priority, Purpose, To};
use crate::kernel::id::{DealId, DraftId, MemberId, MilestoneId};
use crate::kernel::page::{Ask, Page};
use crate::kernel::{Cx, Fault, No, Refusal, Subject};
use crate::people::reach::{Channel, Topic};
use crate::workspace::access::{Require, Verb};
use crate::workspace::approval;
use crate::workspace::member::{self, MemberStatus};

/// How long whoever took a draft may write it. Minutes.
const LEASE_MINUTES: i64 = 2;
/// Deals that one sweep for checklists looks at.
const SWEEP: i64 = 500;
/// Whose words a template's are.
pub const TEMPLATE: &str = "Milepost";

pub(super) fn subject(id: DraftId) -> Subject {
    Subject::new("draft", id.0)
}

pub(super) fn missing() -> Refusal {
    Refusal::not_found("draft")
}

pub(super) fn new_draft(cx: &mut Cx<'_>, occasion: String, kind: DraftKind, deal: DealId, to: String) -> Draft {
    Draft {
        id: DraftId(cx.mint()),
        occasion,
        kind,
        deal_id: deal,
        milestone_id: None,
        recipient_role: to,
        urgency: Urgency::Routine,
        state: DraftState::Waiting,
        current: 0,
        approval_id: None,
        lease_until: None,
        created_at: cx.now(),
        settled_at: None,
        version: 1,
    }
}

/// Writes another state of a draft that is held.
pub(super) fn turn(cx: &mut Cx<'_>, draft: &mut Draft, to: DraftState, reason: Option<String>) -> Result<(), No> {
    let event = Event::Moved { before: draft.state, after: to, reason };
    draft.state = to;
    draft.settled_at = to.is_settled().then(|| cx.now());
    if to != DraftState::Writing {
        draft.lease_until = None;
    }
    store::update(cx, draft)?;
    cx.record(subject(draft.id), &event)
}

/// Begins the drafts of a milestone that was just completed, one for each role on its notify list that somebody has, and
/// tells the members whose deal or milestone it is. Part of completing it; the deal is held.
pub(crate) fn completed(cx: &mut Cx<'_>, deal: &Deal, id: MilestoneId) -> Result<(), No> {
    if deal.status != DealStatus::Active {
        return Ok(());
    }
    let file = facts::gather(cx, deal.id)?;
    let Some(done) = file.milestones.iter().find(|m| m.id == id) else { return Ok(()) };
    let occasion = |role: PartyRole| format!("follow_up:{id}:{role}");
    let roles = rules::roles(&done.notify, &file.parties);
    let occasions: Vec<String> = roles.iter().map(|role| occasion(*role)).collect();
    let mut there = store::of_occasions(cx, &occasions)?;
    let mut new = Vec::new();
    for role in roles {
        let urgency = rules::follow_up(&file, done, role).map_or(Urgency::Routine, |follow_up| follow_up.urgency);
        match there.iter_mut().find(|draft| draft.occasion == occasion(role)) {
            // It was withdrawn when the milestone was reopened.
            Some(draft) if draft.state == DraftState::Withdrawn => {
                draft.urgency = urgency;
                turn(cx, draft, DraftState::Waiting, None)?;
            }
            Some(_) => {}
            None => {
                let mut draft = new_draft(cx, occasion(role), DraftKind::FollowUp, deal.id, role.to_string());
                draft.milestone_id = Some(id);
                draft.urgency = urgency;
                new.push(draft);
            }
        }
    }
    begun(cx, &new)?;
    tell_members(cx, &file, id, new.len())
}

fn begun(cx: &mut Cx<'_>, new: &[Draft]) -> Result<usize, No> {
    let added = store::insert(cx, new)?;
    for draft in new.iter().filter(|draft| added.contains(&draft.id)) {
        let event = Event::Begun {
            deal_id: draft.deal_id,
            kind: draft.kind,
            milestone_id: draft.milestone_id,
            recipient_role: draft.recipient_role.clone(),
        };
        cx.record(subject(draft.id), &event)?;
    }
    Ok(added.len())
}

/// The deal's owner and whoever answers for the milestone, but not who completed it.
fn tell_members(cx: &mut Cx<'_>, file: &File, id: MilestoneId, drafts: usize) -> Result<(), No> {
    let Some(done) = file.milestones.iter().find(|m| m.id == id) else { return Ok(()) };
    let State::Completed { by, .. } = &done.state else { return Ok(()) };
    let mut told: Vec<MemberId> = file.owner.iter().map(|owner| owner.id).collect();
    if let Some(responsible) = done.responsible_member
        && member::store::find(cx, responsible)?.is_some_and(|m| m.status == MemberStatus::Active)
    {
        told.push(responsible);
    }
    told.sort_unstable();
    told.dedup();
    told.retain(|member| cx.actor().id != Some(member.0));
    let drafted = match drafts {
        0 => String::new(),
        1 => " One message about it is being drafted for approval.".into(),
        n => format!(" {n} messages about it are being drafted for approval."),
    };
    let content = Content {
        subject: format!("{} is completed: {}", done.title, file.deal.title),
        text: format!("{by} completed {} of {}.{drafted}", done.title, file.deal.title),
        data: Some(json!({ "subject": { "kind": "milestone", "id": id } })),
        ..Content::default()
    };
    let messages: Vec<NewMessage> = told
        .into_iter()
        .map(|member| NewMessage {
            deal_id: Some(file.deal.id),
            ..in_app(cx, format!("follow_up:{id}:member:{member}"), Topic::FollowUp, member, content.clone())
        })
        .collect();
    outbox::ops::enqueue(cx, &messages)?;
    Ok(())
}

/// A notification in the product.
pub(super) fn in_app(cx: &Cx<'_>, occasion: String, topic: Topic, to: MemberId, content: Content) -> NewMessage {
    NewMessage {
        occasion,
        topic,
        purpose: Purpose::Internal,
        channel: Channel::InApp,
        to: To::Member(to),
        address: String::new(),
        deal_id: None,
        approval_id: None,
        batch_id: None,
        content,
        priority: Priority::Usual,
        due_at: cx.now(),
        expires_at: None,
    }
}

/// Withdraws what nobody has decided about a milestone that is not completed any more. Part of reopening and removing it.
pub(crate) fn no_longer_completed(cx: &mut Cx<'_>, id: MilestoneId, why: &str) -> Result<(), No> {
    for draft in store::open_of_milestone(cx, id)? {
        withdraw_held(cx, draft, why)?;
    }
    Ok(())
}

pub(super) fn withdraw_held(cx: &mut Cx<'_>, id: DraftId, why: &str) -> Result<(), No> {
    let Some(mut draft) = store::hold(cx, id)? else { return Ok(()) };
    if draft.state.is_settled() {
        return Ok(());
    }
    approval::ops::withdraw_all(cx, review::SUBJECT, id.0, why)?;
    turn(cx, &mut draft, DraftState::Withdrawn, Some(why.into()))
}

/// A draft that somebody took to write, and what a model may be asked for it.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub draft: DraftId,
    /// The draft's version when it was taken; whoever comes back later than somebody else is not listened to.
    pub version: i64,
    pub question: Question,
}

/// What is to be written, from the deal as it is now.
enum Matter {
    FollowUp(Box<prompt::FollowUp>),
    Checklist(Box<prompt::Checklist>),
}

impl Matter {
    /// The reason when there is nothing to write any more.
    fn of(file: &File, draft: &Draft) -> Result<Self, String> {
        if file.deal.status != DealStatus::Active && file.deal.status != DealStatus::Closed {
            return Err(format!("The deal is {}.", file.deal.status));
        }
        let role: PartyRole = draft.recipient_role.parse()?;
        match draft.kind {
            DraftKind::FollowUp => {
                let done = file.milestones.iter().find(|m| Some(m.id) == draft.milestone_id);
                let told = done.and_then(|done| rules::follow_up(file, done, role));
                told.map(|told| Self::FollowUp(Box::new(told))).ok_or("The milestone is not completed.".into())
            }
            DraftKind::Checklist => {
                let listed = rules::checklist(file, role);
                listed.map(|list| Self::Checklist(Box::new(list))).ok_or("The deal has no closing date.".into())
            }
            DraftKind::Message => Err("Its words come from whoever proposed it.".into()),
        }
    }

    fn question(&self) -> Result<Question, Fault> {
        match self {
            Self::FollowUp(context) => prompt::question(&**context),
            Self::Checklist(context) => prompt::question(&**context),
        }
    }

    fn fallback(&self) -> Result<Letter, Fault> {
        match self {
            Self::FollowUp(context) => prompt::fallback(&**context),
            Self::Checklist(context) => prompt::fallback(&**context),
        }
    }
}

/// Takes the draft that has waited longest, for two minutes; `None` when none waits. Drafts whose reason is gone are
/// withdrawn on the way.
///
/// Part of the drafting loop: between this and [`accept`] a model may be asked.
pub fn begin(cx: &mut Cx<'_>) -> Result<Option<Assignment>, No> {
    cx.require(Verb::ProposeDraft)?;
    while let Some(mut draft) = store::take_waiting(cx)? {
        let file = facts::gather(cx, draft.deal_id)?;
        match Matter::of(&file, &draft) {
            Ok(matter) => {
                let question = matter.question()?;
                draft.lease_until = cx.now().checked_add(SignedDuration::from_mins(LEASE_MINUTES)).ok();
                turn(cx, &mut draft, DraftState::Writing, None)?;
                return Ok(Some(Assignment { draft: draft.id, version: draft.version, question }));
            }
            Err(why) => turn(cx, &mut draft, DraftState::Withdrawn, Some(why))?,
        }
    }
    Ok(None)
}

/// What became of asking for words.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A model's letter, and which model.
    Model { letter: Letter, model: String },
    /// The template writes it; why, when a model was to.
    Template { instead_of_model: Option<String> },
}

/// Keeps the words, opens their review and tells who is to review them. A model's letter that states what does not stand in
/// the deal gives way to the template's, and what it stated is kept. `None` when somebody else has written the draft since.
pub fn accept(cx: &mut Cx<'_>, assignment: &Assignment, answer: &Answer) -> Result<Option<DraftView>, No> {
    cx.require(Verb::ProposeDraft)?;
    let held = store::hold(cx, assignment.draft)?;
    let Some(mut draft) = held.filter(|d| d.state == DraftState::Writing && d.version == assignment.version)
    else {
        return Ok(None);
    };
    let file = facts::gather(cx, draft.deal_id)?;
    let matter = match Matter::of(&file, &draft) {
        Ok(matter) => matter,
        Err(why) => {
            turn(cx, &mut draft, DraftState::Withdrawn, Some(why))?;
            return Ok(Some(view(&draft, &file.deal.title, None, cx.is_program())));
        }
    };
    let known = rules::known(&file);
    let (source, letter, made_by, mut findings, instead) = match answer {
        Answer::Model { letter, model } => match letter.checked() {
            Ok(letter) => {
                let found = letter.findings(&known);
                if found.is_empty() {
                    (WrittenBy::Model, letter, model.clone(), Vec::new(), None)
                } else {
                    let noted = found.into_iter().map(|f| Finding { blocks: false, ..f }).collect();
                    let why = format!("{model} stated what does not stand in the deal.");
                    (WrittenBy::Template, matter.fallback()?, TEMPLATE.into(), noted, Some(why))
                }
            }
            Err(problems) => {
                let why = problems.iter().map(|p| format!("{}: {}", p.field, p.sentence)).collect::<Vec<_>>();
                let why = format!("{model} gave no letter. {}", why.join(" "));
                (WrittenBy::Template, matter.fallback()?, TEMPLATE.into(), Vec::new(), Some(why))
            }
        },
        Answer::Template { instead_of_model } => {
            (WrittenBy::Template, matter.fallback()?, TEMPLATE.into(), Vec::new(), instead_of_model.clone())
        }
    };
    if let Some(why) = &instead {
        findings.insert(0, note(FindingKind::Model, why, false));
    }
    if source == WrittenBy::Template {
        // Our own words are held to the same rules: what a template states must stand in the deal.
        findings.extend(letter.findings(&known));
    }
    let role: PartyRole = draft.recipient_role.parse().map_err(Fault::Corrupt)?;
    let recipients = rules::recipients(&file, role);
    if recipients.is_empty() {
        let why = format!(
            "Nobody in the role {role} has an e-mail address. Add one (milepost contact edit), then edit the draft."
        );
        findings.push(note(FindingKind::Recipient, &why, true));
    }
    let version = Version {
        number: draft.current + 1,
        channel: Channel::Email,
        recipients,
        words: Words::of(letter, &rules::signature(&file), rules::dated(&file)),
        content_hash: String::new(),
        source,
        findings,
        made_by,
        made_at: cx.now(),
    };
    let version = review::open(cx, &mut draft, &file, version, None, instead)?;
    Ok(Some(view(&draft, &file.deal.title, Some(&version), cx.is_program())))
}

fn note(kind: FindingKind, why: &str, blocks: bool) -> Finding {
    Finding { kind, part: String::new(), start: 0, end: 0, text: String::new(), why: why.into(), blocks }
}

/// Begins the checklists of the deals that close within a week, once for each client and closing date, and withdraws the
/// undecided ones of a closing that moved. Gives how many were begun. Part of a loop; with nothing due it costs one look at
/// the index of closing dates.
pub fn checklists(cx: &mut Cx<'_>) -> Result<usize, No> {
    cx.require(Verb::ProposeDraft)?;
    let mut count = 0;
    let mut after = None;
    // A day more on either side, since a deal's day is the day of its own zone.
    let today = crate::kernel::time::today(cx.now(), &jiff::tz::TimeZone::UTC);
    let day = |days: i64| today.checked_add(Span::new().days(days)).unwrap_or(today);
    loop {
        let wanted = deal::store::Wanted {
            status: vec![DealStatus::Active],
            closing_from: Some(day(0)),
            closing_to: Some(day(rules::CHECKLIST_DAYS + 1)),
            after,
            limit: SWEEP,
            ..deal::store::Wanted::default()
        };
        let mut closing = deal::store::list(cx, &wanted)?;
        let more = closing.len() > usize::try_from(SWEEP).unwrap_or(0);
        closing.truncate(usize::try_from(SWEEP).unwrap_or(0));
        count += checklists_of(cx, &closing)?;
        match closing.last() {
            Some((id, on)) if more => after = Some((*on, id.0)),
            _ => return Ok(count),
        }
    }
}

fn checklists_of(cx: &mut Cx<'_>, closing: &[(DealId, Date)]) -> Result<usize, No> {
    let ids: Vec<DealId> = closing.iter().map(|(id, _)| *id).collect();
    let now = cx.now();
    let mut new = Vec::new();
    let deals = deal::store::find_many(cx, &ids)?;
    let due = |deal: &&Deal| {
        let today = crate::kernel::time::today(now, &deal.zone());
        deal.key_dates.get(CLOSING_DATE).is_some_and(|closing| rules::is_closing_week(today, *closing))
    };
    let occasion = |deal: &Deal, role: PartyRole| {
        let closing = deal.key_dates.get(CLOSING_DATE).map(Date::to_string).unwrap_or_default();
        format!("checklist:{}:{closing}:{role}", deal.id)
    };
    let wanted: Vec<(&Deal, PartyRole)> = deals
        .iter()
        .filter(due)
        .flat_map(|deal| rules::clients(deal.side).iter().map(move |role| (deal, *role)))
        .collect();
    let occasions: Vec<String> = wanted.iter().map(|(deal, role)| occasion(deal, *role)).collect();
    let there = store::of_occasions(cx, &occasions)?;
    for (deal, role) in wanted {
        let occasion = occasion(deal, role);
        if there.iter().any(|draft| draft.occasion == occasion) {
            continue;
        }
        let parties = deal::store::parties(cx, deal.id)?;
        if parties.iter().all(|party| party.role != role) {
            continue;
        }
        for old in store::open_of_deal(cx, deal.id, DraftKind::Checklist)? {
            if old.recipient_role == role.as_str() {
                withdraw_held(cx, old.id, "The closing moved.")?;
            }
        }
        let mut draft = new_draft(cx, occasion, DraftKind::Checklist, deal.id, role.to_string());
        draft.urgency = Urgency::Important;
        new.push(draft);
    }
    begun(cx, &new)
}

/// The newest words of a draft.
pub(super) fn newest(cx: &mut Cx<'_>, draft: &Draft) -> Result<Option<Version>, No> {
    let versions = store::versions(cx, &[draft.id])?;
    Ok(versions.into_iter().map(|(_, version)| version).find(|version| version.number == draft.current))
}

pub(super) fn seen(cx: &mut Cx<'_>, draft: &Draft) -> Result<DraftView, No> {
    let titles = deal::store::titles(cx, &[draft.deal_id])?;
    let newest = newest(cx, draft)?;
    let title = titles.get(&draft.deal_id).map(String::as_str).unwrap_or_default();
    Ok(view(draft, title, newest.as_ref(), cx.is_program()))
}

/// One draft with all of its versions.
pub fn get(cx: &mut Cx<'_>, id: DraftId) -> Result<DraftDetail, No> {
    cx.require(Verb::ReadDrafts)?;
    let draft = store::find(cx, id)?.ok_or_else(missing)?;
    let mask = cx.is_program();
    let versions = store::versions(cx, &[id])?.iter().map(|(_, version)| version_view(version, mask)).collect();
    Ok(DraftDetail { draft: seen(cx, &draft)?, versions })
}

/// Which drafts.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ListDrafts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    /// Those that are not settled when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state: Vec<DraftState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub limit: Option<i64>,
}

/// Drafts, the newest first.
pub fn list(cx: &mut Cx<'_>, cmd: &ListDrafts) -> Result<Page<DraftView>, No> {
    cx.require(Verb::ReadDrafts)?;
    let ask = Ask { cursor: cmd.cursor.clone(), limit: cmd.limit };
    let limit = ask.limit().map_err(|p| vec![p])?;
    let before = ask.after().map_err(|p| vec![p])?;
    if let Some(deal) = cmd.deal_id {
        deal::store::find(cx, deal)?.ok_or_else(|| Refusal::not_found("deal"))?;
    }
    let states = match cmd.state.as_slice() {
        [] => DraftState::ALL.iter().copied().filter(|state| !state.is_settled()).collect(),
        states => states.to_vec(),
    };
    let rows = store::list(cx, &store::Wanted { deal: cmd.deal_id, states, before, limit })?;
    let ids: Vec<DraftId> = rows.iter().map(|draft| draft.id).collect();
    let deals: Vec<DealId> = rows.iter().map(|draft| draft.deal_id).collect();
    let titles = deal::store::titles(cx, &deals)?;
    let versions = store::versions(cx, &ids)?;
    let mask = cx.is_program();
    let show = |draft: Draft| {
        let newest = versions.iter().find(|(id, v)| *id == draft.id && v.number == draft.current);
        let title = titles.get(&draft.deal_id).map(String::as_str).unwrap_or_default();
        view(&draft, title, newest.map(|(_, version)| version), mask)
    };
    Ok(Page::cut(rows, limit, |draft| draft.id.0).map(show))
}

/// What each recipient would get of the newest words. Whether and when it may leave is the policy's to say.
pub fn preview(cx: &mut Cx<'_>, id: DraftId) -> Result<DraftPreview, No> {
    cx.require(Verb::ReadDrafts)?;
    let draft = store::find(cx, id)?.ok_or_else(missing)?;
    let mut messages = newest(cx, &draft)?.map(|version| rendered(&version)).unwrap_or_default();
    if cx.is_program() {
        messages.iter_mut().for_each(|m| m.recipient.address = masked(Channel::Email, &m.recipient.address));
    }
    Ok(DraftPreview { draft: seen(cx, &draft)?, messages })
}

pub(super) fn rendered(version: &Version) -> Vec<Rendered> {
    let each = version.recipients.iter().map(|recipient| {
        let content = version.words.to(recipient);
        let content_hash = content.hash(version.channel, &recipient.address);
        Rendered { recipient: recipient.clone(), content, content_hash }
    });
    each.collect()
}

/// The type of the milestone that a draft is about.
pub(super) fn milestone_type(cx: &mut Cx<'_>, draft: &Draft) -> Result<Option<String>, No> {
    match draft.milestone_id {
        Some(id) => Ok(milestone::store::find(cx, id)?.map(|m| m.type_)),
        None => Ok(None),
    }
}
