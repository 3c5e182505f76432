//! One JSON-RPC message as it comes off the wire: checked before the protocol library reads it.

use rmcp::model::{ErrorCode, ErrorData, JsonRpcError, RequestId};

use domain::kernel::shape::shown;
use domain::kernel::strict::{self, Scalar, Seen};

/// Why a message was not passed on, and the answer its sender gets.
#[derive(Debug)]
pub(crate) struct Unreadable {
    id: Option<RequestId>,
    error: ErrorData,
}

impl Unreadable {
    pub(crate) fn new(id: Option<RequestId>, code: ErrorCode, sentence: impl Into<String>) -> Self {
        Self { id, error: ErrorData::new(code, sentence.into(), None) }
    }

    /// The JSON-RPC error message, without a line end. It has no `id` when none could be read.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let message = JsonRpcError::new(self.id.clone(), self.error.clone());
        serde_json::to_vec(&message).unwrap_or_default()
    }
}

/// What is known about a message that may be passed on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Request { id: RequestId, method: String },
    Notification,
    Response,
}

/// Passes exactly one well-formed JSON-RPC object without duplicate keys, NUL characters or excessive depth.
pub(crate) fn examine(json: &[u8]) -> Result<Message, Unreadable> {
    let (seen, checked) = strict::peek(json, &["jsonrpc", "id", "method", "params", "result", "error"]);
    let id = match seen.member("id") {
        Some(Scalar::Text(text)) => Some(RequestId::String(text.as_str().into())),
        Some(Scalar::Whole(number)) => Some(RequestId::Number(*number)),
        _ => None,
    };
    if let Err(flaw) = checked {
        let code = if flaw.is_malformed() { ErrorCode::PARSE_ERROR } else { ErrorCode::INVALID_REQUEST };
        let mut answer = Unreadable::new(id, code, format!("{} Nothing was done.", flaw.sentence));
        if !flaw.path.is_empty() {
            answer.error.data = Some(serde_json::json!({ "path": flaw.path }));
        }
        return Err(answer);
    }
    let message = shape(&seen, id.clone()).map_err(|why| {
        Unreadable::new(id.clone(), ErrorCode::INVALID_REQUEST, format!("{why} Nothing was done."))
    })?;
    if !matches!(seen.member("params"), None | Some(Scalar::Object | Scalar::Null)) {
        let why = "`params` must be an object. Nothing was done.";
        return Err(Unreadable::new(id, ErrorCode::INVALID_PARAMS, why));
    }
    Ok(message)
}

/// For a message that the protocol library cannot read although it is a message: something inside has a wrong type.
pub(crate) fn misshapen(message: &Message) -> Unreadable {
    let (id, code, what) = match message {
        // All but the parameters was looked at before.
        Message::Request { id, method } => {
            (Some(id.clone()), ErrorCode::INVALID_PARAMS, format!("a {} request", shown(method)))
        }
        Message::Notification => (None, ErrorCode::INVALID_REQUEST, "a notification".to_owned()),
        Message::Response => (None, ErrorCode::INVALID_REQUEST, "an answer".to_owned()),
    };
    let sentence = format!("This is not {what} as the protocol describes it. Nothing was done.");
    Unreadable::new(id, code, sentence)
}

fn shape(seen: &Seen, id: Option<RequestId>) -> Result<Message, &'static str> {
    if !seen.is_object {
        return Err("A message is one JSON object; lists of messages are not part of this protocol.");
    }
    if !matches!(seen.member("jsonrpc"), Some(Scalar::Text(version)) if version == "2.0") {
        return Err("A message says \"jsonrpc\": \"2.0\"; this one does not.");
    }
    match (seen.member("method"), seen.member("id"), id) {
        (Some(Scalar::Text(method)), Some(_), Some(id)) => Ok(Message::Request { id, method: method.clone() }),
        (Some(Scalar::Text(_)), None, _) => Ok(Message::Notification),
        (Some(Scalar::Text(_)), Some(_), None) => Err("`id` must be a text or a whole number."),
        (Some(_), _, _) => Err("`method` must be a text."),
        (None, _, _) if seen.member("result").or(seen.member("error")).is_some() => Ok(Message::Response),
        (None, _, _) => Err("The message has no `method`."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn answered(message: &str, code: i32, id: serde_json::Value) -> String {
        let answer: serde_json::Value =
            serde_json::from_slice(&examine(message.as_bytes()).unwrap_err().to_json()).unwrap();
        assert_eq!((answer["error"]["code"].as_i64(), &answer["id"]), (Some(code.into()), &id), "{answer}");
        answer["error"]["message"].as_str().unwrap().to_owned()
    }

    #[test]
    fn requests_notifications_and_answers_pass() {
        let request = Message::Request { id: RequestId::Number(1), method: "ping".into() };
        assert_eq!(examine(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).unwrap(), request);
        assert_eq!(examine(br#"{"jsonrpc":"2.0","method":"x"}"#).unwrap(), Message::Notification);
        assert_eq!(examine(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#).unwrap(), Message::Response);
    }

    #[test]
    fn every_refusal_keeps_the_id_when_there_is_one() {
        answered("{", -32700, serde_json::Value::Null);
        answered("[]", -32600, serde_json::Value::Null);
        answered(r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#, -32600, serde_json::Value::Null);
        answered(r#"{"jsonrpc":"2.0","id":3}"#, -32600, 3.into());
        answered(r#"{"jsonrpc":"2.0","id":3,"method":"x","params":[]}"#, -32602, 3.into());
        answered(r#"{"id":"a","method":"x"}"#, -32600, "a".into());
        let said = answered(r#"{"jsonrpc":"2.0","method":"x","params":{"a":1,"a":2},"id":9}"#, -32600, 9.into());
        assert_eq!(said, "`params.a` is given twice; which one counts is not clear. Nothing was done.");
    }
}
