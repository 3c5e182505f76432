//! Work that a person starts by its name: what a client offers as commands.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::deals::deal::view;
use domain::kernel::id::DealId;
use domain::kernel::{Code, Principal, Problem, Refusal, text};
use domain::workspace::access::{Verb, rules};
use rmcp::model::{
    ContentBlock, EmbeddedResource, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role,
};

use crate::documents::{Address, no_such_place};
use crate::milepost::Milepost;
use crate::server::Typing;

const DEAL: &str = "deal";

/// A file of `prompts/agents`: what is said of it, and its text.
struct Source {
    name: &'static str,
    said: BTreeMap<&'static str, &'static str>,
    text: &'static str,
}

static ALL: LazyLock<Vec<Source>> = LazyLock::new(|| {
    [
        ("weekly_review", include_str!("../../prompts/agents/weekly_review.md")),
        ("deal_briefing", include_str!("../../prompts/agents/deal_briefing.md")),
        ("closing_week_check", include_str!("../../prompts/agents/closing_week_check.md")),
    ]
    .into_iter()
    .filter_map(|(name, file)| {
        let (head, text) = file.strip_prefix("---\n")?.split_once("\n---\n")?;
        let said = head.lines().filter_map(|line| line.split_once(": ")).collect();
        Some(Source { name, said, text })
    })
    .collect()
});

fn source(name: &str) -> Result<&'static Source, Refusal> {
    ALL.iter().find(|source| source.name == name).ok_or_else(|| {
        let sentence = format!("There is no prompt {}.", domain::kernel::shape::shown(name));
        Refusal::new(Code::Invalid, sentence, "List the prompts to see which there are.")
    })
}

pub(crate) fn all(who: &Principal) -> Vec<Prompt> {
    if !rules::allows(who.powers, Verb::ReadDeals) {
        return Vec::new();
    }
    let prompt = |source: &Source| {
        let said = |word: &str| source.said.get(word).copied().unwrap_or_default();
        let argument = |words: &&str| PromptArgument::new(DEAL).with_description(*words).with_required(true);
        let arguments = source.said.get(DEAL).map(|words| vec![argument(words)]);
        Prompt::new(source.name, Some(said("description")), arguments).with_title(said("title"))
    };
    ALL.iter().map(prompt).collect()
}

impl Milepost {
    pub(crate) async fn get_prompt(
        &self,
        who: &Principal,
        name: &str,
        mut arguments: JsonObject,
    ) -> Result<GetPromptResult, Refusal> {
        let source = source(name)?;
        let deal = arguments.remove(DEAL);
        let mut problems: Vec<Problem> = arguments
            .keys()
            .map(|other| Problem::new(domain::kernel::shape::shown(other), format!("is no argument of {name}.")))
            .collect();
        let wants_deal = source.said.contains_key(DEAL);
        let typed = match (wants_deal, deal.as_ref().map(serde_json::Value::as_str)) {
            (false, None) => None,
            (true, Some(Some(typed))) if !typed.trim().is_empty() => Some(typed.trim().to_owned()),
            (true, _) => {
                problems.push(Problem::new(
                    DEAL,
                    "is missing. Give the deal's id, or a part of its title or address.",
                ));
                None
            }
            (false, Some(_)) => {
                problems.push(Problem::new(DEAL, format!("is no argument of {name}.")));
                None
            }
        };
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems));
        }
        let (text, address) = match typed {
            None => (source.text.to_owned(), Address::ReviewQueue),
            Some(typed) => {
                let id = self.meant(who, &typed).await?;
                (source.text.replace("{{ id }}", &id.to_string()), Address::Timeline(id))
            }
        };
        let mut messages = vec![PromptMessage::new_text(Role::User, text)];
        if rules::allows(who.powers, address.right()) {
            let attached = self.read_document(who, &address.to_string()).await?;
            messages.push(PromptMessage::new(Role::User, ContentBlock::Resource(EmbeddedResource::new(attached))));
        }
        let description = source.said.get("description").copied().unwrap_or_default();
        Ok(GetPromptResult::new(messages).with_description(description))
    }

    /// The one deal that was meant.
    async fn meant(&self, who: &Principal, typed: &str) -> Result<DealId, Refusal> {
        if let Ok(id) = typed.parse::<DealId>() {
            return Ok(self.host.look(who, move |cx| view::get(cx, id)).await?.deal.id);
        }
        let found = self.suggested(who, typed).await?;
        let exact: Vec<&view::Suggested> =
            found.iter().filter(|deal| text::legible(&deal.title).eq_ignore_ascii_case(typed)).collect();
        match (found.as_slice(), exact.as_slice()) {
            ([deal], _) => Ok(deal.id),
            (_, [deal]) => Ok(deal.id),
            ([], _) => Err(Refusal::not_found("deal")),
            (several, _) => {
                let ids: Vec<String> = several.iter().take(5).map(|deal| deal.id.to_string()).collect();
                let sentence = format!("{} deals may be meant, such as {}.", several.len(), ids.join(", "));
                Err(Refusal::new(Code::Invalid, sentence, "Give the id of one, or more of its title."))
            }
        }
    }

    /// Titles of deals, each as often as typing it names one deal.
    pub(crate) async fn complete_argument(
        &self,
        who: &Principal,
        prompt: &str,
        typing: &Typing,
    ) -> Result<Vec<String>, Refusal> {
        if !source(prompt)?.said.contains_key(typing.argument.as_str()) || typing.argument != DEAL {
            return Err(no_such_place(&typing.argument));
        }
        let found = self.suggested(who, &typing.value).await?;
        let title = |deal: &view::Suggested| text::legible(&deal.title);
        let alone = |deal: &view::Suggested| found.iter().filter(|other| title(other) == title(deal)).count() == 1;
        Ok(found.iter().map(|deal| if alone(deal) { title(deal) } else { deal.id.to_string() }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_whole() {
        assert_eq!(ALL.len(), 3);
        for source in ALL.iter() {
            assert!(!source.said["title"].is_empty() && !source.said["description"].is_empty(), "{}", source.name);
            assert_eq!(source.said.contains_key(DEAL), source.text.contains("{{ id }}"), "{}", source.name);
            let rest = source.text.replace("{{ id }}", "");
            assert!(!rest.contains("{{"), "{}", source.name);
        }
    }
}
