//! What the provider of texts tells us before, instead of and after its answer: nothing of it is lost, and nothing counts
//! twice.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use domain::delivery::Status;
use domain::delivery::outbox::view::Detail;
use domain::kernel::id::MessageId;
use domain::people::reach::Channel;
use harness::peers::{Callback, FakeTwilio, Fault, How};
use harness::{Place, World};
use host::dispatch::Dispatcher;
use host::{Config, Host};
use tower::ServiceExt;

const BASE: &str = "https://m.example.com";

struct Scene {
    twilio: Arc<FakeTwilio>,
    dispatcher: Dispatcher,
    world: World,
}

impl Scene {
    fn new(place: Place) -> Self {
        let twilio = Arc::new(FakeTwilio::start());
        let mut config = Config::default();
        config.http.public_url = Some(BASE.into());
        config.sms.api_url = twilio.url();
        config.sms.account_sid = Some(twilio.account().into());
        config.sms.auth_token = Some(twilio.token().to_owned().into());
        config.sms.from = Some("+13125550100".into());
        let world = World::with(place, Place::usual_limits(), config);
        let dispatcher = Dispatcher::new(&world.host, host::channels::open(&world.host).unwrap());
        Self { twilio, dispatcher, world }
    }

    /// Queues a text and sends what is due.
    fn text(&self) -> MessageId {
        let id = self.world.queue("a text", Channel::Sms, "+13125550130");
        self.send();
        id
    }

    fn send(&self) {
        self.world.wait_for(self.dispatcher.round());
    }

    /// The provider calls with these states of its newest text, each before it answers.
    fn tells_before_it_answers(&self, states: &'static [&'static str]) {
        let host = self.world.host.clone();
        self.twilio.before_it_answers(states, move |callback| assert_eq!(call(&host, callback), 204));
    }

    /// The provider tells of its n-th text, from 1.
    fn tells(&self, text: usize, state: &str) {
        let sid = self.twilio.texts()[text - 1].sid.clone();
        let callback = self.twilio.status(&sid, state, Some(30_005)).unwrap();
        assert_eq!(call(&self.world.host, &callback), 204);
    }

    fn delivery(&self, id: MessageId) -> Detail {
        self.world.delivery(id)
    }

    fn status(&self, id: MessageId) -> Status {
        self.world.status(id)
    }

    /// As the workspace that would rather have a text twice than not at all.
    fn resends(&self) {
        let settings = format!(
            "INSERT INTO delivery_settings (workspace_id, body, version) VALUES ('{}', '{{\"resend_unclear_sms\":true}}', 1)",
            self.world.team.id
        );
        self.world.meddle(&self.world.team, &settings);
    }
}

fn call(host: &Host, callback: &Callback) -> u16 {
    let path = callback.url.strip_prefix(BASE).unwrap();
    let request = Request::builder().method("POST").uri(path).header("X-Twilio-Signature", &callback.signature);
    let request = request.body(Body::from(callback.body())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { web::router(host).oneshot(request).await.unwrap().status().as_u16() })
}

/// Tells a story on each database that there is.
fn both(story: impl Fn(Scene)) {
    story(Scene::new(Place::file()));
    if let Some(place) = Place::schema() {
        story(Scene::new(place));
    }
}

#[test]
fn what_is_told_before_the_answer_stands_and_the_answer_changes_it_no_more() {
    for (states, stands) in [
        (&["sending"][..], Status::Sent),
        (&["sent", "delivered"], Status::Delivered),
        (&["delivered", "sent"], Status::Delivered),
        (&["delivered", "read", "delivered"], Status::Read),
        (&["sent", "undelivered"], Status::Failed),
        (&["undelivered", "sent"], Status::Failed),
    ] {
        both(|scene| {
            scene.tells_before_it_answers(states);
            let id = scene.text();
            let Detail { delivery, attempts, .. } = scene.delivery(id);
            assert_eq!(delivery.status, stands, "{states:?}");
            assert_eq!(delivery.provider_id.as_ref(), Some(&scene.twilio.texts()[0].sid), "{states:?}");
            assert_eq!(attempts.len(), 1);
            assert_eq!(attempts[0].outcome.map(|outcome| outcome.to_string()).as_deref(), Some("accepted"));
            // Later, and once more: the log grows by nothing.
            let before = scene.world.events(&scene.world.team).len();
            for state in ["sending", "sent"].iter().chain(states) {
                scene.tells(1, state);
            }
            assert_eq!(scene.status(id), stands, "{states:?}");
            assert_eq!(scene.world.events(&scene.world.team).len(), before, "{states:?}");
            scene.world.a_lease_passes();
            scene.send();
            assert_eq!(scene.twilio.texts().len(), 1);
            scene.world.log_is_whole(&scene.world.team);
        });
    }
}

#[test]
fn a_text_of_which_nobody_knew_is_what_the_provider_reports() {
    for (state, stands, said) in [
        ("sent", Status::Sent, "The provider reported that it took the message."),
        ("delivered", Status::Delivered, "The provider reported that it was delivered."),
        ("undelivered", Status::Failed, "The provider reported that it could not deliver it"),
    ] {
        both(|scene| {
            scene.twilio.next(Fault::after_taking(How::Reset));
            let id = scene.text();
            assert_eq!(scene.status(id), Status::Unknown);
            scene.tells(1, state);
            scene.tells(1, state);
            let Detail { delivery, attempts, .. } = scene.delivery(id);
            assert_eq!(delivery.status, stands);
            assert!(delivery.reason.as_ref().is_some_and(|reason| reason.starts_with(said)), "{delivery:?}");
            assert_eq!(delivery.provider_id.as_ref(), Some(&scene.twilio.texts()[0].sid));
            assert_eq!(attempts[0].detail.as_deref(), Some("The provider reported by itself that it took it."));
            scene.tells(1, "sent");
            assert_eq!(scene.status(id), stands);
        });
    }
}

#[test]
fn a_text_that_was_told_of_is_not_unknown_when_its_answer_is_lost() {
    both(|scene| {
        scene.resends();
        scene.twilio.next(Fault::after_taking(How::Reset));
        scene.tells_before_it_answers(&["sent"]);
        let id = scene.text();
        assert_eq!(scene.status(id), Status::Sent);
        scene.world.hours_pass(1);
        scene.send();
        assert_eq!(scene.twilio.texts().len(), 1);
    });
}

#[test]
fn a_text_that_waits_to_be_sent_again_is_not_when_the_first_one_arrived() {
    both(|scene| {
        scene.resends();
        scene.twilio.next(Fault::after_taking(How::Reset));
        let id = scene.text();
        assert_eq!(scene.status(id), Status::Queued);
        scene.tells(1, "delivered");
        assert_eq!(scene.status(id), Status::Delivered);
        scene.world.hours_pass(1);
        scene.send();
        assert_eq!(scene.twilio.texts().len(), 1);
    });
}

#[test]
fn what_failed_is_sent_again_whatever_comes_late_of_the_first_attempt() {
    both(|scene| {
        scene.resends();
        scene.twilio.next(Fault::after_taking(How::Reset));
        let id = scene.text();
        scene.tells(1, "undelivered");
        scene.tells(1, "sent");
        assert_eq!(scene.status(id), Status::Queued, "it is tried again by itself");
        scene.world.hours_pass(1);
        scene.send();
        assert_eq!((scene.twilio.texts().len(), scene.status(id)), (2, Status::Sent));
        // The first attempt's end is not the second one's.
        scene.tells(1, "undelivered");
        assert_eq!(scene.status(id), Status::Sent);
        scene.tells(2, "delivered");
        assert_eq!(scene.status(id), Status::Delivered);
        assert_eq!(scene.delivery(id).delivery.provider_id.as_ref(), Some(&scene.twilio.texts()[1].sid));
    });
}

#[test]
fn a_call_about_another_message_attempt_or_workspace_changes_nothing() {
    both(|scene| {
        scene.twilio.next(Fault::after_taking(How::Reset));
        let id = scene.text();
        let other = scene.world.found("harbor", "harbor.example").id;
        let mail = scene.world.queue("a letter", Channel::Email, "ann@example.org");
        let url = scene.twilio.texts()[0].status_callback.clone().unwrap();
        let (team, none) = (scene.world.team.id, "01900000-0000-7000-8000-00000000dead");
        let before = scene.world.everything(&scene.world.team);
        for wrong in [
            url.replace(&team.to_string(), &other.to_string()),
            url.replace(&id.to_string(), none),
            url.replace(&id.to_string(), &mail.to_string()),
            url.replace(&id.to_string(), "x"),
            url.replace("attempt=1", "attempt=2"),
            url.replace("attempt=1", "attempt=99999999999"),
            url.split('?').next().unwrap().to_owned(),
        ] {
            assert_eq!(
                call(&scene.world.host, &scene.twilio.tells_at(&wrong, "SM7", "delivered")),
                204,
                "{wrong}"
            );
            assert_eq!(scene.world.everything(&scene.world.team), before, "{wrong}");
        }
        // With a signature for another address it is not even read.
        let mut forged = scene.twilio.tells_at(&url, "SM7", "delivered");
        forged.url = url.replace("attempt=1", "attempt=2");
        assert_eq!(call(&scene.world.host, &forged), 403);
        assert_eq!(scene.status(id), Status::Unknown);
    });
}
