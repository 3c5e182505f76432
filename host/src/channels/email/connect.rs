//! How a connection to the mail server comes about, or why it doesn't.
//!
//! Before TLS nothing is said but who we are and STARTTLS, and nothing that was heard before it counts after it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use domain::delivery::outbox::Trouble;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::channels::{Learned, quoted};
use crate::egress::to_mail_server;

/// How long a connection may take, with TLS and the login.
pub const OPEN: Duration = Duration::from_secs(10);

/// When a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Immediate,
    /// By STARTTLS, or not at all.
    Required,
    /// By STARTTLS where the server offers it. Whoever sits in between can take the offer out.
    Opportunistic,
    /// Only to this machine.
    None,
}

/// The server that takes our e-mail.
#[derive(Clone, Debug)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    login: Option<(String, SecretString)>,
}

impl Server {
    /// `smtp[s]://[user:password@]host[:port][?tls=required|opportunistic|none]`. The error completes a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = url::Url::parse(text)
            .map_err(|_| "is no address. Write it as smtps://user:password@smtp.example.com.".to_owned())?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err("names no server. Write it as smtps://user:password@smtp.example.com.".into());
        }
        let mut tls = match url.scheme() {
            "smtps" => Tls::Immediate,
            "smtp" => Tls::Required,
            _ => return Err("must start with smtps:// or smtp://.".into()),
        };
        for (key, value) in url.query_pairs() {
            tls = match (tls, key.as_ref(), value.as_ref()) {
                (Tls::Immediate, "tls", "required") => Tls::Immediate,
                (Tls::Immediate, "tls", _) => {
                    return Err("asks for less than smtps:// gives. Leave ?tls= out.".into());
                }
                (_, "tls", "required") => Tls::Required,
                (_, "tls", "opportunistic") => Tls::Opportunistic,
                (_, "tls", "none") => Tls::None,
                (_, "tls", _) => return Err("has a ?tls= that is not required, opportunistic or none.".into()),
                _ => return Err("has a setting after ? that is not tls.".into()),
            };
        }
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if tls == Tls::None && !here {
            return Err("would send letters and passwords in clear text: ?tls=none is for loopback only.".into());
        }
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let read = |text: &str| decoded(text).ok_or("has a % that is no escape in its name or password.");
                Some((read(user)?, read(password.unwrap_or_default())?.into()))
            }
        };
        let port = url.port().unwrap_or(if tls == Tls::Immediate { 465 } else { 587 });
        Ok(Self { host, port, tls, login })
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        bytes.push(match first {
            b'%' => {
                let hex = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = &rest[2..];
                u8::from_str_radix(hex, 16).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A connection on which letters can be given, or why there is none. Nothing of a letter was said by then.
pub async fn open(server: &Server, hello: &ClientId) -> Result<AsyncSmtpConnection, Learned> {
    let Server { host, port, tls, login } = server;
    let mut connection = if *tls == Tls::Immediate {
        let address = (host.as_str(), *port);
        AsyncSmtpConnection::connect_tokio1(address, Some(OPEN), hello, Some(parameters(host)?), None)
            .await
            .map_err(|error| not_begun(&error))?
    } else {
        let stream = to_mail_server(host, *port).await.map_err(|error| unreachable(&error.to_string()))?;
        AsyncSmtpConnection::connect_with_transport(Box::new(InClear { stream, over: false }), hello)
            .await
            .map_err(|error| no_greeting(&error))?
    };
    if matches!(tls, Tls::Required | Tls::Opportunistic) {
        if connection.can_starttls() {
            connection.starttls(parameters(host)?, hello).await.map_err(|error| no_tls(&error))?;
        } else if *tls == Tls::Required {
            return Err(trouble(
                "The mail server offers no TLS (STARTTLS), and without it nothing is sent, neither the login nor the letter. \
                 Use a server or port that offers it, or set ?tls= in mail.smtp_url.",
            ));
        }
    }
    if let Some((user, password)) = login {
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await.map_err(|error| {
            let why = "The mail server refused the login (check mail.smtp_url)";
            of_answer(&error, format!("{why}: {}. Nothing was sent.", causes(&error)))
        })?;
    }
    Ok(connection)
}

fn parameters(host: &str) -> Result<TlsParameters, Learned> {
    TlsParameters::new_native(host.to_owned())
        .map_err(|error| trouble(format!("TLS cannot be set up: {}. Nothing was sent.", causes(&error))))
}

/// What concerns every letter, whoever it is for.
fn trouble(why: impl Into<String>) -> Learned {
    Learned::not_sent(why).trouble(Trouble::Provider)
}

fn of_answer(error: &Error, why: String) -> Learned {
    let learned = trouble(why);
    match error.status() {
        Some(code) => learned.status(u16::from(code)),
        None => learned,
    }
}

fn unreachable(said: &str) -> Learned {
    trouble(format!(
        "The mail server cannot be reached: {}. Nothing was sent. See whether it runs, and whether mail.smtp_url names its \
         host and port.",
        quoted(said.trim_end_matches('.'))
    ))
}

fn no_greeting(error: &Error) -> Learned {
    of_answer(error, format!("The mail server does not talk to us: {}. Nothing was sent.", causes(error)))
}

/// lettre does not tell at which of its steps a connection with TLS from the first byte failed; OpenSSL's own words do.
fn not_begun(error: &Error) -> Learned {
    let said = causes(error);
    if error.status().is_some() || error.is_response() {
        no_greeting(error)
    } else if is_of_tls(&said) {
        no_tls(error)
    } else {
        unreachable(&said)
    }
}

fn is_of_tls(said: &str) -> bool {
    said.contains("SSL routines") || said.contains("certificate")
}

fn no_tls(error: &Error) -> Learned {
    of_answer(error, why_no_tls(&causes(error)))
}

/// Says what is wrong with the certificate, where it is that, and what helps.
fn why_no_tls(said: &str) -> String {
    const NOTHING: &str = "Nothing was sent, neither the login nor the letter.";
    let words = in_openssls_words(said);
    let Some(wrong) = words.strip_prefix("certificate verify failed") else {
        return format!(
            "TLS with the mail server failed: {words}. {NOTHING} In mail.smtp_url, smtps:// is for a server that speaks TLS from \
             the first byte (usually port 465), smtp:// for one that offers STARTTLS (usually 587)."
        );
    };
    let wrong = wrong.trim().trim_matches(['(', ')']);
    if wrong.contains("mismatch") {
        return format!(
            "The mail server's certificate is for another name than the one in mail.smtp_url ({wrong}). {NOTHING} Write the name \
             there that the certificate is for, or give the server a certificate for this one."
        );
    }
    format!(
        "The mail server's certificate is not trusted ({wrong}). {NOTHING} If it should be, let this machine trust who issued \
         it, or name a file with that certificate in SSL_CERT_FILE and restart; otherwise ask who runs the mail server."
    )
}

/// `error:0A000086:SSL routines:a_function:certificate verify failed:a/file.c:1889: (self-signed certificate)` says in all
/// this: certificate verify failed (self-signed certificate).
fn in_openssls_words(said: &str) -> String {
    let Some((_, error)) = said.split_once("error:") else { return said.to_owned() };
    let Some(reason) = error.split(':').nth(3) else { return said.to_owned() };
    let verdict = said.rsplit_once(" (").filter(|(_, verdict)| verdict.ends_with(')')).map(|(_, verdict)| verdict);
    match verdict {
        Some(verdict) => format!("{reason} ({verdict}"),
        None => reason.to_owned(),
    }
}

/// An error with its causes, which lettre keeps apart from its sentence, and without lettre's names for its kinds.
pub fn causes(error: &Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_said = inner.to_string();
        if !said.contains(&inner_said) {
            said = format!("{said}: {inner_said}");
        }
        cause = inner.source();
    }
    let mut words = said.as_str();
    while let Some(rest) = ["Connection error: ", "network error: ", "response error: ", "internal client error: "]
        .iter()
        .find_map(|kind| words.strip_prefix(kind))
    {
        words = rest;
    }
    quoted(words.trim_end_matches('.'))
}

/// A connection before TLS, and under it. In clear text it is read byte by byte, so that whatever a stranger on the way adds
/// to the answer to STARTTLS is not yet read when TLS begins: it breaks the TLS, and is never taken for an answer that came
/// through it.
#[derive(Debug)]
struct InClear {
    stream: TcpStream,
    over: bool,
}

/// The first byte of TLS; no command begins so.
const HANDSHAKE: u8 = 0x16;

impl AsyncTokioStream for InClear {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for InClear {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.over || buffer.remaining() == 0 {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut one))?;
        buffer.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for InClear {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.over |= bytes.first() == Some(&HANDSHAKE);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_no_tls_is_said_in_words_that_help() {
        let openssl = |reason: &str, verdict: &str| {
            why_no_tls(&format!("error:0A000086:SSL routines:tls_post_process:{reason}:../ssl/a.c:1889:{verdict}"))
        };
        for (verdict, expected) in [
            (
                " (self-signed certificate)",
                "certificate is not trusted (self-signed certificate). Nothing was sent",
            ),
            (
                " (certificate has expired)",
                "certificate is not trusted (certificate has expired). Nothing was sent",
            ),
            (
                " (hostname mismatch)",
                "another name than the one in mail.smtp_url (hostname mismatch). Nothing was",
            ),
            (
                " (IP address mismatch)",
                "another name than the one in mail.smtp_url (IP address mismatch). Nothing",
            ),
        ] {
            let said = openssl("certificate verify failed", verdict);
            assert!(said.contains(expected), "{said}");
        }
        let said = openssl("wrong version number", "");
        assert!(
            said.starts_with("TLS with the mail server failed: wrong version number. Nothing was sent"),
            "{said}"
        );
        let said = why_no_tls("transient error (454): TLS not available");
        assert!(
            said.starts_with("TLS with the mail server failed: transient error (454): TLS not available. "),
            "{said}"
        );
    }

    #[test]
    fn how_a_server_is_named() {
        for (text, expected) in [
            ("smtps://u:p%40w@smtp.example.com", "smtp.example.com 465 Immediate u p@w"),
            ("smtp://smtp.example.com", "smtp.example.com 587 Required"),
            ("smtp://smtp.example.com:25?tls=opportunistic", "smtp.example.com 25 Opportunistic"),
            ("smtp://[::1]:25?tls=none", "::1 25 None"),
            ("smtp://127.0.0.1:25?tls=none", "127.0.0.1 25 None"),
        ] {
            let server = Server::parse(text).unwrap();
            let login = server.login.map(|(u, p)| format!(" {u} {}", p.expose_secret())).unwrap_or_default();
            assert_eq!(format!("{} {} {:?}{login}", server.host, server.port, server.tls), expected);
        }
        for text in [
            "smtp.example.com",
            "http://smtp.example.com",
            "smtp://",
            "smtp://mail.example.com?tls=none",
            "smtps://x.example.com?tls=none",
            "smtp://x.example.com?tls=maybe",
            "smtp://x.example.com?colour=red",
            "smtp://u:%zz@x.example.com",
        ] {
            assert!(Server::parse(text).is_err(), "{text}");
        }
    }
}
