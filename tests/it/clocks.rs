//! What the clock brings when it is wrong, when it was not looked at for days, and when local times are skipped or come
//! twice. And that nothing of it ends without somebody being told.

use std::sync::Arc;

use domain::deals::deal::intake::NewDeal;
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, add, edit};
use domain::deals::reminder::ops::change_member;
use domain::delivery::feed;
use domain::delivery::outbox::ops;
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::page::Ask;
use domain::people::contact::standing::Via;
use domain::people::contact::standing::ops::{OptOut, opt_out};
use domain::people::reach;
use domain::workspace::access::Role;
use domain::workspace::member::MemberStatus;
use domain::workspace::member::ops::AddMember;
use harness::{World, accepted, deal, on_both};
use host::dispatch::Dispatcher;
use host::loops::Next;
use host::sweep::Sweep;
use jiff::SignedDuration;

use crate::dispatch::{Fake, dispatcher};
use crate::reminders::{contact, messages, oak_street, only_reminds, quiet_but, recorded, set, sweep};

/// What runs by itself, as in a server.
struct Server {
    sweep: Sweep,
    dispatcher: Dispatcher,
    fake: Arc<Fake>,
}

impl Server {
    fn start(world: &World) -> Self {
        let fake = Arc::new(Fake::new(world, |_| accepted()));
        Self { sweep: Sweep::new(&world.host), dispatcher: dispatcher(&world.host, &fake), fake }
    }

    /// Its loops come round a few times.
    fn runs(&self, world: &World) {
        world.wait_for(async {
            for _ in 0..3 {
                while self.sweep.tick().await != Next::Idle {}
                self.dispatcher.round().await;
            }
        });
    }

    /// Its loops come round every so many minutes, until an instant.
    fn runs_until(&self, world: &World, until: &str, minutes: u64, mut each: impl FnMut()) {
        let until: jiff::Timestamp = until.parse().unwrap();
        while world.now() < until {
            world.seconds_pass(minutes * 60);
            self.runs(world);
            each();
        }
    }

    fn left(&self, kind: &str) -> usize {
        self.fake.occasions().iter().filter(|occasion| occasion.starts_with(kind)).count()
    }
}

fn milestone(world: &World, deal_id: DealId, title: &str, due_on: &str, days_before: i32) -> MilestoneId {
    let cmd = AddMilestone {
        deal_id,
        title: title.into(),
        due_on: due_on.into(),
        responsible_role: Some("buyer".into()),
        remind_days_before: Some(days_before),
        required: None,
        notes: None,
    };
    world.act(&world.team.cora(), |cx| add(cx, &cmd)).unwrap().milestone.id
}

fn jumps(world: &World, hours: i64) {
    world.set_clock(&(world.now() + SignedDuration::from_hours(hours)).to_string());
}

fn decided(world: &World) -> Vec<String> {
    let of_reminders = |event: &String| ["milestone.overdue", "milestone.not_reminded"].contains(&event.as_str());
    world.events(&world.team).into_iter().filter(of_reminders).collect()
}

/// What stands in somebody's feed, oldest first.
fn feed(world: &World, role: Role) -> Vec<String> {
    let all = world.look(&world.team.as_(role), |cx| feed::ops::list(cx, false, &Ask::default())).unwrap();
    all.notifications.items.into_iter().rev().map(|n| format!("{}: {}", n.title, n.body)).collect()
}

/// A preference of Cora's for each pair.
fn prefers(world: &World, pairs: &[(&str, &str)]) {
    let me = reach::Person::Member(world.team.members[&Role::Coordinator].id);
    let mut mine = reach::Preferences::default();
    for (key, value) in pairs {
        reach::ops::put(&mut mine, key, value).unwrap_or_else(|_| panic!("{key}"));
    }
    world.act(&world.team.cora(), |cx| reach::ops::set(cx, me, &mine, None)).unwrap();
}

on_both! {
    fn a_clock_that_runs_a_day_ahead_and_back_decides_nothing_and_reminds_on_the_day_once(world: World) {
        let id = world.create(&oak_street());
        only_reminds(&world, id, "final_walkthrough");
        // By the clock that is ahead, this reminder would be missed and its milestone overdue.
        let keys = milestone(&world, id, "Keys", "2026-12-07", 0);
        world.set_clock("2026-12-06T15:00:00Z");
        let server = Server::start(&world);
        server.runs_until(&world, "2026-12-07T14:00:00Z", 60, || {});
        let (records, sent, log) = (recorded(&world, Some(id)).len(), server.fake.count(), decided(&world));
        jumps(&world, 26);
        for _ in 0..5 {
            world.seconds_pass(5);
            server.runs(&world);
        }
        assert_eq!((recorded(&world, Some(id)).len(), server.fake.count()), (records, sent));
        assert_eq!(decided(&world), log, "nothing is missed or overdue by a clock in doubt");
        // Somebody moves a date meanwhile, back and forth.
        for due_on in ["2026-12-08", "2026-12-07"] {
            let cmd = EditMilestone { due_on: Some(due_on.into()), ..EditMilestone::of(keys) };
            world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
        }
        assert_eq!(decided(&world), log);
        jumps(&world, -26);
        server.runs(&world);
        assert_eq!(server.fake.count(), sent, "a person has to look at the clock first");
        world.act(&world.team.cora(), ops::resume).unwrap();
        server.runs_until(&world, "2026-12-07T14:55:00Z", 5, || {});
        assert_eq!(server.fake.count(), sent, "it is not nine yet");
        server.runs_until(&world, "2026-12-08T05:00:00Z", 5, || {});
        let mut left: Vec<String> =
            server.fake.occasions().into_iter().filter(|o| o.contains(&keys.to_string())).collect();
        left.sort();
        assert_eq!(left, [format!("reminder:{keys}:contact:{}:2026-12-07:email", contact(&world, "Ann Lee"))]);
        let mut outcomes: Vec<String> = recorded(&world, Some(id)).into_iter()
            .filter(|r| r.milestone_id == keys).map(|r| format!("{} {} {}", r.kind, r.to, r.outcome)).collect();
        outcomes.sort();
        assert_eq!(outcomes, ["reminder Ann Lee sent", "reminder Cora Castillo sent"]);
        world.log_is_whole(&world.team);
    }

    fn what_a_server_decided_that_started_a_day_ahead_is_decided_anew_when_its_clock_is_right(world: World) {
        let id = world.create(&oak_street());
        quiet_but(&world, id, "none");
        let keys = milestone(&world, id, "Keys", "2026-12-07", 0);
        // By its clock it is the day after.
        world.set_clock("2026-12-08T14:00:00Z");
        sweep(&world);
        let outcomes = |world: &World| -> Vec<String> {
            let mut all: Vec<String> = recorded(world, Some(id)).into_iter()
                .map(|r| format!("{} {} {}", r.kind, r.to, r.outcome)).collect();
            all.sort();
            all
        };
        assert_eq!(outcomes(&world), [
            "overdue Cora Castillo waiting", "reminder Ann Lee missed", "reminder Cora Castillo missed",
        ]);
        world.set_clock("2026-12-07T14:00:00Z");
        let server = Server::start(&world);
        server.runs_until(&world, "2026-12-07T16:00:00Z", 5, || {});
        assert_eq!(outcomes(&world), [
            "overdue Cora Castillo cancelled", "reminder Ann Lee sent", "reminder Cora Castillo sent",
        ]);
        assert_eq!(server.fake.occasions().iter().filter(|o| o.contains(&keys.to_string())).count(), 1);
        // And when the day is over, that is told.
        server.runs_until(&world, "2026-12-08T07:00:00Z", 60, || {});
        assert_eq!(outcomes(&world)[0], "overdue Cora Castillo sent");
    }

    fn what_waits_and_becomes_untrue_while_the_clock_is_in_doubt_comes_back_on_its_day(world: World) {
        let id = world.create(&oak_street());
        only_reminds(&world, id, "final_walkthrough");
        let keys = milestone(&world, id, "Keys", "2026-12-09", 2);
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        // Both stand in one message that waits when the clock jumps and the milestone moves.
        let server = Server::start(&world);
        world.wait_for(server.sweep.tick());
        jumps(&world, 26);
        world.wait_for(server.sweep.tick());
        let cmd = EditMilestone { due_on: Some("2026-12-20".into()), ..EditMilestone::of(keys) };
        world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
        jumps(&world, -26);
        server.runs(&world);
        assert_eq!(server.fake.count(), 0);
        world.act(&world.team.cora(), ops::resume).unwrap();
        server.runs_until(&world, "2026-12-07T16:00:00Z", 5, || {});
        let said: Vec<String> = recorded(&world, Some(id)).into_iter()
            .map(|r| format!("{} -> {}: {} ({})", r.milestone, r.to, r.outcome, r.due_on)).collect();
        for expected in [
            "Final walkthrough -> Ann Lee: sent (2026-12-09)",
            "Final walkthrough -> Cora Castillo: sent (2026-12-09)",
            "Keys -> Ann Lee: cancelled (2026-12-09)",
        ] {
            assert!(said.iter().any(|line| line == expected), "{said:?}");
        }
    }

    fn after_days_of_downtime_the_owner_is_told_first_and_the_others_one_after_the_other(world: World) {
        let id = world.create(&oak_street());
        only_reminds(&world, id, "final_walkthrough");
        // Due on 9 December; nothing ran until the 19th.
        world.set_clock("2026-12-19T18:00:00Z");
        let server = Server::start(&world);
        let kinds = |world: &World| -> Vec<String> {
            let mut all: Vec<String> = recorded(world, Some(id)).into_iter()
                .filter(|r| r.kind != "reminder").map(|r| format!("{} {}", r.kind, r.to)).collect();
            all.reverse();
            all.dedup();
            all
        };
        server.runs(&world);
        assert_eq!(kinds(&world), ["overdue Cora Castillo"]);
        server.runs_until(&world, "2026-12-20T17:00:00Z", 60, || {});
        assert_eq!(kinds(&world), ["overdue Cora Castillo"]);
        server.runs_until(&world, "2026-12-20T18:00:00Z", 60, || {});
        assert_eq!(kinds(&world), ["overdue Cora Castillo", "escalation.1 Adam Adler"]);
        // Down again, for longer than two steps.
        world.hours_pass(100);
        server.runs(&world);
        assert_eq!(kinds(&world), ["overdue Cora Castillo", "escalation.1 Adam Adler", "escalation.2 Olga Owens"]);
        let adam = feed(&world, Role::Admin);
        assert!(adam.iter().any(|line| line.contains("Cora Castillo was told on Saturday 19 December 2026.")), "{adam:?}");
        assert!(!adam.iter().any(|line| line.contains("told when it became overdue")));
    }

    fn while_nothing_leaves_nobody_hears_that_the_owner_did_nothing(world: World) {
        let id = world.create(&oak_street());
        only_reminds(&world, id, "final_walkthrough");
        world.set_clock("2026-12-10T05:00:00Z");
        let server = Server::start(&world);
        world.act(&world.team.cora(), |cx| ops::hold(cx, "Holidays")).unwrap();
        server.runs_until(&world, "2026-12-14T06:00:00Z", 60, || {});
        let escalated = |world: &World| recorded(world, Some(id)).iter().any(|r| r.kind.starts_with("escalation"));
        assert!(recorded(&world, Some(id)).iter().any(|r| r.kind == "overdue") && !escalated(&world));
        world.act(&world.team.cora(), ops::resume).unwrap();
        server.runs(&world);
        server.runs_until(&world, "2026-12-15T05:00:00Z", 60, || {});
        assert!(!escalated(&world));
        server.runs_until(&world, "2026-12-15T07:00:00Z", 15, || {});
        assert!(escalated(&world));
        let adam = feed(&world, Role::Admin);
        assert!(adam.iter().any(|line| line.contains("Cora Castillo was told on Monday 14 December 2026.")), "{adam:?}");
    }

    fn nine_in_a_gap_is_the_end_of_the_gap(world: World) {
        // No clock that people live by today has nine o'clock in a gap or twice; Samoa left out all of 30 December 2011.
        set(&world, "team_channel", serde_json::json!({ "channel": "discord", "address": "123456789012345678" }));
        let sina = AddMember {
            name: "Sina Sale".into(), email: "sina@example.com".into(), role: Role::Coordinator,
            time_zone: "Pacific/Apia".into(),
        };
        world.act(&world.team.operator(), |cx| domain::workspace::member::ops::add(cx, &sina)).unwrap();
        world.set_clock("2011-12-28T15:00:00Z");
        let id = world.create(&NewDeal {
            time_zone: Some("Pacific/Apia".into()), owner_email: Some("sina@example.com".into()),
            ..deal("1 Beach Road", "contract 2011-12-28 closing 2012-03-30")
        });
        quiet_but(&world, id, "none");
        milestone(&world, id, "Keys", "2012-01-01", 2);
        let server = Server::start(&world);
        let mut left = Vec::new();
        let mut before = 0;
        server.runs_until(&world, "2011-12-31T12:00:00Z", 30, || {
            let now = server.fake.occasions().iter().filter(|occasion| occasion.contains(":chat:")).count();
            left.extend((before..now).map(|_| world.now().to_string()));
            before = now;
        });
        // 09:00 on the 31st, which is fourteen hours ahead of Greenwich.
        assert_eq!(left, ["2011-12-30T19:00:00Z"]);
    }

    fn local_times_that_a_change_of_clocks_skips_or_repeats_come_once(world: World) {
        let story = |from: &str, until: &str, digest_at: &str, due_on: [&str; 3]| {
            world.set_clock(from);
            let id = world.create(&oak_street());
            quiet_but(&world, id, "none");
            for (n, due_on) in due_on.iter().enumerate() {
                milestone(&world, id, &format!("Date {n}"), due_on, 0);
            }
            set(&world, "overdue_email", true.into());
            let quiet = format!("21:00-{digest_at}");
            prefers(&world, &[
                ("reminder.email", "off"), ("digest.in_app", "off"), ("digest.email", "daily"),
                ("digest_at", digest_at), ("quiet", &quiet),
            ]);
            let server = Server::start(&world);
            let mut left = Vec::new();
            let mut known = 0;
            server.runs_until(&world, until, 30, || {
                let all = server.fake.occasions();
                let ours = all[known..].iter().filter(|o| ["digest:", "overdue:"].iter().any(|kind| o.starts_with(kind)));
                left.extend(ours.map(|o| format!("{} {}", o.split(':').next().unwrap(), world.now())));
                known = all.len();
            });
            world.act(&world.team.cora(), |cx| domain::deals::deal::ops::end(
                cx, id, domain::deals::deal::DealStatus::Cancelled, Some("The story is over."))).unwrap();
            left.sort();
            left
        };
        // In Chicago 02:30 does not exist on 14 March 2027: both come at the end of the gap.
        let skipped = story("2027-03-13T15:00:00Z", "2027-03-15T12:00:00Z", "02:30", ["2027-03-13", "2027-03-14", "2027-03-15"]);
        assert_eq!(skipped, [
            "digest 2027-03-14T08:30:00Z", "digest 2027-03-15T07:30:00Z",
            "overdue 2027-03-14T08:30:00Z", "overdue 2027-03-15T07:30:00Z",
        ]);
        // On 7 November 2027 01:30 comes twice: both come at the first.
        let repeated = story("2027-11-06T15:00:00Z", "2027-11-08T12:00:00Z", "01:30", ["2027-11-06", "2027-11-07", "2027-11-08"]);
        assert_eq!(repeated, [
            "digest 2027-11-07T06:30:00Z", "digest 2027-11-08T07:30:00Z",
            "overdue 2027-11-07T06:30:00Z", "overdue 2027-11-08T07:30:00Z",
        ]);
    }

    fn what_waits_for_a_member_who_leaves_goes_to_who_is_there(world: World) {
        let id = world.create(&oak_street());
        only_reminds(&world, id, "final_walkthrough");
        // Cora hears by e-mail, and not before eleven.
        prefers(&world, &[("reminder.in_app", "off"), ("reminder.email", "on"), ("quiet", "21:00-11:00")]);
        world.set_clock("2026-12-07T14:30:00Z");
        let server = Server::start(&world);
        server.runs_until(&world, "2026-12-07T15:30:00Z", 30, || {});
        let outcomes = |world: &World| -> Vec<String> {
            let mut all: Vec<String> = recorded(world, Some(id)).into_iter().filter(|r| r.to != "Ann Lee")
                .map(|r| format!("{} {}", r.to, r.outcome)).collect();
            all.sort();
            all
        };
        assert_eq!(outcomes(&world), ["Cora Castillo waiting"]);
        let cora = world.team.members[&Role::Coordinator].id;
        world.act(&world.team.operator(), |cx| {
            change_member(cx, cora, Role::Coordinator, MemberStatus::Inactive)
        }).unwrap();
        server.runs_until(&world, "2026-12-07T18:00:00Z", 30, || {});
        assert_eq!(outcomes(&world), ["Cora Castillo cancelled", "Olga Owens sent"]);
    }

    fn a_reminder_that_the_policy_refuses_is_told_to_the_owner_of_the_deal_once(world: World) {
        let id = world.create(&NewDeal { owner_email: Some("mike@example.com".into()), ..oak_street() });
        world.set_clock("2026-12-08T14:00:00Z");
        let ann = contact(&world, "Ann Lee").parse().unwrap();
        let cmd = OptOut { contact_id: ann, via: Via::Phone, why: "She called and said so.".into() };
        world.act(&world.team.as_(Role::Member), |cx| opt_out(cx, &cmd)).unwrap();
        let server = Server::start(&world);
        server.runs_until(&world, "2026-12-08T18:00:00Z", 30, || {});
        let refused = recorded(&world, Some(id)).into_iter().filter(|r| r.to == "Ann Lee" && r.outcome.as_str() == "refused");
        assert!(refused.count() >= 2, "two dates, one message");
        let alerts: Vec<String> = messages(&world).into_iter().filter(|m| m.contains(" alert:")).collect();
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        let mike = world.team.members[&Role::Member].id;
        assert!(alerts[0].ends_with(&format!(":suppressed:{mike}:in_app")), "{alerts:?}");
        let told = feed(&world, Role::Member);
        let alert = told.iter().find(|line| line.starts_with("A message by email was not sent")).expect("no alert");
        assert!(alert.contains("OPTED_OUT"), "{alert}");
    }

    fn reminders_that_expire_are_told_to_the_owner_of_their_deals_together(world: World) {
        for n in 0..3 {
            let mut new = oak_street();
            new.title = format!("{n} Oak Street");
            let id = world.create(&NewDeal { owner_email: Some("mike@example.com".into()), ..new });
            only_reminds(&world, id, "final_walkthrough");
        }
        world.set_clock("2026-12-07T14:00:00Z");
        let server = Server::start(&world);
        world.act(&world.team.cora(), |cx| ops::hold(cx, "Holidays")).unwrap();
        server.runs_until(&world, "2026-12-07T16:00:00Z", 30, || {});
        // The loop that plans stands still until after the due day, and then sending goes on.
        world.hours_pass(72);
        world.act(&world.team.cora(), ops::resume).unwrap();
        world.wait_for(server.dispatcher.round());
        assert_eq!(server.left("reminder:"), 0);
        let told = feed(&world, Role::Member);
        let of = |start: &str| told.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!(of("Some messages by email (3) were not sent"), 1, "{told:?}");
        assert!(!feed(&world, Role::Owner).iter().any(|line| line.contains("not sent")));
    }
}
