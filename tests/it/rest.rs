//! REST as a program meets it: a token, JSON, pages, and problems it can act on.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::delivery::outbox::ops::enqueue;
use domain::delivery::{Content, NewMessage, Priority, Purpose, To};
use domain::people::reach::{Channel, Topic};
use domain::workspace::access::ops::For;
use domain::workspace::access::{Grant, Role};
use harness::{Team, World, on_both, unknown_id};
use serde_json::{Value, json};
use tower::ServiceExt;

struct Program {
    app: Router,
    token: String,
}

impl Program {
    /// One that acts as the team's owner, with this scope.
    fn of(world: &World, team: &Team, scope: Grant) -> Self {
        let (_, token) = world.token(team, For::Member(team.members[&Role::Owner].id), scope, None);
        Self { app: web::router(&world.host), token }
    }

    async fn ask(&self, method: &str, path: &str, body: impl Into<String>) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {}", self.token))
            .body(Body::from(body.into()))
            .unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, "").await
    }
}

/// So many messages to the team's owner.
fn messages(world: &World, team: &Team, count: usize) -> Vec<domain::kernel::id::MessageId> {
    let owner = team.members[&Role::Owner].id;
    let now = world.now();
    let new: Vec<NewMessage> = (0..count)
        .map(|n| NewMessage {
            occasion: format!("test:{n}"),
            topic: Topic::Message,
            purpose: Purpose::Internal,
            channel: Channel::InApp,
            to: To::Member(owner),
            address: String::new(),
            deal_id: None,
            approval_id: None,
            batch_id: None,
            content: Content { subject: format!("Note {n}"), text: "Hello".into(), ..Content::default() },
            priority: Priority::Usual,
            due_at: now,
            expires_at: None,
        })
        .collect();
    world.act(&team.operator(), |cx| enqueue(cx, &new)).unwrap().into_iter().map(|e| e.id()).collect()
}

const LISTS: [&str; 3] = ["/api/v1/approvals", "/api/v1/deliveries", "/api/v1/notifications"];

on_both! {
    fn without_a_token_nothing_is_shown(world: World) {
        let mut program = Program::of(&world, &world.team, Grant::Read);
        program.token = "milep_pat_nonsense".into();
        world.wait_for(async {
            for path in LISTS {
                let (status, problem) = program.get(path).await;
                assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")), "{path}: {problem}");
            }
        });
    }

    fn a_list_is_read_page_by_page_and_misses_nothing(world: World) {
        let ids = messages(&world, &world.team, 5);
        let program = Program::of(&world, &world.team, Grant::Read);
        world.wait_for(async {
            let (mut seen, mut path) = (Vec::new(), "/api/v1/deliveries?limit=2&status=queued".to_owned());
            loop {
                let (status, page) = program.get(&path).await;
                assert_eq!(status, 200, "{page}");
                let items = page["items"].as_array().unwrap();
                seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
                let Some(cursor) = page["next_cursor"].as_str() else { break };
                path = format!("/api/v1/deliveries?limit=2&status=queued&cursor={cursor}");
            }
            let mut expected: Vec<String> = ids.iter().map(|id| id.to_string()).collect();
            expected.reverse();
            assert_eq!(seen, expected);
            let (_, none) = program.get("/api/v1/deliveries?status=sent,failed&status=dead").await;
            assert_eq!(none["items"], json!([]));
        });
    }

    fn what_is_wrong_with_a_question_is_said_by_name(world: World) {
        let program = Program::of(&world, &world.team, Grant::Read);
        world.wait_for(async {
            for (path, field) in [
                ("/api/v1/deliveries?limit=1000", "limit"),
                ("/api/v1/deliveries?limit=many", "limit"),
                ("/api/v1/deliveries?cursor=zz", "cursor"),
                ("/api/v1/deliveries?status=lost", "status[0]"),
                ("/api/v1/deliveries?colour=red", "colour"),
                ("/api/v1/approvals?state=maybe", "state[0]"),
                ("/api/v1/notifications?unread=perhaps", "unread"),
            ] {
                let (status, problem) = program.get(path).await;
                assert_eq!((status, &problem["code"]), (422, &json!("invalid")), "{path}: {problem}");
                assert_eq!(problem["problems"][0]["field"], field, "{path}: {problem}");
            }
            for (body, status) in [
                ("[]", 400),
                ("{\"ids\": [], \"ids\": []}", 400),
                ("{\"ids\": \"all\"}", 422),
                ("nonsense", 400),
                ("{\"ids\": [\"\\u0000\"]}", 400),
            ] {
                let (found, problem) = program.ask("POST", "/api/v1/notifications/read", body).await;
                assert_eq!(found, status, "{body}: {problem}");
            }
            let huge = format!("{{\"ids\": [\"{}\"]}}", "x".repeat(2 << 20));
            assert_eq!(program.ask("POST", "/api/v1/notifications/read", huge).await.0, 413);
            assert_eq!(program.ask("DELETE", "/api/v1/deliveries", "").await.0, 405);
            assert_eq!(program.get("/api/v1/nowhere").await.0, 404);
        });
    }

    fn anothers_message_is_answered_like_one_that_never_was(world: World) {
        let stranger = world.found("harbor", "harbor.example");
        let theirs = messages(&world, &stranger, 1)[0];
        let program = Program::of(&world, &world.team, Grant::Read);
        world.wait_for(async {
            let never: domain::kernel::id::MessageId = unknown_id();
            let (status, foreign) = program.get(&format!("/api/v1/deliveries/{theirs}")).await;
            let (_, unknown) = program.get(&format!("/api/v1/deliveries/{never}")).await;
            assert_eq!((status, &foreign), (404, &unknown));
            let (_, all) = program.get("/api/v1/deliveries").await;
            assert_eq!(all["items"], json!([]));
        });
    }
}
