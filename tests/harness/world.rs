//! The world itself: clock, randomness, teams, and verbs run as the faces run them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use domain::kernel::cx::{Seeded, mint};
use domain::kernel::db::Limits;
use domain::kernel::id::{CorrelationId, WorkspaceId};
use domain::kernel::{Cx, Db, Done, No, Principal, Randomness, Refusal, Source, Work, migrate};
use domain::workspace::access::ops::{CreateToken, For, authenticate, create_token, member_principal, operator};
use domain::workspace::access::{Grant, Role, Token};
use domain::workspace::member::{self, Member, ops::AddMember};
use domain::workspace::tenant::ops::{Found, found};
use host::{Clock, Config, Host, Parts};
use jiff::Timestamp;

use crate::Place;

/// A workspace and one member of each role in it.
#[derive(Clone)]
pub struct Team {
    pub id: WorkspaceId,
    pub members: BTreeMap<Role, Member>,
}

impl Team {
    /// The member of this role, acting in person.
    pub fn as_(&self, role: Role) -> Principal {
        member_principal(&self.members[&role], self.id, Source::CommandLine)
    }

    /// The coordinator, who does most of the work.
    pub fn cora(&self) -> Principal {
        self.as_(Role::Coordinator)
    }

    /// The one at the server's own terminal.
    pub fn operator(&self) -> Principal {
        operator(self.id, "operator", Source::CommandLine)
    }
}

/// Randomness that the world and its host share, so that their ids differ.
#[derive(Clone)]
struct Shared(Arc<Seeded>);

impl Randomness for Shared {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

pub struct World {
    // Dropped in this order: pools close before their schema goes.
    pub host: Host,
    pub team: Team,
    randomness: Shared,
    pub place: Place,
}

/// When every story starts: Wednesday 14 October 2026, 10:00 in Chicago.
const START: &str = "2026-10-14T15:00:00Z";

impl World {
    pub fn new(place: Place) -> Self {
        Self::with(place, Place::usual_limits(), Config::default())
    }

    /// A world with bounds of its own on waiting.
    pub fn with(place: Place, limits: Limits, config: Config) -> Self {
        let db = place.open(limits);
        migrate::migrate(&db).unwrap();
        let randomness = Shared(Arc::new(Seeded::new(2026)));
        let clock = Clock::standing_at(START.parse().unwrap());
        let host = Host::of(Parts { db, clock, randomness: Box::new(randomness.clone()), config });
        let nobody = Team { id: WorkspaceId(host.mint()), members: BTreeMap::new() };
        let mut world = Self { host, team: nobody, randomness, place };
        world.team = world.found("lakeside", "example.com");
        world
    }

    /// A second host on the same database, such as another replica or one with less patience.
    pub fn host_with(&self, limits: Limits, config: Config) -> Host {
        let clock = self.host.clock().clone();
        let (db, randomness) = (self.place.open(limits), Box::new(self.randomness.clone()));
        Host::of(Parts { db, clock, randomness, config })
    }

    /// A workspace with its members: Olga owns it, Adam administers, Cora coordinates, Mike works, Vera looks on.
    pub fn found(&self, slug: &str, domain: &str) -> Team {
        let id = WorkspaceId(self.host.mint());
        let new = Found {
            slug: slug.into(),
            name: format!("{slug} Realty"),
            time_zone: "America/Chicago".into(),
            owner_name: "Olga Owens".into(),
            owner_email: format!("olga@{domain}"),
        };
        let founder = operator(id, "setup", Source::CommandLine);
        let (_, owner) = self.act(&founder, |cx| found(cx, &new)).unwrap();
        let mut members = BTreeMap::from([(Role::Owner, owner)]);
        for (role, name) in [
            (Role::Admin, "Adam Adler"),
            (Role::Coordinator, "Cora Castillo"),
            (Role::Member, "Mike Mbeki"),
            (Role::Viewer, "Vera Vogt"),
        ] {
            let first = name.split(' ').next().unwrap_or_default().to_lowercase();
            let cmd = AddMember {
                name: name.into(),
                email: format!("{first}@{domain}"),
                role,
                time_zone: "America/Chicago".into(),
            };
            members.insert(role, self.act(&founder, |cx| member::ops::add(cx, &cmd)).unwrap());
        }
        Team { id, members }
    }

    pub fn db(&self) -> &Db {
        self.host.db()
    }

    pub fn now(&self) -> Timestamp {
        self.host.clock().now()
    }

    pub fn set_clock(&self, at: &str) {
        self.host.clock().set(at.parse().unwrap());
    }

    pub fn hours_pass(&self, hours: u64) {
        self.host.clock().advance(Duration::from_secs(hours * 3600));
    }

    /// Runs something that works with a [`Work`], which faces do not see. Faults come out as they are.
    pub fn work<T>(&self, who: &Principal, f: impl FnOnce(&Work<'_>) -> T) -> T {
        let id = mint(self.now(), 0, &self.randomness);
        f(&Work {
            db: self.db(),
            principal: who,
            now: self.now(),
            randomness: &self.randomness,
            correlation: CorrelationId(id),
            abandoned: &AtomicBool::new(false),
        })
    }

    /// A change and its receipts, or the refusal. A fault fails the test.
    #[track_caller]
    pub fn done<T>(
        &self,
        who: &Principal,
        f: impl FnMut(&mut Cx<'_>) -> Result<T, No>,
    ) -> Result<Done<T>, Refusal> {
        no_fault(self.work(who, |work| work.write(f)))
    }

    /// A change.
    #[track_caller]
    pub fn act<T>(&self, who: &Principal, f: impl FnMut(&mut Cx<'_>) -> Result<T, No>) -> Result<T, Refusal> {
        self.done(who, f).map(|done| done.value)
    }

    /// A look that must not change anything.
    #[track_caller]
    pub fn look<T>(&self, who: &Principal, f: impl FnOnce(&mut Cx<'_>) -> Result<T, No>) -> Result<T, Refusal> {
        no_fault(self.work(who, |work| work.read(f)))
    }

    /// Runs what a face runs, on a small runtime of its own.
    pub fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.unwrap().block_on(future)
    }

    /// A token made by the workspace's owner, and its secret.
    pub fn token(&self, team: &Team, holder: For, scope: Grant, days: Option<i64>) -> (Token, String) {
        let cmd = CreateToken { holder, label: "for a test".into(), scope, days };
        self.act(&team.as_(Role::Owner), |cx| create_token(cx, &cmd)).unwrap()
    }

    /// Who comes with this token.
    pub fn who(&self, secret: &str) -> Result<Principal, Refusal> {
        no_fault(authenticate(self.db(), secret, Source::Mcp, self.now())).map(|known| known.principal)
    }

    /// An agent with a token of this scope.
    pub fn agent(&self, team: &Team, scope: Grant) -> Principal {
        let (_, secret) = self.token(team, For::Agent(format!("agent-{scope}")), scope, None);
        self.who(&secret).unwrap()
    }
}

#[track_caller]
fn no_fault<T>(result: Result<T, No>) -> Result<T, Refusal> {
    match result {
        Ok(value) => Ok(value),
        Err(No::Refusal(refusal)) => Err(*refusal),
        Err(No::Fault(fault)) => panic!("a fault: {fault}"),
    }
}
