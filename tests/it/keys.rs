//! The installation's key: the database knows which one it belongs to, and nobody goes on with another.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::delivery::Status;
use domain::delivery::webhook::ops::{AddEndpoint, add};
use domain::kernel::installation;
use domain::workspace::access::Role;
use harness::{Place, World};
use host::dispatch::Dispatcher;
use host::keys::{KEY_FILE, Keys};
use host::{Config, Host};

fn with_key(byte: u8) -> Config {
    let mut config = Config::default();
    config.vault.master_key = Some(STANDARD.encode([byte; 32]).into());
    config
}

fn id(byte: u8) -> String {
    Keys::of([byte; 32]).id()
}

/// Tells a story on each database that there is, with key number 7.
fn both(story: impl Fn(World)) {
    let world = |place| World::with(place, Place::usual_limits(), with_key(7));
    story(world(Place::file()));
    if let Some(place) = Place::schema() {
        story(world(place));
    }
}

fn check(world: &World, host: &Host) -> Result<(), String> {
    world.wait_for(host.check_keys())
}

#[test]
fn from_the_first_start_on_a_database_is_opened_with_its_own_key_alone() {
    both(|world| {
        let known = || installation::key_id(world.db()).unwrap();
        let other = world.host_with(Place::usual_limits(), with_key(8));
        assert_eq!(known(), None);
        assert_eq!(check(&world, &world.host), Ok(()));
        assert_eq!(known(), Some(id(7)), "a server that has used nothing yet, too, is bound to its key");
        assert_eq!(world.wait_for(world.host.keys()).unwrap().id(), id(7));
        for refused in [
            check(&world, &other).unwrap_err(),
            world.wait_for(other.keys()).map(Keys::id).unwrap_err(),
            other.keys_on_this_thread().map(Keys::id).unwrap_err(),
        ] {
            let said =
                format!("belongs to the key {}, but vault.master_key of the settings is the key {}", id(7), id(8));
            assert!(refused.contains(&said) && refused.contains("Nothing was changed or sent"), "{refused}");
        }
        assert_eq!(known(), Some(id(7)));
        let again = world.host_with(Place::usual_limits(), with_key(7));
        assert_eq!((check(&world, &again), again.keys_on_this_thread().map(Keys::id)), (Ok(()), Ok(id(7))));
    });
}

#[test]
fn of_two_keys_that_are_used_first_at_once_one_stays() {
    both(|world| {
        let hosts: Vec<Host> = (0..8).map(|n| world.host_with(Place::usual_limits(), with_key(n % 2))).collect();
        let used: Vec<Result<String, String>> = std::thread::scope(|threads| {
            let running: Vec<_> =
                hosts.iter().map(|host| threads.spawn(|| host.keys_on_this_thread().map(Keys::id))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let known = installation::key_id(world.db()).unwrap().unwrap();
        let (first, second): (Vec<_>, Vec<_>) = used.into_iter().partition(|used| *used == Ok(known.clone()));
        assert_eq!((first.len(), second.len()), (4, 4));
        assert!(second.iter().all(|used| used.as_ref().is_err_and(|why| why.contains(&known))), "{second:?}");
    });
}

#[test]
fn without_its_key_a_server_sends_no_call_and_tries_again() {
    both(|world| {
        world.host.keys_on_this_thread().unwrap();
        let cmd = AddEndpoint {
            url: "https://hooks.example.com/a".into(),
            events: vec!["deal.created".into()],
            headers: Default::default(),
        };
        let allowed = world.host.config().webhooks.allowed();
        let adam = world.team.as_(Role::Admin);
        world.act(&adam, |cx| add(cx, &cmd, &allowed, &Keys::of([7; 32]))).unwrap();
        let other = world.host_with(Place::usual_limits(), with_key(8));
        world.deal("12 Oak Street");
        world.wait_for(async {
            host::telling::Telling::new(&other).round().await;
            Dispatcher::new(&other, host::channels::open(&other).unwrap()).round().await;
        });
        let query = "SELECT status || ' ' || reason AS line FROM messages";
        let waits = world.lines(&world.team, query);
        assert_eq!(waits.len(), 1);
        assert!(waits[0].starts_with(Status::Queued.as_str()) && waits[0].contains(&id(7)), "{waits:?}");
    });
}

#[test]
fn a_server_that_needs_no_key_makes_none() {
    let story = |world: World| {
        let host = world.host_with(Place::usual_limits(), Config::default());
        assert_eq!(check(&world, &host), Ok(()));
        assert_eq!(installation::key_id(world.db()).unwrap(), None);
        if let Place::File(folder) = &world.place {
            assert!(!folder.path().join(KEY_FILE).exists());
        }
    };
    story(World::new(Place::file()));
    if let Some(place) = Place::schema() {
        story(World::new(place));
    }
}

#[test]
fn a_lost_key_file_is_not_made_anew_and_works_again_once_it_is_back() {
    let world = World::new(Place::file());
    let Place::File(folder) = &world.place else { panic!("a file") };
    let (file, away) = (folder.path().join(KEY_FILE), folder.path().join("away"));
    let first = world.host.keys_on_this_thread().unwrap().id();
    assert_eq!(installation::key_id(world.db()).unwrap(), Some(first.clone()));
    std::fs::rename(&file, &away).unwrap();
    let host = world.host_with(Place::usual_limits(), Config::default());
    for refused in [check(&world, &host).unwrap_err(), host.keys_on_this_thread().map(Keys::id).unwrap_err()] {
        assert!(refused.contains(&first) && refused.contains("master.key is not there"), "{refused}");
    }
    assert!(!file.exists());
    std::fs::rename(&away, &file).unwrap();
    assert_eq!(host.keys_on_this_thread().map(Keys::id), Ok(first));
}
