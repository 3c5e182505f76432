//! What stands around every call: it always ends, with an answer that says what happened and what to do next.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use domain::kernel::way::{Way, spelled};
use domain::kernel::{Code, Refusal};
use rmcp::ErrorData;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, ErrorCode};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::error;

/// Bounds every call in time and turns panics into answers.
#[derive(Clone)]
pub struct Guard {
    patience: Duration,
    ids: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Default for Guard {
    /// Thirty seconds for a call; error ids counted from 1 since the process started.
    fn default() -> Self {
        let count = AtomicU64::new(1);
        Self {
            patience: Duration::from_secs(30),
            ids: Arc::new(move || format!("e{}", count.fetch_add(1, Ordering::Relaxed))),
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Guard {
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where the ids come from by which a person finds a failure in the log.
    pub fn with_ids(self, ids: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { ids: Arc::new(ids), ..self }
    }

    /// Runs one tool call. A panic, a call that takes too long and one that was cancelled become tool results;
    /// so does a refusal that an extractor carried in an error. Dropping the future drops the call.
    pub async fn tool(
        &self,
        name: &str,
        stop: &CancellationToken,
        call: impl Future<Output = Result<CallToolResponse, ErrorData>>,
    ) -> Result<CallToolResponse, ErrorData> {
        match self.run(name, stop, call).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => match carried(&error) {
                Some(refusal) => Ok(refused(&refusal).into()),
                None => Err(error),
            },
            Err(refusal) => Ok(refused(&refusal).into()),
        }
    }

    /// Runs anything that is not a tool call (a list, a resource): what goes wrong becomes a protocol error.
    pub async fn other<T>(
        &self,
        name: &str,
        stop: &CancellationToken,
        call: impl Future<Output = Result<T, ErrorData>>,
    ) -> Result<T, ErrorData> {
        match self.run(name, stop, call).await {
            Ok(result) => result,
            Err(refusal) => Err(ErrorData::new(ErrorCode::INTERNAL_ERROR, refusal.to_string(), None)),
        }
    }

    async fn run<T>(
        &self,
        name: &str,
        stop: &CancellationToken,
        call: impl Future<Output = T>,
    ) -> Result<T, Refusal> {
        let outcome = tokio::select! {
            biased;
            outcome = tokio::time::timeout(self.patience, caught(call)) => outcome,
            () = stop.cancelled() => return Err(Refusal::new(
                Code::Unavailable,
                "The call was cancelled before it was done. If it was a change, it may or may not have been made.",
                "Read the current state before you repeat a change; repeat it with the same idempotency_key.",
            )),
        };
        match outcome {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panic)) => {
                let id = (self.ids)();
                error!(error.id = %id, call = name, "A call panicked: {}", message(panic.as_ref()));
                Err(Refusal::new(
                    Code::Unavailable,
                    format!("Something went wrong on our side (id {id}). Nothing is known to have changed."),
                    format!("Try again once; if it happens again, tell the person who runs Milepost the id {id}."),
                ))
            }
            Err(_) => Err(Refusal::new(
                Code::Unavailable,
                format!(
                    "The call took longer than {} and was given up. If it was a change, it may or may not have been made.",
                    spoken(self.patience)
                ),
                "Read the current state before you repeat a change; repeat it with the same idempotency_key.",
            )),
        }
    }
}

fn spoken(time: Duration) -> String {
    match time.as_secs() {
        1 => "1 second".into(),
        0 => format!("{} milliseconds", time.as_millis()),
        seconds => format!("{seconds} seconds"),
    }
}

/// The future's output, or what it panicked with.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// A refusal as a tool result: `isError`, with `{code, sentence, next, problems}` as structured content and as text.
pub fn refused(refusal: &Refusal) -> CallToolResult {
    result(&worded(refusal), true)
}

/// A refusal with its way on in the words of this face.
pub(crate) fn worded(refusal: &Refusal) -> Refusal {
    spelled(refusal.clone(), way)
}

/// The tool, or the argument, with which an agent goes on after a refusal.
fn way(way: Way) -> Option<&'static str> {
    match way {
        Way::ChangeKeyDates => Some("key_dates_preview"),
        Way::SetDueDate => Some("milestone_update"),
        Way::Repeat => Some("or repeat it with the same idempotency_key"),
        // Agents decide about nothing.
        Way::Despite => None,
    }
}

/// A success as a tool result: the value as structured content and the same JSON as text.
pub fn answered(value: &impl Serialize) -> CallToolResult {
    result(value, false)
}

fn result(value: &impl Serialize, is_error: bool) -> CallToolResult {
    // The text is made from the value itself, so that its fields keep their order: the sentence is read first.
    match (serde_json::to_string(value), serde_json::to_value(value)) {
        (Ok(text), Ok(structured)) => {
            let content = vec![ContentBlock::text(text)];
            let mut result =
                if is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
            result.structured_content = Some(structured);
            result
        }
        (Err(error), _) | (_, Err(error)) => {
            error!("An answer could not be written as JSON: {error}");
            CallToolResult::error(vec![ContentBlock::text(
                "The call was done, but its answer could not be written. Read the current state before repeating it.",
            )])
        }
    }
}

/// A refusal as the error type of a tool: `async fn deal_get(..) -> Result<Json<Deal>, Refused>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub Box<Refusal>);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(Box::new(refusal))
    }
}

impl IntoCallToolResult for Refused {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        Ok(refused(&self.0).into())
    }
}

const CARRIED: &str = "milepost/refusal";

/// A refusal inside a protocol error, for extractors, which cannot answer with anything else.
/// [`Guard::tool`] unpacks it; a client that sees it nonetheless finds the same words.
pub fn carry(refusal: &Refusal) -> ErrorData {
    let data = serde_json::to_value(refusal).ok().map(|value| serde_json::json!({ CARRIED: value }));
    ErrorData::new(ErrorCode::INVALID_PARAMS, refusal.to_string(), data)
}

fn carried(error: &ErrorData) -> Option<Refusal> {
    serde_json::from_value(error.data.as_ref()?.get(CARRIED)?.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(guard: Guard, stop: &CancellationToken, call: impl Future<Output = ()>) -> serde_json::Value {
        let call = async move {
            call.await;
            Ok(answered(&"done").into())
        };
        let Ok(CallToolResponse::Complete(result)) = guard.tool("probe", stop, call).await else {
            panic!("no tool result")
        };
        let text = result.content[0].as_text().unwrap().text.clone();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            result.structured_content.clone().unwrap()
        );
        assert_eq!(result.is_error, Some(result.structured_content != Some("done".into())));
        result.structured_content.unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_an_id_and_what_to_do() {
        let guard = Guard::default().with_ids(|| "x1".into());
        let answer = said(guard, &CancellationToken::new(), async { panic!("secret detail") }).await;
        assert_eq!(answer["code"], "unavailable");
        assert_eq!(
            answer["sentence"],
            "Something went wrong on our side (id x1). Nothing is known to have changed."
        );
        assert!(!answer.to_string().contains("secret"), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_never_ends_is_given_up_and_says_that_it_may_have_happened() {
        let guard = Guard::default();
        let answer = said(guard, &CancellationToken::new(), std::future::pending()).await;
        assert!(
            answer["sentence"].as_str().unwrap().starts_with("The call took longer than 30 seconds"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn a_cancelled_call_stops_at_once() {
        let stop = CancellationToken::new();
        stop.cancel();
        let answer = said(Guard::default(), &stop, std::future::pending()).await;
        assert!(answer["sentence"].as_str().unwrap().contains("cancelled"), "{answer}");
    }

    #[tokio::test]
    async fn a_finished_call_wins_over_a_late_cancellation() {
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(said(Guard::default(), &stop, async {}).await, "done");
    }

    #[test]
    fn a_refusal_says_the_same_in_structure_and_text() {
        let result = refused(&Refusal::not_found("deal"));
        let text: Refusal = serde_json::from_str(&result.content[0].as_text().unwrap().text).unwrap();
        let structured: Refusal = serde_json::from_value(result.structured_content.unwrap()).unwrap();
        assert_eq!((result.is_error, &text), (Some(true), &structured));
        assert_eq!(carried(&carry(&text)), Some(structured));
    }
}
