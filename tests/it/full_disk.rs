//! The disk is full: nothing leaves without its record, reading goes on, and work resumes by itself when there is room.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use domain::deals::deal::ops::create;
use domain::delivery::Status;
use domain::delivery::outbox::{Outcome, ops};
use domain::kernel::id::MessageId;
use domain::kernel::{Code, Conn, Db};
use domain::people::reach::Channel;
use harness::{DATES, Place, World, accepted, deal};
use host::loops::Loop;

use crate::dispatch::{Fake, dispatcher, to_console};

fn tell(db: &Db, pragma: &str) {
    match &mut db.raw().unwrap() {
        Conn::Lite(c) => c.batch_execute(pragma).unwrap(),
        Conn::Pg(_) => panic!("only a database in a file is bounded like that"),
    }
}

/// From here on the file may not grow, as on a disk without room.
fn fill(db: &Db) {
    tell(db, "PRAGMA max_page_count = 1");
}

fn make_room(db: &Db) {
    tell(db, "PRAGMA max_page_count = 1000000");
}

/// Taken, under a name that needs room of its own.
fn accepted_with_much_to_write() -> Outcome {
    Outcome::Accepted { provider_id: Some("p".repeat(20_000)) }
}

fn statuses(world: &World, ids: &[MessageId]) -> Vec<Status> {
    let mut all: Vec<Status> = ids.iter().map(|id| world.status(*id)).collect();
    all.dedup();
    all
}

#[test]
fn nothing_leaves_while_its_claim_cannot_be_written() {
    let world = World::new(Place::file());
    let fake = Arc::new(Fake::new(&world, |_| accepted()));
    let ids = world.enqueue(&world.team, &to_console(&world, 0, 60));
    let dispatcher = dispatcher(&world.host, &fake);
    let before = world.everything(&world.team);
    for _ in 0..3 {
        fill(world.db());
        world.wait_for(dispatcher.round());
    }
    assert_eq!((fake.count(), statuses(&world, &ids)), (0, vec![Status::Queued]));
    // Who wants to change something is told so at once, and who looks sees everything.
    fill(world.db());
    let (cora, new) = (world.team.cora(), deal(&"12 Oak Street ".repeat(10), DATES));
    let no = world.wait_for(world.host.act(&cora, move |cx| create(cx, &new))).unwrap_err();
    assert_eq!(no.code, Code::Unavailable);
    world.wait_for(world.host.ready()).unwrap();
    assert_eq!(world.everything(&world.team), before);
    make_room(world.db());
    world.wait_for(dispatcher.round());
    assert_eq!((fake.count(), statuses(&world, &ids)), (60, vec![Status::Sent]));
    world.deal("12 Oak Street");
    world.log_is_whole(&world.team);
}

#[test]
fn what_became_of_a_send_is_written_as_soon_as_there_is_room() {
    let world = World::new(Place::file());
    let fake = Arc::new(Fake::new(&world, |_| accepted_with_much_to_write()));
    let id = world.queue("letter", Channel::Email, "a@b.example");
    let (host, full) = (world.host.clone(), std::sync::Once::new());
    let fake = Arc::new(Fake {
        before: Box::new(move || full.call_once(|| fill(host.db()))),
        ..Arc::into_inner(fake).unwrap()
    });
    let dispatcher = dispatcher(&world.host, &fake);
    world.wait_for(async {
        dispatcher.tick().await;
        while fake.count() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!((fake.count(), world.status(id)), (1, Status::Sending), "it cannot be written yet");
        make_room(world.db());
        tokio::time::timeout(Duration::from_secs(10), dispatcher.idle()).await.unwrap();
    });
    world.wait_for(dispatcher.round());
    assert_eq!((fake.count(), world.status(id)), (1, Status::Sent));
    world.log_is_whole(&world.team);
}

#[test]
fn a_process_that_ends_before_it_could_write_leaves_it_to_each_channels_rule() {
    let world = World::new(Place::file());
    let letter = world.queue("letter", Channel::Email, "a@b.example");
    let post = world.queue("post", Channel::Discord, "1");
    let (host, full) = (world.host.clone(), std::sync::Once::new());
    let fake = Arc::new(Fake {
        before: Box::new(move || full.call_once(|| fill(host.db()))),
        ..Fake::new(&world, |_| accepted_with_much_to_write())
    });
    let first = dispatcher(&world.host, &fake);
    world.wait_for(async {
        first.tick().await;
        let both = async {
            while fake.count() < 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
        first.close(Duration::from_secs(1)).await;
    });
    assert_eq!(statuses(&world, &[letter, post]), [Status::Sending]);
    make_room(world.db());
    world.a_lease_passes();
    let second = dispatcher(&world.host, &fake);
    world.wait_for(async {
        second.round().await;
        second.round().await;
    });
    assert_eq!((world.status(letter), world.status(post)), (Status::Unknown, Status::Sent));
    // The post went again under its nonce, by which Discord knows it; the letter did not.
    let mut all = fake.occasions();
    all.sort();
    assert_eq!(all, ["letter", "post", "post"]);
    world.log_is_whole(&world.team);
}

/// A disk of a few megabytes, gone when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None`, with a sentence, where nothing may be mounted.
    fn small() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(folder.path());
        if mounted.output().is_ok_and(|ran| ran.status.success()) {
            return Some(Self(folder));
        }
        let words = "\n*** SKIPPED: a real disk that is full. Nothing may be mounted here\n\n";
        let _ = std::io::stderr().write_all(words.as_bytes());
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut file =
            std::fs::File::options().create(true).append(true).open(self.path().join("filler")).unwrap();
        for size in [64 << 10, 4 << 10, 512, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Also when a file of it is still open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn on_a_real_disk_that_is_full_nothing_leaves_without_its_record() {
    let Some(disk) = Disk::small() else { return };
    let world = World::new(Place::File(tempfile::tempdir_in(disk.path()).unwrap()));
    let fake = Arc::new(Fake::new(&world, |_| accepted()));
    let ids = world.enqueue(&world.team, &to_console(&world, 0, 400));
    let dispatcher = dispatcher(&world.host, &fake);
    // What was written before can be written over; at some point there is no room for more.
    disk.fill();
    let mut refused = false;
    world.wait_for(async {
        for _ in 0..20 {
            let round = tokio::time::timeout(Duration::from_millis(300), dispatcher.round()).await;
            let who = world.machine(&world.team);
            refused |= round.is_err() || world.host.look(&who, ops::is_anything_due).await.unwrap();
        }
    });
    assert!(refused, "the disk was not full");
    let tried = world.count(&world.team, "attempts");
    assert!(fake.count() <= tried && fake.count() < ids.len(), "{} left, {tried} were written", fake.count());
    world.wait_for(world.host.ready()).unwrap();
    disk.make_room();
    world.wait_for(async {
        tokio::time::timeout(Duration::from_secs(10), dispatcher.idle()).await.unwrap();
        dispatcher.round().await;
    });
    assert_eq!((fake.count(), statuses(&world, &ids)), (400, vec![Status::Sent]));
    world.log_is_whole(&world.team);
}
