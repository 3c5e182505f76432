//! The fixture's prompts, and completions for their arguments.

use rmcp::ErrorData;
use rmcp::model::{
    CompleteRequestParams, GetPromptRequestParams, GetPromptResponse, GetPromptResult, PromptMessage, Reference,
};
use serde_json::{Value, json};

use crate::ask::{self, Answers};
use crate::offer::Offer;
use crate::resources::IMAGE;

pub fn get(offer: &Offer, request: GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let name = request.name.as_str();
    if offer.prompt(name).is_none() {
        return Err(ErrorData::invalid_params("There is no such prompt.", Some(json!({ "name": name }))));
    }
    let given = request.arguments.unwrap_or_default();
    let argument = |name: &str| match given.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(ErrorData::invalid_params(format!("The argument {name} is missing."), None)),
    };
    Ok(match name {
        "test_simple_prompt" => messages([text("This is a simple prompt for testing.")]),
        "test_prompt_with_arguments" => {
            let (first, second) = (argument("arg1")?, argument("arg2")?);
            messages([text(&format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))])
        }
        "test_prompt_with_embedded_resource" => {
            let content = "Embedded resource content for testing.";
            let resource = json!({ "uri": argument("resourceUri")?, "mimeType": "text/plain", "text": content });
            messages([
                json!({ "type": "resource", "resource": resource }),
                text("Please process the embedded resource above."),
            ])
        }
        "test_prompt_with_image" => messages([
            json!({ "type": "image", "data": IMAGE, "mimeType": "image/png" }),
            text("Please analyze the image above."),
        ]),
        "test_input_required_result_prompt" => {
            match Answers(request.input_responses.unwrap_or_default()).text("user_context", "context") {
                Some(context) => messages([text(&format!("The context is: {context}"))]),
                None => {
                    let question = ask::form("What context should the prompt use?", "context", "string");
                    ask::required([("user_context", question)], None).into()
                }
            }
        }
        _ => messages([text("Shown.")]),
    })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn messages<const N: usize>(contents: [Value; N]) -> GetPromptResponse {
    let message = |content: Value| -> PromptMessage {
        serde_json::from_value(json!({ "role": "user", "content": content })).expect("a message of the protocol")
    };
    GetPromptResult::new(contents.map(message).into()).into()
}

/// Words that begin with what is typed already.
pub fn complete(offer: &Offer, request: &CompleteRequestParams) -> Vec<String> {
    let Reference::Prompt(prompt) = &request.r#ref else { return Vec::new() };
    let arguments = offer.prompt(&prompt.name).and_then(|prompt| prompt.arguments).unwrap_or_default();
    if !arguments.iter().any(|argument| argument.name == request.argument.name) {
        return Vec::new();
    }
    let words = ["paris", "park", "party", "test", "testing"];
    words.iter().filter(|word| word.starts_with(&request.argument.value)).map(|word| (*word).to_owned()).collect()
}
