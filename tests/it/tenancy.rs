//! A workspace never reads, changes or infers what another has.

use domain::deals::deal::DealStatus;
use domain::deals::deal::key_dates::{apply, latest_undo, preview};
use domain::deals::deal::ops::{EditDeal, confirm, edit as edit_deal, end};
use domain::deals::deal::view::{ListDeals, get as get_deal, list as list_deals};
use domain::deals::milestone;
use domain::deals::milestone::ops::{
    AddMilestone, CompleteMilestone, EditMilestone, ListMilestones, WaiveMilestone, add, complete, edit, explain,
    get, list, remove, waive,
};
use domain::deals::reminder::snooze::{SnoozeMilestone, snooze};
use domain::delivery::notify::account;
use domain::kernel::id::{DealId, IdentityId, MemberId, MilestoneId, PlanId, TokenId};
use domain::kernel::{Code, Cx, No, Principal, Refusal};
use domain::people::chat::ops as chat;
use domain::workspace::access::identity::{LinkIdentity, link, unlink};
use domain::workspace::access::ops::{CreateToken, For, create_token, revoke_token};
use domain::workspace::access::{Grant, Role};
use domain::workspace::member::{self, MemberStatus};
use harness::{World, on_both, unknown_id};

/// The ids of one workspace that another may get hold of.
#[derive(Clone, Copy)]
struct Ids {
    deal: DealId,
    milestone: MilestoneId,
    plan: PlanId,
    member: MemberId,
    token: TokenId,
    identity: IdentityId,
}

type Verb = fn(&mut Cx<'_>, Ids) -> Result<(), No>;

/// Every verb that takes an id, each with a command that would succeed at home.
const VERBS: &[(&str, Verb)] = &[
    ("deal get", |cx, ids| get_deal(cx, ids.deal).map(drop)),
    ("deal confirm", |cx, ids| confirm(cx, ids.deal).map(drop)),
    ("deal close", |cx, ids| end(cx, ids.deal, DealStatus::Closed, None).map(drop)),
    ("deal cancel", |cx, ids| end(cx, ids.deal, DealStatus::Cancelled, None).map(drop)),
    ("deal edit", |cx, ids| edit_deal(cx, &EditDeal { title: Some("Ours".into()), ..EditDeal::of(ids.deal) })),
    ("deal edit of a version", |cx, ids| {
        edit_deal(cx, &EditDeal { title: Some("Ours".into()), version: Some(2), ..EditDeal::of(ids.deal) })
    }),
    ("deal edit of a status", |cx, ids| {
        edit_deal(cx, &EditDeal { status: Some("closed".into()), ..EditDeal::of(ids.deal) })
    }),
    ("key dates preview", |cx, ids| preview(cx, &harness::change(ids.deal, "closing 2026-12-18")).map(drop)),
    ("key dates undo", |cx, ids| latest_undo(cx, ids.deal).map(drop)),
    ("key dates apply", |cx, ids| apply(cx, ids.plan).map(drop)),
    ("milestone get", |cx, ids| get(cx, ids.milestone).map(drop)),
    ("milestone explain", |cx, ids| explain(cx, ids.milestone).map(drop)),
    ("milestone suggest", |cx, ids| milestone::view::suggest(cx, Some(ids.deal), "", true).map(drop)),
    ("milestone list", |cx, ids| {
        list(cx, &ListMilestones { deal_id: Some(ids.deal), ..ListMilestones::default() }).map(drop)
    }),
    ("milestone add", |cx, ids| {
        let (responsible_role, remind_days_before, required, notes) = (None, None, None, None);
        let (title, due_on) = ("Ours".into(), "2026-12-01".into());
        let deal_id = ids.deal;
        let cmd = AddMilestone { deal_id, title, due_on, responsible_role, remind_days_before, required, notes };
        add(cx, &cmd).map(drop)
    }),
    ("milestone edit", |cx, ids| {
        edit(cx, &EditMilestone { title: Some("Ours".into()), ..EditMilestone::of(ids.milestone) }).map(drop)
    }),
    ("milestone edit of a version", |cx, ids| {
        let cmd =
            EditMilestone { title: Some("Ours".into()), version: Some(7), ..EditMilestone::of(ids.milestone) };
        edit(cx, &cmd).map(drop)
    }),
    ("milestone complete", |cx, ids| {
        complete(cx, &CompleteMilestone { id: ids.milestone, version: None, note: None }).map(drop)
    }),
    ("milestone waive", |cx, ids| {
        waive(cx, &WaiveMilestone { id: ids.milestone, version: None, reason: Some("Ours".into()) }).map(drop)
    }),
    ("milestone snooze", |cx, ids| {
        snooze(cx, &SnoozeMilestone { id: ids.milestone, version: None, days: None }).map(drop)
    }),
    ("milestone remove", |cx, ids| remove(cx, ids.milestone, None, None)),
    ("member change", |cx, ids| member::ops::change(cx, ids.member, Role::Viewer, MemberStatus::Active).map(drop)),
    ("chat code", |cx, ids| chat::make_code(cx, ids.member).map(drop)),
    ("chat link", |cx, ids| account::link_member(cx, ids.member, "123456789").map(drop)),
    ("token create", |cx, ids| {
        let cmd =
            CreateToken { holder: For::Member(ids.member), label: "x".into(), scope: Grant::Read, days: None };
        create_token(cx, &cmd).map(drop)
    }),
    ("token revoke", |cx, ids| revoke_token(cx, ids.token).map(drop)),
    ("agent unlink", |cx, ids| unlink(cx, ids.identity).map(drop)),
];

fn ids(world: &World) -> Ids {
    let deal = world.deal("12 Oak Street");
    let holder = For::Member(world.team.members[&Role::Member].id);
    Ids {
        deal,
        milestone: world.milestone(deal, "inspection").id,
        plan: world.preview(deal, "closing 2026-12-18").plan_token,
        member: world.team.members[&Role::Member].id,
        token: world.token(&world.team, holder, Grant::Read, None).0.id,
        identity: {
            let (agent, issuer, subject) = ("robot".into(), "https://login.example.com".into(), "client-7".into());
            let new = LinkIdentity { agent, issuer, subject, scope: Grant::Read };
            world.act(&world.team.as_(Role::Owner), |cx| link(cx, &new)).unwrap().id
        },
    }
}

const NOBODYS: fn() -> Ids = || Ids {
    deal: unknown_id(),
    milestone: unknown_id(),
    plan: unknown_id(),
    member: unknown_id(),
    token: unknown_id(),
    identity: unknown_id(),
};

on_both! {
    fn anothers_id_is_answered_byte_for_byte_like_one_that_never_was(world: World) {
        let (theirs, stranger) = (ids(&world), world.found("harbor", "harbor.example").as_(Role::Owner));
        let before = world.everything(&world.team);
        let bytes = |no: Refusal| serde_json::to_string(&no).unwrap();
        for (what, verb) in VERBS {
            let foreign = world.act(&stranger, |cx| verb(cx, theirs)).unwrap_err();
            let never = world.act(&stranger, |cx| verb(cx, NOBODYS())).unwrap_err();
            assert_eq!(never.code, Code::NotFound, "{what}");
            assert_eq!(bytes(foreign), bytes(never), "{what}");
        }
        assert_eq!(world.everything(&world.team), before);
        // The same commands are no accident: at home each of them works.
        for (what, verb) in VERBS {
            let at_home = World::new(match world.db().is_postgres() {
                true => harness::Place::schema().unwrap(),
                false => harness::Place::file(),
            });
            let own = ids(&at_home);
            let outcome = at_home.act(&at_home.team.as_(Role::Owner), |cx| verb(cx, own));
            let stale = outcome.as_ref().is_err_and(|no| no.code == Code::Stale);
            assert!(outcome.is_ok() || stale && what.ends_with("version"), "{what}: {outcome:?}");
        }
    }

    fn lists_show_nothing_of_another_workspace(world: World) {
        ids(&world);
        let stranger = world.found("harbor", "harbor.example");
        let owner = stranger.as_(Role::Owner);
        assert!(world.look(&owner, |cx| list_deals(cx, &ListDeals::default())).unwrap().items.is_empty());
        assert!(world.look(&owner, |cx| list(cx, &ListMilestones::default())).unwrap().items.is_empty());
        let names = world.look(&owner, member::ops::list).unwrap();
        assert!(names.iter().all(|m| m.email.ends_with("harbor.example")), "{names:?}");
        assert!(world.look(&owner, domain::workspace::access::ops::list_tokens).unwrap().is_empty());
    }

    fn names_are_offered_from_the_own_workspace_only(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        world.draft_for_the_buyer(deal);
        let twin = world.found("harbor", "harbor.example");
        let offered = |who: &Principal| {
            let deals = world.look(who, |cx| domain::deals::deal::view::suggest(cx, "", DealStatus::ALL)).unwrap();
            let milestones = world.look(who, |cx| milestone::view::suggest(cx, None, "", false)).unwrap();
            let contacts = world.look(who, |cx| domain::people::contact::view::suggest(cx, "")).unwrap();
            let approvals = world.look(who, |cx| domain::workspace::approval::ops::suggest(cx, "")).unwrap();
            [deals.len(), milestones.len(), contacts.len(), approvals.len()]
        };
        assert!(offered(&world.team.cora()).iter().all(|count| *count > 0));
        assert_eq!(offered(&twin.cora()), [0; 4]);
        let team = world.look(&twin.cora(), |cx| member::ops::suggest(cx, "")).unwrap();
        assert!(team.iter().all(|m| m.email.ends_with("harbor.example")), "{team:?}");
    }

    fn the_same_names_and_addresses_can_live_in_two_workspaces(world: World) {
        let twin = world.found("harbor", "example.com");
        world.deal("12 Oak Street");
        let new = harness::deal("12 Oak Street", harness::DATES);
        world.act(&twin.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        world.log_is_whole(&world.team);
        world.log_is_whole(&twin);
    }
}
