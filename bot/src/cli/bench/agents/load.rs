//! Clients that ask again as soon as they were answered, each over a connection of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::time::Duration;

use host::Clock;
use serde_json::{Value, json};

/// A server that says nothing for so long never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked of whom.
pub struct Target {
    pub tool: &'static str,
    address: SocketAddr,
    /// Whole requests, of the revision 2026-07-28, which needs no introduction.
    requests: Vec<Vec<u8>>,
}

/// What came of one turn.
pub struct Came {
    pub times: Vec<Duration>,
    pub took: Duration,
}

impl Target {
    pub fn new(
        tool: &'static str,
        address: SocketAddr,
        path: &str,
        token: Option<&str>,
        calls: Vec<(&'static str, Value)>,
    ) -> Self {
        let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let request = |(i, (name, arguments)): (usize, (&str, Value))| {
            let body = json!({
                "jsonrpc": "2.0", "id": i, "method": "tools/call",
                "params": {
                    "name": name, "arguments": arguments,
                    "_meta": {
                        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                        "io.modelcontextprotocol/clientInfo": { "name": "milepost-bench", "version": "1" },
                        "io.modelcontextprotocol/clientCapabilities": {},
                    },
                },
            })
            .to_string();
            format!(
                "POST {path} HTTP/1.1\r\nHost: {address}\r\n{token}Content-Type: application/json\r\n\
                 Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n\
                 Mcp-Method: tools/call\r\nMcp-Name: {name}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        Self { tool, address, requests: calls.into_iter().enumerate().map(request).collect() }
    }

    fn connect(&self) -> Result<BufReader<TcpStream>, String> {
        let connected =
            connected(self.address).map_err(|error| format!("{} cannot be reached: {error}.", self.address))?;
        Ok(BufReader::with_capacity(1 << 16, connected))
    }

    /// How long the answer to the first request is; an error when it is none.
    pub fn bytes(&self) -> Result<usize, crate::cli::Stop> {
        let mut wire = self.connect().map_err(crate::cli::Stop::Failed)?;
        let mut body = Vec::new();
        ask(&mut wire, &self.requests[0], &mut body).map_err(crate::cli::Stop::Failed)?;
        Ok(body.len())
    }
}

#[expect(clippy::disallowed_methods, reason = "a client of servers on this machine, which are measured")]
fn connected(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Address and path of a server on this machine.
pub fn place(url: &str) -> Option<(SocketAddr, String)> {
    let rest = url.strip_prefix("http://")?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address: SocketAddr = address.parse().ok()?;
    address.ip().is_loopback().then(|| (address, format!("/{path}")))
}

/// Lets `clients` ask for as long as `span`.
pub fn run(target: &Target, clients: usize, span: Duration, clock: &Clock) -> Result<Came, String> {
    let all_there = Barrier::new(clients);
    let began = clock.elapsed();
    let came: Result<Vec<Vec<Duration>>, String> = std::thread::scope(|scope| {
        let one = |first: usize| {
            let all_there = &all_there;
            move || {
                let wire = target.connect();
                all_there.wait();
                let (mut wire, mut times, mut body) = (wire?, Vec::new(), Vec::new());
                let until = clock.elapsed() + span;
                for i in first.. {
                    let start = clock.elapsed();
                    if start >= until {
                        break;
                    }
                    ask(&mut wire, &target.requests[i % target.requests.len()], &mut body)?;
                    times.push(clock.elapsed() - start);
                }
                Ok(times)
            }
        };
        let asking: Vec<_> = (0..clients).map(|first| scope.spawn(one(first))).collect();
        let gone = |_| Err("A client of the benchmark panicked.".to_owned());
        asking.into_iter().map(|client| client.join().unwrap_or_else(gone)).collect()
    });
    Ok(Came { times: came?.concat(), took: clock.elapsed() - began })
}

/// Sends one request and reads the whole answer into `body`.
fn ask(wire: &mut BufReader<TcpStream>, request: &[u8], body: &mut Vec<u8>) -> Result<(), String> {
    let broke = |error: std::io::Error| format!("The connection broke: {error}.");
    wire.get_mut().write_all(request).map_err(broke)?;
    let (mut line, mut length, mut good) = (Vec::new(), None, false);
    loop {
        line.clear();
        if wire.read_until(b'\n', &mut line).map_err(broke)? == 0 {
            return Err("The server hung up.".into());
        }
        if line.starts_with(b"HTTP/1.1 ") {
            good = line.starts_with(b"HTTP/1.1 200 ");
        } else if line.len() > 15 && line[..15].eq_ignore_ascii_case(b"content-length:") {
            length = std::str::from_utf8(&line[15..]).ok().and_then(|text| text.trim().parse().ok());
        } else if line == b"\r\n" {
            break;
        }
    }
    let Some(length) = length else {
        return Err("The answer has no length; a server that streams is not measured.".into());
    };
    body.resize(length, 0);
    wire.read_exact(body).map_err(broke)?;
    // Where a refusal says what it is: at the end of ours, and at most so far from it elsewhere.
    let tail = &body[length.saturating_sub(200)..];
    if !good || tail.windows(14).any(|part| part == br#""isError":true"#) {
        let said = String::from_utf8_lossy(&body[..length.min(300)]).into_owned();
        return Err(format!("A call was not answered as it should be: {said}"));
    }
    Ok(())
}
