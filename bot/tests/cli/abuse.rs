//! The real program under what no client should send: it goes on, and holds no more memory than before.

use std::net::SocketAddr;

use harness::Wire;

use super::{Running, Terminal, text};

/// What a round may leave behind at most, in KiB: what the allocator keeps for the next one differs a little from run to run.
const MOST_GROWN: u64 = 16 << 10;
/// What may be held at once at most beyond an idle server: some bodies of 1 MiB, and what is made of them.
const MOST_AT_ONCE: u64 = 64 << 10;

struct Target {
    server: Running,
    token: String,
}

impl Target {
    fn address(&self) -> SocketAddr {
        self.server.1.strip_prefix("http://").unwrap().parse().unwrap()
    }

    fn wire(&self) -> Wire {
        Wire::to(self.address())
    }

    fn request(&self, more: &str, body: &[u8]) -> Vec<u8> {
        let token = &self.token;
        let mut request = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n{more}\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    }

    fn post(&self, body: &[u8]) -> Vec<u8> {
        self.request(&format!("Content-Length: {}\r\n", body.len()), body)
    }

    /// What the kernel says that the process holds now, and held at most, in KiB.
    fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.0.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
        };
        (of("VmRSS:"), of("VmHWM:"))
    }
}

fn call(arguments: &str) -> Vec<u8> {
    let params = format!(r#"{{"name":"deal_list","arguments":{arguments}}}"#);
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#).into_bytes()
}

fn round(target: &Target) {
    let mut wire = target.wire();
    let huge = call(&format!(r#"{{"text":"{}"}}"#, "x".repeat(10 << 20)));
    let chunks: Vec<u8> = huge
        .chunks(1 << 14)
        .flat_map(|part| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    assert_eq!(wire.ask(&target.post(&huge)).status, 413);
    assert_eq!(wire.ask(&target.request("Transfer-Encoding: chunked\r\n", &chunks)).status, 413);

    let deep = format!(r#"{{"text":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(wire.ask(&target.post(&call(&deep))).rpc_code(), Some(-32600));
    assert_eq!(wire.ask(&target.post(&[b'['; 100_000])).rpc_code(), Some(-32700));
    // A megabyte of little values would be a hundred once it is read.
    let wide: Vec<String> = (0..40_000).map(|i| format!(r#""k{i}":[{{}},1.5,null]"#)).collect();
    let lists = format!(r#"{{"text":[{}1]}}"#, "[[[]]],".repeat(140_000));
    for many in [format!("{{{}}}", wide.join(",")), lists] {
        let many = call(&many);
        assert!(many.len() < 1 << 20 && many.len() > 900_000, "{} bytes", many.len());
        assert_eq!(wire.ask(&target.post(&many)).rpc_code(), Some(-32600));
    }
    let long = call(&format!(r#"{{"text":"{}"}}"#, "x".repeat(1_000_000)));
    let reply = wire.ask(&target.post(&long));
    assert_eq!((reply.status, reply.json()["result"]["isError"] == true), (200, true));
    assert!(reply.body.len() < 2_000, "{} bytes of answer", reply.body.len());

    // Those who go away half-way, and those who never get to the point.
    let said_more = target.request("Content-Length: 1000000\r\n", &huge[..200_000]);
    let halves: Vec<Wire> = (0..50)
        .map(|i| {
            let mut half = target.wire();
            half.send(if i % 2 == 0 { &said_more } else { b"POST /mcp HTTP/1.1\r\nX: " });
            half
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(wire.ask(&target.post(b"{")).rpc_code(), Some(-32700));
    }
    drop(halves);
    for noise in [&b"\0\0\0\0\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n"] {
        let mut other = target.wire();
        other.send(noise);
        assert_eq!(other.reply().unwrap().status, 400);
    }
    // The connection of all of these still serves.
    let reply = wire.ask(&target.post(&call("{}")));
    assert_eq!(reply.json()["result"]["isError"], false);
}

#[test]
fn what_no_client_should_send_costs_no_memory_for_good() {
    let t = Terminal::new();
    t.setup("lakeside");
    let made = t.json(&["token", "create", "--agent", "Abuser", "--scope", "read"]);
    let (server, _) = Running::start(t.command(&["serve"]).env("MILEPOST_LIMITS__CALLS_PER_MINUTE", "1000000"));
    let target = Target { server, token: text(&made["secret"]) };
    // What is made once is there after the first round.
    let (idle, _) = target.memory();
    round(&target);
    let (before, _) = target.memory();
    for _ in 0..10 {
        round(&target);
    }
    let (after, most) = target.memory();
    println!(
        "resident idle / after one round / after ten more / at most: {idle} / {before} / {after} / {most} KiB"
    );
    assert!(after <= before + MOST_GROWN, "{before} KiB before, {after} KiB after");
    assert!(most <= idle + MOST_AT_ONCE, "{idle} KiB idle, {most} KiB at most");
    assert_eq!(target.server.probe("/healthz/readiness"), 200);
    assert_eq!(target.server.terminate(), 0);
}
