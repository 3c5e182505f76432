//! What the outside may call: the link that ends messages, and what the provider of texts tells us.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::delivery::{NewMessage, Purpose, Status, To};
use domain::kernel::id::ContactId;
use domain::people::contact;
use domain::people::contact::standing::Standing;
use domain::people::contact::standing::ops::{SetConsent, set_consent, take_over};
use domain::people::reach::Channel;
use harness::{Place, World};
use host::Config;
use host::channels::signature::twilio;
use tower::ServiceExt;

const TOKEN: &str = "a-token-of-twilio";
const BASE: &str = "https://m.example.com";

fn world(place: Place) -> World {
    let mut config = Config::default();
    config.http.public_url = Some(format!("{BASE}/"));
    config.sms.account_sid = Some("AC1".into());
    config.sms.auth_token = Some(TOKEN.to_owned().into());
    config.sms.from = Some("+13125550100".into());
    config.vault.master_key = Some("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned().into());
    World::with(place, Place::usual_limits(), config)
}

/// Tells a story on each database that there is.
fn both(story: impl Fn(World)) {
    story(world(Place::file()));
    if let Some(place) = Place::schema() {
        story(world(place));
    }
}

fn ask(world: &World, request: Request<Body>) -> (u16, String) {
    world.wait_for(async {
        let answer = web::router(&world.host).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    })
}

fn call(world: &World, method: &str, path: &str) -> (u16, String) {
    ask(world, Request::builder().method(method).uri(path).body(Body::from("List-Unsubscribe=One-Click")).unwrap())
}

fn ann(world: &World) -> ContactId {
    let mut new = harness::deal("12 Oak Street", harness::DATES);
    new.parties = vec![domain::deals::deal::intake::NewParty {
        role: "buyer".into(),
        name: "Ann Lee".into(),
        email: Some("ann@example.org".into()),
        phone: Some("+1 312 555 0123".into()),
        ..Default::default()
    }];
    world.create(&new);
    world.look(&world.team.operator(), |cx| contact::view::find(cx, "ann@example.org")).unwrap()[0].id
}

fn is_opted_out(world: &World, id: ContactId) -> bool {
    world.look(&world.team.operator(), |cx| contact::view::get(cx, id)).unwrap().standing.opted_out_at.is_some()
}

fn form(pairs: &[(&str, &str)]) -> (Vec<(String, String)>, String) {
    let owned: Vec<(String, String)> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&owned).finish();
    (owned, body)
}

fn signed(world: &World, path: &str, pairs: &[(&str, &str)]) -> (u16, String) {
    let (owned, body) = form(pairs);
    let signature = twilio(TOKEN.as_bytes(), &format!("{BASE}{path}"), &owned);
    let request = Request::builder().method("POST").uri(path).header("X-Twilio-Signature", signature);
    ask(world, request.body(Body::from(body)).unwrap())
}

#[test]
fn a_link_ends_messages_when_its_button_is_pressed_and_not_when_it_is_looked_at() {
    both(|world| {
        let id = ann(&world);
        let token = world.host.keys_on_this_thread().unwrap().unsubscribe_token(world.team.id, id);
        let path = format!("/hooks/unsubscribe/{}/{id}/{token}", world.team.id);
        let (status, page) = call(&world, "GET", &path);
        assert!(status == 200 && page.contains("<button type=\"submit\">End all messages</button>"), "{page}");
        assert!(!is_opted_out(&world, id));
        for _ in 0..2 {
            let (status, page) = call(&world, "POST", &path);
            assert!(status == 200 && page.contains("Messages ended"), "{page}");
            assert!(is_opted_out(&world, id));
        }
        let ends = world.events(&world.team).iter().filter(|event| event.contains("opted_out")).count();
        assert_eq!(ends, 1);
    });
}

#[test]
fn who_ended_messages_can_have_them_again_by_the_button_and_nothing_else_is_lifted() {
    both(|world| {
        let id = ann(&world);
        let token = world.host.keys_on_this_thread().unwrap().unsubscribe_token(world.team.id, id);
        let link = |what: &str| format!("/hooks/{what}/{}/{id}/{token}", world.team.id);
        let cora = world.team.cora();
        world.act(&cora, |cx| take_over(cx, id)).unwrap();
        call(&world, "POST", &link("unsubscribe"));
        // Programs that check links look at every one of them, as often as they like.
        for what in ["unsubscribe", "resubscribe", "unsubscribe"] {
            let before = world.everything(&world.team);
            let (status, page) = call(&world, "GET", &link(what));
            assert!(
                status == 200 && page.contains("<button type=\"submit\">Get messages again</button>"),
                "{page}"
            );
            assert!(page.contains(&format!("action=\"{}\"", link("resubscribe"))), "{page}");
            assert_eq!(world.everything(&world.team), before);
        }
        assert!(is_opted_out(&world, id));
        for wrong in [format!("{}x", &token[1..]), "x".into()] {
            let path = format!("/hooks/resubscribe/{}/{id}/{wrong}", world.team.id);
            assert_eq!(call(&world, "POST", &path), call(&world, "GET", "/nowhere"));
        }
        let other = world.found("harbor", "harbor.example").id;
        let path = format!("/hooks/resubscribe/{other}/{id}/{token}");
        assert_eq!(call(&world, "POST", &path).0, 404);
        assert!(is_opted_out(&world, id));
        let before = standing(&world, id);
        for _ in 0..2 {
            let (status, page) = call(&world, "POST", &link("resubscribe"));
            assert!(status == 200 && page.contains("Messages come again"), "{page}");
        }
        let events = world.events(&world.team);
        assert_eq!(events.iter().filter(|event| *event == "contact.opted_in").count(), 1);
        let after = standing(&world, id);
        assert!(after.opted_out_at.is_none() && after.opted_in_at.is_some(), "{after:?}");
        // Who leads the conversation, and what was not answered, are as they were: the contact wrote nothing.
        assert_eq!((after.taken_over_at, after.last_inbound_at), (before.taken_over_at, before.last_inbound_at));
        assert!(after.taken_over_at.is_some());
        let (_, page) = call(&world, "GET", &link("unsubscribe"));
        assert!(page.contains("End all messages"), "{page}");
    });
}

#[test]
fn a_link_takes_back_what_its_own_contact_said_and_not_what_another_with_the_same_number_said() {
    both(|world| {
        let mut new = harness::deal("12 Oak Street", harness::DATES);
        let with = |name: &str, email: &str| domain::deals::deal::intake::NewParty {
            role: "buyer".into(),
            name: name.into(),
            email: Some(email.into()),
            phone: Some("+1 312 555 0123".into()),
            ..Default::default()
        };
        new.parties = vec![with("Ann Lee", "ann@example.org"), with("Bob Lee", "bob@example.org")];
        world.create(&new);
        let id = |email: &'static str| {
            world.look(&world.team.operator(), |cx| contact::view::find(cx, email)).unwrap()[0].id
        };
        let (ann, bob) = (id("ann@example.org"), id("bob@example.org"));
        let press = |what: &str, id: ContactId| {
            let token = world.host.keys_on_this_thread().unwrap().unsubscribe_token(world.team.id, id);
            assert_eq!(call(&world, "POST", &format!("/hooks/{what}/{}/{id}/{token}", world.team.id)).0, 200);
        };
        // Who shares a number is stopped with its owner; whether he wants to hear again is his to say.
        press("unsubscribe", ann);
        assert!(is_opted_out(&world, ann) && is_opted_out(&world, bob));
        press("resubscribe", ann);
        assert!(!is_opted_out(&world, ann) && is_opted_out(&world, bob));
        press("resubscribe", bob);
        assert!(!is_opted_out(&world, bob));
    });
}

#[test]
fn opting_in_again_lifts_no_cap() {
    both(|world| {
        let id = ann(&world);
        let token = world.host.keys_on_this_thread().unwrap().unsubscribe_token(world.team.id, id);
        let evidence = "a form".to_owned();
        let agrees = SetConsent { contact_id: id, channel: Channel::Email, given: true, evidence };
        world.act(&world.team.cora(), |cx| set_consent(cx, &agrees)).unwrap();
        let new: Vec<NewMessage> = (0..2)
            .map(|n| NewMessage {
                purpose: Purpose::Outreach,
                to: To::Contact(id),
                ..harness::message(&format!("outreach:{n}"), Channel::Email, "ann@example.org", world.now())
            })
            .collect();
        let decided = || {
            let ids = world.enqueue(&world.team, &new);
            world.claim(10);
            ids.iter().map(|id| world.status(*id)).collect::<Vec<_>>()
        };
        let before = decided();
        assert!(before.contains(&Status::Deferred) && before.contains(&Status::Sending), "{before:?}");
        for what in ["unsubscribe", "resubscribe"] {
            call(&world, "POST", &format!("/hooks/{what}/{}/{id}/{token}", world.team.id));
        }
        let third = NewMessage {
            purpose: Purpose::Outreach,
            to: To::Contact(id),
            ..harness::message("outreach:3", Channel::Email, "ann@example.org", world.now())
        };
        let third = world.enqueue(&world.team, &[third])[0];
        world.claim(10);
        assert_eq!(world.status(third), Status::Deferred);
        assert!(world.delivery(third).delivery.reason.unwrap().contains("FREQUENCY_CAP"));
    });
}

fn standing(world: &World, id: ContactId) -> Standing {
    world.look(&world.team.operator(), |cx| contact::view::get(cx, id)).unwrap().standing
}

#[test]
fn a_wrong_link_is_answered_as_a_path_that_never_was() {
    both(|world| {
        let id = ann(&world);
        let keys = world.host.keys_on_this_thread().unwrap();
        let team = world.team.id;
        let token = keys.unsubscribe_token(team, id);
        let other = world.found("harbor", "harbor.example").id;
        let never = call(&world, "GET", "/nowhere");
        for path in [
            format!("/hooks/unsubscribe/{team}/{id}/{}x", &token[1..]),
            format!("/hooks/unsubscribe/{team}/{id}/x"),
            format!("/hooks/unsubscribe/{other}/{id}/{token}"),
            format!("/hooks/unsubscribe/{team}/{other}/{token}"),
            format!("/hooks/unsubscribe/x/y/{token}"),
            // A right token for a contact that this workspace does not have.
            format!("/hooks/unsubscribe/{other}/{id}/{}", keys.unsubscribe_token(other, id)),
        ] {
            assert_eq!(call(&world, "POST", &path), never, "{path}");
        }
        assert!(!is_opted_out(&world, id));
        let path = format!("/hooks/unsubscribe/{team}/{id}/{token}");
        let large = Request::builder().method("POST").uri(&path).body(Body::from(vec![b'x'; 70_000])).unwrap();
        assert_eq!(ask(&world, large).0, 413);
        assert!(!is_opted_out(&world, id));
    });
}

#[test]
fn stop_by_text_ends_messages_and_start_brings_them_back() {
    both(|world| {
        let id = ann(&world);
        let path = format!("/hooks/sms/{}", world.team.id);
        let text = |sid: &str, body: &str| {
            signed(
                &world,
                &path,
                &[("AccountSid", "AC1"), ("MessageSid", sid), ("From", "+13125550123"), ("Body", body)],
            )
        };
        assert_eq!(
            text("SM1", "See you at 5"),
            (200, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>".into())
        );
        assert!(!is_opted_out(&world, id));
        let (status, answer) = text("SM2", "STOP");
        assert!(status == 200 && answer.contains("no more messages"), "{answer}");
        assert!(is_opted_out(&world, id));
        let (_, answer) = text("SM3", "start");
        assert!(answer.contains("messages from us again") && !is_opted_out(&world, id), "{answer}");
        // The same call again, as somebody who overheard it would make it.
        let before = world.events(&world.team).len();
        for (sid, body) in [("SM2", "STOP"), ("SM1", "See you at 5"), ("SM2", "START")] {
            assert_eq!(text(sid, body), (200, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>".into()));
        }
        assert!(!is_opted_out(&world, id));
        assert_eq!(world.events(&world.team).len(), before);
        let (_, answer) = text("SM4", "HELP");
        assert!(answer.contains("Text STOP to end them"), "{answer}");
        // A number that nobody has.
        let stranger = [("MessageSid", "SM5"), ("From", "+15005550000"), ("Body", "STOP")];
        assert_eq!(signed(&world, &path, &stranger).0, 200);
    });
}

#[test]
fn stop_from_a_number_that_nobody_knows_holds_for_whoever_has_it_later_in_every_workspace() {
    both(|world| {
        let harbor = world.found("harbor", "harbor.example");
        let path = format!("/hooks/sms/{}", world.team.id);
        let text = |sid: &str, body: &str| {
            signed(&world, &path, &[("MessageSid", sid), ("From", "+13125550123"), ("Body", body)])
        };
        let there = |team: &harness::Team| -> Vec<bool> {
            let found = world.look(&team.operator(), |cx| contact::view::find(cx, "+13125550123")).unwrap();
            let views =
                found.iter().map(|c| world.look(&team.operator(), |cx| contact::view::get(cx, c.id)).unwrap());
            views.map(|v| v.address_opted_out_at.is_some() || v.standing.opted_out_at.is_some()).collect()
        };
        let (_, answer) = text("SM1", "STOP");
        assert!(answer.contains("no more messages"), "{answer}");
        for team in [&world.team, &harbor] {
            let told: Vec<String> =
                world.events(team).into_iter().filter(|event| event.contains("address.opted_out")).collect();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(!world.everything(team).values().flatten().any(|row| row.contains("5550123")));
        }
        ann(&world);
        assert_eq!(there(&world.team), [true]);
        let mut new = harness::deal("1 Pier", harness::DATES);
        new.parties = vec![domain::deals::deal::intake::NewParty {
            role: "buyer".into(),
            name: "A. Lee".into(),
            phone: Some("(312) 555-0123".into()),
            ..Default::default()
        }];
        let cora = harbor.cora();
        world.act(&cora, |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        assert_eq!(there(&harbor), [true]);
        // Said once more, known by now: each workspace that knows the number notes it for its contact.
        text("SM2", "STOP");
        for team in [&world.team, &harbor] {
            let told = world.events(team).iter().filter(|event| event.contains("contact.opted_out")).count();
            assert_eq!(told, 1);
        }
        // Plain words are for the workspace that was answered, and nobody else learns of them.
        let before = world.events(&harbor).len();
        text("SM3", "See you at 5");
        assert_eq!(world.events(&harbor).len(), before);
        text("SM4", "START");
        assert_eq!((there(&world.team), there(&harbor)), (vec![false], vec![false]));
    });
}

#[test]
fn a_text_that_failed_because_its_reader_said_stop_is_an_opt_out() {
    both(|world| {
        let id = ann(&world);
        let yes = SetConsent { contact_id: id, channel: Channel::Sms, given: true, evidence: "a form".into() };
        world.act(&world.team.cora(), |cx| set_consent(cx, &yes)).unwrap();
        let text = NewMessage {
            to: To::Contact(id),
            purpose: Purpose::Transactional,
            ..harness::message("a text", Channel::Sms, "+13125550123", world.now())
        };
        world.enqueue(&world.team, &[text]);
        world.all_end(&domain::delivery::outbox::Outcome::Accepted { provider_id: Some("SM9".into()) });
        let path = format!("/hooks/sms/{}/status", world.team.id);
        let said = [("MessageSid", "SM9"), ("MessageStatus", "failed"), ("ErrorCode", "21610")];
        assert_eq!(signed(&world, &path, &said).0, 204);
        assert!(is_opted_out(&world, id));
    });
}

#[test]
fn a_text_with_a_wrong_signature_has_no_effect() {
    both(|world| {
        let id = ann(&world);
        let path = format!("/hooks/sms/{}", world.team.id);
        let pairs = [("MessageSid", "SM1"), ("From", "+13125550123"), ("Body", "STOP")];
        let (owned, body) = form(&pairs);
        let elsewhere = twilio(TOKEN.as_bytes(), &format!("{BASE}/hooks/sms/other"), &owned);
        let otherwise = twilio(b"another", &format!("{BASE}{path}"), &owned);
        for signature in ["", "x", &elsewhere, &otherwise] {
            let request = Request::builder().method("POST").uri(&path).header("X-Twilio-Signature", signature);
            let (status, answer) = ask(&world, request.body(Body::from(body.clone())).unwrap());
            assert!(status == 403 && answer.contains("wrong_signature"), "{answer}");
        }
        let large = Request::builder().method("POST").uri(&path).body(Body::from(vec![b'x'; 70_000])).unwrap();
        assert_eq!(ask(&world, large).0, 413);
        assert_eq!(signed(&world, &path, &[("AccountSid", "AC2"), ("Body", "STOP")]).0, 404);
        assert!(!is_opted_out(&world, id));
    });
}

#[test]
fn what_becomes_of_a_text_is_noted_once_and_never_goes_back() {
    both(|world| {
        let sent = world.queue("a text", Channel::Sms, "+13125550123");
        let accepted = domain::delivery::outbox::Outcome::Accepted { provider_id: Some("SM9".into()) };
        world.all_end(&accepted);
        assert_eq!(world.status(sent), Status::Sent);
        let path = format!("/hooks/sms/{}/status", world.team.id);
        let say = |status: &str| {
            signed(&world, &path, &[("MessageSid", "SM9"), ("MessageStatus", status), ("ErrorCode", "30005")])
        };
        for (status, stands) in [
            ("sending", Status::Sent),
            ("delivered", Status::Delivered),
            ("delivered", Status::Delivered),
            ("sent", Status::Delivered),
        ] {
            assert_eq!(say(status).0, 204, "{status}");
            assert_eq!(world.status(sent), stands, "{status}");
        }
        let other = format!("/hooks/sms/{}/status", world.found("harbor", "harbor.example").id);
        assert_eq!(signed(&world, &other, &[("MessageSid", "SM9"), ("MessageStatus", "read")]).0, 204);
        assert_eq!(world.status(sent), Status::Delivered);
        let lost = world.queue("another text", Channel::Sms, "+13125550123");
        world.all_end(&domain::delivery::outbox::Outcome::Accepted { provider_id: Some("SM10".into()) });
        signed(&world, &path, &[("MessageSid", "SM10"), ("MessageStatus", "undelivered"), ("ErrorCode", "30005")]);
        let delivery = world.delivery(lost);
        assert_eq!(world.status(lost), Status::Failed);
        assert!(format!("{delivery:?}").contains("the number is unknown (code 30005)"), "{delivery:?}");
    });
}

#[test]
fn without_a_provider_there_is_nothing_to_call() {
    let world = World::new(Place::file());
    let path = format!("/hooks/sms/{}", world.team.id);
    assert_eq!(signed(&world, &path, &[("Body", "STOP")]), call(&world, "GET", "/nowhere"));
}
