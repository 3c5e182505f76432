//! What somebody asks, whatever way it came.

use std::collections::BTreeMap;

use domain::kernel::id::{ApprovalId, ContactId, DealId, MemberId, MilestoneId};
use domain::kernel::{Problem, Refusal};
use serenity::all::{
    ActionRowComponent, CommandDataOption, CommandDataOptionValue, CommandInteraction,
    ComponentInteractionDataKind, Interaction, MessageFlags, Permissions, User,
};

/// Somebody asks something. Nothing of it but the account is believed: Discord says who it is.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Discord's id of it. What comes twice has the same.
    pub id: String,
    /// With this it is answered, within 15 minutes. A secret.
    pub token: String,
    pub application: String,
    /// The server it was asked in; `None` in direct messages.
    pub guild: Option<Guild>,
    pub channel: String,
    pub user: String,
    pub what: What,
    /// The message on which a button was pressed.
    pub pressed: Option<Pressed>,
}

/// A message of ours, as it stands in the channel.
#[derive(Clone, Debug)]
pub struct Pressed {
    pub text: String,
    /// Whether only whoever pressed sees it.
    pub private: bool,
}

#[derive(Clone, Debug)]
pub struct Guild {
    pub id: String,
    /// Whether Discord lets whoever asks manage the server.
    pub manages: bool,
    /// What the bot may do in the channel, as bits.
    pub ours: u64,
}

#[derive(Clone, Debug)]
pub enum What {
    Command(Call),
    /// What is typed so far into an option that is offered choices.
    Complete(Call, String),
    /// A button, by what stands in it.
    Press(String),
    /// A form that was sent, by what stands in it, and its fields.
    Form(String, BTreeMap<String, String>),
    Other,
}

/// A command with its options.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Such as `deal show`.
    pub path: String,
    pub options: BTreeMap<String, Given>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Text(String),
    Number(i64),
    Flag(bool),
    /// Discord's id of a person or channel.
    Named(String),
}

impl Call {
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.options.get(name) {
            Some(Given::Text(text) | Given::Named(text)) => Some(text),
            _ => None,
        }
    }

    pub fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        match self.options.get(name) {
            Some(Given::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        self.said(name) == Some(true)
    }

    /// Yes or no; `None` when nothing was said.
    pub fn said(&self, name: &str) -> Option<bool> {
        match self.options.get(name) {
            Some(Given::Flag(said)) => Some(*said),
            _ => None,
        }
    }

    /// The option as Discord's user sees it: whoever typed words and chose nothing is told to choose.
    fn id<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<T, Refusal> {
        let typed = self.text(name).unwrap_or_default();
        typed.parse().map_err(|_| {
            let sentence = format!("is no {what}: choose one of those that are offered while you type.");
            Refusal::invalid(vec![Problem::new(name, sentence)])
        })
    }

    pub fn deal(&self) -> Result<DealId, Refusal> {
        self.id("deal", "deal")
    }

    pub fn milestone(&self) -> Result<MilestoneId, Refusal> {
        self.id("milestone", "milestone")
    }

    pub fn approval(&self) -> Result<ApprovalId, Refusal> {
        self.id("approval", "approval")
    }

    pub fn contact(&self) -> Result<ContactId, Refusal> {
        self.id("contact", "contact")
    }

    pub fn member(&self) -> Result<MemberId, Refusal> {
        self.id("member", "member of the team")
    }
}

impl Asked {
    /// What serenity read; `None` for what is no question, such as a ping.
    pub fn of(interaction: &Interaction) -> Option<Self> {
        let asked = |id: u64, token: &str, application: u64, guild: Option<u64>, channel: u64| Self {
            id: id.to_string(),
            token: token.to_owned(),
            application: application.to_string(),
            guild: guild.map(|id| Guild { id: id.to_string(), manages: false, ours: 0 }),
            channel: channel.to_string(),
            user: String::new(),
            what: What::Other,
            pressed: None,
        };
        match interaction {
            Interaction::Command(c) | Interaction::Autocomplete(c) => {
                let guild = c.guild_id.map(|id| id.get());
                let mut one = asked(c.id.get(), &c.token, c.application_id.get(), guild, c.channel_id.get());
                one.by(&c.user, c.member.as_deref().and_then(|member| member.permissions), c.app_permissions);
                let (call, focused) = call(c);
                one.what = match (interaction, focused) {
                    (Interaction::Autocomplete(_), Some(option)) => What::Complete(call, option),
                    (Interaction::Autocomplete(_), None) => What::Other,
                    _ => What::Command(call),
                };
                Some(one)
            }
            Interaction::Component(c) => {
                let guild = c.guild_id.map(|id| id.get());
                let mut one = asked(c.id.get(), &c.token, c.application_id.get(), guild, c.channel_id.get());
                one.by(&c.user, c.member.as_ref().and_then(|member| member.permissions), c.app_permissions);
                let private = c.message.flags.is_some_and(|flags| flags.contains(MessageFlags::EPHEMERAL));
                one.pressed = Some(Pressed { text: c.message.content.clone(), private });
                if let ComponentInteractionDataKind::Button = c.data.kind {
                    one.what = What::Press(c.data.custom_id.clone());
                }
                Some(one)
            }
            Interaction::Modal(m) => {
                let guild = m.guild_id.map(|id| id.get());
                let mut one = asked(m.id.get(), &m.token, m.application_id.get(), guild, m.channel_id.get());
                one.by(&m.user, m.member.as_ref().and_then(|member| member.permissions), m.app_permissions);
                let rows = m.data.components.iter().flat_map(|row| &row.components);
                let fields = rows.filter_map(|part| match part {
                    ActionRowComponent::InputText(input) => {
                        Some((input.custom_id.clone(), input.value.clone().unwrap_or_default()))
                    }
                    _ => None,
                });
                one.what = What::Form(m.data.custom_id.clone(), fields.collect());
                Some(one)
            }
            _ => None,
        }
    }

    fn by(&mut self, user: &User, may: Option<Permissions>, ours: Option<Permissions>) {
        self.user = user.id.to_string();
        if let Some(guild) = &mut self.guild {
            guild.manages =
                may.is_some_and(|may| may.intersects(Permissions::MANAGE_GUILD | Permissions::ADMINISTRATOR));
            guild.ours = ours.map_or(0, |ours| ours.bits());
        }
    }
}

/// The command, and the option in which somebody types.
fn call(c: &CommandInteraction) -> (Call, Option<String>) {
    let mut call = Call { path: c.data.name.clone(), options: BTreeMap::new() };
    let mut focused = None;
    let mut level: &[CommandDataOption] = &c.data.options;
    while let [CommandDataOption { name, value, .. }] = level
        && let CommandDataOptionValue::SubCommand(inner) | CommandDataOptionValue::SubCommandGroup(inner) = value
    {
        call.path = format!("{} {name}", call.path);
        level = inner;
    }
    for option in level {
        let given = match &option.value {
            CommandDataOptionValue::String(text) => Given::Text(text.clone()),
            CommandDataOptionValue::Integer(number) => Given::Number(*number),
            CommandDataOptionValue::Boolean(flag) => Given::Flag(*flag),
            CommandDataOptionValue::User(id) => Given::Named(id.to_string()),
            CommandDataOptionValue::Channel(id) => Given::Named(id.to_string()),
            CommandDataOptionValue::Role(id) => Given::Named(id.to_string()),
            CommandDataOptionValue::Autocomplete { value, .. } => {
                focused = Some(option.name.clone());
                Given::Text(value.clone())
            }
            _ => continue,
        };
        call.options.insert(option.name.clone(), given);
    }
    (call, focused)
}
