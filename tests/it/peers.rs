//! The peers themselves: what they take, what they refuse, and that their faults look on the wire as they are called.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use harness::peers::{
    Answer, FakeDiscord, FakeTwilio, Fault, How, Limits, Mark, SmtpFault, SmtpPeer, SmtpRules, WebhookSink,
    secret, sign,
};
use host::Clock;
use serde_json::{Value, json};

/// What came back: a status and a body, or how it ended instead.
#[derive(Debug, PartialEq)]
enum Came {
    Answer(u16, String),
    Cut(u16),
    Reset,
    Nothing,
    /// More than anybody wants to read.
    Endless,
}

#[allow(clippy::disallowed_methods, reason = "a test that talks to a peer of the tests")]
fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    stream
}

fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Came {
    let mut stream = connect(address);
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: peer\r\nuser-agent: test\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        let status = || text.split(' ').nth(1).and_then(|status| status.parse().ok());
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.map_or(0, |length| length.parse().unwrap()) <= body.len() {
                return Came::Answer(status().unwrap(), body.into());
            }
        }
        match stream.read(&mut piece) {
            Ok(0) => return status().map_or(Came::Nothing, Came::Cut),
            Ok(_) if all.len() > 100_000 => return Came::Endless,
            Ok(bytes) => all.extend(&piece[..bytes]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Came::Reset,
            Err(_) => return Came::Nothing,
        }
    }
}

fn clock() -> Clock {
    Clock::standing_at("2026-10-14T15:00:00Z".parse().unwrap())
}

/// A message to a channel, as the product means to send them.
fn post(discord: &FakeDiscord, channel: &str, body: &Value) -> (u16, Value) {
    let headers = [("authorization", "Bot fake.discord.token"), ("content-type", "application/json")];
    let path = format!("/api/v10/channels/{channel}/messages");
    match ask(discord.address(), "POST", &path, &headers, &body.to_string()) {
        Came::Answer(status, body) => (status, serde_json::from_str(&body).unwrap_or(Value::Null)),
        other => panic!("{other:?}"),
    }
}

fn message(content: &str, nonce: &str) -> Value {
    json!({ "content": content, "nonce": nonce, "enforce_nonce": true, "allowed_mentions": { "parse": [] } })
}

#[test]
fn discord_knows_a_nonce_again_for_a_while_and_not_in_another_channel() {
    let clock = clock();
    let discord = FakeDiscord::start(&clock);
    let (_, first) = post(&discord, "77", &message("Closing on Friday", "n1"));
    clock.advance(Duration::from_secs(100));
    let (status, again) = post(&discord, "77", &message("Closing on Friday", "n1"));
    assert_eq!((status, &again["id"]), (200, &first["id"]));
    post(&discord, "78", &message("Closing on Friday", "n1"));
    assert_eq!(discord.posted().len(), 2);
    clock.advance(Duration::from_secs(30));
    let (_, later) = post(&discord, "77", &message("Closing on Friday", "n1"));
    assert_ne!(later["id"], first["id"], "the window has passed");
    assert_eq!(discord.posted().len(), 3);

    let headers = [("authorization", "Bot fake.discord.token")];
    let Came::Answer(200, list) =
        ask(discord.address(), "GET", "/api/v10/channels/77/messages?limit=100", &headers, "")
    else {
        panic!("no list")
    };
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((list[0]["id"].clone(), list[1]["nonce"].clone()), (later["id"].clone(), json!("n1")));
    assert!(discord.mistakes().is_empty());
}

#[test]
fn discord_refuses_what_discord_refuses() {
    let discord = FakeDiscord::start(&clock());
    let with = |change: Value| {
        let mut body = message("x", "n");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let many = json!({ "title": "t", "fields": (0..26).map(|n| json!({ "name": n.to_string(), "value": "v" })).collect::<Vec<_>>() });
    let long = json!({ "description": "d".repeat(3_500) });
    for (body, code, word) in [
        (with(json!({ "content": "x".repeat(2_001) })), 50_035, "2000"),
        (with(json!({ "content": " \n" })), 50_006, "empty"),
        (with(json!({ "embeds": [long, long] })), 50_035, "6000"),
        (with(json!({ "embeds": [many] })), 50_035, "25"),
        (with(json!({ "nonce": "n".repeat(26) })), 50_035, "nonce"),
        (with(json!({ "allowed_mentions": null })), 50_035, "allowed_mentions"),
        (with(json!({ "allowed_mentions": { "parse": ["everyone"] } })), 50_035, "parse"),
    ] {
        let (status, said) = post(&discord, "77", &body);
        assert_eq!((status, &said["code"]), (400, &json!(code)), "{said}");
        assert!(said["message"].as_str().unwrap().contains(word), "{said}");
    }
    assert_eq!(discord.mistakes().len(), 7);
    discord.delete_channel("78");
    discord.lock_out("79");
    assert_eq!(post(&discord, "78", &message("x", "n")).1["code"], 10_003);
    assert_eq!(post(&discord, "79", &message("x", "n")).1["code"], 50_001);
    assert!(discord.posted().is_empty());
}

#[test]
fn discord_counts_and_lets_go_again() {
    let clock = clock();
    let discord = FakeDiscord::start(&clock);
    discord.set_limits(Limits { channel: Some((2, Duration::from_secs(5))), global: Some(3) });
    let status = |n: u32| post(&discord, "77", &message("x", &format!("n{n}"))).0;
    assert_eq!([status(1), status(2), status(3), status(4)], [200, 200, 429, 429]);
    let (_, global) = post(&discord, "78", &message("x", "n5"));
    assert_eq!(global["global"], true);
    clock.advance(Duration::from_secs(5));
    assert_eq!(status(3), 200);
}

#[test]
fn a_fault_looks_on_the_wire_as_it_is_called() {
    let sink = WebhookSink::start();
    let post = || ask(sink.address(), "POST", "/hook", &[], "{}");
    sink.next(Fault::status(500));
    assert!(matches!(post(), Came::Answer(500, _)));
    sink.next(Fault::says(Answer::json(200, &json!({ "some": "body" }))).going(How::CutBody));
    assert_eq!(post(), Came::Cut(200));
    sink.next(Fault::before_taking(How::ResetMidBody));
    assert_eq!(post(), Came::Reset);
    sink.next(Fault::before_taking(How::Reset));
    assert_eq!(post(), Came::Reset);
    sink.next(Fault::before_taking(How::Never));
    assert_eq!(post(), Came::Nothing);
    sink.next(Fault::status(410).going(How::Late(Duration::from_millis(50))));
    assert!(matches!(post(), Came::Answer(410, _)));
    sink.next(Fault::before_taking(How::Endless(1 << 30)));
    assert_eq!(post(), Came::Endless);
    sink.always("/hook", Fault::slow_down(Some("Wed, 14 Oct 2026 15:00:30 GMT")));
    assert!(matches!((post(), post()), (Came::Answer(429, _), Came::Answer(429, _))));
    sink.well();
    assert_eq!(post(), Came::Answer(204, String::new()));
    assert_eq!(sink.asked().len(), 10);
}

#[test]
fn a_program_that_listens_checks_signatures_by_the_published_vector() {
    // From the Standard Webhooks specification.
    let known = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(sign(known, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#), expected);

    let sink = WebhookSink::start();
    let own = secret(b"thirty-two bytes or thereabouts.");
    let body = r#"{"type":"milestone.completed"}"#;
    let signature =
        format!("{} {}", sign(known, "m1", "1000", b"else"), sign(&own, "m1", "1000", body.as_bytes()));
    let headers = [("webhook-id", "m1"), ("webhook-timestamp", "1000"), ("webhook-signature", signature.as_str())];
    ask(sink.address(), "POST", "/hook", &headers, body);
    let asked = &sink.asked()[0];
    assert_eq!(sink.wrong_with(asked, &own, 1_200), None);
    assert!(sink.wrong_with(asked, known, 1_200).is_some(), "another secret");
    assert!(sink.wrong_with(asked, &own, 1_301).is_some(), "too late");
    assert_eq!(sink.arrivals()[0].mark, Mark::Id("m1".into()));
}

#[test]
fn twilio_takes_the_same_text_as_often_as_it_is_asked() {
    let twilio = FakeTwilio::start();
    let login =
        [("authorization", "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpmYWtlLXR3aWxpby10b2tlbg==")];
    let path = format!("/2010-04-01/Accounts/{}/Messages.json", twilio.account());
    let send = |to: &str| {
        let form = format!("To=%2B{to}&From=%2B13125550100&Body=Hello+Jo&StatusCallback=http%3A%2F%2Fhere%2Fs");
        match ask(twilio.address(), "POST", &path, &login, &form) {
            Came::Answer(status, body) => (status, serde_json::from_str::<Value>(&body).unwrap()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((send("13125550130").0, send("13125550130").0), (201, 201));
    assert_eq!(twilio.texts().len(), 2);
    twilio.stop("+13125550131");
    assert_eq!(send("13125550131").1["code"], 21_610);
    assert_eq!(send("12").1["code"], 21_211);
    assert!(matches!(ask(twilio.address(), "POST", &path, &[], ""), Came::Answer(401, _)));
    let callback = twilio.status(&twilio.texts()[0].sid, "delivered", None).unwrap();
    assert_eq!(callback.url, "http://here/s");
    assert!(callback.body().contains("MessageStatus=delivered") && callback.signature.len() == 28);
}

/// A conversation line by line: what is said, and how the answer begins.
fn talk(port: u16, lines: &[(&str, &str)]) {
    let stream = connect(SocketAddr::from(([127, 0, 0, 1], port)));
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    for (say, expected) in [("", "220")].iter().chain(lines) {
        if !say.is_empty() {
            writer.write_all(format!("{say}\r\n").as_bytes()).unwrap();
        }
        let mut answer = String::new();
        while reader.read_line(&mut answer).unwrap_or(0) > 0 {
            if answer.as_bytes().get(3) == Some(&b' ') {
                break;
            }
            answer.clear();
        }
        assert!(answer.starts_with(expected) && expected.is_empty() == answer.is_empty(), "{say}: {answer:?}");
    }
}

#[test]
fn a_mail_server_takes_mail_and_fails_when_told() {
    let Some(smtp) = SmtpPeer::start(&SmtpRules::default()) else { return };
    let mail = "Message-ID: <1@here>\r\nSubject: Hi\r\nContent-Type: text/plain\r\n\r\nHello Jo\r\n.";
    let (hello, from, to) = ("EHLO here", "MAIL FROM:<us@example.com>", "RCPT TO:<jo@example.com>");
    talk(smtp.port(), &[(hello, "250"), (from, "250"), (to, "250"), ("DATA", "354"), (mail, "250")]);
    let taken = smtp.mails();
    assert_eq!(
        (taken[0].to[0].as_str(), taken[0].message_id.as_deref(), taken[0].text.as_deref().map(str::trim)),
        ("jo@example.com", Some("<1@here>"), Some("Hello Jo"))
    );
    smtp.next(SmtpFault::BounceRecipient);
    talk(smtp.port(), &[(hello, "250"), (from, "250"), (to, "550 5.1.1"), (to, "250")]);
    for (fault, answer, takes) in [
        (SmtpFault::DeferBody, "451", 0),
        (SmtpFault::BounceBody, "554", 0),
        (SmtpFault::DropAtData, "", 0),
        (SmtpFault::TakeAndDrop, "", 1),
    ] {
        let before = smtp.mails().len();
        smtp.next(fault);
        talk(smtp.port(), &[(hello, "250"), (from, "250"), (to, "250"), ("DATA", "354"), (mail, answer)]);
        assert_eq!(smtp.mails().len(), before + takes, "{fault:?}");
    }
}

#[test]
fn a_mail_server_wants_its_login_and_its_tls() {
    let login = Some(("milepost".to_owned(), "secret".to_owned()));
    let rules = SmtpRules { login, tls: true, ..SmtpRules::default() };
    let Some(smtp) = SmtpPeer::start(&rules) else { return };
    let (hello, from) = ("EHLO here", "MAIL FROM:<us@example.com>");
    talk(smtp.port(), &[(hello, "250"), (from, "530"), ("AUTH PLAIN AG1pbGVwb3N0AHdyb25n", "535")]);
    talk(smtp.port(), &[(hello, "250"), ("AUTH PLAIN AG1pbGVwb3N0AHNlY3JldA==", "235"), (from, "250")]);
    talk(smtp.port(), &[(hello, "250"), ("STARTTLS", "220")]);
    assert!(smtp.certificate().exists());
    let strict = SmtpPeer::start(&SmtpRules { tls_required: true, ..SmtpRules::default() }).unwrap();
    talk(strict.port(), &[(hello, "250"), (from, "530")]);
}
