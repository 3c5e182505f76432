//! The commands as Discord is told of them.

use domain::kernel::canonical::{self, hex, sha256};
use serde_json::{Value, json};

/// A command: a noun, with its verbs as sub-commands or alone.
pub struct Command {
    pub name: &'static str,
    pub about: &'static str,
    pub verbs: Vec<Verb>,
    /// Options of a command without sub-commands.
    pub options: Vec<Opt>,
}

/// A sub-command.
pub struct Verb {
    pub name: &'static str,
    /// What it does, for whoever reads the list.
    pub about: &'static str,
    pub options: Vec<Opt>,
}

#[derive(Clone)]
pub struct Opt {
    pub name: &'static str,
    pub about: &'static str,
    pub kind: Kind,
    pub needed: bool,
}

#[derive(Clone)]
pub enum Kind {
    Text {
        most: u32,
    },
    /// Something that is there already, offered by its name while somebody types.
    Offered,
    Number {
        least: i64,
        most: i64,
    },
    Flag,
    OneOf(Vec<(&'static str, &'static str)>),
    Person,
    /// A channel that is written to.
    Channel,
}

impl Opt {
    pub fn new(name: &'static str, about: &'static str, kind: Kind) -> Self {
        Self { name, about, kind, needed: false }
    }

    pub fn needed(self) -> Self {
        Self { needed: true, ..self }
    }

    fn json(&self) -> Value {
        let kind = match &self.kind {
            Kind::Text { .. } | Kind::Offered | Kind::OneOf(_) => 3,
            Kind::Number { .. } => 4,
            Kind::Flag => 5,
            Kind::Person => 6,
            Kind::Channel => 7,
        };
        let mut json =
            json!({ "type": kind, "name": self.name, "description": self.about, "required": self.needed });
        match &self.kind {
            Kind::Text { most } => json["max_length"] = (*most).into(),
            Kind::Offered => json["autocomplete"] = true.into(),
            Kind::Number { least, most } => {
                json["min_value"] = (*least).into();
                json["max_value"] = (*most).into();
            }
            Kind::OneOf(words) => {
                let choice = |(name, value): &(&str, &str)| json!({ "name": name, "value": value });
                json["choices"] = words.iter().map(choice).collect();
            }
            // Text and announcements, and the threads of both.
            Kind::Channel => json["channel_types"] = json!([0, 5, 10, 11, 12]),
            Kind::Flag | Kind::Person => {}
        }
        json
    }
}

impl Command {
    fn json(&self) -> Value {
        let options: Vec<Value> = match self.verbs.as_slice() {
            [] => self.options.iter().map(Opt::json).collect(),
            verbs => verbs
                .iter()
                .map(|verb| {
                    let options: Vec<Value> = verb.options.iter().map(Opt::json).collect();
                    json!({ "type": 1, "name": verb.name, "description": verb.about, "options": options })
                })
                .collect(),
        };
        // Everybody sees them; who may do what is asked at each use.
        json!({
            "type": 1, "name": self.name, "description": self.about, "options": options,
            "default_member_permissions": null, "contexts": [0, 1], "integration_types": [0],
        })
    }
}

/// All of them, as Discord takes them.
pub fn body(commands: &[Command]) -> Value {
    commands.iter().map(Command::json).collect()
}

/// What tells this set of commands of this application from others.
pub fn hash(application: &str, body: &Value) -> String {
    hex(&sha256(&[b"milepost.commands.v1", application.as_bytes(), &canonical::bytes(body)]))
}
