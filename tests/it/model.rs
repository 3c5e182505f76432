//! A model that helps, invents, babbles, or never answers: letters wait for a person all the same, and reminders go.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::assist::budget::Level;
use domain::assist::budget::ops::{reserve, settle, today};
use domain::assist::draft::check::FindingKind;
use domain::assist::draft::{DraftState, WrittenBy};
use domain::deals::followup::view::{DraftView, VersionView};
use domain::delivery::webhook::target::Allowed;
use domain::people::reach::Channel;
use harness::{World, on_both};
use host::config::Model as Settings;
use host::drafting::Drafting;
use host::egress::Egress;
use host::loops::Next;
use host::model::Model;
use serde_json::{Value, json};

#[derive(Clone)]
enum Script {
    /// The content of the answer.
    Says(&'static str),
    Raw(&'static str),
    Status(u16),
    Never,
}

/// What was asked, and with which key.
type Heard = Arc<Mutex<Vec<(Value, String)>>>;

async fn answer(
    State((script, heard)): State<(Script, Heard)>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> Response {
    let key = headers.get("authorization").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    heard.lock().unwrap().push((asked, key));
    match script {
        Script::Says(content) => Json(json!({
            "id": "1", "object": "chat.completion", "created": 1, "model": "scripted",
            "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": content, "refusal": null } }],
            "usage": { "prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000 },
        }))
        .into_response(),
        Script::Raw(body) => body.into_response(),
        Script::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Script::Never => {
            std::future::pending::<()>().await;
            StatusCode::OK.into_response()
        }
    }
}

/// Four letters are due when the inspection is done; the loop runs until nothing is left to write.
fn drafted(world: &World, script: Script, daily_tokens: u64) -> (Vec<DraftView>, Vec<(Value, String)>) {
    drafted_of(world, "12 Oak Street", script, daily_tokens)
}

fn drafted_of(
    world: &World,
    title: &str,
    script: Script,
    daily_tokens: u64,
) -> (Vec<DraftView>, Vec<(Value, String)>) {
    let deal = world.peopled_deal(title);
    world.complete(world.milestone(deal, "inspection").id);
    let heard = Heard::default();
    world.wait_for(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let app = Router::new().route("/v1/chat/completions", post(answer)).with_state((script, heard.clone()));
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let settings = Settings {
            api_base: Some(base),
            api_key: Some("a-key".to_owned().into()),
            model: Some("scripted".into()),
            daily_tokens,
        };
        let clock = world.host.clock().clone();
        let egress = Egress::new(clock, Allowed::default()).unwrap();
        let model =
            Model::new(&world.host, &settings, egress).unwrap().unwrap().waiting(Duration::from_millis(500));
        let drafting = Drafting::new(&world.host, Some(model));
        while drafting.tick().await == Next::Soon {}
        server.abort();
    });
    let heard = heard.lock().unwrap().clone();
    (world.drafts(deal), heard)
}

fn newest(draft: &DraftView) -> &VersionView {
    draft.newest.as_ref().unwrap()
}

/// Whatever the model did: four letters of the template's in review, with the reason, and reminders leave.
#[track_caller]
fn falls_back(world: &World, script: Script, daily_tokens: u64, why: &str) -> Vec<DraftView> {
    let (drafts, _) = drafted(world, script, daily_tokens);
    assert_eq!(drafts.len(), 4);
    for draft in &drafts {
        assert_eq!((draft.state, newest(draft).source), (DraftState::InReview, WrittenBy::Template));
        let noted = &newest(draft).findings[0];
        assert_eq!((noted.kind, noted.blocks), (FindingKind::Model, false));
        assert!(noted.why.contains(why) || noted.why.contains("left alone"), "{}", noted.why);
    }
    world.queue("reminder:1", Channel::Console, "team");
    assert!(!world.claim(100).cleared.is_empty(), "reminders go");
    drafts
}

on_both! {
    fn a_good_answer_becomes_a_draft_that_a_person_decides_about(world: World) {
        let good = r#"{"subject":"Inspection completed","body":"The inspection was completed on Wednesday, October 14, 2026.\n\nThe closing stands for December 11."}"#;
        let (drafts, heard) = drafted(&world, Script::Says(good), 1_000_000);
        assert_eq!((drafts.len(), heard.len()), (4, 4));
        for draft in &drafts {
            assert_eq!((draft.state, newest(draft).source), (DraftState::InReview, WrittenBy::Model));
            assert_eq!((newest(draft).made_by.as_str(), newest(draft).subject.as_str()), ("scripted", "Inspection completed"));
            assert_eq!(newest(draft).recipients.len(), 1, "from the deal");
        }
        let (asked, key) = &heard[0];
        assert_eq!(key, "Bearer a-key");
        assert_eq!(asked["model"], "scripted");
        assert_eq!(asked["response_format"]["json_schema"]["strict"], true);
        assert_eq!(asked["response_format"]["json_schema"]["schema"]["additionalProperties"], false);
        let text = asked["messages"].to_string();
        for private in ["Ann Lee", "ann@example.org", "Sam Stone", "425"] {
            assert!(!text.contains(private), "{private} is none of the model's business");
        }
    }

    fn an_invented_date_name_amount_or_link_gives_way_to_the_template(world: World) {
        let invented = r#"{"subject":"Inspection completed","body":"Steve Miller will wire $9,999 by December 24, see https://evil.example/pay."}"#;
        let drafts = falls_back(&world, Script::Says(invented), 1_000_000, "stated what does not stand in the deal");
        let kinds: Vec<FindingKind> = newest(&drafts[0]).findings[1..].iter().map(|f| f.kind).collect();
        assert_eq!(kinds, [FindingKind::Name, FindingKind::Amount, FindingKind::Date, FindingKind::Link]);
        assert!(newest(&drafts[0]).findings.iter().all(|f| !f.blocks));
        assert!(!newest(&drafts[0]).body.contains("Steve"));
    }

    fn garbage_gives_way_to_the_template(world: World) {
        falls_back(&world, Script::Says("Sure! Here is your letter: ..."), 1_000_000, "in no form we know");
    }

    fn what_is_no_answer_at_all_gives_way_to_the_template(world: World) {
        falls_back(&world, Script::Raw("<html>"), 1_000_000, "in no form we know");
    }

    fn other_recipients_are_not_taken_from_a_model(world: World) {
        let greedy = r#"{"subject":"Inspection completed","body":"It is done.","to":["evil@example.com"]}"#;
        let drafts = falls_back(&world, Script::Says(greedy), 1_000_000, "in no form we know");
        assert!(drafts.iter().all(|d| newest(d).recipients.iter().all(|r| r.address.ends_with("@example.org"))));
    }

    fn a_model_that_is_down_gives_way_to_the_template(world: World) {
        falls_back(&world, Script::Status(503), 1_000_000, "status 503");
    }

    fn a_model_that_never_answers_gives_way_to_the_template(world: World) {
        falls_back(&world, Script::Never, 1_000_000, "gave no answer");
    }

    fn a_spent_budget_gives_way_to_the_template_until_the_next_day(world: World) {
        falls_back(&world, Script::Status(200), 0, "budget of 0 tokens");
    }

    fn what_was_spent_is_known_after_a_restart_and_forgotten_at_midnight_utc(world: World) {
        let good = r#"{"subject":"Inspection completed","body":"The inspection was completed on Wednesday, October 14, 2026."}"#;
        // Each of the four letters cost a thousand tokens.
        drafted(&world, Script::Says(good), 4_000);
        let stands = |daily| world.look(&world.team.cora(), |cx| today(cx, daily)).unwrap();
        let spent = stands(4_000).spent;
        assert!((1_000..=4_000).contains(&spent) && spent % 1_000 == 0, "{spent}");
        let (left, other) = (stands(spent), world.found("harbor", "harbor.example"));
        assert_eq!(left.level, Level::Red);
        assert_eq!(world.look(&other.cora(), |cx| today(cx, spent)).unwrap().spent, 0, "each workspace has its own");
        // Another process begins where this one ended.
        let (drafts, heard) = drafted_of(&world, "14 Elm Street", Script::Says(good), spent);
        assert!(heard.is_empty());
        assert!(drafts.iter().all(|draft| newest(draft).source == WrittenBy::Template));
        assert!(newest(&drafts[0]).findings[0].why.contains(&format!("budget of {spent} tokens")));
        world.set_clock("2026-10-14T23:59:59Z");
        assert_eq!(stands(spent).level, Level::Red);
        world.set_clock("2026-10-15T00:00:00Z");
        assert_eq!((stands(spent).level, stands(spent).spent), (Level::Green, 0));
    }

    fn a_question_is_paid_by_the_day_on_which_it_was_asked(world: World) {
        let machine = world.machine(&world.team);
        world.set_clock("2026-10-14T23:59:59Z");
        let reserved = world.act(&machine, |cx| reserve(cx, 500, 10_000)).unwrap().unwrap();
        world.set_clock("2026-10-15T00:00:01Z");
        world.act(&machine, |cx| settle(cx, &reserved, 900)).unwrap();
        let spent = || world.look(&world.team.cora(), |cx| today(cx, 10_000)).unwrap().spent;
        assert_eq!(spent(), 0);
        world.set_clock("2026-10-14T23:59:59Z");
        assert_eq!(spent(), 900);
        assert_eq!(world.act(&machine, |cx| reserve(cx, 500, 0)).unwrap(), None, "nothing is nothing");
        assert_eq!(world.act(&machine, |cx| reserve(cx, u64::MAX, u64::MAX)).unwrap().map(|r| r.answer), Some(1_500));
    }
}
