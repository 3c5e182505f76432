//! What an agent can do with a deal, in both protocol eras, and what it cannot.

use domain::deals::deal::view;
use domain::deals::followup::propose::{EditDraft, ProposeDraft, edit as edit_draft, propose};
use domain::deals::followup::review::{Decide, decide};
use domain::kernel::Principal;
use domain::kernel::id::DealId;
use domain::people::reach::Channel;
use domain::workspace::access::ops::For;
use domain::workspace::access::{Grant, Role};
use domain::workspace::approval::Choice;
use harness::{Agent, Era, Team, World, accepted, on_both};
use serde_json::{Value, json};

fn oak_street() -> Value {
    json!({
        "title": "12 Oak Street",
        "address": "12 Oak Street, Chicago, IL 60601",
        "side": "buyer",
        "financing": "fha",
        "state": "IL",
        "price": 450_000,
        "time_zone": "America/Chicago",
        "key_dates": {"contract_date": "2026-10-14", "closing_date": "2026-12-11"},
        "parties": [
            {"role": "buyer", "name": "Ann Lee", "email": "ann@example.com"},
            {"role": "lender", "name": "First Bank"}
        ]
    })
}

fn named<'a>(milestones: &'a Value, type_: &str) -> &'a Value {
    milestones.as_array().unwrap().iter().find(|m| m["type"] == type_).unwrap()
}

on_both! {
    fn an_agent_takes_a_deal_from_its_creation_to_a_new_closing_date(world: World) {
        let who = world.agent(&world.team, Grant::Write);
        for era in Era::BOTH {
            world.wait_for(tell_the_story(&world, &who, era));
        }
        let verdict = world.look(&world.team.operator(), domain::insight::event_log::ops::verify).unwrap();
        assert_eq!(verdict.first_break, None);
    }

    fn addresses_are_masked_for_whoever_may_be_a_model_and_whole_for_people(world: World) {
        let mut new = oak_street();
        new["parties"][0]["phone"] = json!("+1 312 555 0147");
        let agent = world.agent(&world.team, Grant::Write);
        let id = world.wait_for(async {
            let agent = Agent::connect(&world, &agent, Era::Modern).await;
            let created = agent.call("deal_create", new).await.ok();
            let id = created["deal"]["id"].clone();
            let got = agent.call("deal_get", json!({ "id": id })).await.ok();
            assert_eq!(got["parties"], created["parties"]);
            let ids = [("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[id]")];
            insta::with_settings!({ filters => ids, omit_expression => true }, {
                insta::assert_json_snapshot!("parties_as_an_agent_sees_them", got["parties"]);
            });
            let closer = json!({ "deal_id": id, "key_dates": { "closing_date": "2026-12-18" } });
            let plan = agent.call("key_dates_preview", closer).await.ok();
            let moved = agent.call("key_dates_apply", json!({ "plan_token": plan["plan_token"] })).await.ok();
            let renamed = agent.call("deal_update", json!({ "deal_id": id, "title": "12 Oak" })).await.ok();
            for answer in [created, got, moved, renamed] {
                let text = answer.to_string();
                assert!(!text.contains("ann@") && !text.contains("5550147"), "{text}");
            }
            // What it writes is held to the facts all the same: a name of the deal stands, another does not.
            let letter = |body: &str| json!({ "deal_id": id, "role": "buyer", "subject": "Your closing", "body": body });
            let stands = agent.call("draft_propose", letter("Ann Lee closes on December 18, 2026.")).await.ok();
            assert_eq!(stands["draft"]["newest"]["recipients"][0]["address"], "a***@example.com");
            let (code, _) = agent.call("draft_propose", letter("Steve Miller closes on December 18, 2026.")).await.no();
            assert_eq!(code, "invalid");
            id
        });
        // A member's own token through the agents' protocol is read by a model too.
        let cora = world.team.members[&Role::Coordinator].id;
        let (_, secret) = world.token(&world.team, For::Member(cora), Grant::Read, None);
        let through_mcp = world.who(&secret).unwrap();
        let id: DealId = id.as_str().unwrap().parse().unwrap();
        let email = |who: &Principal| world.look(who, |cx| view::get(cx, id)).unwrap().parties[0].contact.email.clone();
        assert_eq!(email(&through_mcp).as_deref(), Some("a***@example.com"));
        assert_eq!(email(&world.team.cora()).as_deref(), Some("ann@example.com"));
        assert_eq!(email(&world.team.operator()).as_deref(), Some("ann@example.com"));
    }

    fn a_repeated_call_is_not_a_second_change(world: World) {
        let who = world.agent(&world.team, Grant::Write);
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            let mut arguments = oak_street();
            arguments["idempotency_key"] = json!("create-oak");
            let first = agent.call("deal_create", arguments.clone()).await.ok();
            let again = agent.call("deal_create", arguments.clone()).await.ok();
            assert_eq!(first, again);
            arguments["title"] = json!("14 Oak Street");
            let (code, sentence) = agent.call("deal_create", arguments).await.no();
            assert_eq!(code, "key_reused");
            assert!(sentence.contains("idempotency_key"), "{sentence}");
            let deals = agent.call("deal_list", json!({})).await.ok();
            assert_eq!(deals["deals"].as_array().unwrap().len(), 1);
        });
    }

    fn every_mistake_is_named_and_changes_nothing(world: World) {
        let who = world.agent(&world.team, Grant::Write);
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            let before = world.everything(&world.team);
            for (field, wrong) in [
                ("title", json!("x".repeat(1_000_000))),
                ("title", json!("Oak\u{0007}Street")),
                ("title", json!("")),
                ("address", json!(7)),
                ("side", json!("middle")),
                ("financing", json!("barter")),
                ("state", json!("Illinois")),
                ("price", json!(-1)),
                ("time_zone", json!("Chicago")),
                ("key_dates.closing_date", json!({"contract_date": "2026-10-14", "closing_date": "2027-02-29"})),
                ("key_dates.closing_date", json!({"contract_date": "2026-10-14", "closing_date": "2026-10-13"})),
                ("key_dates.closing_date", json!({"contract_date": "2026-10-14"})),
                ("parties[0].role", json!([{"role": "king", "name": "Ann"}])),
                ("parties[0].email", json!([{"role": "buyer", "name": "Ann", "email": "ann"}])),
                ("template", json!("no-such-template")),
                ("owner_email", json!("nobody@example.com")),
                ("idempotency_key", json!("two words")),
                ("colour", json!("red")),
            ] {
                let mut arguments = oak_street();
                let top = field.split(['.', '[']).next().unwrap();
                arguments[top] = wrong;
                let answer = agent.call("deal_create", arguments).await;
                let (code, sentence) = answer.no();
                assert_eq!(code, "invalid", "{field}: {sentence}");
                let fields: Vec<&str> =
                    answer.content["problems"].as_array().unwrap().iter().filter_map(|p| p["field"].as_str()).collect();
                assert!(fields.contains(&field), "{field} in {fields:?}: {sentence}");
                assert!(sentence.contains("Nothing was changed"), "{sentence}");
            }
            assert_eq!(world.everything(&world.team), before);
        });
    }

    fn another_workspaces_id_is_answered_as_one_that_never_was(world: World) {
        let strangers = world.found("strangers", "example.org");
        let theirs = a_deal_with_a_plan(&world, &strangers);
        let ours = world.peopled_deal("12 Oak Street").to_string();
        let who = world.agent(&world.team, Grant::Write);
        let tools = mcp_server::server(&world.host, &mcp_server::Options::default()).unwrap().tools();
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            let before = world.everything(&strangers);
            for tool in tools {
                let schema = Value::Object(tool.input_schema.as_ref().clone());
                let ids: Vec<String> = schema["properties"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .filter(|(_, p)| p["format"] == "uuid")
                    .map(|(name, _)| name.clone())
                    .collect();
                for id in ids {
                    let foreign = match id.as_str() {
                        "plan_token" => &theirs.plan,
                        "deal_id" => &theirs.deal,
                        "id" if tool.name.starts_with("deal") => &theirs.deal,
                        "id" if tool.name.starts_with("milestone") => &theirs.milestone,
                        "id" if tool.name.starts_with("draft") => &theirs.draft,
                        "id" if tool.name.starts_with("approval") => &theirs.approval,
                        "id" if tool.name.starts_with("delivery") => &theirs.message,
                        "contact_id" => &theirs.contact,
                        "waiting_for" => &theirs.member,
                        other => panic!("{}: say whose id {other} is", tool.name),
                    };
                    let mut answers = Vec::new();
                    for id_value in [foreign.as_str(), "01900000-0000-7000-8000-00000000dead"] {
                        let mut arguments = fitting(&tool.name, &ours);
                        arguments[&id] = json!(id_value);
                        answers.push(agent.call(&tool.name, arguments).await);
                    }
                    let said = &answers[0].content;
                    assert_eq!(said.to_string(), answers[1].content.to_string(), "{}", tool.name);
                    // A filter finds nothing; somebody who is not on the deal gets no letter about it.
                    match (tool.name.as_ref(), id.as_str()) {
                        ("approval_list", "waiting_for") => assert_eq!(said["approvals"], json!([])),
                        ("delivery_list", "deal_id" | "contact_id") => assert_eq!(said["deliveries"], json!([])),
                        ("draft_propose", "contact_id") => assert_eq!(answers[0].no().0, "invalid"),
                        _ => assert_eq!(answers[0].no().0, "not_found", "{}: {said}", tool.name),
                    }
                }
            }
            assert_eq!(world.everything(&strangers), before);
        });
    }

    fn what_an_agent_finds_it_can_open_with_the_tool_that_is_named(world: World) {
        let who = world.agent(&world.team, Grant::Read);
        let deal = world.peopled_deal("12 Oak Street");
        world.draft_for_the_buyer(deal);
        world.wait_for(async {
            for era in Era::BOTH {
                let agent = Agent::connect(&world, &who, era).await;
                let mut kinds = std::collections::BTreeSet::new();
                for text in ["oak", "ann", "inspection", "residential"] {
                    let found = agent.call("search", json!({ "text": text, "limit": 100 })).await.ok();
                    for hit in found["hits"].as_array().unwrap() {
                        kinds.insert(hit["kind"].as_str().unwrap().to_owned());
                        let Some(tool) = hit["open_with"].as_str() else {
                            assert_eq!(hit["kind"], "template");
                            continue;
                        };
                        let id = if hit["kind"] == "contact" { &hit["deal_id"] } else { &hit["id"] };
                        let opened = agent.call(tool, json!({ "id": id })).await.ok();
                        assert!(opened.to_string().contains(id.as_str().unwrap()), "{tool}: {opened}");
                    }
                }
                assert_eq!(kinds.len(), 7, "{kinds:?}");
                let first = agent.call("search", json!({ "text": "oak clos" })).await.ok();
                assert_eq!(first["hits"][0]["title"], "12 Oak Street: Closing day");
                assert_eq!(agent.call("search", json!({ "text": "?" })).await.no().0, "invalid");
            }
        });
    }

    fn an_agent_that_comes_back_is_told_what_happened_since(world: World) {
        let who = world.agent(&world.team, Grant::Read);
        let deal = world.deal("12 Oak Street");
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            let first = agent.call("changes_since", json!({ "limit": 1 })).await.ok();
            assert_eq!(first["changes"].as_array().unwrap().len(), 1);
            world.complete(world.milestone(deal, "inspection").id);
            let since = agent.call("changes_since", json!({ "cursor": first["next_cursor"], "kinds": ["milestone"] })).await.ok();
            assert_eq!(since["changes"].as_array().unwrap().len(), 1, "{since}");
            assert_eq!(since["changes"][0]["summary"], "Completed in time.");
            assert_eq!(since["more"], false);
            let again = agent.call("changes_since", json!({ "cursor": since["next_cursor"] })).await.ok();
            assert_eq!(again["changes"], json!([]));
            let (code, sentence) = agent.call("changes_since", json!({ "kinds": ["other"] })).await.no();
            assert_eq!(code, "forbidden", "{sentence}");
        });
    }

    fn an_agent_proposes_a_letter_a_person_approves_it_and_the_agent_sees_it_leave(world: World) {
        let who = world.agent(&world.team, Grant::Propose);
        for (era, title) in Era::BOTH.into_iter().zip(["12 Oak Street", "14 Oak Street"]) {
            let deal = world.peopled_deal(title).to_string();
            let draft = world.wait_for(propose_a_letter(&world, &who, era, &deal));
            let approval_id = draft["approval_id"].as_str().unwrap().parse().unwrap();
            let yes = Decide { approval_id, choice: Choice::Approve, feedback: None, despite: None, send_at: None, etag: None };
            let done = world.act(&world.team.cora(), |cx| decide(cx, &yes)).unwrap();
            let id = done.queued[0].to_string();
            let seen = |status: &'static str| {
                let (world, who, deal, id, draft_id) = (&world, &who, &deal, &id, &draft["id"]);
                world.wait_for(async move {
                    let agent = Agent::connect(world, who, era).await;
                    let listed = agent
                        .call("delivery_list", json!({"deal_id": deal, "channel": "email"})).await.ok();
                    let all = listed["deliveries"].as_array().unwrap();
                    let letters: Vec<_> = all.iter().filter(|d| d["to_kind"] == "contact").collect();
                    assert_eq!(letters.len(), 1, "{listed}");
                    assert_eq!((&letters[0]["id"], &letters[0]["status"]), (&json!(id), &json!(status)));
                    assert_eq!(letters[0]["address"], "a***@example.org");
                    let one = agent.call("delivery_list", json!({"id": id})).await.ok();
                    assert_eq!(one["detail"]["delivery"]["status"], status);
                    assert!(!one.to_string().contains("ann@example.org"), "{one}");
                    let draft = agent.call("draft_get", json!({"id": draft_id})).await.ok();
                    assert_eq!(draft["messages"], json!([{"id": id, "channel": "email", "status": status}]));
                })
            };
            seen("queued");
            world.all_end(&accepted());
            seen("sent");
        }
        world.log_is_whole(&world.team);
    }

    fn an_agent_that_wants_to_decide_finds_no_tool_and_no_right(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let approval_id = draft.approval_id.unwrap();
        for scope in Grant::ALL {
            let who = world.agent(&world.team, *scope);
            let before = world.everything(&world.team);
            world.wait_for(async {
                for era in Era::BOTH {
                    let agent = Agent::connect(&world, &who, era).await;
                    for tool in agent.tools().await {
                        for word in ["vote", "decide", "approve", "send", "cancel", "resolve"] {
                            assert!(!tool.contains(word), "{tool}");
                        }
                    }
                }
            });
            let yes = Decide { approval_id, choice: Choice::Approve, feedback: None, despite: None, send_at: None, etag: None };
            let no = world.act(&who, |cx| decide(cx, &yes)).unwrap_err();
            assert_eq!(no.code, domain::kernel::Code::Forbidden, "{scope}: {no}");
            assert_eq!(world.everything(&world.team), before);
        }
        let shown = world.drafts(deal);
        assert!(shown.iter().all(|d| d.state == domain::assist::draft::DraftState::InReview));
    }

    fn an_agents_letter_states_only_what_stands_in_the_deal(world: World) {
        let who = world.agent(&world.team, Grant::Propose);
        let deal = world.peopled_deal("12 Oak Street").to_string();
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            let before = world.everything(&world.team);
            for (field, wrong) in [
                ("body", json!("The closing is on 1 January 2027.")),
                ("body", json!("Please wire $999,999.")),
                ("body", json!("x".repeat(100_000))),
                ("subject", json!("")),
                ("subject", json!("two\nlines")),
                ("role", json!("king")),
                ("role", json!(["buyer"])),
                ("contact_id", json!("everybody")),
                ("deal_id", json!(12)),
                ("to", json!("mallory@example.net")),
                ("idempotency_key", json!("two words")),
            ] {
                let mut arguments = json!({
                    "deal_id": deal, "role": "buyer", "subject": "A question", "body": "When may we call you?"
                });
                arguments[field] = wrong;
                let answer = agent.call("draft_propose", arguments).await;
                let (code, sentence) = answer.no();
                assert_eq!(code, "invalid", "{field}: {sentence}");
                let named = answer.content["problems"].as_array().unwrap().iter().any(|p| p["field"] == field);
                assert!(named, "{field}: {}", answer.content);
            }
            assert_eq!(world.everything(&world.team), before);
        });
    }

    fn an_answer_about_letters_is_never_too_long_to_be_read(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let cora = world.team.cora();
        // As long as letters may be, and edited often, with more findings than anybody reads.
        let body = "The day is 1 January 2027. ".repeat(370);
        let letter = ProposeDraft {
            deal_id: deal,
            role: Some("buyer".into()),
            contact_id: None,
            subject: "s".repeat(200),
            body: body.clone(),
            send_at: None,
        };
        let id = world.act(&cora, |cx| propose(cx, &letter)).unwrap().id;
        let mut approval = None;
        for n in 0..30 {
            let words = EditDraft { id, version: None, subject: Some(format!("{n} {}", "s".repeat(190))), body: None };
            approval = world.act(&cora, |cx| edit_draft(cx, &words)).unwrap().approval_id;
        }
        for _ in 0..30 {
            world.act(&cora, |cx| propose(cx, &letter)).unwrap();
        }
        let messages: Vec<domain::delivery::NewMessage> = (0..30)
            .map(|n| domain::delivery::NewMessage {
                content: domain::delivery::Content { subject: "s".repeat(200), text: body.clone(), ..Default::default() },
                ..harness::message(&format!("long {n}"), Channel::InApp, "", world.now())
            })
            .collect();
        let message = world.enqueue(&world.team, &messages)[0];
        let who = world.agent(&world.team, Grant::Read);
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            for (tool, arguments) in [
                ("draft_get", json!({"limit": 25})),
                ("draft_get", json!({"id": id})),
                ("approval_list", json!({"limit": 25})),
                ("approval_list", json!({"id": approval})),
                ("delivery_list", json!({"limit": 25})),
                ("delivery_list", json!({"id": message})),
            ] {
                let answer = agent.call(tool, arguments.clone()).await.ok();
                let bytes = answer.to_string().len();
                assert!(bytes / 4 < 10_000, "{tool} {arguments}: {bytes} bytes");
            }
            let one = agent.call("draft_get", json!({"id": id})).await.ok();
            assert_eq!(one["versions"].as_array().unwrap().len(), 20);
            assert_eq!(one["versions"][19]["version"], 31);
            assert!(one["detail"]["more_findings"].as_u64().unwrap() > 0, "{one}");
        });
    }

    fn an_agent_is_shown_only_what_its_token_allows(world: World) {
        world.wait_for(async {
            let reader = Agent::connect(&world, &world.agent(&world.team, Grant::Read), Era::Legacy).await;
            let tools = reader.tools().await;
            assert_eq!(
                tools,
                [
                    "approval_list",
                    "briefing",
                    "changes_since",
                    "deal_get",
                    "deal_list",
                    "delivery_list",
                    "draft_get",
                    "milestone_explain",
                    "milestone_list",
                    "policy_preview",
                    "schedule_simulate",
                    "search"
                ]
            );
            let (code, sentence) = reader.call("deal_create", oak_street()).await.no();
            assert_eq!(code, "forbidden");
            assert!(sentence.contains("scope read"), "{sentence}");
            let viewer = Agent::connect(&world, &world.team.as_(Role::Viewer), Era::Modern).await;
            assert_eq!(viewer.tools().await, tools);
        });
    }
}

async fn tell_the_story(world: &World, who: &Principal, era: Era) {
    let agent = Agent::connect(world, who, era).await;
    let mut arguments = oak_street();
    arguments["title"] = json!(format!("12 Oak Street ({era:?})"));
    let created = agent.call("deal_create", arguments).await.ok();
    assert_eq!(created["deal"]["status"], "active");
    assert_eq!(created["deal"]["price"], 450_000);
    assert_eq!(created["milestones"].as_array().unwrap().len(), 11);
    assert_eq!(created["receipt"]["event"], "deal.confirmed");
    assert_eq!(created["receipt"]["read_back"], true);
    let deal_id = created["deal"]["id"].clone();
    let financing = named(&created["milestones"], "financing_contingency").clone();
    assert_eq!(financing["due_on"], "2026-12-04");
    assert_eq!(financing["source"]["fallback"], true);

    let why = agent.call("milestone_explain", json!({"id": financing["id"]})).await.ok();
    let words = why["explanation"].as_str().unwrap();
    assert!(words.contains("7 calendar days before closing_date (Friday 11 December 2026)"), "{words}");
    assert!(words.contains("financing_contingency_deadline"), "{words}");

    let change = json!({"deal_id": deal_id, "key_dates": {"closing_date": "2026-12-18"}});
    let preview = agent.call("key_dates_preview", change.clone()).await.ok();
    let moved: Vec<&str> =
        preview["changes"].as_array().unwrap().iter().map(|c| c["title"].as_str().unwrap()).collect();
    assert_eq!(moved.len(), 4, "{moved:?}");

    // Somebody completes a milestone in the meantime: the preview is stale, and the fresh one applies.
    let walkthrough = named(&created["milestones"], "final_walkthrough")["id"].clone();
    let done = agent.call("milestone_complete", json!({"id": walkthrough, "version": 1})).await.ok();
    assert_eq!(done["milestone"]["status"], "completed");
    let stale = agent.call("key_dates_apply", json!({"plan_token": preview["plan_token"]})).await;
    assert_eq!(stale.no().0, "stale");
    let fresh = stale.content["details"].clone();
    assert_eq!(fresh["kept"][0]["title"], "Final walkthrough");
    let applied = agent.call("key_dates_apply", json!({"plan_token": fresh["plan_token"]})).await.ok();
    assert_eq!(applied["applied"].as_array().unwrap().len(), 3);
    assert_eq!(named(&applied["milestones"], "financing_contingency")["due_on"], "2026-12-11");
    assert_eq!(named(&applied["milestones"], "final_walkthrough")["due_on"], "2026-12-09");
    let twice = agent.call("key_dates_apply", json!({"plan_token": fresh["plan_token"]})).await.ok();
    assert!(twice["note"].as_str().unwrap().contains("applied before"), "{twice}");

    let again = agent.call("milestone_complete", json!({"id": walkthrough})).await.ok();
    assert!(again["note"].as_str().unwrap().contains("completed already"), "{again}");
    assert_eq!(again["milestone"]["ended_at"], done["milestone"]["ended_at"]);
    assert_eq!(again.get("receipt"), None);
    let (code, sentence) = agent.call("milestone_complete", json!({"id": walkthrough, "version": 1})).await.no();
    assert_eq!(code, "stale", "{sentence}");

    let undone = agent.call("key_dates_apply", json!({"plan_token": applied["undo_token"]})).await.ok();
    assert_eq!(undone["deal"]["key_dates"]["closing_date"], "2026-12-11");
    for before in created["milestones"].as_array().unwrap() {
        let now = undone["milestones"].as_array().unwrap().iter().find(|m| m["id"] == before["id"]).unwrap();
        assert_eq!(now["due_on"], before["due_on"]);
        assert_eq!(now["source"], before["source"]);
    }

    let title = json!("HOA documents");
    let own =
        json!({"deal_id": deal_id, "title": title, "due_on": "2026-11-20", "responsible_role": "seller_agent"});
    let added = agent.call("milestone_add", own).await.ok();
    assert_eq!(added["milestone"]["type"], "custom");
    // The deal moved on, so what was undone cannot be made again in one go; the tool for it is named.
    let late = agent.call("key_dates_apply", json!({"plan_token": undone["undo_token"]})).await;
    assert_eq!(late.no().0, "stale");
    assert_eq!(late.content["next"], "Preview the old key dates as a new change (key_dates_preview).");
    let id = added["milestone"]["id"].clone();
    let (code, _) = agent.call("milestone_waive", json!({"id": id})).await.no();
    assert_eq!(code, "invalid");
    let waived = agent.call("milestone_waive", json!({"id": id, "reason": "No association"})).await.ok();
    assert_eq!(waived["milestone"]["waive_reason"], "No association");
    agent.call("milestone_remove", json!({"id": id})).await.ok();
    assert_eq!(agent.call("milestone_explain", json!({"id": id})).await.no().0, "not_found");

    let open = json!({"deal_id": deal_id, "status": ["upcoming"], "due_to": "2026-11-04", "limit": 3});
    let page = agent.call("milestone_list", open.clone()).await.ok();
    assert_eq!(page["milestones"].as_array().unwrap().len(), 3);
    let mut next = open;
    next["cursor"] = page["next_cursor"].clone();
    let rest = agent.call("milestone_list", next).await.ok();
    assert!(!rest["milestones"].as_array().unwrap().is_empty(), "{rest}");

    let closed = agent.call("deal_update", json!({"deal_id": deal_id, "status": "closed"})).await.ok();
    assert_eq!(closed["deal"]["status"], "closed");
    assert_eq!(agent.call("key_dates_preview", change).await.no().0, "wrong_state");
}

/// What an agent says of a letter, and that nobody but it knows of it yet outside of the house.
async fn propose_a_letter(world: &World, who: &Principal, era: Era, deal: &str) -> Value {
    let agent = Agent::connect(world, who, era).await;
    let whom = agent.call(
        "policy_preview",
        json!({"email": "ann@example.org", "channel": "email", "purpose": "transactional"}),
    );
    assert_eq!(whom.await.ok()["verdict"], "allow");
    let letter = json!({
        "deal_id": deal,
        "role": "buyer",
        "subject": "A question about the inspection",
        "body": "When may the inspector come?",
        "idempotency_key": format!("letter-{era:?}"),
    });
    let proposed = agent.call("draft_propose", letter.clone()).await.ok();
    assert_eq!(agent.call("draft_propose", letter).await.ok(), proposed, "once");
    assert_eq!(
        (&proposed["draft"]["state"], &proposed["approval"]["state"]),
        (&json!("in_review"), &json!("pending"))
    );
    assert_eq!(proposed["draft"]["newest"]["recipients"][0]["address"], "a***@example.org");
    assert_eq!(proposed["receipt"]["read_back"], true, "{proposed}");
    let id = &proposed["draft"]["id"];

    let listed = agent.call("draft_get", json!({"deal_id": deal})).await.ok();
    assert_eq!(listed["drafts"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed["drafts"][0]["id"], listed["drafts"][0].get("newest")), (id, None));
    let one = agent.call("draft_get", json!({"id": id})).await.ok();
    assert_eq!(one["detail"]["draft"], proposed["draft"]);
    assert_eq!(one["detail"]["approval"], proposed["approval"]);
    assert!(!one.to_string().contains("ann@example.org"), "{one}");

    let waiting = agent.call("approval_list", json!({})).await.ok();
    let approval = waiting["approvals"].as_array().unwrap().iter().find(|a| a["subject_id"] == *id).unwrap();
    let names: Vec<&str> =
        approval["waiting_for"].as_array().unwrap().iter().filter_map(|m| m["name"].as_str()).collect();
    assert!(names.contains(&"Cora Castillo"), "{names:?}");
    let sent = agent.call("delivery_list", json!({"deal_id": deal, "channel": "email"})).await.ok();
    let to_contacts = sent["deliveries"].as_array().unwrap().iter().filter(|d| d["to_kind"] == "contact");
    assert_eq!(to_contacts.count(), 0, "nothing leaves before a person said yes: {sent}");
    proposed["draft"].clone()
}

struct Theirs {
    deal: String,
    milestone: String,
    plan: String,
    draft: String,
    approval: String,
    message: String,
    contact: String,
    member: String,
}

fn a_deal_with_a_plan(world: &World, team: &Team) -> Theirs {
    let cora = team.cora();
    let new = harness::peopled("9 Elm Road");
    let id = world.act(&cora, |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
    let detail = world.look(&cora, |cx| view::get(cx, id)).unwrap();
    let change = domain::deals::deal::key_dates::ChangeKeyDates {
        deal_id: id,
        key_dates: [("closing_date".to_owned(), Some("2026-12-18".to_owned()))].into(),
    };
    let plan = world.act(&cora, |cx| domain::deals::deal::key_dates::preview(cx, &change)).unwrap().plan_token;
    let letter = ProposeDraft {
        deal_id: id,
        role: Some("buyer".into()),
        contact_id: None,
        subject: "A question".into(),
        body: "When may we call you?".into(),
        send_at: None,
    };
    let draft = world.act(&cora, |cx| propose(cx, &letter)).unwrap();
    let message = harness::message("theirs", Channel::InApp, "", world.now());
    Theirs {
        deal: id.to_string(),
        milestone: detail.milestones[0].id.to_string(),
        plan: plan.to_string(),
        draft: draft.id.to_string(),
        approval: draft.approval_id.unwrap().to_string(),
        message: world.enqueue(team, &[message])[0].to_string(),
        contact: draft.newest.unwrap().recipients[0].contact_id.to_string(),
        member: team.members[&Role::Owner].id.to_string(),
    }
}

/// Arguments that each tool takes, but for the ids.
fn fitting(tool: &str, our_deal: &str) -> Value {
    match tool {
        "deal_update" => json!({"title": "Ours now"}),
        "milestone_add" => json!({"title": "Ours now", "due_on": "2026-11-20"}),
        "milestone_update" => json!({"title": "Ours now"}),
        "milestone_waive" => json!({"reason": "Ours now"}),
        "key_dates_preview" => json!({"key_dates": {"closing_date": "2026-12-12"}}),
        "draft_propose" => json!({"deal_id": our_deal, "subject": "A question", "body": "When may we call you?"}),
        "policy_preview" => json!({"channel": "email", "purpose": "transactional"}),
        _ => json!({}),
    }
}
