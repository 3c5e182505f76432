//! MCP clients that are not ours, and the official conformance suite, as `tests/with-clients` installs them.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;

const HOME: &str = "MILEPOST_TEST_CLIENTS";
const REQUIRED: &str = "MILEPOST_TEST_CLIENTS_REQUIRED";

pub struct Clients {
    home: PathBuf,
}

impl Clients {
    /// `None` when the command does not run under `tests/with-clients`, which one line per process says. Where they must
    /// be there, `MILEPOST_TEST_CLIENTS_REQUIRED=1` makes their absence a failure.
    pub fn here() -> Option<Self> {
        static SAID: Once = Once::new();
        if let Some(home) = std::env::var_os(HOME) {
            let home = PathBuf::from(home);
            assert!(
                home.join("installed.txt").exists(),
                "{HOME} is set, but nothing is installed there: run the command under tests/with-clients"
            );
            return Some(Self { home });
        }
        assert!(
            std::env::var(REQUIRED).is_err(),
            "{REQUIRED} is set, but {HOME} is not: run the command under tests/with-clients, which sets both"
        );
        // Not through `eprintln!`, whose output a passing test swallows.
        SAID.call_once(|| {
            let words = "\n*** SKIPPED: every test with other people's MCP clients. Run: tests/with-clients cargo test\n\n";
            let _ = std::io::stderr().write_all(words.as_bytes());
        });
        None
    }

    /// Where something of theirs is: `node_modules/...`.
    pub fn path(&self, path: &str) -> PathBuf {
        self.home.join(path)
    }

    /// Node, to which a script and its arguments are still to be given. What the script starts as `node` is the same one.
    pub fn node(&self) -> Command {
        self.program("bin/node")
    }

    /// Python with the official client, to which a script and its arguments are still to be given.
    pub fn python(&self) -> Command {
        self.program("bin/python")
    }

    fn program(&self, path: &str) -> Command {
        let mut folders = vec![self.home.join("bin")];
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let mut command = Command::new(self.home.join(path));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command
    }
}
