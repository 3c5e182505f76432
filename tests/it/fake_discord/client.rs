//! A client of a few lines, for what the product's own client does not do or hides: a stream that is compressed as a whole,
//! tokens of interactions in hand, answers at the wrong time.

use flate2::{Decompress, FlushDecompress};
use futures_util::{SinkExt, StreamExt};
use harness::fake_discord::FakeDiscord;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub struct Line {
    socket: WebSocketStream<TcpStream>,
    stream: Decompress,
}

impl Line {
    #[allow(clippy::disallowed_methods, reason = "a test that talks to a peer of the tests")]
    pub async fn open(discord: &FakeDiscord, query: &str) -> Self {
        let stream = TcpStream::connect(discord.address()).await.unwrap();
        let url = format!("{}/?{query}", discord.base().replacen("http", "ws", 1));
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        Self { socket, stream: Decompress::new(true) }
    }

    /// A line that has said who it is, and heard what there is.
    pub async fn identified(discord: &FakeDiscord, query: &str) -> Self {
        let mut line = Self::open(discord, query).await;
        assert_eq!(line.hears().await.unwrap()["op"], 10);
        let properties = json!({ "os": "linux", "browser": "test", "device": "test" });
        let identify = json!({ "token": discord.token(), "intents": 1, "properties": properties });
        line.says(&json!({ "op": 2, "d": identify })).await;
        line.until("READY").await;
        line
    }

    pub async fn says(&mut self, what: &Value) {
        self.socket.send(Message::Text(what.to_string().into())).await.unwrap();
    }

    /// What is heard next, or the code with which the line is closed; 0 without one.
    pub async fn hears(&mut self) -> Result<Value, u16> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Binary(bytes))) => {
                    assert!(bytes.ends_with(&[0, 0, 255, 255]), "a whole message ends with a flush");
                    let mut text = Vec::with_capacity(1 << 16);
                    self.stream.decompress_vec(&bytes, &mut text, FlushDecompress::Sync).unwrap();
                    return Ok(serde_json::from_slice(&text).unwrap());
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(0),
            }
        }
    }

    /// The data of the next event of this name.
    pub async fn until(&mut self, event: &str) -> Value {
        loop {
            let heard = self.hears().await.unwrap();
            if heard["t"] == event {
                return heard["d"].clone();
            }
        }
    }
}

/// A request to the double, and what came back.
pub async fn ask(discord: &FakeDiscord, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().user_agent("test").build().unwrap();
    let url = format!("{}{path}", discord.url());
    let mut request = client.request(method.parse().unwrap(), url);
    request = request.header("authorization", format!("Bot {}", discord.token()));
    if !body.is_null() {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}
