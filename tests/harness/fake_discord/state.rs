//! What Discord knows: guilds, people, channels, messages, sessions and interactions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host::Clock;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::gateway::Sessions;
use super::interactions::Interaction;
use super::{APP, Attachment, Limits, Posted};

/// The start of Discord's own time, in milliseconds of ours.
const EPOCH: i64 = 1_420_070_400_000;

/// Names of the permissions that matter here.
pub mod permission {
    pub const ADMINISTRATOR: u64 = 1 << 3;
    pub const MANAGE_GUILD: u64 = 1 << 5;
    pub const VIEW_CHANNEL: u64 = 1 << 10;
    pub const SEND_MESSAGES: u64 = 1 << 11;
    pub const EMBED_LINKS: u64 = 1 << 14;
    pub const ATTACH_FILES: u64 = 1 << 15;
    pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
    pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
    pub const MANAGE_THREADS: u64 = 1 << 34;
    pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
    pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
    /// What an invite of the product asks for.
    pub const INVITED: u64 = VIEW_CHANNEL
        | SEND_MESSAGES
        | EMBED_LINKS
        | ATTACH_FILES
        | READ_MESSAGE_HISTORY
        | MANAGE_THREADS
        | CREATE_PUBLIC_THREADS
        | SEND_MESSAGES_IN_THREADS;
    /// What everybody in a guild may do.
    pub const EVERYONE: u64 = VIEW_CHANNEL
        | SEND_MESSAGES
        | EMBED_LINKS
        | ATTACH_FILES
        | READ_MESSAGE_HISTORY
        | USE_APPLICATION_COMMANDS
        | SEND_MESSAGES_IN_THREADS;
    pub const ALL: u64 = (1 << 50) - 1;
}

#[derive(Clone, Debug)]
pub(super) struct User {
    pub id: String,
    pub name: String,
    pub locale: String,
    pub bot: bool,
    /// They take no direct messages.
    pub closed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Role {
    pub id: String,
    pub name: String,
    pub permissions: u64,
    /// The role that the bot brought with it.
    pub of_bot: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Guild {
    pub id: String,
    pub name: String,
    pub locale: String,
    pub owner: String,
    pub roles: Vec<Role>,
    /// Who is in it, with their roles.
    pub members: BTreeMap<String, Vec<String>>,
    pub joined: String,
    /// Whether the bot is in it.
    pub has_bot: bool,
}

impl Guild {
    /// What the member may do where no channel says otherwise.
    pub fn permissions(&self, user: &str) -> u64 {
        let theirs = self.members.get(user).map_or(&[][..], Vec::as_slice);
        let of = |role: &&Role| role.id == self.id || theirs.contains(&role.id);
        let bits = self.roles.iter().filter(of).fold(0, |bits, role| bits | role.permissions);
        let all = self.owner == user || bits & permission::ADMINISTRATOR != 0;
        if all { permission::ALL } else { bits }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Text,
    /// With one person.
    Direct(String),
    Thread {
        parent: String,
        archived: bool,
        locked: bool,
        minutes: u64,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub id: String,
    pub guild: Option<String>,
    pub name: String,
    pub kind: Kind,
    /// What the bot may do here, where that differs from its guild.
    pub bot_may: Option<u64>,
}

/// A message as it stands now.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub id: String,
    pub channel: String,
    pub author: String,
    pub content: String,
    pub embeds: Vec<Value>,
    pub components: Vec<Value>,
    pub attachments: Vec<Attachment>,
    pub nonce: Option<String>,
    pub flags: u64,
    pub edited: Option<String>,
    /// How often it was changed.
    pub revisions: u32,
    /// Who sees it, when not everybody in the channel does.
    pub only_for: Option<String>,
    /// What it answers, as Discord tells it.
    pub interaction: Option<Value>,
    /// A deferred answer that has not come.
    pub loading: bool,
}

pub(super) struct State {
    pub clock: Clock,
    /// Real time, for how long an answer takes.
    pub wall: Clock,
    pub users: BTreeMap<String, User>,
    pub guilds: BTreeMap<String, Guild>,
    pub channels: BTreeMap<String, Channel>,
    pub messages: BTreeMap<u64, Message>,
    pub posted: Vec<Posted>,
    /// How often messages in channels were changed.
    pub changes: usize,
    /// Which post a nonce belongs to in a channel.
    pub nonces: HashMap<(String, String), usize>,
    pub gone: HashSet<String>,
    pub closed: HashSet<String>,
    /// What is wrong with what it was asked, in words.
    pub mistakes: Vec<String>,
    pub limits: Limits,
    pub counted: HashMap<String, Vec<Duration>>,
    /// The registered commands, of all guilds (`None`) or one.
    pub commands: HashMap<Option<String>, Vec<Value>>,
    pub command_puts: usize,
    pub interactions: HashMap<String, Interaction>,
    pub sessions: Sessions,
    pub deliver_to: Option<String>,
    /// How long people wait, in real time.
    pub patience: Duration,
    /// Moves with every message that comes or changes.
    pub moved: watch::Sender<u64>,
    pub address: String,
    next_id: i64,
}

pub(super) type Known = Arc<Mutex<State>>;

impl State {
    pub fn new(clock: &Clock) -> Self {
        let mut state = Self {
            clock: clock.clone(),
            wall: Clock::system(),
            users: BTreeMap::new(),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
            messages: BTreeMap::new(),
            posted: Vec::new(),
            changes: 0,
            nonces: HashMap::new(),
            gone: HashSet::new(),
            closed: HashSet::new(),
            mistakes: Vec::new(),
            limits: Limits::default(),
            counted: HashMap::new(),
            commands: HashMap::new(),
            command_puts: 0,
            interactions: HashMap::new(),
            sessions: Sessions::default(),
            deliver_to: None,
            patience: Duration::from_secs(5),
            moved: watch::Sender::new(0),
            address: String::new(),
            next_id: 0,
        };
        state.user(APP, "milepost", true);
        state
    }

    pub fn id(&mut self) -> String {
        self.next_id += 1;
        (((self.clock.now().as_millisecond() - EPOCH) << 22) + self.next_id).to_string()
    }

    pub fn mistake(&mut self, sentence: impl Into<String>) {
        self.mistakes.push(sentence.into());
    }

    pub fn user(&mut self, id: &str, name: &str, bot: bool) {
        let user = User { id: id.into(), name: name.into(), locale: "en-US".into(), bot, closed: false };
        self.users.insert(id.into(), user);
    }

    pub fn moves(&self) {
        self.moved.send_modify(|count| *count += 1);
    }

    /// Where a message belongs for rights: a thread's rights are its parent's.
    fn place_of<'s>(&'s self, channel: &'s Channel) -> &'s Channel {
        match &channel.kind {
            Kind::Thread { parent, .. } => self.channels.get(parent).unwrap_or(channel),
            _ => channel,
        }
    }

    /// What the bot may do in a channel.
    pub fn bot_may(&self, channel: &Channel) -> u64 {
        let place = self.place_of(channel);
        if self.closed.contains(&place.id) || self.closed.contains(&channel.id) {
            return 0;
        }
        let guild = channel.guild.as_ref().and_then(|id| self.guilds.get(id));
        place.bot_may.unwrap_or_else(|| guild.map_or(permission::INVITED, |guild| guild.permissions(APP)))
    }

    pub fn role_json(&self, guild: &Guild, role: &Role) -> Value {
        let mut shown = json!({
            "id": role.id, "name": role.name, "permissions": role.permissions.to_string(),
            "position": guild.roles.iter().position(|r| r.id == role.id).unwrap_or(0), "color": 0,
            "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
            "hoist": false, "managed": role.of_bot, "mentionable": false, "icon": null, "unicode_emoji": null,
            "flags": 0,
        });
        if role.of_bot {
            shown["tags"] = json!({ "bot_id": APP });
        }
        shown
    }

    pub fn user_json(&self, id: &str) -> Value {
        let (name, bot) = self.users.get(id).map_or(("somebody", false), |user| (&user.name, user.bot));
        let mut shown = json!({
            "id": id, "username": name, "avatar": null, "discriminator": "0", "public_flags": 0, "flags": 0,
            "global_name": if bot { Value::Null } else { json!(capital(name)) }, "primary_guild": null,
            "banner": null, "accent_color": null, "avatar_decoration_data": null, "collectibles": null,
        });
        if bot {
            shown["bot"] = json!(true);
        }
        shown
    }

    /// A member, with the person inside or not.
    pub fn member_json(&self, guild: &Guild, user: &str, whole: bool) -> Value {
        let mut shown = json!({
            "avatar": null, "banner": null, "communication_disabled_until": null, "flags": 0,
            "joined_at": guild.joined, "nick": null, "pending": false, "premium_since": null,
            "roles": guild.members.get(user).cloned().unwrap_or_default(),
        });
        if whole {
            shown["user"] = self.user_json(user);
            shown["mute"] = json!(false);
            shown["deaf"] = json!(false);
        }
        shown
    }

    pub fn channel_json(&self, channel: &Channel) -> Value {
        let in_it = self.messages.values().filter(|m| m.channel == channel.id && m.only_for.is_none());
        let last = in_it.clone().next_back().map(|message| message.id.clone());
        let mut shown = json!({ "id": channel.id, "last_message_id": last, "flags": 0 });
        match &channel.kind {
            Kind::Direct(user) => merge(&mut shown, json!({ "type": 1, "recipients": [self.user_json(user)] })),
            Kind::Text => {
                let mut overwrites = Vec::new();
                if let Some(bits) = channel.bot_may {
                    let deny = permission::ALL & !bits;
                    overwrites.push(
                        json!({ "id": APP, "type": 1, "allow": bits.to_string(), "deny": deny.to_string() }),
                    );
                }
                let here = json!({
                    "type": 0, "guild_id": channel.guild.as_deref().unwrap_or("1"), "name": channel.name,
                    "position": 0, "permission_overwrites": overwrites, "nsfw": false, "topic": null,
                    "parent_id": null, "rate_limit_per_user": 0,
                });
                merge(&mut shown, here);
            }
            Kind::Thread { parent, archived, locked, minutes } => {
                let count = in_it.count();
                let at = time_of(&channel.id);
                let thread = json!({
                    "type": 11, "guild_id": channel.guild.as_deref().unwrap_or("1"), "name": channel.name,
                    "parent_id": parent, "owner_id": APP, "message_count": count, "member_count": 1,
                    "total_message_sent": count, "rate_limit_per_user": 0,
                    "thread_metadata": {
                        "archived": archived, "locked": locked, "auto_archive_duration": minutes,
                        "archive_timestamp": at, "create_timestamp": at,
                    },
                });
                merge(&mut shown, thread);
            }
        }
        shown
    }

    pub fn guild_json(&self, guild: &Guild) -> Value {
        let roles: Vec<Value> = guild.roles.iter().map(|role| self.role_json(guild, role)).collect();
        json!({
            "id": guild.id, "name": guild.name, "icon": null, "description": null, "home_header": null,
            "splash": null, "discovery_splash": null, "features": [], "banner": null, "owner_id": guild.owner,
            "application_id": null, "region": "us-central", "afk_channel_id": null, "afk_timeout": 300,
            "system_channel_id": null, "system_channel_flags": 0, "widget_enabled": false,
            "widget_channel_id": null, "verification_level": 0, "roles": roles,
            "default_message_notifications": 0, "mfa_level": 0, "explicit_content_filter": 0,
            "max_presences": null, "max_members": 500_000, "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25, "vanity_url_code": null, "premium_tier": 0,
            "premium_subscription_count": 0, "preferred_locale": guild.locale, "rules_channel_id": null,
            "safety_alerts_channel_id": null, "public_updates_channel_id": null,
            "premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "emojis": [], "stickers": [],
            "incidents_data": null,
        })
    }

    /// As the event has it, with everything in the guild.
    pub fn guild_create(&self, guild: &Guild) -> Value {
        let mut shown = self.guild_json(guild);
        let of = |channel: &&Channel| {
            channel.guild.as_ref() == Some(&guild.id)
                && !self.gone.contains(&channel.id)
                && self.bot_may(channel) & permission::VIEW_CHANNEL != 0
        };
        let (threads, channels): (Vec<_>, Vec<_>) =
            self.channels.values().filter(of).partition(|channel| matches!(channel.kind, Kind::Thread { .. }));
        let all = |list: Vec<&Channel>| list.into_iter().map(|c| self.channel_json(c)).collect::<Vec<_>>();
        // Without the privileged intent, of the members only the bot itself is told.
        let extra = json!({
            "joined_at": guild.joined, "large": false, "unavailable": false, "member_count": guild.members.len(),
            "voice_states": [], "members": [self.member_json(guild, APP, true)], "channels": all(channels),
            "threads": all(threads), "presences": [], "stage_instances": [], "guild_scheduled_events": [],
        });
        merge(&mut shown, extra);
        shown
    }

    /// A message as Discord shows it.
    pub fn message_json(&self, message: &Message) -> Value {
        let base = &self.address;
        let attachment = |file: &Attachment| {
            let url = format!("{base}/attachments/{}/{}/{}", message.channel, file.id, file.name);
            let mut shown = json!({
                "id": file.id, "filename": file.name, "size": file.bytes.len(), "url": url, "proxy_url": url,
                "content_type": file.content_type,
            });
            if let Some(text) = &file.description {
                shown["description"] = json!(text);
            }
            shown
        };
        let embeds: Vec<Value> = message.embeds.iter().map(embed_json).collect();
        let mut numbers = 0;
        let components: Vec<Value> =
            message.components.iter().map(|row| component_json(row, &mut numbers)).collect();
        let mut shown = json!({
            "id": message.id, "channel_id": message.channel, "type": if message.interaction.is_some() { 20 } else { 0 },
            "content": message.content, "mentions": [], "mention_roles": [], "mention_everyone": false,
            "attachments": message.attachments.iter().map(attachment).collect::<Vec<_>>(), "embeds": embeds,
            "timestamp": time_of(&message.id), "edited_timestamp": message.edited, "flags": message.flags,
            "components": components, "author": self.user_json(&message.author), "pinned": false, "tts": false,
        });
        if let Some(nonce) = &message.nonce {
            shown["nonce"] = json!(nonce);
        }
        if let Some(interaction) = &message.interaction {
            shown["interaction_metadata"] = interaction.clone();
            shown["application_id"] = json!(APP);
            shown["webhook_id"] = json!(APP);
        }
        if let Some(thread) = self.channels.get(&message.id) {
            shown["thread"] = self.channel_json(thread);
        }
        shown
    }
}

/// When an id was given.
pub(super) fn time_of(id: &str) -> String {
    let ms = (id.parse::<i64>().unwrap_or(0) >> 22) + EPOCH;
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().to_string()
}

pub(super) fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

pub(super) fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn without_nothing(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn embed_json(embed: &Value) -> Value {
    let mut shown = embed.as_object().map(without_nothing).unwrap_or_default();
    shown.insert("type".into(), json!("rich"));
    for field in shown.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
        if field["inline"].is_null() {
            field["inline"] = json!(false);
        }
    }
    Value::Object(shown)
}

/// A row and what is in it, numbered through as Discord does it.
fn component_json(component: &Value, numbers: &mut u64) -> Value {
    let mut shown = component.as_object().map(without_nothing).unwrap_or_default();
    *numbers += 1;
    shown.insert("id".into(), json!(*numbers));
    if matches!(component["type"].as_u64(), Some(3 | 5..=8)) {
        shown.entry("min_values").or_insert(json!(1));
        shown.entry("max_values").or_insert(json!(1));
    }
    if let Some(Value::Array(inside)) = shown.get_mut("components") {
        *inside = inside.iter().map(|inner| component_json(inner, numbers)).collect();
    }
    Value::Object(shown)
}
