//! The record of calls: whoever asks later which program did what finds every call, and everything that it changed.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use diesel::connection::SimpleConnection;
use domain::insight::calls::ops::{ListCalls, beyond, drop_beyond, get, list};
use domain::insight::calls::{CallView, Ended};
use domain::kernel::call::{Call, CallRow};
use domain::kernel::canonical::{bytes, hex, sha256};
use domain::kernel::db::Limits;
use domain::kernel::page::Ask;
use domain::kernel::{Code, Conn, Principal};
use domain::workspace::access::ops::For;
use domain::workspace::access::{Grant, Role};
use harness::{Agent, Era, Place, World, on_both};
use host::sweep::Sweep;
use mcp_server::Options;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

fn oak_street() -> Value {
    json!({
        "title": "12 Oak Street", "address": "12 Oak Street, Chicago", "side": "buyer", "financing": "cash",
        "time_zone": "America/Chicago", "key_dates": {"contract_date": "2026-10-14", "closing_date": "2026-12-11"},
        "parties": [{"role": "buyer", "name": "Ann Lee", "email": "ann@example.com"}],
    })
}

/// The calls of the workspace, the oldest first.
fn calls(world: &World) -> Vec<CallView> {
    let wanted = ListCalls { ask: Ask { cursor: None, limit: Some(100) }, ..ListCalls::default() };
    let mut all = world.look(&world.team.as_(Role::Admin), |cx| list(cx, &wanted)).unwrap().items;
    all.reverse();
    all
}

fn written(world: &World) -> Vec<CallView> {
    assert!(world.wait_for(world.host.write_calls()));
    calls(world)
}

fn short(calls: &[CallView]) -> Vec<(&str, Option<&str>, bool)> {
    calls.iter().map(|call| (call.tool.as_str(), call.outcome.as_deref(), call.changed)).collect()
}

fn app(world: &World) -> Router {
    mcp_server::app(&world.host, Options::default(), CancellationToken::new()).unwrap()
}

async fn ask(app: &Router, token: &str, id: Value, tool: &str, arguments: Value) -> (u16, Value) {
    let body = json!({
        "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments},
    });
    let request = Request::post("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .header("authorization", format!("Bearer {token}"));
    let response = app.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// A call of a tool by this principal, as the record begins it.
fn begun(world: &World, who: &Principal, tool: &str) -> (Principal, Ended) {
    let call = Call {
        id: world.host.mint_call(),
        at: world.now(),
        tool: tool.into(),
        arguments_hash: hex(&sha256(&[b"{}"])),
        request_id: "1".into(),
    };
    let row = CallRow { outcome: Some("ok".into()), duration_ms: Some(3), ..CallRow::begun(who, &call) };
    (Principal { call: Some(call.into()), ..who.clone() }, Ended { row, only_looks: true })
}

/// Holds what the writer of calls needs, on a connection of its own, until it is dropped.
fn lock(world: &World) -> (domain::kernel::Db, Conn) {
    let other = world.place.open(Place::usual_limits());
    let mut held = other.raw().unwrap();
    match &mut held {
        Conn::Pg(c) => c.batch_execute("BEGIN; LOCK TABLE tool_calls IN EXCLUSIVE MODE").unwrap(),
        Conn::Lite(c) => c.batch_execute("BEGIN IMMEDIATE").unwrap(),
    }
    (other, held)
}

on_both! {
    fn every_call_is_written_down_whatever_came_of_it(world: World) {
        let (token, secret) = world.token(&world.team, For::Agent("robot".into()), Grant::Propose, None);
        let app = app(&world);
        let arguments = json!({"limit": 5, "status": ["active"]});
        world.wait_for(async {
            ask(&app, &secret, json!(7), "deal_list", arguments.clone()).await;
            ask(&app, &secret, json!("seven"), "deal_list", json!({"limit": 0})).await;
            ask(&app, &secret, json!(8), "deal_create", oak_street()).await;
            ask(&app, &secret, json!(9), "deal_get", json!({"id": "01900000-0000-7000-8000-00000000dead"})).await;
            let (_, unknown) = ask(&app, &secret, json!(10), "deal\u{202e}_lst", json!({})).await;
            assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
        });
        assert_eq!(calls(&world), []);
        let all = written(&world);
        assert_eq!(
            short(&all),
            [
                ("deal_list", Some("ok"), false),
                ("deal_list", Some("invalid"), false),
                ("deal_create", Some("forbidden"), false),
                ("deal_get", Some("not_found"), false),
                ("deal _lst", Some("no_such_tool"), false),
            ]
        );
        let first = &all[0];
        assert_eq!((first.actor.as_str(), first.actor_kind.as_str(), first.source.as_str()), ("robot", "agent", "mcp"));
        assert_eq!((first.token_id, first.duration_ms), (Some(token.id), Some(0)));
        assert_eq!(first.arguments_hash, hex(&sha256(&[&bytes(&arguments)])));
        assert_eq!(all.iter().map(|call| call.request_id.as_str()).collect::<Vec<_>>(), ["7", "\"seven\"", "8", "9", "10"]);
        assert_eq!(world.look(&world.team.as_(Role::Admin), |cx| get(cx, first.id)).unwrap().events, []);
    }

    fn all_that_one_call_changed_is_found_by_its_id(world: World) {
        let who = world.agent(&world.team, Grant::Write);
        for era in Era::BOTH {
            world.wait_for(async {
                let agent = Agent::connect(&world, &who, era).await;
                let made = agent.call("deal_create", oak_street()).await.ok();
                let dates = json!({"deal_id": made["deal"]["id"], "key_dates": {"closing_date": "2026-12-18"}});
                let plan = agent.call("key_dates_preview", dates).await.ok();
                agent.call("key_dates_apply", json!({"plan_token": plan["plan_token"]})).await.ok();
            });
        }
        let events = world.look(&world.team.as_(Role::Admin), |cx| domain::insight::event_log::ops::export(cx, 0)).unwrap();
        let all = written(&world);
        let expected = [
            ("deal_create", Some("ok"), true),
            ("key_dates_preview", Some("ok"), false),
            ("key_dates_apply", Some("ok"), true),
        ];
        assert_eq!(short(&all), [expected, expected].concat());
        let mut found = 0;
        for call in &all {
            let detail = world.look(&world.team.as_(Role::Admin), |cx| get(cx, call.id)).unwrap();
            assert_eq!(detail.events.is_empty(), !call.changed, "{call:?}");
            found += detail.events.len();
        }
        let by_agents = events.iter().filter(|event| event.source == "mcp").count();
        assert!(by_agents > 5, "{by_agents}");
        assert_eq!(found, by_agents, "an event of an agent belongs to no call");
        world.log_is_whole(&world.team);
    }

    fn a_change_is_never_there_without_its_call(world: World) {
        let who = world.agent(&world.team, Grant::Write);
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            agent.call("deal_list", json!({})).await.ok();
            agent.call("deal_create", oak_street()).await.ok();
        });
        // Nothing was written down afterwards: as if the process had died.
        let all = calls(&world);
        assert_eq!(short(&all), [("deal_create", None, true)]);
        assert!(!world.look(&world.team.as_(Role::Admin), |cx| get(cx, all[0].id)).unwrap().events.is_empty());
    }

    fn a_change_that_was_not_made_left_no_trace_of_one(world: World) {
        let who = world.agent(&world.team, Grant::Write);
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            let mut wrong = oak_street();
            wrong["side"] = json!("middle");
            agent.call("deal_create", wrong).await.no();
        });
        assert_eq!(calls(&world), []);
        assert_eq!(short(&written(&world)), [("deal_create", Some("invalid"), false)]);
    }

    fn calls_are_answered_while_they_cannot_be_written_down_and_written_down_later(world: World) {
        let hasty = world.host_with(Limits { connections: 4, wait: Duration::from_millis(200) }, host::Config::default());
        let (_, secret) = world.token(&world.team, For::Agent("robot".into()), Grant::Read, None);
        let app = mcp_server::app(&hasty, Options::default(), CancellationToken::new()).unwrap();
        let held = lock(&world);
        world.wait_for(async {
            assert_eq!(ask(&app, &secret, json!(1), "deal_list", json!({})).await.0, 200);
            assert!(!hasty.write_calls().await);
            assert_eq!(ask(&app, &secret, json!(2), "deal_list", json!({})).await.0, 200);
        });
        drop(held);
        assert!(world.wait_for(hasty.write_calls()));
        let ids: Vec<_> = calls(&world).into_iter().map(|call| call.request_id).collect();
        assert_eq!((ids, hasty.calls_lost()), (vec!["1".to_owned(), "2".to_owned()], 0));
    }

    fn there_is_a_bound_to_what_waits_and_what_is_beyond_is_counted(world: World) {
        let who = world.agent(&world.team, Grant::Read);
        let most = host::calls::MOST_WAITING;
        let (_, ended) = begun(&world, &who, "deal_list");
        for _ in 0..most + 3 {
            world.host.note_call(ended.clone());
        }
        assert_eq!(world.host.calls_lost(), 3);
        // All of them are the same call, which is written down once.
        assert_eq!(written(&world).len(), 1);
        world.host.note_call(ended);
        assert_eq!((written(&world).len(), world.host.calls_lost()), (1, 3));
    }

    fn only_admins_read_it_and_of_their_own_workspace(world: World) {
        let who = world.agent(&world.team, Grant::Read);
        world.wait_for(async {
            Agent::connect(&world, &who, Era::Modern).await.call("deal_list", json!({})).await.ok();
        });
        let id = written(&world)[0].id;
        let strangers = world.found("harbor", "harbor.example");
        assert_eq!(world.look(&strangers.as_(Role::Owner), |cx| list(cx, &ListCalls::default())).unwrap().items, []);
        let foreign = world.look(&strangers.as_(Role::Owner), |cx| get(cx, id)).unwrap_err();
        let never = domain::kernel::id::CorrelationId(uuid::Uuid::nil());
        assert_eq!(foreign, world.look(&strangers.as_(Role::Owner), |cx| get(cx, never)).unwrap_err());
        for role in [Role::Coordinator, Role::Member, Role::Viewer] {
            let no = world.look(&world.team.as_(role), |cx| list(cx, &ListCalls::default())).unwrap_err();
            assert_eq!(no.code, Code::Forbidden, "{role}");
            assert_eq!(world.look(&world.team.as_(role), |cx| get(cx, id)).unwrap_err().code, Code::Forbidden);
        }
        assert!(world.look(&who, |cx| list(cx, &ListCalls::default())).is_err());
    }

    fn what_is_asked_for_is_what_is_listed(world: World) {
        let (reader, writer) = (world.agent(&world.team, Grant::Read), world.agent(&world.team, Grant::Write));
        world.wait_for(async {
            let agent = Agent::connect(&world, &reader, Era::Modern).await;
            agent.call("deal_list", json!({})).await.ok();
            agent.call("milestone_list", json!({"limit": 0})).await.no();
        });
        world.hours_pass(1);
        let between = world.now();
        world.wait_for(async {
            Agent::connect(&world, &writer, Era::Modern).await.call("deal_create", oak_street()).await.ok();
        });
        written(&world);
        let admin = world.team.as_(Role::Admin);
        let found = |wanted: ListCalls| -> Vec<String> {
            let all = world.look(&admin, |cx| list(cx, &wanted)).unwrap();
            all.items.into_iter().map(|call| call.tool).collect()
        };
        let any = ListCalls::default;
        assert_eq!(found(any()), ["deal_create", "milestone_list", "deal_list"]);
        assert_eq!(found(ListCalls { actor: Some("agent-read".into()), ..any() }), ["milestone_list", "deal_list"]);
        assert_eq!(found(ListCalls { tool: Some("deal_list".into()), ..any() }), ["deal_list"]);
        assert_eq!(found(ListCalls { outcome: Some("invalid".into()), ..any() }), ["milestone_list"]);
        assert_eq!(found(ListCalls { changed: true, ..any() }), ["deal_create"]);
        assert_eq!(found(ListCalls { since: Some(between), ..any() }), ["deal_create"]);
        assert_eq!(found(ListCalls { until: Some(between), ..any() }), ["milestone_list", "deal_list"]);
        let domain::kernel::Credential::Token(token) = writer.credential else { panic!("no token") };
        assert_eq!(found(ListCalls { token_id: Some(token), ..any() }), ["deal_create"]);
        let mut pages = Vec::new();
        let mut ask = Ask { cursor: None, limit: Some(1) };
        loop {
            let page = world.look(&admin, |cx| list(cx, &ListCalls { ask: ask.clone(), ..any() })).unwrap();
            pages.extend(page.items.into_iter().map(|call| call.tool));
            match page.next_cursor {
                Some(cursor) => ask.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(pages, ["deal_create", "milestone_list", "deal_list"]);
    }

    fn old_calls_are_forgotten_by_the_sweep(world: World) {
        let who = world.agent(&world.team, Grant::Write);
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            agent.call("deal_list", json!({})).await.ok();
            agent.call("deal_create", oak_street()).await.ok();
        });
        written(&world);
        let events = world.events(&world.team).len();
        let sweep = || {
            world.wait_for(Sweep::new(&world.host).tick());
        };
        world.hours_pass(24 * 90 - 1);
        world.wait_for(async {
            Agent::connect(&world, &who, Era::Modern).await.call("milestone_list", json!({})).await.ok();
        });
        written(&world);
        sweep();
        assert_eq!(short(&calls(&world)).len(), 3);
        world.hours_pass(1);
        world.host.clock().advance(Duration::from_secs(60));
        sweep();
        assert_eq!(short(&calls(&world)), [("milestone_list", Some("ok"), false)]);
        // The log itself forgets nothing.
        assert!(world.events(&world.team).len() >= events);
        world.log_is_whole(&world.team);
    }

    fn a_flood_of_looks_pushes_no_change_out_of_the_record(world: World) {
        let who = world.agent(&world.team, Grant::Write);
        world.wait_for(async {
            let agent = Agent::connect(&world, &who, Era::Modern).await;
            for _ in 0..2 {
                agent.call("deal_list", json!({})).await.ok();
            }
            agent.call("deal_create", oak_street()).await.ok();
            for _ in 0..3 {
                agent.call("milestone_list", json!({})).await.ok();
            }
        });
        written(&world);
        let operator = world.team.operator();
        let last = world.look(&operator, |cx| beyond(cx, 2)).unwrap().unwrap();
        assert!(!world.act(&operator, |cx| drop_beyond(cx, last)).unwrap());
        let left = calls(&world);
        assert_eq!(short(&left).iter().map(|call| call.0).collect::<Vec<_>>(), ["deal_create", "milestone_list", "milestone_list"]);
        assert_eq!(world.look(&operator, |cx| beyond(cx, 3)).unwrap(), None);
    }
}
