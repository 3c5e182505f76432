//! Asking the client: with a result that says what is missing (since 2026-07-28), or with a request of our own (before).

use rmcp::model::{
    ClientCapabilities, CreateMessageResult, ElicitResult, ElicitationAction, InputRequest, InputRequests,
    InputRequiredResult, InputResponses, ListRootsResult,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A question that is answered with a form of one field.
pub fn form(message: &str, field: &str, kind: &str) -> InputRequest {
    let schema = json!({ "type": "object", "properties": { field: { "type": kind } }, "required": [field] });
    question("elicitation/create", json!({ "message": message, "requestedSchema": schema }))
}

/// A question for the client's model.
pub fn model(prompt: &str, most_tokens: u32) -> InputRequest {
    question("sampling/createMessage", sampling(prompt, most_tokens))
}

pub fn sampling(prompt: &str, most_tokens: u32) -> Value {
    let content = json!({ "type": "text", "text": prompt });
    json!({ "messages": [{ "role": "user", "content": content }], "maxTokens": most_tokens })
}

pub fn roots() -> InputRequest {
    question("roots/list", json!({}))
}

fn question(method: &str, params: Value) -> InputRequest {
    serde_json::from_value(json!({ "method": method, "params": params })).expect("a request of the protocol")
}

pub fn required<const N: usize>(
    questions: [(&str, InputRequest); N],
    state: Option<String>,
) -> InputRequiredResult {
    let questions = questions.map(|(key, question)| (key.to_owned(), question));
    InputRequiredResult::new(Some(InputRequests::from(questions)), state)
}

/// Those of the questions that a client with these capabilities can answer.
pub fn within(client: &ClientCapabilities) -> InputRequests {
    let mut questions = InputRequests::new();
    if client.elicitation.is_some() {
        questions.insert("user_name".into(), form("What is your name?", "name", "string"));
    }
    if client.sampling.is_some() {
        questions.insert("greeting".into(), model("Write a greeting.", 50));
    }
    if client.roots.is_some() {
        questions.insert("client_roots".into(), roots());
    }
    questions
}

/// What the client brought along. What it did not give, or not in the right shape, is asked for again.
pub struct Answers(pub InputResponses);

impl Answers {
    fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_value(self.0.get(key)?.clone()).ok()
    }

    /// The field of a form that a person has sent.
    pub fn field(&self, key: &str, field: &str) -> Option<Value> {
        let answer: ElicitResult = self.read(key)?;
        if answer.action != ElicitationAction::Accept {
            return None;
        }
        answer.content?.get(field).cloned()
    }

    pub fn text(&self, key: &str, field: &str) -> Option<String> {
        self.field(key, field)?.as_str().map(str::to_owned)
    }

    /// What the client's model has written.
    pub fn written(&self, key: &str) -> Option<String> {
        let answer: CreateMessageResult = self.read(key)?;
        Some(answer.message.content.first()?.as_text()?.text.clone())
    }

    pub fn roots(&self, key: &str) -> Option<Vec<String>> {
        let answer: ListRootsResult = self.read(key)?;
        Some(answer.roots.into_iter().map(|root| root.uri).collect())
    }
}
