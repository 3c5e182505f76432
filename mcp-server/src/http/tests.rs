use axum::body::to_bytes;
use axum::http::Request;
use domain::kernel::Code;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

use super::*;
use crate::fixture::{Token, server};

fn app(settings: Settings) -> Router {
    let server = server();
    router(
        settings,
        move || server.clone(),
        |token| async move {
            match token.as_deref() {
                Some("anna") => Ok(Token("anna")),
                Some("ben") => Ok(Token("ben")),
                Some("panic") => panic!("the token store is broken"),
                Some("hang") => std::future::pending().await,
                _ => Err(Refusal::new(
                    Code::Unauthenticated,
                    "There is no valid token.",
                    "Make one: milepost token create.",
                )),
            }
        },
    )
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Era {
    Legacy,
    Modern,
}

const ERAS: [Era; 2] = [Era::Legacy, Era::Modern];

fn post(era: Era, method: &str, name: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("/mcp")
        .header("host", "localhost")
        .header("authorization", "Bearer anna")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    let request = match era {
        Era::Legacy => request.header("mcp-protocol-version", "2025-11-25"),
        Era::Modern => {
            let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
            if name.is_empty() { request } else { request.header("mcp-name", name) }
        }
    };
    request.body(body.into()).unwrap()
}

/// `tools/call` with the arguments as they are written, flaws and all.
fn call(era: Era, tool: &str, arguments: &str) -> Request<Body> {
    let meta = match era {
        Era::Legacy => json!({}),
        Era::Modern => json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {}
        }),
    };
    let params = format!(r#"{{"name":"{tool}","arguments":{arguments},"_meta":{meta}}}"#);
    let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}"#);
    post(era, "tools/call", tool, body)
}

async fn send(app: &Router, request: Request<Body>) -> Response {
    app.clone().oneshot(request).await.unwrap()
}

async fn answer(app: &Router, request: Request<Body>) -> (u16, Value) {
    let response = send(app, request).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("not JSON: {body:?}")))
}

fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

#[tokio::test]
async fn the_right_token_gets_an_answer_in_its_own_name() {
    let app = app(Settings::default());
    for era in ERAS {
        let (status, answer) = answer(&app, call(era, "echo", r#"{"text":"hi"}"#)).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["result"]["structuredContent"], json!({"said": ["hi"], "caller": "anna"}), "{answer}");
    }
}

#[tokio::test]
async fn an_old_client_may_introduce_itself_first() {
    let app = app(Settings::default());
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string();
    let (status, answer) = answer(&app, post(Era::Legacy, "initialize", "", body)).await;
    assert_eq!((status, &answer["result"]["protocolVersion"]), (200, &json!("2025-11-25")), "{answer}");
    let body = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    assert_eq!(send(&app, post(Era::Legacy, "notifications/initialized", "", body)).await.status(), 202);
}

#[tokio::test]
async fn without_a_token_nothing_is_done_and_the_answer_says_how_to_get_one() {
    let app = app(Settings::default());
    for era in ERAS {
        for token in [None, Some("Bearer wrong"), Some("Basic anna"), Some("Bearer ")] {
            let mut request = call(era, "echo", r#"{"text":"hi"}"#);
            request.headers_mut().remove("authorization");
            if let Some(token) = token {
                request = with(request, "authorization", token);
            }
            let response = send(&app, request).await;
            assert_eq!(
                (response.status().as_u16(), &response.headers()["www-authenticate"]),
                (401, &"Bearer".parse().unwrap())
            );
            let body = to_bytes(response.into_body(), 4096).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], "unauthenticated");
            assert_eq!(body["detail"], "There is no valid token. Make one: milepost token create.");
        }
    }
}

#[tokio::test]
async fn a_get_is_405_with_or_without_a_token() {
    let app = app(Settings::default());
    for method in ["GET", "DELETE", "PUT"] {
        let request =
            Request::builder().method(method).uri("/mcp").header("host", "localhost").body(Body::empty());
        let response = send(&app, request.unwrap()).await;
        assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
    }
}

#[tokio::test]
async fn another_origin_or_host_is_forbidden_even_with_a_token() {
    let app = app(Settings::default());
    for era in ERAS {
        for (name, value) in [("origin", "https://evil.example"), ("host", "evil.example")] {
            let (status, answer) = answer(&app, with(call(era, "echo", r#"{"text":"hi"}"#), name, value)).await;
            assert_eq!((status, &answer["code"]), (403, &json!("forbidden")), "{name}");
        }
        let (status, _) =
            answer(&app, with(call(era, "echo", r#"{"text":"hi"}"#), "origin", "http://localhost:5173")).await;
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn ten_megabytes_are_too_much_however_they_are_sent() {
    let app = app(Settings::default());
    for era in ERAS {
        let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(10 << 20));
        let (status, answer) = answer(&app, call(era, "echo", &body)).await;
        assert_eq!(status, 413);
        assert!(
            answer["detail"].as_str().unwrap().starts_with("The request has more than 1048576 bytes."),
            "{answer}"
        );
        let declared = with(call(era, "echo", "{}"), "content-length", "10485760");
        assert_eq!(send(&app, declared).await.status(), 413);
    }
}

#[tokio::test]
async fn flawed_json_is_refused_with_the_place_and_the_id() {
    let app = app(Settings::default());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let flaws = [
        (format!(r#"{{"text":{deep}}}"#), -32600, json!(7), "nested more than 64 levels"),
        (r#"{"text":"a","text":"b"}"#.into(), -32600, json!(7), "`params.arguments.text` is given twice"),
        (r#"{"text":"a\u0000"}"#.into(), -32600, json!(7), "`params.arguments.text` contains a NUL"),
        (r#"{"text":"#.into(), -32700, json!(7), "not valid JSON"),
    ];
    for era in ERAS {
        for (arguments, code, id, said) in &flaws {
            let (status, answer) = answer(&app, call(era, "echo", arguments)).await;
            assert_eq!((status, answer["error"]["code"].as_i64()), (400, Some(*code)), "{answer}");
            assert_eq!(&answer["id"], id);
            assert!(answer["error"]["message"].as_str().unwrap().contains(said), "{said}: {answer}");
        }
    }
}

#[tokio::test]
async fn an_unknown_argument_is_named_to_the_agent() {
    let app = app(Settings::default());
    for era in ERAS {
        let (status, answer) = answer(&app, call(era, "echo", r#"{"text":"hi","tmes":2}"#)).await;
        let result = &answer["result"];
        assert_eq!((status, &result["isError"]), (200, &json!(true)), "{answer}");
        assert_eq!(result["structuredContent"]["problems"][0]["field"], "tmes");
    }
}

#[tokio::test]
async fn a_panic_in_a_tool_is_answered() {
    let app = app(Settings::default());
    for era in ERAS {
        let (status, answer) = answer(&app, call(era, "panic", "{}")).await;
        assert_eq!((status, &answer["result"]["isError"]), (200, &json!(true)), "{answer}");
        assert!(answer["result"]["structuredContent"]["sentence"].as_str().unwrap().contains("id x1"), "{answer}");
    }
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error_with_a_hint() {
    let app = app(Settings::default());
    for era in ERAS {
        let (_, answer) = answer(&app, call(era, "eco", "{}")).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("Did you mean echo?"), "{answer}");
    }
}

#[tokio::test]
async fn a_failure_while_admitting_is_answered() {
    let app = app(Settings::default());
    let request = with(call(Era::Modern, "echo", "{}"), "authorization", "Bearer panic");
    let (status, answer) = answer(&app, request).await;
    assert_eq!((status, &answer["code"]), (500, &json!("unavailable")));
}

#[tokio::test(start_paused = true)]
async fn nothing_takes_longer_than_the_time_limit() {
    let app = app(Settings::default());
    let request = with(call(Era::Modern, "echo", "{}"), "authorization", "Bearer hang");
    assert_eq!(answer(&app, request).await.0, 504);
    let (status, answer) = answer(&app, call(Era::Legacy, "wait", "{}")).await;
    assert_eq!((status, &answer["result"]["isError"]), (200, &json!(true)), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_body_of_a_byte_per_second_is_cut_off_after_the_time_limit() {
    // One that may be as long as it says, and one that is read only so that its sender sees the answer.
    for length in [1_000, 10 << 20] {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::spawn(listen::serve(far, app(Settings::default()), CancellationToken::new()));
        let (mut read, mut write) = tokio::io::split(near);
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer anna\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        write.write_all(head.as_bytes()).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "the runtime's clock, which stands")]
        let began = tokio::time::Instant::now();
        let drip = async move {
            while write.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let dripping = tokio::spawn(drip);
        let mut said = String::new();
        // The end: a connection whose body was not read to its end has no next request.
        let _ = read.read_to_string(&mut said).await;
        assert!(said.starts_with("HTTP/1.1 504 "), "{said}");
        assert!(said.contains("took longer than 60 seconds and was given up"), "{said}");
        assert!((60..62).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        dripping.abort();
    }
}

#[tokio::test]
async fn only_the_one_address_is_served() {
    let app = app(Settings::default());
    let mut request = call(Era::Modern, "echo", "{}");
    *request.uri_mut() = "/mcp/other".parse().unwrap();
    assert_eq!(send(&app, request).await.status(), 404);
}

fn initialize(token: &str) -> Request<Body> {
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string();
    with(post(Era::Legacy, "initialize", "", body), "authorization", &format!("Bearer {token}"))
}

async fn open(app: &Router, token: &str) -> Result<String, u16> {
    let response = send(app, initialize(token)).await;
    match response.headers().get("mcp-session-id") {
        Some(id) => Ok(id.to_str().unwrap().to_owned()),
        None => Err(response.status().as_u16()),
    }
}

#[tokio::test]
async fn a_session_is_of_no_use_to_another_caller() {
    let app = app(Settings { sessions: true, ..Settings::default() });
    let id = open(&app, "anna").await.unwrap();
    let in_session = |token: &str| {
        let request = with(call(Era::Legacy, "echo", r#"{"text":"hi"}"#), "mcp-session-id", &id);
        with(request, "authorization", &format!("Bearer {token}"))
    };
    let (status, refused) = answer(&app, in_session("ben")).await;
    assert_eq!((status, &refused["code"]), (404, &json!("not_found")));
    assert_eq!(send(&app, in_session("anna")).await.status(), 200);
    let mut close = in_session("ben");
    *close.method_mut() = Method::DELETE;
    assert_eq!(send(&app, close).await.status(), 404);
    // The current protocol has no sessions and is served all the same.
    assert_eq!(send(&app, call(Era::Modern, "echo", r#"{"text":"hi"}"#)).await.status(), 200);
}

#[tokio::test]
async fn there_are_only_so_many_sessions() {
    let app = app(Settings { sessions: true, most_sessions: 3, most_sessions_each: 2, ..Settings::default() });
    let first = open(&app, "anna").await.unwrap();
    open(&app, "anna").await.unwrap();
    assert_eq!(open(&app, "anna").await, Err(429));
    open(&app, "ben").await.unwrap();
    assert_eq!(open(&app, "ben").await, Err(503));
    let mut close = with(call(Era::Legacy, "echo", "{}"), "mcp-session-id", &first);
    *close.method_mut() = Method::DELETE;
    assert_eq!(send(&app, close).await.status(), 202);
    open(&app, "ben").await.unwrap();
}

/// A call by a client that can ask the person at it, with what that person said, and the state that came with the question.
fn asked(token: &str, text: &str, said: Option<&str>, state: Option<&str>) -> Request<Body> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}
    });
    let mut params = json!({"name": "echo", "arguments": {"text": text}, "_meta": meta});
    if let Some(action) = said {
        params["inputResponses"] = json!({"confirm": {"action": action}});
    }
    if let Some(state) = state {
        params["requestState"] = json!(state);
    }
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).to_string();
    with(post(Era::Modern, "tools/call", "echo", body), "authorization", &format!("Bearer {token}"))
}

#[tokio::test]
async fn a_question_is_answered_only_by_whom_and_for_what_it_was_asked() {
    let app = app(Settings::default());
    let (_, first) = answer(&app, asked("anna", "risky", None, None)).await;
    let result = &first["result"];
    assert_eq!(result["resultType"], "input_required", "{first}");
    assert_eq!(result["inputRequests"]["confirm"]["params"]["message"], "Say it all the same?");
    let state = result["requestState"].as_str().unwrap();

    let (_, done) = answer(&app, asked("anna", "risky", Some("accept"), Some(state))).await;
    assert_eq!(done["result"]["structuredContent"]["confirmed"], true, "{done}");
    for (action, sentence) in [
        ("decline", "The person at the client said no. Nothing was changed."),
        ("cancel", "The person at the client closed the question without an answer. Nothing was changed."),
    ] {
        let (_, no) = answer(&app, asked("anna", "risky", Some(action), Some(state))).await;
        assert_eq!(no["result"]["structuredContent"]["code"], "declined", "{no}");
        assert_eq!(no["result"]["structuredContent"]["sentence"], sentence);
    }
    // An answer without a question of ours, to another one's question, or to a state that was altered, is none.
    let altered = format!("{}x", &state[..state.len() - 1]);
    for (token, state) in [("anna", None), ("ben", Some(state)), ("anna", Some(altered.as_str()))] {
        let (_, again) = answer(&app, asked(token, "risky", Some("accept"), state)).await;
        assert_eq!(again["result"]["resultType"], "input_required", "{again}");
    }
    // What nobody has to be asked about is simply done.
    let (_, plain) = answer(&app, asked("anna", "hi", None, None)).await;
    assert_eq!(plain["result"]["structuredContent"]["said"], json!(["hi"]), "{plain}");
}

/// A request that is held open to be told when documents change.
fn listening(token: &str, uris: &[&str]) -> Request<Body> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}
    });
    let params = json!({"notifications": {"resourceSubscriptions": uris}, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen", "params": params}).to_string();
    with(post(Era::Modern, "subscriptions/listen", "", body), "authorization", &format!("Bearer {token}"))
}

/// The next message of a stream of them.
async fn next(body: &mut Body) -> Value {
    loop {
        let data = chunk(body).await.ok().flatten().expect("another message");
        let text = String::from_utf8(data.to_vec()).unwrap();
        let message = text.lines().find_map(|line| line.strip_prefix("data: ")).filter(|data| !data.is_empty());
        if let Some(message) = message {
            return serde_json::from_str(message).unwrap();
        }
    }
}

#[tokio::test]
async fn whoever_holds_a_request_open_is_told_of_what_it_named_and_may_hold_only_so_many() {
    let app = app(Settings::default());
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut body = send(&app, listening("anna", &["echo://news", "file:///etc/passwd"])).await.into_body();
        let acknowledged = next(&mut body).await;
        assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged", "{acknowledged}");
        assert_eq!(acknowledged["params"]["notifications"]["resourceSubscriptions"], json!(["echo://news"]));
        let told = next(&mut body).await;
        assert_eq!(
            (&told["method"], &told["params"]["uri"]),
            (&json!("notifications/resources/updated"), &json!("echo://news"))
        );
        held.push(body);
    }
    let refused = async |token| {
        let mut body = send(&app, listening(token, &["echo://news"])).await.into_body();
        next(&mut body).await;
        next(&mut body).await["error"]["message"].as_str().map(str::to_owned)
    };
    let one_too_many = refused("anna").await.unwrap();
    assert!(one_too_many.starts_with("Your token holds 20 requests open already"), "{one_too_many}");
    assert_eq!(refused("ben").await, None);
    // One that ends makes room, as soon as the server saw it end.
    held.pop();
    while refused("anna").await.is_some() {
        tokio::task::yield_now().await;
    }
}
