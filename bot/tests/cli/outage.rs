//! The real program while its database is gone, and what it wrote down before anything left: PostgreSQL is ended and
//! started again, or stands still; the file of an embedded database is held by somebody else; the system's own calls are
//! watched.

use std::any::Any;
use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use domain::delivery::webhook::ops::{AddEndpoint, add};
use domain::delivery::{Content, NewMessage, Status, To};
use domain::kernel::id::{EndpointId, MessageId};
use domain::people::reach::Channel;
use domain::workspace::access::ops::For;
use domain::workspace::access::{Grant, Role};
use harness::peers::{Fault, How, WebhookSink, ledger};
use harness::{Place, World, message};
use host::keys::Keys;
use host::{Clock, Config};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::process::{milepost, milepost_in};

pub const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// Waits for another process.
#[allow(clippy::disallowed_methods, reason = "another process has to get on")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Looks again and again, at most for so long.
pub fn within(seconds: u64, mut done: impl FnMut() -> bool) -> bool {
    let clock = Clock::system();
    while clock.elapsed() < Duration::from_secs(seconds) {
        if done() {
            return true;
        }
        pause(Duration::from_millis(50));
    }
    done()
}

/// Sends a signal by its name.
fn signal(name: &str, processes: &[u32]) {
    let ids: Vec<String> = processes.iter().map(u32::to_string).collect();
    // A process may have ended by itself meanwhile.
    let _ = Command::new("sh").arg("-c").arg(format!("kill -{name} {} 2>/dev/null", ids.join(" "))).status();
}

/// The processes that this one started and that are still there.
fn children(parent: u32) -> Vec<u32> {
    let of = |entry: std::fs::DirEntry| -> Option<u32> {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name stands in brackets and may hold anything; state and parent follow.
        let after = stat.rsplit_once(") ")?.1;
        (after.split(' ').nth(1)?.parse() == Ok(parent)).then_some(id)
    };
    std::fs::read_dir("/proc").unwrap().filter_map(|entry| of(entry.ok()?)).collect()
}

/// A PostgreSQL of one's own, to be ill-treated. It goes away with this.
pub struct Cluster {
    keeper: Child,
    server: String,
    home: PathBuf,
    programs: PathBuf,
}

impl Cluster {
    /// `None` where stories on PostgreSQL are skipped.
    pub fn start() -> Option<Self> {
        Place::schema()?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/with-postgres");
        let mut keeper = Command::new(script)
            .args(["sh", "-c", "echo \"$MILEPOST_TEST_POSTGRES\"; exec cat >/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut server).unwrap();
        let server = server.trim().to_owned();
        let home = server.split_once('@').unwrap().1.split('/').next().unwrap().replace("%2F", "/");
        let home = PathBuf::from(home);
        let program = std::fs::read_link(format!("/proc/{}/exe", postmaster(&home).unwrap())).unwrap();
        let programs = program.parent().unwrap().to_owned();
        // The throw-away server forgets the last moments when it is killed; what is promised here is for one that doesn't.
        let mut c = PgConnection::establish(&server).unwrap();
        c.batch_execute("ALTER DATABASE milepost SET synchronous_commit = on; CREATE SCHEMA outage").unwrap();
        Some(Self { keeper, server, home, programs })
    }

    pub fn place(&self) -> Place {
        Place::Schema { server: self.server.clone(), name: "outage".into() }
    }

    /// Ends it at once, as a power cut of that machine would.
    pub fn kill(&self) {
        let id = postmaster(&self.home).unwrap();
        signal("QUIT", &[id]);
        assert!(within(20, || !Path::new(&format!("/proc/{id}")).exists()), "PostgreSQL did not end");
    }

    pub fn start_again(&self) {
        let mut command = match std::fs::metadata("/proc/self").unwrap().uid() {
            0 => {
                let mut as_owner = Command::new("runuser");
                as_owner.args(["-u", "postgres", "--"]).arg(self.programs.join("pg_ctl"));
                as_owner
            }
            _ => Command::new(self.programs.join("pg_ctl")),
        };
        let options = format!("-k {} -c listen_addresses='' -c fsync=off", self.home.display());
        command.current_dir(&self.home).arg("-D").arg(self.home.join("data"));
        command.arg("-l").arg(self.home.join("data/server.log")).args(["-w", "-t", "60", "-o", &options, "start"]);
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(started.unwrap().success(), "PostgreSQL did not start again");
    }

    /// Nothing of it runs any more, and nobody is told.
    fn freeze(&self) {
        let id = postmaster(&self.home).unwrap();
        signal("STOP", &[id]);
        signal("STOP", &children(id));
    }

    fn thaw(&self) {
        if let Some(id) = postmaster(&self.home) {
            signal("CONT", &children(id));
            signal("CONT", &[id]);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.thaw();
        // Its keeper takes it away when nobody writes to it any more.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The first process of the server whose home this is.
fn postmaster(home: &Path) -> Option<u32> {
    let file = std::fs::read_to_string(home.join("data/postmaster.pid")).ok()?;
    file.lines().next()?.trim().parse().ok()
}

/// A worker and the program that its messages go to.
struct Scene {
    world: World,
    sink: WebhookSink,
    endpoint: EndpointId,
    /// What a program of the owner's shows.
    token: String,
    home: tempfile::TempDir,
}

impl Scene {
    fn new(place: Place) -> Self {
        let world = World::with(place, Place::usual_limits(), Config::default());
        // The worker lives by the system's clock, so what is due is due by that.
        world.host.clock().set(Clock::system().now());
        // Before there is an endpoint, which would be told of it.
        let whose = For::Member(world.team.members[&Role::Owner].id);
        let (_, token) = world.token(&world.team, whose, Grant::Write, None);
        let sink = WebhookSink::start();
        let mut config = Config::default();
        config.webhooks.allow_private = vec![sink.address().to_string()];
        let cmd = AddEndpoint { url: sink.url(), events: vec!["token.created".into()], headers: BTreeMap::new() };
        let owner = world.team.as_(Role::Owner);
        let endpoint =
            world.act(&owner, |cx| add(cx, &cmd, &config.webhooks.allowed(), &Keys::of([7; 32]))).unwrap().id;
        Self { world, sink, endpoint, token, home: tempfile::tempdir().unwrap() }
    }

    fn queue(&self, occasion: &str, due_at: Timestamp) -> MessageId {
        let mut new = message(occasion, Channel::Webhook, &self.sink.url(), due_at);
        new.to = To::Endpoint(self.endpoint);
        new.content = Content {
            text: format!("[{occasion}]"),
            data: Some(json!({ "type": "test", "data": { "occasion": occasion } })),
            ..new.content
        };
        self.world.enqueue(&self.world.team, &[NewMessage { due_at, ..new }])[0]
    }

    /// As what this program is started: it, or one that watches it. It answers programs, too.
    fn worker(&self, as_what: &[&str]) -> Worker {
        let mut command = milepost_in(&self.world, self.home.path(), as_what);
        command.args(["serve", "--role", "worker", "--role", "web", "--listen", "127.0.0.1:0", "--json"]);
        command.env("MILEPOST_VAULT__MASTER_KEY", KEY);
        command.env("MILEPOST_WEBHOOKS__ALLOW_PRIVATE", self.sink.address().to_string());
        command.env("MILEPOST_DATABASE__WAIT", "2").env("MILEPOST_LIMITS__CALL_TIMEOUT", "4");
        let said = std::fs::File::create(self.home.path().join("said")).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let listening: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {}", self.told()));
        let address = listening["url"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        Worker { child, address }
    }

    fn told(&self) -> String {
        std::fs::read_to_string(self.home.path().join("said")).unwrap_or_default()
    }

    fn all_are(&self, status: Status, messages: &[MessageId]) -> bool {
        messages.iter().all(|id| self.world.status(*id) == status)
    }

    /// What the program outside took, the outbox and the log agree, and nothing came twice.
    fn agrees(&self) {
        let took = [(Channel::Webhook, self.sink.arrivals())];
        let wrong = ledger::differences(&mut self.world.db().raw().unwrap(), self.world.team.id, &took);
        assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), self.told());
        let ids: Vec<String> =
            self.sink.asked().iter().map(|asked| asked.header("webhook-id").unwrap().to_owned()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "something came twice: {ids:?}");
        self.world.log_is_whole(&self.world.team);
    }
}

struct Worker {
    child: Child,
    address: SocketAddr,
}

impl Worker {
    fn answers(&self, path: &str) -> Option<u16> {
        host::egress::probe(self.address, path).ok()
    }

    /// What a program is answered within ten seconds: the status, and the body.
    #[allow(clippy::disallowed_methods, reason = "a program that is not ours")]
    fn asked(&self, method: &str, path: &str, token: &str) -> (u16, Value) {
        let body = if method == "POST" { "{}" } else { "" };
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Idempotency-Key: asked-once\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{method} {path}: no answer: {error}"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none() && self.answers("/healthz") == Some(200)
    }

    fn is_ready(&self) -> bool {
        self.answers("/healthz/readiness") == Some(200)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Whatever watches it ends with it.
        signal("KILL", &children(self.child.id()));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The database goes while a message is on its way, and more become due while it is gone.
fn goes_and_comes_back(gone: fn(&Cluster), back: fn(&Cluster)) {
    let Some(cluster) = Cluster::start() else { return };
    let scene = Scene::new(cluster.place());
    // It has left, and the answer comes when the database is gone.
    scene.sink.next(Fault::after_taking(How::Late(Duration::from_secs(3))));
    let now = Clock::system().now();
    let mut messages = vec![scene.queue("on its way", now)];
    let mut worker = scene.worker(&[]);
    assert!(within(20, || scene.sink.asked().len() == 1), "nothing left. {}", scene.told());
    let due = Clock::system().now() + SignedDuration::from_secs(2);
    messages.extend((0..5).map(|n| scene.queue(&format!("due meanwhile {n}"), due)));
    assert!(worker.is_ready());
    let clock = Clock::system();
    gone(&cluster);
    assert!(within(8, || !worker.is_ready()), "it says that it can work. {}", scene.told());
    while clock.elapsed() < Duration::from_secs(30) {
        assert!(worker.is_alive(), "{}", scene.told());
        pause(Duration::from_millis(200));
    }
    assert!(!worker.is_ready());
    assert_eq!(scene.sink.asked().len(), 1, "what cannot be claimed does not leave");
    back(&cluster);
    let in_time = within(10, || scene.all_are(Status::Sent, &messages));
    assert!(in_time, "not back to normal after ten seconds. {}", scene.told());
    assert!(worker.is_ready() && worker.is_alive());
    scene.agrees();
}

#[test]
fn a_database_that_is_killed_and_comes_back_loses_and_doubles_nothing() {
    goes_and_comes_back(Cluster::kill, Cluster::start_again);
}

#[test]
fn a_database_that_stands_still_for_seconds_loses_and_doubles_nothing() {
    goes_and_comes_back(Cluster::freeze, Cluster::thaw);
}

/// From now on another program writes to the file and does not come to an end. What was there before can be read.
fn keep_others_from_writing(file: &Path) -> Box<dyn Any> {
    let mut other = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    other.batch_execute("PRAGMA busy_timeout=20000; BEGIN EXCLUSIVE").unwrap();
    Box::new(other)
}

/// A process that holds what every reader and writer of the file has to take, until it is dropped.
struct Grip(Child);

impl Drop for Grip {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From now on the file answers nobody, as one on a disk that stands still. The bytes are those of SQLite's locks on its
/// index of the log: <https://www.sqlite.org/walformat.html#wal_locks>.
fn keep_others_from_reading(file: &Path) -> Box<dyn Any> {
    let hold = "import fcntl, sys\n\
                index = open(sys.argv[1] + '-shm', 'r+b')\n\
                fcntl.lockf(index, fcntl.LOCK_EX, 8, 120)\n\
                print('held', flush=True)\n\
                sys.stdin.read()";
    let mut command = Command::new("python3");
    let mut grip =
        command.args(["-c", hold]).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(grip.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "held\n");
    Box::new(Grip(grip))
}

const READ: (&str, &str) = ("GET", "/api/v1/deliveries");
const WRITE: (&str, &str) = ("POST", "/api/v1/notifications/read");

/// Somebody at the terminal who is not very patient adds a member. What went wrong, if anything.
fn at_the_terminal(file: &Path) -> String {
    let mut command = milepost(&[]);
    command.arg("--data").arg(file.parent().unwrap()).env("MILEPOST_DATABASE__WAIT", "1");
    command.args([
        "admin",
        "member",
        "add",
        "--name",
        "Nora Nash",
        "--email",
        "nora@example.com",
        "--role",
        "viewer",
    ]);
    let ran = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.success(), said.is_empty(), "{said}");
    said
}

/// Somebody else holds the file of an embedded database for half a minute while a message is on its way and more become
/// due. Who asks is answered in time, with a sentence where it cannot be done.
fn is_held_and_let_go(hold: fn(&Path) -> Box<dyn Any>, can_be_read: bool) {
    let scene = Scene::new(Place::file());
    let file = scene.world.db().file().unwrap().to_owned();
    let token = &scene.token;
    scene.sink.next(Fault::after_taking(How::Late(Duration::from_secs(3))));
    let now = Clock::system().now();
    let mut messages = vec![scene.queue("on its way", now)];
    let mut worker = scene.worker(&[]);
    assert!(within(20, || scene.sink.asked().len() == 1), "nothing left. {}", scene.told());
    let due = Clock::system().now() + SignedDuration::from_secs(2);
    messages.extend((0..5).map(|n| scene.queue(&format!("due meanwhile {n}"), due)));
    assert!(worker.is_ready());
    let clock = Clock::system();
    let held = hold(&file);
    let refused = |(method, path): (&str, &str)| {
        let (status, problem) = worker.asked(method, path, token);
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")), "{path}: {problem}");
        let sentence = problem["detail"].as_str().unwrap();
        assert!(sentence.starts_with("The database "), "{sentence}");
    };
    if can_be_read {
        let told = at_the_terminal(&file);
        assert!(told.contains("The database is busy or cannot be reached"), "{told}");
    } else {
        refused(READ);
        let (status, problem) = worker.asked("GET", "/healthz/readiness", token);
        // Whichever it is, of its threads or its connections, that it waits for.
        let slow = ("database_slow".into(), "The database does not answer in time.".into());
        let gone = ("database_unavailable".into(), "The database cannot be reached.".into());
        let said = (problem["code"].clone(), problem["detail"].clone());
        assert!(status == 503 && [slow, gone].contains(&said), "{status} {problem}");
    }
    refused(WRITE);
    while clock.elapsed() < Duration::from_secs(30) {
        assert!(worker.is_alive(), "{}", scene.told());
        assert_eq!(worker.is_ready(), can_be_read, "{}", scene.told());
        if can_be_read {
            let asked = clock.elapsed();
            let (status, list) = worker.asked(READ.0, READ.1, token);
            assert_eq!(status, 200, "{list}");
            assert!(clock.elapsed() - asked < Duration::from_secs(3), "who only reads waits for the writer");
        }
        pause(Duration::from_millis(200));
    }
    assert_eq!(scene.sink.asked().len(), 1, "what cannot be claimed does not leave");
    drop(held);
    let in_time = within(10, || scene.all_are(Status::Sent, &messages));
    assert!(in_time, "not back to normal after ten seconds. {}", scene.told());
    assert!(worker.is_ready() && worker.is_alive());
    for (method, path) in [READ, WRITE] {
        let (status, answer) = worker.asked(method, path, token);
        assert_eq!(status, 200, "{answer}");
    }
    assert_eq!(at_the_terminal(&file), "");
    scene.agrees();
}

#[test]
fn a_file_that_somebody_else_writes_to_for_long_loses_and_doubles_nothing() {
    is_held_and_let_go(keep_others_from_writing, true);
}

#[test]
fn a_file_that_stands_still_for_seconds_loses_and_doubles_nothing() {
    let python = ["python3", "-c", "import fcntl"];
    if runs(&python, "MILEPOST_TEST_SMTP_REQUIRED", "that a file that stands still loses and doubles nothing") {
        is_held_and_let_go(keep_others_from_reading, false);
    }
}

/// Whether a program that a proof needs runs here; says what is not proven where it does not, and fails where it must.
fn runs(program: &[&str], required: &str, unproven: &str) -> bool {
    let ran = Command::new(program[0]).args(&program[1..]).output();
    let runs = ran.is_ok_and(|ran| ran.status.success());
    assert!(runs || std::env::var(required).is_err(), "{required} is set, but {} does not run", program[0]);
    if !runs {
        let words = format!("\n*** SKIPPED: {unproven}. {} is missing or may not run\n\n", program[0]);
        let _ = std::io::stderr().write_all(words.as_bytes());
    }
    runs
}

fn may_watch() -> bool {
    let strace = ["strace", "-f", "-o", "/dev/null", "true"];
    runs(&strace, "MILEPOST_TEST_STRACE_REQUIRED", "that a claim is on disk before its bytes leave")
}

/// Where in the record a call ended that begins in this line, and whether it went well.
fn ended(lines: &[&str], begun: usize) -> Option<usize> {
    let thread = lines[begun].split(' ').next()?;
    if !lines[begun].contains("<unfinished ...>") {
        return lines[begun].ends_with("= 0").then_some(begun);
    }
    let of_thread = |line: &&str| line.split(' ').next() == Some(thread) && line.contains(" resumed>");
    let end = begun + 1 + lines[begun + 1..].iter().position(of_thread)?;
    lines[end].ends_with("= 0").then_some(end)
}

#[test]
fn a_claim_is_on_disk_before_its_first_byte_leaves() {
    if !may_watch() {
        return;
    }
    let scene = Scene::new(Place::file());
    let id = scene.queue("watched", Clock::system().now());
    let record = scene.home.path().join("calls");
    let calls = "trace=write,pwrite64,writev,fsync,fdatasync,connect,sendto,sendmsg";
    // Whole pages are shown, and files by their names.
    let watcher = ["strace", "-f", "-yy", "-s", "9000", "-e", calls, "-o", record.to_str().unwrap()];
    let worker = scene.worker(&watcher);
    assert!(within(40, || scene.all_are(Status::Sent, &[id])), "it was not sent. {}", scene.told());
    drop(worker);
    scene.agrees();
    let record = std::fs::read(record).unwrap();
    let record = String::from_utf8_lossy(&record);
    let lines: Vec<&str> = record.lines().collect();
    let call = |line: &str| {
        let rest = line.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
        rest.split('(').next().unwrap_or_default().to_owned()
    };
    let of_log = |line: &str| line.contains("milepost.db-wal>");
    let is_claim = |line: &str| {
        matches!(call(line).as_str(), "write" | "pwrite64") && of_log(line) && line.contains("sending")
    };
    let claim = lines.iter().position(|line| is_claim(line)).expect("the claim was never written");
    let thread = lines[claim].split(' ').next().unwrap();
    let syncs = |line: &str| {
        line.split(' ').next() == Some(thread)
            && matches!(call(line).as_str(), "fsync" | "fdatasync")
            && of_log(line)
    };
    let sync = claim + lines[claim..].iter().position(|line| syncs(line)).expect("the claim was never synced");
    let on_disk = ended(&lines, sync).expect("the claim's sync failed");
    let port = scene.sink.address().port();
    let there = [format!("htons({port})"), format!("127.0.0.1:{port}]")];
    let leaves = |line: &str| {
        matches!(call(line).as_str(), "connect" | "sendto" | "sendmsg" | "write" | "writev")
            && there.iter().any(|there| line.contains(there.as_str()))
    };
    let left = lines.iter().position(|line| leaves(line)).expect("nothing left, and yet it came");
    assert!(on_disk < left, "line {left} of the record left before line {on_disk}:\n{}", lines[left]);
}
