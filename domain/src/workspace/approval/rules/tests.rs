use super::*;
use crate::workspace::approval::ops::spoken;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

fn member(n: u8, role: Role) -> Member {
    Member {
        id: MemberId(Uuid::from_u128(n.into())),
        name: format!("Member {n}"),
        email: format!("m{n}@example.com"),
        role,
        time_zone: "UTC".into(),
        status: MemberStatus::Active,
        version: 1,
    }
}

/// `votes` has a letter for each voter in order: y(es), n(o), c(hanges), a(bstains), . (silent).
fn count(rule: Rule, votes: &str) -> Tally {
    let start: Timestamp = "2026-10-14T15:00:00Z".parse().unwrap();
    let id = |n: usize| MemberId(Uuid::from_u128(n as u128));
    let who = Electorate { voters: (0..votes.len()).map(id).collect(), deciders: BTreeSet::new() };
    let cast: Vec<Vote> = votes
        .chars()
        .enumerate()
        .filter_map(|(n, letter)| {
            let choice = match letter {
                'y' => Choice::Approve,
                'n' => Choice::Reject,
                'c' => Choice::RequestChanges,
                'a' => Choice::Abstain,
                _ => return None,
            };
            let cast_at = start + SignedDuration::from_secs(n as i64);
            Some(Vote { stage: 0, member: id(n), choice, feedback: String::new(), cast_at })
        })
        .collect();
    tally(rule, &who, &cast)
}

fn check(rule: Rule, votes: &str, expected: &str) {
    let came = match count(rule, votes) {
        Tally::Open(waiting) => format!("open, {} left", waiting.len()),
        Tally::Passed => "passed".into(),
        Tally::Rejected(_) => "rejected".into(),
        Tally::ChangesRequested(_) => "changes".into(),
    };
    assert_eq!(came, expected, "{} {votes}", spoken(rule));
}

#[test]
fn each_rule_counts_as_it_says() {
    use Rule::{Any, Majority, Quorum, Unanimous};
    for (rule, votes, expected) in [
        (Any, "...", "open, 3 left"),
        (Any, "..y", "passed"),
        (Any, "n..", "rejected"),
        (Any, ".c.", "changes"),
        (Any, "a..", "open, 2 left"),
        (Any, "ay", "passed"),
        (Any, "aaa", "rejected"),
        // The first who decides, decides.
        (Any, "ny", "rejected"),
        (Majority, "y..", "open, 2 left"),
        (Majority, "yy.", "passed"),
        (Majority, "yn.", "open, 1 left"),
        (Majority, "ynn", "rejected"),
        (Majority, "nn.", "rejected"),
        (Majority, "cc.", "changes"),
        (Majority, "cn.", "rejected"),
        (Majority, "yy..", "open, 2 left"),
        (Majority, "yynn", "rejected"),
        (Majority, "aay", "passed"),
        (Majority, "aa.", "open, 1 left"),
        (Majority, "yna", "rejected"),
        (Majority, "aaa", "rejected"),
        (Unanimous, "...", "open, 3 left"),
        (Unanimous, "a..", "open, 2 left"),
        (Unanimous, "yy.", "open, 1 left"),
        (Unanimous, "yyy", "passed"),
        (Unanimous, "yya", "passed"),
        (Unanimous, "yc.", "changes"),
        (Unanimous, "n..", "rejected"),
        (Unanimous, "aaa", "rejected"),
        (Quorum(2), "y..", "open, 2 left"),
        (Quorum(2), "y.y", "passed"),
        (Quorum(2), "nn.", "rejected"),
        (Quorum(2), "n..", "open, 2 left"),
        (Quorum(2), "aa.", "rejected"),
        (Quorum(3), "c..", "changes"),
        (Quorum(1), "aay", "passed"),
        // The third left the team.
        (Quorum(3), "y.", "open, 1 left"),
        (Quorum(3), "yy", "passed"),
        (Quorum(3), "ya", "rejected"),
    ] {
        check(rule, votes, expected);
    }
}

#[test]
fn a_stage_that_failed_says_why() {
    let check = |rule, votes: &str, expected: &str| match count(rule, votes) {
        Tally::Rejected(why) | Tally::ChangesRequested(why) => assert_eq!(why, expected, "{votes}"),
        other => panic!("{votes}: {other:?}"),
    };
    check(Rule::Any, "aa", "All of its approvers abstained.");
    check(Rule::Quorum(1), "aaa", "All of its approvers abstained.");
    check(Rule::Quorum(2), "aa.", "A quorum of 2 approvals can no longer be reached.");
    check(Rule::Quorum(1), "nn", "A quorum of 1 approval can no longer be reached.");
    check(Rule::Majority, "cc.", "A majority can no longer be reached.");
    check(Rule::Unanimous, "yn", "A unanimous yes can no longer be reached.");
}

#[test]
fn only_active_members_with_a_say_count_and_nobody_approves_their_own_words() {
    let mut team = vec![
        member(1, Role::Owner),
        member(2, Role::Coordinator),
        member(3, Role::Viewer),
        member(4, Role::Admin),
    ];
    team[3].status = MemberStatus::Inactive;
    let ids = |stage: &Stage, author: u8| -> Vec<u128> {
        let author = (author > 0).then(|| team[usize::from(author) - 1].id);
        electorate(stage, author, &team).voters.iter().map(|id| id.0.as_u128()).collect()
    };
    let mut stage = Stage::of(Role::ALL.iter().copied().map(Approver::Role).collect(), Rule::Any);
    assert_eq!(ids(&stage, 0), [1, 2]);
    assert_eq!(ids(&stage, 2), [1]);
    stage.four_eyes = false;
    assert_eq!(ids(&stage, 2), [1, 2]);
    let why = |n: usize, author: Option<usize>| {
        let stage = Stage::of(vec![Approver::Role(Role::Coordinator), Approver::Member(team[2].id)], Rule::Any);
        why_not(&stage, author.map(|a| team[a].id), &team[n])
    };
    assert_eq!(why(1, None), None);
    assert_eq!(why(1, Some(1)).unwrap(), "wrote it, and nobody approves their own words");
    assert_eq!(why(2, None).unwrap(), "has the role viewer");
    assert_eq!(why(3, None).unwrap(), "is out of service");
    assert_eq!(why(0, None).unwrap(), "is none of its approvers");
}

#[test]
fn where_nobody_else_could_those_who_wrote_earlier_words_may_and_at_last_the_author() {
    let alone = [member(1, Role::Owner), member(2, Role::Member)];
    assert!(!usual(Some(alone[0].id), Vec::new(), &alone, 24).four_eyes);
    assert!(usual(Some(alone[1].id), Vec::new(), &alone, 24).four_eyes);
    assert!(usual(None, Vec::new(), &alone, 24).four_eyes);
    let two = [member(1, Role::Owner), member(2, Role::Coordinator), member(3, Role::Member)];
    let may = |author: usize, also_by: Vec<MemberId>, team: &[Member]| -> Vec<u128> {
        let author = Some(team[author - 1].id);
        let voters = electorate(&usual(author, also_by, team, 24), author, team).voters;
        voters.iter().map(|id| id.0.as_u128()).collect()
    };
    assert_eq!(may(1, Vec::new(), &two), [2]);
    // The coordinator wrote it and the owner edited it: the owner does not approve the edit.
    assert_eq!(may(1, vec![two[1].id], &two), [2]);
    assert_eq!(may(3, vec![two[0].id], &two), [2]);
    assert_eq!(may(3, vec![two[0].id, two[1].id], &two), [1, 2]);
    assert_eq!(may(1, Vec::new(), &alone), [1]);
}

#[test]
fn after_an_escalation_one_of_the_higher_role_decides_alone() {
    let team = [member(1, Role::Coordinator), member(2, Role::Coordinator), member(3, Role::Owner)];
    let mut stage = Stage::of(vec![Approver::Role(Role::Coordinator)], Rule::Unanimous);
    stage.escalated_to = Some(Role::Owner);
    let who = electorate(&stage, None, &team);
    let vote = |n: usize, choice| Vote {
        stage: 0,
        member: team[n].id,
        choice,
        feedback: String::new(),
        cast_at: "2026-10-14T15:00:00Z".parse().unwrap(),
    };
    assert!(matches!(tally(stage.rule, &who, &[]), Tally::Open(waiting) if waiting.len() == 3));
    assert_eq!(tally(stage.rule, &who, &[vote(2, Choice::Approve)]), Tally::Passed);
    let abstains = [vote(0, Choice::Abstain), vote(1, Choice::Abstain)];
    assert!(matches!(tally(stage.rule, &who, &abstains), Tally::Open(waiting) if waiting.len() == 1));
}

#[test]
fn what_could_never_be_approved_is_refused_when_it_is_asked_for() {
    let team = [member(1, Role::Owner), member(2, Role::Coordinator)];
    let wrong = |stages: Vec<Stage>, author: Option<MemberId>, risky: bool| -> Vec<String> {
        let new = NewApproval {
            subject_kind: "draft".into(),
            subject_id: Uuid::from_u128(9),
            subject_version: 1,
            title: "x".into(),
            covers: vec!["aa".into()],
            author,
            stages,
            risky,
        };
        problems(&new, &team).iter().map(|p| format!("{} {}", p.field, p.sentence)).collect()
    };
    let check = |stage: Stage, author: Option<MemberId>, expected: &str| {
        let found = wrong(vec![stage], author, true);
        match expected {
            "" => assert_eq!(found, [""; 0]),
            _ => assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}"),
        }
    };
    let by = |rule| Stage::of(vec![Approver::Role(Role::Owner), Approver::Role(Role::Coordinator)], rule);
    check(by(Rule::Quorum(2)), None, "");
    check(by(Rule::Quorum(3)), None, "A quorum of 3 approvals is needed, and 2");
    check(by(Rule::Quorum(2)), Some(team[0].id), "and 1 of the team");
    check(by(Rule::Quorum(0)), None, "at least 1");
    check(Stage { on_deadline: OnDeadline::AutoApprove, ..by(Rule::Any) }, None, "must not say yes");
    check(Stage { on_deadline: OnDeadline::Escalate(Role::Viewer), ..by(Rule::Any) }, None, "viewer may not");
    check(Stage { on_deadline: OnDeadline::Escalate(Role::Admin), ..by(Rule::Any) }, None, "");
    check(Stage { hours: Some(0), ..by(Rule::Any) }, None, "between 1 and");
    check(Stage { hours: Some(2_160), ..by(Rule::Any) }, None, "");
    check(Stage { hours: Some(2_161), ..by(Rule::Any) }, None, "between 1 and");
    let named = |count| Stage::of(vec![Approver::Role(Role::Owner); count], Rule::Any);
    check(named(0), None, "1 to 100 approvers");
    check(named(100), None, "");
    check(named(101), None, "1 to 100 approvers");
    assert_eq!(wrong(vec![by(Rule::Any); 10], None, true), [""; 0]);
    for count in [0, 11] {
        assert_eq!(wrong(vec![by(Rule::Any); count], None, true), ["stages There must be 1 to 10 stages."]);
    }
    // What stays inside may be passed by a deadline.
    let inside = Stage { on_deadline: OnDeadline::AutoApprove, ..by(Rule::Any) };
    assert_eq!(wrong(vec![inside], None, false), [""; 0]);
}

#[test]
fn the_hash_tells_every_change_of_what_is_covered() {
    let of = |covers: &[&str]| hash(&covers.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
    assert_ne!(of(&["ab"]), of(&["a", "b"]));
    assert_ne!(of(&["a", "b"]), of(&["b", "a"]));
    assert_eq!(of(&[]).len(), 64);
}
