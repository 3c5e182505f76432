//! A door before PostgreSQL through which the answer to a COMMIT can get lost.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Runtime;

use crate::Place;

/// Everything passes, but for one answer when told so: the change is made, and who made it never hears.
pub struct Lossy {
    url: String,
    /// So many commits of changes until the one whose answer is lost; it is, when this is zero or less.
    left: Arc<AtomicI64>,
    runtime: Option<Runtime>,
}

const NEVER: i64 = i64::MAX;

impl Lossy {
    /// Before the server of a schema that is reached through a socket file; `None` for any other place.
    pub fn before(place: &Place) -> Option<Self> {
        let url = place.url()?;
        let (start, rest) = url.split_once('@')?;
        let (socket, rest) = rest.split_once('/')?;
        let folder = PathBuf::from(socket.replace("%2F", "/"));
        if !folder.is_absolute() {
            return None;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicI64::new(NEVER));
        let each = left.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(folder.join(".s.PGSQL.5432")).await.unwrap();
                tokio::spawn(pass(client, server, each.clone()));
            }
        });
        let url = format!("{start}@127.0.0.1:{port}/{rest}&sslmode=disable&gssencmode=disable");
        Some(Self { url, left, runtime: Some(runtime) })
    }

    /// As `database.url` in the settings.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From here on, the answer to the nth commit of a change is lost, and no other.
    pub fn lose(&self, nth: i64) {
        self.left.store(nth, Ordering::SeqCst);
    }

    /// Whether the answer was lost that was to be. In any case, none will be from here on.
    pub fn has_lost(&self) -> bool {
        self.left.swap(NEVER, Ordering::SeqCst) <= 0
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One connection, until somebody hangs up or the answer is lost.
async fn pass(mut client: TcpStream, mut server: UnixStream, left: Arc<AtomicI64>) {
    let (mut asked, mut heard) = (Asked::default(), [0; 16 << 10]);
    let mut piece = [0; 16 << 10];
    let mut losing = Vec::new();
    let mut loses = false;
    loop {
        tokio::select! {
            read = client.read(&mut piece) => {
                let Ok(1..) = read else { return };
                let bytes = &piece[..read.unwrap_or_default()];
                loses = loses || asked.takes(bytes).any_change_committed(&left);
                if server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut heard) => {
                let Ok(1..) = read else { return };
                let bytes = &heard[..read.unwrap_or_default()];
                if loses {
                    losing.extend_from_slice(bytes);
                    // It is ready for the next question, outside of a transaction: the change is made.
                    if losing.ends_with(b"Z\0\0\0\x05I") {
                        return;
                    }
                } else if client.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What a client asks, message by message.
#[derive(Default)]
struct Asked {
    rest: Vec<u8>,
    /// The first message has no kind.
    greeted: bool,
    changing: bool,
    commits: i64,
}

impl Asked {
    fn takes(&mut self, bytes: &[u8]) -> &mut Self {
        self.rest.extend_from_slice(bytes);
        loop {
            let kind = usize::from(self.greeted);
            let Some(length) = self.rest.get(kind..kind + 4) else { return self };
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            let Some(message) = self.rest.get(..kind + length) else { return self };
            // Only simple queries begin and end transactions.
            match message {
                [b'Q', _, _, _, _, text @ .., 0] => match text {
                    b"BEGIN" => self.changing = true,
                    b"COMMIT" => self.commits += i64::from(std::mem::take(&mut self.changing)),
                    b"ROLLBACK" => self.changing = false,
                    _ => {}
                },
                _ => self.greeted = true,
            }
            self.rest.drain(..kind + length);
        }
    }

    /// Counts what was committed since the last look, and whether this is the one.
    fn any_change_committed(&mut self, left: &AtomicI64) -> bool {
        let commits = std::mem::take(&mut self.commits);
        commits > 0 && {
            let before = left.load(Ordering::SeqCst);
            before != NEVER && before > 0 && left.fetch_sub(commits, Ordering::SeqCst) - commits <= 0
        }
    }
}
