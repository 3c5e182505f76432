//! A Discord on this machine: REST and the gateway on one port, with people in it who type commands and press buttons.
//!
//! Both the requests of the bot and everything that is said here are held against Discord's rules: our own list of them,
//! always, and Discord's published description, where it is at hand. What breaks one is named in
//! [`FakeDiscord::mistakes`], also where Discord itself would let it pass but people would suffer, such as a message
//! without `allowed_mentions`.
//!
//! Windows and deadlines pass on the clock that it is given, so that a story moves them by hand; heartbeats and the
//! patience of its people pass in real time.

mod acts;
mod commands;
mod delivery;
mod gateway;
mod interactions;
mod messages;
mod multipart;
mod openapi;
mod people;
mod rest;
mod rules;
mod shown;
mod slash;
mod state;
mod threads;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host::Clock;
use serde_json::{Value, json};

pub use self::acts::At;
pub use self::people::{Channel, Guild, Person};
use self::rest::Rest;
pub use self::shown::{Choice, Clickable, Field, Form, Said, Shown, What};
pub use self::state::permission;
use self::state::{Known, State};
use crate::peers::http::{Server, held, is_http_peer};
use crate::peers::{Arrival, Mark};

/// The only token it knows.
const TOKEN: &str = "fake.discord.token";
/// The id of the bot and of its application.
const APP: &str = "1000";

/// How much it takes before it answers 429. Without any, nothing is limited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// So many messages in a channel in such a time.
    pub channel: Option<(u32, Duration)>,
    /// So many requests of all kinds in a second.
    pub global: Option<u32>,
}

/// A message as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    pub id: String,
    pub channel: String,
    pub nonce: Option<String>,
    /// The whole request's body.
    pub body: Value,
    /// On the peer's clock.
    pub at: Duration,
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    pub id: String,
    pub name: String,
    pub content_type: String,
    pub description: Option<String>,
    pub bytes: Vec<u8>,
}

pub struct FakeDiscord {
    server: Server,
    known: Known,
}

is_http_peer!(FakeDiscord);

/// Where it is and what it is told.
impl FakeDiscord {
    /// Its windows pass on this clock, so that a story moves them by hand.
    pub fn start(clock: &Clock) -> Self {
        let known: Known = Arc::new(Mutex::new(State::new(clock)));
        let server = Server::start(Rest(known.clone()));
        held(&known).address = format!("http://{}", server.address());
        Self { server, known }
    }

    /// As `discord.api_url` in the settings.
    pub fn url(&self) -> String {
        format!("{}/api/v10", self.base())
    }

    /// As a proxy of a client that has Discord's own address built in.
    pub fn base(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// As `discord.token` in the settings.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// The id of the bot and of its application.
    pub fn application(&self) -> &'static str {
        APP
    }

    /// A guild with its owner and the bot in it.
    pub fn guild(&self, name: &str) -> Guild {
        Guild::found(&self.known, name, true)
    }

    /// A guild that nobody has invited the bot to.
    pub fn uninvited(&self, name: &str) -> Guild {
        Guild::found(&self.known, name, false)
    }

    /// From now on, interactions go to this address instead of over the gateway.
    pub fn deliver_to(&self, url: &str) {
        held(&self.known).deliver_to = Some(url.into());
    }

    pub fn deliver_over_gateway(&self) {
        held(&self.known).deliver_to = None;
    }

    /// With which signed interactions are checked, in hexadecimal digits.
    pub fn public_key(&self) -> String {
        delivery::public_key()
    }

    /// What Discord does when somebody saves the address for interactions: a ping, and one with a wrong signature.
    pub async fn check_endpoint(&self) -> Result<(), String> {
        let url = held(&self.known).deliver_to.clone().ok_or("there is no address")?;
        delivery::check(&self.known, &url).await
    }

    pub fn set_limits(&self, limits: Limits) {
        held(&self.known).limits = limits;
    }

    /// How long its people wait for something to see, in real time; 5 s when nothing is said.
    pub fn patience(&self, patience: Duration) {
        held(&self.known).patience = patience;
    }

    /// What the bot may do in a channel, as bits of [`permission`].
    pub fn allow(&self, channel: &(impl AsRef<str> + ?Sized), bits: u64) {
        if let Some(channel) = held(&self.known).channels.get_mut(channel.as_ref()) {
            channel.bot_may = Some(bits);
        }
    }

    /// The channel was deleted.
    pub fn delete_channel(&self, channel: &(impl AsRef<str> + ?Sized)) {
        let mut state = held(&self.known);
        state.gone.insert(channel.as_ref().into());
        if let Some(found) = state.channels.get(channel.as_ref()) {
            let told = state.channel_json(found);
            state.tell("CHANNEL_DELETE", &told);
        }
    }

    /// Somebody deleted a message.
    pub fn delete_message(&self, message: &impl Clickable) {
        let mut state = held(&self.known);
        state.messages.remove(&message.id().parse().unwrap_or(0));
        state.moves();
    }

    /// The bot may not see the channel any more.
    pub fn lock_out(&self, channel: &(impl AsRef<str> + ?Sized)) {
        held(&self.known).closed.insert(channel.as_ref().into());
    }

    /// It may again.
    pub fn let_in(&self, channel: &(impl AsRef<str> + ?Sized)) {
        held(&self.known).closed.remove(channel.as_ref());
    }

    /// Somebody else writes into a channel.
    pub fn chatter(&self, _clock: &Clock, channel: &(impl AsRef<str> + ?Sized), text: &str) {
        let mut state = held(&self.known);
        state.user("2000", "somebody", false);
        state.post(channel.as_ref(), "2000", None, &json!({ "content": text }), Vec::new());
    }

    /// All of them, each as it ends.
    pub async fn at_once<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
        futures_util::future::join_all(futures).await
    }
}

/// What goes wrong with the gateway.
impl FakeDiscord {
    /// Every connection of the gateway is gone, without a word.
    pub fn drop_connections(&self) {
        held(&self.known).sessions.drop_connections();
    }

    /// Every connection of the gateway is closed with this code.
    pub fn close(&self, code: u16) {
        held(&self.known).sessions.close(code);
    }

    /// Asks every client to connect anew and resume.
    pub fn reconnect_please(&self) {
        held(&self.known).sessions.reconnect_please();
    }

    /// Tells every client that its session is no good any more.
    pub fn invalid_session(&self, resumable: bool) {
        held(&self.known).sessions.invalid(resumable);
    }

    /// Sends the last interaction once more, with the number that it had.
    pub fn replay_last_interaction(&self) {
        held(&self.known).sessions.replay_last_interaction();
    }

    /// Clients that ask for any of these intents are closed with 4014.
    pub fn refuse_intents(&self, bits: u64) {
        held(&self.known).sessions.refused = Some(bits);
    }

    /// How often clients should say that they are there, from the next connection on.
    pub fn heartbeat_every(&self, every: Duration) {
        held(&self.known).sessions.every = Some(every);
    }

    /// The network is away: nobody is at the address, and all connections are closed.
    pub fn stop_listening(&self) {
        self.server.stop_listening();
    }

    /// It is back, at the same address.
    pub fn listen_again(&self) {
        self.server.listen_again();
    }
}

/// What there is to see afterwards.
impl FakeDiscord {
    /// How often messages were changed where they stand.
    pub fn changes(&self) -> usize {
        held(&self.known).changes
    }

    /// What was posted, in the order in which it came, as it was asked for, and as it was changed since.
    pub fn posted(&self) -> Vec<Posted> {
        held(&self.known).posted.clone()
    }

    /// What everybody sees in a channel now, the oldest first.
    pub fn channel_messages(&self, channel: &(impl AsRef<str> + ?Sized)) -> Vec<Shown> {
        people::all_in(&held(&self.known), channel.as_ref())
    }

    /// The threads under a channel: their ids and names.
    pub fn threads(&self, channel: &(impl AsRef<str> + ?Sized)) -> Vec<Channel> {
        let state = held(&self.known);
        let of = |found: &&state::Channel| match &found.kind {
            state::Kind::Thread { parent, .. } => parent == channel.as_ref(),
            _ => false,
        };
        let found = state.channels.values().filter(of);
        found.map(|thread| Channel { id: thread.id.clone(), name: thread.name.clone() }).collect()
    }

    /// Nobody wrote into a thread for long.
    pub fn put_away(&self, thread: &(impl AsRef<str> + ?Sized)) {
        if let Some(found) = held(&self.known).channels.get_mut(thread.as_ref())
            && let state::Kind::Thread { archived, .. } = &mut found.kind
        {
            *archived = true;
        }
    }

    /// Whether a thread sleeps.
    pub fn is_archived(&self, thread: &(impl AsRef<str> + ?Sized)) -> bool {
        let state = held(&self.known);
        let kind = state.channels.get(thread.as_ref()).map(|found| &found.kind);
        matches!(kind, Some(state::Kind::Thread { archived: true, .. }))
    }

    /// Everything that Discord would have refused, or that we never want to send.
    pub fn mistakes(&self) -> Vec<String> {
        held(&self.known).mistakes.clone()
    }

    /// Whether Discord's published description was asked, too.
    pub fn has_description(&self) -> bool {
        openapi::is_here()
    }

    /// The registered commands, of all guilds or of one.
    pub fn commands(&self, guild: Option<&Guild>) -> Vec<Value> {
        let guild = guild.map(|guild| guild.id.clone());
        held(&self.known).commands.get(&guild).cloned().unwrap_or_default()
    }

    /// How often the set of commands was overwritten.
    pub fn command_puts(&self) -> usize {
        held(&self.known).command_puts
    }

    /// How often somebody said anew who they are.
    pub fn identifies(&self) -> usize {
        held(&self.known).sessions.identifies
    }

    /// How often somebody asked to go on where they were.
    pub fn resumes(&self) -> usize {
        held(&self.known).sessions.resumes
    }

    /// How many connections of the gateway there were.
    pub fn connections(&self) -> usize {
        held(&self.known).sessions.connections
    }

    /// How many sessions have somebody listening now.
    pub fn connected(&self) -> usize {
        held(&self.known).sessions.connected()
    }

    pub fn heartbeats(&self) -> usize {
        held(&self.known).sessions.heartbeats
    }

    /// How often each kind of request came and what it was answered: `POST /channels/*/messages 200`.
    pub fn ledger(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for asked in self.asked() {
            let mut after_secret = false;
            let named = |part: &&str| {
                let secret = std::mem::replace(&mut after_secret, matches!(*part, "interactions" | "webhooks"));
                let id = part.parse::<u64>().is_ok();
                // Behind the id comes the token.
                after_secret |= secret && id;
                if id || secret { "*".to_owned() } else { (*part).to_owned() }
            };
            let parts: Vec<String> =
                asked.parts().iter().filter(|p| !matches!(**p, "api" | "v10")).map(named).collect();
            let status = asked.answered.map_or("nothing".to_owned(), |status| status.to_string());
            *counts.entry(format!("{} /{} {status}", asked.method, parts.join("/"))).or_default() += 1;
        }
        counts
    }

    /// How many requests a pattern means: `POST /channels/*/messages`, the end of the path, where `*` is any one part.
    pub fn count(&self, pattern: &str) -> usize {
        self.server.count(pattern)
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        let of = |posted: Posted| Arrival {
            mark: Mark::Text(posted.body.to_string()),
            to: posted.channel,
            provider_id: Some(posted.id),
        };
        // What others write has no nonce.
        self.posted().into_iter().filter(|posted| posted.nonce.is_some()).map(of).collect()
    }

    /// Until something holds, within thirty seconds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..6_000 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not within thirty seconds: {what}");
    }
}
