//! What the chat face needs of a process: who speaks, and whether it is this process that listens.

use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Principal, Refusal};
use domain::people::chat::gateway::{self, Held};
use domain::people::chat::{Known, ops};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::run::Host;

impl Host {
    /// Who says something: somebody with a Discord account, in a server or outside of any.
    pub async fn who_speaks(&self, guild: Option<&str>, user: &str) -> Result<Known, Refusal> {
        let (guild, user, now) = (guild.map(str::to_owned), user.to_owned(), self.clock().now());
        self.installation(move |db| ops::recognise(db, guild.as_deref(), &user, now)).await
    }

    /// Whom a code was given to; `None` for every kind of wrong code.
    pub async fn code_holder(&self, code: &str) -> Result<Option<Principal>, Refusal> {
        let (code, now) = (code.to_owned(), self.clock().now());
        self.installation(move |db| ops::holder(db, &code, now)).await
    }

    /// Counts one thing that somebody does against the pace of all that do.
    pub fn check_pace(&self, who: &str) -> Result<(), Refusal> {
        self.pace().check(who.to_owned())
    }

    /// The hash of the commands that Discord was last told of.
    pub async fn commands_hash(&self) -> Result<Option<String>, Refusal> {
        self.installation(gateway::commands_hash).await
    }

    pub async fn note_commands(&self, hash: &str) -> Result<(), Refusal> {
        let hash = hash.to_owned();
        self.installation(move |db| gateway::note_commands(db, &hash)).await
    }
}

/// How long nothing new must have been said before somebody else takes over, and how soon before that whoever cannot say
/// anything does nothing any more. Both on the monotonic clock of who counts.
const SILENCE: Duration = Duration::from_secs(30);
const LATEST_WORD: Duration = Duration::from_secs(20);

/// Whether this process listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attended {
    Ours,
    Theirs,
    /// The database does not say. Whoever listened goes on, and [`Word`] says whether anything may be done.
    Unknown,
}

/// How new the last word is of who has the seat. Cheap to clone.
#[derive(Clone)]
pub struct Word {
    host: Host,
    /// On the monotonic clock, as of before it was said.
    said: watch::Receiver<Option<Duration>>,
    wanted: Arc<Notify>,
}

impl Word {
    /// Whether it is new enough that nobody else can have taken the seat.
    pub fn is_fresh(&self) -> bool {
        self.is_new(*self.said.borrow())
    }

    fn is_new(&self, said: Option<Duration>) -> bool {
        said.is_some_and(|said| self.host.clock().elapsed().saturating_sub(said) < LATEST_WORD)
    }

    /// Asks for a new one where it is too old: for somebody who slept, and not the database. Whether there is one in time.
    pub async fn is_fresh_within(&self, patience: Duration) -> bool {
        if self.is_fresh() {
            return true;
        }
        self.wanted.notify_one();
        let mut said = self.said.clone();
        let fresh = said.wait_for(|said| self.is_new(*said));
        matches!(tokio::time::timeout(patience, fresh).await, Ok(Ok(_)))
    }

    /// When somebody asked for a new one.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }
}

/// This process's place at the gateway, of which the installation has one.
pub struct Seat {
    host: Host,
    me: Uuid,
    seen: Held,
    /// When that was new to us.
    since: Duration,
    said: watch::Sender<Option<Duration>>,
    wanted: Arc<Notify>,
}

impl Seat {
    pub fn new(host: &Host) -> Self {
        let now = host.clock().elapsed();
        let (said, wanted) = (watch::Sender::new(None), Arc::default());
        Self { host: host.clone(), me: host.mint(), seen: Held::default(), since: now, said, wanted }
    }

    pub fn word(&self) -> Word {
        Word { host: self.host.clone(), said: self.said.subscribe(), wanted: self.wanted.clone() }
    }

    /// Whether this process listens. It says so, or takes the seat when it is free or nobody was heard of for 30 s. To be
    /// asked every few seconds: who was not able to say anything for 20 s does nothing any more.
    pub async fn attend(&mut self) -> Attended {
        let mut attended = self.look_and_take().await;
        if attended == Attended::Theirs && self.said.borrow().is_some() {
            // What was too slow to be waited for may have been said after all, and then it was our own word that was faster.
            attended = self.look_and_take().await;
        }
        if attended == Attended::Theirs {
            self.said.send_replace(None);
        }
        attended
    }

    async fn look_and_take(&mut self) -> Attended {
        let asked = self.host.clock().elapsed();
        match self.look(asked).await {
            Some(true) => self.take(asked).await,
            Some(false) => Attended::Theirs,
            None => Attended::Unknown,
        }
    }

    /// Whether the seat is ours to take, or to keep; `None` when the database does not answer.
    async fn look(&mut self, now: Duration) -> Option<bool> {
        let held = self.host.installation(gateway::look).await.ok()?;
        if held != self.seen {
            (self.seen, self.since) = (held, now);
        }
        Some(match held.by {
            None => true,
            Some(by) if by == self.me => true,
            Some(_) => now.saturating_sub(self.since) >= SILENCE,
        })
    }

    async fn take(&mut self, asked: Duration) -> Attended {
        let (seen, me) = (self.seen, self.me);
        match self.host.installation(move |db| gateway::take(db, seen, me)).await {
            Ok(Some(held)) => {
                (self.seen, self.since) = (held, asked);
                self.said.send_replace(Some(asked));
                Attended::Ours
            }
            Ok(None) => Attended::Theirs,
            Err(_) => Attended::Unknown,
        }
    }

    /// Lets go, so that another process takes the seat at once.
    pub async fn leave(self) {
        if self.seen.by == Some(self.me) {
            let seen = self.seen;
            let _ = self.host.installation(move |db| gateway::leave(db, seen)).await;
        }
    }
}
