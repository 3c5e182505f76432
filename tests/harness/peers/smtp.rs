//! A mail server that is not ours: aiosmtpd from PyPI, run by `tests/peers/smtp.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, Once};

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use serde::Deserialize;
use tempfile::TempDir;

use super::http::held;
use super::ledger::{Arrival, Mark};

const REQUIRED: &str = "MILEPOST_TEST_SMTP_REQUIRED";

/// How it may be talked to.
#[derive(Clone, Debug, Default)]
pub struct SmtpRules {
    /// User and password without which it takes nothing.
    pub login: Option<(String, String)>,
    /// It offers STARTTLS with a certificate that nobody vouches for.
    pub tls: bool,
    /// It takes nothing before STARTTLS.
    pub tls_required: bool,
    /// It speaks TLS from the first byte, with such a certificate.
    pub tls_at_once: bool,
    /// The name that its certificate is for. Without it, it is for 127.0.0.1 and localhost.
    pub certificate_for: Option<&'static str>,
    /// Where it listens; without it, anywhere.
    pub port: Option<u16>,
}

/// What goes wrong with a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpFault {
    RefuseGreeting,
    RefuseSender,
    /// 451 before the body.
    DeferRecipient,
    /// 550 5.1.1 before the body.
    BounceRecipient,
    /// The connection is gone after the body; nothing was taken.
    DropAtData,
    /// 451 after the body.
    DeferBody,
    /// 554 after the body.
    BounceBody,
    /// It took the message, and the connection is gone before the answer.
    TakeAndDrop,
    /// It took the message and never says so.
    TakeAndWait,
    /// Somebody on the way adds an answer of theirs to the last one before TLS.
    WhisperAtStarttls,
}

impl SmtpFault {
    fn word(self) -> &'static str {
        match self {
            Self::RefuseGreeting => "refuse_greeting",
            Self::RefuseSender => "refuse_sender",
            Self::DeferRecipient => "defer_recipient",
            Self::BounceRecipient => "bounce_recipient",
            Self::DropAtData => "drop_at_data",
            Self::DeferBody => "defer_body",
            Self::BounceBody => "bounce_body",
            Self::TakeAndDrop => "take_and_drop",
            Self::TakeAndWait => "take_and_wait",
            Self::WhisperAtStarttls => "whisper_at_starttls",
        }
    }
}

/// A message in somebody's mailbox.
#[derive(Clone, Debug, Deserialize)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub message_id: Option<String>,
    pub subject: Option<String>,
    pub text: Option<String>,
    pub html: Option<String>,
    pub headers: Vec<(String, String)>,
    pub attachments: Vec<MailAttachment>,
    /// Whether it came over TLS.
    pub tls: bool,
    pub login: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct MailAttachment {
    pub name: Option<String>,
    pub media_type: String,
}

impl Mail {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

pub struct SmtpPeer {
    child: Child,
    /// What it is told, and what it says to that.
    line: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    port: u16,
    home: TempDir,
}

impl SmtpPeer {
    /// Starts it; `None` when it isn't installed, which one line per process says. Where it must be there,
    /// `MILEPOST_TEST_SMTP_REQUIRED=1` makes its absence a failure.
    pub fn start(rules: &SmtpRules) -> Option<Self> {
        static SAID: Once = Once::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("../target/smtp-venv/bin/python");
        if !python.exists() {
            assert!(
                std::env::var(REQUIRED).is_err(),
                "{REQUIRED} is set, but there is no mail server to test with: run tests/with-smtp, which installs it"
            );
            // Not through `eprintln!`, whose output a passing test swallows.
            SAID.call_once(|| {
                let words = "\n*** SKIPPED: every test with a mail server. Run: tests/with-smtp (once; it installs one)\n\n";
                let _ = std::io::stderr().write_all(words.as_bytes());
            });
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(python);
        command.arg(root.join("peers/smtp.py")).arg(home.path().join("ledger"));
        if let Some((user, password)) = &rules.login {
            command.arg("--login").arg(format!("{user}:{password}"));
        }
        if let Some(port) = rules.port {
            command.arg("--port").arg(port.to_string());
        }
        if rules.tls || rules.tls_required || rules.tls_at_once {
            let (certificate, key) = self_signed(home.path(), rules.certificate_for);
            command.arg("--tls").args([certificate, key]);
            if rules.tls_required {
                command.arg("--tls-required");
            }
            if rules.tls_at_once {
                command.arg("--tls-at-once");
            }
        }
        // It tells at length of every connection that ended badly, which is what it is here for.
        let said = std::fs::File::create(home.path().join("said")).unwrap();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said).spawn().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        answers.read_line(&mut port).unwrap();
        let port = port.trim().parse().expect("the mail server prints its port");
        let line = Mutex::new((child.stdin.take().unwrap(), answers));
        Some(Self { child, line, port, home })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that it shows, for programs that are to trust it (`SSL_CERT_FILE`).
    pub fn certificate(&self) -> PathBuf {
        self.home.path().join("certificate.pem")
    }

    /// What goes wrong with the next conversation that comes so far.
    pub fn next(&self, fault: SmtpFault) {
        self.tell(&format!("next {}", fault.word()));
    }

    /// What goes wrong with every conversation, until [`Self::well`].
    pub fn always(&self, fault: SmtpFault) {
        self.tell(&format!("always {}", fault.word()));
    }

    pub fn well(&self) {
        self.tell("well");
    }

    fn tell(&self, what: &str) {
        let (input, output) = &mut *held(&self.line);
        writeln!(input, "{what}").unwrap();
        input.flush().unwrap();
        let mut said = String::new();
        output.read_line(&mut said).unwrap();
        assert_eq!(said.trim(), "ok", "{what}");
    }

    /// What it took, in the order in which it came.
    pub fn mails(&self) -> Vec<Mail> {
        let ledger = std::fs::read_to_string(self.home.path().join("ledger")).unwrap_or_default();
        ledger.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// All that it was told in clear text, by whoever came.
    pub fn heard_in_clear(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.home.path().join("ledger.clear")).unwrap_or_default()).into()
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        let of = |mail: Mail| Arrival {
            mark: Mark::Text(mail.text.unwrap_or_default()),
            to: mail.to.join(","),
            provider_id: mail.message_id,
        };
        self.mails().into_iter().map(of).collect()
    }
}

impl Drop for SmtpPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Files with a certificate and its key, good from the day of the tests' stories to long after anybody's.
fn self_signed(home: &Path, name_in_it: Option<&str>) -> (PathBuf, PathBuf) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::from_str("20200101000000Z").unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::from_str("20990101000000Z").unwrap()).unwrap();
    certificate.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let mut names = SubjectAlternativeName::new();
    match name_in_it {
        Some(name) => names.dns(name),
        None => names.dns("localhost").ip("127.0.0.1"),
    };
    let names = names.build(&certificate.x509v3_context(None, None)).unwrap();
    certificate.append_extension(names).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let paths = (home.join("certificate.pem"), home.join("key.pem"));
    std::fs::write(&paths.0, certificate.build().to_pem().unwrap()).unwrap();
    std::fs::write(&paths.1, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    paths
}
