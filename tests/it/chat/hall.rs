//! A room to tell stories of chat in: a server on Discord, a bot that listens, the team in it. What is said is written down.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};

use bot::chat::{Chat, gateway, wire};
use domain::kernel::db::Limits;
use domain::kernel::{Cx, No};
use domain::workspace::access::Role;
use harness::fake_discord::{At, Channel, Choice, Clickable, FakeDiscord, Form, Person, Said, What};
use harness::{Place, World};
use host::{Config, Host};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

pub struct Hall {
    pub world: World,
    pub host: Host,
    pub discord: FakeDiscord,
    pub channel: Channel,
    pub people: BTreeMap<Role, Person>,
    pub unknown: gateway::Unknown,
    pub chat: Chat,
    pub close: CancellationToken,
    pub listening: Option<tokio::task::JoinHandle<()>>,
    pub runtime: Runtime,
    pub said: String,
}

impl Hall {
    /// A server whose bot listens, and that nobody has linked.
    pub fn empty(world: World) -> Self {
        Self::patient(world, Place::usual_limits(), 30)
    }

    /// The same, with a bot that waits for its database so long (and `call_timeout` seconds at most).
    pub fn patient(world: World, limits: Limits, call_timeout: u64) -> Self {
        let discord = FakeDiscord::start(world.host.clock());
        let mut config = Config::default();
        config.discord.token = Some(discord.token().to_owned().into());
        config.discord.api_url = discord.url();
        config.limits.calls_per_minute = 100_000.try_into().unwrap();
        config.limits.call_timeout = call_timeout;
        let host = world.host_with(limits, config);
        let guild = discord.guild("Lakeside Realty");
        let channel = guild.channel("closings");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let chat = Chat::new(&host, Arc::new(wire::http(&host).unwrap()));
        let people = BTreeMap::from([
            (Role::Owner, guild.admin("olga")),
            (Role::Admin, guild.person("adam")),
            (Role::Coordinator, guild.person("cora")),
            (Role::Member, guild.person("mike")),
            (Role::Viewer, guild.person("vera")),
        ]);
        let mut hall = Self {
            world,
            host,
            discord,
            channel,
            people,
            unknown: gateway::Unknown::default(),
            chat,
            close: CancellationToken::new(),
            listening: None,
            runtime,
            said: String::new(),
        };
        hall.listen();
        hall
    }

    /// A server that Olga has linked, with everybody known in it.
    pub fn open(world: World) -> Self {
        Self::empty(world).linked()
    }

    pub fn linked(self) -> Self {
        let hall = self;
        let owner = hall.world.team.members[&Role::Owner].id;
        let olga = hall.world.team.as_(Role::Owner);
        let code = hall.world.act(&olga, |cx| domain::people::chat::ops::make_code(cx, owner)).unwrap();
        let linked = hall.wait(hall.at(Role::Owner).slash("/setup", &[("code", json!(code))]));
        assert!(linked.shown().contains("This server is linked"), "{}", linked.shown());
        for (role, person) in hall.people.iter().filter(|(role, _)| **role != Role::Owner) {
            let member = hall.world.team.members[role].id;
            hall.world.act(&olga, |cx| domain::people::chat::ops::link_member(cx, member, &person.id)).unwrap();
        }
        hall
    }

    /// The bot listens, once more if it did before.
    pub fn listen(&mut self) {
        let before = self.discord.identifies();
        self.close = CancellationToken::new();
        let listening =
            gateway::listen(self.host.clone(), self.chat.clone(), self.unknown.clone(), self.close.clone());
        self.listening = Some(self.runtime.spawn(listening));
        self.wait(
            self.discord
                .until("the bot listens", |discord| discord.identifies() > before && discord.connected() > 0),
        );
    }

    /// The bot stops, in order.
    pub fn stop(&mut self) {
        self.close.cancel();
        if let Some(listening) = self.listening.take() {
            self.wait(listening).unwrap();
        }
    }

    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The member of a role, in the team's channel.
    pub fn at(&self, role: Role) -> At {
        self.people[&role].in_channel(&self.channel)
    }

    /// What is told to the channel comes after the first answer.
    fn and_the_channel(&self, said: Said) -> Said {
        if said.kind == What::Thinking {
            self.wait(self.discord.until("what was promised comes", |_| said.again().kind != What::Thinking));
        }
        let told = ["reads it below", "Taken back by"];
        if told.iter().any(|words| said.again().shown().contains(words)) {
            self.wait(self.discord.until("the channel is told", |_| !said.again().followups.is_empty()));
        }
        said.again()
    }

    fn note(&mut self, role: Role, does: &str, said: &str) {
        let who = self.people[&role].name.clone();
        self.said.push_str(&format!("{who}> {does}\n{said}\n\n"));
    }

    /// Sends a command, and writes down what came.
    #[track_caller]
    pub fn slash(&mut self, role: Role, path: &str, options: &[(&str, Value)]) -> Said {
        let said = self.wait(self.at(role).slash(path, options));
        let said = self.and_the_channel(said);
        let shown: Vec<String> = options
            .iter()
            .map(|(name, value)| match value {
                // Ids are chosen by their names, and nobody sees them.
                Value::String(text) if text.len() == 36 && text.matches('-').count() == 4 => {
                    format!(" {name}:(chosen)")
                }
                Value::String(text) => format!(" {name}:{text}"),
                value => format!(" {name}:{value}"),
            })
            .collect();
        self.note(role, &format!("{path}{}", shown.concat()), &said.shown());
        said
    }

    #[track_caller]
    pub fn click(&mut self, role: Role, message: &impl Clickable, label: &str) -> Said {
        let said = self.wait(self.at(role).click(message, label));
        let said = self.and_the_channel(said);
        self.note(role, &format!("[{label}]"), &said.shown());
        said
    }

    #[track_caller]
    pub fn submit(&mut self, role: Role, form: &Form, fields: &[(&str, &str)]) -> Said {
        let said = self.wait(self.at(role).submit(form, fields));
        let typed: Vec<String> = fields.iter().map(|(name, text)| format!("{name}: {text:?}")).collect();
        self.note(role, &format!("(sends the form) {}", typed.join("; ")), &said.shown());
        said
    }

    /// What is offered while somebody types.
    #[track_caller]
    pub fn types(&mut self, role: Role, path: &str, option: &str, text: &str) -> Vec<Choice> {
        self.types_with(role, path, &[(option, json!(text))], option)
    }

    #[track_caller]
    pub fn types_with(&mut self, role: Role, path: &str, options: &[(&str, Value)], option: &str) -> Vec<Choice> {
        let choices = self.wait(self.at(role).autocomplete(path, options, option));
        let text = options.iter().find(|(name, _)| *name == option).and_then(|(_, value)| value.as_str());
        let shown: String = choices.iter().map(|choice| format!("  - {}\n", choice.name)).collect();
        self.note(role, &format!("{path} {option}:{}...", text.unwrap_or_default()), shown.trim_end());
        choices
    }

    /// The value of what is offered first.
    #[track_caller]
    pub fn pick(&mut self, role: Role, path: &str, option: &str, text: &str) -> Value {
        let choices = self.types(role, path, option, text);
        choices.first().unwrap_or_else(|| panic!("nothing is offered for {text:?}")).value.clone()
    }

    /// Somebody changes something elsewhere, and others press buttons before that is committed: they have looked at it as it
    /// was, and wait for it.
    pub fn pressed_during<T>(
        &self,
        who: Role,
        mut change: impl FnMut(&mut Cx<'_>) -> Result<T, No> + Send,
        presses: Vec<impl Future<Output = Said> + Send + 'static>,
    ) -> Vec<Said> {
        let (changed, seen) = mpsc::channel();
        let (go, end) = mpsc::channel::<()>();
        std::thread::scope(|threads| {
            let (world, who) = (&self.world, self.world.team.as_(who));
            threads.spawn(move || {
                world
                    .act(&who, |cx| {
                        change(cx)?;
                        changed.send(()).unwrap();
                        end.recv().unwrap();
                        Ok(())
                    })
                    .unwrap();
            });
            seen.recv().unwrap();
            let first = "POST /interactions/*/*/callback";
            let (before, all) = (self.discord.count(first), presses.len());
            let pressed: Vec<_> = presses.into_iter().map(|press| self.runtime.spawn(press)).collect();
            self.wait(self.discord.until("answers are promised", |d| d.count(first) >= before + all));
            go.send(()).unwrap();
            let said: Vec<Said> = pressed.into_iter().map(|press| self.wait(press).unwrap()).collect();
            said.into_iter().map(|said| self.and_the_channel(said)).collect()
        })
    }

    /// Everything that was said so far; what follows begins anew.
    pub fn transcript(&mut self) -> String {
        std::mem::take(&mut self.said)
    }
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.close.cancel();
        if !std::thread::panicking() {
            assert_eq!(self.discord.mistakes(), Vec::<String>::new());
            assert_eq!(self.unknown.count(), 0, "Discord told of something that is not understood");
        }
    }
}
