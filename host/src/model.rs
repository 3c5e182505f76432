//! The language model that drafts: any OpenAI-compatible interface, asked rarely, within a budget, and never trusted.
//!
//! Nothing that is sent depends on it: whatever goes wrong here is a sentence for the record, and the template writes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_openai::types::chat::{
    ChatCompletionRequestSystemMessage, ChatCompletionRequestUserMessage, CreateChatCompletionRequest,
    CreateChatCompletionResponse, ResponseFormat, ResponseFormatJsonSchema,
};
use domain::assist::budget::{ops, rules};
use domain::assist::draft::letter::Letter;
use domain::assist::prompt::Question;
use domain::kernel::Principal;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tracing::warn;

use crate::Host;
use crate::config;
use crate::egress::{Egress, Heard, Request};

/// How long an answer may take.
pub const WAIT: Duration = Duration::from_secs(20);
/// Questions under way at once.
const AT_ONCE: usize = 4;
/// How much of an answer is read.
const MOST: usize = 256 << 10;
/// Failures in a row after which it is left alone, and for how long.
const PATIENCE: u32 = 3;
const PAUSE: Duration = Duration::from_secs(300);

/// Whether it answers. Per process: another one may reach what this one does not.
#[derive(Default)]
struct State {
    failures: u32,
    /// On the clock's monotonic time.
    left_alone_until: Duration,
}

/// The model that the settings name, if they do. Nothing is asked yet. The error is a sentence.
pub fn open(host: &Host) -> Result<Option<Model>, String> {
    let egress = Egress::new(host.clock().clone(), host.config().webhooks.allowed())?;
    Model::new(host, &host.config().model, egress)
}

pub struct Model {
    host: Host,
    egress: Egress,
    url: Url,
    authorization: Option<HeaderValue>,
    name: String,
    daily: u64,
    slots: Semaphore,
    state: Mutex<State>,
    wait: Duration,
}

impl Model {
    /// `None` when the settings name no model.
    pub fn new(host: &Host, settings: &config::Model, egress: Egress) -> Result<Option<Self>, String> {
        let (Some(base), Some(name)) = (&settings.api_base, &settings.model) else { return Ok(None) };
        let url = format!("{}/chat/completions", base.trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|error| format!("model.api_base is no address: {error}."))?;
        let key = settings.api_key.as_ref().map(bearer).transpose()?;
        Ok(Some(Self {
            host: host.clone(),
            egress,
            url,
            authorization: key,
            name: name.clone(),
            daily: settings.daily_tokens,
            slots: Semaphore::new(AT_ONCE),
            state: Mutex::new(State::default()),
            wait: WAIT,
        }))
    }

    /// The same with less patience, for tests.
    pub fn waiting(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// A letter in the form that was asked for, or why there is none, as a sentence. It is paid from the budget of `who`'s
    /// workspace.
    pub async fn ask(&self, who: &Principal, question: &Question) -> Result<Letter, String> {
        let Ok(_slot) = self.slots.acquire().await else { return Err("The model is not asked any more.".into()) };
        if self.is_left_alone() {
            return Err(format!("The model {} failed several times and is left alone for a while.", self.name));
        }
        let (asked, daily) = (rules::guess(question.system.len() + question.user.len()), self.daily);
        let reserved = self.host.act(who, move |cx| ops::reserve(cx, asked, daily)).await;
        let Some(reserved) = reserved.map_err(|no| no.sentence)?.value else {
            return Err(format!("The day's budget of {daily} tokens for the model {} is spent.", self.name));
        };
        let answered = tokio::time::timeout(self.wait, self.exchange(question, reserved.answer)).await;
        let answered = answered.unwrap_or_else(|_| {
            Err(Failed::Down(format!("The model {} gave no answer in {} s.", self.name, self.wait.as_secs())))
        });
        self.watch(&answered);
        let cost = cost(&answered, reserved.tokens);
        if cost != reserved.tokens
            && let Err(no) = self.host.act(who, move |cx| ops::settle(cx, &reserved, cost)).await
        {
            warn!("A question to the model stays in the day's budget with more than it did cost: {}", no.sentence);
        }
        answered.map(|(letter, _)| letter).map_err(Failed::into_sentence)
    }

    fn is_left_alone(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.host.clock().elapsed() < state.left_alone_until
    }

    /// Leaves it alone for a while when it failed several times in a row.
    fn watch(&self, answered: &Answered) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(answered, Err(Failed::Down(_) | Failed::NotAsked(_))) {
            state.failures = 0;
            return;
        }
        state.failures += 1;
        if state.failures >= PATIENCE {
            state.failures = 0;
            state.left_alone_until = self.host.clock().elapsed() + PAUSE;
        }
    }

    async fn exchange(&self, question: &Question, most: u32) -> Answered {
        let mut schema = question.schema.clone();
        if let Some(schema) = schema.as_object_mut() {
            // Words about the schema itself, which not every server takes.
            schema.retain(|key, _| key != "$schema" && key != "title");
        }
        let asked = CreateChatCompletionRequest {
            model: self.name.clone(),
            messages: vec![
                ChatCompletionRequestSystemMessage::from(question.system.as_str()).into(),
                ChatCompletionRequestUserMessage::from(question.user.as_str()).into(),
            ],
            max_completion_tokens: Some(most),
            response_format: Some(ResponseFormat::JsonSchema {
                json_schema: ResponseFormatJsonSchema {
                    description: None,
                    name: "letter".into(),
                    schema,
                    strict: Some(true),
                },
            }),
            ..CreateChatCompletionRequest::default()
        };
        let mut request = Request::new(Method::POST, self.url.clone());
        request.body = serde_json::to_vec(&asked).map_err(|error| Failed::NotAsked(error.to_string()))?;
        request.most = MOST;
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.authorization {
            request.headers.insert(AUTHORIZATION, key.clone());
        }
        let answer = match self.egress.to_provider(request).await {
            Heard::Answer(answer) => answer,
            Heard::NotSent { why } => {
                return Err(Failed::NotAsked(format!("The model {} could not be asked: {why}", self.name)));
            }
            Heard::Lost { why } => {
                return Err(Failed::Down(format!("The model {} did not answer: {why}", self.name)));
            }
        };
        if answer.status != 200 {
            return Err(Failed::NotAsked(format!(
                "The model {} answered with status {}.",
                self.name, answer.status
            )));
        }
        let garbage =
            |used| Failed::Garbage(format!("The model {} answered in no form we know.", self.name), used);
        let said: CreateChatCompletionResponse =
            serde_json::from_slice(&answer.body).map_err(|_| garbage(None))?;
        let used = said.usage.as_ref().map(|usage| u64::from(usage.total_tokens));
        let content = said.choices.first().and_then(|choice| choice.message.content.as_deref());
        // A field that was not asked for, such as other recipients, is no letter either.
        let letter = content.and_then(|content| serde_json::from_str::<Letter>(content.trim()).ok());
        letter.map(|letter| (letter, used)).ok_or_else(|| garbage(used))
    }
}

fn bearer(key: &SecretString) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
        .map_err(|_| "model.api_key has characters that no key has. Copy it again.".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// A letter, and the tokens that it cost when the answer tells.
type Answered = Result<(Letter, Option<u64>), Failed>;

/// What a question cost for which so many tokens were taken.
fn cost(answered: &Answered, taken: u64) -> u64 {
    match answered {
        Ok((_, used)) | Err(Failed::Garbage(_, used)) => used.unwrap_or(taken),
        // Nobody knows what it spent before it failed.
        Err(Failed::Down(_)) => taken,
        Err(Failed::NotAsked(_)) => 0,
    }
}

enum Failed {
    /// It certainly did no work.
    NotAsked(String),
    /// It may have worked, and nothing came of it.
    Down(String),
    /// It answered, with something else than a letter; and the tokens that it says it spent.
    Garbage(String, Option<u64>),
}

impl Failed {
    fn into_sentence(self) -> String {
        match self {
            Self::NotAsked(why) | Self::Down(why) | Self::Garbage(why, _) => why,
        }
    }
}
