//! Cards of milestones follow their deal: what was done about them, by whom and when, wherever it was done.

use std::collections::HashMap;

use super::Kind;
use super::card::{Open, Shown, Shows, rows};
use super::store::{self, DealFacts, MilestoneFacts, Snooze};
use super::words::{self, Said, Says};
use crate::deals::deal::store::ByProgram;
use crate::deals::deal::{DealStatus, PartyRole};
use crate::deals::milestone::explain::long;
use crate::deals::milestone::{self, Milestone, State};
use crate::deals::thread;
use crate::delivery::cards::drawn::place;
use crate::delivery::cards::ops::{Held, close, redraw};
use crate::delivery::cards::{Drawn, Face, Span};
use crate::delivery::notify::ops::Team;
use crate::delivery::template::Templates;
use crate::kernel::column::{At, On};
use crate::kernel::id::{DealId, MilestoneId};
use crate::kernel::{Cx, Fault, No, time};
use crate::people::contact::Contact;

/// Draws cards of deals anew. Gives how many changed.
pub(in crate::deals) fn draw(cx: &mut Cx<'_>, held: &[Held]) -> Result<usize, No> {
    let (mut changed, held) = thread::draw(cx, held)?;
    let mut of: HashMap<DealId, Vec<&Held>> = HashMap::new();
    for card in held {
        of.entry(DealId(card.card.subject)).or_default().push(card);
    }
    if of.is_empty() {
        return Ok(changed);
    }
    let ids: Vec<DealId> = of.keys().copied().collect();
    let (team, templates) = (Team::load(cx)?, Templates::load()?);
    let mut parties = store::parties_of(cx, &ids)?;
    let snoozes = store::snoozes_of(cx, &ids)?;
    for deal in store::deals_of(cx, &ids)? {
        let milestones = milestone::store::of_deal(cx, deal.id)?;
        let zone = time::zone(&deal.time_zone);
        let parties = parties.remove(&deal.id).unwrap_or_default();
        let scene = Scene {
            team: &team,
            templates: &templates,
            deal: &deal,
            milestones: &milestones,
            parties: &parties,
            snoozes: &snoozes,
        };
        for held in of.remove(&deal.id).unwrap_or_default() {
            let face = scene.face(held)?;
            changed += usize::from(redraw(cx, held, deal.version, &face, &zone)?);
        }
    }
    for held in of.into_values().flatten() {
        close(cx, held)?;
    }
    Ok(changed)
}

struct Scene<'a> {
    team: &'a Team,
    templates: &'a Templates,
    deal: &'a DealFacts,
    milestones: &'a [Milestone],
    parties: &'a [(PartyRole, Contact)],
    snoozes: &'a HashMap<MilestoneId, Snooze>,
}

impl Scene<'_> {
    /// Who put a milestone off, and until when.
    fn put_off(&self, m: &MilestoneFacts) -> Option<String> {
        let snooze = self.snoozes.get(&m.id).filter(|snooze| m.due_on == Some(On(snooze.due_on)))?;
        Some(format!("Snoozed by {} until {}.", snooze.by, snooze.until.strftime("%a %-d %b")))
    }

    /// What a card says now, with the words that it had and what became of each milestone since.
    fn face(&self, held: &Held) -> Result<Face, No> {
        let id = held.card.message_id;
        let broken = |what: String| Fault::Corrupt(format!("card {id}: {what}"));
        let shows: Shows =
            serde_json::from_value(held.card.shows.clone()).map_err(|error| broken(error.to_string()))?;
        let kind: Kind = shows.kind.parse().map_err(broken)?;
        let active = self.deal.status == DealStatus::Active;
        let known: Vec<(&Shown, Option<&Milestone>)> =
            shows.items.iter().map(|shown| (shown, self.milestones.iter().find(|m| m.id == shown.id))).collect();
        let facts: Vec<MilestoneFacts> = known.iter().map(|(shown, m)| facts(self.deal.id, shown, *m)).collect();
        let mut pieces = Vec::new();
        let mut items = Vec::new();
        for ((shown, m), facts) in known.iter().zip(&facts) {
            let over = m.is_none_or(|m| !m.state.is_open());
            let instead = became(shown, *m).map(|piece| {
                pieces.push(piece);
                place(pieces.len() - 1)
            });
            let member = facts.responsible_member_id.and_then(|id| self.team.member(id));
            let due_on = facts.due_on.map_or(shown.due_on, |on| on.0);
            let note =
                [shown.note.clone(), self.put_off(facts)].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let note = Some(note).filter(|note| !note.is_empty());
            items.push(Said { instead, over, ..Said::of(facts, due_on, member, note) });
        }
        let open: Vec<Open<'_>> =
            items.iter().filter(|said| active && !said.over).map(|said| Open::of(said.milestone)).collect();
        let rows = rows(self.deal.id, &open, shows.items.len());
        // What is done may be opened again; an ended deal stays ended.
        let over = !active || known.iter().all(|(_, m)| m.is_none());
        let says = Says {
            deal: self.deal,
            owner: self.deal.owner_id.and_then(|id| self.team.member(id)),
            parties: self.parties,
            name: None,
            contact: false,
            by_program: ByProgram::default(),
            today: shows.today,
            items,
        };
        let words = words::message(self.templates, kind, &says)?;
        let content = words.content(crate::people::reach::Channel::Discord);
        let mut drawn = Drawn::fill(&content.text, &pieces);
        if !active {
            drawn.push(&format!("\nThe deal is {}: nothing is left to do here.", self.deal.status));
        }
        Ok(Face { subject: content.subject, drawn, rows, over })
    }
}

/// What reminders know of a milestone; of one that was removed, what its card knows.
fn facts(deal_id: DealId, shown: &Shown, m: Option<&Milestone>) -> MilestoneFacts {
    MilestoneFacts {
        id: shown.id,
        deal_id,
        title: m.map_or_else(|| shown.title.clone(), |m| m.title.clone()),
        due_on: m.and_then(|m| m.due_on).map(On),
        lapses_at: m.and_then(|m| m.lapses_at).map(At),
        required: m.is_some_and(|m| m.required),
        responsible_role: m.map_or(milestone::Responsible::All, |m| m.responsible),
        responsible_member_id: m.and_then(|m| m.responsible_member),
        remind_days_before: m.and_then(|m| m.remind_days_before),
        attend_at: None,
        version: m.map_or(0, |m| m.version),
    }
}

/// What is said in place of a milestone's line; `None` while it is as the card said first.
fn became(shown: &Shown, m: Option<&Milestone>) -> Option<Drawn> {
    let mut drawn = Drawn::default();
    let Some(m) = m else {
        drawn.span(Span::Struck(shown.title.clone())).push(": removed");
        return Some(drawn);
    };
    match &m.state {
        State::Completed { at, by } => {
            drawn.push("\u{2705} ").span(Span::Struck(m.title.clone()));
            drawn.push(&format!(": done by {by}, ")).span(Span::Ago(*at));
        }
        State::Waived { at, by, reason } => {
            drawn.push("\u{2796} ").span(Span::Struck(m.title.clone()));
            drawn.push(&format!(": waived by {by}, ")).span(Span::Ago(*at));
            if let Some(reason) = reason {
                drawn.push(&format!(". {}", words::clip(reason, 120)));
            }
        }
        State::Open(_) => match m.due_on {
            Some(on) if on == shown.due_on => return None,
            Some(on) => {
                drawn.push(&format!("{}: moved to {} (from {})", m.title, long(on), long(shown.due_on)));
            }
            None => {
                drawn.push(&format!("{}: has no date any more (was {})", m.title, long(shown.due_on)));
            }
        },
    }
    Some(drawn)
}
