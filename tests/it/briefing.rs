//! Somebody begins the day: what needs attention, why, and what not.

use domain::assist::draft::DraftState;
use domain::deals::deal::DealStatus;
use domain::deals::deal::ops::end;
use domain::deals::followup::propose::{ProposeDraft, propose};
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, WaiveMilestone, add, edit, waive};
use domain::delivery::outbox::Outcome;
use domain::delivery::outbox::ops as outbox;
use domain::insight::briefing::ops::{AskBriefing, briefing};
use domain::insight::briefing::{Briefing, Item, Section, Urgency};
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::{Code, Principal};
use domain::people::reach::Channel;
use domain::workspace::access::{Grant, Role, Verb};
use harness::{World, on_both, unclear, unknown_id};

fn of(world: &World, who: &Principal, asked: AskBriefing) -> Briefing {
    world.look(who, |cx| briefing(cx, &asked)).unwrap()
}

fn today(world: &World) -> Briefing {
    of(world, &world.team.cora(), AskBriefing::default())
}

fn section(day: &Briefing, section: Section) -> Vec<&Item> {
    day.items.iter().filter(|item| item.section == section).collect()
}

/// A deal with these milestones alone.
fn bare(world: &World, title: &str, milestones: &[(&str, &str)]) -> (DealId, Vec<MilestoneId>) {
    let deal = world.create(&harness::peopled(title));
    for m in world.detail(deal).milestones {
        let cmd = WaiveMilestone { id: m.id, version: None, reason: Some("not here".into()) };
        world.act(&world.team.cora(), |cx| waive(cx, &cmd)).unwrap();
    }
    let own = milestones.iter().map(|(title, due_on)| {
        let cmd = AddMilestone {
            deal_id: deal,
            title: (*title).into(),
            due_on: (*due_on).into(),
            responsible_role: Some("lender".into()),
            remind_days_before: None,
            required: None,
            notes: None,
        };
        world.act(&world.team.cora(), |cx| add(cx, &cmd)).unwrap().milestone.id
    });
    (deal, own.collect())
}

on_both! {
    fn a_quiet_workspace_says_that_nothing_needs_attention(world: World) {
        let day = today(&world);
        assert_eq!((day.summary.as_str(), day.items.len()), ("Nothing needs attention today.", 0));
        assert_eq!((day.today.to_string().as_str(), day.time_zone.as_str()), ("2026-10-14", "America/Chicago"));
    }

    fn what_is_late_comes_before_what_is_due_and_each_says_why_and_whom_to_ask(world: World) {
        let (deal, own) = bare(&world, "12 Oak Street", &[("Loan", "2026-10-20"), ("Keys", "2026-10-15"), ("Photos", "2026-10-22")]);
        world.act(&world.team.cora(), |cx| edit(cx, &EditMilestone {
            responsible_member_email: Some("mike@example.com".into()), ..EditMilestone::of(own[1])
        })).unwrap();
        // Nine in the morning of the 21st, in Chicago.
        world.set_clock("2026-10-21T14:00:00Z");
        let day = today(&world);
        let told: Vec<(Section, Urgency, &str)> =
            day.items.iter().map(|item| (item.section, item.urgency, item.title.as_str())).collect();
        assert_eq!(told, [
            (Section::Overdue, Urgency::Now, "Keys"),
            (Section::Overdue, Urgency::Now, "Loan"),
            (Section::Due, Urgency::Today, "Photos"),
        ]);
        assert_eq!(day.summary, "2 overdue, 1 due soon.");
        let keys = &day.items[0];
        assert_eq!(keys.why, "Its day was Thu 15 Oct 2026, 6 days late. It is required, and the lender answers for it.");
        assert_eq!(keys.ask, ["Mike Mbeki (responsible)", "Lakeside Bank (lender)", "Cora Castillo (owner)"]);
        assert_eq!((keys.deal_id, keys.deal_title.as_deref()), (Some(deal), Some("12 Oak Street")));
        // What is done, and the milestones of a deal that is over, need nobody.
        world.complete(own[1]);
        assert_eq!(section(&today(&world), Section::Overdue).len(), 1);
        world.act(&world.team.cora(), |cx| end(cx, deal, DealStatus::Cancelled, None)).unwrap();
        assert_eq!(today(&world).items, []);
        assert_eq!(of(&world, &world.team.cora(), AskBriefing { deal_id: Some(deal), days: None }).items, []);
    }

    fn a_milestone_without_a_date_says_which_key_date_is_missing(world: World) {
        let own = "name = \"one\"\ntitle = \"One\"\nversion = 1\nholidays = \"us-federal\"\n\
                   [[rules]]\ntype = \"keys\"\ntitle = \"Keys\"\nreference = \"move_in\"\noffset = 0\n\
                   required = true\nresponsible = \"buyer\"\n";
        world.act(&world.team.operator(), |cx| domain::deals::milestone::template::ops::set(cx, own)).unwrap();
        let mut new = harness::deal("12 Oak Street", harness::DATES);
        new.template = Some("one".into());
        world.create(&new);
        let day = today(&world);
        assert_eq!(day.summary, "1 needs a date.");
        assert_eq!(
            day.items[0].why,
            "It has no date, because the deal does not say its move_in. It is required, and the buyer answers for it."
        );
    }

    fn letters_approvals_and_messages_are_on_the_list_with_whom_they_wait_for(world: World) {
        let (deal, own) = bare(&world, "12 Oak Street", &[("Loan", "2026-12-01")]);
        let letter = |body: &str| ProposeDraft {
            deal_id: deal,
            role: Some("buyer".into()),
            contact_id: None,
            subject: "A question".into(),
            body: body.into(),
            send_at: None,
        };
        world.act(&world.team.cora(), |cx| propose(cx, &letter("When may we call you?"))).unwrap();
        let stopped = world.act(&world.team.cora(), |cx| propose(cx, &letter("It closes on 1 January 2027."))).unwrap();
        assert_eq!(stopped.state, DraftState::Blocked);
        let lost = world.queue("Lost", Channel::Discord, "77");
        world.all_end(&unclear());
        world.a_lease_passes();
        world.all_end(&Outcome::Refused { why: "no".into(), gone: false });
        world.act(&world.team.cora(), |cx| outbox::hold(cx, "The server moves")).unwrap();
        world.hours_pass(30);
        let day = today(&world);
        let held = &day.items[0];
        assert_eq!((held.section, held.said.as_deref()), (Section::Held, Some("The server moves")));
        assert!(held.why.starts_with("All messages are held since Wed 14 Oct 2026"), "{}", held.why);
        let waits = section(&day, Section::WaitsForYes);
        // The one that is stopped waits as well: somebody may let it pass all the same.
        assert_eq!((waits.len(), waits[0].urgency, waits[0].deal_id), (2, Urgency::Now, Some(deal)));
        assert!(waits[0].why.starts_with("It has waited for a yes for 30 hours. Its deadline passed"), "{}", waits[0].why);
        assert!(!waits[0].ask.is_empty(), "{:?}", waits[0]);
        let blocked = section(&day, Section::Letter);
        assert_eq!((blocked.len(), blocked[0].id, blocked[0].title.as_str()), (1, stopped.id.0, "A question"));
        assert_eq!(blocked[0].why, "Nobody can approve it as it is: 1 finding stands in the way.");
        let undelivered = section(&day, Section::NotDelivered);
        assert!(undelivered.iter().any(|item| item.id == lost.0 && item.urgency == Urgency::Now), "{day:?}");

        // Of one deal: what is about it, and that nothing leaves.
        let other = bare(&world, "14 Elm Street", &[]).0;
        let of_deal = |deal| of(&world, &world.team.cora(), AskBriefing { deal_id: Some(deal), days: None });
        let sections = |day: &Briefing| day.items.iter().map(|item| item.section).collect::<Vec<_>>();
        assert_eq!(sections(&of_deal(other)), [Section::Held]);
        assert_eq!(sections(&of_deal(deal)), [Section::Held, Section::WaitsForYes, Section::WaitsForYes, Section::Letter]);
        world.complete(own[0]);

        // An agent reads the same, and whoever may read less is told less.
        let agent = world.agent(&world.team, Grant::Read);
        assert_eq!(of(&world, &agent, AskBriefing::default()).items, today(&world).items);
        let mut half = world.team.as_(Role::Viewer);
        half.powers = 1 << Verb::ReadDeals as u64;
        assert_eq!(of(&world, &half, AskBriefing::default()).items, []);
    }

    fn a_deal_about_to_close_says_what_is_open(world: World) {
        let (deal, _) = bare(&world, "12 Oak Street", &[
            ("Loan", "2026-12-01"), ("Keys", "2026-12-10"), ("Photos", "2026-12-10"), ("Bill", "2026-12-11"),
        ]);
        world.set_clock("2026-11-20T15:00:00Z");
        assert_eq!(section(&today(&world), Section::Closing), Vec::<&Item>::new());
        world.set_clock("2026-12-04T15:00:00Z");
        let day = today(&world);
        let closing = section(&day, Section::Closing);
        assert_eq!(closing[0].why, "It closes on Fri 11 Dec 2026, in 7 days; 4 milestones are open, 1 of them overdue.");
        assert_eq!((closing[0].id, closing[0].open.as_slice()), (deal.0, ["Loan", "Keys", "Photos"].map(str::to_owned).as_slice()));
        world.set_clock("2026-12-12T15:00:00Z");
        let day = today(&world);
        assert_eq!(section(&day, Section::Closing)[0].urgency, Urgency::Now);
        for m in world.detail(deal).milestones.iter().filter(|m| m.ended_at.is_none()) {
            world.complete(m.id);
        }
        assert_eq!(
            section(&today(&world), Section::Closing)[0].why,
            "Its closing was to be on Fri 11 Dec 2026, yesterday, and it is still active; nothing is open."
        );
        world.act(&world.team.cora(), |cx| end(cx, deal, DealStatus::Closed, None)).unwrap();
        assert_eq!(section(&today(&world), Section::Closing), Vec::<&Item>::new());
    }

    fn a_long_list_is_cut_and_says_how_much_is_left_out(world: World) {
        for i in 0..5 {
            world.deal(&format!("{i} Oak Street"));
        }
        world.set_clock("2026-12-11T15:00:00Z");
        let day = today(&world);
        let overdue = section(&day, Section::Overdue);
        assert_eq!(overdue.len(), 8);
        let all = 5 * 10;
        assert_eq!(day.left_out.get(&Section::Overdue), Some(&(all - 8)), "{}", day.summary);
        assert!(day.summary.starts_with(&format!("{all} overdue, 5 due soon")), "{}", day.summary);
        assert!(day.items.is_sorted_by_key(|item| item.urgency));
    }

    fn what_is_asked_for_wrongly_or_is_not_theirs_is_refused(world: World) {
        let harbor = world.found("harbor", "harbor.example");
        let new = harness::deal("9 Elm Road", harness::DATES);
        let theirs = world.act(&harbor.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        world.set_clock("2026-12-11T15:00:00Z");
        assert_eq!(today(&world).items, []);
        let cora = world.team.cora();
        let no = |deal_id, days| world.look(&cora, |cx| briefing(cx, &AskBriefing { deal_id, days })).unwrap_err();
        assert_eq!(no(Some(theirs), None), no(Some(unknown_id()), None));
        assert_eq!(no(Some(theirs), None).code, Code::NotFound);
        for days in [0, 31, -1] {
            assert_eq!(no(None, Some(days)).problems[0].field, "days");
        }
    }
}
