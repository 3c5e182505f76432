//! The agent server over standard input and output: one JSON-RPC message a line.
//!
//! A line that is not one well-formed message is answered here and never reaches the protocol library, which would
//! drop it in silence. Nothing but messages may be written to standard output: logs go to standard error.

use std::future::Future;

use rmcp::model::{ClientJsonRpcMessage, ErrorCode};
use rmcp::service::{RoleServer, RxJsonRpcMessage, ServerInitializeError, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::{ServerHandler, service::serve_server_with_ct};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::rpc::{self, Message, Unreadable};

/// The longest line by default, in bytes: what HTTP takes as a body.
pub const MOST_BYTES: usize = 1 << 20;

/// Serves `handler` (with its local caller set, see [`crate::server::Server::with_local`]) until the input ends or
/// `stop` is cancelled. Calls under way when the input ends are still answered.
///
/// An error is one of the streams'; a client that leaves before it said anything is none.
pub async fn serve<H, R, W>(
    handler: H,
    read: R,
    write: W,
    most: usize,
    stop: CancellationToken,
) -> std::io::Result<()>
where
    H: ServerHandler,
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let (out, lines) = mpsc::channel(64);
    let writer = tokio::spawn(write_lines(write, lines));
    let transport = Lines {
        read: BufReader::new(read),
        line: Vec::new(),
        most,
        skipping: false,
        opened: false,
        answer: None,
        out: Some(out),
    };
    match serve_server_with_ct(handler, transport, stop).await {
        Ok(running) => {
            running.waiting().await.map_err(std::io::Error::other)?;
        }
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {}
        Err(error) => return Err(std::io::Error::other(error)),
    }
    writer.await.map_err(std::io::Error::other)?
}

/// [`serve`] on this process's own standard input and output.
pub async fn serve_process<H: ServerHandler>(handler: H, stop: CancellationToken) -> std::io::Result<()> {
    // Pipes are read without a thread that would keep the process alive until one more line arrives.
    let (read, write) = rmcp::transport::stdio_pipes();
    serve(handler, read, write, MOST_BYTES, stop).await
}

struct Outgoing {
    line: Vec<u8>,
    sent: Option<oneshot::Sender<()>>,
}

/// The only writer, so that two messages never mix within a line.
async fn write_lines<W: AsyncWrite + Unpin>(
    mut write: W,
    mut lines: mpsc::Receiver<Outgoing>,
) -> std::io::Result<()> {
    while let Some(Outgoing { mut line, sent }) = lines.recv().await {
        line.push(b'\n');
        write.write_all(&line).await?;
        write.flush().await?;
        if let Some(sent) = sent {
            let _ = sent.send(());
        }
    }
    Ok(())
}

struct Lines<R> {
    read: BufReader<R>,
    /// What of the current line was read so far. It lives here because `receive` may be dropped half-way.
    line: Vec<u8>,
    most: usize,
    /// The current line was too long, and the rest of it is of no interest.
    skipping: bool,
    /// A request was passed on. Before that the protocol library would end over anything else.
    opened: bool,
    /// An answer of ours that waits to be sent.
    answer: Option<Vec<u8>>,
    out: Option<mpsc::Sender<Outgoing>>,
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
}

impl<R: AsyncRead + Send + Unpin> Lines<R> {
    async fn next(&mut self) -> std::io::Result<Line> {
        loop {
            // Nothing is taken from the reader until its bytes are kept, so a drop at this await loses nothing.
            let bytes = self.read.fill_buf().await?;
            if bytes.is_empty() {
                let rest = std::mem::take(&mut self.line);
                return Ok(if rest.is_empty() { Line::End } else { Line::Whole(rest) });
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (taken, content) = end.map_or((bytes.len(), bytes.len()), |end| (end + 1, end));
            let too_long = !self.skipping && self.line.len() + content > self.most;
            if !self.skipping && !too_long {
                self.line.extend_from_slice(&bytes[..content]);
            }
            self.read.consume(taken);
            let was_skipping = self.skipping;
            self.skipping = (was_skipping || too_long) && end.is_none();
            if too_long {
                self.line = Vec::new();
                return Ok(Line::TooLong);
            }
            if end.is_some() && !was_skipping {
                return Ok(Line::Whole(std::mem::take(&mut self.line)));
            }
        }
    }

    /// The message on a line, or what to answer instead. Neither for a line that may be ignored.
    fn understood(&mut self, line: &[u8]) -> Result<Option<ClientJsonRpcMessage>, Unreadable> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return Ok(None);
        }
        let kind = rpc::examine(line)?;
        let message = match (&kind, serde_json::from_slice(line)) {
            (_, Ok(message)) => message,
            (Message::Request { .. }, Err(_)) => return Err(rpc::misshapen(&kind)),
            (Message::Notification | Message::Response, Err(_)) => return Ok(None),
        };
        self.opened |= matches!(kind, Message::Request { .. });
        Ok(self.opened.then_some(message))
    }
}

impl<R: AsyncRead + Send + Unpin + 'static> Transport<RoleServer> for Lines<R> {
    type Error = std::io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let out = self.out.clone();
        async move {
            let closed = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
            let line = serde_json::to_vec(&message)?;
            let (sent, done) = oneshot::channel();
            out.ok_or_else(closed)?.send(Outgoing { line, sent: Some(sent) }).await.map_err(|_| closed())?;
            done.await.map_err(|_| closed())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if self.answer.is_some() {
                let slot = self.out.as_ref()?.reserve().await.ok()?;
                if let Some(line) = self.answer.take() {
                    slot.send(Outgoing { line, sent: None });
                }
            }
            let outcome = match self.next().await {
                Ok(Line::Whole(line)) => self.understood(&line),
                Ok(Line::TooLong) => {
                    let sentence = format!(
                        "The line has more than {} bytes. Nothing was done. Send less at once.",
                        self.most
                    );
                    Err(Unreadable::new(None, ErrorCode::INVALID_REQUEST, sentence))
                }
                Ok(Line::End) => return None,
                Err(error) => {
                    error!("Standard input cannot be read any more: {error}");
                    return None;
                }
            };
            match outcome {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(unreadable) => self.answer = Some(unreadable.to_json()),
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.out = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
