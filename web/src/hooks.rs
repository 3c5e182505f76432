//! What the outside calls: links to end messages, and providers with what contacts wrote and what became of messages.
//!
//! Nothing is believed before its proof was checked: the token of a link, the signature of a provider. A wrong one has no
//! effect, and a repeated call has none beyond the first.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::delivery::outbox::{self, About, Said};
use domain::kernel::id::{ContactId, MessageId, WorkspaceId};
use domain::kernel::idempotency::Key;
use domain::kernel::{Code, Refusal, Source};
use domain::people::contact::standing::ops::{FromNumber, OptOut, has_opted_out, opt_in, opt_out, record_text};
use domain::people::contact::standing::{Heard, Via, heard};
use domain::people::reach::Channel;
use domain::workspace::access::ops::contact_principal;
use host::Host;
use host::channels::signature;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::Problem;

/// The largest body that a provider or a mail program sends.
const MOST: usize = 64 << 10;

pub fn routes() -> Router<Host> {
    Router::new()
        .route("/hooks/unsubscribe/{workspace}/{contact}/{token}", get(ask).post(unsubscribe))
        .route("/hooks/resubscribe/{workspace}/{contact}/{token}", get(ask).post(resubscribe))
        .route("/hooks/sms/{workspace}", post(text))
        .route("/hooks/sms/{workspace}/status", post(status))
}

type Link = Path<(String, String, String)>;

/// Whose link it is; `None` for a wrong one, whatever is wrong with it.
async fn proved(host: &Host, link: &(String, String, String)) -> Result<(WorkspaceId, ContactId), Problem> {
    let (workspace, contact, token) = link;
    let (Ok(workspace), Ok(contact)) = (workspace.parse(), contact.parse()) else {
        return Err(Problem::no_such_path());
    };
    let keys = host.keys().await.map_err(|_| unavailable())?;
    if keys.is_unsubscribe_token(workspace, contact, token) {
        Ok((workspace, contact))
    } else {
        Err(Problem::no_such_path())
    }
}

/// A look changes nothing: programs that check links follow them, too.
async fn ask(State(host): State<Host>, Path(link): Link) -> Result<Response, Problem> {
    let (workspace, contact_id) = proved(&host, &link).await?;
    let who = contact_principal(workspace, contact_id, "contact", Source::Web);
    let ended = host.look(&who, move |cx| has_opted_out(cx, contact_id)).await;
    Ok(if ended.map_err(|refusal| problem(&refusal))? {
        page("Messages ended", &format!("<p>We write to you no more.</p>{}", again(&link)))
    } else {
        page(
            "End messages?",
            &format!(
                "<p>We will write to you no more: no e-mail, no text, no chat message.</p>\
                 <form method=\"post\" action=\"{}\"><button type=\"submit\">End all messages</button></form>",
                path("unsubscribe", &link)
            ),
        )
    })
}

/// Where a link's button leads. Its parts were proved, so there is nothing in them to escape.
fn path(what: &str, (workspace, contact, token): &(String, String, String)) -> String {
    format!("/hooks/{what}/{workspace}/{contact}/{token}")
}

fn again(link: &(String, String, String)) -> String {
    format!(
        "<p>If this was a mistake, you can get messages about your transaction again.</p>\
         <form method=\"post\" action=\"{}\"><button type=\"submit\">Get messages again</button></form>",
        path("resubscribe", link)
    )
}

/// By the button, or by a mail program on its reader's behalf (RFC 8058).
async fn unsubscribe(State(host): State<Host>, Path(link): Link, body: Body) -> Result<Response, Problem> {
    let (workspace, contact_id) = proved(&host, &link).await?;
    read(body).await?;
    let who = contact_principal(workspace, contact_id, "contact", Source::Web);
    let cmd = OptOut { contact_id, via: Via::Link, why: String::new() };
    let done = host.act(&who, move |cx| opt_out(cx, &cmd)).await;
    done.map_err(|refusal| problem(&refusal))?;
    Ok(page("Messages ended", &format!("<p>We write to you no more.</p>{}", again(&link))))
}

/// By the button alone: no mail program opts its reader in.
async fn resubscribe(State(host): State<Host>, Path(link): Link, body: Body) -> Result<Response, Problem> {
    let (workspace, contact_id) = proved(&host, &link).await?;
    read(body).await?;
    let who = contact_principal(workspace, contact_id, "contact", Source::Web);
    let done = host.act(&who, move |cx| opt_in(cx, contact_id, Via::Link)).await;
    done.map_err(|refusal| problem(&refusal))?;
    Ok(page(
        "Messages come again",
        &format!(
            "<p>We write to you again where it concerns your transaction.</p>\
             <form method=\"post\" action=\"{}\"><button type=\"submit\">End all messages</button></form>",
            path("unsubscribe", &link)
        ),
    ))
}

/// Somebody wrote to our number, which is that of all workspaces here: a wish to stop or to go on holds in each of them,
/// whether or not they know the number. Everything else is for the workspace that is named.
async fn text(
    State(host): State<Host>,
    Path(workspace): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let call = Call::read(&host, &workspace, &uri, &headers, body).await?;
    let (Some(from), Some(sid)) = (call.get("From"), call.get("MessageSid")) else { return Ok(answer(None)) };
    if from.is_empty() || from.len() > LONGEST_SENDER || from.contains('\0') {
        return Ok(answer(None));
    }
    let said = call.get("Body").unwrap_or_default().to_owned();
    let meaning = heard(&said);
    let command = Written { from: from.to_owned(), said: said.clone() };
    let mut reply_is_due = true;
    let mut failed = None;
    for known in host.directory().await.map_err(|refusal| problem(&refusal))? {
        let here = known.id == call.workspace;
        if !here && !matches!(meaning, Heard::Stop | Heard::Start) {
            continue;
        }
        let who = host.operator(known.id, "twilio", Source::Web);
        let text = FromNumber { number: from.to_owned(), text: said.clone(), here };
        let key = Key::parse(sid).ok();
        let noted =
            host.act_once(&who, key, "sms.inbound", command.clone(), move |cx| record_text(cx, &text)).await;
        match noted {
            // The answer to this text was given before.
            Ok(noted) if here && noted.repeated => reply_is_due = false,
            Ok(_) => {}
            Err(refusal) if refusal.code == Code::KeyReused => reply_is_due = false,
            // The others are told all the same. A repeated call finds those that were told.
            Err(refusal) => failed = Some(refusal),
        }
    }
    if let Some(refusal) = failed {
        return Err(problem(&refusal));
    }
    // Where the provider answers these words itself, a second answer would be one too many.
    let provider_replied = call.get("OptOutType").is_some();
    Ok(answer(if reply_is_due && !provider_replied { reply(meaning) } else { None }))
}

/// Characters of a number, a short code or a sender's name.
const LONGEST_SENDER: usize = 40;

/// What a repeated call must have in common with the first.
#[derive(Clone, Serialize)]
struct Written {
    from: String,
    said: String,
}

fn reply(meaning: Heard) -> Option<&'static str> {
    match meaning {
        Heard::Stop => Some("You will get no more messages from us. Text START to get them again."),
        Heard::Start => Some("You will get messages from us again. Text STOP to end them."),
        Heard::Help => Some("This number sends messages about a real-estate transaction. Text STOP to end them."),
        Heard::Plain => None,
    }
}

/// What became of a text, also of one whose answer has not arrived yet or never will.
async fn status(
    State(host): State<Host>,
    Path(workspace): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let call = Call::read(&host, &workspace, &uri, &headers, body).await?;
    let said = match call.get("MessageStatus").unwrap_or_default() {
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => Said::Taken,
        "delivered" => Said::Delivered,
        "read" => Said::Read,
        "failed" | "undelivered" if call.get("ErrorCode") == Some("21610") => {
            Said::OptedOut { why: failure(Some("21610")) }
        }
        "failed" | "undelivered" => Said::Failed { why: failure(call.get("ErrorCode")) },
        _ => return Ok(StatusCode::NO_CONTENT),
    };
    let Some(sid) = call.get("MessageSid").map(str::to_owned) else { return Ok(StatusCode::NO_CONTENT) };
    let about = About { channel: Channel::Sms, provider_id: sid, ours: ours(&uri) };
    let who = host.operator(call.workspace, "twilio", Source::Web);
    host.act(&who, move |cx| outbox::ops::provider_says(cx, &about, &said))
        .await
        .map_err(|refusal| problem(&refusal))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Our message and the attempt, as [`host::channels::sms::status_url`] names them. The signature covers both.
fn ours(uri: &Uri) -> Option<(MessageId, i32)> {
    let query: Vec<(String, String)> = form_urlencoded::parse(uri.query()?.as_bytes()).into_owned().collect();
    let get = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    Some((get("message")?.parse().ok()?, get("attempt")?.parse().ok()?))
}

fn failure(code: Option<&str>) -> String {
    let known = match code {
        Some("30003") => "the telephone cannot be reached",
        Some("30004") => "the number blocks messages",
        Some("30005") => "the number is unknown",
        Some("30006") => "the number is a landline or cannot be reached",
        Some("30007") => "a carrier filtered it",
        Some("21610") => "the number has opted out",
        _ => "it was not delivered",
    };
    match code.filter(|code| !code.is_empty() && code.len() <= 10 && code.bytes().all(|b| b.is_ascii_digit())) {
        Some(code) => format!("The provider said: {known} (code {code})."),
        None => format!("The provider said: {known}."),
    }
}

/// A call whose signature is right.
struct Call {
    workspace: WorkspaceId,
    parameters: Vec<(String, String)>,
}

impl Call {
    async fn read(
        host: &Host,
        workspace: &str,
        uri: &Uri,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, Problem> {
        let config = host.config();
        let (Some(token), Some(base)) = (&config.sms.auth_token, &config.http.public_url) else {
            return Err(Problem::no_such_path());
        };
        let body = read(body).await?;
        let parameters: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
        let path = uri.path_and_query().map_or_else(|| uri.path(), |path| path.as_str());
        let url = format!("{}{path}", base.trim_end_matches('/'));
        let given = headers.get("x-twilio-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !signature::is_twilio(token.expose_secret().as_bytes(), &url, &parameters, given) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "wrong_signature",
                "The signature is missing or wrong. Nothing was changed.",
            ));
        }
        let workspace = workspace.parse().map_err(|_| Problem::no_such_path())?;
        let call = Self { workspace, parameters };
        // One account's token signs for it alone, but it costs nothing to ask.
        if call.get("AccountSid").is_some_and(|account| Some(account) != config.sms.account_sid.as_deref()) {
            return Err(Problem::no_such_path());
        }
        Ok(call)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    to_bytes(body, MOST).await.map(|bytes| bytes.to_vec()).map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("The body is larger than {MOST} bytes. Nothing was changed."),
        )
    })
}

fn problem(refusal: &Refusal) -> Problem {
    match refusal.code {
        Code::NotFound => Problem::no_such_path(),
        Code::Unavailable => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, refusal.code.as_str(), refusal.sentence.clone())
        }
        code => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code.as_str(), refusal.sentence.clone()),
    }
}

fn unavailable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "The server cannot check this link now. Nothing was changed. Answer an earlier message with STOP.",
    )
}

/// What Twilio does next, as it wants to be told. The texts are ours and need no escape.
fn answer(text: Option<&str>) -> Response {
    let body = match text {
        Some(text) => {
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Message>{text}</Message></Response>")
        }
        None => "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>".to_owned(),
    };
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}

/// A page that loads nothing, is kept nowhere and tells nobody where it was.
fn page(title: &str, content: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title></head><body><main><h1>{title}</h1>{content}</main>\
         </body></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ];
    (headers, html).into_response()
}
