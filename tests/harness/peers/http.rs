//! An HTTP/1.1 server that can also do what no good server does: say nothing, cut its answer, reset, never stop talking.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const MOST_HEAD: usize = 64 << 10;
const MOST_BODY: usize = 32 << 20;

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The status that was answered; `None` when nothing was, or not yet.
    pub answered: Option<u16>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The fields of a form, in order.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub fn query(&self) -> Vec<(String, String)> {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// The path's parts, without its query.
    pub fn parts(&self) -> Vec<&str> {
        let path = self.path.split('?').next().unwrap_or_default();
        path.split('/').filter(|part| !part.is_empty()).collect()
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::empty(status).with("content-type", "application/json").saying(body.to_string().into_bytes())
    }

    pub fn html(status: u16, body: &str) -> Self {
        Self::empty(status).with("content-type", "text/html; charset=UTF-8").saying(body.into())
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn saying(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }
}

/// How an answer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Whole,
    /// After this long.
    Late(Duration),
    /// Nothing at all; the connection stays open until the caller hangs up.
    Never,
    /// Nothing, and the connection is reset.
    Reset,
    /// The head and half of the body, and the connection is closed in order.
    CutBody,
    /// The head and half of the body, and the connection is reset.
    ResetMidBody,
    /// The head, and then as many bytes as this, or until the caller hangs up.
    Endless(u64),
}

/// Something that goes wrong with one request.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Whether the peer took what was asked, whatever it says.
    takes: bool,
    /// What it says instead of its usual answer.
    says: Option<Answer>,
    how: How,
}

impl Fault {
    /// It takes nothing, and says this.
    pub fn says(answer: Answer) -> Self {
        Self { takes: false, says: Some(answer), how: How::Whole }
    }

    /// It takes nothing, and says so with a bare status.
    pub fn status(status: u16) -> Self {
        Self::says(Answer::json(status, &json!({ "message": "told to fail", "code": 0 })))
    }

    /// 429 with `Retry-After` exactly as spelled here, or without one.
    pub fn slow_down(retry_after: Option<&str>) -> Self {
        let answer = Answer::json(429, &json!({ "message": "You are being rate limited.", "global": false }));
        Self::says(match retry_after {
            Some(value) => answer.with("retry-after", value),
            None => answer,
        })
    }

    /// What stands in front of a provider that has had enough of somebody.
    pub fn ban_page() -> Self {
        let page = "<!DOCTYPE html><html><head><title>Access denied | Cloudflare</title></head>\
                    <body><h1>Error 1015</h1><p>You are being rate limited.</p></body></html>";
        Self::says(Answer::html(429, page).with("server", "cloudflare"))
    }

    /// It takes nothing, and the answer goes like this.
    pub fn before_taking(how: How) -> Self {
        Self { takes: false, says: Some(Answer::json(200, &json!({}))), how }
    }

    /// It takes what was asked, and its usual answer goes like this.
    pub fn after_taking(how: How) -> Self {
        Self { takes: true, says: None, how }
    }

    /// The same fault, but the peer took what was asked before.
    pub fn though_taken(mut self) -> Self {
        self.takes = true;
        self
    }

    /// The same fault, with its answer leaving like this.
    pub fn going(mut self, how: How) -> Self {
        self.how = how;
        self
    }
}

/// What a peer does with a request that it takes.
pub(super) trait Peer: Send + Sync + 'static {
    fn take(&self, asked: &Asked) -> Answer;
}

#[derive(Default)]
struct Faults {
    next: VecDeque<Fault>,
    /// For requests whose path holds this text, in the order in which they were told.
    standing: Vec<(String, Fault)>,
}

struct Shared {
    peer: Box<dyn Peer>,
    asked: Mutex<Vec<Asked>>,
    faults: Mutex<Faults>,
}

/// A peer that listens.
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub fn start(peer: impl Peer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { peer: Box::new(peer), asked: Mutex::default(), faults: Mutex::default() });
        let each = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream, Arc::clone(&each)));
            }
        });
        Self { address, shared, runtime: Some(runtime) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, also those that were refused or never answered.
    pub fn asked(&self) -> Vec<Asked> {
        held(&self.shared.asked).clone()
    }

    /// What happens to the next request that no other fault was told for.
    pub fn next(&self, fault: Fault) {
        held(&self.shared.faults).next.push_back(fault);
    }

    /// What happens to every request whose path holds this text, until [`Self::well`].
    pub fn always(&self, path: &str, fault: Fault) {
        held(&self.shared.faults).standing.push((path.into(), fault));
    }

    pub fn well(&self) {
        *held(&self.shared.faults) = Faults::default();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    while let Ok(Some(asked)) = read(&mut stream, &mut buffer).await {
        let number = {
            let mut all = held(&shared.asked);
            all.push(asked.clone());
            all.len() - 1
        };
        let fault = {
            let mut faults = held(&shared.faults);
            let standing =
                faults.standing.iter().find(|(path, _)| asked.path.contains(path)).map(|(_, f)| f.clone());
            standing.or_else(|| faults.next.pop_front())
        };
        let (answer, how) = match fault {
            None => (shared.peer.take(&asked), How::Whole),
            Some(fault) => {
                let usual = fault.takes.then(|| shared.peer.take(&asked));
                (fault.says.or(usual).unwrap_or_else(|| Answer::empty(500)), fault.how)
            }
        };
        if !matches!(how, How::Never | How::Reset) {
            held(&shared.asked)[number].answered = Some(answer.status);
        }
        if !matches!(write(&mut stream, &answer, how).await, Ok(true)) {
            break;
        }
    }
}

/// One request; `None` when the caller hung up or what came is no HTTP.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if buffer.len() > MOST_HEAD || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end + 4);
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(path)) = (first.next(), first.next()) else { return Ok(None) };
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(0);
    let chunked = headers.iter().any(|(name, _)| name == "transfer-encoding");
    if length > MOST_BODY || chunked {
        return Ok(None);
    }
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = buffer.drain(..length).collect();
    Ok(Some(Asked { method: method.into(), path: path.into(), headers, body, answered: None }))
}

/// Whether the connection may carry another request.
async fn write(stream: &mut TcpStream, answer: &Answer, how: How) -> io::Result<bool> {
    if let How::Late(by) = how {
        tokio::time::sleep(by).await;
    }
    let length = match how {
        How::Endless(bytes) => bytes,
        // Longer than what follows, so that an empty body can be cut, too.
        How::CutBody | How::ResetMidBody => answer.body.len() as u64 + 1,
        _ => answer.body.len() as u64,
    };
    let mut head = format!("HTTP/1.1 {} Told\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !matches!(answer.status, 204 | 304) {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head.push_str("\r\n");
    match how {
        How::Whole | How::Late(_) => {
            stream.write_all(&[head.as_bytes(), &answer.body].concat()).await?;
            Ok(true)
        }
        How::Never => {
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            Ok(false)
        }
        How::Reset => {
            stream.set_zero_linger()?;
            Ok(false)
        }
        How::CutBody | How::ResetMidBody => {
            let half = &answer.body[..answer.body.len() / 2];
            stream.write_all(&[head.as_bytes(), half].concat()).await?;
            if how == How::ResetMidBody {
                stream.flush().await?;
                stream.set_zero_linger()?;
            } else {
                stream.shutdown().await?;
            }
            Ok(false)
        }
        How::Endless(bytes) => {
            stream.write_all(head.as_bytes()).await?;
            let piece = vec![b'a'; 64 << 10];
            let mut left = bytes;
            while left > 0 {
                let now = left.min(piece.len() as u64);
                stream.write_all(&piece[..now as usize]).await?;
                left -= now;
            }
            Ok(false)
        }
    }
}

/// What every HTTP peer can be told and asked.
macro_rules! is_http_peer {
    ($peer:ident) => {
        impl $peer {
            /// Every request so far, also those that were refused or never answered.
            pub fn asked(&self) -> Vec<crate::peers::Asked> {
                self.server.asked()
            }

            /// What happens to the next request that no standing fault meets. Told several times: one after another.
            pub fn next(&self, fault: crate::peers::Fault) {
                self.server.next(fault);
            }

            /// What happens to every request whose path holds this text, until it is [`Self::well`] again.
            pub fn always(&self, path: &str, fault: crate::peers::Fault) {
                self.server.always(path, fault);
            }

            pub fn well(&self) {
                self.server.well();
            }

            pub fn address(&self) -> std::net::SocketAddr {
                self.server.address()
            }
        }
    };
}
pub(super) use is_http_peer;
