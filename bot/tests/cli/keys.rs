//! The wrong key, no key, and the right one again, as whoever runs the server meets them.

use std::path::Path;
use std::process::Command;

use harness::Place;

use super::{Running, Terminal, ran, text};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const CANARY: &str = "Bearer canary-7f3a";

fn add(t: &Terminal) -> String {
    let header = format!("Authorization={CANARY}");
    let added = t.ok(&["endpoint", "add", "https://hooks.example.com/a", "--header", &header, "--json"]);
    assert!(!added.shown().contains("canary"));
    text(&added.json()["endpoint"]["id"])
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
}

#[test]
fn a_server_with_a_key_that_is_not_its_databases_does_not_start() {
    let t = Terminal::new();
    t.setup("lakeside");
    let data = t.0.path().join("data");
    let file = data.join("master.key");
    std::fs::write(&file, KEY).unwrap();
    let id = add(&t);
    let secret = t.ok(&["endpoint", "secret", &id]).out;

    std::fs::write(&file, OTHER).unwrap();
    shows!("keys_serve_with_another", t.run(&["serve", "--listen", "127.0.0.1:0"]));
    shows!("keys_endpoint_with_another", t.run(&["endpoint", "rotate", &id]));
    assert_eq!(t.run(&["endpoint", "secret", &id]).code, 1);
    assert_eq!(t.run(&["endpoint", "add", "https://hooks.example.com/b"]).code, 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), OTHER, "it was not touched");
    // What needs no key goes on.
    shows!("keys_endpoint_list", t.ok(&["endpoint", "list"]));

    std::fs::remove_file(&file).unwrap();
    shows!("keys_serve_without", t.run(&["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(t.run(&["endpoint", "secret", &id]).code, 1);
    assert!(!file.exists(), "no other key was made");
    let wrong = ran(t.command(&["serve", "--listen", "127.0.0.1:0"]).env("MILEPOST_VAULT__MASTER_KEY", OTHER));
    shows!("keys_serve_with_another_of_the_settings", wrong);

    // The way out: the old key, as the file or in the settings.
    let right = ran(t.command(&["endpoint", "secret", &id]).env("MILEPOST_VAULT__MASTER_KEY", KEY));
    assert_eq!((right.code, right.out.as_str()), (0, secret.as_str()));
    std::fs::write(&file, KEY).unwrap();
    assert_eq!(t.ok(&["endpoint", "secret", &id]).out, secret);
    let (server, _) = Running::start(&mut t.command(&["serve"]));
    assert_eq!(server.terminate(), 0);
}

#[test]
fn a_restored_copy_works_with_its_key_and_shows_no_secret() {
    let t = Terminal::new();
    t.setup("lakeside");
    let id = add(&t);
    let secret = t.ok(&["endpoint", "secret", &id]).out;
    let copy = t.0.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    for (name, bytes) in files(&t.0.path().join("data")) {
        assert!(!bytes.windows(6).any(|six| six == b"canary"), "{name}");
        std::fs::write(copy.join(name), bytes).unwrap();
    }
    assert_eq!(t.ok(&["--data", "copy", "endpoint", "secret", &id]).out, secret);
    let changed =
        t.ok(&["endpoint", "change", &id, "--header", "Authorization=Bearer canary-2", "--header", "x-a=b"]);
    assert!(changed.out.contains("with authorization (set), x-a (set)"), "{}", changed.out);
    for ran in [&changed, &t.ok(&["endpoint", "list", "--json"]), &t.ok(&["audit", "export"])] {
        assert!(!ran.shown().contains("canary"), "{}", ran.shown());
    }
}

#[test]
fn on_postgresql_every_server_has_the_databases_key() {
    let Some(place) = Place::schema() else { return };
    let t = Terminal::new();
    let with = |args: &[&str], key: Option<&str>| {
        let mut command: Command = t.command(args);
        command.env("MILEPOST_DATABASE__URL", place.url().unwrap());
        if let Some(key) = key {
            command.env("MILEPOST_VAULT__MASTER_KEY", key);
        }
        ran(&mut command)
    };
    let owner = ["--owner-name", "Dana Whitaker", "--owner-email", "dana@example.com"];
    let team = ["setup", "--name", "Lakeside Realty", "--slug", "lakeside", "--zone", "America/Chicago"];
    assert_eq!(with(&[&team[..], &owner[..]].concat(), None).code, 0);
    let add = ["endpoint", "add", "https://hooks.example.com/a"];
    assert_eq!(with(&add, None).code, 1, "there is no key yet");
    let mut first = t.command(&["serve"]);
    first.env("MILEPOST_DATABASE__URL", place.url().unwrap()).env("MILEPOST_VAULT__MASTER_KEY", KEY);
    let (server, _) = Running::start(&mut first);
    assert_eq!(server.terminate(), 0);
    assert_eq!(with(&add, Some(OTHER)).code, 1, "a server was started with another key before");
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let (other, none) = (with(&serve, Some(OTHER)), with(&serve, None));
    shows!("keys_postgres_with_another", other);
    shows!("keys_postgres_without", none);
    assert_eq!(with(&["endpoint", "list"], None).code, 0);
}
