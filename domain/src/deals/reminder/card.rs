//! What can be done about a reminder right where it is read.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::rules::Group;
use super::scene::{Case, Scene};
use super::words::{Says, clip};
use super::{Kind, Recipient};
use crate::delivery::card::{Action, Button, Card, Look, Press};
use crate::delivery::cards::{self, Posting};
use crate::kernel::id::{DealId, MilestoneId};
use crate::kernel::text;

/// Milestones of a card that have buttons of their own.
const MOST: usize = 4;
const MOST_TITLE: usize = 60;

/// What a card of milestones rests on, to draw it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shows {
    pub kind: String,
    /// The day on which it was first read, where the deal is: what was tomorrow then is called so as long as the card stands.
    pub today: Date,
    pub items: Vec<Shown>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shown {
    pub id: MilestoneId,
    pub title: String,
    pub due_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The card beside a group's message, which has the words of this kind.
pub(super) fn posting(case: &Case, scene: &Scene, (group, kind): (&Group, Kind), says: &Says<'_>) -> Posting {
    let shown = says.items.iter().map(|said| Shown {
        id: said.milestone.id,
        title: said.milestone.title.clone(),
        due_on: said.due_on,
        note: said.note.clone(),
    });
    let shows = Shows { kind: kind.to_string(), today: says.today, items: shown.collect() };
    let open: Vec<Open<'_>> = says.items.iter().map(|said| Open::of(said.milestone)).collect();
    let rows = rows(case.deal.id, &open, shows.items.len());
    Posting {
        card: Card { rows, mentions: mentions(case, scene, group) },
        kind: cards::Kind::Deal,
        subject: case.deal.id.0,
        as_of: case.deal.version,
        shows: serde_json::json!(shows),
    }
}

/// Those who answer for what is said in a channel of the team: the responsible member, else the deal's owner, where it is
/// known that they are who they say on Discord.
fn mentions(case: &Case, scene: &Scene, group: &Group) -> Vec<String> {
    if !matches!(group.recipient, Recipient::Chat(..)) {
        return Vec::new();
    }
    let answers = |id: MilestoneId| {
        let member = case.milestone(id).and_then(|m| m.responsible_member_id);
        let member = member.filter(|id| group.kind != Kind::Overdue && scene.team.member(*id).is_some());
        member.or(case.owner)
    };
    let whom: BTreeSet<_> = group.items.iter().filter_map(|(id, _)| answers(*id)).collect();
    whom.into_iter().filter_map(|id| scene.team.preferences(id)?.discord.clone()).collect()
}

/// A milestone that can be completed.
pub(super) struct Open<'a> {
    pub id: MilestoneId,
    pub title: &'a str,
    pub version: i64,
}

impl<'a> Open<'a> {
    pub fn of(m: &'a super::store::MilestoneFacts) -> Self {
        Self { id: m.id, title: &m.title, version: m.version }
    }
}

/// What can be done about an open milestone as it is in this version; with its title where several stand together.
pub fn row(id: MilestoneId, version: i64, title: Option<&str>) -> Vec<Button> {
    let press = |action| Press::new(action, id.0, version);
    let done = match title {
        None => "Done".to_owned(),
        Some(title) => format!("Done: {}", clip(&text::legible(title), MOST_TITLE)),
    };
    vec![
        Button::new(done, Look::Good, press(Action::Done)),
        Button::new("Snooze 1 d", Look::Plain, press(Action::Snooze)),
        Button::new("Waive", Look::Plain, press(Action::Waive)),
    ]
}

/// The buttons of what is open on a card that shows so many milestones.
pub(super) fn rows(deal: DealId, open: &[Open<'_>], of: usize) -> Vec<Vec<Button>> {
    let row = |m: &Open<'_>| row(m.id, m.version, (of != 1).then_some(m.title));
    let mut rows: Vec<Vec<Button>> = open.iter().take(MOST).map(row).collect();
    if open.len() > MOST {
        let press = Press::new(Action::Open, deal.0, "");
        rows.push(vec![Button::new(format!("All {}\u{2026}", open.len()), Look::Plain, press)]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(titles: &[&str]) -> Vec<String> {
        let id = |n: usize| MilestoneId(uuid::Uuid::from_u128(n as u128));
        let open: Vec<Open<'_>> =
            titles.iter().enumerate().map(|(n, title)| Open { id: id(n), title, version: 3 }).collect();
        let rows = rows(DealId(uuid::Uuid::from_u128(9)), &open, titles.len());
        rows.iter().map(|row| row.iter().map(|b| b.label.as_str()).collect::<Vec<_>>().join(" | ")).collect()
    }

    #[test]
    fn each_milestone_has_a_row_and_what_does_not_fit_is_behind_the_last() {
        assert_eq!(labels(&["Keys"]), ["Done | Snooze 1 d | Waive"]);
        assert_eq!(labels(&["Keys", "Walk"])[1], "Done: Walk | Snooze 1 d | Waive");
        let many = labels(&["A", "B", "C", "D", "E", "F"]);
        assert_eq!((many.len(), many[4].as_str()), (5, "All 6\u{2026}"));
    }

    #[test]
    fn a_label_shows_a_naughty_title_as_it_is_and_turns_no_direction() {
        let labels = labels(&["@everyone \u{202e}gnp.exe\u{200b}", &"very ".repeat(60)]);
        assert_eq!(labels[0], "Done: @everyone gnp.exe | Snooze 1 d | Waive");
        assert!(labels[1].split(" | ").next().unwrap().chars().count() <= 80, "{}", labels[1]);
    }
}
