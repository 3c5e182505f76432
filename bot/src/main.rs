//! The `milepost` program: the server, the demo, and every verb on the command line.

mod cli;
mod demo;
mod says;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
