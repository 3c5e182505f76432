//! The other half of Discord, version 10: a WebSocket over which it tells what happens. A session outlives its connection,
//! and tells everything that was missed to whoever resumes it.

use std::collections::VecDeque;
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use futures_util::{SinkExt, StreamExt};
use host::Clock;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::state::{Known, State, merge};
use super::{APP, TOKEN, openapi};
use crate::peers::Asked;
use crate::peers::http::{GoesOn, held};

/// Intents that must be switched on by hand first: members, presences, the content of messages.
const PRIVILEGED: u64 = 1 << 1 | 1 << 8 | 1 << 15;
/// How much a client may say in a minute.
const MOST_SENDS: usize = 120;

/// Something that leaves over a connection.
#[derive(Clone, Debug)]
enum Out {
    Say(Value),
    Close(u16),
    /// Without a word, as when a cable is pulled.
    Drop,
}

struct Session {
    id: String,
    seq: u64,
    intents: u64,
    told: Vec<(u64, Value)>,
    line: Option<mpsc::UnboundedSender<Out>>,
}

#[derive(Default)]
pub(super) struct Sessions {
    all: Vec<Session>,
    pub identifies: usize,
    pub resumes: usize,
    pub connections: usize,
    pub heartbeats: usize,
    /// How often a client should say that it is there; 41.25 s when nothing is said.
    pub every: Option<Duration>,
    /// Intents that are refused.
    pub refused: Option<u64>,
    /// Lines that have not said who they are.
    silent: Vec<mpsc::UnboundedSender<Out>>,
    last_interaction: Option<Value>,
}

impl Sessions {
    fn all_lines(&mut self, out: &Out) {
        self.silent.retain(|line| line.send(out.clone()).is_ok());
        for line in self.all.iter().filter_map(|session| session.line.as_ref()) {
            let _ = line.send(out.clone());
        }
    }

    pub fn drop_connections(&mut self) {
        self.all_lines(&Out::Drop);
        // What happens from now on is missed.
        self.all.iter_mut().for_each(|session| session.line = None);
    }

    pub fn close(&mut self, code: u16) {
        self.all_lines(&Out::Close(code));
        // These end the session, too.
        if matches!(code, 1000 | 1001 | 4003 | 4004 | 4007 | 4009..=4014) {
            self.all.clear();
        }
    }

    pub fn reconnect_please(&mut self) {
        self.all_lines(&Out::Say(json!({ "op": 7, "d": null })));
    }

    pub fn invalid(&mut self, resumable: bool) {
        self.all_lines(&Out::Say(json!({ "op": 9, "d": resumable })));
        if !resumable {
            self.all.clear();
        }
    }

    /// Whether anybody listens now.
    pub fn connected(&self) -> usize {
        self.all.iter().filter(|session| session.line.as_ref().is_some_and(|line| !line.is_closed())).count()
    }

    pub fn replay_last_interaction(&mut self) {
        if let Some(event) = self.last_interaction.clone() {
            self.all_lines(&Out::Say(event));
        }
    }
}

/// Which intent an event needs; interactions need none.
fn intent_of(event: &str) -> u64 {
    match event {
        "INTERACTION_CREATE" => 0,
        _ => 1,
    }
}

impl State {
    /// Tells every session, now or when it comes back.
    pub fn tell(&mut self, event: &str, data: &Value) {
        for wrong in examine(event, data) {
            self.mistake(format!("the double tells {event}: {wrong}"));
        }
        let needs = intent_of(event);
        for session in &mut self.sessions.all {
            if session.intents & needs == needs {
                let event = session.event(event, data);
                if data["token"].is_string() {
                    self.sessions.last_interaction = Some(event.clone());
                }
                if let Some(line) = &session.line {
                    let _ = line.send(Out::Say(event));
                }
            }
        }
    }
}

impl Session {
    fn event(&mut self, name: &str, data: &Value) -> Value {
        self.seq += 1;
        let event = json!({ "op": 0, "t": name, "s": self.seq, "d": data });
        self.told.push((self.seq, event.clone()));
        event
    }
}

/// The parts of an event that are described.
fn examine(event: &str, data: &Value) -> Vec<String> {
    let mut parts: Vec<(&str, &Value)> = Vec::new();
    match event {
        "GUILD_CREATE" => {
            parts.push(("GuildResponse", data));
            parts.extend(super::rules::list(&data["channels"]).iter().map(|c| ("GuildChannelResponse", c)));
            parts.extend(super::rules::list(&data["threads"]).iter().map(|c| ("ThreadResponse", c)));
            parts.extend(super::rules::list(&data["members"]).iter().map(|c| ("GuildMemberResponse", c)));
        }
        "THREAD_CREATE" | "THREAD_UPDATE" => parts.push(("ThreadResponse", data)),
        "CHANNEL_CREATE" | "CHANNEL_DELETE" => parts.push(("GuildChannelResponse", data)),
        "INTERACTION_CREATE" => {
            let also = [
                ("UserResponse", &data["user"]),
                ("UserResponse", &data["member"]["user"]),
                ("BasicGuildMemberResponse", &data["member"]),
                ("MessageResponse", &data["message"]),
            ];
            parts.extend(also.into_iter().filter(|(_, part)| !part.is_null()));
            for (list, name) in [
                ("users", "UserResponse"),
                ("roles", "GuildRoleResponse"),
                ("members", "BasicGuildMemberResponse"),
            ] {
                let resolved = data["data"]["resolved"][list].as_object();
                parts.extend(resolved.into_iter().flatten().map(|(_, part)| (name, part)));
            }
        }
        _ => {}
    }
    parts.into_iter().flat_map(|(name, part)| openapi::part(name, part)).collect()
}

/// A connection, until it ends.
pub(super) fn connect(known: Known, asked: &Asked, mut stream: TcpStream, rest: Vec<u8>) -> GoesOn {
    let query = asked.query();
    let says = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let version = says("v");
    let zlib = says("compress").as_deref() == Some("zlib-stream");
    let encoding = says("encoding").unwrap_or_else(|| "json".into());
    let accept = derive_accept_key(asked.header("sec-websocket-key").unwrap_or_default().as_bytes());
    Box::pin(async move {
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: {accept}\r\n\r\n"
        );
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        let config = WebSocketConfig::default();
        let socket = WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config)).await;
        let packing =
            if zlib { Packing::Stream(Box::new(Compress::new(Compression::fast(), true))) } else { Packing::None };
        let mut line = Line { socket, packing };
        if version.as_deref() != Some("10") || encoding != "json" {
            held(&known).mistake(format!("the gateway was asked for version {version:?} in {encoding}"));
            line.close(4012).await;
            return;
        }
        let (sender, mut outgoing) = mpsc::unbounded_channel();
        let every = {
            let mut state = held(&known);
            state.sessions.connections += 1;
            state.sessions.silent.push(sender.clone());
            state.sessions.every.unwrap_or(Duration::from_millis(41_250))
        };
        let hello = json!({ "op": 10, "d": { "heartbeat_interval": every.as_millis() as u64, "_trace": [] } });
        if line.say(&hello).await.is_some() {
            talk(&known, &mut line, &mut outgoing, &sender, every).await;
        }
        // Whoever comes next may resume the session; nothing is told to this line any more.
        for session in &mut held(&known).sessions.all {
            session.line.take_if(|line| line.same_channel(&sender));
        }
    })
}

async fn talk(
    known: &Known,
    line: &mut Line,
    outgoing: &mut mpsc::UnboundedReceiver<Out>,
    sender: &mpsc::UnboundedSender<Out>,
    every: Duration,
) {
    let clock = Clock::system();
    let mut sends: VecDeque<Duration> = VecDeque::new();
    loop {
        // A heart that misses a beat and a half is dead.
        let heard = tokio::time::timeout(every.mul_f32(1.5), line.socket.next());
        tokio::select! {
            biased;
            out = outgoing.recv() => match out {
                Some(Out::Say(event)) => if line.say(&event).await.is_none() { return },
                Some(Out::Close(code)) => return line.close(code).await,
                Some(Out::Drop) | None => {
                    let _ = line.socket.get_ref().set_zero_linger();
                    return;
                }
            },
            heard = heard => {
                let text = match heard {
                    Err(_) => return line.close(4009).await,
                    Ok(Some(Ok(Frame::Text(text)))) => text.to_string(),
                    Ok(Some(Ok(Frame::Binary(bytes)))) => String::from_utf8_lossy(&bytes).into_owned(),
                    Ok(Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_)))) => continue,
                    Ok(Some(Ok(Frame::Close(frame)))) => {
                        // In order, and with these codes it says that it does not come back.
                        let leaves = frame.is_some_and(|frame| matches!(u16::from(frame.code), 1000 | 1001));
                        if leaves {
                            held(known).sessions.all.retain(|session| {
                                !session.line.as_ref().is_some_and(|line| line.same_channel(sender))
                            });
                        }
                        return;
                    }
                    Ok(Some(Err(_)) | None) => return,
                };
                let now = clock.elapsed();
                sends.push_back(now);
                sends.retain(|at| now.saturating_sub(*at) < Duration::from_secs(60));
                if sends.len() > MOST_SENDS {
                    held(known).mistake("more than 120 sends over the gateway in a minute");
                    return line.close(4008).await;
                }
                let Ok(said) = serde_json::from_str::<Value>(&text) else { return line.close(4002).await };
                let answers = heard_this(known, &said, sender, line);
                for answer in answers {
                    match answer {
                        Out::Say(event) => if line.say(&event).await.is_none() { return },
                        Out::Close(code) => return line.close(code).await,
                        Out::Drop => return,
                    }
                }
            }
        }
    }
}

fn heard_this(known: &Known, said: &Value, sender: &mpsc::UnboundedSender<Out>, line: &mut Line) -> Vec<Out> {
    let mut state = held(known);
    let is_ours = said["d"]["token"].as_str().is_some_and(|token| token.trim_start_matches("Bot ") == TOKEN);
    match said["op"].as_u64() {
        Some(1) => {
            state.sessions.heartbeats += 1;
            vec![Out::Say(json!({ "op": 11 }))]
        }
        Some(2) => {
            state.sessions.identifies += 1;
            if !is_ours {
                return vec![Out::Close(4004)];
            }
            let intents = said["d"]["intents"].as_u64();
            let Some(intents) = intents else { return vec![Out::Close(4013)] };
            if intents & state.sessions.refused.unwrap_or(PRIVILEGED) != 0 {
                return vec![Out::Close(4014)];
            }
            if said["d"]["compress"] == true && matches!(line.packing, Packing::None) {
                line.packing = Packing::Each;
            }
            identified(&mut state, intents, sender)
        }
        Some(6) => {
            state.sessions.resumes += 1;
            if !is_ours {
                return vec![Out::Close(4004)];
            }
            resumed(&mut state, &said["d"], sender)
        }
        // How it shows itself, and what we do not serve.
        Some(3 | 4 | 8) => Vec::new(),
        _ => vec![Out::Close(4001)],
    }
}

fn identified(state: &mut State, intents: u64, sender: &mpsc::UnboundedSender<Out>) -> Vec<Out> {
    state.sessions.silent.retain(|line| !line.same_channel(sender));
    let id = format!("{:032x}", state.sessions.identifies);
    let mut session = Session { id: id.clone(), seq: 0, intents, told: Vec::new(), line: Some(sender.clone()) };
    let mut user = state.user_json(APP);
    merge(&mut user, json!({ "mfa_enabled": true, "verified": true, "email": null }));
    let guilds: Vec<_> = state.guilds.values().filter(|guild| guild.has_bot).cloned().collect();
    let away: Vec<Value> = guilds.iter().map(|g| json!({ "id": g.id, "unavailable": true })).collect();
    let address = state.address.replacen("http", "ws", 1);
    let ready = json!({
        "v": 10, "user": user, "guilds": away, "session_id": id, "resume_gateway_url": address,
        "shard": [0, 1], "application": { "id": APP, "flags": 0 }, "session_type": "normal",
        "private_channels": [], "relationships": [], "user_settings": {}, "guild_join_requests": [],
        "presences": [], "_trace": [],
    });
    let mut all = vec![Out::Say(session.event("READY", &ready))];
    for guild in guilds {
        let created = state.guild_create(&guild);
        for wrong in examine("GUILD_CREATE", &created) {
            state.mistake(format!("the double tells GUILD_CREATE: {wrong}"));
        }
        all.push(Out::Say(session.event("GUILD_CREATE", &created)));
    }
    state.sessions.all.push(session);
    all
}

fn resumed(state: &mut State, asked: &Value, sender: &mpsc::UnboundedSender<Out>) -> Vec<Out> {
    state.sessions.silent.retain(|line| !line.same_channel(sender));
    let session = state.sessions.all.iter_mut().find(|session| asked["session_id"] == session.id.as_str());
    let Some(session) = session else { return vec![Out::Say(json!({ "op": 9, "d": false }))] };
    let Some(seen) = asked["seq"].as_u64().filter(|seen| *seen <= session.seq) else {
        return vec![Out::Close(4007)];
    };
    session.line = Some(sender.clone());
    let missed = session.told.iter().filter(|(seq, _)| *seq > seen).map(|(_, event)| Out::Say(event.clone()));
    let mut all: Vec<Out> = missed.collect();
    all.push(Out::Say(session.event("RESUMED", &json!({ "_trace": [] }))));
    all
}

enum Packing {
    None,
    /// Every message by itself, as `compress` in IDENTIFY asks for; short ones stay as they are.
    Each,
    /// All messages of the connection as one stream, as `compress=zlib-stream` in the address asks for.
    Stream(Box<Compress>),
}

struct Line {
    socket: WebSocketStream<TcpStream>,
    packing: Packing,
}

impl Line {
    /// `None` when nobody hears it.
    async fn say(&mut self, event: &Value) -> Option<()> {
        let text = event.to_string();
        let frame = match &mut self.packing {
            Packing::Each if text.len() >= 256 => {
                let mut packed = Vec::new();
                pack(
                    &mut Compress::new(Compression::fast(), true),
                    text.as_bytes(),
                    &mut packed,
                    FlushCompress::Finish,
                );
                Frame::Binary(packed.into())
            }
            Packing::Stream(stream) => {
                let mut packed = Vec::new();
                pack(stream, text.as_bytes(), &mut packed, FlushCompress::Sync);
                Frame::Binary(packed.into())
            }
            _ => Frame::Text(text.into()),
        };
        self.socket.send(frame).await.ok()
    }

    async fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "told to close".into() };
        let _ = self.socket.close(Some(frame)).await;
        // Until the other side has heard it, or is gone.
        let heard = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = tokio::time::timeout(Duration::from_secs(2), heard).await;
    }
}

/// All of it, up to where the other side can read it.
fn pack(stream: &mut Compress, bytes: &[u8], packed: &mut Vec<u8>, flush: FlushCompress) {
    let start = stream.total_in();
    loop {
        packed.reserve(bytes.len() + 64);
        let done = (stream.total_in() - start) as usize;
        stream.compress_vec(&bytes[done..], packed, flush).expect("compressing never fails");
        // With room left, everything has come out.
        if packed.len() < packed.capacity() && (stream.total_in() - start) as usize == bytes.len() {
            return;
        }
    }
}
