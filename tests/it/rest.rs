//! REST as a program meets it: a token, JSON, pages, and problems it can act on.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::deals::followup::review::{Decide, decide};
use domain::delivery::outbox::ops::enqueue;
use domain::delivery::{Content, NewMessage, Priority, Purpose, To};
use domain::people::reach::{Channel, Topic};
use domain::workspace::access::ops::For;
use domain::workspace::access::{Grant, Role};
use domain::workspace::approval::Choice;
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
        self.ask_once(method, path, body, None).await
    }

    async fn ask_once(
        &self,
        method: &str,
        path: &str,
        body: impl Into<String>,
        key: Option<&str>,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {}", self.token));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(body.into())).unwrap();
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

const LISTS: [&str; 4] = ["/api/v1/approvals", "/api/v1/deliveries", "/api/v1/drafts", "/api/v1/notifications"];

/// A letter to the buyer, with other members as said.
fn letter(deal: impl ToString, other: Value) -> String {
    let mut letter = json!({
        "deal_id": deal.to_string(), "role": "buyer", "subject": "A question", "body": "When may we call you?"
    });
    letter.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    letter.to_string()
}

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

    fn a_milestone_is_put_off_and_only_under_its_own_deal(world: World) {
        let deal = world.create(&harness::deal("12 Oak Street", harness::DATES));
        let other = world.create(&harness::deal("9 Elm Street", harness::DATES));
        let id = world.milestone(deal, "inspection").id;
        let program = Program::of(&world, &world.team, Grant::Write);
        world.wait_for(async {
            let path = |deal: &dyn std::fmt::Display| format!("/api/v1/deals/{deal}/milestones/{id}/snooze");
            let (status, put_off) = program.ask("POST", &path(&deal), r#"{"days": 2}"#).await;
            assert_eq!((status, &put_off["until"]), (200, &json!("2026-10-16")), "{put_off}");
            let (status, again) = program.ask("POST", &path(&deal), r#"{"days": 2}"#).await;
            assert_eq!((status, again["already"].is_string()), (200, true), "{again}");
            let (status, problem) = program.ask("POST", &path(&deal), r#"{"days": 15}"#).await;
            assert_eq!((status, &problem["code"]), (422, &json!("invalid")), "{problem}");
            let elsewhere = program.ask("POST", &path(&other), "{}").await;
            let nowhere = program.ask("POST", &path(&unknown_id::<domain::kernel::id::DealId>()), "{}").await;
            assert_eq!(elsewhere.0, 404);
            assert_eq!(elsewhere, nowhere);
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

    fn a_program_proposes_a_letter_once_and_gives_it_other_words(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let program = Program::of(&world, &world.team, Grant::Propose);
        world.wait_for(async {
            let new = letter(deal, json!({}));
            let (status, draft) = program.ask_once("POST", "/api/v1/drafts", new.clone(), Some("one")).await;
            assert_eq!((status, &draft["state"]), (201, &json!("in_review")), "{draft}");
            let again = program.ask_once("POST", "/api/v1/drafts", new, Some("one")).await;
            assert_eq!(again, (201, draft.clone()));
            let other = letter(deal, json!({"subject": "Another question"}));
            let (status, problem) = program.ask_once("POST", "/api/v1/drafts", other, Some("one")).await;
            assert_eq!(problem["code"], "key_reused", "{status} {problem}");
            let path = format!("/api/v1/drafts/{}", draft["id"].as_str().unwrap());

            let words = json!({"version": 1, "subject": "One more question"}).to_string();
            let (status, edited) = program.ask_once("PATCH", &path, words.clone(), Some("two")).await;
            assert_eq!((status, &edited["newest"]["version"]), (200, &json!(2)), "{edited}");
            assert_ne!(edited["approval_id"], draft["approval_id"], "other words are asked about anew");
            assert_eq!(program.ask_once("PATCH", &path, words.clone(), Some("two")).await, (200, edited.clone()));
            let (_, problem) = program.ask("PATCH", &path, words).await;
            assert_eq!(problem["code"], "stale", "{problem}");

            let (status, one) = program.get(&path).await;
            assert_eq!((status, one["versions"].as_array().unwrap().len()), (200, 2), "{one}");
            assert_eq!(one["draft"], edited);
            let (_, all) = program.get(&format!("/api/v1/drafts?deal_id={deal}&state=in_review,blocked")).await;
            assert_eq!(all["items"], json!([edited]));
            let (_, before) = program.get(&format!("/api/v1/approvals/{}", draft["approval_id"].as_str().unwrap())).await;
            assert_eq!(before["approval"]["state"], "superseded", "{before}");
        });
        world.log_is_whole(&world.team);
    }

    fn a_token_decides_nothing_and_is_told_who_does(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let message = messages(&world, &world.team, 1)[0];
        for scope in Grant::ALL {
            let program = Program::of(&world, &world.team, *scope);
            world.wait_for(async {
                let path = format!("/api/v1/approvals/{}/votes", draft.approval_id.unwrap());
                for body in ["{\"choice\": \"approve\"}", "", "nonsense"] {
                    let (status, problem) = program.ask("POST", &path, body).await;
                    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "{problem}");
                    let told = problem.to_string();
                    assert!(told.contains("No vote was counted") && told.contains("milepost approval vote"), "{told}");
                }
                for path in [
                    format!("/api/v1/deliveries/{message}/cancel"),
                    format!("/api/v1/deliveries/{message}/resolve"),
                    format!("/api/v1/drafts/{}/decide", draft.id),
                ] {
                    assert_eq!(program.ask("POST", &path, "{}").await.0, 404, "{path}");
                }
                assert_eq!(program.ask("DELETE", &format!("/api/v1/drafts/{}", draft.id), "").await.0, 405);
                let proposed = program.ask("POST", "/api/v1/drafts", letter(deal, json!({}))).await.0;
                assert_eq!(proposed, if *scope == Grant::Read { 403 } else { 201 }, "{scope}");
            });
            assert_eq!(world.status(message), domain::delivery::Status::Queued);
        }
        let approval = draft.approval_id.unwrap();
        let stands = world.look(&world.team.cora(), |cx| domain::workspace::approval::ops::get(cx, approval)).unwrap();
        assert_eq!(stands.votes, []);
    }

    fn a_decision_of_the_policy_is_read_and_decided_again_from_what_was_known(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let yes = Decide { approval_id: draft.approval_id.unwrap(), choice: Choice::Approve, feedback: None, despite: None, send_at: None, etag: None };
        let message = world.act(&world.team.cora(), |cx| decide(cx, &yes)).unwrap().queued[0];
        world.claim(100);
        let program = Program::of(&world, &world.team, Grant::Read);
        world.wait_for(async {
            let (status, decisions) = program.get(&format!("/api/v1/deliveries/{message}/decisions")).await;
            assert_eq!((status, decisions["items"].as_array().unwrap().len()), (200, 1), "{decisions}");
            let first = &decisions["items"][0];
            assert_eq!((&first["verdict"], &first["message_id"]), (&json!("allow"), &json!(message)));
            let (status, replay) = program.get(&format!("/api/v1/policy/decisions/{}", first["id"].as_str().unwrap())).await;
            assert_eq!((status, &replay["same"], &replay["stored"]), (200, &json!(true), first), "{replay}");
            assert!(!replay.to_string().contains("ann@example.org"), "{replay}");

            let ask = json!({"email": "ann@example.org", "channel": "email", "purpose": "transactional"});
            let (status, policy) = program.ask("POST", "/api/v1/policy/preview", ask.to_string()).await;
            assert_eq!((status, &policy["verdict"]), (200, &json!("allow")), "{policy}");
            assert!(!policy["rule_trace"].as_array().unwrap().is_empty());
        });
    }

    fn a_draft_is_previewed_and_taken_back_and_its_approval_shows_the_words(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let (_, token) = world.token(&world.team, For::Agent("robot".into()), Grant::Write, None);
        let robot = Program { app: web::router(&world.host), token };
        let program = Program::of(&world, &world.team, Grant::Write);
        world.wait_for(async {
            let path = format!("/api/v1/drafts/{}", draft.id);
            let (status, seen) = program.get(&format!("{path}/preview?at=2026-10-15T03:30:00Z")).await;
            assert_eq!((status, &seen["messages"][0]["policy"]["verdict"]), (200, &json!("defer")), "{seen}");
            assert!(seen["messages"][0]["content"]["text"].as_str().unwrap().starts_with("Hello Ann Lee,"), "{seen}");
            let (status, problem) = program.get(&format!("{path}/preview?at=2020-01-01T00:00:00Z")).await;
            assert_eq!((status, &problem["problems"][0]["field"]), (422, &json!("send_at")), "{problem}");
            let (_, sheet) = robot.get(&format!("/api/v1/approvals/{}", draft.approval_id.unwrap())).await;
            assert_eq!(sheet["letter"]["messages"][0]["content_hash"], seen["messages"][0]["content_hash"]);
            assert_eq!(sheet["letter"]["messages"][0]["recipient"]["address"], "a***@example.org");
            assert_eq!(sheet["approval"]["state"], "pending", "{sheet}");
            let why = json!({"reason": "Not now"}).to_string();
            let (status, no) = robot.ask("POST", &format!("{path}/withdraw"), why.clone()).await;
            assert_eq!((status, &no["code"]), (403, &json!("forbidden")), "{no}");
            assert_eq!(program.ask("POST", &format!("{path}/withdraw"), "{}").await.0, 422);
            let (status, done) = program.ask_once("POST", &format!("{path}/withdraw"), why.clone(), Some("k1")).await;
            assert_eq!((status, &done["state"]), (200, &json!("withdrawn")), "{done}");
            let (status, again) = program.ask_once("POST", &format!("{path}/withdraw"), why, Some("k1")).await;
            assert_eq!((status, again), (200, done));
            let (_, detail) = program.get(&path).await;
            assert_eq!(detail["reason"], "Not now");
        });
    }

    fn agents_are_shown_no_address_whole_and_members_are(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let (_, token) = world.token(&world.team, For::Agent("robot".into()), Grant::Read, None);
        let robot = Program { app: web::router(&world.host), token };
        let member = Program::of(&world, &world.team, Grant::Read);
        world.wait_for(async {
            for path in [format!("/api/v1/drafts/{}", draft.id), format!("/api/v1/drafts?deal_id={deal}")] {
                let (_, seen) = robot.get(&path).await;
                assert!(seen.to_string().contains("a***@example.org"), "{seen}");
                assert!(!seen.to_string().contains("ann@example.org"), "{seen}");
                let (_, seen) = member.get(&path).await;
                assert!(seen.to_string().contains("ann@example.org"), "{seen}");
            }
        });
    }

    fn whatever_is_sent_is_answered_by_field_and_changes_nothing(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        let program = Program::of(&world, &world.team, Grant::Write);
        let edit = format!("/api/v1/drafts/{}", draft.id);
        // From here on the token was used before, which is all that a call leaves.
        world.wait_for(program.get("/api/v1/drafts"));
        let before = world.everything(&world.team);
        let naughty = ["a\u{0}b", "\u{202e}gpj.exe", "\u{7}", "\u{feff}\u{200b}", "{{ 7 * 7 }}\u{0}", "x\r\ny"];
        world.wait_for(async {
            for text in naughty {
                let (status, problem) = program.ask("POST", "/api/v1/drafts", letter(deal, json!({"subject": text}))).await;
                // A NUL in a body is no text at all; the rest is a text that no subject may be.
                assert!(matches!(status, 400 | 422), "{text:?}: {status} {problem}");
                assert!(problem.to_string().contains(if status == 422 { "subject" } else { "malformed" }), "{problem}");
                let words = json!({"subject": text}).to_string();
                assert!(matches!(program.ask("PATCH", &edit, words).await.0, 400 | 422), "{text:?}");
            }
            for (other, field) in [
                (json!({"deal_id": 7}), "deal_id"),
                (json!({"deal_id": "7"}), "deal_id"),
                (json!({"role": "king"}), "role"),
                (json!({"role": null}), "role"),
                (json!({"role": ["buyer"]}), "role"),
                (json!({"contact_id": "01900000-0000-7000-8000-00000000dead"}), "role"),
                (json!({"subject": {}}), "subject"),
                (json!({"subject": ""}), "subject"),
                (json!({"subject": "x".repeat(201)}), "subject"),
                (json!({"body": "x".repeat(10_001)}), "body"),
                (json!({"body": null}), "body"),
                (json!({"to": "mallory@example.net"}), "to"),
            ] {
                let (status, problem) = program.ask("POST", "/api/v1/drafts", letter(deal, other)).await;
                assert_eq!((status, &problem["problems"][0]["field"]), (422, &json!(field)), "{problem}");
            }
            for (words, field) in [
                (json!({"id": draft.id}), "id"),
                (json!({"version": "1"}), "version"),
                (json!({"version": 5_000_000_000_i64}), "version"),
                (json!({"body": 7}), "body"),
            ] {
                let (status, problem) = program.ask("PATCH", &edit, words.to_string()).await;
                assert_eq!((status, &problem["problems"][0]["field"]), (422, &json!(field)), "{problem}");
            }
            for (ask, field) in [
                (json!({"channel": "email", "purpose": "transactional"}), "contact_id"),
                (json!({"email": "ann", "channel": "email", "purpose": "transactional"}), "email"),
                (json!({"email": "a@example.org", "phone": "1", "channel": "email", "purpose": "outreach"}), "contact_id"),
                (json!({"email": "a@example.org", "channel": "pigeon", "purpose": "outreach"}), "channel"),
                (json!({"email": "a@example.org", "channel": "email", "purpose": "internal"}), "purpose"),
                (json!({"email": "a@example.org", "channel": "email", "purpose": "outreach", "at": "soon"}), "at"),
                (json!({"email": "a@example.org", "channel": "email", "purpose": "outreach", "text": "x".repeat(10_001)}), "text"),
                (json!({"phone": "\u{202e}", "channel": "sms", "purpose": "outreach"}), "phone"),
            ] {
                let (status, problem) = program.ask("POST", "/api/v1/policy/preview", ask.to_string()).await;
                assert_eq!((status, &problem["problems"][0]["field"]), (422, &json!(field)), "{ask}: {problem}");
            }
            let huge = letter(deal, json!({"body": "x".repeat(10 << 20)}));
            for (method, path) in [("POST", "/api/v1/drafts"), ("PATCH", edit.as_str()), ("POST", "/api/v1/policy/preview")] {
                assert_eq!(program.ask(method, path, huge.clone()).await.0, 413, "{method} {path}");
                for body in ["[]", "null", "nonsense", "{\"subject\": 1, \"subject\": 2}", "\u{feff}{}", "{\"a\": NaN}"] {
                    assert_eq!(program.ask(method, path, body).await.0, 400, "{method} {path} {body}");
                }
            }
            for path in ["/api/v1/drafts/none", "/api/v1/policy/decisions/%00", "/api/v1/deliveries/%ff/decisions"] {
                assert_eq!(program.get(path).await.0, 404, "{path}");
            }
            for (path, field) in [
                ("/api/v1/drafts?state=lost", "state[0]"),
                ("/api/v1/drafts?deal_id=7", "deal_id"),
                ("/api/v1/drafts?cursor=zz", "cursor"),
                ("/api/v1/drafts?limit=0", "limit"),
                ("/api/v1/drafts?colour=red", "colour"),
            ] {
                let (status, problem) = program.get(path).await;
                assert_eq!((status, &problem["problems"][0]["field"]), (422, &json!(field)), "{path}: {problem}");
            }
        });
        assert_eq!(world.everything(&world.team), before);
    }

    fn anothers_draft_and_decision_are_answered_like_ones_that_never_were(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        world.queue("theirs", Channel::Webhook, "https://hooks.example.com/");
        world.claim(100);
        let stranger = world.found("harbor", "harbor.example");
        let program = Program::of(&world, &stranger, Grant::Write);
        let decision = &world.lines(&world.team, "SELECT CAST(id AS TEXT) AS line FROM decisions")[0];
        world.wait_for(async {
            let never = "01900000-0000-7000-8000-00000000dead";
            for (method, before, theirs, after, body) in [
                ("GET", "/api/v1/drafts/", draft.id.to_string(), "", String::new()),
                ("PATCH", "/api/v1/drafts/", draft.id.to_string(), "", json!({"subject": "Ours"}).to_string()),
                ("GET", "/api/v1/drafts?deal_id=", deal.to_string(), "", String::new()),
                ("GET", "/api/v1/policy/decisions/", decision.clone(), "", String::new()),
                ("GET", "/api/v1/approvals/", draft.approval_id.unwrap().to_string(), "", String::new()),
                ("POST", "/api/v1/approvals/", draft.approval_id.unwrap().to_string(), "/votes", String::new()),
            ] {
                let foreign = program.ask(method, &format!("{before}{theirs}{after}"), body.clone()).await;
                let unknown = program.ask(method, &format!("{before}{never}{after}"), body).await;
                assert_eq!(foreign, unknown, "{method} {before}");
                assert!(matches!(foreign.0, 403 | 404), "{foreign:?}");
            }
            let foreign = program.ask("POST", "/api/v1/drafts", letter(deal, json!({}))).await;
            assert_eq!(foreign, program.ask("POST", "/api/v1/drafts", letter(never, json!({}))).await);
            assert_eq!(foreign.0, 404);
            for path in LISTS {
                assert_eq!(program.get(path).await.1["items"], json!([]), "{path}");
            }
        });
    }
}
