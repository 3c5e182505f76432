//! The team's day, and on Mondays its week, once in its channel.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Span};
use serde_json::json;

use super::store::shown::{self, Glanced};
use crate::delivery::notify::ops::section;
use crate::delivery::notify::{Line, Section};
use crate::delivery::outbox::Enqueued;
use crate::delivery::outbox::ops::enqueue;
use crate::delivery::outbox::store::of_occasions;
use crate::delivery::outbox::waiting::undelivered;
use crate::delivery::settings::{TeamChannel, TeamDigest};
use crate::delivery::template::Templates;
use crate::delivery::{NewMessage, Priority, Purpose, To, settings};
use crate::kernel::page::Ask;
use crate::kernel::{Cx, No, time};
use crate::people::reach::Topic;
use crate::workspace::approval::ops::{ListApprovals, list};
use crate::workspace::tenant;

/// How long after its time one that was missed still comes.
const LATEST: SignedDuration = SignedDuration::from_hours(6);
/// Milestones that are looked for; what is more is counted up to here.
const MOST: i64 = 500;

/// Puts the team's digest into the outbox when its time has come: one for each day, however many ask, and none when there is
/// nothing to say. Gives how many were put in.
pub fn team_digest(cx: &mut Cx<'_>) -> Result<usize, No> {
    let settings = settings::store::find(cx)?.settings;
    let Some(TeamChannel { channel, address }) = settings.team_channel else { return Ok(0) };
    if settings.team_digest == TeamDigest::Off {
        return Ok(0);
    }
    let Some(workspace) = tenant::store::find(cx)? else { return Ok(0) };
    let (zone, now) = (time::zone(&workspace.time_zone), cx.now());
    let today = time::today(now, &zone);
    let week = today.weekday() == Weekday::Monday
        && matches!(settings.team_digest, TeamDigest::Weekly | TeamDigest::Both);
    if !week && settings.team_digest == TeamDigest::Weekly {
        return Ok(0);
    }
    let due = settings.team_digest_at.instant(today, &zone);
    let Some(at) = due.filter(|at| *at <= now && now < *at + LATEST) else { return Ok(0) };
    let occasion = format!("team_digest:{today}");
    if !of_occasions(cx, &[&occasion])?.is_empty() {
        return Ok(0);
    }
    let sections = sections(cx, today, week)?;
    if sections.is_empty() {
        return Ok(0);
    }
    let day = today.strftime("%A %-d %B").to_string();
    let title = if week { format!("The week from {day}") } else { format!("Today, {day}") };
    let context = json!({ "title": title, "name": "", "intro": format!("{title}."), "sections": sections });
    let message = NewMessage {
        occasion,
        topic: Topic::Digest,
        purpose: Purpose::Internal,
        channel,
        to: To::Team,
        address,
        deal_id: None,
        approval_id: None,
        batch_id: None,
        content: Templates::load()?.render("digest", &context)?.content(channel),
        priority: Priority::Usual,
        due_at: at,
        expires_at: today.tomorrow().ok().and_then(|next| settings.team_digest_at.instant(next, &zone)),
    };
    let queued = enqueue(cx, &[message])?;
    Ok(queued.iter().filter(|one| matches!(one, Enqueued::New(_))).count())
}

/// What there is to say; nothing that is empty.
fn sections(cx: &mut Cx<'_>, today: Date, week: bool) -> Result<Vec<Section>, No> {
    let last = if week { today.checked_add(Span::new().days(6)).unwrap_or(today) } else { today };
    let overdue = shown::due_between(cx, None, None, today.yesterday().unwrap_or(today), MOST)?;
    let coming = shown::due_between(cx, None, Some(today), last, MOST)?;
    let ask = Ask { cursor: None, limit: Some(100) };
    let waiting = list(cx, &ListApprovals { ask, ..ListApprovals::default() })?.items;
    let waiting = waiting.into_iter().map(|a| {
        let whom: Vec<String> = a.waiting_for.into_iter().map(|named| named.name).collect();
        let of = if whom.is_empty() { String::new() } else { format!(" (waits for {})", whom.join(", ")) };
        Line::about(&a.subject_kind, a.subject_id, format!("{}{of}", a.title))
    });
    let since = cx.now() - SignedDuration::from_hours(if week { 7 * 24 } else { 24 });
    let mut failed: BTreeMap<(String, String), usize> = BTreeMap::new();
    for m in undelivered(cx, since, None, MOST)? {
        *failed.entry((m.channel.as_str().replace('_', "-"), m.status.to_string())).or_default() += 1;
    }
    let failed = failed.into_iter().map(|((channel, status), count)| {
        let messages = if count == 1 { "message" } else { "messages" };
        Line::plain(format!("{count} {messages} by {channel} {status}: milepost delivery list --status {status}"))
    });
    let due = if week { "Due this week" } else { "Due today" };
    let mut all = vec![
        section("Overdue", by_deal(&overdue)),
        section(due, by_deal(&coming)),
        section("Waiting for a yes", waiting.collect()),
        section("Not delivered", failed.collect()),
    ];
    all.retain(|section| !section.lines.is_empty());
    Ok(all)
}

/// Milestones that one line names.
const MOST_NAMED: usize = 3;

/// One line for each deal, the one with the earliest date first. Titles are not enough to tell deals apart.
fn by_deal(milestones: &[Glanced]) -> Vec<Line> {
    let mut deals: Vec<Vec<&Glanced>> = Vec::new();
    for m in milestones {
        match deals.iter_mut().find(|of| of[0].deal_id == m.deal_id) {
            Some(of) => of.push(m),
            None => deals.push(vec![m]),
        }
    }
    let line = |of: Vec<&Glanced>| {
        let named =
            of.iter().take(MOST_NAMED).map(|m| format!("{} ({})", m.title, m.due_on.0.strftime("%a %-d %b")));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = of.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Line::plain(format!("{}: {named}{more}", of[0].deal))
    };
    deals.into_iter().map(line).collect()
}
