//! Connections: accepted, bounded in what they may take before they ask for something, and ended in order.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long a connection may take over the head of a request, or be silent between two. Whoever opens connections and says
/// half a sentence on each would otherwise have them for good.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);

/// How long answers that were told to end (open streams) may take over it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serves `router` until `shutdown` is done: then nothing new is accepted, requests under way get `grace` to finish,
/// what is still open after that is ended through `close` (the token of [`super::Settings`]), and connections that wait for
/// nothing but their client are dropped.
pub async fn listen(
    mut listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
    close: CancellationToken,
    grace: Duration,
) -> std::io::Result<()> {
    let mut shutdown = pin!(shutdown);
    let stopping = CancellationToken::new();
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            // It retries by itself when there are too many files open.
            (stream, _) = Listener::accept(&mut listener) => {
                // Small answers would otherwise wait up to 40 ms for company.
                let _ = stream.set_nodelay(true);
                open.spawn(serve(stream, router.clone(), stopping.clone()));
            }
            Some(_) = open.join_next(), if !open.is_empty() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    stopping.cancel();
    let all = async |open: &mut JoinSet<()>| while open.join_next().await.is_some() {};
    if tokio::time::timeout(grace, all(&mut open)).await.is_err() {
        close.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, all(&mut open)).await;
        if !open.is_empty() {
            warn!(connections = open.len(), "Connections that were still open were dropped");
        }
    }
    Ok(())
}

/// Serves one connection until it ends, or until `stopping` and the answer under way is out.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    stopping: CancellationToken,
) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut told = false;
    loop {
        tokio::select! {
            // How a connection ended is its client's affair: most just go away.
            _ = connection.as_mut() => return,
            () = stopping.cancelled(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    fn connect(stopping: &CancellationToken) -> DuplexStream {
        let (near, far) = tokio::io::duplex(1 << 16);
        let router = Router::new().route("/", post(|body: Bytes| async move { body }));
        tokio::spawn(serve(far, router, stopping.clone()));
        near
    }

    async fn rest(near: &mut DuplexStream) -> String {
        let mut said = String::new();
        near.read_to_string(&mut said).await.unwrap();
        said
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_head_is_waited_for_a_minute() {
        #[expect(clippy::disallowed_methods, reason = "the runtime's clock, which stands")]
        let began = tokio::time::Instant::now();
        let mut near = connect(&CancellationToken::new());
        near.write_all(b"POST / HTTP/1.1\r\nHost: localh").await.unwrap();
        assert_eq!(rest(&mut near).await, "");
        assert_eq!(began.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_of_a_byte_per_second_is_waited_for_a_minute() {
        #[expect(clippy::disallowed_methods, reason = "the runtime's clock, which stands")]
        let began = tokio::time::Instant::now();
        let mut near = connect(&CancellationToken::new());
        for byte in b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Long: ".iter().chain(std::iter::repeat(&b'x')) {
            if near.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!((60..63).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_for_a_minute_between_two_requests_is_hung_up_on() {
        let mut near = connect(&CancellationToken::new());
        near.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
        let said = rest(&mut near).await;
        assert!(said.starts_with("HTTP/1.1 200 OK") && said.ends_with("\r\n\r\nhi"), "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_answers_what_is_under_way_and_hangs_up_on_who_waits() {
        let stopping = CancellationToken::new();
        let mut idle = connect(&stopping);
        let mut busy = connect(&stopping);
        busy.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nh").await.unwrap();
        tokio::task::yield_now().await;
        stopping.cancel();
        assert_eq!(rest(&mut idle).await, "");
        busy.write_all(b"i").await.unwrap();
        let said = rest(&mut busy).await;
        assert!(said.starts_with("HTTP/1.1 200 OK") && said.ends_with("hi"), "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_does_not_keep_a_server_from_stopping() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, close) = (CancellationToken::new(), CancellationToken::new());
        let served = listen(
            listener,
            Router::new().route("/", post(|body: Bytes| async move { body })),
            stop.clone().cancelled_owned(),
            close.clone(),
            Duration::from_secs(10),
        );
        let served = tokio::spawn(served);
        #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
        let mut half = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
        half.write_all(head).await.unwrap();
        let mut answer = [0; 25];
        half.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
        stop.cancel();
        served.await.unwrap().unwrap();
        assert!(close.is_cancelled());
        assert_eq!(half.read(&mut answer).await.unwrap_or(0), 0);
    }
}
