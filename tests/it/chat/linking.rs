//! Whose server it is, and who is who in it.

use domain::people::chat::ops;
use domain::workspace::access::Role;
use harness::on_both;
use insta::assert_snapshot;
use serde_json::json;

use super::hall::Hall;

on_both! {
    fn a_server_is_linked_once_by_who_runs_both(world: World) {
        let mut hall = Hall::empty(world);
        hall.slash(Role::Owner, "/today", &[]);
        hall.slash(Role::Owner, "/help", &[]);
        hall.slash(Role::Owner, "/setup", &[("code", json!("AAAAA-AAAAA"))]);
        let team = hall.world.team.clone();
        let code = |hall: &Hall, role: Role| {
            let id = team.members[&role].id;
            hall.world.act(&team.as_(role), |cx| ops::make_code(cx, id)).unwrap()
        };
        // Cora runs no workspace, and Adam does not manage the server.
        for role in [Role::Coordinator, Role::Admin] {
            let code = code(&hall, role);
            let said = hall.wait(hall.at(role).slash("/setup", &[("code", json!(code))]));
            assert!(said.shown().contains("Nothing was changed"), "{}", said.shown());
        }
        let code_of_olga = code(&hall, Role::Owner);
        let said = hall.wait(hall.at(Role::Owner).slash("/setup", &[("code", json!(code_of_olga))]));
        assert!(said.shown().contains("This server is linked"), "{}", said.shown());
        // A code is good once.
        let again = hall.wait(hall.at(Role::Member).slash("/setup", &[("code", json!(code_of_olga))]));
        assert!(again.shown().contains("was used"), "{}", again.shown());
        hall.slash(Role::Coordinator, "/today", &[]);
        let cora = hall.pick(Role::Owner, "/team link", "member", "cora");
        let account = json!(hall.people[&Role::Coordinator].id);
        hall.slash(Role::Owner, "/team link", &[("member", cora), ("account", account)]);
        hall.slash(Role::Coordinator, "/today", &[]);
        // Only admins say who is who.
        let mike = hall.pick(Role::Coordinator, "/team link", "member", "mike");
        let account = json!(hall.people[&Role::Member].id);
        hall.slash(Role::Coordinator, "/team link", &[("member", mike), ("account", account)]);
        hall.slash(Role::Owner, "/team list", &[]);
        let cora = hall.pick(Role::Owner, "/team unlink", "member", "cora");
        hall.slash(Role::Owner, "/team unlink", &[("member", cora)]);
        hall.slash(Role::Coordinator, "/today", &[]);
        assert_snapshot!("a_server_is_linked", hall.transcript());
    }

    fn what_is_given_with_a_code_is_done_too_and_each_says_what_came_of_it(world: World) {
        let mut hall = Hall::empty(world);
        let olga = hall.world.team.as_(Role::Owner);
        let code = |hall: &Hall| {
            let owner = hall.world.team.members[&Role::Owner].id;
            json!(hall.world.act(&olga, |cx| ops::make_code(cx, owner)).unwrap())
        };
        let first = code(&hall);
        let said = hall.slash(Role::Owner, "/setup", &[
            ("code", first.clone()), ("channel", json!(hall.channel.as_ref())), ("threads", json!(true)),
            ("zone", json!("America/Chcago")), ("approvers", json!("admin")),
        ]);
        assert_eq!(hall.wait(hall.at(Role::Owner).slash("/setup", &[])).shown().matches("admin").count(), 1, "{}", said.shown());
        // Stages that somebody thought about are asked for here too.
        let stages = json!(["all of role:owner + role:admin"]);
        let set = domain::delivery::settings::ops::EditSettings {
            version: None, set: [("draft_stages".to_owned(), stages)].into_iter().collect(),
        };
        hall.world.act(&olga, |cx| domain::delivery::settings::ops::edit(cx, &set)).unwrap();
        let again = code(&hall);
        let asked = hall.slash(Role::Owner, "/setup", &[
            ("code", again.clone()), ("zone", json!("America/Denver")), ("approvers", json!("owner")),
        ]);
        hall.click(Role::Owner, &asked, "Yes");
        let mut said = hall.transcript();
        for (secret, shown) in [(&first, "(code)"), (&again, "(code)"), (&json!(hall.channel.as_ref()), "(channel)")] {
            said = said.replace(secret.as_str().unwrap(), shown);
        }
        assert_snapshot!("what_is_given_with_a_code", said);
    }

    fn the_server_of_another_team_learns_nothing(world: World) {
        let mut hall = Hall::open(world);
        let other = hall.world.found("hillside", "hillside.example");
        let theirs = hall.discord.guild("Hillside Realty");
        let (room, admin) = (theirs.channel("general"), theirs.admin("hilda"));
        let hilda = other.members[&Role::Owner].id;
        let code = hall.world.act(&other.as_(Role::Owner), |cx| ops::make_code(cx, hilda)).unwrap();
        let at = admin.in_channel(&room);
        let said = hall.wait(at.slash("/setup", &[("code", json!(code))]));
        assert!(said.shown().contains("This server is linked"), "{}", said.shown());
        let deal = hall.world.act(&hall.world.team.cora(), |cx| {
            domain::deals::deal::ops::create(cx, &harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11"))
        });
        let deal = deal.unwrap().to_string();
        // By typing, by an id that somebody told her, and by a button that she copied.
        assert!(hall.wait(at.autocomplete("/deal show", &[("deal", json!("oak"))], "deal")).is_empty());
        let shown = |id: &str| hall.wait(at.slash("/deal show", &[("deal", json!(id))])).shown();
        let unknown = harness::unknown_id::<domain::kernel::id::DealId>().to_string();
        assert_eq!(shown(&deal), shown(&unknown));
        let message = hall.wait(at.slash("/team list", &[]));
        let press = |id: &str| {
            let id: domain::kernel::id::DealId = id.parse().unwrap();
            let press = format!("mp:1:open:{}:", id.0.simple());
            hall.wait(at.click_custom(&message, &press)).shown()
        };
        assert_eq!(press(&deal), press(&unknown));
        // Another team's server is not taken over either, and says nothing of whose it is.
        let hillside = other.members[&Role::Admin].id;
        let code = hall.world.act(&other.as_(Role::Owner), |cx| ops::make_code(cx, hillside)).unwrap();
        let said = hall.slash(Role::Owner, "/setup", &[("code", json!(code))]);
        assert!(said.shown().contains("linked to another workspace"), "{}", said.shown());
        assert!(!said.shown().contains("lakeside"));
    }

    fn a_member_out_of_service_is_a_stranger_at_once(world: World) {
        let mut hall = Hall::open(world);
        let mike = hall.world.team.members[&Role::Member].clone();
        assert!(hall.slash(Role::Member, "/today", &[]).shown().contains("Nothing needs your attention"));
        hall.world
            .act(&hall.world.team.as_(Role::Owner), |cx| {
                use domain::workspace::member::MemberStatus;
                domain::deals::reminder::ops::change_member(cx, mike.id, mike.role, MemberStatus::Inactive)
            })
            .unwrap();
        assert!(hall.slash(Role::Member, "/today", &[]).shown().contains("nobody has said who you are"));
    }

    fn direct_messages_are_answered_for_the_one_workspace_that_knows_the_account(world: World) {
        let hall = Hall::open(world);
        let cora = hall.people[&Role::Coordinator].in_direct_messages();
        let said = hall.wait(cora.slash("/today", &[]));
        assert!(said.shown().contains("Nothing needs your attention"), "{}", said.shown());
        let other = hall.world.found("hillside", "hillside.example");
        let id = other.members[&Role::Coordinator].id;
        let account = hall.people[&Role::Coordinator].id.clone();
        hall.world.act(&other.as_(Role::Owner), |cx| ops::link_member(cx, id, &account)).unwrap();
        let said = hall.wait(cora.slash("/today", &[]));
        assert!(said.shown().contains("several workspaces"), "{}", said.shown());
        // What she said herself counts more than what an admin of another workspace says.
        let team = hall.world.team.clone();
        let own = team.members[&Role::Coordinator].id;
        let code = hall.world.act(&team.cora(), |cx| ops::make_code(cx, own)).unwrap();
        let said = hall.wait(cora.slash("/setup", &[("code", json!(code))]));
        assert!(said.shown().contains("You are **Cora Castillo** here"), "{}", said.shown());
        let said = hall.wait(cora.slash("/today", &[]));
        assert!(said.shown().contains("Nothing needs your attention"), "{}", said.shown());
    }

    fn a_yes_in_direct_messages_is_for_the_workspace_that_asked(world: World) {
        let hall = Hall::open(world);
        let other = hall.world.found("hillside", "hillside.example");
        let id = other.members[&Role::Coordinator].id;
        let code = hall.world.act(&other.cora(), |cx| ops::make_code(cx, id)).unwrap();
        let cora = hall.people[&Role::Coordinator].in_direct_messages();
        hall.wait(cora.slash("/setup", &[("code", json!(code))]));
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&other.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let deal = hall.wait(cora.autocomplete("/deal cancel", &[("deal", json!("oak"))], "deal")).remove(0).value;
        let asked = hall.wait(cora.slash("/deal cancel", &[("deal", deal)]));
        let said = hall.wait(cora.click(&asked, "Yes"));
        hall.wait(hall.discord.until("it is told", |_| !said.again().followups.is_empty() || said.again().shown().contains("confirmed before")));
        assert!(said.again().shown().contains("cancelled"), "{}", said.again().shown());
        let again = hall.wait(cora.click_custom(&asked, &asked.message().custom_id("Yes")));
        assert!(again.shown().contains("was confirmed before"), "{}", again.shown());
    }

    fn nobody_is_given_another_account_over_their_head(world: World) {
        let mut hall = Hall::open(world);
        let team = hall.world.team.clone();
        let vera = hall.pick(Role::Admin, "/team unlink", "member", "vera");
        hall.slash(Role::Admin, "/team unlink", &[("member", vera.clone())]);
        let cora = hall.pick(Role::Admin, "/team link", "member", "cora");
        let link = [("member", cora.clone()), ("account", json!(hall.people[&Role::Viewer].id))];
        let said = hall.slash(Role::Admin, "/team link", &link);
        assert!(said.shown().contains("is linked to another Discord account. Nothing was changed."), "{}", said.shown());
        let mikes = json!(hall.people[&Role::Member].id);
        let said = hall.slash(Role::Admin, "/team link", &[("member", vera), ("account", mikes)]);
        assert!(said.shown().contains("is linked to another member. Nothing was changed."), "{}", said.shown());
        // Unlinked first, it is done, and Cora reads of both, where Adam's account does not reach.
        hall.slash(Role::Admin, "/team unlink", &[("member", cora)]);
        let said = hall.slash(Role::Admin, "/team link", &link);
        assert!(said.shown().contains("from now on"), "{}", said.shown());
        let query = format!(
            "SELECT content AS line FROM messages WHERE workspace_id = '{}' AND occasion LIKE 'alert:account:%' AND channel = 'email' \
             AND address = 'cora@example.com' ORDER BY id",
            team.id
        );
        let told = hall.world.lines(&team, &query);
        assert_eq!(told.len(), 2, "{told:#?}");
        assert!(told[0].contains("No Discord account is yours any more") && told[0].contains("Adam Adler said so."), "{}", told[0]);
        assert!(told[1].contains("votes on letters included"), "{}", told[1]);
    }
}
