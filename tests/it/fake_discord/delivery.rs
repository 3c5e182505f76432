//! Interactions as signed requests to the bot's own address.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use harness::fake_discord::{FakeDiscord, What};
use serde_json::{Value, json};
use serenity::all::{CreateInteractionResponse as Respond, Interaction};
use serenity::interactions_endpoint::Verifier;

use super::client::ask;
use super::{card, commands, message, start};

struct Endpoint {
    verifier: Verifier,
}

async fn take(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signature = (header("x-signature-ed25519"), header("x-signature-timestamp"));
    if endpoint.verifier.verify(signature.0, signature.1, &body).is_err() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let answer = match serde_json::from_slice::<Interaction>(&body).unwrap() {
        Interaction::Ping(_) => Respond::Pong,
        Interaction::Command(command) => match command.data.options[0].name.as_str() {
            "show" => Respond::Message(card("Oak Street 12")),
            "form" => return (StatusCode::ACCEPTED, "").into_response(),
            _ => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Interaction::Component(_) => {
            Respond::UpdateMessage(message("Approved.").embeds(vec![]).components(vec![]))
        }
        _ => Respond::Acknowledge,
    };
    axum::Json(answer).into_response()
}

async fn serve(discord: &FakeDiscord) {
    let endpoint = Endpoint { verifier: Verifier::new(&discord.public_key()) };
    let app = Router::new().route("/interactions", post(take)).with_state(Arc::new(endpoint));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    discord.deliver_to(&format!("http://{}/interactions", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, app).await });
}

#[tokio::test]
async fn a_bot_is_asked_at_its_own_address() {
    let (_, discord, guild) = start();
    let at = guild.person("maria").in_channel(&guild.channel("closings"));
    ask(&discord, "PUT", "/applications/1000/commands", &commands()).await;
    serve(&discord).await;
    discord.check_endpoint().await.unwrap();
    let card = at.slash("/deal show", &[("deal", json!("0"))]).await;
    assert_eq!((card.kind, card.ephemeral), (What::Message, true));
    assert_eq!(at.click(&card, "Approve").await.shown(), "(changed)\n(only maria sees this)\nApproved.");
    assert_eq!(discord.mistakes(), [""; 0]);
    discord.patience(Duration::from_millis(100));
    let accepted = at.slash("/deal form", &[]).await;
    assert_eq!((accepted.kind, discord.mistakes().len()), (What::Nothing, 0), "it may answer by itself later");
    assert_eq!(at.slash("/deal slow", &[]).await.kind, What::Nothing);
    discord.until("it is named", |discord| discord.mistakes().len() == 1).await;
    let mistakes = discord.mistakes();
    assert!(mistakes[0].contains("answers an interaction with 500"), "{mistakes:?}");
}

/// An address that is not what Discord takes.
async fn check_refused(answer: impl Fn() -> (StatusCode, Value) + Clone + Send + Sync + 'static, why: &str) {
    let (_, discord, _) = start();
    let app = Router::new().route(
        "/",
        post(async move || {
            let (status, body) = answer();
            (status, axum::Json(body))
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    discord.deliver_to(&format!("http://{}/", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let said = discord.check_endpoint().await.unwrap_err();
    assert!(said.contains(why), "{said}");
}

#[tokio::test]
async fn an_address_is_checked_as_discord_checks_it() {
    check_refused(|| (StatusCode::OK, json!({ "type": 1 })), "a wrong signature is answered with 200").await;
    check_refused(|| (StatusCode::NOT_FOUND, json!({})), "a ping is answered with 404").await;
}
