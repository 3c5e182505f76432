//! Guilds, their channels and roles, and the people in them.

use serde_json::json;

use super::APP;
use super::acts::At;
use super::shown::Shown;
use super::state::{self, Kind, Known, State, permission};
use crate::peers::http::held;

/// A guild, with its owner and the bot in it.
#[derive(Clone)]
pub struct Guild {
    pub(super) known: Known,
    pub id: String,
}

/// A text channel of a guild.
#[derive(Clone)]
pub struct Channel {
    pub id: String,
    pub name: String,
}

impl AsRef<str> for Channel {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

/// Somebody with an account.
#[derive(Clone)]
pub struct Person {
    pub(super) known: Known,
    pub id: String,
    pub name: String,
    guild: String,
}

impl Guild {
    pub(super) fn found(known: &Known, name: &str, has_bot: bool) -> Self {
        let id = {
            let mut state = held(known);
            let (id, owner, own_role) = (state.id(), state.id(), state.id());
            state.user(&owner, "owner", false);
            let role = |id: &str, name: &str, permissions, of_bot| state::Role {
                id: id.into(),
                name: name.into(),
                permissions,
                of_bot,
            };
            let everyone = role(&id, "@everyone", permission::EVERYONE, false);
            let bot = role(&own_role, "Milepost", permission::INVITED, true);
            let guild = state::Guild {
                id: id.clone(),
                name: name.into(),
                locale: "en-US".into(),
                owner: owner.clone(),
                roles: vec![everyone, bot],
                members: [(owner, Vec::new()), (APP.to_owned(), vec![own_role])].into(),
                joined: state.clock.now().to_string(),
                has_bot,
            };
            state.guilds.insert(id.clone(), guild);
            id
        };
        let guild = Self { known: known.clone(), id };
        if has_bot {
            guild.tell_of_it();
        }
        guild
    }

    fn tell_of_it(&self) {
        let mut state = held(&self.known);
        let created = state.guild_create(&state.guilds[&self.id]);
        state.tell("GUILD_CREATE", &created);
    }

    /// Somebody invites the bot.
    pub fn invite_bot(&self) {
        if let Some(guild) = held(&self.known).guilds.get_mut(&self.id) {
            guild.has_bot = true;
        }
        self.tell_of_it();
    }

    /// Somebody throws the bot out.
    pub fn remove_bot(&self) {
        let mut state = held(&self.known);
        if let Some(guild) = state.guilds.get_mut(&self.id) {
            guild.has_bot = false;
        }
        state.tell("GUILD_DELETE", &json!({ "id": self.id }));
    }

    pub fn channel(&self, name: &str) -> Channel {
        let mut state = held(&self.known);
        let id = state.id();
        let (guild, kind) = (Some(self.id.clone()), Kind::Text);
        let channel = state::Channel { id: id.clone(), guild, name: name.into(), kind, bot_may: None };
        let told = state.channel_json(&channel);
        let there = state.guilds[&self.id].has_bot;
        state.channels.insert(id.clone(), channel);
        if there {
            state.tell("CHANNEL_CREATE", &told);
        }
        Channel { id, name: name.into() }
    }

    /// A member of this name; the same person in every guild.
    pub fn person(&self, name: &str) -> Person {
        let mut state = held(&self.known);
        let known = state.users.values().find(|user| user.name == name && !user.bot).map(|user| user.id.clone());
        let id = known.unwrap_or_else(|| state.id());
        if !state.users.contains_key(&id) {
            state.user(&id, name, false);
        }
        if let Some(guild) = state.guilds.get_mut(&self.id) {
            guild.members.entry(id.clone()).or_default();
        }
        Person { known: self.known.clone(), id, name: name.into(), guild: self.id.clone() }
    }

    /// A member who may do everything.
    pub fn admin(&self, name: &str) -> Person {
        let role = self.role("Administrators", permission::ADMINISTRATOR | permission::MANAGE_GUILD);
        let person = self.person(name);
        person.give(&role);
        person
    }

    pub fn owner(&self) -> Person {
        let state = held(&self.known);
        let id = state.guilds[&self.id].owner.clone();
        let name = state.users[&id].name.clone();
        Person { known: self.known.clone(), id, name, guild: self.id.clone() }
    }

    /// The id of the role of this name, made with these permissions when it is new.
    pub fn role(&self, name: &str, permissions: u64) -> String {
        let mut state = held(&self.known);
        let id = state.id();
        let roles = &mut state.guilds.get_mut(&self.id).expect("a guild stays").roles;
        if let Some(role) = roles.iter().find(|role| role.name == name) {
            return role.id.clone();
        }
        roles.push(state::Role { id: id.clone(), name: name.into(), permissions, of_bot: false });
        id
    }

    /// The language of the guild, such as `de`.
    pub fn speaks(&self, locale: &str) {
        if let Some(guild) = held(&self.known).guilds.get_mut(&self.id) {
            guild.locale = locale.into();
        }
    }
}

impl Person {
    pub fn in_channel(&self, channel: &(impl AsRef<str> + ?Sized)) -> At {
        let channel = channel.as_ref().to_owned();
        let guild = held(&self.known).channels.get(&channel).and_then(|channel| channel.guild.clone());
        let guild = Some(guild.unwrap_or_else(|| self.guild.clone()));
        At { who: self.clone(), guild, channel }
    }

    pub fn in_direct_messages(&self) -> At {
        let channel = held(&self.known).direct(&self.id);
        At { who: self.clone(), guild: None, channel }
    }

    /// What the bot wrote to them, the oldest first.
    pub fn direct_messages(&self) -> Vec<Shown> {
        let mut state = held(&self.known);
        let channel = state.direct(&self.id);
        all_in(&state, &channel)
    }

    pub fn give(&self, role: &str) {
        let mut state = held(&self.known);
        let guild = state.guilds.get_mut(&self.guild).expect("a guild stays");
        let roles = guild.members.entry(self.id.clone()).or_default();
        if !roles.iter().any(|has| has == role) {
            roles.push(role.into());
        }
    }

    pub fn take_away(&self, role: &str) {
        let mut state = held(&self.known);
        let guild = state.guilds.get_mut(&self.guild).expect("a guild stays");
        guild.members.entry(self.id.clone()).or_default().retain(|has| has != role);
    }

    /// The language of their client, such as `de`.
    pub fn speaks(&self, locale: &str) {
        if let Some(user) = held(&self.known).users.get_mut(&self.id) {
            user.locale = locale.into();
        }
    }

    /// They take no direct messages any more.
    pub fn close_direct_messages(&self) {
        if let Some(user) = held(&self.known).users.get_mut(&self.id) {
            user.closed = true;
        }
    }
}

/// What everybody sees in a channel, the oldest first.
pub(super) fn all_in(state: &State, channel: &str) -> Vec<Shown> {
    let here = |message: &&state::Message| message.channel == channel && message.only_for.is_none();
    state.messages.values().filter(here).map(|message| Shown::of(state, message)).collect()
}
