//! What was found, as it is now.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Hit, Kind, rules};
use crate::assist::draft;
use crate::deals::deal::{self, CLOSING_DATE, PartyRole};
use crate::deals::milestone::{self, template};
use crate::delivery::outbox;
use crate::kernel::id::{ApprovalId, ContactId, DealId, DraftId, MessageId, MilestoneId};
use crate::kernel::{Cx, No};
use crate::people::contact;
use crate::people::reach::Channel;
use crate::workspace::approval;

/// In the order of what was found; what is there no more is left out.
pub(super) fn hits(cx: &mut Cx<'_>, found: &[(Kind, Uuid)], words: &[String]) -> Result<Vec<Hit>, No> {
    let mut all: HashMap<Uuid, Hit> = HashMap::new();
    for kind in Kind::ALL {
        let ids: Vec<Uuid> = found.iter().filter(|(of, _)| of == kind).map(|(_, id)| *id).collect();
        if ids.is_empty() {
            continue;
        }
        let hits = match kind {
            Kind::Deal => deals(cx, &ids)?,
            Kind::Milestone => milestones(cx, &ids, words)?,
            Kind::Contact => contacts(cx, &ids)?,
            Kind::Template => templates(cx, &ids)?,
            Kind::Draft => drafts(cx, &ids, words)?,
            Kind::Approval => approvals(cx, &ids)?,
            Kind::Delivery => deliveries(cx, &ids)?,
        };
        all.extend(hits.into_iter().map(|hit| (hit.id, hit)));
    }
    Ok(found.iter().filter_map(|(_, id)| all.remove(id)).collect())
}

fn hit(kind: Kind, id: Uuid, title: String, snippet: String) -> Hit {
    Hit { kind, id, deal_id: None, title, snippet, status: None, due_on: None }
}

fn deals(cx: &mut Cx<'_>, ids: &[Uuid]) -> Result<Vec<Hit>, No> {
    let ids: Vec<DealId> = ids.iter().copied().map(DealId).collect();
    let found = deal::store::find_many(cx, &ids)?;
    Ok(found
        .into_iter()
        .map(|deal| Hit {
            deal_id: Some(deal.id),
            status: Some(deal.status.to_string()),
            due_on: deal.key_dates.get(CLOSING_DATE).copied(),
            ..hit(Kind::Deal, deal.id.0, deal.title, rules::beginning(&deal.address))
        })
        .collect())
}

fn milestones(cx: &mut Cx<'_>, ids: &[Uuid], words: &[String]) -> Result<Vec<Hit>, No> {
    let ids: Vec<MilestoneId> = ids.iter().copied().map(MilestoneId).collect();
    let found = milestone::store::find_many(cx, &ids)?;
    let titles = deal::store::titles(cx, &found.iter().map(|m| m.deal_id).collect::<Vec<_>>())?;
    let now = cx.now();
    let of = |m: milestone::Milestone| {
        let deal = titles.get(&m.deal_id).map_or("", String::as_str);
        let snippet = rules::excerpt(&m.notes, words).unwrap_or_else(|| m.type_.replace('_', " "));
        Hit {
            deal_id: Some(m.deal_id),
            status: Some(m.status(now).to_string()),
            due_on: m.due_on,
            ..hit(Kind::Milestone, m.id.0, format!("{deal}: {}", m.title), snippet)
        }
    };
    Ok(found.into_iter().map(of).collect())
}

/// People, on which deals they are, and where they are reached: whole for members, masked for programs.
fn contacts(cx: &mut Cx<'_>, ids: &[Uuid]) -> Result<Vec<Hit>, No> {
    /// Deals of one person that are named.
    const MOST_ROLES: usize = 3;
    let ids: Vec<ContactId> = ids.iter().copied().map(ContactId).collect();
    let found = contact::store::of_ids(cx, &ids)?;
    let mut roles: HashMap<ContactId, Vec<(DealId, PartyRole)>> = HashMap::new();
    for id in &ids {
        roles.insert(*id, deal::store::roles_of(cx, *id, MOST_ROLES as i64 + 1)?);
    }
    let titles = deal::store::titles(cx, &roles.values().flatten().map(|(deal, _)| *deal).collect::<Vec<_>>())?;
    let mask = cx.is_program();
    let shown = |channel, address: String| match mask {
        true => outbox::rules::masked(channel, &address),
        false => address,
    };
    let of = |contact: contact::Contact| {
        let own = roles.get(&contact.id).map(Vec::as_slice).unwrap_or_default();
        let mut parts: Vec<String> = own
            .iter()
            .take(MOST_ROLES)
            .map(|(deal, role)| {
                let deal = titles.get(deal).map_or("a deal", String::as_str);
                format!("{} of {deal}", role.as_str().replace('_', " "))
            })
            .collect();
        if own.len() > MOST_ROLES {
            parts.push("and more".into());
        }
        parts.extend(contact.email.map(|address| shown(Channel::Email, address)));
        parts.extend(contact.phone.map(|address| shown(Channel::Sms, address)));
        Hit {
            deal_id: own.first().map(|(deal, _)| *deal),
            ..hit(Kind::Contact, contact.id.0, contact.name, parts.join("; "))
        }
    };
    Ok(found.into_iter().map(of).collect())
}

fn templates(cx: &mut Cx<'_>, ids: &[Uuid]) -> Result<Vec<Hit>, No> {
    let mut all = template::ops::own(cx)?;
    all.extend(template::Template::built_ins().iter().cloned());
    let mut hits: Vec<Hit> = Vec::new();
    // A workspace's own template stands in the place of the one that ships.
    for found in all {
        let id = template::ops::document(&found).id;
        if ids.contains(&id) && hits.iter().all(|hit| hit.id != id) {
            let snippet = format!("{}, version {}, {} milestones", found.name, found.version, found.rules.len());
            hits.push(hit(Kind::Template, id, found.title, snippet));
        }
    }
    Ok(hits)
}

fn drafts(cx: &mut Cx<'_>, ids: &[Uuid], words: &[String]) -> Result<Vec<Hit>, No> {
    let ids: Vec<DraftId> = ids.iter().copied().map(DraftId).collect();
    let of = |(draft, newest): (draft::Draft, draft::Version)| {
        let body = newest.words.body;
        let snippet = rules::excerpt(&body, words).unwrap_or_else(|| rules::beginning(&body));
        Hit {
            deal_id: Some(draft.deal_id),
            status: Some(draft.state.to_string()),
            ..hit(Kind::Draft, draft.id.0, newest.words.subject, snippet)
        }
    };
    Ok(draft::store::written(cx, &ids)?.into_iter().map(of).collect())
}

fn approvals(cx: &mut Cx<'_>, ids: &[Uuid]) -> Result<Vec<Hit>, No> {
    let ids: Vec<ApprovalId> = ids.iter().copied().map(ApprovalId).collect();
    let found = approval::store::find_many(cx, &ids)?;
    let about = |a: &approval::Approval| (a.subject_kind == "draft").then_some(DraftId(a.subject_id));
    let letters = draft::store::written(cx, &found.iter().filter_map(about).collect::<Vec<_>>())?;
    let of = |a: approval::Approval| {
        let deal = about(&a).and_then(|id| letters.iter().find(|(draft, _)| draft.id == id));
        Hit {
            deal_id: deal.map(|(draft, _)| draft.deal_id),
            status: Some(a.state.to_string()),
            ..hit(Kind::Approval, a.id.0, a.title, format!("asked for by {}", a.requested_by_name))
        }
    };
    Ok(found.into_iter().map(of).collect())
}

fn deliveries(cx: &mut Cx<'_>, ids: &[Uuid]) -> Result<Vec<Hit>, No> {
    let ids: Vec<MessageId> = ids.iter().copied().map(MessageId).collect();
    let mask = cx.is_program();
    let of = |m: crate::delivery::Message| {
        let way = m.channel.as_str().replace('_', "-");
        let to = if mask { outbox::rules::masked(m.channel, &m.address) } else { m.address };
        let snippet = if to.is_empty() { way } else { format!("{way} to {to}") };
        Hit {
            deal_id: m.deal_id,
            status: Some(m.status.to_string()),
            ..hit(Kind::Delivery, m.id.0, m.content.subject, snippet)
        }
    };
    Ok(outbox::store::find_all(cx, &ids)?.into_iter().map(of).collect())
}
