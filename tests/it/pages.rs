//! A list in pages shows everything once, whatever comes and goes meanwhile; a filter shows what it says.

use domain::deals::deal::DealStatus;
use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::deal::view::{DealView, ListDeals, list as list_deals};
use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::ops::{
    AddMilestone, EditMilestone, ListMilestones, WaiveMilestone, add, edit, list, remove, waive,
};
use domain::deals::milestone::view::MilestoneView;
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::page::Ask;
use harness::{World, deal, on_both};
use jiff::civil::Date;

fn page(world: &World, cmd: &ListMilestones) -> (Vec<MilestoneView>, Option<String>) {
    let page = world.look(&world.team.cora(), |cx| list(cx, cmd)).unwrap();
    (page.items, page.next_cursor)
}

/// Every page; `between` runs before each next one.
fn walk(world: &World, cmd: &ListMilestones, mut between: impl FnMut(usize)) -> Vec<MilestoneView> {
    let (mut all, mut cmd) = (Vec::new(), cmd.clone());
    for number in 1.. {
        let (items, next) = page(world, &cmd);
        all.extend(items);
        match next {
            None => return all,
            cursor => cmd.ask.cursor = cursor,
        }
        between(number);
    }
    all
}

fn of_limit(limit: i64) -> ListMilestones {
    ListMilestones { ask: Ask { cursor: None, limit: Some(limit) }, ..ListMilestones::default() }
}

fn custom(world: &World, deal_id: DealId, due_on: &str) -> MilestoneId {
    let (responsible_role, remind_days_before, required, notes) = (None, None, None, None);
    let (title, due_on) = (format!("Custom {due_on}"), due_on.into());
    let cmd = AddMilestone { deal_id, title, due_on, responsible_role, remind_days_before, required, notes };
    world.act(&world.team.cora(), |cx| add(cx, &cmd)).unwrap().milestone.id
}

/// Deals with closings a few days apart: many milestones share a day, some need a date.
fn deals(world: &World, count: i64) -> Vec<DealId> {
    let own = "name = \"undated\"\ntitle = \"Needs dates\"\nversion = 1\nholidays = \"us-federal\"\n\
               [[rules]]\ntype = \"keys\"\ntitle = \"Keys\"\nreference = \"possession_date\"\noffset = 0\n\
               required = true\nresponsible = \"buyer\"\n";
    let owner = world.team.operator();
    world.act(&owner, |cx| domain::deals::milestone::template::ops::set(cx, own)).unwrap();
    let made = |i: i64| {
        let closing = jiff::civil::date(2026, 12, 11).checked_add(jiff::Span::new().days(i % 5)).unwrap();
        let mut new = deal(&format!("{i} Oak Street"), &format!("contract 2026-10-14 closing {closing}"));
        if i % 7 == 6 {
            new.template = Some("undated".into());
        }
        world.create(&new)
    };
    (0..count).map(made).collect()
}

fn ids(views: &[MilestoneView]) -> Vec<MilestoneId> {
    views.iter().map(|m| m.id).collect()
}

#[track_caller]
fn each_once(views: &[MilestoneView]) {
    let mut all = ids(views);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), views.len(), "something was shown twice");
    let order = |m: &MilestoneView| (m.due_on.unwrap_or(Date::MAX), m.id);
    assert!(views.is_sorted_by_key(order), "out of order");
}

on_both! {
    fn all_milestones_are_shown_once_in_pages_of_any_size(world: World) {
        deals(&world, 26);
        let all = walk(&world, &of_limit(20), |_| {});
        assert_eq!(all.len(), world.count(&world.team, "milestones"));
        assert!(all.len() >= 245 && all.last().unwrap().due_on.is_none(), "{}", all.len());
        each_once(&all);
        for limit in [1, 7, 100] {
            assert_eq!(ids(&walk(&world, &of_limit(limit), |_| {})), ids(&all), "pages of {limit}");
        }
    }

    fn what_stays_is_shown_once_while_other_rows_come_and_go(world: World) {
        let deals = deals(&world, 26);
        let all = walk(&world, &of_limit(100), |_| {});
        let mut touched = Vec::new();
        let shown = walk(&world, &of_limit(20), |number| {
            // One behind and one ahead goes away, one behind and one ahead is added, one is completed.
            let (behind, ahead) = (all[number].id, all[all.len() - 15 - number].id);
            for id in [behind, ahead] {
                world.act(&world.team.cora(), |cx| remove(cx, id, None, None)).unwrap();
                touched.push(id);
            }
            for due_on in ["2026-10-15", "2026-12-30"] {
                touched.push(custom(&world, deals[number], due_on));
            }
            world.complete(all[all.len() - 40 - number].id);
        });
        each_once(&shown);
        let stayed = |ids: Vec<MilestoneId>| ids.into_iter().filter(|id| !touched.contains(id)).collect::<Vec<_>>();
        assert_eq!(stayed(ids(&shown)), stayed(ids(&all)));
    }

    fn a_page_of_open_milestones_goes_on_behind_what_was_completed_meanwhile(world: World) {
        deals(&world, 10);
        let open = ListMilestones { status: vec![MilestoneStatus::Upcoming], ..of_limit(10) };
        let all = walk(&world, &open, |_| {});
        let mut number = 0;
        let shown = walk(&world, &open, |_| {
            // The very row on which the cursor stands.
            world.complete(all[number * 10 + 9].id);
            number += 1;
        });
        assert_eq!(ids(&shown), ids(&all));
    }

    fn deals_are_listed_by_closing_date_each_once(world: World) {
        let made = deals(&world, 26);
        for id in &made[..3] {
            let cmd = EditDeal { status: Some("cancelled".into()), ..EditDeal::of(*id) };
            world.act(&world.team.cora(), |cx| edit_deal(cx, &cmd)).unwrap();
        }
        let walk = |limit: i64, cmd: ListDeals| {
            let (mut all, mut cmd): (Vec<DealView>, _) = (Vec::new(), cmd);
            cmd.ask.limit = Some(limit);
            loop {
                let page = world.look(&world.team.cora(), |cx| list_deals(cx, &cmd)).unwrap();
                all.extend(page.items);
                match page.next_cursor {
                    None => return all,
                    cursor => cmd.ask.cursor = cursor,
                }
            }
        };
        let all = walk(100, ListDeals::default());
        assert_eq!(all.len(), 23);
        assert!(all.is_sorted_by_key(|deal| (deal.key_dates["closing_date"], deal.id)));
        for limit in [1, 4] {
            assert_eq!(walk(limit, ListDeals::default()), all);
        }
        let ended = walk(2, ListDeals { status: vec![DealStatus::Cancelled], ..ListDeals::default() });
        assert_eq!(ended.len(), 3);
        let day: Date = "2026-12-12".parse().unwrap();
        let on_day = walk(2, ListDeals { closing_from: Some(day), closing_to: Some(day), ..ListDeals::default() });
        assert_eq!(on_day, all.iter().filter(|d| d.key_dates["closing_date"] == day).cloned().collect::<Vec<_>>());
    }

    fn deals_are_found_by_any_part_of_title_or_address_taken_literally(world: World) {
        for title in ["12 Oak Street", "100% Elm", "Écluse_Straße", "back\\slash", "o'Neil; DROP TABLE deals"] {
            world.deal(title);
        }
        let found = |text: &str| {
            let cmd = ListDeals { text: Some(text.into()), ..ListDeals::default() };
            let page = world.look(&world.team.cora(), |cx| list_deals(cx, &cmd)).unwrap();
            page.items.into_iter().map(|deal| deal.title).collect::<Vec<_>>()
        };
        assert_eq!(found("oak STREET"), ["12 Oak Street"]);
        assert_eq!(found("Chicago").len(), 5);
        assert_eq!(found("%"), ["100% Elm"]);
        assert_eq!(found("_"), ["Écluse_Straße"]);
        assert_eq!(found("Écluse_Straße"), ["Écluse_Straße"]);
        assert_eq!(found("\\"), ["back\\slash"]);
        assert_eq!(found("o'Neil; DROP"), ["o'Neil; DROP TABLE deals"]);
        assert_eq!(found("nowhere"), [""; 0]);
    }

    fn every_filter_shows_what_a_look_at_all_rows_shows(world: World) {
        let deals = deals(&world, 14);
        let cora = world.team.cora();
        for (i, m) in walk(&world, &of_limit(100), |_| {}).iter().enumerate() {
            let of = EditMilestone::of(m.id);
            match i % 6 {
                0 => drop(world.complete(m.id)),
                1 => {
                    let cmd = WaiveMilestone { id: m.id, version: None, reason: Some("x".into()) };
                    world.act(&cora, |cx| waive(cx, &cmd)).unwrap();
                }
                2 => {
                    let cmd = EditMilestone { status: Some("scheduled".into()), ..of };
                    world.act(&cora, |cx| edit(cx, &cmd)).unwrap();
                }
                3 => {
                    let cmd = EditMilestone { status: Some("in_progress".into()), ..of };
                    world.act(&cora, |cx| edit(cx, &cmd)).unwrap();
                }
                _ => {}
            }
        }
        let cmd = EditDeal { status: Some("closed".into()), ..EditDeal::of(deals[0]) };
        world.act(&cora, |cx| edit_deal(cx, &cmd)).unwrap();
        // Noon of a day in the middle: some of all kinds are over.
        world.set_clock("2026-11-05T18:00:00Z");
        let active: Vec<MilestoneView> = deals[1..].iter().flat_map(|id| world.detail(*id).milestones).collect();
        let every = MilestoneStatus::ALL;
        let days: Vec<Option<Date>> = vec![None, "2026-10-28".parse().ok(), "2026-12-09".parse().ok()];
        let mut seen = 0;
        // Every set of the six statuses.
        for set in 0..1_usize << every.len() {
            let status: Vec<MilestoneStatus> =
                every.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, s)| *s).collect();
            let (from, to) = (days[set % 3], days[set / 3 % 3]);
            let deal_id = (set % 5 == 0).then_some(deals[set % deals.len()]);
            let cmd = ListMilestones { deal_id, status: status.clone(), due_from: from, due_to: to, ..of_limit(100) };
            let shown = walk(&world, &cmd, |_| {});
            let rows = deal_id.map_or(active.clone(), |id| world.detail(id).milestones);
            let wanted = rows.into_iter().filter(|m| {
                (status.is_empty() || status.contains(&m.status))
                    && from.is_none_or(|from| m.due_on.is_some_and(|due| due >= from))
                    && to.is_none_or(|to| m.due_on.is_some_and(|due| due <= to))
            });
            let mut wanted: Vec<MilestoneView> = wanted.collect();
            wanted.sort_by_key(|m| (m.due_on.unwrap_or(Date::MAX), m.id));
            assert_eq!(ids(&shown), ids(&wanted), "{cmd:?}");
            assert_eq!(shown, wanted);
            seen += shown.len();
        }
        assert!(seen > 1_000, "{seen}");
    }
}
