//! The program in a process of its own.

use std::path::Path;
use std::process::{Child, Command};

use harness::{Place, World};

/// Without the settings of whoever runs the tests. `beneath` are a program and its words under which it runs.
pub fn milepost(beneath: &[&str]) -> Command {
    let mut words = beneath.iter().copied().chain([env!("CARGO_BIN_EXE_milepost")]);
    let mut command = Command::new(words.next().unwrap());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MILEPOST_")) {
        command.env_remove(name);
    }
    command.args(words);
    command
}

/// The same on the database of a world; `folder` is its data folder where the database has no file.
pub fn milepost_in(world: &World, folder: &Path, beneath: &[&str]) -> Command {
    let mut command = milepost(beneath);
    command.arg("--data").arg(match &world.place {
        Place::File(folder) => folder.path(),
        Place::Schema { .. } => folder,
    });
    if let Some(url) = world.place.url() {
        command.env("MILEPOST_DATABASE__URL", url);
    }
    command
}

/// A process, gone when dropped.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
