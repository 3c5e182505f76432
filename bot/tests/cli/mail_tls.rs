//! The real program and a mail server with TLS: letters leave over TLS that can be trusted, or they wait and say why. What
//! a mail server hears before TLS is kept byte by byte, so it is seen that neither a login nor a letter is in it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use domain::delivery::outbox::Ended;
use domain::delivery::outbox::view::Detail;
use domain::delivery::policy::Verdict;
use domain::delivery::trouble::{ops as held, rules};
use domain::delivery::{NewMessage, Status, To};
use domain::kernel::id::MessageId;
use domain::people::reach::Channel;
use domain::workspace::access::Role;
use harness::peers::{Mail, SmtpFault, SmtpPeer, SmtpRules, ledger};
use harness::{Place, World, message};
use host::Config;
use jiff::{SignedDuration, Timestamp};

use crate::outage::{KEY, within};
use crate::process::{Process, milepost_in};

const PASSWORD: &str = "correct-horse";

/// A letter in line, and how the program is set up that is to send it.
struct Scene {
    world: World,
    letter: MessageId,
    home: tempfile::TempDir,
}

impl Scene {
    fn new(place: Place) -> Self {
        let world = World::with(place, Place::usual_limits(), Config::default());
        let mike = To::Member(world.team.members[&Role::Member].id);
        let new =
            NewMessage { to: mike, ..message("the inspection", Channel::Email, "mike@example.com", world.now()) };
        let letter = world.enqueue(&world.team, &[new])[0];
        Self { world, letter, home: tempfile::tempdir().unwrap() }
    }

    /// A worker that sends through this server and trusts whoever signed this certificate, at the world's instant.
    fn worker(&self, smtp_url: &str, trusts: Option<&Path>) -> Process {
        let mut command = milepost_in(&self.world, self.home.path(), &[]);
        command.args(["serve", "--role", "worker", "--listen", "127.0.0.1:0", "--json"]);
        command.env("MILEPOST_CLOCK__AT", self.world.now().to_string());
        command.env("MILEPOST_VAULT__MASTER_KEY", KEY);
        command.env("MILEPOST_MAIL__SMTP_URL", smtp_url);
        command.env("MILEPOST_MAIL__FROM", "Milepost <milepost@example.com>");
        command.env_remove("SSL_CERT_FILE").envs(trusts.map(|file| ("SSL_CERT_FILE", file)));
        let said = std::fs::File::options().create(true).append(true).open(self.said()).unwrap();
        Process(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().unwrap())
    }

    fn said(&self) -> PathBuf {
        self.home.path().join("said")
    }

    /// The letter after so many tries.
    fn tried(&self, times: usize) -> Detail {
        let over = |letter: &Detail| {
            letter.attempts.len() == times && letter.attempts.iter().all(|attempt| attempt.outcome.is_some())
        };
        let done = within(40, || over(&self.world.delivery(self.letter)));
        let said = std::fs::read_to_string(self.said()).unwrap();
        assert!(done, "not tried {times} times: {:#?}\n{said}", self.world.delivery(self.letter));
        assert!(!said.contains(PASSWORD), "{said}");
        self.world.delivery(self.letter)
    }

    /// It was not sent, waits for its next try, and says why. Returns that.
    fn waits(&self) -> String {
        let letter = self.tried(1);
        assert_eq!(letter.delivery.status, Status::Queued, "{letter:#?}");
        assert_eq!(letter.attempts[0].outcome, Some(Ended::NotSent), "{letter:#?}");
        assert!(letter.delivery.next_at.is_some_and(|at| at > self.world.now()), "{letter:#?}");
        letter.delivery.reason.unwrap()
    }

    fn the_next_try_is_due(&self) {
        let now = self.world.now();
        let next = self.world.delivery(self.letter).delivery.next_at.unwrap();
        // What does not talk to us is left alone for a while, whatever waits for it.
        let holds = held::look(self.world.db(), now).unwrap().holds;
        let ends = holds.iter().map(|hold| now + rules::left(hold, now)).fold(next, Timestamp::max);
        self.world.set_clock(&(ends + SignedDuration::from_secs(1)).to_string());
    }

    /// It was sent with the try that this is, once, each try upon a decision of its own, and all ledgers agree.
    fn arrived(&self, tries: usize, at: &SmtpPeer) -> Mail {
        let letter = self.tried(tries);
        assert_eq!(letter.delivery.status, Status::Sent, "{letter:#?}");
        let allowed = letter.decisions.iter().filter(|decision| decision.verdict == Verdict::Allow).count();
        assert_eq!(allowed, tries, "{letter:#?}");
        let took = [(Channel::Email, at.arrivals())];
        let wrong = ledger::differences(&mut self.world.db().raw().unwrap(), self.world.team.id, &took);
        assert_eq!(wrong, Vec::<String>::new());
        self.world.log_is_whole(&self.world.team);
        let mut mails = at.mails();
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }
}

fn on_both(story: impl Fn(Place)) {
    story(Place::file());
    if let Some(place) = Place::schema() {
        story(place);
    }
}

fn login() -> Option<(String, String)> {
    Some(("milepost".into(), PASSWORD.into()))
}

/// A server with STARTTLS that wants a login; `None` where none is installed.
fn server(rules: SmtpRules) -> Option<SmtpPeer> {
    SmtpPeer::start(&SmtpRules { login: login(), ..rules })
}

fn url(scheme: &str, port: u16) -> String {
    format!("{scheme}://milepost:{PASSWORD}@127.0.0.1:{port}")
}

const STARTTLS: SmtpRules = SmtpRules {
    login: None,
    tls: true,
    tls_required: false,
    tls_at_once: false,
    certificate_for: None,
    port: None,
};
const AT_ONCE: SmtpRules = SmtpRules { tls: false, tls_at_once: true, ..STARTTLS };
/// All that may be said before TLS.
const HELLO: &str = "EHLO example.com\r\nSTARTTLS\r\n";

#[test]
fn a_letter_goes_over_tls_that_can_be_trusted() {
    on_both(|place| {
        let Some(peer) = server(SmtpRules { tls_required: true, ..STARTTLS }) else { return };
        let scene = Scene::new(place);
        let _worker = scene.worker(&url("smtp", peer.port()), Some(&peer.certificate()));
        let mail = scene.arrived(1, &peer);
        assert!(mail.tls && mail.login.as_deref() == Some("milepost"), "{mail:?}");
        assert_eq!(peer.heard_in_clear(), HELLO);
    });
    let Some(peer) = server(AT_ONCE) else { return };
    let scene = Scene::new(Place::file());
    let _worker = scene.worker(&url("smtps", peer.port()), Some(&peer.certificate()));
    assert!(scene.arrived(1, &peer).tls);
    assert_eq!(peer.heard_in_clear(), "");
}

/// A letter waits before a server of these rules, which heard no more than this, and leaves once there is a good one.
struct Trouble {
    rules: SmtpRules,
    scheme: &'static str,
    setting: &'static str,
    trusted: bool,
    heard: &'static str,
    /// The beginning of the reason, and what it advises.
    says: [&'static str; 2],
}

const UNTRUSTED: Trouble = Trouble {
    rules: STARTTLS,
    scheme: "smtp",
    setting: "",
    trusted: false,
    heard: HELLO,
    says: [
        "The mail server's certificate is not trusted (self-signed certificate). Nothing was sent, neither the login nor \
         the letter.",
        "name a file with that certificate in SSL_CERT_FILE and restart",
    ],
};

fn waits_and_leaves_later(trouble: &Trouble) {
    on_both(|place| {
        let Some(peer) = server(trouble.rules.clone()) else { return };
        let scene = Scene::new(place);
        let certificate = peer.certificate();
        let smtp_url = format!("{}{}", url(trouble.scheme, peer.port()), trouble.setting);
        let worker = scene.worker(&smtp_url, Some(&*certificate).filter(|_| trouble.trusted));
        let reason = scene.waits();
        drop(worker);
        let [begins, advises] = trouble.says;
        assert!(reason.starts_with(begins) && reason.contains(advises), "{reason}");
        assert!(!reason.contains(PASSWORD), "{reason}");
        assert_eq!(peer.heard_in_clear(), trouble.heard);
        assert!(peer.mails().is_empty());
        let good = server(STARTTLS).unwrap();
        scene.the_next_try_is_due();
        let _worker = scene.worker(&url("smtp", good.port()), Some(&good.certificate()));
        assert!(scene.arrived(2, &good).tls);
        assert!(peer.mails().is_empty());
    });
}

#[test]
fn nothing_is_said_to_a_server_whose_certificate_nobody_vouches_for() {
    waits_and_leaves_later(&UNTRUSTED);
}

#[test]
fn nor_where_tls_may_be_missing() {
    waits_and_leaves_later(&Trouble { setting: "?tls=opportunistic", ..UNTRUSTED });
}

#[test]
fn nor_with_tls_from_the_first_byte() {
    waits_and_leaves_later(&Trouble { rules: AT_ONCE, scheme: "smtps", heard: "", ..UNTRUSTED });
}

#[test]
fn nothing_is_said_to_a_server_with_somebody_elses_certificate() {
    waits_and_leaves_later(&Trouble {
        rules: SmtpRules { certificate_for: Some("mail.example.net"), ..STARTTLS },
        trusted: true,
        says: [
            "The mail server's certificate is for another name than the one in mail.smtp_url (IP address mismatch). Nothing \
             was sent, neither the login nor the letter.",
            "Write the name there that the certificate is for",
        ],
        ..UNTRUSTED
    });
}

#[test]
fn nothing_is_said_to_a_server_without_tls() {
    waits_and_leaves_later(&Trouble {
        rules: SmtpRules { tls: false, ..STARTTLS },
        heard: "EHLO example.com\r\n",
        says: [
            "The mail server offers no TLS (STARTTLS), and without it nothing is sent, neither the login nor the letter.",
            "Use a server or port that offers it",
        ],
        ..UNTRUSTED
    });
}

/// Otherwise a stranger's words would count as the server's, each later answer as one to the command after, and a letter
/// that the server refuses as sent.
#[test]
fn what_somebody_adds_before_tls_is_no_answer() {
    on_both(|place| {
        let Some(peer) = SmtpPeer::start(&STARTTLS) else { return };
        peer.always(SmtpFault::BounceBody);
        peer.next(SmtpFault::WhisperAtStarttls);
        let scene = Scene::new(place);
        let smtp_url = format!("smtp://127.0.0.1:{}", peer.port());
        let worker = scene.worker(&smtp_url, Some(&peer.certificate()));
        let reason = scene.waits();
        drop(worker);
        assert!(reason.starts_with("TLS with the mail server failed: "), "{reason}");
        assert_eq!(peer.heard_in_clear(), HELLO);
        peer.well();
        scene.the_next_try_is_due();
        let _worker = scene.worker(&smtp_url, Some(&peer.certificate()));
        assert!(scene.arrived(2, &peer).tls);
    });
}

/// A port at which nothing listens, and that nothing is given by chance meanwhile.
fn closed_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..32_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

#[test]
fn a_letter_waits_for_a_server_that_is_down_and_arrives_once_when_it_is_back() {
    let port = closed_port();
    on_both(|place| {
        let scene = Scene::new(place);
        let worker = scene.worker(&url("smtp", port), None);
        let reason = scene.waits();
        drop(worker);
        assert!(reason.starts_with("The mail server cannot be reached: Connection refused"), "{reason}");
        assert!(
            reason.contains("Nothing was sent. See whether it runs, and whether mail.smtp_url names"),
            "{reason}"
        );
        let Some(peer) = server(SmtpRules { port: Some(port), ..STARTTLS }) else { return };
        scene.the_next_try_is_due();
        let _worker = scene.worker(&url("smtp", port), Some(&peer.certificate()));
        assert!(scene.arrived(2, &peer).tls);
    });
}
