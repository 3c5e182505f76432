//! A workspace says who decides about letters: in which stages, how many of them, and what their silence means.

use domain::assist::draft::DraftState;
use domain::assist::draft::check::FindingKind;
use domain::deals::followup::propose::{EditDraft, edit};
use domain::deals::followup::review::{Decide, Decided, deadlines, decide};
use domain::deals::followup::view::DraftView;
use domain::deals::milestone::ops::{EditMilestone, edit as edit_milestone};
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings, get as settings};
use domain::kernel::id::MemberId;
use domain::kernel::{Code, Principal, Refusal};
use domain::workspace::access::{Grant, Role};
use domain::workspace::approval::view::ApprovalView;
use domain::workspace::approval::{self, ApprovalState, Choice, Rule};
use domain::workspace::member::MemberStatus;
use domain::workspace::member::ops::change;
use harness::{World, on_both, unknown_id};
use serde_json::json;

fn set(world: &World, stages: &[&str]) -> Result<(), Refusal> {
    let set = json!({ "draft_stages": stages });
    let cmd = EditSettings { version: None, set: set.as_object().unwrap().clone() };
    world.act(&world.team.as_(Role::Admin), |cx| edit_settings(cx, &cmd)).map(drop)
}

fn say(world: &World, who: Role, draft: &DraftView, choice: Choice) -> Result<Decided, Refusal> {
    let cmd = Decide::of(draft.approval_id.unwrap(), choice);
    world.act(&world.team.as_(who), |cx| decide(cx, &cmd))
}

fn approval_of(world: &World, draft: &DraftView) -> ApprovalView {
    world.look(&world.team.cora(), |cx| approval::ops::get(cx, draft.approval_id.unwrap())).unwrap().approval
}

fn waits_for(world: &World, draft: &DraftView) -> Vec<String> {
    let mut names: Vec<String> =
        approval_of(world, draft).waiting_for.into_iter().map(|named| named.name).collect();
    names.sort();
    names
}

fn now(world: &World, draft: &DraftView) -> DraftView {
    world.drafts(draft.deal_id).into_iter().find(|other| other.id == draft.id).unwrap()
}

/// What the deadlines that have passed by this instant do.
fn at(world: &World, instant: &str) -> usize {
    world.host.clock().set(instant.parse().unwrap());
    world.act(&world.machine(&world.team), deadlines).unwrap()
}

fn edited(world: &World, who: &Principal, draft: &DraftView, body: Option<&str>) -> DraftView {
    let cmd = EditDraft { id: draft.id, version: None, subject: None, body: body.map(Into::into) };
    world.act(who, |cx| edit(cx, &cmd)).unwrap()
}

/// The notices about a draft's approval that members have in the product: who, and the first line.
fn told(world: &World, what: &str) -> Vec<String> {
    let query = format!(
        "SELECT m.name AS line FROM messages JOIN members AS m ON m.workspace_id = messages.workspace_id AND m.id = \
         messages.member_id WHERE messages.workspace_id = '{}' AND channel = 'in_app' AND occasion LIKE \
         'approval:%:{what}:%' ORDER BY m.name",
        world.team.id
    );
    world.lines(&world.team, &query)
}

on_both! {
    fn a_letter_goes_through_every_stage_before_it_leaves(world: World) {
        set(&world, &["any of role:coordinator", "all of role:owner + role:admin"]).unwrap();
        let draft = world.draft_for_the_buyer(world.peopled_deal("12 Oak Street"));
        let early = say(&world, Role::Owner, &draft, Choice::Approve).unwrap_err();
        assert_eq!(early.code, Code::Forbidden, "the second stage is not open yet");
        let first = say(&world, Role::Coordinator, &draft, Choice::Approve).unwrap();
        assert_eq!((first.approval.stage, first.approval.state), (2, ApprovalState::Pending));
        assert!(first.queued.is_empty(), "nothing leaves between two stages");
        assert_eq!(told(&world, "advanced").len(), 2, "those of the next stage are told");
        assert_eq!(say(&world, Role::Admin, &draft, Choice::Approve).unwrap().queued, []);
        let last = say(&world, Role::Owner, &draft, Choice::Approve).unwrap();
        assert_eq!((last.approval.state, last.queued.len()), (ApprovalState::Approved, 1));
    }

    fn after_its_deadline_a_letter_is_the_owners_to_decide(world: World) {
        set(&world, &["any of role:coordinator within 4h then escalate to owner"]).unwrap();
        let draft = world.draft_for_the_buyer(world.peopled_deal("12 Oak Street"));
        let no = say(&world, Role::Owner, &draft, Choice::Approve).unwrap_err();
        assert_eq!(no.code, Code::Forbidden);
        // Of every letter that the inspection begins.
        let letters = world.drafts(draft.deal_id).len();
        assert_eq!(at(&world, "2026-10-14T19:00:00Z"), letters);
        let owner = world.team.members[&Role::Owner].name.clone();
        assert_eq!(told(&world, "escalated"), vec![owner.clone(); letters]);
        assert!(waits_for(&world, &draft).contains(&owner));
        assert_eq!(say(&world, Role::Owner, &draft, Choice::Approve).unwrap().queued.len(), 1);
    }

    fn a_letter_that_nobody_decides_about_expires_and_nobody_has_declined_it(world: World) {
        set(&world, &["2 of role:owner + role:admin + role:coordinator within 48h then expire"]).unwrap();
        let draft = world.draft_for_the_buyer(world.peopled_deal("12 Oak Street"));
        say(&world, Role::Coordinator, &draft, Choice::Approve).unwrap();
        let letters = world.drafts(draft.deal_id).len();
        assert_eq!(at(&world, "2026-10-16T14:59:59Z"), 0, "not a moment early");
        assert_eq!(at(&world, "2026-10-16T15:00:00Z"), letters);
        let expired = now(&world, &draft);
        assert_eq!((expired.state, approval_of(&world, &draft).state), (DraftState::Expired, ApprovalState::Expired));
        let late = say(&world, Role::Admin, &draft, Choice::Approve).unwrap_err();
        assert_eq!(late.code, Code::WrongState);
        assert!(late.sentence.starts_with("Nobody decided in time: the deadline closed it on "), "{late}");
        // Whoever answers for the deal learns that it did not go out.
        let deal = world.team.members[&Role::Coordinator].name.clone();
        assert_eq!(told(&world, "decided"), vec![deal; letters]);
        // It is asked for anew in the same words, and the vote from before does not count.
        let again = edited(&world, &world.team.as_(Role::Member), &expired, None);
        assert_eq!((again.state, again.approval_id == draft.approval_id), (DraftState::InReview, false));
        assert_eq!(waits_for(&world, &again).len(), 3);
        assert_eq!(say(&world, Role::Coordinator, &again, Choice::Approve).unwrap().queued, []);
        assert_eq!(say(&world, Role::Admin, &again, Choice::Approve).unwrap().queued.len(), 1);
    }

    fn an_expired_letter_is_written_anew_when_its_milestone_is_completed_again(world: World) {
        set(&world, &["any of role:owner within 1h then expire"]).unwrap();
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        at(&world, "2026-10-14T16:00:00Z");
        let inspection = world.milestone(deal, "inspection").id;
        let reopen = EditMilestone { reopen: Some(true), ..EditMilestone::of(inspection) };
        world.act(&world.team.cora(), |cx| edit_milestone(cx, &reopen)).unwrap();
        world.complete(inspection);
        world.write_drafts();
        assert_eq!(now(&world, &draft).state, DraftState::InReview);
    }

    fn stages_that_the_team_cannot_keep_to_are_kept_as_far_as_it_can_and_the_approvers_read_so(world: World) {
        set(&world, &["any of role:coordinator", "2 of role:owner + role:admin within 48h then expire"]).unwrap();
        let draft = world.draft_for_the_buyer(world.peopled_deal("12 Oak Street"));
        // Cora is the only coordinator, and nobody approves their own words.
        let hers = edited(&world, &world.team.cora(), &draft, Some("Hello Ann, the inspection is done."));
        let found = |draft: &DraftView| -> Vec<String> {
            let findings = draft.newest.as_ref().unwrap().findings.iter();
            findings.filter(|f| f.kind == FindingKind::Approval).map(|f| f.why.clone()).collect()
        };
        assert_eq!(found(&hers), ["Nobody whom the settings name for stage 1 may decide about these words, so any owner, \
                                   admin or coordinator does."]);
        assert_eq!(say(&world, Role::Coordinator, &hers, Choice::Approve).unwrap_err().code, Code::Forbidden);
        say(&world, Role::Admin, &hers, Choice::Approve).unwrap();
        // Now the owner's words, of which one line is still Cora's: of the two who must agree the admin is left.
        let owners = edited(&world, &world.team.as_(Role::Owner), &draft, Some("Dear Ann, the inspection is done."));
        assert_eq!(found(&owners)[1..], ["A quorum of 2 approvals is wanted in stage 2, and 1 of the team may give one: all of \
                                          them must."]);
        let second = &approval_of(&world, &owners).stages[1];
        assert_eq!((second.rule, second.hours), (Rule::Unanimous, Some(48)));
        assert_eq!(waits_for(&world, &owners), [world.team.members[&Role::Admin].name.as_str()]);
    }

    fn a_program_that_changes_a_word_does_not_let_the_author_approve_alone(world: World) {
        set(&world, &["any of role:coordinator"]).unwrap();
        let draft = world.draft_for_the_buyer(world.peopled_deal("12 Oak Street"));
        edited(&world, &world.team.cora(), &draft, Some("Hello Ann.\nThe inspection is done."));
        let agent = world.agent(&world.team, Grant::Propose);
        let again = edited(&world, &agent, &draft, Some("Hi Ann.\nThe inspection is done."));
        let no = say(&world, Role::Coordinator, &again, Choice::Approve).unwrap_err();
        assert!(no.sentence.contains("nobody approves their own words"), "{no}");
        assert_eq!(say(&world, Role::Owner, &again, Choice::Approve).unwrap().queued.len(), 1);
    }

    fn who_leaves_the_team_keeps_no_letter_waiting(world: World) {
        set(&world, &["2 of role:owner + role:admin"]).unwrap();
        let first = world.draft_for_the_buyer(world.peopled_deal("12 Oak Street"));
        let adam = world.team.members[&Role::Admin].id;
        set(&world, &[&format!("any of member:{adam} within 4h then remind")]).unwrap();
        let second = world.draft_for_the_buyer(world.peopled_deal("14 Oak Street"));
        world.act(&world.team.as_(Role::Owner), |cx| change(cx, adam, Role::Admin, MemberStatus::Inactive)).unwrap();
        // Of two who must agree one is left.
        assert_eq!(say(&world, Role::Owner, &first, Choice::Approve).unwrap().approval.state, ApprovalState::Approved);
        // Nobody is left of one, so with the deadline it is everybody's who may decide.
        assert!(waits_for(&world, &second).is_empty());
        at(&world, "2026-10-14T19:00:00Z");
        assert_eq!(waits_for(&world, &second).len(), 2);
        assert_eq!(say(&world, Role::Coordinator, &second, Choice::Approve).unwrap().queued.len(), 1);
    }

    fn an_expired_letter_is_not_asked_for_anew_once_its_reason_is_gone(world: World) {
        set(&world, &["any of role:owner within 1h then expire"]).unwrap();
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        at(&world, "2026-10-14T16:00:00Z");
        let reopen = EditMilestone { reopen: Some(true), ..EditMilestone::of(world.milestone(deal, "inspection").id) };
        world.act(&world.team.cora(), |cx| edit_milestone(cx, &reopen)).unwrap();
        let cmd = EditDraft { id: draft.id, version: None, subject: None, body: None };
        let no = world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap_err();
        assert_eq!(no.code, Code::WrongState);
        assert!(no.sentence.contains("Its milestone is not completed."), "{no}");
        assert_eq!(now(&world, &draft).state, DraftState::Expired);
    }

    fn stages_that_make_no_sense_are_refused_and_the_ones_before_stay(world: World) {
        set(&world, &["any of role:owner"]).unwrap();
        let nobody = format!("any of role:owner + member:{}", unknown_id::<MemberId>());
        let ten: Vec<&str> = std::iter::repeat_n("any of role:owner", 11).collect();
        for (stages, field, why) in [
            (&["9 of role:owner"][..], "draft_stages[0].approvers", "A quorum of 9 approvals is needed, and"),
            (&["0 of role:owner"], "draft_stages[0].rule", "A quorum needs at least 1."),
            (&["any of role:viewer"], "draft_stages[0].approvers", "One approval is needed, and 0 of the team"),
            (&[nobody.as_str()], "draft_stages[0].approvers", "is no member of this workspace."),
            (&["any of role:owner", "any of role:admin within 0h"], "draft_stages[1].hours", "between 1 and 2160"),
            (&["any of role:admin then escalate to viewer"], "draft_stages[0].on_deadline", "viewer may not approve"),
            (&["any of role:admin then approve"], "draft_stages[0]", "lets time say yes, and only people do."),
            (&ten, "draft_stages", "1 to 10 stages"),
        ] {
            let no = set(&world, stages).unwrap_err();
            let problem = no.problems.iter().find(|problem| problem.field == field);
            assert!(problem.is_some_and(|p| p.sentence.contains(why)), "{stages:?}: {no:?}");
        }
        let stored = world.look(&world.team.cora(), settings).unwrap().settings.draft_stages;
        assert_eq!(stored.iter().map(ToString::to_string).collect::<Vec<_>>(), ["any of role:owner within 24h then remind"]);
    }
}
