//! From a question to its answer, in time: whoever asked reads something within a second, whatever the database does.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::kernel::Refusal;
use domain::people::chat::{Known, Speaker};
use host::Host;
use serde_json::Value;
use serenity::all::{CreateAttachment, Http};
use tracing::{debug, error, warn};

use super::asked::{Asked, What};
use super::caller::Caller;
use super::reply::{Reply, Say, soon};
use super::wire::{self, Later};
use super::{commands, forms, presses, says};

/// How long somebody waits before they are told that an answer comes. Discord waits for three seconds.
const PATIENCE: Duration = Duration::from_millis(700);
/// How many questions are remembered, so that none is answered twice.
const REMEMBERED: usize = 4_096;

/// Where the first answer goes.
pub trait Out: Send + Sync {
    /// Puts it there. The error is ours to log.
    fn first<'a>(&'a self, body: Value) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;
}

/// The face. Cheap to clone.
#[derive(Clone)]
pub struct Chat {
    host: Host,
    /// For what comes after the first answer.
    http: Arc<Http>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    /// Whether it is new.
    fn note(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

impl Chat {
    pub fn new(host: &Host, http: Arc<Http>) -> Self {
        Self { host: host.clone(), http, seen: Arc::default() }
    }

    pub fn http(&self) -> &Arc<Http> {
        &self.http
    }

    /// Answers a question, once, however often it comes.
    pub async fn answer(&self, asked: Asked, out: &dyn Out) {
        if !self.seen.lock().unwrap_or_else(PoisonError::into_inner).note(&asked.id) {
            debug!(interaction = %asked.id, "Discord told of the same question again");
            return;
        }
        let asked = Arc::new(asked);
        let typing = matches!(asked.what, What::Complete(..));
        let mut work = tokio::spawn(reply_to(self.clone(), asked.clone()));
        let reply = match tokio::time::timeout(PATIENCE, &mut work).await {
            Ok(done) => Some(done),
            // Whoever types goes on typing; old names are of no use.
            Err(_) if typing => {
                work.abort();
                Some(Ok(Reply::Choices(Vec::new())))
            }
            Err(_) => None,
        };
        if let Some(done) = reply {
            let reply = done.unwrap_or_else(|panic| self.broken(&asked, &panic.to_string()));
            self.first_and_rest(&asked, reply, out).await;
            return;
        }
        if let Err(why) = out.first(soon(true)).await {
            // The work goes on: it may be a change that somebody wants. They will see it when they look.
            warn!(interaction = %asked.id, "An answer could not be given: {why}");
        }
        let reply = work.await.unwrap_or_else(|panic| self.broken(&asked, &panic.to_string()));
        self.later(&asked, reply).await;
    }

    /// Answers without doing or looking at anything.
    pub async fn answer_that_it_cannot(&self, asked: &Asked, out: &dyn Out) {
        let reply = match asked.what {
            What::Complete(..) => Reply::Choices(Vec::new()),
            _ => Say::privately(says::CUT_OFF).into(),
        };
        if let Err(why) = out.first(reply.first()).await {
            debug!(interaction = %asked.id, "Nobody was told that the database is out of reach: {why}");
        }
    }

    async fn first_and_rest(&self, asked: &Asked, reply: Reply, out: &dyn Out) {
        let with_file = matches!(&reply, Reply::Say(say) if say.file.is_some());
        let first = match &reply {
            // A file goes onto a message that is there already.
            Reply::Say(say) if with_file => soon(say.private),
            reply => reply.first(),
        };
        if let Err(why) = out.first(first).await {
            warn!(interaction = %asked.id, "An answer could not be given: {why}");
            return;
        }
        match reply {
            Reply::Say(say) if with_file => self.edit(asked, &say).await,
            Reply::Replace(_, Some(beside)) => self.follow_up(asked, &beside).await,
            _ => {}
        }
    }

    /// What comes after somebody was told that an answer comes, to them alone.
    async fn later(&self, asked: &Asked, reply: Reply) {
        match reply {
            Reply::Say(say) if say.private => self.edit(asked, &say).await,
            Reply::Say(say) => {
                self.edit(asked, &Say::privately(says::SEE_BELOW)).await;
                self.follow_up(asked, &say).await;
            }
            Reply::Replace(say, beside) => {
                // What was promised is for whoever asked; what all read stays as it is, and what follows tells them.
                let say = if say.private { say } else { Say::privately(says::SEE_BELOW) };
                self.edit(asked, &say).await;
                if let Some(beside) = beside {
                    self.follow_up(asked, &beside).await;
                }
            }
            Reply::Form(_) => {
                let pressed = matches!(asked.what, What::Press(_));
                self.edit(asked, &Say::privately(says::too_late_for_a_form(pressed))).await;
            }
            Reply::Choices(_) => {}
        }
    }

    async fn edit(&self, asked: &Asked, say: &Say) {
        self.here(asked);
        if let Err(why) = wire::say(&self.http, &asked.token, Later::Instead, &say.body(), &files(say)).await {
            warn!(interaction = %asked.id, "An answer could not be completed: {why}");
        }
    }

    async fn follow_up(&self, asked: &Asked, say: &Say) {
        self.here(asked);
        if let Err(why) = wire::say(&self.http, &asked.token, Later::More, &say.body(), &files(say)).await {
            warn!(interaction = %asked.id, "The channel could not be told: {why}");
        }
    }

    fn here(&self, asked: &Asked) {
        if let Ok(id) = asked.application.parse::<u64>() {
            self.http.set_application_id(id.into());
        }
    }

    fn broken(&self, asked: &Asked, what: &str) -> Reply {
        let id = self.host.mint();
        error!(error.id = %id, "An answer in chat broke off: {what}");
        with_what_was_typed(asked, Say::privately(says::broken(&id.to_string()))).into()
    }
}

fn files(say: &Say) -> Vec<CreateAttachment> {
    let one = |(name, bytes): &(String, Vec<u8>)| CreateAttachment::bytes(bytes.clone(), name.clone());
    say.file.iter().map(one).collect()
}

async fn reply_to(chat: Chat, asked: Arc<Asked>) -> Reply {
    match try_to(&chat, asked.clone()).await {
        Ok(reply) => reply,
        Err(_) if matches!(asked.what, What::Complete(..)) => Reply::Choices(Vec::new()),
        Err(refusal) => with_what_was_typed(&asked, Say::privately(says::refusal(&refusal))).into(),
    }
}

async fn try_to(chat: &Chat, asked: Arc<Asked>) -> Result<Reply, Refusal> {
    let host = &chat.host;
    let kind = if matches!(asked.what, What::Complete(..)) { "typing" } else { "chat" };
    host.check_pace(&format!("{kind}/{}", asked.user))?;
    // Linking is for those who are not known yet; help is for all.
    if let What::Command(call) = &asked.what {
        match call.path.as_str() {
            "help" => return Ok(commands::help::help(asked.guild.is_some())),
            "setup" if call.text("code").is_some() => {
                return commands::setup::redeem(host, &chat.http, &asked, call).await;
            }
            _ => {}
        }
    }
    let guild = asked.guild.as_ref().map(|guild| guild.id.as_str());
    let speakers = match host.who_speaks(guild, &asked.user).await? {
        Known::NotLinked => return Ok(unknown(&asked, says::not_linked(guild.is_some()))),
        Known::Stranger => return Ok(unknown(&asked, says::STRANGER.into())),
        Known::Member(speakers) => meant(speakers, &asked.what),
    };
    let caller = |n: usize| {
        let speaker = &speakers[n];
        Caller { host: host.clone(), who: speaker.who.clone(), zone: speaker.zone.clone(), asked: asked.clone() }
    };
    match &asked.what {
        // In direct messages a press names what it is about, and that is in one workspace at most.
        What::Press(_) | What::Form(..) if speakers.len() > 1 => {
            let mut last = None;
            for n in 0..speakers.len() {
                match presses::press(&caller(n)).await {
                    Err(refusal) if refusal.code == domain::kernel::Code::NotFound => last = Some(refusal),
                    other => return other,
                }
            }
            Err(last.unwrap_or_else(|| Refusal::not_found("item")))
        }
        What::Press(_) | What::Form(..) => presses::press(&caller(0)).await,
        _ if speakers.len() > 1 => Ok(unknown(&asked, says::WHICH_WORKSPACE.into())),
        What::Command(call) => commands::run(&caller(0), call).await,
        What::Complete(call, option) => commands::offer(&caller(0), call, option).await,
        What::Other => Ok(Say::privately(says::NOT_UNDERSTOOD).into()),
    }
}

/// An admin who says whose an account is does not make what its owner says elsewhere ambiguous. A press names what it is
/// about.
fn meant(mut speakers: Vec<Speaker>, what: &What) -> Vec<Speaker> {
    let commands = matches!(what, What::Command(_) | What::Complete(..));
    if commands && speakers.iter().any(|speaker| speaker.said_so) {
        speakers.retain(|speaker| speaker.said_so);
    }
    speakers
}

fn unknown(asked: &Asked, words: String) -> Reply {
    match asked.what {
        What::Complete(..) => Reply::Choices(Vec::new()),
        _ => with_what_was_typed(asked, Say::privately(words)).into(),
    }
}

/// A form whose verb was not reached, or broke off, gives back what somebody typed.
fn with_what_was_typed(asked: &Asked, answer: Say) -> Say {
    match &asked.what {
        What::Form(_, fields) => forms::given_back(answer, fields),
        _ => answer,
    }
}
