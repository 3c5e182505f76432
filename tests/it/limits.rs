//! How much a program may do: so many calls of a tool in a minute, so many changes and proposals in a day.

use std::num::NonZeroU32;
use std::sync::Barrier;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::deals::deal::ops::create;
use domain::kernel::{Code, Principal};
use domain::workspace::access::ops::For;
use domain::workspace::access::{Grant, Role};
use domain::workspace::quota;
use harness::{Agent, Answer, Era, Place, World, on_both};
use host::{Config, Host};
use mcp_server::Options;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

fn some(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

/// Another server on the world's database, with limits of its own.
fn with(world: &World, change: impl FnOnce(&mut host::config::Limits)) -> Host {
    let mut config = Config::default();
    change(&mut config.limits);
    world.host_with(Place::usual_limits(), config)
}

fn deal(title: &str) -> Value {
    json!({
        "title": title, "address": "12 Oak Street, Chicago", "side": "buyer", "financing": "cash",
        "time_zone": "America/Chicago", "key_dates": {"contract_date": "2026-10-14", "closing_date": "2026-12-11"},
    })
}

/// When one may go on, of a refusal that says it.
#[track_caller]
fn too_many(answer: &Answer) -> u64 {
    let (code, sentence) = answer.no();
    assert_eq!(code, "too_many_requests", "{sentence}");
    assert!(sentence.ends_with("Nothing was changed."), "{sentence}");
    answer.content["details"]["retry_after_seconds"].as_u64().unwrap()
}

fn app(host: &Host) -> Router {
    mcp_server::app(host, Options::default(), CancellationToken::new()).unwrap()
}

/// Status, `Retry-After` and body of a call over HTTP.
async fn over_http(app: &Router, token: &str, tool: &str, arguments: Value) -> (u16, Option<u64>, Value) {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments},
    });
    let request = Request::post("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()));
    let response = app.clone().oneshot(request.unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, after, serde_json::from_slice(&body).unwrap())
}

on_both! {
    fn a_tool_that_is_called_too_often_says_when_to_go_on_and_leaves_the_others_alone(world: World) {
        let host = with(&world, |limits| limits.tools = vec!["deal_list=2".into()]);
        let (one, other) = (world.agent(&world.team, Grant::Read), world.agent(&world.team, Grant::Write));
        world.wait_for(async {
            let agent = Agent::connect_to(&host, &one, Era::Modern, None).await;
            for _ in 0..2 {
                agent.call("deal_list", json!({})).await.ok();
            }
            assert_eq!(too_many(&agent.call("deal_list", json!({})).await), 30);
            agent.call("milestone_list", json!({})).await.ok();
            Agent::connect_to(&host, &other, Era::Modern, None).await.call("deal_list", json!({})).await.ok();
            host.clock().advance(Duration::from_secs(30));
            agent.call("deal_list", json!({})).await.ok();
        });
    }

    fn what_changes_something_has_a_smaller_budget_than_looks(world: World) {
        let host = with(&world, |limits| limits.changes_per_minute = some(2));
        let who = world.agent(&world.team, Grant::Write);
        world.wait_for(async {
            let agent = Agent::connect_to(&host, &who, Era::Modern, None).await;
            for title in ["1 Oak Street", "2 Oak Street"] {
                agent.call("deal_create", deal(title)).await.ok();
            }
            let before = world.everything(&world.team);
            assert_eq!(too_many(&agent.call("deal_create", deal("3 Oak Street")).await), 30);
            assert_eq!(world.everything(&world.team), before);
            for _ in 0..5 {
                agent.call("deal_list", json!({})).await.ok();
            }
        });
    }

    fn an_agent_on_this_machine_is_counted_as_one_over_http_is(world: World) {
        let host = with(&world, |limits| limits.calls_per_minute = some(3));
        let (token, secret) = world.token(&world.team, For::Agent("robot".into()), Grant::Read, None);
        let local = domain::workspace::access::ops::local_agent(
            world.team.id, "local agent", Grant::Read, domain::kernel::Source::Mcp,
        );
        world.wait_for(async {
            let agent = Agent::connect_to(&host, &local, Era::Modern, None).await;
            for _ in 0..3 {
                agent.call("deal_list", json!({})).await.ok();
            }
            assert_eq!(too_many(&agent.call("deal_list", json!({})).await), 20);
            // Over HTTP it is refused at the door, whatever is asked.
            let app = app(&host);
            for _ in 0..3 {
                assert_eq!(over_http(&app, &secret, "deal_list", json!({})).await.0, 200);
            }
            let (status, after, body) = over_http(&app, &secret, "deal_list", json!({})).await;
            assert_eq!((status, after, &body["code"]), (429, Some(20), &json!("too_many_requests")), "{body}");
            // Another token of the same agent has a pace of its own.
            let (_, second) = world.token(&world.team, For::Agent("robot".into()), Grant::Read, None);
            assert_eq!(over_http(&app, &second, "deal_list", json!({})).await.0, 200);
        });
        assert!(world.who(&secret).unwrap().holder().ends_with(&token.id.to_string()));
    }

    fn a_days_changes_are_counted_and_what_changed_nothing_is_not(world: World) {
        let host = with(&world, |limits| limits.changes_per_day = 2);
        let who = world.agent(&world.team, Grant::Write);
        world.wait_for(async {
            let agent = Agent::connect_to(&host, &who, Era::Modern, None).await;
            let mut first = deal("1 Oak Street");
            first["idempotency_key"] = json!("k1");
            let made = agent.call("deal_create", first.clone()).await.ok();
            // A repetition, a refusal, a look and a preview cost nothing.
            agent.call("deal_create", first.clone()).await.ok();
            agent.call("deal_create", json!({"title": "x"})).await.no();
            agent.call("deal_list", json!({})).await.ok();
            let dates = json!({"deal_id": made["deal"]["id"], "key_dates": {"closing_date": "2026-12-18"}});
            let plan = agent.call("key_dates_preview", dates).await.ok();
            agent.call("key_dates_apply", json!({"plan_token": plan["plan_token"]})).await.ok();
            let before = world.everything(&world.team);
            let no = agent.call("deal_create", deal("2 Oak Street")).await;
            // It is 15:00 in UTC.
            assert_eq!(too_many(&no), 9 * 3600);
            assert_eq!(
                (no.content["sentence"].as_str().unwrap(), no.content["next"].as_str().unwrap()),
                (
                    "The 2 changes that this token may make in a UTC day are used up. Nothing was changed.",
                    "Go on from 2026-10-15T00:00:00Z on, or ask the person who runs Milepost for more \
                     (limits.changes_per_day)."
                )
            );
            assert_eq!(world.everything(&world.team), before);
            agent.call("deal_create", first).await.ok();
            world.set_clock("2026-10-15T00:00:00Z");
            agent.call("deal_create", deal("2 Oak Street")).await.ok();
        });
        world.log_is_whole(&world.team);
    }

    fn proposals_have_a_count_of_their_own(world: World) {
        let host = with(&world, |limits| (limits.changes_per_day, limits.proposals_per_day) = (1, 1));
        let id = world.peopled_deal("12 Oak Street").to_string();
        let who = world.agent(&world.team, Grant::Write);
        let letter = json!({"deal_id": id, "role": "buyer", "subject": "A question", "body": "When may we call you?"});
        world.wait_for(async {
            let agent = Agent::connect_to(&host, &who, Era::Modern, None).await;
            agent.call("draft_propose", letter.clone()).await.ok();
            let no = agent.call("draft_propose", letter).await;
            too_many(&no);
            assert!(no.content["next"].as_str().unwrap().contains("limits.proposals_per_day"), "{}", no.content);
            agent.call("deal_update", json!({"deal_id": id, "title": "12 Oak"})).await.ok();
            too_many(&agent.call("deal_update", json!({"deal_id": id, "title": "12 Oak Street"})).await);
        });
        let today = world.look(&world.team.as_(Role::Admin), quota::ops::today).unwrap();
        assert_eq!(today[&who.holder()], quota::Used { changes: 1, proposals: 1 });
    }

    fn all_servers_count_together_also_at_the_same_moment(world: World) {
        let hosts: Vec<Host> = (0..4).map(|_| with(&world, |limits| limits.changes_per_day = 5)).collect();
        let who = world.agent(&world.team, Grant::Write);
        let start = Barrier::new(8);
        let made: usize = std::thread::scope(|threads| {
            let running: Vec<_> = (0..8)
                .map(|n| {
                    let (start, host, who, world) = (&start, &hosts[n % 4], &who, &world);
                    threads.spawn(move || {
                        let new = harness::deal(&format!("{n} Oak Street"), harness::DATES);
                        start.wait();
                        let done = world.wait_for(host.act(who, move |cx| create(cx, &new)));
                        done.inspect_err(|no| assert_eq!(no.code, Code::TooManyRequests, "{no}")).is_ok()
                    })
                })
                .collect();
            running.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
        });
        assert_eq!((made, world.count(&world.team, "deals")), (5, 5));
        world.log_is_whole(&world.team);
    }

    fn people_are_not_counted_and_no_limit_is_no_limit(world: World) {
        let new = |n: usize| harness::deal(&format!("{n} Oak Street"), harness::DATES);
        let make = |host: &Host, who: &Principal, n: usize| {
            let new = new(n);
            world.wait_for(host.act(who, move |cx| create(cx, &new))).map(drop)
        };
        let strict = with(&world, |limits| limits.changes_per_day = 1);
        for n in 0..3 {
            make(&strict, &world.team.cora(), n).unwrap();
        }
        // A member's own token through the agents' protocol may be a model's.
        let cora = For::Member(world.team.members[&Role::Coordinator].id);
        let (_, secret) = world.token(&world.team, cora, Grant::Write, None);
        let through_mcp = world.who(&secret).unwrap();
        make(&strict, &through_mcp, 3).unwrap();
        assert_eq!(make(&strict, &through_mcp, 4).unwrap_err().code, Code::TooManyRequests);
        let lax = with(&world, |limits| limits.changes_per_day = 0);
        for n in 5..8 {
            make(&lax, &through_mcp, n).unwrap();
        }
    }

    fn what_was_counted_long_ago_is_forgotten(world: World) {
        let who = world.agent(&world.team, Grant::Write);
        for n in 0..10 {
            let new = harness::deal(&format!("{n} Oak Street"), harness::DATES);
            world.wait_for(world.host.act(&who, move |cx| create(cx, &new))).unwrap();
            world.hours_pass(24);
        }
        assert_eq!(world.count(&world.team, "agent_days"), 8);
    }

    fn rest_says_when_to_go_on_as_well(world: World) {
        let host = with(&world, |limits| limits.calls_per_minute = some(1));
        let (_, secret) = world.token(&world.team, For::Agent("robot".into()), Grant::Read, None);
        let app = web::router(&host);
        world.wait_for(async {
            let ask = || async {
                let request = Request::get("/api/v1/approvals")
                    .header("host", "localhost")
                    .header("authorization", format!("Bearer {secret}"));
                let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
                let after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
                (response.status().as_u16(), after)
            };
            assert_eq!(ask().await, (200, None));
            assert_eq!(ask().await, (429, Some("60".into())));
        });
    }
}

#[test]
fn a_limit_for_a_tool_that_there_is_not_stops_the_start() {
    let world = World::new(Place::file());
    let host = with(&world, |limits| limits.tools = vec!["deal_lists=2".into()]);
    let no = mcp_server::server(&host, &Options::default()).err().unwrap();
    assert_eq!(
        no.to_string(),
        "limits.tools names deal_lists, and there is no such tool. Did you mean deal_list? Nothing was started."
    );
}
