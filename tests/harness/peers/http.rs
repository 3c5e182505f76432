//! An HTTP/1.1 server that can also do what no good server does: say nothing, cut its answer, reset, never stop talking.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, JoinSet};

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

/// What goes on with a connection after its request, until it ends.
pub(crate) type GoesOn = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a peer does with a request that it takes.
pub(crate) trait Peer: Send + Sync + 'static {
    fn take(&self, asked: &Asked) -> Answer;

    /// A caller that wants to go on with WebSocket; `rest` is what it sent after its request. Without one of its own, a
    /// peer hangs up.
    fn upgrade(&self, _asked: &Asked, _stream: TcpStream, _rest: Vec<u8>) -> GoesOn {
        Box::pin(std::future::ready(()))
    }
}

#[derive(Default)]
struct Faults {
    next: VecDeque<Fault>,
    /// For the next request that is meant by its pattern.
    once: Vec<(Pattern, Fault)>,
    /// For requests whose path holds this text, in the order in which they were told.
    standing: Vec<(String, Fault)>,
}

/// A request by its method and its path's parts: `POST /channels/*/messages`, where `*` is any one part. Without a
/// method, any is meant; what comes before the first part that is named does not matter.
#[derive(Clone, Debug)]
struct Pattern {
    method: Option<String>,
    parts: Vec<String>,
}

impl Pattern {
    fn of(text: &str) -> Self {
        let (method, path) = match text.split_once(' ') {
            Some((method, path)) => (Some(method.to_owned()), path),
            None => (None, text),
        };
        let parts = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Self { method, parts }
    }

    fn means(&self, asked: &Asked) -> bool {
        let parts = asked.parts();
        let ends = parts.len().checked_sub(self.parts.len()).map(|from| &parts[from..]);
        self.method.as_ref().is_none_or(|method| *method == asked.method)
            && ends.is_some_and(|ends| self.parts.iter().zip(ends).all(|(is, part)| is == "*" || is == part))
    }
}

struct Shared {
    peer: Box<dyn Peer>,
    asked: Mutex<Vec<Asked>>,
    faults: Mutex<Faults>,
}

/// A peer that listens.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The task that takes connections and holds all that are open.
    listening: Mutex<Option<AbortHandle>>,
    runtime: Option<Runtime>,
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub fn start(peer: impl Peer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = bind(&runtime, SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { peer: Box::new(peer), asked: Mutex::default(), faults: Mutex::default() });
        let listening = runtime.spawn(listen(listener, Arc::clone(&shared))).abort_handle();
        Self { address, shared, listening: Mutex::new(Some(listening)), runtime: Some(runtime) }
    }

    /// Nobody is at the address any more, and every open connection is closed, as when the network is away.
    pub fn stop_listening(&self) {
        if let Some(listening) = held(&self.listening).take() {
            listening.abort();
            // The address is free when this returns.
            while !listening.is_finished() {
                std::thread::yield_now();
            }
        }
    }

    /// At the same address.
    pub fn listen_again(&self) {
        let runtime = self.runtime.as_ref().expect("a runtime until it is dropped");
        let mut listening = held(&self.listening);
        if listening.is_none() {
            let task = runtime.spawn(listen(bind(runtime, self.address), Arc::clone(&self.shared)));
            *listening = Some(task.abort_handle());
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, also those that were refused or never answered.
    pub fn asked(&self) -> Vec<Asked> {
        held(&self.shared.asked).clone()
    }

    /// How many requests this pattern means.
    pub fn count(&self, pattern: &str) -> usize {
        let pattern = Pattern::of(pattern);
        held(&self.shared.asked).iter().filter(|asked| pattern.means(asked)).count()
    }

    /// What happens to the next request that no other fault was told for.
    pub fn next(&self, fault: Fault) {
        held(&self.shared.faults).next.push_back(fault);
    }

    /// What happens to the next request that this pattern means.
    pub fn once(&self, pattern: &str, fault: Fault) {
        held(&self.shared.faults).once.push((Pattern::of(pattern), fault));
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

/// Also called from inside of another runtime, so that nothing may block here.
fn bind(runtime: &Runtime, address: SocketAddr) -> TcpListener {
    let _inside = runtime.enter();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(1_024).unwrap()
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    // Connections end with the one who took them.
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        while open.try_join_next().is_some() {}
        open.spawn(serve(stream, Arc::clone(&shared)));
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
            let meant = faults.once.iter().position(|(pattern, _)| pattern.means(&asked));
            let once = meant.map(|at| faults.once.remove(at).1);
            once.or(standing).or_else(|| faults.next.pop_front())
        };
        if fault.is_none() && asked.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket")) {
            held(&shared.asked)[number].answered = Some(101);
            return shared.peer.upgrade(&asked, stream, buffer).await;
        }
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

            /// What happens to the next request that this pattern means, such as `POST /channels/*/messages`: the end of
            /// its path, where `*` is any one part. Without a method, any is meant.
            pub fn fail_next(&self, pattern: &str, fault: crate::peers::Fault) {
                self.server.once(pattern, fault);
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
pub(crate) use is_http_peer;
