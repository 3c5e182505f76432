//! Whatever is done in whatever order, what must always hold holds.

use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::deal::store;
use domain::deals::milestone::ops::{
    AddMilestone, CompleteMilestone, EditMilestone, WaiveMilestone, add, complete, edit, remove, waive,
};
use domain::deals::milestone::rules::{due_on, lapses_at};
use domain::deals::milestone::{self};
use domain::insight::event_log;
use domain::kernel::cx::Seeded;
use domain::kernel::id::DealId;
use domain::kernel::{Code, Randomness, Refusal};
use harness::{World, deal, on_both};

/// Choices from a seed.
pub struct Dice(pub Seeded);

impl Dice {
    pub fn below(&self, most: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % most as u64) as usize
    }

    pub fn one_of<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn date(&self) -> String {
        let day = jiff::Span::new().days(self.below(120) as i64);
        jiff::civil::date(2026, 10, 1).checked_add(day).unwrap().to_string()
    }
}

const TEMPLATES: [&str; 3] = ["residential", "residential-business-days", "residential-rolled"];

/// Something that somebody does to a deal. What is refused is refused for a reason that a person can have.
fn step(world: &World, dice: &Dice, id: DealId) {
    let cora = world.team.cora();
    let detail = world.detail(id);
    let chosen = dice.below(detail.milestones.len().max(1));
    let Some(m) = detail.milestones.get(chosen) else { return };
    let of = EditMilestone::of(m.id);
    let stale = dice.below(8) == 0;
    let version = stale.then_some(m.version - 1);
    let outcome: Result<(), Refusal> = match dice.below(12) {
        0 => world.act(&cora, |cx| complete(cx, &CompleteMilestone { id: m.id, version, note: None }).map(drop)),
        1 => {
            let reason = (dice.below(2) == 0).then(|| "not needed".to_owned());
            world.act(&cora, |cx| {
                waive(cx, &WaiveMilestone { id: m.id, version, reason: reason.clone() }).map(drop)
            })
        }
        2 => world.act(&cora, |cx| edit(cx, &EditMilestone { reopen: Some(true), ..of.clone() }).map(drop)),
        3 => {
            let cmd = EditMilestone { due_on: Some(dice.date()), version, ..of };
            world.act(&cora, |cx| edit(cx, &cmd).map(drop))
        }
        4 => {
            let cmd = EditMilestone { pinned: Some(dice.below(3) == 0), ..of };
            world.act(&cora, |cx| edit(cx, &cmd).map(drop))
        }
        5 => {
            let cmd = EditMilestone {
                status: Some((*dice.one_of(&["upcoming", "scheduled", "in_progress"])).into()),
                ..of
            };
            world.act(&cora, |cx| edit(cx, &cmd).map(drop))
        }
        6 => {
            let (responsible_role, remind_days_before, required, notes) = (None, None, None, None);
            let (deal_id, title, due_on) = (id, "Custom".into(), dice.date());
            let cmd =
                AddMilestone { deal_id, title, due_on, responsible_role, remind_days_before, required, notes };
            world.act(&cora, |cx| add(cx, &cmd).map(drop))
        }
        7 if detail.milestones.len() > 6 => world.act(&cora, |cx| remove(cx, m.id, version, None)),
        8 if dice.below(20) == 0 => {
            let cmd =
                EditDeal { status: Some((*dice.one_of(&["closed", "cancelled"])).into()), ..EditDeal::of(id) };
            world.act(&cora, |cx| edit_deal(cx, &cmd))
        }
        8 => {
            let cmd = EditDeal { title: Some(format!("Deal {}", dice.below(1_000))), ..EditDeal::of(id) };
            world.act(&cora, |cx| edit_deal(cx, &cmd))
        }
        _ => {
            let name = *dice.one_of(&[
                "contract",
                "closing",
                "closing",
                "inspection",
                "appraisal",
                "financing",
                "walk_date",
            ]);
            let date = if dice.below(4) == 0 { "-".to_owned() } else { dice.date() };
            let cmd = harness::change(id, &format!("{name} {date}"));
            match world.act(&cora, |cx| domain::deals::deal::key_dates::preview(cx, &cmd)) {
                Ok(plan) => {
                    if dice.below(6) == 0 {
                        step(world, dice, id);
                    }
                    world.apply(plan.plan_token).map(drop)
                }
                Err(no) => Err(no),
            }
        }
    };
    if let Err(no) = outcome {
        assert!(matches!(no.code, Code::Invalid | Code::Stale | Code::WrongState | Code::NotFound), "{no:?}");
    }
}

/// How many events there are, as the log's head has it.
fn head(world: &World) -> i64 {
    world.look(&world.team.cora(), |cx| Ok(event_log::store::head(cx)?)).unwrap().unwrap().0
}

/// Each milestone of a deal is due when its stored rule says so, unless a person said otherwise.
fn dates_follow_from_rules(world: &World, id: DealId) {
    let (deal, milestones) = world
        .look(&world.team.cora(), |cx| Ok((store::find(cx, id)?.unwrap(), milestone::store::of_deal(cx, id)?)))
        .unwrap();
    for m in milestones {
        assert_eq!(m.lapses_at, m.due_on.map(|date| lapses_at(date, &deal.zone())), "{}", m.title);
        let by_hand = matches!(m.origin, milestone::Origin::ByHand(_));
        assert_eq!(by_hand, m.pinned || m.rule.is_none(), "{}: {:?}", m.title, m.origin);
        let Some(rule) = m.rule.filter(|_| m.state.is_open() && !m.pinned) else { continue };
        let due = due_on(&rule, &deal.key_dates).unwrap();
        assert_eq!(due.date(), m.due_on, "{} of {}", m.title, deal.title);
        assert_eq!(milestone::Origin::from(due), m.origin, "{} of {}", m.title, deal.title);
    }
}

on_both! {
    fn a_year_of_random_work_breaks_no_promise(world: World) {
        let dice = Dice(Seeded::new(7));
        for number in 0..60 {
            let mut new = deal(&format!("{number} Oak Street"), "contract 2026-10-14 closing 2026-12-11");
            new.template = Some((*dice.one_of(&TEMPLATES)).into());
            new.financing = (*dice.one_of(&["cash", "conventional", "fha", "va", "usda"])).into();
            new.side = (*dice.one_of(&["buyer", "seller", "both"])).into();
            new.time_zone = Some((*dice.one_of(&["America/Chicago", "Pacific/Honolulu", "America/New_York"])).into());
            let id = world.create(&new);
            let mut version = world.detail(id).deal.version;
            let mut events = head(&world);
            for _ in 0..12 {
                world.hours_pass(dice.below(30) as u64);
                step(&world, &dice, id);
                let (now, written) = (world.detail(id).deal.version, head(&world));
                assert!(now >= version);
                assert_eq!(now > version, written > events, "the version rises when, and only when, something happened");
                (version, events) = (now, written);
            }
            dates_follow_from_rules(&world, id);
        }
        world.log_is_whole(&world.team);
    }
}
