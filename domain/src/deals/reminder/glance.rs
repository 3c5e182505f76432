//! A member's day at a glance: what comes up, what is late, what waits for a word, what did not get through. The same in
//! digests and above the feed.

use jiff::civil::Date;
use jiff::{SignedDuration, Span};

use super::store::shown::{self, Glanced};
use crate::delivery::notify::ops::section;
use crate::delivery::notify::{Line, Section};
use crate::delivery::outbox::waiting::undelivered;
use crate::delivery::{To, feed};
use crate::kernel::id::ContactId;
use crate::kernel::page::Ask;
use crate::kernel::{Cx, No, Refusal, time};
use crate::people::contact;
use crate::workspace::access::rules::role_allows;
use crate::workspace::access::{Require, Verb};
use crate::workspace::approval::ops::{ListApprovals, list};
use crate::workspace::member::{self, Member};

/// Lines that are looked for; a section shows fewer and says how many more there are.
const MOST: i64 = 200;

/// Of the member who asks.
pub fn glance(cx: &mut Cx<'_>) -> Result<Vec<Section>, No> {
    cx.require(Verb::ReadDeals)?;
    let reader = feed::ops::reader(cx)?;
    let member = member::store::find(cx, reader)?.ok_or_else(|| Refusal::not_found("member"))?;
    let today = time::today(cx.now(), &time::zone(&member.time_zone));
    let mut all = sections(cx, &member, today)?;
    all.retain(|section| !section.lines.is_empty());
    Ok(all)
}

/// All of them, empty ones too. Part of other verbs, which ask for the right to look.
pub fn sections(cx: &mut Cx<'_>, member: &Member, today: Date) -> Result<Vec<Section>, No> {
    let last = today.checked_add(Span::new().days(3)).unwrap_or(today);
    let yesterday = today.yesterday().unwrap_or(today);
    let coming = shown::due_between(cx, Some(member.id), Some(today), last, MOST)?;
    let overdue = shown::due_between(cx, Some(member.id), None, yesterday, MOST)?;
    let escalated = shown::escalated(cx, member.id, MOST)?;
    Ok(vec![
        section("Due in the next three days", coming.iter().map(milestone).collect()),
        section("Overdue", overdue.iter().map(milestone).collect()),
        section("Escalated to you", escalated.iter().map(milestone).collect()),
        section("Waiting for your approval", waiting(cx, member)?),
        section("Not delivered", not_delivered(cx, member)?),
    ])
}

fn milestone(m: &Glanced) -> Line {
    let text = format!("{} of {}: {}", m.title, m.deal, m.due_on.0.strftime("%A %-d %B"));
    Line::about("milestone", m.id.0, text)
}

fn waiting(cx: &mut Cx<'_>, member: &Member) -> Result<Vec<Line>, No> {
    if !role_allows(member.role, Verb::DecideApproval) {
        return Ok(Vec::new());
    }
    let ask = Ask { cursor: None, limit: Some(100) };
    let wanted = ListApprovals { waiting_for: Some(member.id), ask, ..ListApprovals::default() };
    let approvals = list(cx, &wanted)?.items;
    Ok(approvals.into_iter().map(|a| Line::about(&a.subject_kind, a.subject_id, a.title)).collect())
}

/// Since the day before, for those who look after deliveries. Of what was meant for a member, that member was told.
fn not_delivered(cx: &mut Cx<'_>, member: &Member) -> Result<Vec<Line>, No> {
    if !role_allows(member.role, Verb::ManageDeliveries) {
        return Ok(Vec::new());
    }
    let since = cx.now() - SignedDuration::from_hours(24);
    let failed = undelivered(cx, since, None, MOST)?;
    let contacts: Vec<ContactId> =
        failed.iter().filter_map(|m| if let To::Contact(id) = m.to { Some(id) } else { None }).collect();
    let contacts = contact::store::of_ids(cx, &contacts)?;
    let line = |m: &crate::delivery::Message| {
        let to = match m.to {
            To::Contact(id) => contacts.iter().find(|c| c.id == id).map_or("a contact", |c| c.name.as_str()),
            To::Endpoint(_) => "a webhook",
            To::Team | To::Member(_) => "the team",
        };
        let way = m.channel.as_str().replace('_', "-");
        Line::about("message", m.id.0, format!("{} (by {way} to {to}): {}", m.content.subject, m.status))
    };
    Ok(failed.iter().map(line).collect())
}
