//! What a person approved is what leaves, to whom and when they said, as long as it is so; and nothing else leaves.

use domain::assist::draft::check::FindingKind;
use domain::assist::draft::letter::Letter;
use domain::assist::draft::{DraftKind, DraftState};
use domain::deals::deal::DealStatus;
use domain::deals::deal::intake::NewParty;
use domain::deals::deal::ops::{EditDeal, confirm, create, edit as edit_deal, end};
use domain::deals::followup::ops::{Answer, accept, begin, checklists, get};
use domain::deals::followup::propose::{EditDraft, ProposeDraft, edit, propose};
use domain::deals::followup::review::{Decide, Decided, decide};
use domain::deals::followup::sheet;
use domain::deals::followup::view::{DraftDetail, DraftView};
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, add, edit as edit_milestone, remove};
use domain::delivery::outbox::ops::cancel_batch;
use domain::delivery::outbox::view::{Delivery, ListDeliveries, list};
use domain::delivery::policy::{Rule, Verdict};
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::delivery::{Status, policy};
use domain::kernel::id::{ApprovalId, BatchId, DealId, DraftId, MessageId};
use domain::kernel::page::Ask;
use domain::kernel::{Code, Refusal};
use domain::people::contact::standing::ops::{SetConsent, set_consent};
use domain::people::contact::view;
use domain::people::reach::Channel;
use domain::workspace::access::{Grant, Role};
use domain::workspace::approval::{self, ApprovalState, Choice};
use harness::{World, accepted, not_sent, on_both, party, peopled, unknown_id};
use serde_json::json;

/// When quiet hours have begun in Chicago.
const LATE: &str = "2026-10-15T03:30:00Z";

fn set(world: &World, settings: serde_json::Value) {
    let cmd = EditSettings { version: None, set: settings.as_object().unwrap().clone() };
    world.act(&world.team.as_(Role::Admin), |cx| edit_settings(cx, &cmd)).unwrap();
}

fn approve(world: &World, draft: &DraftView) -> Decided {
    let cmd = Decide::of(draft.approval_id.unwrap(), Choice::Approve);
    world.act(&world.team.as_(Role::Admin), |cx| decide(cx, &cmd)).unwrap()
}

fn seen(world: &World, id: DraftId) -> DraftDetail {
    world.look(&world.team.cora(), |cx| get(cx, id)).unwrap()
}

fn approval_of(world: &World, id: ApprovalId) -> approval::view::ApprovalView {
    world.look(&world.team.cora(), |cx| approval::ops::get(cx, id)).unwrap().approval
}

fn say(deal: DealId, subject: &str, body: &str) -> ProposeDraft {
    let (subject, body) = (subject.into(), body.into());
    ProposeDraft { deal_id: deal, role: Some("buyer".into()), contact_id: None, subject, body, send_at: None }
}

fn proposed(world: &World, new: &ProposeDraft) -> DraftView {
    world.act(&world.team.cora(), |cx| propose(cx, new)).unwrap()
}

/// Who is told that a letter was taken back.
fn told_of_taking_back(world: &World) -> usize {
    let query = format!(
        "SELECT occasion AS line FROM messages WHERE workspace_id = '{}' AND channel = 'in_app' AND occasion LIKE \
         'approval:%:taken_back:%'",
        world.team.id
    );
    world.lines(&world.team, &query).len()
}

fn deliveries(world: &World, wanted: &ListDeliveries) -> Vec<Delivery> {
    world.look(&world.team.cora(), |cx| list(cx, wanted, &Ask::default())).unwrap().items
}

/// The model writes all that waits, and says the same of everything.
fn model_writes(world: &World, subject: &str, body: &str) -> Vec<DraftView> {
    let machine = world.machine(&world.team);
    let letter = Letter { subject: subject.into(), body: body.into() };
    let words = Answer::Model { letter, model: "a model".into() };
    let mut written = Vec::new();
    while let Some(assignment) = world.act(&machine, begin).unwrap() {
        written.extend(world.act(&machine, |cx| accept(cx, &assignment, &words)).unwrap());
    }
    written
}

fn held_because(drafts: &[DraftView], why: &str) {
    assert!(!drafts.is_empty());
    for draft in drafts {
        assert_eq!(draft.state, DraftState::InReview, "{draft:?}");
        let findings = &draft.newest.as_ref().unwrap().findings;
        let risk = findings.iter().any(|f| f.kind == FindingKind::Risk && !f.blocks && f.why.contains(why));
        assert!(risk, "{why}: {findings:?}");
    }
}

/// Why the policy let a message leave, or did not.
fn approval_step(world: &World, id: MessageId) -> String {
    let decisions = world.look(&world.team.as_(Role::Owner), |cx| policy::ops::decisions_of(cx, id)).unwrap();
    let trace = &decisions.last().unwrap().policy.rule_trace;
    trace.iter().find(|step| step.rule == Rule::Approval).unwrap().sentence.clone()
}

on_both! {
    fn a_rule_lets_no_words_leave_that_show_a_programs_title(world: World) {
        set(&world, json!({ "unapproved_follow_ups": ["inspection", "title_search"] }));
        let deal = world.peopled_deal("12 Oak Street");
        let title = AddMilestone {
            deal_id: deal, title: "Call this number now".into(), due_on: "2026-10-20".into(), responsible_role: None,
            remind_days_before: None, required: None, notes: None,
        };
        let agent = world.agent(&world.team, Grant::Write);
        let added = world.act(&agent, |cx| add(cx, &title)).unwrap().milestone;
        world.complete(world.milestone(deal, "inspection").id);
        held_because(&world.write_drafts(), "a program wrote the title \"Call this number now\"");
        let same = EditMilestone { title: Some(added.title.clone()), ..EditMilestone::of(added.id) };
        world.act(&agent, |cx| edit_milestone(cx, &same)).unwrap();
        let confirmed = || world.events(&world.team).iter().filter(|name| *name == "milestone.title_confirmed").count();
        assert_eq!(confirmed(), 0, "an agent confirms nothing");
        world.act(&world.team.cora(), |cx| edit_milestone(cx, &same)).unwrap();
        world.act(&world.team.cora(), |cx| edit_milestone(cx, &same)).unwrap();
        assert_eq!(confirmed(), 1);
        world.complete(world.milestone(deal, "title_search").id);
        let drafts = world.write_drafts();
        assert!(!drafts.is_empty() && drafts.iter().all(|d| d.state == DraftState::Approved), "{drafts:?}");
    }

    fn a_rule_lets_nothing_leave_about_a_deal_that_a_program_made_until_a_member_confirms_it(world: World) {
        set(&world, json!({ "unapproved_follow_ups": ["inspection", "title_search"] }));
        let agent = world.agent(&world.team, Grant::Write);
        let deal = world.act(&agent, |cx| create(cx, &peopled("Oak: wire to Bob"))).unwrap();
        world.complete(world.milestone(deal, "inspection").id);
        held_because(&world.write_drafts(), "a program wrote the deal's title or address");
        world.act(&agent, |cx| confirm(cx, deal)).unwrap();
        world.act(&world.team.cora(), |cx| confirm(cx, deal)).unwrap();
        world.act(&world.team.cora(), |cx| confirm(cx, deal)).unwrap();
        let confirmed = world.events(&world.team).iter().filter(|name| *name == "deal.words_confirmed").count();
        assert_eq!(confirmed, 1);
        world.complete(world.milestone(deal, "title_search").id);
        assert!(world.write_drafts().iter().all(|d| d.state == DraftState::Approved));
    }

    fn a_rule_lets_a_models_words_leave_only_where_the_workspace_says_so_and_risky_ones_never(world: World) {
        set(&world, json!({ "unapproved_follow_ups": ["inspection", "title_search", "appraisal_ordered"] }));
        let deal = world.peopled_deal("12 Oak Street");
        world.complete(world.milestone(deal, "inspection").id);
        held_because(&model_writes(&world, "Inspection", "It is done."), "unapproved_model_words is off");
        set(&world, json!({ "unapproved_model_words": true }));
        world.complete(world.milestone(deal, "title_search").id);
        let drafts = model_writes(&world, "Title", "It is done.");
        assert!(!drafts.is_empty() && drafts.iter().all(|d| d.state == DraftState::Approved), "{drafts:?}");
        world.complete(world.milestone(deal, "appraisal_ordered").id);
        let risky = model_writes(&world, "Appraisal", "Please follow the wiring instructions.");
        held_because(&risky, "they speak of what a person must look at");
    }

    fn a_programs_edit_lets_nobody_approve_their_own_words(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let words = |body: &str| EditDraft { id: draft.id, version: None, subject: None, body: Some(body.into()) };
        world.act(&world.team.cora(), |cx| edit(cx, &words("It is done.\n\nCome and see."))).unwrap();
        let agent = world.agent(&world.team, Grant::Propose);
        let last = world.act(&agent, |cx| edit(cx, &words("It is done.\n\nWrite to us."))).unwrap();
        let yes = Decide::of(last.approval_id.unwrap(), Choice::Approve);
        let no = world.act(&world.team.cora(), |cx| decide(cx, &yes)).unwrap_err();
        assert!(no.code == Code::Forbidden && no.sentence.contains("their own words"), "{no}");
        assert_eq!(approve(&world, &last).draft.state, DraftState::Approved);
    }

    fn a_closing_that_moves_away_and_back_has_its_checklist_again_but_not_what_a_person_took_back(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let machine = world.machine(&world.team);
        world.set_clock("2026-12-07T18:00:00Z");
        let sweep = || world.act(&machine, checklists).unwrap();
        assert_eq!(sweep(), 1);
        let first = world.write_drafts().remove(0);
        for (closing, begun) in [("2026-12-14", 1), ("2026-12-11", 1), ("2026-12-11", 0)] {
            if begun > 0 {
                world.apply(world.preview(deal, &format!("closing {closing}")).plan_token).unwrap();
            }
            assert_eq!(sweep(), begun, "{closing}");
        }
        let open: Vec<_> = world.drafts(deal).into_iter().filter(|d| !d.state.is_settled()).map(|d| d.id).collect();
        assert_eq!(open, [first.id]);
        world.write_drafts();
        let withdraw = domain::deals::followup::propose::withdraw;
        world.act(&world.team.cora(), |cx| withdraw(cx, first.id, "We call her")).unwrap();
        assert_eq!(sweep(), 0);
    }

    fn the_policy_tells_a_rules_yes_from_a_persons(world: World) {
        set(&world, json!({ "unapproved_follow_ups": ["inspection"] }));
        let deal = world.peopled_deal("12 Oak Street");
        let by_rule = world.draft_for_the_buyer(deal);
        world.complete(world.milestone(deal, "title_search").id);
        let by_person = approve(&world, &world.write_drafts()[0]).queued[0];
        world.claim(100);
        let sentence = approval_step(&world, seen(&world, by_rule.id).messages[0].id);
        assert_eq!(
            sentence,
            "Exactly these words for this address leave by the setting unapproved_follow_ups (inspection); no person approved \
             them."
        );
        assert_eq!(approval_step(&world, by_person), "Exactly these words for this address are approved.");
    }

    fn a_letter_that_waits_for_the_morning_is_taken_back_when_its_milestone_is_reopened(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let inspection = world.milestone(deal, "inspection").id;
        let draft = world.draft_for_the_buyer(deal);
        world.set_clock(LATE);
        let message = approve(&world, &draft).queued[0];
        world.claim(100);
        assert_eq!(world.status(message), Status::Deferred);
        let reopen = EditMilestone { reopen: Some(true), ..EditMilestone::of(inspection) };
        world.act(&world.team.cora(), |cx| edit_milestone(cx, &reopen)).unwrap();
        let now = world.delivery(message).delivery;
        assert_eq!((now.status, now.reason.as_deref()), (Status::Cancelled, Some("The milestone was reopened.")));
        let draft = seen(&world, draft.id);
        assert_eq!((draft.draft.state, draft.reason.as_deref()), (DraftState::Withdrawn, Some("The milestone was reopened.")));
        assert_eq!(draft.messages[0].status, Status::Cancelled);
        let yes = approval_of(&world, draft.draft.approval_id.unwrap());
        assert_eq!((yes.state, yes.reason.as_deref()), (ApprovalState::Withdrawn, Some("The milestone was reopened.")));
        assert_eq!(told_of_taking_back(&world), 2, "Cora, whose deal it is, and Adam, who said yes");
        assert!(world.events(&world.team).iter().any(|name| name == "draft.taken_back"));
        world.complete(inspection);
        let again = world.write_drafts().into_iter().find(|d| d.id == draft.draft.id).unwrap();
        assert_eq!((again.state, again.newest.as_ref().unwrap().version), (DraftState::InReview, 2));
        let second = approve(&world, &again).queued;
        assert_eq!(second.len(), 1);
        assert_ne!(second[0], message);
        world.log_is_whole(&world.team);
    }

    fn what_had_left_stays_and_what_was_just_leaving_does_not_leave_later(world: World) {
        let mut new = peopled("12 Oak Street");
        new.parties.push(party("buyer", "Abe Lee"));
        let deal = world.create(&new);
        let draft = world.draft_for_the_buyer(deal);
        let queued = approve(&world, &draft).queued;
        let first = || world.claim(1).cleared.into_iter().find(|cleared| queued.contains(&cleared.message().id));
        let claimed = (0..100).find_map(|_| first()).expect("no letter leaves");
        let going = claimed.message().id;
        let waiting = *queued.iter().find(|id| **id != going).unwrap();
        world.act(&world.team.cora(), |cx| remove(cx, world.milestone(deal, "inspection").id, None, None)).unwrap();
        assert_eq!((world.status(going), world.status(waiting)), (Status::Sending, Status::Cancelled));
        let detail = seen(&world, draft.id);
        assert_eq!(detail.draft.state, DraftState::Approved);
        let reason = detail.reason.unwrap();
        assert!(reason.starts_with("The milestone was removed. 1 of 2 messages had left or was just leaving"), "{reason}");
        world.settle(&[harness::report(&claimed, world.now(), not_sent(None))]);
        world.hours_pass(1);
        world.claim(100);
        let refused = world.delivery(going).delivery;
        assert_eq!(refused.status, Status::Suppressed);
        assert!(refused.reason.unwrap().contains("The approval of these words is withdrawn."));
    }

    fn a_letter_that_left_is_not_said_to_be_taken_back(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let message = approve(&world, &draft).queued[0];
        world.all_end(&accepted());
        let reopen = EditMilestone { reopen: Some(true), ..EditMilestone::of(world.milestone(deal, "inspection").id) };
        world.act(&world.team.cora(), |cx| edit_milestone(cx, &reopen)).unwrap();
        assert_eq!((world.status(message), seen(&world, draft.id).draft.state), (Status::Sent, DraftState::Approved));
        assert_eq!(told_of_taking_back(&world), 0);
    }

    fn who_is_asked_again_is_told_what_changed(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let first = proposed(&world, &say(deal, "Hello", "All is well.\n\nCall me."));
        let sheet = |approval: ApprovalId| world.look(&world.team.cora(), |cx| sheet::approval(cx, approval)).unwrap().letter.unwrap();
        assert_eq!(sheet(first.approval_id.unwrap()).changed, None);
        let words = EditDraft { id: first.id, version: None, subject: None, body: Some("All is very well.\n\nCall me.".into()) };
        let second = world.act(&world.team.cora(), |cx| edit(cx, &words)).unwrap();
        let changed = sheet(second.approval_id.unwrap()).changed.unwrap();
        let marked: Vec<&str> = changed.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(marked, ["- All is well.", "+ All is very well."]);
        let asked = world.lines(&world.team, "SELECT content AS line FROM messages WHERE kind = 'approval' AND channel = 'email' ORDER BY id DESC");
        assert!(asked[0].contains("was changed and waits for your approval") && asked[0].contains("See what changed with"), "{asked:?}");
    }

    fn approved_letters_that_name_a_date_are_taken_back_when_the_date_moves_and_others_leave(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let dated = proposed(&world, &say(deal, "Your closing", "The closing is on Friday, December 11, 2026."));
        let undated = proposed(&world, &say(deal, "Hello", "All is well."));
        let (dated, undated) = (approve(&world, &dated), approve(&world, &undated));
        let plan = world.preview(deal, "closing 2026-12-18");
        let letters: Vec<&String> = plan.messages_affected.iter().filter(|line| line.starts_with("The letter")).collect();
        assert_eq!(letters, ["The letter \"Your closing\" to Ann Lee was approved and has not left: it is taken back."]);
        world.apply(plan.plan_token).unwrap();
        let gone = world.delivery(dated.queued[0]).delivery;
        assert_eq!((gone.status, gone.reason.as_deref()), (Status::Cancelled, Some("The dates of the deal moved.")));
        assert_eq!(seen(&world, dated.draft.id).draft.state, DraftState::Withdrawn);
        assert_eq!(world.status(undated.queued[0]), Status::Queued);
        assert_eq!(told_of_taking_back(&world), 2);
    }

    fn an_approved_letter_is_taken_back_when_a_milestone_in_it_gets_another_date_or_the_deal_another_address(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let walk = world.milestone(deal, "final_walkthrough");
        let on = walk.due_on.unwrap().strftime("%A, %B %-d, %Y").to_string();
        let letter = proposed(&world, &say(deal, "The walkthrough", &format!("The walkthrough is on {on}.")));
        let message = approve(&world, &letter).queued[0];
        let later = EditMilestone { due_on: Some("2026-12-07".into()), ..EditMilestone::of(walk.id) };
        world.act(&world.team.cora(), |cx| edit_milestone(cx, &later)).unwrap();
        assert_eq!(world.status(message), Status::Cancelled);
        let address = world.detail(deal).deal.address;
        let letter = proposed(&world, &say(deal, "Keys", &format!("The keys are at {address}.")));
        let message = approve(&world, &letter).queued[0];
        let moved = EditDeal { address: Some("14 Elm Avenue, Springfield, IL 62701".into()), ..EditDeal::of(deal) };
        world.act(&world.team.cora(), |cx| edit_deal(cx, &moved)).unwrap();
        assert_eq!(world.status(message), Status::Cancelled);
    }

    fn a_deal_that_is_cancelled_takes_all_its_letters_back_at_once(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let message = approve(&world, &draft).queued[0];
        world.complete(world.milestone(deal, "title_search").id);
        world.act(&world.team.cora(), |cx| end(cx, deal, DealStatus::Cancelled, Some("Fell through"))).unwrap();
        let now = world.delivery(message).delivery;
        assert_eq!((now.status, now.reason.as_deref()), (Status::Cancelled, Some("The deal was cancelled.")));
        let drafts = world.drafts(deal);
        assert!(drafts.iter().all(|d| d.state == DraftState::Withdrawn), "{drafts:?}");
        assert!(drafts.iter().all(|d| seen(&world, d.id).reason.unwrap() == "The deal was cancelled."));
        let open = world.look(&world.team.cora(), |cx| approval::ops::list(cx, &Default::default())).unwrap();
        assert_eq!(open.items, []);
        assert_eq!(world.write_drafts().len(), 0);
    }

    fn a_deal_that_is_closed_still_says_that_it_is_and_nothing_of_what_to_prepare(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        world.set_clock("2026-12-04T18:00:00Z");
        let machine = world.machine(&world.team);
        world.act(&machine, checklists).unwrap();
        let checklist = world.write_drafts().remove(0);
        let message = approve(&world, &checklist).queued[0];
        for type_ in ["inspection", "closing"] {
            world.complete(world.milestone(deal, type_).id);
        }
        world.write_drafts();
        world.act(&world.team.cora(), |cx| end(cx, deal, DealStatus::Closed, None)).unwrap();
        assert_eq!(world.status(message), Status::Cancelled);
        let closing = Some(world.milestone(deal, "closing").id);
        for draft in world.drafts(deal) {
            let about_it = draft.milestone_id == closing;
            let expected = if about_it { DraftState::InReview } else { DraftState::Withdrawn };
            assert_eq!(draft.state, expected, "{draft:?}");
        }
        let thanks = world.drafts(deal).into_iter().find(|d| d.milestone_id == closing).unwrap();
        assert_eq!(approve(&world, &thanks).draft.state, DraftState::Approved);
    }

    fn an_approval_shows_exactly_what_would_leave_and_what_the_policy_would_say(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let first = draft.approval_id.unwrap();
        let other = EditDraft { id: draft.id, version: None, subject: None, body: Some("It is done. See the wiring instructions.".into()) };
        let edited = world.act(&world.team.cora(), |cx| edit(cx, &other)).unwrap();
        world.set_clock(LATE);
        let shown = world.look(&world.team.cora(), |cx| sheet::approval(cx, edited.approval_id.unwrap())).unwrap();
        let letter = shown.letter.unwrap();
        assert_eq!((letter.version, letter.messages.len()), (2, 1));
        let message = &letter.messages[0];
        assert_eq!(message.recipient.address, "ann@example.org");
        assert!(message.content.text.starts_with("Hello Ann Lee,\n\nIt is done. See the wiring instructions.\n\nCora Castillo"));
        let policy = message.policy.as_ref().unwrap();
        assert_eq!((policy.verdict, policy.next_allowed_at), (Verdict::Defer, Some("2026-10-15T14:00:00Z".parse().unwrap())));
        assert!(letter.findings.iter().any(|f| f.kind == FindingKind::Risk && f.why.contains("instructions for a wire")));
        assert!(shown.detail.approval.waiting_for.iter().any(|m| m.name == "Adam Adler"));
        let before = world.look(&world.team.cora(), |cx| sheet::approval(cx, first)).unwrap().letter.unwrap();
        assert_eq!(before.version, 1, "an older approval shows what it was about");
        assert!(before.messages[0].policy.is_none() && !before.messages[0].content.text.contains("wiring instructions."));
        let done = approve(&world, &edited);
        let after = world.look(&world.team.cora(), |cx| sheet::approval(cx, edited.approval_id.unwrap())).unwrap().letter.unwrap();
        assert_eq!(after.deliveries.iter().map(|d| d.id).collect::<Vec<_>>(), done.queued);
        assert_eq!(after.deliveries[0].content_hash, message.content_hash);
        let robot = world.agent(&world.team, Grant::Read);
        let masked = world.look(&robot, |cx| sheet::approval(cx, first)).unwrap();
        assert!(!serde_json::to_string(&masked).unwrap().contains("ann@example.org"));
    }

    fn a_draft_shows_what_became_of_it(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        assert_eq!(seen(&world, draft.id).messages, []);
        let queued = approve(&world, &draft).queued;
        world.all_end(&accepted());
        let detail = seen(&world, draft.id);
        assert_eq!((detail.messages[0].id, detail.messages[0].status), (queued[0], Status::Sent));
        assert_eq!(detail.reason.as_deref(), Some("Approved by Adam Adler."));
        for wanted in [
            ListDeliveries { draft_id: Some(draft.id), ..Default::default() },
            ListDeliveries { approval_id: draft.approval_id, ..Default::default() },
            ListDeliveries { batch_id: detail.batch_id, ..Default::default() },
        ] {
            assert_eq!(deliveries(&world, &wanted).iter().map(|d| d.id).collect::<Vec<_>>(), queued, "{wanted:?}");
        }
    }

    fn the_letters_of_one_completion_are_a_batch_that_can_be_taken_back(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        world.complete(world.milestone(deal, "inspection").id);
        let drafts = world.write_drafts();
        let queued: Vec<MessageId> = drafts.iter().flat_map(|draft| approve(&world, draft).queued).collect();
        let mut batches: Vec<BatchId> = drafts.iter().map(|d| seen(&world, d.id).batch_id.unwrap()).collect();
        batches.dedup();
        assert_eq!((drafts.len(), batches.len()), (4, 1));
        let claimed = world.claim(1).cleared.remove(0);
        world.settle(&[harness::report(&claimed, world.now(), accepted())]);
        let no = world.act(&world.team.as_(Role::Viewer), |cx| cancel_batch(cx, batches[0], None)).unwrap_err();
        assert_eq!(no.code, Code::Forbidden);
        let done = world.act(&world.team.cora(), |cx| cancel_batch(cx, batches[0], Some("Wrong week"))).unwrap();
        assert_eq!((done.cancelled.len(), done.others.clone()), (3, vec![claimed.message().id]));
        assert!(done.cancelled.iter().all(|id| queued.contains(id) && world.status(*id) == Status::Cancelled));
        let again = world.act(&world.team.cora(), |cx| cancel_batch(cx, batches[0], None)).unwrap();
        assert_eq!((again.cancelled.len(), again.others.len()), (0, 4));
        let never = world.act(&world.team.cora(), |cx| cancel_batch(cx, unknown_id(), None)).unwrap_err();
        assert_eq!(never.code, Code::NotFound);
    }

    fn a_letter_leaves_when_somebody_said_and_the_preview_says_what_the_policy_thinks_of_that(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let monday = "2026-10-19T16:00:00Z".parse().unwrap();
        let mut new = say(deal, "Hello", "All is well.");
        for (at, why) in [("2026-10-14T14:59:59Z", "in the past"), ("2026-10-21T15:00:01Z", "more than 7 days")] {
            new.send_at = Some(at.parse().unwrap());
            let no: Refusal = world.act(&world.team.cora(), |cx| propose(cx, &new)).unwrap_err();
            assert!(no.problems[0].field == "send_at" && no.problems[0].sentence.contains(why), "{no}");
        }
        new.send_at = Some(monday);
        let draft = proposed(&world, &new);
        let shown = world.look(&world.team.cora(), |cx| sheet::preview(cx, draft.id, None)).unwrap();
        let policy = shown.messages[0].policy.clone().unwrap();
        assert_eq!((shown.send_at, policy.at, policy.verdict), (Some(monday), monday, Verdict::Allow));
        let night = "2026-10-20T03:30:00Z".parse().unwrap();
        let shown = world.look(&world.team.cora(), |cx| sheet::preview(cx, draft.id, Some(night))).unwrap();
        assert_eq!(shown.messages[0].policy.as_ref().unwrap().next_allowed_at, Some("2026-10-20T14:00:00Z".parse().unwrap()));
        let reject = Decide { send_at: Some(night), feedback: Some("No".into()), ..Decide::of(draft.approval_id.unwrap(), Choice::Reject) };
        assert_eq!(world.act(&world.team.as_(Role::Admin), |cx| decide(cx, &reject)).unwrap_err().problems[0].field, "send_at");
        let yes = Decide { send_at: Some(night), ..Decide::of(draft.approval_id.unwrap(), Choice::Approve) };
        let message = world.act(&world.team.as_(Role::Admin), |cx| decide(cx, &yes)).unwrap().queued[0];
        assert_eq!(world.delivery(message).delivery.due_at, night);
        assert_eq!(seen(&world, draft.id).send_at, Some(night));
        assert!(world.events(&world.team).iter().any(|name| name == "draft.timed"));
        assert!(world.claim(100).cleared.is_empty());
        world.set_clock("2026-10-20T03:30:00Z");
        world.claim(100);
        assert_eq!(world.status(message), Status::Deferred);
        world.set_clock("2026-10-20T14:00:00Z");
        assert_eq!(world.claim(100).cleared[0].message().id, message);
    }

    fn each_recipient_gets_the_letter_by_their_own_way_and_who_gets_nothing_is_named(world: World) {
        let mut new = peopled("12 Oak Street");
        let with_phone = |name: &str, phone: &str| NewParty {
            role: "buyer".into(), name: name.into(), phone: Some(phone.into()), ..NewParty::default()
        };
        new.parties.push(with_phone("Tess Texter", "+13125550101"));
        new.parties.push(with_phone("Nora Nothing", "+13125550102"));
        let deal = world.create(&new);
        let tess = world.look(&world.team.cora(), |cx| view::find(cx, "+13125550101")).unwrap()[0].id;
        let consent = SetConsent { contact_id: tess, channel: Channel::Sms, given: true, evidence: "a form".into() };
        world.act(&world.team.cora(), |cx| set_consent(cx, &consent)).unwrap();
        let draft = world.draft_for_the_buyer(deal);
        assert_eq!(draft.state, DraftState::InReview);
        let newest = draft.newest.as_ref().unwrap();
        let ways: Vec<_> = newest.recipients.iter().map(|r| (r.name.as_str(), r.channel, r.address.as_str())).collect();
        assert_eq!(ways, [("Ann Lee", Channel::Email, "ann@example.org"), ("Tess Texter", Channel::Sms, "+13125550101")]);
        let left_out: Vec<_> = newest.findings.iter().filter(|f| f.why.contains("Nora Nothing is not sent this")).collect();
        assert!(left_out.len() == 1 && !left_out[0].blocks, "{:?}", newest.findings);
        let shown = world.look(&world.team.cora(), |cx| sheet::preview(cx, draft.id, None)).unwrap().messages;
        let text = &shown[1].content;
        assert!(text.html.is_none() && text.attachments.is_empty() && text.text.ends_with("Cora Castillo, lakeside Realty"), "{text:?}");
        let bill = shown[1].sms.as_ref().expect("what the text takes is shown before it is approved");
        assert!((1..=4).contains(&bill.segments) && shown[0].sms.is_none(), "{bill:?}");
        let queued = approve(&world, &draft).queued;
        let mut sent: Vec<_> = queued.iter().map(|id| world.delivery(*id)).map(|d| (d.delivery.channel, d.text, d.delivery.content_hash)).collect();
        sent.sort();
        let mut expected: Vec<_> = shown.into_iter().map(|m| (m.recipient.channel, m.content.text, m.content_hash)).collect();
        expected.sort();
        assert_eq!(sent, expected, "each way's bytes are approved");
        let left = world.claim(100).cleared.into_iter().filter(|cleared| matches!(cleared.message().to, domain::delivery::To::Contact(_)));
        assert_eq!(left.count(), 2);
    }

    fn a_letter_with_days_ahead_brings_them_as_a_file_that_is_approved_with_it(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let shown = world.look(&world.team.cora(), |cx| sheet::preview(cx, draft.id, None)).unwrap().messages.remove(0);
        let file = &shown.content.attachments[0];
        assert_eq!((shown.content.attachments.len(), file.name.as_str()), (1, "dates.ics"));
        let next = world.milestone(deal, "repair_request");
        assert!(file.text.contains(&format!("UID:{}@milepost\r\n", next.id)), "{}", file.text);
        assert!(file.text.contains(&format!("DTSTART;VALUE=DATE:{}\r\n", next.due_on.unwrap().strftime("%Y%m%d"))));
        assert!(!file.text.contains("Ann") && !file.text.contains('@') || file.text.matches('@').count() == file.text.matches("@milepost").count());
        let without = domain::delivery::Content { attachments: Vec::new(), ..shown.content.clone() };
        assert_ne!(without.hash(Channel::Email, &shown.recipient.address), shown.content_hash);
        let message = approve(&world, &draft).queued[0];
        assert_eq!(world.delivery(message).delivery.content_hash, shown.content_hash);
        world.set_clock("2026-12-04T18:00:00Z");
        world.act(&world.machine(&world.team), checklists).unwrap();
        let checklist = world.write_drafts().into_iter().find(|d| d.kind == DraftKind::Checklist).unwrap();
        let shown = world.look(&world.team.cora(), |cx| sheet::preview(cx, checklist.id, None)).unwrap().messages.remove(0);
        let text = &shown.content.attachments[0].text;
        assert!(text.contains("SUMMARY:Closing\r\n") && text.contains("DTSTART;VALUE=DATE:20261211\r\nDTEND;VALUE=DATE:20261212\r\n"), "{text}");
        let edited = EditDraft { id: checklist.id, version: None, subject: None, body: Some("See you soon.".into()) };
        let edited = world.act(&world.team.cora(), |cx| edit(cx, &edited)).unwrap();
        approve(&world, &edited);
        let own = proposed(&world, &say(deal, "Hello", "All is well."));
        let shown = world.look(&world.team.cora(), |cx| sheet::preview(cx, own.id, None)).unwrap().messages.remove(0);
        assert_eq!(shown.content.attachments, [], "a person's own words bring nothing that they did not say");
    }

    fn a_letter_whose_file_names_a_day_that_moved_is_not_approved(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let next = world.milestone(deal, "repair_request").id;
        let body = Some("Next is the Repair request deadline.".into());
        let undated = EditDraft { id: draft.id, version: None, subject: Some("Done".into()), body };
        let undated = world.act(&world.team.cora(), |cx| edit(cx, &undated)).unwrap();
        let later = EditMilestone { due_on: Some("2026-11-20".into()), ..EditMilestone::of(next) };
        world.act(&world.team.cora(), |cx| edit_milestone(cx, &later)).unwrap();
        let yes = Decide::of(undated.approval_id.unwrap(), Choice::Approve);
        let no = world.act(&world.team.as_(Role::Admin), |cx| decide(cx, &yes)).unwrap_err();
        assert_eq!(no.code, Code::Stale, "{no}");
    }
}
