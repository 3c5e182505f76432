//! E-mail over SMTP.
//!
//! How it is known where an attempt ended: the commands are given one by one on lettre's connection (not through its
//! transport, which tells a broken connection but not at which command). Until the message's text was begun, nothing can
//! have been taken; from its first byte to the server's last answer, a silence leaves it unclear; an answer decides.

mod connect;

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::delivery::outbox::{Report, Trouble};
use domain::delivery::policy::Cleared;
use domain::delivery::{Message, To};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use lettre::{Address, Message as Letter};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use self::connect::{OPEN, causes};
pub use self::connect::{Server, Tls};
use super::{Channel, Found, Later, Learned, quoted};
use crate::clock::Clock;
use crate::egress::{LATE, TOTAL};
use crate::run::Host;

/// A connection is used again within this time, and this many wait.
const IDLE: Duration = Duration::from_secs(30);
const MOST_IDLE: usize = 4;

pub struct Email {
    host: Host,
    clock: Clock,
    server: Server,
    from: Mailbox,
    hello: ClientId,
    idle: Mutex<Vec<(AsyncSmtpConnection, Duration)>>,
}

/// Why an attempt ended, and how far it had come.
struct Ended {
    /// Whether the text of the letter was begun.
    begun: bool,
    how: How,
    what: &'static str,
}

enum How {
    Error(lettre::transport::smtp::Error),
    /// Neither yes nor no: lettre takes a 354 for a yes, and a yes for a 354.
    Odd(Response),
}

/// What a server says when all is well.
const DONE: Severity = Severity::PositiveCompletion;
const GO_ON: Severity = Severity::PositiveIntermediate;

fn well(answer: Response, due: Severity) -> Result<Response, How> {
    if answer.code().severity == due { Ok(answer) } else { Err(How::Odd(answer)) }
}

impl Email {
    pub fn new(host: &Host) -> Result<Self, String> {
        let settings = &host.config().mail;
        let url = settings.smtp_url.as_ref().ok_or("mail.smtp_url is not set.")?;
        let server = Server::parse(url.expose_secret()).map_err(|why| format!("mail.smtp_url {why}"))?;
        let from: Mailbox = settings
            .from
            .as_deref()
            .unwrap_or_default()
            .parse()
            .map_err(|_| "mail.from is no e-mail address.".to_owned())?;
        let hello = ClientId::Domain(from.email.domain().to_owned());
        Ok(Self { host: host.clone(), clock: host.clock().clone(), server, from, hello, idle: Mutex::default() })
    }

    async fn send(&self, message: &Message, until: Duration) -> Learned {
        let (to, letter) = match self.letter(message).await {
            Ok(letter) => letter,
            Err(learned) => return learned,
        };
        // The bound is kept here, whatever the connection does: the stage is told by what was set before the wait.
        let begun = std::sync::atomic::AtomicBool::new(false);
        match timeout(TOTAL, self.converse(to, &letter.formatted(), until, &begun)).await {
            Ok(Ok(learned)) => learned,
            Ok(Err(ended)) => judge(&ended),
            Err(_) if begun.load(std::sync::atomic::Ordering::Acquire) => {
                Learned::unclear("The mail server fell silent after the letter was sent.")
            }
            Err(_) => Learned::not_sent("The mail server did not answer in time.").trouble(Trouble::Provider),
        }
    }

    async fn converse(
        &self,
        to: Address,
        letter: &[u8],
        until: Duration,
        begun: &std::sync::atomic::AtomicBool,
    ) -> Result<Learned, Ended> {
        let at = |what| move |how| Ended { begun: false, how, what };
        let late = || self.clock.elapsed() >= until;
        let mut connection = match self.waiting().await {
            Some(connection) => connection,
            None => match timeout(OPEN, connect::open(&self.server, &self.hello)).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(learned)) => return Ok(learned),
                Err(_) => {
                    return Ok(Learned::not_sent("No connection to the mail server came about in time.")
                        .trouble(Trouble::Provider));
                }
            },
        };
        let sender = Mail::new(Some(self.from.email.clone()), Vec::new());
        ask(&mut connection, sender, DONE).await.map_err(at("the sender"))?;
        ask(&mut connection, Rcpt::new(to, Vec::new()), DONE).await.map_err(at("the recipient"))?;
        ask(&mut connection, Data, GO_ON).await.map_err(at("the letter"))?;
        if late() {
            // Without its last line a letter is none: the connection is dropped.
            return Ok(Learned::not_sent(LATE));
        }
        begun.store(true, std::sync::atomic::Ordering::Release);
        let answer = connection.message(letter).await.map_err(How::Error).and_then(|answer| well(answer, DONE));
        let answer = answer.map_err(|how| Ended { begun: true, how, what: "the letter" })?;
        let code = u16::from(answer.code());
        let said = answer.first_line().map(quoted).filter(|said| !said.is_empty());
        self.keep(connection);
        Ok(Learned::accepted(said).status(code))
    }

    /// A connection of an earlier letter that still answers.
    async fn waiting(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (mut connection, since) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let fresh = self.clock.elapsed().saturating_sub(since) < IDLE;
            if fresh && matches!(timeout(Duration::from_secs(2), connection.command(Noop)).await, Ok(Ok(_))) {
                return Some(connection);
            }
        }
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push((connection, self.clock.elapsed()));
        }
    }

    /// By which a contact ends our messages.
    async fn link_to_end(&self, message: &Message) -> Result<Option<String>, Learned> {
        let (To::Contact(contact), Some(base)) = (message.to, &self.host.config().http.public_url) else {
            return Ok(None);
        };
        let keys = self.host.keys().await.map_err(|why| Learned::not_sent(why).trouble(Trouble::Provider))?;
        let token = keys.unsubscribe_token(message.workspace, contact);
        let base = base.trim_end_matches('/');
        Ok(Some(format!("<{base}/hooks/unsubscribe/{}/{contact}/{token}>", message.workspace)))
    }

    /// The letter as it leaves. All that came from outside goes through encoders: no line of it can become a header.
    async fn letter(&self, message: &Message) -> Result<(Address, Letter), Learned> {
        let unreadable =
            |what: &str| Learned::refused(format!("The letter cannot be written ({what}). Nothing was sent."));
        let to: Mailbox = message
            .address
            .parse()
            .map_err(|_| Learned::gone("The address is no e-mail address. Nothing was sent. Correct it."))?;
        let recipient = to.email.clone();
        let link = self.link_to_end(message).await?;
        let content = &message.content;
        let domain = self.from.email.domain();
        let mut builder = Letter::builder()
            .from(self.from.clone())
            .to(to)
            .subject(one_line(&content.subject))
            .date(self.clock.now().into())
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            .raw_header(header("Auto-Submitted", "auto-generated".into()));
        if let Some(deal) = message.deal_id {
            // All letters about a deal hang under one root that is never sent itself.
            let root = format!("<deal.{deal}@{domain}>");
            builder = builder.in_reply_to(root.clone()).references(root);
        }
        if let Some(link) = link {
            builder = builder
                .raw_header(header("List-Unsubscribe", link))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()));
        }
        let text = SinglePart::plain(content.text.clone());
        let files = content.attachments.iter().map(|file| {
            let kind = ContentType::parse(&file.media_type).map_err(|_| unreadable("a file's type"))?;
            Ok(Attachment::new(one_line(&file.name)).body(file.text.clone(), kind))
        });
        let files = files.collect::<Result<Vec<_>, Learned>>()?;
        let letter = match (&content.html, files.is_empty()) {
            (None, true) => builder.singlepart(text),
            (Some(html), true) => builder.multipart(both(text, html)),
            (html, false) => {
                let mixed = MultiPart::mixed();
                let first = match html {
                    None => mixed.singlepart(text),
                    Some(html) => mixed.multipart(both(text, html)),
                };
                builder.multipart(files.into_iter().fold(first, MultiPart::singlepart))
            }
        };
        Ok((recipient, letter.map_err(|error| unreadable(&error.to_string()))?))
    }
}

fn both(text: SinglePart, html: &str) -> MultiPart {
    MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html.to_owned()))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// Gives one command, and wants this kind of yes.
async fn ask(connection: &mut AsyncSmtpConnection, command: impl Display, due: Severity) -> Result<Response, How> {
    connection.command(command).await.map_err(How::Error).and_then(|answer| well(answer, due))
}

/// What the end of an attempt means.
fn judge(ended: &Ended) -> Learned {
    let error = match &ended.how {
        How::Error(error) => error,
        How::Odd(answer) => {
            let code = answer.code();
            let said = quoted(&format!("{code} {}", answer.first_line().unwrap_or_default()));
            return no_sense(&said, ended.begun).status(u16::from(code));
        }
    };
    let said = causes(error);
    let Some(code) = error.status() else {
        return match ended.begun {
            true => Learned::unclear(format!("The connection broke after the letter was sent: {said}.")),
            false => {
                Learned::not_sent(format!("The connection broke at {}: {said}. Nothing was sent.", ended.what))
            }
        };
    };
    let learned = match code.severity {
        Severity::TransientNegativeCompletion => {
            // RFC 3463: X.1 is about the address (of these, 7 and 8 about the sender's), X.2 about its mailbox.
            let alone = match enhanced(&said) {
                Some([_, about, detail]) => about == 2 || about == 1 && !matches!(detail, 7 | 8),
                None => false,
            };
            let alone = alone && ended.what == "the recipient";
            Learned::not_sent(format!("The mail server said later, at {}: {said}.", ended.what))
                .trouble(if alone { Trouble::Address } else { Trouble::Destination })
        }
        Severity::PermanentNegativeCompletion => {
            let why = format!("The mail server refused {}: {said}. Nothing was sent.", ended.what);
            let gone =
                ended.what == "the recipient" && matches!(enhanced(&said), Some([5, 1, 1 | 2 | 3 | 6 | 10]));
            if gone { Learned::gone(format!("{why} Correct the address.")) } else { Learned::refused(why) }
        }
        _ => no_sense(&said, ended.begun),
    };
    learned.status(u16::from(code))
}

fn no_sense(said: &str, begun: bool) -> Learned {
    let why = format!("The mail server's answer makes no sense: {said}.");
    if begun { Learned::unclear(why) } else { Learned::not_sent(format!("{why} Nothing was sent.")) }
}

/// The first enhanced status code of a reply, such as `4.2.2` (RFC 3463).
fn enhanced(said: &str) -> Option<[u16; 3]> {
    let words = said.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_end_matches('.'));
    words
        .filter_map(|word| {
            let parts: Vec<u16> = word.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
            <[u16; 3]>::try_from(parts).ok().filter(|[class, ..]| matches!(class, 2 | 4 | 5))
        })
        .next()
}

impl Channel for Email {
    fn deliver<'a>(&'a self, cleared: Cleared, until: Duration) -> Later<'a, Report> {
        Box::pin(async move { self.send(cleared.message(), until).await.report(&cleared, &self.clock) })
    }

    fn look_up<'a>(&'a self, _: &'a Message) -> Later<'a, Found> {
        Box::pin(async { Found::CannotTell { why: "A mail server cannot be asked what it has taken.".into() } })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::delivery::outbox::Outcome;
    use domain::kernel::id::{ContactId, DealId};
    use domain::people::reach;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::*;
    use crate::channels::sample::message;
    use crate::config::Config;

    const SOON: Duration = Duration::from_secs(3600);

    fn word(learned: &Learned) -> &'static str {
        match (&learned.outcome, learned.trouble) {
            (Outcome::Accepted { .. }, _) => "accepted",
            (Outcome::Refused { gone: true, .. }, _) => "gone",
            (Outcome::Refused { .. }, _) => "refused",
            (Outcome::NotSent { .. }, Some(Trouble::Provider)) => "not sent, provider",
            (Outcome::NotSent { .. }, Some(Trouble::Address)) => "not sent, address",
            (Outcome::NotSent { .. }, _) => "not sent",
            (Outcome::Unclear { .. }, _) => "unclear",
        }
    }

    /// A mail server that goes by a script: the line that begins so gets this answer; an empty one hangs up.
    struct Post {
        url: String,
        heard: Arc<Mutex<Vec<String>>>,
    }

    impl Post {
        async fn start(script: &'static [(&'static str, &'static str)]) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("smtp://127.0.0.1:{}?tls=none", listener.local_addr().unwrap().port());
            let heard = Arc::new(Mutex::new(Vec::new()));
            let kept = heard.clone();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let kept = kept.clone();
                    tokio::spawn(async move {
                        let (read, mut write) = stream.into_split();
                        let mut lines = BufReader::new(read).lines();
                        let mut begins = "hello".to_owned();
                        loop {
                            let told = script
                                .iter()
                                .find(|(line, _)| begins.starts_with(line))
                                .map(|(_, answer)| *answer);
                            let answer = told.unwrap_or(match begins.get(..4).unwrap_or_default() {
                                "hell" => "220 post ready",
                                "EHLO" => "250-post\r\n250-AUTH PLAIN\r\n250 8BITMIME",
                                "DATA" => "354 go on",
                                _ => "250 2.0.0 fine",
                            });
                            if answer.is_empty() {
                                return;
                            }
                            let letter = begins == "DATA" && answer.starts_with("354");
                            write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
                            begins.clear();
                            loop {
                                let Ok(Some(line)) = lines.next_line().await else { return };
                                kept.lock().unwrap().push(line.clone());
                                if !letter {
                                    begins = line;
                                    break;
                                }
                                if line == "." {
                                    begins = "the dot".into();
                                    break;
                                }
                            }
                        }
                    });
                }
            });
            Self { url, heard }
        }

        fn heard(&self) -> String {
            self.heard.lock().unwrap().join("\n")
        }
    }

    fn email(url: &str) -> (Email, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.mail.smtp_url = Some(url.to_owned().into());
        config.mail.from = Some("Milepost <milepost@example.com>".into());
        config.http.public_url = Some("https://m.example.com/".into());
        let host = Host::open(config, folder.path()).unwrap();
        (Email::new(&host).unwrap(), folder)
    }

    #[tokio::test]
    async fn what_each_end_of_a_conversation_means() {
        let cases: &[(&'static [(&'static str, &'static str)], &str)] = &[
            (&[], "accepted"),
            (&[("hello", "554 no service")], "not sent, provider"),
            (&[("hello", "421 too busy")], "not sent, provider"),
            (&[("hello", "")], "not sent, provider"),
            (&[("EHLO", "")], "not sent, provider"),
            (&[("MAIL", "451 4.3.0 later")], "not sent"),
            (&[("MAIL", "550 5.7.1 not you")], "refused"),
            (&[("MAIL", "")], "not sent"),
            (&[("RCPT", "450 4.2.1 grey")], "not sent, address"),
            (&[("RCPT", "452 4.2.2 full")], "not sent, address"),
            (&[("RCPT", "450 4.7.1 too fast")], "not sent"),
            (&[("RCPT", "450 later")], "not sent"),
            (&[("RCPT", "450 4.1.8 Sender address rejected")], "not sent"),
            (&[("DATA", "450 4.2.1 grey")], "not sent"),
            (&[("RCPT", "550 5.1.1 nobody here")], "gone"),
            (&[("RCPT", "550 5.7.1 relaying denied")], "refused"),
            (&[("RCPT", "")], "not sent"),
            (&[("DATA", "451 later")], "not sent"),
            (&[("DATA", "554 no")], "refused"),
            (&[("DATA", "")], "not sent"),
            (&[("the dot", "451 4.3.1 disk full")], "not sent"),
            (&[("the dot", "554 5.6.0 spam")], "refused"),
            (&[("the dot", "")], "unclear"),
            (&[("the dot", "what?")], "unclear"),
            (&[("the dot", "354 go on")], "unclear"),
            (&[("MAIL", "354 go on")], "not sent"),
            (&[("DATA", "250 2.0.0 taken")], "not sent"),
        ];
        for (script, expected) in cases {
            let post = Post::start(script).await;
            let (email, _folder) = email(&post.url);
            let learned = email.send(&message(reach::Channel::Email, "ana@example.org", "Hello"), SOON).await;
            assert_eq!(word(&learned), *expected, "{script:?}: {learned:?}");
        }
    }

    #[tokio::test]
    async fn a_refused_login_or_missing_tls_concerns_all_letters_and_shows_no_password() {
        let post = Post::start(&[("AUTH", "535 5.7.8 bad login")]).await;
        let (email_, _folder) = email(&post.url.replace("127.0.0.1", "ana:hunter2@127.0.0.1"));
        let learned = email_.send(&message(reach::Channel::Email, "ana@example.org", "Hello"), SOON).await;
        assert_eq!((word(&learned), learned.status), ("not sent, provider", Some(535)));
        assert!(!format!("{learned:?}").contains("hunter2"));

        let (email_, _folder) = email(&post.url.replace("?tls=none", ""));
        let learned = email_.send(&message(reach::Channel::Email, "ana@example.org", "Hello"), SOON).await;
        assert!(format!("{learned:?}").contains("offers no TLS"), "{learned:?}");

        // Plain text where TLS is expected from the first byte.
        let (email_, _folder) = email(&post.url.replace("smtp://", "smtps://").replace("?tls=none", ""));
        let learned = email_.send(&message(reach::Channel::Email, "ana@example.org", "Hello"), SOON).await;
        assert_eq!(word(&learned), "not sent, provider");
    }

    #[tokio::test]
    async fn a_letter_that_is_late_is_not_finished() {
        let post = Post::start(&[]).await;
        let (email, _folder) = email(&post.url);
        let learned =
            email.send(&message(reach::Channel::Email, "ana@example.org", "Hello"), Duration::ZERO).await;
        assert_eq!(learned, Learned::not_sent(LATE));
        assert!(!post.heard().contains("Hello"), "{}", post.heard());
    }

    #[tokio::test]
    async fn the_next_letter_takes_the_same_connection() {
        let post = Post::start(&[]).await;
        let (email, _folder) = email(&post.url);
        for _ in 0..2 {
            assert_eq!(
                word(&email.send(&message(reach::Channel::Email, "ana@example.org", "Hello"), SOON).await),
                "accepted"
            );
        }
        let heard = post.heard();
        assert_eq!(
            (heard.matches("EHLO").count(), heard.matches("NOOP").count(), heard.matches("DATA").count()),
            (1, 1, 2)
        );
    }

    #[tokio::test]
    async fn a_letter_to_a_contact_can_be_ended_and_its_lines_cannot_become_headers() {
        let post = Post::start(&[]).await;
        let (email, _folder) = email(&post.url);
        let mut one = message(reach::Channel::Email, "ana@example.org", "Line\n.\nQUIT\r\nDone");
        one.to = To::Contact(ContactId(Uuid::from_u128(7)));
        one.deal_id = Some(DealId(Uuid::from_u128(8)));
        one.content.subject = "Fertig\r\nBcc: eve@example.net — ü".into();
        one.content.html = Some("<p>Line</p>".into());
        one.content.attachments = vec![domain::delivery::Attachment {
            name: "closing.ics\r\nX: y".into(),
            media_type: "text/calendar; method=PUBLISH".into(),
            text: "BEGIN:VCALENDAR".into(),
        }];
        assert_eq!(word(&email.send(&one, SOON).await), "accepted");
        let heard = post.heard();
        let token = email
            .host
            .keys_on_this_thread()
            .unwrap()
            .unsubscribe_token(one.workspace, ContactId(Uuid::from_u128(7)));
        for part in [
            "MAIL FROM:<milepost@example.com>",
            "RCPT TO:<ana@example.org>",
            "Message-ID: <01990000-0000-7000-8000-000000000001@example.com>",
            "References: <deal.00000000-0000-0000-0000-000000000008@example.com>",
            "In-Reply-To: <deal.00000000-0000-0000-0000-000000000008@example.com>",
            "Auto-Submitted: auto-generated",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            &format!(
                "<https://m.example.com/hooks/unsubscribe/{}/00000000-0000-0000-0000-000000000007/{token}>",
                one.workspace
            ),
            "multipart/alternative",
            "text/calendar; method=PUBLISH",
            "<p>Line</p>",
            "\n..\n",
        ] {
            assert!(heard.contains(part), "{part} in {heard}");
        }
        for line in heard.lines() {
            assert!(!line.starts_with("Bcc:") && !line.starts_with("X:") && line != "QUIT\r", "{line}");
        }
    }

    #[tokio::test]
    async fn a_letter_to_a_member_has_nothing_to_unsubscribe_from() {
        let (email, _folder) = email("smtp://localhost?tls=none");
        let one = crate::channels::sample::to_member(message(reach::Channel::Email, "ana@example.org", "Hi"));
        let (_, letter) = email.letter(&one).await.unwrap();
        let text = String::from_utf8(letter.formatted()).unwrap();
        assert!(!text.contains("List-Unsubscribe") && !text.contains("multipart"), "{text}");
        for address in ["", "ana", "a@b\r\nRCPT TO:<eve@example.net>", "<>"] {
            let learned = email.letter(&message(reach::Channel::Email, address, "Hi")).await.unwrap_err();
            assert_eq!(word(&learned), "gone", "{address:?}");
        }
    }
}
