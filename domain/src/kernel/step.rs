//! Named steps at which a test may stop the process, to see what a crash there leaves behind.
//!
//! Without the `failpoints` feature a step is nothing. With it, `MILEPOST_FAILPOINT=name=kill` ends the process at
//! that step with SIGKILL, `name=error` makes the step fail, and `name=pause` stops there until the process is killed.

use crate::kernel::Fault;

/// The steps there are, for the tests that go through all of them.
pub const STEPS: &[&str] = &[
    "write.begun",
    "events.appended",
    "commit.before",
    "commit.after",
    "migration.before",
    "dispatch.claimed",
    "dispatch.writing",
    "dispatch.answered",
    "dispatch.settled",
];

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reach(_name: &'static str) -> Result<(), Fault> {
    Ok(())
}

#[cfg(feature = "failpoints")]
pub fn reach(name: &'static str) -> Result<(), Fault> {
    debug_assert!(STEPS.contains(&name), "the step {name} is not in the list");
    let Ok(wanted) = std::env::var("MILEPOST_FAILPOINT") else { return Ok(()) };
    for point in wanted.split(',') {
        match point.split_once('=') {
            Some((step, "kill")) if step == name => die(),
            Some((step, "error")) if step == name => return Err(Fault::Step(name)),
            Some((step, "pause")) if step == name => loop {
                std::thread::park();
            },
            _ => {}
        }
    }
    Ok(())
}

/// Ends as a process does whose machine has no memory left: by a signal that nothing in it can catch or clean up after.
#[cfg(feature = "failpoints")]
fn die() -> ! {
    use rustix::process::{Signal, getpid, kill_process};

    let _ = kill_process(getpid(), Signal::KILL);
    // Only where no such signal can be sent; the tests tell this end from the other.
    std::process::abort()
}
