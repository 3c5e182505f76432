//! What no client should send, sent to the real `/mcp` over real connections: each gets the code that the protocol has for
//! it, says that nothing was done, and leaves the connection usable where HTTP allows that.

use std::net::SocketAddr;
use std::time::Duration;

use domain::workspace::access::Grant;
use domain::workspace::access::ops::For;
use harness::{Place, Reply, Wire, World, on_both};
use mcp_server::Options;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// A world's server, and a token for it.
struct Served {
    address: SocketAddr,
    token: String,
    close: CancellationToken,
    _runtime: Runtime,
}

impl Served {
    fn of(world: &World) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let limits = Place::usual_limits();
        let mut config = host::Config::default();
        config.limits.calls_per_minute = std::num::NonZeroU32::MAX;
        config.limits.changes_per_minute = std::num::NonZeroU32::MAX;
        config.limits.tools.clear();
        let host = world.host_with(limits, config);
        let (_, token) = world.token(&world.team, For::Agent("naughty".into()), Grant::Write, None);
        let close = CancellationToken::new();
        let app = mcp_server::app(&host, Options::default(), close.clone()).unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = close.clone().cancelled_owned();
        runtime.spawn(mcp_server::http::listen(listener, app, stop, close.clone(), Duration::ZERO));
        Self { address, token, close, _runtime: runtime }
    }

    fn wire(&self) -> Wire {
        Wire::to(self.address)
    }

    /// A request of 2025-11-25 with this body.
    fn post(&self, body: impl AsRef<[u8]>) -> Vec<u8> {
        let body = body.as_ref();
        self.head(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()), body)
    }

    /// One with headers to choose.
    fn head(&self, headers: &str, body: &[u8]) -> Vec<u8> {
        let mut request = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n{headers}\r\n",
            self.token
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    }

    /// That the connection serves the next one as if nothing had been.
    #[track_caller]
    fn goes_on(&self, wire: &mut Wire, after: &str) {
        let reply = wire.ask(&self.post(GOOD));
        assert_eq!((reply.status, &reply.json()["id"]), (200, &json!(1)), "after {after}");
        assert!(reply.json()["result"]["structuredContent"]["deals"].is_array(), "after {after}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.close.cancel();
    }
}

const GOOD: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"deal_list","arguments":{"limit":1}}}"#;

fn world() -> World {
    World::new(Place::file())
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned()
}

#[track_caller]
fn refused(reply: &Reply, code: i64, what: &str) {
    assert_eq!((reply.status, reply.rpc_code()), (400, Some(code)), "{what}: {}", shown(&reply.body));
    let said = reply.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(said.ends_with("Nothing was done.") && said.len() < 500, "{what}: {said}");
}

/// Documents that are no JSON, each inside of what would otherwise be a good argument.
const NO_JSON: &[&[u8]] = &[
    b"\"\xff\"",
    b"\"\xc0\x80\"",
    b"\"\xe0\x80\x80\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xf4\x90\x80\x80\"",
    b"\"\xf8\x88\x80\x80\x80\"",
    b"\"\xe2\x82\"",
    b"\"\x80\"",
    b"\xef\xbb\xbf\"a\"",
    b"\"\x00\"",
    b"\"\x1f\"",
    b"\"\n\"",
    b"\"\t\"",
    b"\"\\x41\"",
    b"\"\\u00\"",
    b"\"\\u00g0\"",
    b"\"\\uD800\"",
    b"\"\\uDC00\\uD800\"",
    b"\"\\uD800\\u0041\"",
    b"\"\\",
    b"\"\\\"",
    b"'a'",
    b"a",
    b"True",
    b"nul",
    b"nulll",
    b"undefined",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"+1",
    b"-",
    b"--1",
    b"01",
    b"-01",
    b".5",
    b"5.",
    b"1e",
    b"1e+",
    b"1.e1",
    b"0x10",
    b"1_000",
    b"1 000",
    b"1e999",
    b"-1e999",
    b"[1,]",
    b"[,1]",
    b"[1 2]",
    b"[1;2]",
    b"[",
    b"]",
    b"{",
    b"}",
    b"{\"a\"}",
    b"{\"a\":}",
    b"{\"a\":1,}",
    b"{\"a\" 1}",
    b"{a:1}",
    b"{1:1}",
    b"{\"a\":1 \"b\":2}",
    b"{\"a\":1}}",
    b"// a\n1",
    b"/* a */ 1",
    b"# a\n1",
    b"1 // a",
    b"\xc2\xa01",
    b"\xe2\x80\xa81",
    b"\x0c1",
    b"\x0b1",
    b"(1)",
    b"1,",
    b"$1",
    b"",
];

#[test]
fn what_is_no_json_is_called_so_and_the_connection_goes_on() {
    let world = world();
    let served = Served::of(&world);
    let mut wire = served.wire();
    let around = |inside: &[u8]| {
        let (before, after) = (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"deal_list","arguments":{"text":"#
                .as_bytes(),
            b"}}}".as_slice(),
        );
        [before, inside, after].concat()
    };
    for inside in NO_JSON {
        refused(&wire.ask(&served.post(around(inside))), -32700, &shown(inside));
        served.goes_on(&mut wire, &shown(inside));
    }
    // The same as whole documents, as UTF-16 and with something behind their end.
    for inside in NO_JSON {
        refused(&wire.ask(&served.post(inside)), -32700, &shown(inside));
    }
    for wide in [u16::to_le_bytes, u16::to_be_bytes] {
        let bytes: Vec<u8> = GOOD.encode_utf16().flat_map(wide).collect();
        refused(&wire.ask(&served.post(bytes)), -32700, "UTF-16");
    }
    for behind in ["x", "{}", "\0", ",", "]", "\u{feff}"] {
        refused(&wire.ask(&served.post(format!("{GOOD}{behind}"))), -32700, behind);
    }
    served.goes_on(&mut wire, "all of them");
}

#[test]
fn a_message_that_is_cut_off_or_broken_at_any_byte_is_called_so() {
    let world = world();
    let served = Served::of(&world);
    let mut wire = served.wire();
    for at in 0..GOOD.len() {
        refused(&wire.ask(&served.post(&GOOD[..at])), -32700, &GOOD[..at]);
        for bad in [0xff, 0x00] {
            let mut broken = GOOD.as_bytes().to_vec();
            broken[at] = bad;
            refused(&wire.ask(&served.post(&broken)), -32700, &shown(&broken));
        }
    }
    served.goes_on(&mut wire, "all of them");
}

/// Well-formed JSON that is no message of the protocol: the text, the error code, the id that the answer names.
const NO_MESSAGE: &[(&str, i64, &str)] = &[
    ("[]", -32600, "null"),
    ("[1]", -32600, "null"),
    (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600, "null"),
    ("\"ping\"", -32600, "null"),
    ("1", -32600, "null"),
    ("-0.0", -32600, "null"),
    ("null", -32600, "null"),
    ("true", -32600, "null"),
    ("{}", -32600, "null"),
    (r#"{"id":7}"#, -32600, "7"),
    (r#"{"id":7,"method":"ping"}"#, -32600, "7"),
    (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, "7"),
    (r#"{"jsonrpc":2.0,"id":7,"method":"ping"}"#, -32600, "7"),
    (r#"{"jsonrpc":["2.0"],"id":7,"method":"ping"}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":7}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":"a"}"#, -32600, "\"a\""),
    (r#"{"jsonrpc":"2.0","id":7,"method":null}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":7,"method":1}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":7,"method":["ping"]}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":7,"method":{"ping":1}}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, "null"),
    (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600, "null"),
    (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, -32600, "null"),
    (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600, "null"),
    (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, -32600, "null"),
    (r#"{"jsonrpc":"2.0","id":9223372036854775808,"method":"ping"}"#, -32600, "null"),
    (r#"{"jsonrpc":"2.0","id":1e30,"method":"ping"}"#, -32600, "null"),
    (r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":7,"method":"ping","method":"ping"}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":{"b":1,"b":1}}}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":7,"method":"pi\u0000ng"}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"\u0000":1}}"#, -32600, "7"),
    (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"$serde_json::private::Number":"1"}}"#, -32600, "7"),
];

/// Messages whose method or parameters the server does not have.
const NO_METHOD: &[(&str, i64)] = &[
    (r#""method":"ping/pong""#, -32601),
    (r#""method":"""#, -32601),
    (r#""method":"TOOLS/CALL""#, -32601),
    (r#""method":" tools/call""#, -32601),
    (r#""method":"tools/call/""#, -32601),
    (r#""method":"rpc.discover""#, -32601),
    (r#""method":"__proto__""#, -32601),
    (r#""method":"\ud83d\ude00""#, -32601),
    (r#""method":"tools/call""#, -32602),
    (r#""method":"tools/call","params":null"#, -32602),
    (r#""method":"tools/call","params":[]"#, -32602),
    (r#""method":"tools/call","params":["deal_list"]"#, -32602),
    (r#""method":"tools/call","params":"deal_list""#, -32602),
    (r#""method":"tools/call","params":7"#, -32602),
    (r#""method":"tools/call","params":{}"#, -32602),
    (r#""method":"tools/call","params":{"name":7}"#, -32602),
    (r#""method":"tools/call","params":{"name":null}"#, -32602),
    (r#""method":"tools/call","params":{"name":["deal_list"]}"#, -32602),
    (r#""method":"tools/call","params":{"name":"deal_list","arguments":[]}"#, -32602),
    (r#""method":"tools/call","params":{"name":"deal_list","arguments":"{}"}"#, -32602),
    (r#""method":"tools/call","params":{"name":"deal_list","arguments":7}"#, -32602),
    (r#""method":"tools/call","params":{"name":"","arguments":{}}"#, -32602),
    (r#""method":"tools/call","params":{"name":"deal_lst","arguments":{}}"#, -32602),
    (r#""method":"tools/call","params":{"name":"DEAL_LIST","arguments":{}}"#, -32602),
    (r#""method":"tools/call","params":{"name":"../deal_list","arguments":{}}"#, -32602),
    (r#""method":"tools/list","params":{"cursor":"x"}"#, -32602),
    (r#""method":"tools/list","params":[]"#, -32602),
    (r#""method":"initialize""#, -32602),
    (r#""method":"initialize","params":{}"#, -32602),
    (
        r#""method":"initialize","params":{"protocolVersion":7,"capabilities":{},"clientInfo":{"name":"a","version":"1"}}"#,
        -32602,
    ),
    (
        r#""method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{}}"#,
        -32602,
    ),
];

#[test]
fn what_is_no_message_gets_the_code_that_the_protocol_has_for_it() {
    let world = world();
    let served = Served::of(&world);
    let mut wire = served.wire();
    for (body, code, id) in NO_MESSAGE {
        let reply = wire.ask(&served.post(body));
        refused(&reply, *code, body);
        assert_eq!(reply.json().get("id").unwrap_or(&Value::Null).to_string(), *id, "{body}");
        served.goes_on(&mut wire, body);
    }
    let before = world.everything(&world.team);
    for id in ["7", "-7", "\"a b\"", "\"\"", "9223372036854775807"] {
        for (rest, code) in NO_METHOD {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#);
            let reply = wire.ask(&served.post(&body));
            assert_eq!(reply.rpc_code(), Some(*code), "{body}: {} {}", reply.status, shown(&reply.body));
            assert_eq!(reply.json()["id"].to_string(), id, "{body}");
            assert!([200, 400, 404].contains(&reply.status), "{body}: {}", reply.status);
        }
    }
    served.goes_on(&mut wire, "unknown methods");
    assert!(world.everything(&world.team) == before, "something was changed");
    // A name of a million letters is not repeated in the answer.
    for body in [
        format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{}"}}"#, "x".repeat(1_000_000)),
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{}"}}}}"#,
            "x".repeat(1_000_000)
        ),
        format!(r#"{{"jsonrpc":"2.0","id":7,"method":"ping","params":{{"{0}":1,"{0}":1}}}}"#, "x".repeat(400_000)),
    ] {
        let reply = wire.ask(&served.post(&body));
        assert!(reply.rpc_code().is_some() && reply.body.len() < 1_000, "{} {}", reply.status, shown(&reply.body));
    }
    // What the protocol library could not read is no message either.
    for (body, code, id) in [
        (r#"{"jsonrpc":"2.0","id":99,"error":7}"#, -32600, Value::Null),
        // Nobody was asked anything.
        (r#"{"jsonrpc":"2.0","id":99,"result":{}}"#, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":99,"error":{"code":1,"message":"x"}}"#, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":[1]}"#, -32602, Value::Null),
        (r#"{"jsonrpc":"2.0","id":5,"method":"ping","params":{"_meta":7}}"#, -32602, json!(5)),
    ] {
        let reply = wire.ask(&served.post(body));
        assert_eq!((reply.status, reply.rpc_code(), &reply.json()["id"]), (400, Some(code), &id), "{body}");
    }
    // What asks for no answer gets none.
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/nonsense","params":{"a":[1,2]}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"deal_list"}}"#,
    ] {
        let reply = wire.ask(&served.post(body));
        assert_eq!((reply.status, reply.body.len()), (202, 0), "{body}: {}", shown(&reply.body));
    }
    served.goes_on(&mut wire, "all of them");
}

#[test]
fn requests_that_come_at_once_are_answered_one_by_one() {
    let world = world();
    let served = Served::of(&world);
    let mut wire = served.wire();
    let bodies = [GOOD, "[", GOOD, r#"{"jsonrpc":"2.0","id":2,"method":"nonsense"}"#, GOOD];
    wire.send(&bodies.iter().flat_map(|body| served.post(body)).collect::<Vec<u8>>());
    let codes: Vec<Option<i64>> = bodies.iter().map(|_| wire.reply().unwrap().rpc_code()).collect();
    assert_eq!(codes, [None, Some(-32700), None, Some(-32601), None]);
    // And byte by byte.
    for byte in served.post(GOOD) {
        wire.send(&[byte]);
    }
    assert_eq!(wire.reply().unwrap().status, 200);
    served.goes_on(&mut wire, "a slow one");
}

/// What a server may do about a request that HTTP does not know.
enum Then {
    /// It answers, and the connection goes on.
    On(u16),
    /// It answers, and ends the connection.
    Over(u16),
    /// It ends the connection; nothing that it could say would be understood.
    Silence,
}

#[test]
fn what_is_no_http_or_not_for_us_is_answered_and_the_next_connection_is_served() {
    use Then::{On, Over, Silence};
    let world = world();
    let served = Served::of(&world);
    let length = GOOD.len();
    let good = GOOD.as_bytes();
    let json = "Content-Type: application/json\r\n";
    // That the token was used is written down by the first call.
    served.goes_on(&mut served.wire(), "nothing");
    let before = world.everything(&world.team);
    let cases: Vec<(&str, Vec<u8>, Then)> = vec![
        // The wrong kind of content.
        ("no type", served.head(&format!("Content-Length: {length}\r\n"), good), On(415)),
        ("text", served.head(&format!("Content-Type: text/plain\r\nContent-Length: {length}\r\n"), good), On(415)),
        (
            "a form",
            served.head(
                &format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"),
                good,
            ),
            On(415),
        ),
        ("no body", served.head(&format!("{json}Content-Length: 0\r\n"), b""), On(400)),
        ("no length and no body", served.head(json, b""), On(400)),
        // Another method, another place.
        ("a GET", b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), On(405)),
        ("a method of nobody", b"FETCH /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), On(405)),
        ("another place", b"GET /mcp/../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), On(404)),
        ("another host", b"GET /mcp HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_vec(), On(403)),
        ("no host", b"POST /mcp HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_vec(), On(400)),
        // Lengths that contradict themselves: whoever stands in between may have understood another one.
        (
            "two lengths",
            served.head(&format!("{json}Content-Length: {length}\r\nContent-Length: 1\r\n"), good),
            Over(400),
        ),
        ("a length that is none", served.head(&format!("{json}Content-Length: x\r\n"), good), Over(400)),
        ("a negative length", served.head(&format!("{json}Content-Length: -1\r\n"), good), Over(400)),
        (
            "chunks that are none",
            served.head(&format!("{json}Transfer-Encoding: chunked\r\n"), b"zz\r\nx\r\n"),
            Over(400),
        ),
        ("an encoding that is none", served.head(&format!("{json}Transfer-Encoding: gzip\r\n"), good), Over(400)),
        // Not HTTP.
        (
            "garbage",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello, this is TLS\r\n\r\n".to_vec(),
            Over(400),
        ),
        ("no version", b"POST /mcp\r\n\r\n".to_vec(), Over(400)),
        ("another version", b"POST /mcp HTTP/3.7\r\nHost: localhost\r\n\r\n".to_vec(), Over(400)),
        ("a head without end", [b"POST /mcp HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 1 << 20]].concat(), Over(431)),
        (
            "a thousand headers",
            format!("POST /mcp HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1000)).into_bytes(),
            Over(431),
        ),
        (
            "an address without end",
            format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 17)).into_bytes(),
            Over(414),
        ),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), Silence),
        ("half a head", b"POST /mcp HTTP/1.1\r\nHost: loc".to_vec(), Silence),
        ("half a body", served.head(&format!("{json}Content-Length: {}\r\n", length + 1), good), Silence),
        ("half a chunk", served.head(&format!("{json}Transfer-Encoding: chunked\r\n"), b"ff\r\n{"), Silence),
        ("nothing", Vec::new(), Silence),
    ];
    for (what, bytes, then) in cases {
        let mut wire = served.wire();
        let sent = wire.try_send(&bytes);
        let status = |wire: &mut Wire| {
            let reply = wire.reply().unwrap_or_else(|| panic!("{what}: the server hung up (sent whole: {sent})"));
            (reply.status, shown(&reply.body))
        };
        match then {
            On(expected) => {
                let (status, body) = status(&mut wire);
                assert_eq!(status, expected, "{what}: {body}");
                served.goes_on(&mut wire, what);
            }
            Over(expected) => {
                let (status, body) = status(&mut wire);
                assert_eq!(status, expected, "{what}: {body}");
                assert!(wire.is_over(), "{what}");
            }
            Silence => {
                // The client goes away half-way; nothing hangs on to it.
                wire.end();
                while let Some(reply) = wire.reply() {
                    assert!(reply.status >= 400, "{what}: {} {}", reply.status, shown(&reply.body));
                }
            }
        }
        served.goes_on(&mut served.wire(), what);
    }
    assert!(world.everything(&world.team) == before, "something was changed");
}

#[test]
fn a_length_that_lies_is_not_believed_further_than_it_says() {
    let world = world();
    let served = Served::of(&world);
    // More than it said: the rest is the next request, and is none.
    let json = "Content-Type: application/json\r\n";
    let mut wire = served.wire();
    wire.send(
        &served.head(&format!("{json}Content-Length: {}\r\n", GOOD.len()), format!("{GOOD}{GOOD}").as_bytes()),
    );
    assert_eq!(wire.reply().unwrap().status, 200);
    assert_eq!(wire.reply().unwrap().status, 400);
    assert!(wire.is_over());
    // A request that hides behind the chunks of another is its own, and brings its own token or none.
    let mut wire = served.wire();
    let hidden = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    let both = format!("{json}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", 5 + hidden.len());
    wire.send(&served.head(&both, format!("0\r\n\r\n{hidden}").as_bytes()));
    let statuses: Vec<u16> = std::iter::from_fn(|| wire.reply()).map(|reply| reply.status).collect();
    assert!(statuses.iter().all(|status| *status >= 400), "{statuses:?}");
    served.goes_on(&mut served.wire(), "lies");
}

#[test]
fn ten_megabytes_are_refused_however_they_come_and_the_connection_goes_on() {
    let world = world();
    let served = Served::of(&world);
    let huge =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":"{}"}}}}"#, "x".repeat(10 << 20));
    let json = "Content-Type: application/json\r\n";
    let chunked: Vec<u8> = huge
        .as_bytes()
        .chunks(8_000)
        .flat_map(|part| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    let mut wire = served.wire();
    for (what, request) in [
        ("declared", served.post(&huge)),
        ("in chunks", served.head(&format!("{json}Transfer-Encoding: chunked\r\n"), &chunked)),
    ] {
        for _ in 0..2 {
            let reply = wire.ask(&request);
            assert_eq!(reply.status, 413, "{what}: {}", shown(&reply.body));
            assert!(reply.json()["detail"].as_str().unwrap().contains("Nothing was done."), "{what}");
            served.goes_on(&mut wire, what);
        }
    }
    // Declared and never sent: the client waits for a go-ahead and is told no.
    let reply =
        wire.ask(&served.head(&format!("{json}Content-Length: 10485760\r\nExpect: 100-continue\r\n"), b""));
    assert_eq!(reply.status, 413);
    served.goes_on(&mut served.wire(), "a question");
}

on_both! {
    fn naughty_strings_are_kept_as_they_are_or_refused_by_name(world: World) {
        let served = Served::of(&world);
        let mut wire = served.wire();
        let deal = world.deal("12 Oak Street");
        let mut call = |tool: &str, arguments: Value| {
            let params = json!({ "name": tool, "arguments": arguments });
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
            let reply = wire.ask(&served.post(body.to_string()));
            assert_eq!(reply.status, 200, "{tool} {arguments}: {}", shown(&reply.body));
            let result = reply.json()["result"].take();
            (result["isError"] == true, result["structuredContent"].clone())
        };
        let (mut kept, mut not) = (0, 0);
        for naughty in naughty_strings::BLNS.iter().copied().chain(["\u{0}", "a\u{0}b", "\u{feff}", "\u{fffe}\u{ffff}"]) {
            if naughty.contains('\0') {
                continue;
            }
            let (refused, said) = call("deal_update", json!({ "deal_id": deal, "title": naughty }));
            if refused {
                not += 1;
                assert_eq!((&said["code"], &said["problems"][0]["field"]), (&json!("invalid"), &json!("title")), "{naughty:?}");
                assert!(said.to_string().len() < 2_000, "{said}");
            } else {
                kept += 1;
                assert_eq!(said["deal"]["title"], naughty.trim(), "{naughty:?}");
                let (_, read) = call("deal_get", json!({ "id": deal }));
                assert_eq!(read["deal"]["title"], naughty.trim(), "{naughty:?}");
                // It is found by itself, and as what it is: nothing of it is a pattern.
                if (1..=200).contains(&naughty.chars().count()) {
                    let (refused, found) = call("deal_list", json!({ "text": naughty }));
                    assert!(!refused, "{naughty:?}: {found}");
                    assert_eq!(found["deals"].as_array().unwrap().len(), 1, "{naughty:?}: {found}");
                }
            }
            if naughty.chars().any(|c| !c.is_ascii_lowercase() && c != '_') {
                let dates = json!({ "deal_id": deal, "key_dates": { naughty: "2026-12-11" } });
                let (refused, said) = call("key_dates_preview", dates);
                assert!(refused && said["code"] == "invalid", "{naughty:?}: {said}");
            }
            for (tool, arguments) in [
                ("deal_get", json!({ "id": naughty })),
                ("milestone_list", json!({ "cursor": naughty })),
                ("milestone_list", json!({ "due_from": naughty })),
                ("milestone_list", json!({ "status": [naughty] })),
                ("milestone_list", json!({ naughty: 1 })),
                ("key_dates_apply", json!({ "plan_token": naughty })),
            ] {
                let (refused, said) = call(tool, arguments.clone());
                assert!(refused && said["code"] == "invalid", "{tool} {arguments}: {said}");
            }
        }
        assert!(kept > 300 && not > 10, "{kept} kept, {not} refused");
    }
}
