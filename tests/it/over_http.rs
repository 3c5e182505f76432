//! Tokens at the door of `/mcp`.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::workspace::access::ops::{For, revoke_token};
use domain::workspace::access::{Grant, Role};
use domain::workspace::member::{self, MemberStatus};
use harness::{World, on_both};
use mcp_server::Options;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

fn app(world: &World) -> Router {
    mcp_server::app(&world.host, Options::default(), CancellationToken::new()).unwrap()
}

/// Lists the deals, and returns the status and the body.
async fn list_deals(app: &Router, token: Option<&str>) -> (u16, Value) {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "deal_list", "arguments": {}},
    });
    let mut request = Request::post("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = app.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

on_both! {
    fn a_token_opens_the_door_until_it_is_revoked_or_expires(world: World) {
        let team = &world.team;
        let app = app(&world);
        let (agent, secret) = world.token(team, For::Agent("scheduler".into()), Grant::Read, None);
        let (_, brief) = world.token(team, For::Agent("visitor".into()), Grant::Read, Some(1));
        let mike = &team.members[&Role::Member];
        let (_, personal) = world.token(team, For::Member(mike.id), Grant::Write, None);
        world.wait_for(async {
            for token in [&secret, &brief, &personal] {
                let (status, body) = list_deals(&app, Some(token)).await;
                assert_eq!((status, &body["result"]["structuredContent"]["deals"]), (200, &json!([])), "{body}");
            }
            world.act(&team.as_(Role::Owner), |cx| revoke_token(cx, agent.id)).unwrap();
            world.hours_pass(25);
            let away = |cx: &mut domain::kernel::Cx<'_>| {
                member::ops::change(cx, mike.id, Role::Member, MemberStatus::Inactive)
            };
            world.act(&team.as_(Role::Owner), away).unwrap();
            let (_, unknown) = list_deals(&app, Some("milep_mcp_nonsense")).await;
            assert_eq!(unknown["code"], "unauthenticated");
            for token in [&secret, &brief, &personal] {
                // Revoked, expired, of somebody who left, and never known: nobody can tell them apart.
                assert_eq!(list_deals(&app, Some(token)).await, (401, unknown.clone()));
            }
            assert_eq!(list_deals(&app, None).await.0, 401);
        });
    }

    fn a_tokens_last_use_is_written_down(world: World) {
        let team = &world.team;
        let (token, secret) = world.token(team, For::Agent("scheduler".into()), Grant::Read, None);
        let app = app(&world);
        world.wait_for(async { assert_eq!(list_deals(&app, Some(&secret)).await.0, 200) });
        let tokens = world.look(&team.operator(), domain::workspace::access::ops::list_tokens).unwrap();
        let used = tokens.iter().find(|t| t.id == token.id).unwrap().last_used_at;
        assert_eq!(used, Some(world.now()));
    }

    fn one_caller_who_asks_too_often_is_told_to_wait(world: World) {
        let limits = harness::Place::usual_limits();
        let mut config = host::Config::default();
        config.limits.calls_per_minute = std::num::NonZeroU32::new(2).unwrap();
        let host = world.host_with(limits, config);
        let app = mcp_server::app(&host, Options::default(), CancellationToken::new()).unwrap();
        let (_, busy) = world.token(&world.team, For::Agent("busy".into()), Grant::Read, None);
        let (_, calm) = world.token(&world.team, For::Agent("calm".into()), Grant::Read, None);
        world.wait_for(async {
            assert_eq!(list_deals(&app, Some(&busy)).await.0, 200);
            assert_eq!(list_deals(&app, Some(&busy)).await.0, 200);
            let (status, body) = list_deals(&app, Some(&busy)).await;
            assert_eq!((status, &body["code"]), (429, &json!("too_many_requests")), "{body}");
            assert_eq!(list_deals(&app, Some(&calm)).await.0, 200);
        });
    }
}
