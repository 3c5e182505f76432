//! What waits for people's yes: one outcome, whoever speaks at the same moment, and only from those who may.

use std::sync::Barrier;

use domain::kernel::id::{ApprovalId, DraftId, MemberId};
use domain::kernel::{Code, Principal, Refusal, Source};
use domain::workspace::access::ops::{For, member_principal};
use domain::workspace::access::{Grant, Role};
use domain::workspace::approval::ops::{
    CastVote, Lapse, ListApprovals, Voted, get, lapse, lapsed, list, request, vote, withdraw,
};
use domain::workspace::approval::{
    Approval, ApprovalState, Approver, Choice, NewApproval, OnDeadline, Rule, Stage,
};
use domain::workspace::member::{self, Member, ops::AddMember};
use harness::{World, on_both, unknown_id};

/// A launch of which this is the version.
fn launch(subject: DraftId, version: i32, stages: Vec<Stage>) -> NewApproval {
    NewApproval {
        subject_kind: "launch".into(),
        subject_id: subject.0,
        subject_version: version,
        title: format!("Spring launch, version {version}"),
        covers: vec![format!("hash {version}")],
        author: None,
        stages,
        risky: true,
    }
}

fn subject(world: &World) -> DraftId {
    DraftId(world.host.mint())
}

#[track_caller]
fn ask(world: &World, stages: Vec<Stage>) -> Approval {
    let subject = subject(world);
    world.act(&world.team.cora(), |cx| request(cx, &launch(subject, 1, stages.clone()))).unwrap()
}

fn say(world: &World, who: &Principal, id: ApprovalId, choice: Choice) -> Result<Voted, Refusal> {
    let feedback = matches!(choice, Choice::Reject | Choice::RequestChanges).then(|| "Too loud".to_owned());
    let cast = CastVote { id, choice, feedback, etag: None };
    world.act(who, |cx| vote(cx, &cast))
}

fn state(world: &World, id: ApprovalId) -> ApprovalState {
    world.look(&world.team.cora(), |cx| get(cx, id)).unwrap().approval.state
}

/// Members of their own, coordinators all.
fn crowd(world: &World, count: usize) -> Vec<Member> {
    let operator = world.team.operator();
    let add = |n: usize| {
        let cmd = AddMember {
            name: format!("Member {n}"),
            email: format!("m{n}@example.com"),
            role: Role::Coordinator,
            time_zone: "America/Chicago".into(),
        };
        world.act(&operator, |cx| member::ops::add(cx, &cmd)).unwrap()
    };
    (0..count).map(add).collect()
}

fn in_person(world: &World, member: &Member) -> Principal {
    member_principal(member, world.team.id, Source::CommandLine)
}

fn of(members: &[Member], rule: Rule) -> Stage {
    Stage::of(members.iter().map(|m| Approver::Member(m.id)).collect(), rule)
}

fn any(role: Role) -> Stage {
    Stage::of(vec![Approver::Role(role)], Rule::Any)
}

fn at_once<T: Send>(count: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count);
    std::thread::scope(|threads| {
        let run = |i| {
            let (start, f) = (&start, &f);
            threads.spawn(move || {
                start.wait();
                f(i)
            })
        };
        let running: Vec<_> = (0..count).map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn times(world: &World, event: &str) -> usize {
    world.events(&world.team).iter().filter(|name| *name == event).count()
}

on_both! {
    fn a_thousand_votes_at_once_end_in_one_outcome(world: World) {
        let team = crowd(&world, 20);
        let id = ask(&world, vec![of(&team, Rule::Quorum(11))]).id;
        let outcomes = at_once(20, |i| {
            let who = in_person(&world, &team[i]);
            // Minds change until the last round, in which all agree.
            let choice = |round: usize| match (round, (round + i) % 3) {
                (49, _) | (_, 0) => Choice::Approve,
                (_, 1) => Choice::RequestChanges,
                _ => Choice::Abstain,
            };
            (0..50).map(|round| say(&world, &who, id, choice(round))).collect::<Vec<_>>()
        });
        let all: Vec<_> = outcomes.into_iter().flatten().collect();
        assert_eq!(all.len(), 1_000);
        let closing: Vec<&Voted> = all.iter().filter_map(|o| o.as_ref().ok()).filter(|voted| voted.closed).collect();
        assert_eq!((closing.len(), times(&world, "approval.closed")), (1, 1));
        let detail = world.look(&world.team.cora(), |cx| get(cx, id)).unwrap();
        assert_eq!(detail.approval.state, closing[0].approval.state);
        let counted = all.iter().filter(|o| o.is_ok()).count();
        assert_eq!(times(&world, "approval.voted"), counted);
        let by = detail.approval.closed_by.unwrap();
        for no in all.iter().filter_map(|o| o.as_ref().err()) {
            assert!(no.code == Code::WrongState && no.sentence.contains(&by), "{no}");
        }
        assert!(detail.votes.len() <= 20, "one vote for each approver");
        if detail.approval.state == ApprovalState::Approved {
            assert_eq!(detail.votes.iter().filter(|v| v.choice == Choice::Approve).count(), 11);
        }
        world.log_is_whole(&world.team);
    }

    fn the_two_last_votes_of_a_quorum_fire_once_and_do_fire(world: World) {
        let team = crowd(&world, 2);
        for round in 1..=20 {
            let id = ask(&world, vec![of(&team, Rule::Quorum(2))]).id;
            let outcomes = at_once(2, |i| say(&world, &in_person(&world, &team[i]), id, Choice::Approve).unwrap());
            assert_eq!(outcomes.iter().filter(|voted| voted.closed).count(), 1, "round {round}");
            assert_eq!(state(&world, id), ApprovalState::Approved);
            assert_eq!(times(&world, "approval.closed"), round);
        }
    }

    fn stages_open_one_after_the_other_and_a_vote_can_be_changed_until_its_stage_closes(world: World) {
        let team = crowd(&world, 3);
        let who: Vec<Principal> = team.iter().map(|m| in_person(&world, m)).collect();
        let id = ask(&world, vec![of(&team, Rule::Majority), any(Role::Owner)]).id;
        let no = say(&world, &world.team.as_(Role::Owner), id, Choice::Approve).unwrap_err();
        assert_eq!(no.code, Code::Forbidden, "the second stage is not open yet");
        say(&world, &who[0], id, Choice::Reject).unwrap();
        say(&world, &who[0], id, Choice::Approve).unwrap();
        let seen = world.look(&who[0], |cx| get(cx, id)).unwrap();
        assert_eq!((seen.votes.len(), seen.votes[0].choice), (1, Choice::Approve));
        let mut waiting: Vec<&str> = seen.approval.waiting_for.iter().map(|n| n.name.as_str()).collect();
        waiting.sort_unstable();
        assert_eq!(waiting, ["Member 1", "Member 2"]);
        let second = say(&world, &who[1], id, Choice::Approve).unwrap();
        assert!(second.advanced && !second.closed);
        let no = say(&world, &who[0], id, Choice::Reject).unwrap_err();
        assert_eq!(no.code, Code::Forbidden, "its stage is over");
        assert!(say(&world, &world.team.as_(Role::Owner), id, Choice::Approve).unwrap().closed);
        let no = say(&world, &world.team.as_(Role::Owner), id, Choice::Reject).unwrap_err();
        assert!(no.sentence.contains("Olga Owens closed it") && no.sentence.contains("approved"), "{no}");
    }

    fn nobody_approves_their_own_words_and_nobody_without_the_role(world: World) {
        let subject = subject(&world);
        let mut words = launch(subject, 1, vec![Stage::of(vec![Approver::Role(Role::Coordinator), Approver::Role(Role::Admin)], Rule::Any)]);
        words.author = Some(world.team.members[&Role::Coordinator].id);
        let id = world.act(&world.team.cora(), |cx| request(cx, &words)).unwrap().id;
        let no = say(&world, &world.team.cora(), id, Choice::Approve).unwrap_err();
        assert!(no.code == Code::Forbidden && no.sentence.contains("their own words"), "{no}");
        for role in [Role::Owner, Role::Member, Role::Viewer] {
            assert_eq!(say(&world, &world.team.as_(role), id, Choice::Approve).unwrap_err().code, Code::Forbidden);
        }
        assert!(say(&world, &world.team.as_(Role::Admin), id, Choice::Approve).unwrap().closed);
    }

    fn programs_ask_and_read_but_never_decide(world: World) {
        let id = ask(&world, vec![any(Role::Owner)]).id;
        let owner = world.team.members[&Role::Owner].clone();
        let (_, secret) = world.token(&world.team, For::Member(owner.id), Grant::Admin, None);
        let with_a_token = world.who(&secret).unwrap();
        let agent = world.agent(&world.team, Grant::Admin);
        let over_mcp = member_principal(&owner, world.team.id, Source::Mcp);
        let before = world.everything(&world.team);
        for who in [&agent, &with_a_token, &over_mcp, &world.team.operator()] {
            let no = say(&world, who, id, Choice::Approve).unwrap_err();
            assert_eq!(no.code, Code::Forbidden, "{}", who.standing);
            assert_eq!(world.look(who, |cx| get(cx, id)).unwrap().approval.state, ApprovalState::Pending);
        }
        assert_eq!(world.everything(&world.team), before);
        let subject = subject(&world);
        world.act(&agent, |cx| request(cx, &launch(subject, 1, vec![any(Role::Owner)]))).unwrap();
        assert!(say(&world, &world.team.as_(Role::Owner), id, Choice::Approve).unwrap().closed);
    }

    fn a_new_version_starts_anew_and_all_that_was_said_stays_readable(world: World) {
        let cora = world.team.cora();
        let subject = subject(&world);
        let stages = vec![Stage::of(vec![Approver::Role(Role::Owner), Approver::Role(Role::Admin)], Rule::Unanimous)];
        let first = world.act(&cora, |cx| request(cx, &launch(subject, 1, stages.clone()))).unwrap().id;
        say(&world, &world.team.as_(Role::Owner), first, Choice::Approve).unwrap();
        let second = world.act(&cora, |cx| request(cx, &launch(subject, 2, stages.clone()))).unwrap().id;
        assert_eq!(state(&world, first), ApprovalState::Superseded);
        let no = say(&world, &world.team.as_(Role::Admin), first, Choice::Approve).unwrap_err();
        assert!(no.sentence.contains("newer version"), "{no}");
        let detail = world.look(&cora, |cx| get(cx, second)).unwrap();
        assert_eq!((detail.votes.len(), detail.approval.waiting_for.len()), (0, 2));
        say(&world, &world.team.as_(Role::Admin), second, Choice::RequestChanges).unwrap();
        assert_eq!(state(&world, second), ApprovalState::ChangesRequested);
        let third = world.act(&cora, |cx| request(cx, &launch(subject, 3, stages.clone()))).unwrap().id;
        let rounds = world.look(&cora, |cx| get(cx, third)).unwrap().rounds;
        assert_eq!(rounds.iter().map(|r| (r.subject_version, r.feedback.len())).collect::<Vec<_>>(), [(1, 0), (2, 1), (3, 0)]);
        assert_eq!(rounds[1].feedback[0].feedback, "Too loud");
        let again = world.act(&cora, |cx| request(cx, &launch(subject, 2, stages.clone()))).unwrap_err();
        assert_eq!(again.code, Code::AlreadyExists);
    }

    fn a_deadline_does_what_the_stage_says_and_expired_is_not_rejected(world: World) {
        let machine = world.machine(&world.team);
        let with = |on_deadline| Stage { hours: Some(24), on_deadline, ..any(Role::Coordinator) };
        let reminded = ask(&world, vec![with(OnDeadline::Remind)]).id;
        let escalated = ask(&world, vec![with(OnDeadline::Escalate(Role::Owner))]).id;
        let expired = ask(&world, vec![with(OnDeadline::AutoReject)]).id;
        let subject = subject(&world);
        let harmless = NewApproval { risky: false, ..launch(subject, 1, vec![with(OnDeadline::AutoApprove)]) };
        let passed = world.act(&world.team.cora(), |cx| request(cx, &harmless)).unwrap().id;
        let risky = launch(subject, 2, vec![with(OnDeadline::AutoApprove)]);
        let no = world.act(&world.team.cora(), |cx| request(cx, &risky)).unwrap_err();
        assert!(no.sentence.contains("A deadline must not say yes"), "{no}");
        world.hours_pass(23);
        assert_eq!(world.act(&machine, |cx| lapsed(cx, 100)).unwrap(), []);
        world.hours_pass(1);
        let due = world.act(&machine, |cx| lapsed(cx, 100)).unwrap();
        assert_eq!(due.len(), 4);
        let lapse_all = || -> Vec<Lapse> {
            due.iter().filter_map(|id| world.act(&machine, |cx| lapse(cx, *id)).unwrap()).collect()
        };
        assert_eq!(lapse_all().len(), 4);
        assert!(lapse_all().is_empty(), "once");
        assert_eq!([reminded, escalated, expired, passed].map(|id| state(&world, id)), [
            ApprovalState::Pending,
            ApprovalState::Pending,
            ApprovalState::Expired,
            ApprovalState::Approved,
        ]);
        let no = say(&world, &world.team.cora(), expired, Choice::Approve).unwrap_err();
        assert!(no.sentence.contains("Nobody decided in time") && !no.sentence.contains("reject"), "{no}");
        // The owner was no approver before.
        assert!(say(&world, &world.team.as_(Role::Owner), escalated, Choice::Approve).unwrap().closed);
        assert_eq!(say(&world, &world.team.as_(Role::Owner), reminded, Choice::Approve).unwrap_err().code, Code::Forbidden);
        world.hours_pass(24);
        assert_eq!(world.act(&machine, |cx| lapsed(cx, 100)).unwrap(), [reminded], "it is told again");
    }

    fn what_waits_for_me_is_listed_page_by_page(world: World) {
        let mine: Vec<ApprovalId> = (0..5).map(|_| ask(&world, vec![any(Role::Admin)]).id).collect();
        for _ in 0..5 {
            ask(&world, vec![any(Role::Owner)]);
        }
        let adam = MemberId(world.team.as_(Role::Admin).actor.id.unwrap());
        let mut found = Vec::new();
        let mut wanted = ListApprovals { waiting_for: Some(adam), ..ListApprovals::default() };
        wanted.ask.limit = Some(2);
        loop {
            let page = world.look(&world.team.as_(Role::Viewer), |cx| list(cx, &wanted)).unwrap();
            found.extend(page.items.iter().map(|a| a.id));
            match page.next_cursor {
                Some(cursor) => wanted.ask.cursor = Some(cursor),
                None => break,
            }
        }
        // Those of one instant have ids in no particular order.
        assert!(found.is_sorted());
        found.sort();
        let mut mine = mine;
        mine.sort();
        assert_eq!(found, mine);
    }

    fn another_workspaces_approval_is_answered_like_one_that_never_was(world: World) {
        let id = ask(&world, vec![any(Role::Owner)]).id;
        let stranger = world.found("harbor", "harbor.example");
        let owner = stranger.as_(Role::Owner);
        let never: ApprovalId = unknown_id();
        let vote_on = |id| say(&world, &owner, id, Choice::Approve).unwrap_err();
        let read = |id| world.look(&owner, |cx| get(cx, id)).unwrap_err();
        let take_back = |id| world.act(&owner, |cx| withdraw(cx, id, "No")).unwrap_err();
        assert_eq!((vote_on(id), read(id), take_back(id)), (vote_on(never), read(never), take_back(never)));
        assert_eq!(state(&world, id), ApprovalState::Pending);
    }
}
