//! The only place from which the process opens a connection of its own.
#![allow(clippy::disallowed_methods, reason = "this is the one place")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Asks a server on this machine for its health and returns the status of its answer.
///
/// Only loopback addresses are asked.
pub fn probe(addr: SocketAddr, path: &str) -> std::io::Result<u16> {
    if !addr.ip().is_loopback() {
        return Err(std::io::Error::other(format!("{addr} is not on this machine")));
    }
    let wait = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&addr, wait)?;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let status = std::str::from_utf8(&head).ok().and_then(|head| head.strip_prefix("HTTP/1.1 "));
    status.and_then(|status| status.parse().ok()).ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
}
