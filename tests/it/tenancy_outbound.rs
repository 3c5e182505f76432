//! A workspace never reads, changes or infers what another sends, approves, drafts, or knows of people.

use domain::deals::deal::{PartyRole, parties};
use domain::deals::followup::propose::{EditDraft, ProposeDraft};
use domain::deals::followup::review::Decide;
use domain::deals::followup::{ops as drafts, propose, review, sheet};
use domain::deals::reminder::ops as reminders;
use domain::delivery::outbox::{Outcome, Resolution, ops as hands, view as deliveries};
use domain::delivery::policy::ops as policy;
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::delivery::webhook::ops as hooks;
use domain::delivery::webhook::target::Allowed;
use domain::delivery::{NewMessage, Purpose, To, feed, gone, trial};
use domain::kernel::id::{
    ApprovalId, BatchId, ContactId, DealId, DecisionId, DraftId, EndpointId, GoneAddressId, MemberId, MessageId,
    NotificationId,
};
use domain::kernel::page::Ask;
use domain::kernel::{Code, Cx, No, Principal, Refusal};
use domain::people::contact;
use domain::people::contact::standing::{Via, ops as standing};
use domain::people::reach::{self, Channel, Person, Preferences};
use domain::workspace::access::Role;
use domain::workspace::approval::ops::{self as approvals, CastVote, ListApprovals};
use domain::workspace::approval::{Approver, Choice, NewApproval, Rule, Stage};
use harness::{World, on_both, unclear, unknown_id};
use host::keys::Keys;

/// The ids of one workspace that another may get hold of.
#[derive(Clone, Copy)]
struct Ids {
    deal: DealId,
    draft: DraftId,
    approval: ApprovalId,
    batch: BatchId,
    queued: MessageId,
    failed: MessageId,
    unknown: MessageId,
    decision: DecisionId,
    notification: NotificationId,
    endpoint: EndpointId,
    gone: GoneAddressId,
    contact: ContactId,
    member: MemberId,
}

fn ids(world: &World) -> Ids {
    let deal = world.peopled_deal("12 Oak Street");
    let draft = world.draft_for_the_buyer(deal);
    let owner = world.team.members[&Role::Owner].id;
    let unknown = world.queue("unknown", Channel::Email, "ann@example.org");
    world.all_end(&unclear());
    let failed = world.queue("failed", Channel::Webhook, "https://hooks.example.com/");
    world.all_end(&Outcome::Refused { why: "There is nobody".into(), gone: false });
    world.queue("gone", Channel::Discord, "77");
    world.all_end(&Outcome::Refused { why: "404".into(), gone: true });
    let closed = world.look(&world.team.cora(), |cx| gone::ops::list(cx, &Ask::default())).unwrap();
    let shown = harness::message("shown", Channel::InApp, "", world.now());
    world.enqueue(&world.team, &[NewMessage { to: To::Member(owner), ..shown }]);
    world.claim(10);
    let batch = BatchId(world.host.mint());
    let one = harness::message("batch", Channel::Email, "ann@example.org", world.now());
    world.enqueue(&world.team, &[NewMessage { batch_id: Some(batch), ..one }]);
    let queued = world.queue("queued", Channel::Email, "ann@example.org");
    let feed = world.look(&world.team.as_(Role::Owner), |cx| feed::ops::list(cx, false, &Ask::default())).unwrap();
    let hook = hooks::AddEndpoint {
        url: "https://hooks.example.com/milepost".into(),
        events: vec!["*".into()],
        headers: Default::default(),
    };
    let endpoint = world
        .act(&world.team.as_(Role::Admin), |cx| hooks::add(cx, &hook, &Allowed::default(), &Keys::of([7; 32])))
        .unwrap();
    Ids {
        deal,
        draft: draft.id,
        approval: draft.approval_id.unwrap(),
        batch,
        queued,
        failed,
        unknown,
        decision: world.delivery(failed).decisions[0].id,
        notification: feed.notifications.items[0].id,
        endpoint: endpoint.id,
        gone: closed.items[0].id,
        contact: draft.newest.unwrap().recipients[0].contact_id,
        member: world.team.members[&Role::Member].id,
    }
}

fn nobodys() -> Ids {
    Ids {
        deal: unknown_id(),
        draft: unknown_id(),
        approval: unknown_id(),
        batch: unknown_id(),
        queued: unknown_id(),
        failed: unknown_id(),
        unknown: unknown_id(),
        decision: unknown_id(),
        notification: unknown_id(),
        endpoint: unknown_id(),
        gone: unknown_id(),
        contact: unknown_id(),
        member: unknown_id(),
    }
}

type Verb = fn(&mut Cx<'_>, Ids) -> Result<(), No>;

fn letter(deal_id: DealId) -> ProposeDraft {
    let role = Some("buyer".into());
    ProposeDraft { deal_id, role, contact_id: None, subject: "Ours".into(), body: "Ours".into(), send_at: None }
}

fn decide(approval_id: ApprovalId, choice: Choice) -> Decide {
    Decide { approval_id, choice, feedback: Some("Ours".into()), despite: None, send_at: None, etag: None }
}

/// Every verb that takes an id, each with a command that succeeds at home.
const VERBS: &[(&str, Verb)] = &[
    ("approval get", |cx, ids| approvals::get(cx, ids.approval).map(drop)),
    ("approval show", |cx, ids| sheet::approval(cx, ids.approval).map(drop)),
    ("approval vote", |cx, ids| {
        approvals::vote(cx, &CastVote { id: ids.approval, choice: Choice::Approve, feedback: None, etag: None })
            .map(drop)
    }),
    ("approval withdraw", |cx, ids| approvals::withdraw(cx, ids.approval, "Ours").map(drop)),
    ("draft approve", |cx, ids| review::decide(cx, &decide(ids.approval, Choice::Approve)).map(drop)),
    ("draft reject", |cx, ids| review::decide(cx, &decide(ids.approval, Choice::Reject)).map(drop)),
    ("draft send back", |cx, ids| review::decide(cx, &decide(ids.approval, Choice::RequestChanges)).map(drop)),
    ("draft get", |cx, ids| drafts::get(cx, ids.draft).map(drop)),
    ("draft preview", |cx, ids| sheet::preview(cx, ids.draft, None).map(drop)),
    ("draft list", |cx, ids| {
        drafts::list(cx, &drafts::ListDrafts { deal_id: Some(ids.deal), ..Default::default() }).map(drop)
    }),
    ("draft propose", |cx, ids| propose::propose(cx, &letter(ids.deal)).map(drop)),
    ("draft edit", |cx, ids| {
        let cmd = EditDraft { id: ids.draft, version: None, subject: Some("Ours".into()), body: None };
        propose::edit(cx, &cmd).map(drop)
    }),
    ("draft withdraw", |cx, ids| propose::withdraw(cx, ids.draft, "Ours").map(drop)),
    ("delivery get", |cx, ids| deliveries::get(cx, ids.queued).map(drop)),
    ("delivery detail", |cx, ids| deliveries::detail(cx, ids.failed).map(drop)),
    ("delivery cancel", |cx, ids| hands::cancel(cx, ids.queued, Some("Ours")).map(drop)),
    ("delivery cancel batch", |cx, ids| hands::cancel_batch(cx, ids.batch, Some("Ours")).map(drop)),
    ("delivery reschedule", |cx, ids| {
        let at = cx.now();
        hands::reschedule(cx, ids.queued, at).map(drop)
    }),
    ("delivery replay", |cx, ids| hands::replay(cx, ids.failed).map(drop)),
    ("delivery resolve as sent", |cx, ids| hands::resolve(cx, ids.unknown, Resolution::Sent).map(drop)),
    ("delivery resolve by sending", |cx, ids| hands::resolve(cx, ids.unknown, Resolution::SendAgain).map(drop)),
    ("delivery bounced", |cx, ids| hands::bounced(cx, ids.unknown, "Ours", false).map(drop)),
    ("delivery reopen", |cx, ids| gone::ops::reopen(cx, ids.gone).map(drop)),
    ("decisions of a message", |cx, ids| policy::decisions_of(cx, ids.failed).map(drop)),
    ("decision replay", |cx, ids| policy::replay(cx, ids.decision).map(drop)),
    ("policy preview", |cx, ids| {
        let cmd = policy::PreviewPolicy {
            contact_id: Some(ids.contact),
            email: None,
            phone: None,
            channel: Channel::Email,
            purpose: Purpose::Transactional,
            topic: None,
            text: None,
            at: None,
        };
        policy::preview(cx, &cmd).map(drop)
    }),
    ("notifications read", |cx, ids| feed::ops::mark_read(cx, Some(&[ids.notification])).map(drop)),
    ("endpoint get", |cx, ids| hooks::get(cx, ids.endpoint).map(drop)),
    ("endpoint change", |cx, ids| {
        let events = Some(vec!["deal.*".into()]);
        let cmd = hooks::ChangeEndpoint { id: ids.endpoint, version: None, events, headers: None };
        hooks::change(cx, &cmd, &Keys::of([7; 32])).map(drop)
    }),
    ("endpoint rotate", |cx, ids| {
        hooks::rotate(cx, &hooks::RotateSecret { id: ids.endpoint, at_once: true }).map(drop)
    }),
    ("endpoint disable", |cx, ids| {
        hooks::disable(cx, &hooks::DisableEndpoint { id: ids.endpoint, why: "Ours".into() }).map(drop)
    }),
    ("endpoint enable", |cx, ids| {
        hooks::enable(cx, &hooks::EnableEndpoint { id: ids.endpoint, after: None }).map(drop)
    }),
    ("endpoint remove", |cx, ids| hooks::remove(cx, ids.endpoint).map(drop)),
    ("send test to an endpoint", |cx, ids| {
        let cmd = trial::SendTest { channel: Channel::Webhook, to: Some(ids.endpoint.to_string()) };
        trial::send(cx, &cmd).map(drop)
    }),
    ("contact get", |cx, ids| contact::view::get(cx, ids.contact).map(drop)),
    ("contact opt out", |cx, ids| {
        let cmd = standing::OptOut { contact_id: ids.contact, via: Via::Phone, why: String::new() };
        standing::opt_out(cx, &cmd).map(drop)
    }),
    ("contact consents", |cx, ids| {
        let (contact_id, evidence) = (ids.contact, "Ours".into());
        let cmd = standing::SetConsent { contact_id, channel: Channel::Sms, given: true, evidence };
        standing::set_consent(cx, &cmd).map(drop)
    }),
    ("contact consents no more", |cx, ids| {
        let (contact_id, evidence) = (ids.contact, String::new());
        let cmd = standing::SetConsent { contact_id, channel: Channel::Sms, given: false, evidence };
        standing::set_consent(cx, &cmd).map(drop)
    }),
    ("contact edit", |cx, ids| {
        let cmd =
            contact::ops::EditContact { name: Some("Ours".into()), ..contact::ops::EditContact::of(ids.contact) };
        parties::edit_contact(cx, &cmd).map(drop)
    }),
    ("deal party add", |cx, ids| {
        let who = parties::Who::Known { role: PartyRole::Other, contact_id: ids.contact };
        parties::add_party(cx, &parties::AddParty { deal_id: ids.deal, version: None, who })
    }),
    ("deal party remove", |cx, ids| {
        let (deal_id, contact_id) = (ids.deal, ids.contact);
        let cmd = parties::RemoveParty { deal_id, version: None, role: PartyRole::Buyer, contact_id };
        parties::remove_party(cx, &cmd)
    }),
    ("contact take over", |cx, ids| standing::take_over(cx, ids.contact).map(drop)),
    ("contact release", |cx, ids| standing::release(cx, ids.contact).map(drop)),
    ("preferences of a member", |cx, ids| reach::ops::show(cx, Person::Member(ids.member)).map(drop)),
    ("preferences of a contact", |cx, ids| reach::ops::show(cx, Person::Contact(ids.contact)).map(drop)),
    ("preferences set for a member", |cx, ids| {
        reach::ops::set(cx, Person::Member(ids.member), &Preferences::default(), None).map(drop)
    }),
    ("preferences set for a contact", |cx, ids| {
        reach::ops::set(cx, Person::Contact(ids.contact), &Preferences::default(), None).map(drop)
    }),
    ("reminder list", |cx, ids| {
        let cmd = reminders::ListReminders { deal_id: Some(ids.deal), ask: Ask::default() };
        reminders::list(cx, &cmd).map(drop)
    }),
];

/// How a verb ends at home, undone at once.
fn at_home(world: &World, who: &Principal, verb: Verb, ids: Ids) -> Result<(), String> {
    let mut ended = Ok(());
    let _ = world.act(who, |cx| -> Result<(), No> {
        ended = verb(cx, ids).map_err(|no| match no {
            No::Refusal(no) => no.to_string(),
            No::Fault(fault) => fault.to_string(),
        });
        Err(Refusal::not_found("reason to keep this").into())
    });
    ended
}

fn bytes(no: &Refusal) -> String {
    serde_json::to_string(no).unwrap()
}

on_both! {
    fn what_another_sends_and_approves_is_answered_byte_for_byte_like_what_never_was(world: World) {
        let (theirs, stranger) = (ids(&world), world.found("harbor", "harbor.example").as_(Role::Owner));
        let before = world.everything(&world.team);
        for (what, verb) in VERBS {
            let foreign = world.act(&stranger, |cx| verb(cx, theirs)).unwrap_err();
            let never = world.act(&stranger, |cx| verb(cx, nobodys())).unwrap_err();
            assert_eq!(never.code, Code::NotFound, "{what}: {never}");
            assert_eq!(bytes(&foreign), bytes(&never), "{what}");
        }
        assert_eq!(world.everything(&world.team), before);
        // The same commands are no accident: at home each of them works.
        for (what, verb) in VERBS {
            assert_eq!(at_home(&world, &world.team.as_(Role::Owner), *verb, theirs), Ok(()), "{what}");
        }
        assert_eq!(world.everything(&world.team), before);
    }

    fn a_stranger_cannot_be_named_as_one_of_the_team(world: World) {
        let theirs = ids(&world);
        let stranger = world.found("harbor", "harbor.example").as_(Role::Owner);
        let escalate = |member: MemberId| {
            let path = serde_json::json!([format!("member:{member}")]);
            let set = serde_json::Map::from_iter([("escalation_path".to_owned(), path)]);
            world.act(&stranger, |cx| edit_settings(cx, &EditSettings { version: None, set: set.clone() }))
        };
        let never: MemberId = unknown_id();
        let (foreign, unknown) = (escalate(theirs.member).unwrap_err(), escalate(never).unwrap_err());
        assert_eq!((foreign.code, bytes(&foreign)), (Code::Invalid, bytes(&unknown)));
        let own = MemberId(stranger.actor.id.unwrap());
        escalate(own).unwrap();

        let ask = |member: MemberId| {
            let new = NewApproval {
                subject_kind: "launch".into(),
                subject_id: theirs.draft.0,
                subject_version: 1,
                title: "Ours".into(),
                covers: vec!["hash".into()],
                author: None,
                stages: vec![Stage::of(vec![Approver::Member(member)], Rule::Any)],
                risky: true,
            };
            world.act(&stranger, |cx| approvals::request(cx, &new))
        };
        let (foreign, unknown) = (ask(theirs.member).unwrap_err(), ask(never).unwrap_err());
        // The sentence may repeat the id that was asked about.
        let without = |no: &Refusal, id: MemberId| bytes(no).replace(&id.to_string(), "ID");
        assert_eq!(without(&foreign, theirs.member), without(&unknown, never));
        assert_eq!(foreign.code, Code::Invalid);
    }

    fn nobody_sends_to_people_of_another_workspace(world: World) {
        let theirs = ids(&world);
        let team = world.found("harbor", "harbor.example");
        let deal = {
            let new = harness::peopled("1 Pier");
            world.act(&team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap()
        };
        let to = |contact: ContactId| {
            let cmd = ProposeDraft { role: None, contact_id: Some(contact), ..letter(deal) };
            world.act(&team.as_(Role::Owner), |cx| propose::propose(cx, &cmd)).unwrap_err()
        };
        assert_eq!(bytes(&to(theirs.contact)), bytes(&to(unknown_id())));
    }

    fn lists_of_messages_and_approvals_show_nothing_of_another_workspace(world: World) {
        let theirs = ids(&world);
        let owner = world.found("harbor", "harbor.example").as_(Role::Owner);
        let any = deliveries::ListDeliveries::default();
        for wanted in [
            any.clone(),
            deliveries::ListDeliveries { deal_id: Some(theirs.deal), ..any.clone() },
            deliveries::ListDeliveries { contact_id: Some(theirs.contact), ..any.clone() },
            deliveries::ListDeliveries { member_id: Some(theirs.member), ..any.clone() },
            deliveries::ListDeliveries { approval_id: Some(theirs.approval), ..any.clone() },
            deliveries::ListDeliveries { draft_id: Some(theirs.draft), ..any.clone() },
            deliveries::ListDeliveries { batch_id: Some(theirs.batch), ..any },
        ] {
            let page = world.look(&owner, |cx| deliveries::list(cx, &wanted, &Ask::default())).unwrap();
            assert_eq!(page.items, [], "{wanted:?}");
        }
        for waiting_for in [None, Some(theirs.member)] {
            let wanted = ListApprovals { waiting_for, ..Default::default() };
            assert_eq!(world.look(&owner, |cx| approvals::list(cx, &wanted)).unwrap().items, []);
        }
        assert_eq!(world.look(&owner, |cx| drafts::list(cx, &Default::default())).unwrap().items, []);
        assert_eq!(world.look(&owner, |cx| reminders::list(cx, &Default::default())).unwrap().items.len(), 0);
        assert_eq!(world.look(&owner, |cx| feed::ops::list(cx, false, &Ask::default())).unwrap().unread, 0);
        assert_eq!(world.look(&owner, |cx| gone::ops::list(cx, &Ask::default())).unwrap().items, []);
        assert_eq!(world.look(&owner, hooks::list).unwrap().len(), 0);
        assert_eq!(world.look(&owner, |cx| contact::view::find(cx, "ann@example.org")).unwrap().len(), 0);
    }
}
