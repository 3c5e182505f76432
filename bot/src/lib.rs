//! The `milepost` program: the server, the demo, every verb on the command line, and the face in chat.

pub mod chat;
mod cli;
mod demo;
mod says;
mod serve;

pub use cli::main;
