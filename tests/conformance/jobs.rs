//! The fixture's tools that go on after their call was answered, for clients with the extension for tasks.

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::RoleServer;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateTaskResult, JsonObject,
};
use rmcp::service::RequestContext;
use rmcp::task_manager::{TaskContext, TaskExit, TaskFuture, TaskManager, TaskOptions};
use serde_json::Value;

use crate::ask::{self, Answers};

pub async fn call(
    tasks: &TaskManager,
    name: &str,
    arguments: &JsonObject,
    answers: &Answers,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let seconds = Duration::from_secs(arguments.get("seconds").and_then(Value::as_u64).unwrap_or_default());
    if !context.client_capabilities().unwrap_or_default().supports_tasks() {
        if name == "slow_compute" {
            tokio::time::sleep(seconds).await;
            return Ok(computed().into());
        }
        let needed = ClientCapabilities::builder().enable_tasks().build();
        return Err(ErrorData::missing_required_client_capability(needed));
    }
    match name {
        "slow_compute" => start(tasks, move |job| Box::pin(compute(job, seconds))),
        "failing_job" => {
            start(tasks, |_| Box::pin(async { Ok(CallToolResult::error(vec![ContentBlock::text("It failed.")])) }))
        }
        "protocol_error_job" => start(tasks, |_| {
            Box::pin(async { Err(TaskExit::Error(ErrorData::internal_error("It broke.", None))) })
        }),
        "confirm_delete" => start(tasks, |job| Box::pin(confirm(job))),
        "multi_input" => start(tasks, |job| Box::pin(two_names(job))),
        _ => match answers.text("user_name", "name") {
            Some(name) => start(tasks, move |_| Box::pin(async move { Ok(done(&format!("Hello, {name}!"))) })),
            None => {
                let question = ask::form("What is your name?", "name", "string");
                Ok(ask::required([("user_name", question)], None).into())
            }
        },
    }
}

fn start(tasks: &TaskManager, job: impl FnOnce(TaskContext) -> TaskFuture) -> Result<CallToolResponse, ErrorData> {
    Ok(CreateTaskResult::new(tasks.spawn(TaskOptions::new(), job)).into())
}

fn done(text: &str) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn computed() -> CallToolResult {
    done("Computed.")
}

async fn compute(job: TaskContext, time: Duration) -> Result<CallToolResult, TaskExit> {
    tokio::select! {
        () = job.cancelled() => Err(TaskExit::Cancelled),
        () = tokio::time::sleep(time) => Ok(computed()),
    }
}

async fn confirm(job: TaskContext) -> Result<CallToolResult, TaskExit> {
    let answer = job.request_input("confirm", ask::form("Delete it?", "confirm", "boolean")).await?;
    let yes = Answers([("confirm".to_owned(), answer)].into()).field("confirm", "confirm");
    Ok(done(if yes == Some(Value::Bool(true)) { "Deleted." } else { "Kept." }))
}

async fn two_names(job: TaskContext) -> Result<CallToolResult, TaskExit> {
    let (first, second) = tokio::try_join!(
        job.request_input("first", ask::form("What is the first name?", "name", "string")),
        job.request_input("second", ask::form("What is the second name?", "name", "string")),
    )?;
    let answers = Answers([("first".to_owned(), first), ("second".to_owned(), second)].into());
    let names: Vec<_> = ["first", "second"].iter().filter_map(|key| answers.text(key, "name")).collect();
    Ok(done(&format!("The names are {}.", names.join(" and "))))
}
