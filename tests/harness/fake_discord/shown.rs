//! What somebody sees: messages, forms, choices, and how they look in plain text. The text is made for snapshots: it has
//! no ids, and people, channels and roles by their names.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::Attachment;
use super::interactions::{Interaction, answer};
use super::rules::list;
use super::state::{Known, Message, State};
use crate::peers::http::held;

/// A message as it stands when it is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub id: String,
    pub channel: String,
    /// The name of who wrote it.
    pub author: String,
    pub content: String,
    pub embeds: Vec<Value>,
    pub components: Vec<Value>,
    pub attachments: Vec<Attachment>,
    /// The only one who sees it, by name.
    pub only_for: Option<String>,
    /// How often it was changed.
    pub revisions: u32,
    /// An answer that was promised and has not come.
    pub loading: bool,
    /// Mentions with the names behind them.
    names: Vec<(String, String)>,
}

impl Shown {
    pub(super) fn of(state: &State, message: &Message) -> Self {
        let name = |id: &String| state.users.get(id).map_or_else(|| id.clone(), |user| user.name.clone());
        Self {
            id: message.id.clone(),
            channel: message.channel.clone(),
            author: name(&message.author),
            content: message.content.clone(),
            embeds: message.embeds.clone(),
            components: message.components.clone(),
            attachments: message.attachments.clone(),
            only_for: message.only_for.as_ref().map(name),
            revisions: message.revisions,
            loading: message.loading,
            names: mentioned(state, message),
        }
    }

    /// In plain text.
    pub fn shown(&self) -> String {
        let mut lines = Vec::new();
        if let Some(name) = &self.only_for {
            lines.push(format!("(only {name} sees this)"));
        }
        if self.loading {
            lines.push("(thinking)".into());
        }
        lines.extend(self.content.lines().map(str::to_owned));
        for embed in &self.embeds {
            lines.extend(embed_lines(embed).into_iter().map(|line| format!("| {line}").trim_end().to_owned()));
        }
        for file in &self.attachments {
            let about = file.description.as_ref().map_or(String::new(), |text| format!(": {text}"));
            lines.push(format!("(file {}{about})", file.name));
        }
        for row in &self.components {
            lines.push(list(&row["components"]).iter().map(component).collect::<Vec<_>>().join(" "));
        }
        let text = lines.join("\n");
        self.names.iter().fold(text, |text, (mention, name)| text.replace(mention, name))
    }

    /// What stands in a button, by its label.
    #[track_caller]
    pub fn custom_id(&self, label: &str) -> String {
        let button = self.button(label).unwrap_or_else(|| panic!("no button {label:?} in\n{}", self.shown()));
        text(&button["custom_id"]).to_owned()
    }

    /// What stands in the buttons of a label, from top to bottom.
    pub fn custom_ids(&self, named: &str) -> Vec<String> {
        let buttons = self.in_rows().filter(|component| component["type"] == 2 && label(component) == named);
        buttons.map(|button| text(&button["custom_id"]).to_owned()).collect()
    }

    /// The buttons, by what stands on them.
    pub fn buttons(&self) -> Vec<String> {
        self.in_rows().filter(|component| component["type"] == 2).map(label).collect()
    }

    fn in_rows(&self) -> impl Iterator<Item = &Value> {
        self.components.iter().flat_map(|row| list(&row["components"]))
    }

    /// A button that can be pressed, by its label or custom_id.
    pub(super) fn button(&self, named: &str) -> Option<&Value> {
        let is = |button: &&Value| label(button) == named || button["custom_id"] == named;
        let mut buttons = self.in_rows().filter(|component| component["type"] == 2).filter(is);
        buttons.find(|button| button["disabled"] != true && button["style"] != 5)
    }

    /// A select menu that can be opened, by its placeholder or custom_id.
    pub(super) fn menu(&self, named: &str) -> Option<&Value> {
        let mut menus = self.in_rows().filter(|component| matches!(component["type"].as_u64(), Some(3 | 5..=8)));
        menus.find(|menu| (menu["placeholder"] == named || menu["custom_id"] == named) && menu["disabled"] != true)
    }
}

/// The mentions in a message, with the names behind them.
fn mentioned(state: &State, message: &Message) -> Vec<(String, String)> {
    let text = format!("{} {}", message.content, Value::Array(message.embeds.clone()));
    let ends = text.match_indices('>');
    let found = ends.filter_map(|(end, _)| text[..end].rfind('<').map(|start| &text[start..=end]));
    let named = |mention: &str| {
        let id = mention.trim_matches(|char: char| !char.is_ascii_digit());
        let roles = || state.guilds.values().flat_map(|guild| &guild.roles);
        if mention.starts_with("<@&") {
            roles().find(|role| role.id == id).map(|role| format!("@{}", role.name))
        } else if mention.starts_with("<@") {
            state.users.get(id).map(|user| format!("@{}", user.name))
        } else {
            let channel = mention.starts_with("<#").then(|| state.channels.get(id)).flatten();
            channel.map(|channel| format!("#{}", channel.name))
        }
    };
    found.filter_map(|mention| Some((mention.to_owned(), named(mention)?))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn label(button: &Value) -> String {
    match (&button["label"], &button["emoji"]["name"]) {
        (Value::String(label), Value::String(emoji)) => format!("{emoji} {label}"),
        (Value::String(label), _) => label.clone(),
        (_, emoji) => text(emoji).to_owned(),
    }
}

fn embed_lines(embed: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(embed["author"]["name"].as_str().map(|name| format!("({name})")));
    let title = text(&embed["title"]);
    match embed["url"].as_str() {
        Some(url) if !title.is_empty() => lines.push(format!("{title} ({url})")),
        _ => lines.extend(title.lines().map(str::to_owned)),
    }
    lines.extend(text(&embed["description"]).lines().map(str::to_owned));
    for field in list(&embed["fields"]) {
        let mut value = text(&field["value"]).lines();
        lines.push(format!("{}: {}", text(&field["name"]), value.next().unwrap_or_default()));
        lines.extend(value.map(|line| format!("  {line}")));
    }
    for picture in ["image", "thumbnail"] {
        lines.extend(embed[picture]["url"].as_str().map(|url| format!("({picture} {url})")));
    }
    lines.extend(embed["footer"]["text"].as_str().map(|text| format!("({text})")));
    lines
}

fn component(component: &Value) -> String {
    let off = if component["disabled"] == true { "(disabled)" } else { "" };
    if component["type"] == 2 {
        let to = component["url"].as_str().map_or(String::new(), |url| format!("({url})"));
        return format!("[{}]{to}{off}", label(component));
    }
    let options = list(&component["options"]).iter().map(|option| {
        let chosen = if option["default"] == true { "*" } else { "" };
        format!("{}{chosen}", text(&option["label"]))
    });
    let options = options.collect::<Vec<_>>().join(" | ");
    format!("<{}: {options}>{off}", component["placeholder"].as_str().unwrap_or("choose"))
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub id: String,
    pub label: String,
    /// What stands in it when the form opens.
    pub value: String,
    pub placeholder: String,
    pub required: bool,
    pub least: usize,
    pub most: usize,
    pub paragraph: bool,
}

/// A form that has popped up.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub id: String,
    pub title: String,
    pub fields: Vec<Field>,
    /// The message from which it was opened.
    pub(super) source: Option<String>,
    /// What was done to open it.
    pub(super) opened_by: Value,
}

impl Form {
    fn of(data: &Value, interaction: &Interaction) -> Self {
        let inputs = list(&data["components"]).iter().flat_map(|row| list(&row["components"]));
        let field = |input: &Value| Field {
            id: text(&input["custom_id"]).into(),
            label: text(&input["label"]).into(),
            value: text(&input["value"]).into(),
            placeholder: text(&input["placeholder"]).into(),
            required: input["required"] != false,
            least: input["min_length"].as_u64().unwrap_or(0) as usize,
            most: input["max_length"].as_u64().unwrap_or(4_000) as usize,
            paragraph: input["style"] == 2,
        };
        Self {
            id: text(&data["custom_id"]).into(),
            title: text(&data["title"]).into(),
            fields: inputs.map(field).collect(),
            source: interaction.source.clone(),
            opened_by: interaction.metadata.clone(),
        }
    }

    /// In plain text.
    pub fn shown(&self) -> String {
        let mut lines = vec![format!("form: {}", self.title)];
        for field in &self.fields {
            let must = if field.required { "*" } else { "" };
            let size = if field.paragraph { "paragraph" } else { "line" };
            let within = match (field.least, field.most) {
                (0, 4_000) => String::new(),
                (0, most) => format!(", up to {most}"),
                (least, most) => format!(", {least} to {most}"),
            };
            lines.push(format!("{}{must} ({size}{within})", field.label));
            if !field.placeholder.is_empty() {
                lines.push(format!("  hint: {}", field.placeholder));
            }
            lines.extend(field.value.lines().map(|line| format!("  > {line}")));
        }
        lines.join("\n")
    }
}

/// What is offered while somebody types.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub name: String,
    pub value: Value,
}

/// What an answer is for who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Message,
    /// The message that was clicked on is another one now, or stays as it is.
    Update,
    Modal,
    Choices,
    /// A message was promised, and has not come.
    Thinking,
    /// "The application did not respond."
    Nothing,
}

/// What the bot said to what somebody did.
#[derive(Clone)]
pub struct Said {
    pub kind: What,
    pub ephemeral: bool,
    /// The answer, or the message that was changed. None when it was deleted since.
    pub message: Option<Shown>,
    pub choices: Vec<Choice>,
    /// How long the first answer took, on the wall.
    pub took: Duration,
    /// What followed so far.
    pub followups: Vec<Shown>,
    form: Option<Form>,
    pub(super) known: Known,
    pub(super) token: String,
}

impl Said {
    /// What there is to see now.
    pub(super) fn now(known: &Known, token: &str) -> Self {
        let state = held(known);
        let found = &state.interactions[token];
        let shown = |id: &String| state.message(id).map(|message| Shown::of(&state, message));
        let message = found.original.as_ref().and_then(shown);
        let (first, data) = found.first.clone().unwrap_or_default();
        let kind = match first {
            answer::MESSAGE => What::Message,
            answer::DEFERRED if message.as_ref().is_some_and(|message| message.loading) => What::Thinking,
            answer::DEFERRED => What::Message,
            answer::UPDATE | answer::DEFERRED_UPDATE => What::Update,
            answer::CHOICES => What::Choices,
            answer::FORM => What::Modal,
            _ => What::Nothing,
        };
        let choices = list(&data["choices"]).iter();
        let choices = choices.map(|c| Choice { name: text(&c["name"]).into(), value: c["value"].clone() });
        Self {
            kind,
            ephemeral: message.as_ref().is_some_and(|message| message.only_for.is_some()),
            choices: if kind == What::Choices { choices.collect() } else { Vec::new() },
            took: found.took.unwrap_or_default(),
            followups: found.followups.iter().filter_map(shown).collect(),
            form: (kind == What::Modal).then(|| Form::of(&data, found)),
            message,
            known: known.clone(),
            token: token.into(),
        }
    }

    /// The form that popped up.
    #[track_caller]
    pub fn modal(&self) -> &Form {
        self.form.as_ref().unwrap_or_else(|| panic!("no form popped up, but this came: {self:?}"))
    }

    /// The message that came or was changed.
    #[track_caller]
    pub fn message(&self) -> &Shown {
        self.message.as_ref().unwrap_or_else(|| panic!("no message came, but this: {self:?}"))
    }

    /// The same, as it stands now.
    pub fn again(&self) -> Self {
        Self::now(&self.known, &self.token)
    }

    /// In plain text: the answer, and what followed it.
    pub fn shown(&self) -> String {
        let gone = || "(deleted)".to_owned();
        let message = || self.message.as_ref().map_or_else(gone, Shown::shown);
        let first = match self.kind {
            What::Message | What::Thinking => message(),
            What::Update => format!("(changed)\n{}", message()),
            What::Modal => self.modal().shown(),
            What::Choices if self.choices.is_empty() => "(no choices)".into(),
            What::Choices => {
                self.choices.iter().map(|choice| format!("- {}", choice.name)).collect::<Vec<_>>().join("\n")
            }
            What::Nothing => "(the application did not respond)".into(),
        };
        let followed = self.followups.iter().map(|message| format!("\n\n{}", message.shown()));
        std::iter::once(first).chain(followed).collect()
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after {:?}:\n{}", self.kind, self.took, self.shown())
    }
}

/// A message that can be clicked on.
pub trait Clickable {
    fn id(&self) -> &str;
}

impl Clickable for Shown {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Clickable for Said {
    #[track_caller]
    fn id(&self) -> &str {
        &self.message().id
    }
}

impl Clickable for &str {
    fn id(&self) -> &str {
        self
    }
}

impl Clickable for String {
    fn id(&self) -> &str {
        self
    }
}
