//! Who may do what, through which token, and for how long.

use domain::deals::deal::key_dates::{apply, preview};
use domain::deals::deal::ops::create;
use domain::deals::deal::view::get;
use domain::deals::milestone::ops::{CompleteMilestone, EditMilestone, WaiveMilestone, complete, edit, waive};
use domain::kernel::{Code, Principal, Refusal, Source};
use domain::workspace::access::ops::{CreateToken, For, create_token, list_tokens, revoke_token};
use domain::workspace::access::{Grant, Role, rules::is_token};
use domain::workspace::member::{MemberStatus, ops::change};
use harness::{DATES, World, deal, on_both, unknown_id};

/// What each may do: C(omplete), W(aive), A(pply), N(ew deal), R(ead), T(okens).
fn grid(world: &World, who: &Principal) -> String {
    let id = world.deal("12 Oak Street");
    let (inspection, search) = (world.milestone(id, "inspection").id, world.milestone(id, "title_search").id);
    let done = CompleteMilestone { id: inspection, version: None, note: None };
    let waived = WaiveMilestone { id: search, version: None, reason: Some("x".into()) };
    let dates = harness::change(id, "closing 2026-12-18");
    let new = deal("14 Oak Street", DATES);
    let token = CreateToken { holder: For::Agent("x".into()), label: "x".into(), scope: Grant::Read, days: None };
    let tries: [(char, Result<(), Refusal>); 7] = [
        ('R', world.look(who, |cx| get(cx, id).map(drop))),
        ('C', world.act(who, |cx| complete(cx, &done).map(drop))),
        ('P', world.act(who, |cx| preview(cx, &dates).map(drop))),
        ('W', world.act(who, |cx| waive(cx, &waived).map(drop))),
        ('A', world.act(who, |cx| apply(cx, unknown_id()).map(drop))),
        ('N', world.act(who, |cx| create(cx, &new).map(drop))),
        ('T', world.act(who, |cx| create_token(cx, &token).map(drop))),
    ];
    let allowed = |result: &Result<(), Refusal>| !result.as_ref().is_err_and(|no| no.code == Code::Forbidden);
    tries.iter().map(|(letter, result)| if allowed(result) { *letter } else { '-' }).collect()
}

on_both! {
    fn everyone_may_do_what_the_role_says_and_no_more(world: World) {
        for (role, may) in [
            (Role::Owner, "RCPWANT"),
            (Role::Admin, "RCPWANT"),
            (Role::Coordinator, "RCPWAN-"),
            (Role::Member, "RCP----"),
            (Role::Viewer, "R------"),
        ] {
            assert_eq!(grid(&world, &world.team.as_(role)), may, "{role}");
        }
    }

    fn an_agent_may_do_what_its_scope_says_and_never_makes_tokens(world: World) {
        for (scope, may) in
            [(Grant::Read, "R------"), (Grant::Propose, "R-P----"), (Grant::Write, "RCPWAN-"), (Grant::Admin, "RCPWAN-")]
        {
            assert_eq!(grid(&world, &world.agent(&world.team, scope)), may, "{scope}");
        }
    }

    fn a_members_token_gives_what_both_role_and_scope_allow(world: World) {
        for (role, scope, may) in [
            (Role::Owner, Grant::Read, "R------"),
            (Role::Owner, Grant::Admin, "RCPWAN-"),
            (Role::Member, Grant::Admin, "RCP----"),
            (Role::Member, Grant::Propose, "R-P----"),
            (Role::Viewer, Grant::Write, "R------"),
        ] {
            let holder = For::Member(world.team.members[&role].id);
            let (_, secret) = world.token(&world.team, holder, scope, None);
            let who = world.who(&secret).unwrap();
            assert_eq!(who.actor.name, world.team.members[&role].name);
            assert_eq!(grid(&world, &who), may, "{role} {scope}");
        }
    }

    fn a_refusal_names_what_is_missing_and_whom_to_ask(world: World) {
        let id = world.milestone(world.deal("12 Oak Street"), "inspection").id;
        let cmd = CompleteMilestone { id, version: None, note: None };
        let before = world.everything(&world.team);
        let vera = world.act(&world.team.as_(Role::Viewer), |cx| complete(cx, &cmd)).unwrap_err();
        let agent = world.agent(&world.team, Grant::Read);
        let robot = world.act(&agent, |cx| complete(cx, &cmd)).unwrap_err();
        insta::assert_snapshot!("who_may_not_complete", format!("{vera}\n{robot}"));
        let mut after = world.everything(&world.team);
        for table in ["agents", "api_tokens", "events", "audit_heads"] {
            after.insert(table.into(), before[table].clone());
        }
        assert_eq!(after, before);
    }

    fn every_kind_of_wrong_token_gets_the_same_answer(world: World) {
        let mike = world.team.members[&Role::Member].id;
        let (good, secret) = world.token(&world.team, For::Member(mike), Grant::Write, Some(1));
        assert!(is_token(&secret) && secret.starts_with("milep_pat_") && secret.ends_with(&good.hint));
        let (_, robot) = world.token(&world.team, For::Agent("robot".into()), Grant::Write, None);
        assert!(robot.starts_with("milep_mcp_"));
        let never = domain::workspace::access::rules::format_token(good.kind, &[7; 40]);
        let unknown = world.who(&never).unwrap_err();
        assert_eq!(unknown.code, Code::Unauthenticated);
        let mut typo = secret.clone();
        typo.replace_range(12..13, if secret.as_bytes()[12] == b'x' { "y" } else { "x" });
        for wrong in ["", "milep_pat_", "é", &typo, &secret.to_lowercase(), &"x".repeat(1 << 20), "a\0b"] {
            assert_eq!(world.who(wrong).unwrap_err(), unknown);
        }
        world.who(&secret).unwrap();
        world.hours_pass(24);
        assert_eq!(world.who(&secret).unwrap_err(), unknown, "expired");
        let (token, secret) = world.token(&world.team, For::Member(mike), Grant::Write, None);
        world.who(&secret).unwrap();
        let owner = world.team.as_(Role::Owner);
        world.act(&owner, |cx| change(cx, mike, Role::Member, MemberStatus::Inactive)).unwrap();
        assert_eq!(world.who(&secret).unwrap_err(), unknown, "an inactive member");
        world.act(&owner, |cx| change(cx, mike, Role::Member, MemberStatus::Active)).unwrap();
        world.who(&secret).unwrap();
        world.act(&owner, |cx| revoke_token(cx, token.id)).unwrap();
        assert_eq!(world.who(&secret).unwrap_err(), unknown, "revoked");
        assert_eq!(world.act(&owner, |cx| revoke_token(cx, token.id)).unwrap_err().code, Code::NotFound);
        insta::assert_snapshot!("an_unknown_token", unknown);
    }

    fn a_secret_is_kept_nowhere(world: World) {
        let (_, secret) = world.token(&world.team, For::Agent("robot".into()), Grant::Write, None);
        world.who(&secret).unwrap();
        let core = &secret[10..40];
        for (table, rows) in world.everything(&world.team) {
            assert!(rows.iter().all(|row| !row.contains(core)), "{table}");
        }
    }

    fn a_host_recognises_a_token_and_notes_its_use_now_and_then(world: World) {
        let (_, secret) = world.token(&world.team, For::Agent("robot".into()), Grant::Write, None);
        let used = |world: &World| {
            world.look(&world.team.as_(Role::Owner), list_tokens).unwrap()[0].last_used_at
        };
        assert_eq!(used(&world), None);
        let who = world.wait_for(world.host.authenticate(&secret, Source::Mcp)).unwrap();
        assert_eq!((who.actor.name.as_str(), who.workspace), ("robot", world.team.id));
        let first = used(&world);
        assert_eq!(first, Some(world.now()));
        world.host.clock().advance(std::time::Duration::from_secs(60));
        world.wait_for(world.host.authenticate(&secret, Source::Mcp)).unwrap();
        assert_eq!(used(&world), first);
        world.host.clock().advance(std::time::Duration::from_secs(240));
        world.wait_for(world.host.authenticate(&secret, Source::Mcp)).unwrap();
        assert_eq!(used(&world), Some(world.now()));
        world.log_is_whole(&world.team);
    }

    fn the_last_owner_stays_one(world: World) {
        let (olga, adam) = (world.team.members[&Role::Owner].id, world.team.members[&Role::Admin].id);
        let owner = world.team.as_(Role::Owner);
        for (role, status) in [(Role::Admin, MemberStatus::Active), (Role::Owner, MemberStatus::Inactive)] {
            let no = world.act(&owner, |cx| change(cx, olga, role, status)).unwrap_err();
            assert_eq!(no.code, Code::WrongState);
        }
        world.act(&owner, |cx| change(cx, adam, Role::Owner, MemberStatus::Active)).unwrap();
        world.act(&owner, |cx| change(cx, olga, Role::Viewer, MemberStatus::Active)).unwrap();
        let no = world.act(&owner, |cx| change(cx, adam, Role::Member, MemberStatus::Active)).unwrap_err();
        assert_eq!(no.code, Code::WrongState);
    }

    fn a_demoted_members_token_weakens_at_once(world: World) {
        let cora = world.team.members[&Role::Coordinator].id;
        let (_, secret) = world.token(&world.team, For::Member(cora), Grant::Write, None);
        let search = world.milestone(world.deal("12 Oak Street"), "title_search").id;
        let cmd = WaiveMilestone { id: search, version: None, reason: Some("x".into()) };
        let owner = world.team.as_(Role::Owner);
        world.act(&owner, |cx| change(cx, cora, Role::Member, MemberStatus::Active)).unwrap();
        let who = world.who(&secret).unwrap();
        assert_eq!(world.act(&who, |cx| waive(cx, &cmd)).unwrap_err().code, Code::Forbidden);
        let notes = EditMilestone { notes: Some("Called".into()), ..EditMilestone::of(search) };
        world.act(&who, |cx| edit(cx, &notes)).unwrap();
    }
}
