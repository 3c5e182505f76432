//! Programs that listen are told what happens: each event once, signed, and never about the telling itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use domain::delivery::feed;
use domain::delivery::outbox::Outcome;
use domain::delivery::webhook::ops::{
    self, AddEndpoint, ChangeEndpoint, DisableEndpoint, EnableEndpoint, RotateSecret, fan_out, way,
};
use domain::delivery::webhook::target::Allowed;
use domain::delivery::webhook::view::EndpointView;
use domain::kernel::Code;
use domain::kernel::id::EndpointId;
use domain::kernel::page::Ask;
use domain::people::reach::Channel;
use domain::workspace::access::{Grant, Role};
use harness::{Place, World, on_both, unknown_id};
use host::Config;
use host::channels::signature;
use host::dispatch::Dispatcher;
use host::keys::{self, Keys};
use host::telling::Telling;
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn key() -> Keys {
    Keys::of(keys::parse(KEY).unwrap())
}

fn new(url: &str, events: &[&str]) -> AddEndpoint {
    AddEndpoint {
        url: url.into(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        headers: BTreeMap::new(),
    }
}

fn add(world: &World, url: &str, events: &[&str]) -> EndpointView {
    world
        .act(&world.team.as_(Role::Admin), |cx| ops::add(cx, &new(url, events), &Allowed::default(), &key()))
        .unwrap()
}

/// Tells until there is nothing more to tell; gives how many messages that were.
fn tell_all(world: &World) -> usize {
    let mut messages = 0;
    for _ in 0..20 {
        let told = world.act(&world.machine(&world.team), fan_out).unwrap();
        messages += told.messages;
        if !world.look(&world.machine(&world.team), ops::is_behind).unwrap() {
            return messages;
        }
    }
    panic!("telling never ends");
}

/// Which events the outbox has for an endpoint.
fn queued(world: &World) -> Vec<String> {
    let query = "SELECT content AS line FROM messages WHERE channel = 'webhook' ORDER BY id";
    let read = |line: String| serde_json::from_str::<serde_json::Value>(&line).unwrap();
    world
        .lines(&world.team, query)
        .into_iter()
        .map(|line| read(line)["data"]["type"].as_str().unwrap().to_owned())
        .collect()
}

on_both! {
    fn a_program_is_told_what_happens_from_now_on_and_each_event_once(world: World) {
        world.deal("Before anybody listened");
        let endpoint = add(&world, "https://hooks.example.com/a", &["deal.created"]);
        assert_eq!(tell_all(&world), 0);
        world.deal("12 Oak Street");
        world.deal("14 Oak Street");
        assert_eq!(tell_all(&world), 2);
        assert_eq!(tell_all(&world), 0);
        assert_eq!(queued(&world), ["deal.created", "deal.created"]);
        let told = world.look(&world.team.as_(Role::Admin), |cx| ops::get(cx, endpoint.id)).unwrap();
        assert_eq!(told.told_up_to as usize, world.events(&world.team).len());
        world.log_is_whole(&world.team);
    }

    fn telling_everything_never_tells_of_the_telling(world: World) {
        add(&world, "https://hooks.example.com/a", &["*"]);
        add(&world, "https://hooks.example.com/b", &["message.*"]);
        world.deal("12 Oak Street");
        let mail = world.queue("a letter", Channel::Email, "ann@example.org");
        tell_all(&world);
        let first = queued(&world);
        assert!(first.contains(&"endpoint.added".to_owned()), "{first:?}");
        assert_eq!(first.iter().filter(|event| *event == "message.queued").count(), 2, "of {mail}, to each");
        // What becomes of the calls is news to nobody either.
        world.all_end(&harness::not_sent(None));
        world.hours_pass(24);
        world.all_end(&harness::accepted());
        tell_all(&world);
        let about_calls = queued(&world).len() - first.len();
        let of_the_letter = queued(&world).iter().filter(|event| *event == "message.moved").count();
        assert_eq!(about_calls, of_the_letter);
    }

    fn eight_that_tell_at_once_tell_each_event_once(world: World) {
        add(&world, "https://hooks.example.com/a", &["deal.created"]);
        for i in 0..20 {
            world.deal(&format!("{i} Oak Street"));
        }
        let machine = world.machine(&world.team);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| world.act(&machine, fan_out).unwrap());
            }
        });
        tell_all(&world);
        assert_eq!(queued(&world).len(), 20);
    }

    fn a_new_secret_signs_beside_the_old_one_for_a_day(world: World) {
        let adam = world.team.as_(Role::Admin);
        let id = add(&world, "https://hooks.example.com/a", &["*"]).id;
        let versions = || world.look(&adam, |cx| way(cx, id)).unwrap().unwrap().secret_versions;
        let rotate = |at_once| world.act(&adam, |cx| ops::rotate(cx, &RotateSecret { id, at_once })).unwrap();
        assert_eq!(versions(), [1]);
        rotate(false);
        assert_eq!(versions(), [2, 1]);
        world.hours_pass(23);
        assert_eq!(versions(), [2, 1]);
        world.hours_pass(1);
        assert_eq!(versions(), [2]);
        rotate(true);
        assert_eq!(versions(), [3]);
        rotate(false);
        rotate(true);
        assert_eq!(versions(), [5]);
    }

    fn an_endpoint_that_says_410_is_disabled_and_its_owners_are_told(world: World) {
        let adam = world.team.as_(Role::Admin);
        let id = add(&world, "https://hooks.example.com/a", &["deal.created"]).id;
        world.deal("12 Oak Street");
        world.deal("14 Oak Street");
        tell_all(&world);
        let gone = Outcome::Refused { why: "The endpoint answered 410.".into(), gone: true };
        world.all_end(&gone);
        let endpoint = world.look(&adam, |cx| ops::get(cx, id)).unwrap();
        assert_eq!((endpoint.status.as_str(), endpoint.disabled_why.as_deref()), ("disabled", Some("The endpoint answered 410.")));
        assert!(world.look(&adam, |cx| way(cx, id)).unwrap().is_none());
        world.claim(100);
        for role in [Role::Owner, Role::Admin] {
            let feed = world.look(&world.team.as_(role), |cx| feed::ops::list(cx, false, &Ask::default())).unwrap();
            let titles: Vec<_> = feed.notifications.items.iter().map(|n| n.title.as_str()).collect();
            assert!(titles.contains(&"The webhook to hooks.example.com was disabled"), "{role}: {titles:?}");
        }
        // It is told nothing while it is disabled, and afterwards what it missed, if that is wanted.
        world.deal("16 Oak Street");
        assert_eq!(tell_all(&world), 0);
        let enable = EnableEndpoint { id, after: Some(endpoint.told_up_to) };
        world.act(&adam, |cx| ops::enable(cx, &enable)).unwrap();
        assert_eq!(tell_all(&world), 3);
        assert_eq!(queued(&world).len(), 3);
    }

    fn without_a_word_an_enabled_endpoint_is_told_from_now_on(world: World) {
        let adam = world.team.as_(Role::Admin);
        let id = add(&world, "https://hooks.example.com/a", &["deal.created"]).id;
        let disable = DisableEndpoint { id, why: "Maintenance".into() };
        world.act(&adam, |cx| ops::disable(cx, &disable)).unwrap();
        assert!(world.act(&adam, |cx| ops::disable(cx, &disable)).unwrap().already.is_some());
        world.deal("12 Oak Street");
        let beyond = EnableEndpoint { id, after: Some(1_000_000) };
        assert_eq!(world.act(&adam, |cx| ops::enable(cx, &beyond)).unwrap_err().code, Code::Invalid);
        world.act(&adam, |cx| ops::enable(cx, &EnableEndpoint { id, after: None })).unwrap();
        assert_eq!(tell_all(&world), 0);
    }

    fn only_admins_manage_endpoints_and_only_their_own(world: World) {
        let endpoint = add(&world, "https://hooks.example.com/a", &["*"]);
        let id = endpoint.id;
        for role in [Role::Coordinator, Role::Member, Role::Viewer] {
            let refused = world.look(&world.team.as_(role), ops::list).unwrap_err();
            assert_eq!(refused.code, Code::Forbidden, "{role}");
        }
        let agent = world.agent(&world.team, Grant::Admin);
        assert_eq!(world.look(&agent, ops::list).unwrap_err().code, Code::Forbidden);
        let stranger = world.found("harbor", "harbor.example").as_(Role::Owner);
        let nobodys: EndpointId = unknown_id();
        let get = |id| world.look(&stranger, |cx| ops::get(cx, id)).unwrap_err();
        assert_eq!(get(id), get(nobodys));
        let foreign = world.act(&stranger, |cx| ops::rotate(cx, &RotateSecret { id, at_once: false })).unwrap_err();
        let unknown = world.act(&stranger, |cx| ops::rotate(cx, &RotateSecret { id: nobodys, at_once: false })).unwrap_err();
        assert_eq!(foreign, unknown);
        assert_eq!(world.act(&stranger, |cx| ops::remove(cx, id)).unwrap_err(), unknown);
        assert_eq!(world.look(&stranger, ops::list).unwrap(), []);
    }

    fn what_is_wrong_with_an_endpoint_is_named_at_once(world: World) {
        let adam = world.team.as_(Role::Admin);
        let mut bad = new("https://169.254.169.254/latest", &["deal"]);
        bad.events = vec!["Deal!".into()];
        bad.headers = BTreeMap::from([("Host".to_owned(), "x".to_owned())]);
        let refused = world.act(&adam, |cx| ops::add(cx, &bad, &Allowed::default(), &key())).unwrap_err();
        let fields: Vec<&str> = refused.problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["url", "events", "headers"], "{refused}");
        let endpoint = add(&world, "https://hooks.example.com/a", &["*"]);
        let twice = world.act(&adam, |cx| ops::add(cx, &new("https://HOOKS.example.com/a", &["*"]), &Allowed::default(), &key()));
        assert_eq!(twice.unwrap_err().code, Code::AlreadyExists);
        let secret = BTreeMap::from([("Authorization".to_owned(), "Bearer hunter2".to_owned())]);
        let change = ChangeEndpoint { id: endpoint.id, version: Some(1), events: None, headers: Some(secret) };
        let changed = world.act(&adam, |cx| ops::change(cx, &change, &key())).unwrap();
        assert_eq!(changed.endpoint.headers, ["authorization"]);
        assert_eq!(world.act(&adam, |cx| ops::change(cx, &change, &key())).unwrap_err().code, Code::Stale);
        assert!(!world.events(&world.team).join("\n").contains("hunter2"));
        world.act(&adam, |cx| ops::remove(cx, endpoint.id)).unwrap();
        assert_eq!(world.look(&adam, |cx| ops::get(cx, endpoint.id)).unwrap_err().code, Code::NotFound);
        assert!(!world.rows(&world.team, "endpoints").join("\n").contains("hunter2"));
    }

    fn there_is_a_most_of_endpoints(world: World) {
        for i in 0..ops::MOST {
            add(&world, &format!("https://hooks.example.com/{i}"), &["*"]);
        }
        let more = new("https://hooks.example.com/more", &["*"]);
        let refused = world.act(&world.team.as_(Role::Admin), |cx| ops::add(cx, &more, &Allowed::default(), &key()));
        assert_eq!(refused.unwrap_err().code, Code::WrongState);
    }
}

/// A program that answers what it is told to.
struct Sink {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    fn start(runtime: &tokio::runtime::Runtime, statuses: &'static [u16]) -> Self {
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = heard.clone();
        runtime.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                loop {
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    if let (Some(length), Some((_, body))) = (length, text.split_once("\r\n\r\n"))
                        && body.len() >= length
                    {
                        break;
                    }
                    let read = stream.read(&mut chunk).await.unwrap();
                    request.extend_from_slice(&chunk[..read]);
                }
                let calls = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(String::from_utf8(request).unwrap());
                    kept.len()
                };
                let status = statuses.get(calls - 1).copied().unwrap_or(200);
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn end_to_end(place: Place) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sink = Sink::start(&runtime, &[500, 200, 410]);
    let mut config = Config::default();
    config.webhooks.allow_private = vec![sink.address.clone()];
    config.vault.master_key = Some(KEY.to_owned().into());
    let allowed = config.webhooks.allowed();
    let world = World::with(place, Place::usual_limits(), config);
    let adam = world.team.as_(Role::Admin);
    let hook = new(&format!("http://{}/hook?key=1", sink.address), &["deal.created"]);
    let hook = AddEndpoint { headers: BTreeMap::from([("X-Team".to_owned(), "north".to_owned())]), ..hook };
    let endpoint = world.act(&adam, |cx| ops::add(cx, &hook, &allowed, &key())).unwrap();
    world.deal("12 Oak Street");

    let dispatcher = Dispatcher::new(&world.host, host::channels::open(&world.host).unwrap());
    let telling = Telling::new(&world.host);
    runtime.block_on(async {
        telling.round().await;
        dispatcher.round().await;
    });
    assert_eq!(sink.heard().len(), 1);
    world.hours_pass(1);
    runtime.block_on(dispatcher.round());
    let heard = sink.heard();
    assert_eq!(heard.len(), 2, "tried again after a 500");
    let header = |request: &str, name: &str| {
        request.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned)).unwrap()
    };
    let key = world.host.keys_on_this_thread().unwrap().endpoint_key(world.team.id, endpoint.id, 1);
    let body = |request: &str| request.split_once("\r\n\r\n").unwrap().1.to_owned();
    for request in &heard {
        assert!(request.starts_with("POST /hook?key=1 HTTP/1.1\r\n"), "{request}");
        assert_eq!(header(request, "x-team"), "north");
        let [id, time, signed] =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(request, name));
        let at = time.parse().map(jiff::Timestamp::from_second).unwrap().unwrap();
        assert_eq!(
            signature::verify(&[key.expose_secret()], &id, &time, &signed, body(request).as_bytes(), at),
            Ok(())
        );
    }
    assert_eq!(header(&heard[0], "webhook-id"), header(&heard[1], "webhook-id"));
    assert_eq!(body(&heard[0]), body(&heard[1]));
    let told: serde_json::Value = serde_json::from_str(&body(&heard[0])).unwrap();
    assert_eq!(
        (&told["type"], &told["data"]["workspace_id"]),
        (&"deal.created".into(), &world.team.id.to_string().into())
    );
    assert!(!body(&heard[0]).contains("Cora"), "names of people stay in the house: {told}");

    world.deal("14 Oak Street");
    runtime.block_on(async {
        telling.round().await;
        dispatcher.round().await;
    });
    let endpoint = world.look(&adam, |cx| ops::get(cx, endpoint.id)).unwrap();
    assert_eq!(endpoint.status.as_str(), "disabled");
}

#[test]
fn a_program_hears_of_a_deal_with_a_right_signature_under_one_id_sqlite() {
    end_to_end(Place::file());
}

#[test]
fn a_program_hears_of_a_deal_with_a_right_signature_under_one_id_postgres() {
    if let Some(place) = Place::schema() {
        end_to_end(place);
    }
}

const CANARY: &str = "Bearer canary-7f3a";

/// Endpoints with a header of their own each, and what reaches them.
struct Scene {
    runtime: tokio::runtime::Runtime,
    sink: Sink,
    dispatcher: Dispatcher,
    telling: Telling,
    world: World,
}

impl Scene {
    fn new(place: Place) -> Self {
        Self::with(place, &[])
    }

    /// Whose program answers like this, and then with 200.
    fn with(place: Place, statuses: &'static [u16]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sink = Sink::start(&runtime, statuses);
        let mut config = Config::default();
        config.webhooks.allow_private = vec![sink.address.clone()];
        config.vault.master_key = Some(KEY.to_owned().into());
        let world = World::with(place, Place::usual_limits(), config);
        let dispatcher = Dispatcher::new(&world.host, host::channels::open(&world.host).unwrap());
        let telling = Telling::new(&world.host);
        Self { runtime, sink, dispatcher, telling, world }
    }

    fn adam(&self) -> domain::kernel::Principal {
        self.world.team.as_(Role::Admin)
    }

    fn endpoint(&self, path: &str, value: &str) -> EndpointId {
        let hook = new(&format!("http://{}/{path}", self.sink.address), &["deal.created"]);
        let headers = BTreeMap::from([("Authorization".to_owned(), value.to_owned())]);
        let (hook, allowed) = (AddEndpoint { headers, ..hook }, self.world.host.config().webhooks.allowed());
        self.world.act(&self.adam(), |cx| ops::add(cx, &hook, &allowed, &key())).unwrap().id
    }

    /// Something happens, and everybody who listens is told.
    fn happens(&self) {
        self.world.deal("12 Oak Street");
        self.tell();
    }

    fn tell(&self) {
        self.runtime.block_on(async {
            self.telling.round().await;
            self.dispatcher.round().await;
        });
    }

    /// The ids under which somebody was called, and of which event, in the order of the log.
    fn calls(&self, from: usize) -> Vec<(i64, String)> {
        let read = |request: &String| {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let id = head.lines().find_map(|line| line.strip_prefix("webhook-id: ")).unwrap();
            (body["data"]["sequence"].as_i64().unwrap(), id.to_owned())
        };
        let mut calls: Vec<_> = self.sink.heard()[from..].iter().map(read).collect();
        calls.sort();
        calls
    }

    /// How often somebody was called with this value.
    fn heard(&self, value: &str) -> usize {
        let line = format!("authorization: {value}");
        self.sink.heard().iter().filter(|request| request.lines().any(|l| l == line)).count()
    }

    fn stored(&self) -> String {
        self.world.rows(&self.world.team, "endpoints").join("\n")
    }
}

/// Tells a story on each database that there is.
fn both(story: impl Fn(Scene)) {
    story(Scene::new(Place::file()));
    if let Some(place) = Place::schema() {
        story(Scene::new(place));
    }
}

#[test]
fn what_a_header_carries_reaches_its_program_and_can_be_read_nowhere_else() {
    both(|scene| {
        let id = scene.endpoint("a", CANARY);
        scene.happens();
        assert_eq!(scene.heard(CANARY), 1);
        let endpoint = scene.world.look(&scene.adam(), |cx| ops::get(cx, id)).unwrap();
        assert_eq!(endpoint.headers, ["authorization"]);
        let way = scene.world.look(&scene.adam(), |cx| way(cx, id)).unwrap();
        let everything = format!("{endpoint:?} {way:?} {:?}", scene.world.everything(&scene.world.team));
        assert!(everything.contains("authorization") && !everything.contains("canary"), "{everything}");
        if let Place::File(folder) = &scene.world.place {
            for file in std::fs::read_dir(folder.path()).unwrap() {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                assert!(!bytes.windows(6).any(|six| six == b"canary"));
            }
        }
        scene.world.log_is_whole(&scene.world.team);
    });
}

#[test]
fn the_same_headers_again_change_nothing_and_another_value_is_sealed_anew() {
    both(|scene| {
        let id = scene.endpoint("a", CANARY);
        let change = |value: &str| {
            let headers = Some(BTreeMap::from([("authorization".to_owned(), value.to_owned())]));
            let change = ChangeEndpoint { id, version: None, events: None, headers };
            scene.world.act(&scene.adam(), |cx| ops::change(cx, &change, &key())).unwrap()
        };
        let before = scene.stored();
        assert!(change(CANARY).already.is_some());
        assert_eq!(scene.stored(), before);
        assert!(change("Bearer other").already.is_none());
        scene.happens();
        assert_eq!((scene.heard(CANARY), scene.heard("Bearer other")), (0, 1));
        assert!(!scene.stored().contains("other"));
    });
}

#[test]
fn a_sealed_value_that_was_moved_to_another_endpoint_is_not_sent() {
    both(|scene| {
        let (mine, theirs) = (scene.endpoint("mine", CANARY), scene.endpoint("theirs", "Bearer theirs"));
        scene.world.meddle(
            &scene.world.team,
            &format!("UPDATE endpoints SET headers = (SELECT headers FROM endpoints WHERE id = '{mine}') WHERE id = '{theirs}'"),
        );
        scene.happens();
        assert_eq!((scene.sink.heard().len(), scene.heard(CANARY)), (1, 1), "only its own");
        let failed = "SELECT reason AS line FROM messages WHERE status = 'failed'";
        let failed = scene.world.lines(&scene.world.team, failed);
        assert_eq!(failed.len(), 1, "{failed:?}");
        let said = "The value of the header authorization cannot be opened: it was sealed for another place, or was altered. \
                    Nothing was sent.";
        assert!(failed[0].starts_with(said) && failed[0].contains(&theirs.to_string()), "{failed:?}");
    });
}

#[test]
fn a_sealed_value_is_not_sent_to_an_address_that_was_slipped_in() {
    both(|scene| {
        scene.endpoint("mine", CANARY);
        let theirs = format!("http://{}/theirs", scene.sink.address);
        scene.world.meddle(&scene.world.team, &format!("UPDATE endpoints SET url = '{theirs}'"));
        scene.happens();
        assert_eq!(scene.sink.heard().len(), 0);
    });
}

#[test]
fn a_value_that_an_earlier_version_kept_unsealed_still_goes_along_and_is_sealed_by_the_next_change() {
    both(|scene| {
        let id = scene.endpoint("a", "Bearer new");
        let plain =
            format!("UPDATE endpoints SET headers = '{{\"authorization\":\"{CANARY}\"}}' WHERE id = '{id}'");
        scene.world.meddle(&scene.world.team, &plain);
        scene.happens();
        assert_eq!(scene.heard(CANARY), 1);
        let events = Some(vec!["deal.created".to_owned(), "token.*".to_owned()]);
        let change = ChangeEndpoint { id, version: None, events, headers: None };
        let changed = scene.world.act(&scene.adam(), |cx| ops::change(cx, &change, &key())).unwrap();
        assert_eq!(changed.endpoint.headers, ["authorization"]);
        assert!(!scene.stored().contains("canary"), "{}", scene.stored());
        scene.happens();
        assert_eq!(scene.heard(CANARY), 2);
    });
}

#[test]
fn an_endpoint_that_listens_again_is_told_what_it_missed_once_and_under_the_same_ids() {
    let story = |scene: Scene| {
        let id = scene.endpoint("a", CANARY);
        let adam = scene.adam();
        scene.happens();
        scene.world.deal("14 Oak Street");
        scene.happens();
        let refused = scene.calls(1);
        assert_eq!(refused.len(), 2, "both were refused with 410");
        scene.happens();
        assert_eq!(scene.sink.heard().len(), 3, "it is disabled");
        let told_up_to = scene.world.look(&adam, |cx| ops::get(cx, id)).unwrap().told_up_to;
        assert!(told_up_to < refused[0].0, "the alert's hint brings back what it missed");
        let enable = EnableEndpoint { id, after: Some(told_up_to) };
        scene.world.act(&adam, |cx| ops::enable(cx, &enable)).unwrap();
        // What refused calls is left alone for a while.
        scene.world.hours_pass(1);
        scene.tell();
        let again = scene.calls(3);
        assert_eq!((again.len(), &again[..2]), (3, &refused[..]));

        // By hand, while something waits; and from the first event on: what it was told is not told again.
        scene.world.deal("16 Oak Street");
        scene.runtime.block_on(scene.telling.round());
        let disable = DisableEndpoint { id, why: "Maintenance".into() };
        scene.world.act(&adam, |cx| ops::disable(cx, &disable)).unwrap();
        scene.tell();
        assert_eq!(scene.sink.heard().len(), 6);
        scene.world.act(&adam, |cx| ops::enable(cx, &EnableEndpoint { id, after: Some(0) })).unwrap();
        scene.tell();
        scene.tell();
        assert_eq!(scene.calls(6).len(), 1, "the one that waited");
        scene.world.log_is_whole(&scene.world.team);
    };
    story(Scene::with(Place::file(), &[200, 410, 410]));
    if let Some(place) = Place::schema() {
        story(Scene::with(place, &[200, 410, 410]));
    }
}
