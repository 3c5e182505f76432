//! The only place from which the process opens a connection of its own.
//!
//! No redirect is followed and no proxy asked: either would lead past the checks. Nothing is repeated here.
#![allow(clippy::disallowed_methods, reason = "this is the one place")]

use std::error::Error as _;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use domain::delivery::webhook::target::{self, Allowed, Target};
use http_body::{Frame, SizeHint};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Url, redirect, retry};

use crate::channels::Later;
use crate::clock::Clock;

/// How long a connection may take, with the look-up of its name and TLS.
pub const CONNECT: Duration = Duration::from_secs(3);
/// How long a request may take, from its start to the last byte of its answer that is of use.
pub const TOTAL: Duration = Duration::from_secs(30);
/// How long an answer to somebody who asked in chat may take.
const ANSWER: Duration = Duration::from_secs(10);
/// For how long the body of a workspace's own program is read: its status has said what there is to know.
const BODY_OF_TARGET: Duration = Duration::from_secs(2);
/// How much of an answer is read, whatever is sent.
pub const MOST: usize = 64 << 10;
/// A connection is used again within this time; a server that closes it meanwhile costs a request.
const IDLE: Duration = Duration::from_secs(10);

/// A connection to the mail server that the settings name: whoever runs the installation vouches for it.
pub async fn to_mail_server(host: &str, port: u16) -> std::io::Result<tokio::net::TcpStream> {
    tokio::net::TcpStream::connect((host, port)).await
}

/// Where names are looked up.
pub trait Names: Send + Sync {
    fn look_up<'a>(&'a self, name: &'a str) -> Later<'a, std::io::Result<Vec<IpAddr>>>;
}

struct SystemNames;

impl Names for SystemNames {
    fn look_up<'a>(&'a self, name: &'a str) -> Later<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|addr| addr.ip()).collect()) })
    }
}

/// Gives public addresses only, and is what connects: between its look and the connection nobody looks again.
struct Vetted(Arc<dyn Names>);

impl Resolve for Vetted {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.0.clone();
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            let public: Vec<SocketAddr> =
                found.into_iter().filter(|ip| target::is_public(*ip)).map(|ip| SocketAddr::new(ip, 0)).collect();
            if public.is_empty() {
                return Err("the name leads to no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// The ways out over HTTP. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    clock: Clock,
    allowed: Allowed,
    /// To providers, whose addresses come from the settings.
    provider: Client,
    /// As `provider`, each request on a connection of its own.
    fresh: Client,
    /// To addresses that somebody wrote into a workspace.
    guarded: Client,
    /// To those of them that the settings name.
    listed: Client,
}

/// A request that carries a body.
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// On the clock's monotonic time: from then on the body does not leave.
    pub until: Option<Duration>,
    /// How much of the answer is read.
    pub most: usize,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Vec::new(), until: None, most: MOST }
    }
}

/// What came of a request.
#[derive(Debug)]
pub enum Heard {
    Answer(Answer),
    /// Nothing of the body left this process, so nobody can have acted on it.
    NotSent {
        why: String,
    },
    /// The body may have arrived.
    Lost {
        why: String,
    },
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Whether `body` is all that was sent.
    pub whole: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok().filter(|_| self.whole)
    }
}

impl Egress {
    pub fn new(clock: Clock, allowed: Allowed) -> Result<Self, String> {
        Self::with_names(clock, allowed, Arc::new(SystemNames))
    }

    pub fn with_names(clock: Clock, allowed: Allowed, names: Arc<dyn Names>) -> Result<Self, String> {
        let built = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| format!("The HTTP client cannot be made: {error}."))
        };
        Ok(Self {
            clock,
            allowed,
            provider: built(client())?,
            fresh: built(client().pool_max_idle_per_host(0))?,
            guarded: built(client().dns_resolver(Arc::new(Vetted(names))))?,
            listed: built(client())?,
        })
    }

    pub async fn to_provider(&self, request: Request) -> Heard {
        self.send(&self.provider, request, TOTAL).await
    }

    /// For providers that cannot recognise a repetition: a connection of an earlier request that has died since would
    /// leave the request's fate unclear.
    pub async fn to_provider_afresh(&self, request: Request) -> Heard {
        self.send(&self.fresh, request, TOTAL).await
    }

    /// To an address of a workspace. It is checked here once more, whatever it was when it was stored.
    pub async fn to_target(&self, address: &str, make: impl FnOnce(Url) -> Request) -> Result<Heard, String> {
        let Target { url, listed } =
            target::check("url", address, &self.allowed).map_err(|problem| problem.sentence)?;
        Ok(self.send(if listed { &self.listed } else { &self.guarded }, make(url), BODY_OF_TARGET).await)
    }

    async fn send(&self, client: &Client, request: Request, reading: Duration) -> Heard {
        let Request { method, url, headers, body, until, most } = request;
        let late = || until.is_some_and(|until| self.clock.elapsed() >= until);
        if late() {
            return Heard::NotSent { why: LATE.into() };
        }
        // Without a body the request itself is what could arrive.
        let asks = body.is_empty();
        let begun = Arc::new(AtomicBool::new(asks));
        let mut sending = client.request(method, url).headers(headers);
        if !asks {
            let length = body.len();
            let bytes = Some(Bytes::from(body));
            let watched = Watched { bytes, length, begun: begun.clone(), clock: self.clock.clone(), until };
            sending = sending.body(reqwest::Body::wrap(watched));
        }
        match sending.send().await {
            Ok(answer) => Heard::Answer(read(answer, most, reading).await),
            Err(_) if late() && !begun.load(Ordering::Acquire) => Heard::NotSent { why: LATE.into() },
            Err(error) if begun.load(Ordering::Acquire) && !error.is_connect() => {
                Heard::Lost { why: words(&error) }
            }
            Err(error) => Heard::NotSent { why: words(&error) },
        }
    }
}

pub const LATE: &str = "The time in which it could be sent was over before a byte had left.";

fn client() -> reqwest::ClientBuilder {
    Client::builder()
        .user_agent(concat!("Milepost/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(4)
        .tcp_nodelay(true)
}

/// What answers those who just asked something in chat. Whoever asked is gone after a few seconds.
pub fn for_answers() -> Result<Client, String> {
    client().timeout(ANSWER).build().map_err(|error| error.to_string())
}

/// To servers of other agents, which the settings name. An answer may take as long as its caller waits.
pub fn for_agent_servers(timeout: Duration) -> Result<Client, String> {
    client().timeout(timeout).build().map_err(|error| format!("The HTTP client cannot be made: {error}."))
}

async fn read(mut answer: reqwest::Response, most: usize, reading: Duration) -> Answer {
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let mut body = Vec::new();
    let reads = async {
        loop {
            match answer.chunk().await {
                Ok(None) => break true,
                Err(_) => break false,
                Ok(Some(chunk)) => {
                    let room = most - body.len();
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    // What comes after the bound is never read: the connection is closed.
                    if chunk.len() > room {
                        break false;
                    }
                }
            }
        }
    };
    let whole = tokio::time::timeout(reading, reads).await.unwrap_or(false);
    Answer { status, headers, body, whole }
}

/// The innermost cause, in words; never the address, which may hold a secret.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return if error.is_connect() { "No connection came about in time." } else { "No answer came in time." }
            .into();
    }
    let mut cause = error.source();
    let mut said = String::from("the request failed");
    while let Some(inner) = cause {
        said = inner.to_string();
        cause = inner.source();
    }
    let what = if error.is_connect() { "No connection came about" } else { "The connection broke off" };
    format!("{what}: {said}.")
}

/// A body in one piece that knows whether it was handed over, and does not go when it is late.
struct Watched {
    bytes: Option<Bytes>,
    length: usize,
    begun: Arc<AtomicBool>,
    clock: Clock,
    until: Option<Duration>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        if self.until.is_some_and(|until| self.clock.elapsed() >= until) {
            return Poll::Ready(Some(Err(std::io::Error::other(LATE))));
        }
        self.begun.store(true, Ordering::Release);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.bytes.is_some() { self.length as u64 } else { 0 })
    }
}

/// Asks a server on this machine for its health and returns the status of its answer.
///
/// Only loopback addresses are asked.
pub fn probe(addr: SocketAddr, path: &str) -> std::io::Result<u16> {
    if !addr.ip().is_loopback() {
        return Err(std::io::Error::other(format!("{addr} is not on this machine")));
    }
    let wait = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&addr, wait)?;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let status = std::str::from_utf8(&head).ok().and_then(|head| head.strip_prefix("HTTP/1.1 "));
    status.and_then(|status| status.parse().ok()).ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::channels::peer::{Peer, http};

    struct Turncoat(Mutex<Vec<&'static str>>);

    impl Names for Turncoat {
        fn look_up<'a>(&'a self, _: &'a str) -> Later<'a, std::io::Result<Vec<IpAddr>>> {
            let next = self.0.lock().unwrap().remove(0);
            Box::pin(async move { Ok(next.split(' ').map(|ip| ip.parse().unwrap()).collect()) })
        }
    }

    fn egress(private: &[String], names: &[&'static str]) -> Egress {
        let allowed = Allowed { ports: (1..=u16::MAX).collect(), private: private.to_vec() };
        let names = Turncoat(Mutex::new(names.to_vec()));
        Egress::with_names(Clock::system(), allowed, Arc::new(names)).unwrap()
    }

    fn post(url: Url) -> Request {
        Request { body: b"{}".to_vec(), ..Request::new(Method::POST, url) }
    }

    #[tokio::test]
    async fn a_name_that_turns_to_a_private_address_is_not_connected_to() {
        let peer = Peer::start(|_| http(200, "", "")).await;
        let resolver = Vetted(Arc::new(Turncoat(Mutex::new(vec!["8.8.8.8", "127.0.0.1", "10.0.0.1 8.8.4.4"]))));
        let mut answers = Vec::new();
        for _ in 0..3 {
            let found = resolver.resolve("turncoat.example.com".parse().unwrap()).await;
            answers.push(found.map(|all| all.map(|a| a.ip().to_string()).collect::<Vec<_>>()).unwrap_or_default());
        }
        assert_eq!(answers, [vec!["8.8.8.8"], vec![], vec!["8.8.4.4"]]);

        let egress = egress(&[], &["127.0.0.1", "::1 ::ffff:127.0.0.1"]);
        for _ in 0..2 {
            let url = format!("https://turncoat.example.com:{}/", peer.port());
            let heard = egress.to_target(&url, post).await.unwrap();
            assert!(matches!(&heard, Heard::NotSent { why } if why.contains("no public address")), "{heard:?}");
        }
        assert_eq!(peer.heard(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn only_the_exact_private_address_that_is_listed_is_reached() {
        let peer = Peer::start(|_| http(204, "", "")).await;
        let listed = egress(&[format!("127.0.0.1:{}", peer.port())], &[]);
        let heard = listed.to_target(&peer.url("/x"), post).await.unwrap();
        assert!(matches!(heard, Heard::Answer(Answer { status: 204, .. })), "{heard:?}");
        let request = peer.heard().remove(0);
        assert!(request.contains("content-length: 2\r\n") && request.ends_with("\r\n\r\n{}"), "{request}");
        assert!(request.contains("user-agent: Milepost/"), "{request}");
        assert!(egress(&[], &[]).to_target(&peer.url("/x"), post).await.is_err());
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let inner = Peer::start(|_| http(200, "", "secret")).await;
        let to = inner.url("/");
        let outer = Peer::start(move |_| http(302, &format!("Location: {to}\r\n"), "")).await;
        let egress = egress(&[format!("127.0.0.1:{}", outer.port())], &[]);
        let heard = egress.to_target(&outer.url("/"), post).await.unwrap();
        assert!(matches!(heard, Heard::Answer(Answer { status: 302, .. })), "{heard:?}");
        assert_eq!(inner.heard(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_bound_whatever_its_size() {
        let peer = Peer::start(|_| {
            let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n".to_vec();
            bytes.resize(bytes.len() + (1 << 20), b'x');
            bytes
        })
        .await;
        let egress = egress(&[format!("127.0.0.1:{}", peer.port())], &[]);
        let heard = egress.to_target(&peer.url("/"), post).await.unwrap();
        let Heard::Answer(answer) = heard else { panic!("{heard:?}") };
        assert_eq!((answer.status, answer.body.len(), answer.whole), (200, MOST, false));
    }

    #[tokio::test]
    async fn what_is_late_does_not_leave() {
        let peer = Peer::start(|_| http(200, "", "")).await;
        let clock = Clock::standing_at(jiff::Timestamp::UNIX_EPOCH);
        let egress = Egress::new(clock.clone(), Allowed::default()).unwrap();
        let url: Url = peer.url("/").parse().unwrap();
        let until = Some(Duration::from_secs(5));
        assert!(matches!(egress.to_provider(Request { until, ..post(url.clone()) }).await, Heard::Answer(_)));
        clock.advance(Duration::from_secs(5));
        let heard = egress.to_provider(Request { until, ..post(url) }).await;
        assert!(matches!(&heard, Heard::NotSent { why } if why == LATE), "{heard:?}");
        assert_eq!(peer.heard().len(), 1);
    }

    #[tokio::test]
    async fn a_body_that_becomes_late_while_it_connects_stays_here() {
        let clock = Clock::standing_at(jiff::Timestamp::UNIX_EPOCH);
        let begun = Arc::new(AtomicBool::new(false));
        let mut body = Watched {
            bytes: Some(Bytes::from_static(b"x")),
            length: 1,
            begun: begun.clone(),
            clock: clock.clone(),
            until: Some(Duration::from_secs(1)),
        };
        clock.advance(Duration::from_secs(2));
        let mut context = Context::from_waker(std::task::Waker::noop());
        let frame = http_body::Body::poll_frame(Pin::new(&mut body), &mut context);
        assert!(matches!(frame, Poll::Ready(Some(Err(_)))) && !begun.load(Ordering::Acquire));
    }

    #[tokio::test]
    async fn nobody_listens_is_not_sent_and_a_broken_answer_is_lost() {
        let egress = Egress::new(Clock::system(), Allowed::default()).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let heard = egress.to_provider(post(format!("http://{free}/").parse().unwrap())).await;
        assert!(matches!(&heard, Heard::NotSent { why } if why.contains("No connection")), "{heard:?}");
        for bytes in ["", "HTTP/1.1 20", "garbage\r\n\r\n"] {
            let peer = Peer::start(move |_| bytes.as_bytes().to_vec()).await;
            let heard = egress.to_provider(post(peer.url("/").parse().unwrap())).await;
            assert!(matches!(heard, Heard::Lost { .. }), "{bytes:?}: {heard:?}");
        }
        let peer = Peer::start(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec()).await;
        let heard = egress.to_provider(post(peer.url("/").parse().unwrap())).await;
        assert!(matches!(&heard, Heard::Answer(a) if a.status == 200 && !a.whole), "{heard:?}");
    }
}
