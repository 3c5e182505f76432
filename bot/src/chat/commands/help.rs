//! `/help`

use crate::chat::reply::{Reply, Say};
use crate::chat::says;
use crate::chat::spec::Command;

pub fn spec() -> Command {
    Command { name: "help", about: "What there is, and how dates are said", verbs: vec![], options: vec![] }
}

pub fn help(in_server: bool) -> Reply {
    Say::privately(says::help(in_server)).into()
}
