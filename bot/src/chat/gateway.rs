//! Discord's gateway: one process of the installation listens there and answers what it hears.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use host::Host;
use host::chat::{Attended, Seat, Word};
use serde_json::Value;
use serenity::all::{
    Client, ClientBuilder, Context, Event, EventHandler, GatewayIntents, Http, Interaction, RawEventHandler,
    Ready, ResumedEvent,
};
use serenity::async_trait;
use serenity::gateway::GatewayError;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::answer::{Chat, Out};
use super::asked::Asked;
use super::wire;

/// How often the seat is attended to.
const EVERY: Duration = Duration::from_secs(5);
/// How long whoever may do nothing leaves a question to others. They answer within a second, Discord waits for three, and
/// of two answers it takes the first.
const AFTER_OTHERS: Duration = Duration::from_millis(1_500);
/// How long nothing is tried after something failed, at first and at most.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What was heard that nobody here understands. For tests and curiosity: it is nobody's fault but ours.
#[derive(Clone, Default)]
pub struct Unknown(Arc<AtomicU64>);

impl Unknown {
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Listens whenever this process has the seat, until `close`. Gives up for good only on what a restart cannot mend.
pub async fn listen(host: Host, chat: Chat, unknown: Unknown, close: CancellationToken) {
    let mut seat = Seat::new(&host);
    let mut pause = PAUSE;
    while !close.is_cancelled() {
        let ended = match seat.attend().await {
            Attended::Ours => {
                let began = host.clock().elapsed();
                let ended = connected(&host, &chat, &unknown, &mut seat, &close).await;
                if host.clock().elapsed().saturating_sub(began) >= LONGEST_PAUSE {
                    pause = PAUSE;
                }
                Some(ended)
            }
            Attended::Theirs | Attended::Unknown => None,
        };
        let wait = match ended {
            Some(Ended::Closed) => break,
            Some(Ended::ForGood(sentence)) => {
                error!("{sentence}");
                break;
            }
            Some(Ended::SeatLost) => {
                warn!("Another process listens to Discord now");
                EVERY
            }
            Some(Ended::Broken(why)) => {
                warn!("Discord's gateway is not reached: {why}. It is tried again in {} s", pause.as_secs());
                let wait = pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                wait
            }
            None => EVERY,
        };
        tokio::select! {
            () = close.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    seat.leave().await;
}

/// Why nobody listens any more.
enum Ended {
    Closed,
    SeatLost,
    /// It may go better in a while.
    Broken(String),
    /// It will not, whatever is tried: the sentence says what to do.
    ForGood(String),
}

const BAD_TOKEN: &str = "Discord does not accept the bot's token, so nobody is answered in chat. Everything else runs. Set a valid \
                         discord.token and restart.";
const BAD_INTENTS: &str = "Discord does not let the bot listen to what it needs (its intents), so nobody is answered in chat. \
                           Everything else runs. Look at the application's page on Discord, then restart.";
const SHARDED: &str = "Discord wants this bot to listen in several shards, which this version does not do, so nobody is answered in \
                       chat. Everything else runs. Let interactions come to /discord/interactions (discord.public_key).";

async fn connected(
    host: &Host,
    chat: &Chat,
    unknown: &Unknown,
    seat: &mut Seat,
    close: &CancellationToken,
) -> Ended {
    if let Some(ended) = prepared(host, chat.http()).await.err() {
        return ended;
    }
    let mut client = match client(host, chat, unknown, seat.word()).await {
        Ok(client) => client,
        Err(ended) => return ended,
    };
    let shards = client.shard_manager.clone();
    let running = client.start();
    tokio::pin!(running);
    let mut look = tokio::time::interval(EVERY);
    let word = seat.word();
    let ended = loop {
        tokio::select! {
            ended = &mut running => return judge(ended),
            () = close.cancelled() => break Ended::Closed,
            _ = look.tick() => {}
            () = word.wanted() => {}
        }
        if seat.attend().await == Attended::Theirs {
            break Ended::SeatLost;
        }
    };
    shards.shutdown_all().await;
    // It says goodbye; whoever does not listen to that is left alone.
    let _ = tokio::time::timeout(PAUSE, running).await;
    ended
}

/// Asks Discord who we are, and tells it of the commands.
async fn prepared(host: &Host, http: &Arc<Http>) -> Result<(), Ended> {
    let broken = |error: &serenity::Error| match error {
        serenity::Error::Http(http) if http.status_code().is_some_and(|status| status.as_u16() == 401) => {
            Ended::ForGood(BAD_TOKEN.into())
        }
        error => Ended::Broken(wire::words(error)),
    };
    let application = http.get_current_application_info().await.map_err(|error| broken(&error))?;
    http.set_application_id(application.id);
    match wire::register(host, http).await {
        Ok(true) => info!("Told Discord of the commands"),
        Ok(false) => {}
        // Those that Discord knows go on working.
        Err(why) => warn!("Discord was not told of the commands: {why}"),
    }
    Ok(())
}

async fn client(host: &Host, chat: &Chat, unknown: &Unknown, word: Word) -> Result<Client, Ended> {
    let http = wire::http(host).map_err(Ended::ForGood)?;
    // serenity goes on with an address of its own when this fails, which would be another Discord than the settings name.
    let said = http.get_gateway().await.map_err(|error| Ended::Broken(wire::words(&error)))?.url;
    let wanted = host.config().discord.gateway_url.clone().unwrap_or(said);
    let client = ClientBuilder::new_with_http(http, GatewayIntents::GUILDS)
        .event_handler(Ears { chat: chat.clone(), word })
        .raw_event_handler(Counting(unknown.clone()))
        .await
        .map_err(|error| Ended::Broken(wire::words(&error)))?;
    wanted.clone_into(&mut *client.ws_url.lock().await);
    Ok(client)
}

fn judge(ended: serenity::Result<()>) -> Ended {
    use serenity::Error::Gateway;
    match ended {
        Ok(()) => Ended::Broken("the connection was closed".into()),
        Err(Gateway(GatewayError::InvalidAuthentication | GatewayError::NoAuthentication)) => {
            Ended::ForGood(BAD_TOKEN.into())
        }
        Err(Gateway(GatewayError::DisallowedGatewayIntents | GatewayError::InvalidGatewayIntents)) => {
            Ended::ForGood(BAD_INTENTS.into())
        }
        Err(Gateway(GatewayError::OverloadedShard)) => Ended::ForGood(SHARDED.into()),
        Err(error) => Ended::Broken(wire::words(&error)),
    }
}

struct Ears {
    chat: Chat,
    word: Word,
}

/// The first answer of what came by the gateway is a call of its own.
struct ByCall<'a> {
    http: &'a Http,
    id: String,
    token: String,
}

impl Out for ByCall<'_> {
    fn first<'a>(&'a self, body: Value) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move { wire::first(self.http, &self.id, &self.token, &body).await })
    }
}

#[async_trait]
impl EventHandler for Ears {
    async fn interaction_create(&self, _: Context, interaction: Interaction) {
        let Some(asked) = Asked::of(&interaction) else { return };
        let out = ByCall { http: self.chat.http(), id: asked.id.clone(), token: asked.token.clone() };
        match self.word.is_fresh_within(AFTER_OTHERS).await {
            true => self.chat.answer(asked, &out).await,
            // Another process may have heard it as well, and do it.
            false => self.chat.answer_that_it_cannot(&asked, &out).await,
        }
    }

    async fn ready(&self, _: Context, ready: Ready) {
        info!(guilds = ready.guilds.len(), "Listening to Discord as {}", ready.user.name);
    }

    async fn resume(&self, _: Context, _: ResumedEvent) {
        debug!("Went on listening to Discord where it broke off");
    }
}

struct Counting(Unknown);

#[async_trait]
impl RawEventHandler for Counting {
    async fn raw_event(&self, _: Context, event: Event) {
        if let Event::Unknown(unknown) = event {
            self.0.0.fetch_add(1, Ordering::Relaxed);
            debug!("Discord told of something unknown: {}", unknown.kind);
        }
    }
}
