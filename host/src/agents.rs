//! What of the agents' server there is: sets of tools, as an upper bound that no client can loosen. And where the servers of
//! other agents are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use domain::kernel::shape::closest;
use secrecy::SecretString;
use serde::Deserialize;

/// Tools that belong to one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Toolset {
    /// What needs attention, what changed, and where something is.
    Overview,
    /// Deals and their key dates.
    Deals,
    Milestones,
    /// Letters that are proposed, what waits for people, and what left.
    Letters,
    /// What is seldom needed: taking things away, putting them off, looking ahead.
    Upkeep,
}

impl Toolset {
    pub const ALL: [Self; 5] = [Self::Overview, Self::Deals, Self::Milestones, Self::Letters, Self::Upkeep];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Deals => "deals",
            Self::Milestones => "milestones",
            Self::Letters => "letters",
            Self::Upkeep => "upkeep",
        }
    }
}

impl fmt::Display for Toolset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sets that are there when nothing is said: what an agent's day takes, and few enough that a model keeps them apart.
const USUAL: [Toolset; 4] = [Toolset::Overview, Toolset::Deals, Toolset::Milestones, Toolset::Letters];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agents {
    /// Names of toolsets, `default` or `all`. The default ones when empty.
    pub toolsets: Vec<String>,
    /// Only tools that read.
    pub read_only: bool,
}

/// Which toolsets are switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolsets(BTreeSet<Toolset>);

impl Default for Toolsets {
    fn default() -> Self {
        Self(USUAL.into())
    }
}

impl Toolsets {
    pub fn all() -> Self {
        Self(Toolset::ALL.into())
    }

    /// Reads names; the error is a sentence for each that is none. Nothing is guessed: a bound that was misspelt would be
    /// none.
    pub fn read<S: AsRef<str>>(names: &[S]) -> Result<Self, Vec<String>> {
        let (mut sets, mut wrong) = (BTreeSet::new(), Vec::new());
        for name in names {
            match name.as_ref() {
                "default" => sets.extend(USUAL),
                "all" => sets.extend(Toolset::ALL),
                name => match Toolset::ALL.into_iter().find(|set| set.as_str() == name) {
                    Some(set) => sets.extend([set]),
                    None => wrong.push(unknown(name)),
                },
            }
        }
        match (wrong.is_empty(), sets.is_empty()) {
            (false, _) => Err(wrong),
            (true, true) => Ok(Self::default()),
            (true, false) => Ok(Self(sets)),
        }
    }

    pub fn has(&self, set: Toolset) -> bool {
        self.0.contains(&set)
    }

    pub fn iter(&self) -> impl Iterator<Item = Toolset> + '_ {
        self.0.iter().copied()
    }
}

/// A server of another agent, as `[servers.NAME]` of the settings has it: an address, or a program. Only whoever runs the
/// installation writes these, so what is started and called here is theirs to vouch for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The workspaces that may use it, by their slugs; none when empty.
    #[serde(default)]
    pub workspaces: Vec<String>,
    /// Where it listens, such as `https://mail.example.com/mcp`.
    pub url: Option<String>,
    /// What is sent as `Authorization: Bearer`.
    pub token: Option<SecretString>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// The program and its arguments, when it speaks over its standard input and output.
    #[serde(default)]
    pub command: Vec<String>,
    /// What the program finds in its environment beside `PATH`.
    #[serde(default)]
    pub environment: BTreeMap<String, SecretString>,
    /// Seconds that a call may take, 1 to 25.
    #[serde(default = "usual_timeout")]
    pub timeout: u64,
    /// The server that is asked in its place while it does not answer.
    pub fallback: Option<String>,
}

fn usual_timeout() -> u64 {
    20
}

pub type Servers = BTreeMap<String, Server>;

/// Everything that is wrong with the servers that the settings name.
pub fn check(servers: &Servers) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, server) in servers {
        let mut say = |what: String| wrong.push(format!("servers.{name}{what}"));
        let is_word = !name.is_empty()
            && name.len() <= 60
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !is_word {
            say(": a server's name is 1 to 60 of a-z, 0-9 and _.".into());
        }
        match (&server.url, server.command.is_empty()) {
            (Some(_), false) | (None, true) => say(" needs url, or command, and not both.".into()),
            (Some(url), true) => {
                let good = url::Url::parse(url).is_ok_and(|url| {
                    matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.password().is_none()
                });
                if !good {
                    say(".url must start with https:// (or http://) and a host.".into());
                }
            }
            (None, false) => {
                if server.token.is_some() || server.token_file.is_some() {
                    say(": a program takes no token; give it one in environment.".into());
                }
            }
        }
        if server.token.is_some() && server.token_file.is_some() {
            say(" needs token, or token_file, and not both.".into());
        }
        if !(1..=25).contains(&server.timeout) {
            say(format!(".timeout is {}; it must be between 1 and 25.", server.timeout));
        }
        if let Some(fallback) = &server.fallback {
            // A chain that comes back to where it began would never end.
            let mut seen = BTreeSet::from([name.as_str()]);
            let mut next = Some(fallback.as_str());
            while let Some(at) = next {
                if !servers.contains_key(at) {
                    say(format!(".fallback: there is no server {at:?}."));
                    break;
                }
                if !seen.insert(at) {
                    say(".fallback leads back to where it began.".into());
                    break;
                }
                next = servers.get(at).and_then(|server| server.fallback.as_deref());
            }
        }
    }
    wrong
}

fn unknown(name: &str) -> String {
    let known = || ["default", "all"].into_iter().chain(Toolset::ALL.iter().map(|set| set.as_str()));
    let all: Vec<&str> = known().collect();
    let near = closest(name, known()).map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
    format!("There is no toolset {:?}; there are {}.{near}", name, all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_is_named_with_the_nearest_and_nothing_is_guessed() {
        let wrong = Toolsets::read(&["deals", "overveiw", "x"]).unwrap_err();
        assert_eq!(wrong.len(), 2);
        assert!(
            wrong[0].starts_with("There is no toolset \"overveiw\"")
                && wrong[0].ends_with("Did you mean overview?")
        );
        assert_eq!(Toolsets::read::<&str>(&[]).unwrap(), Toolsets::default());
        let some = Toolsets::read(&["deals", "upkeep"]).unwrap();
        assert_eq!(some.iter().collect::<Vec<_>>(), [Toolset::Deals, Toolset::Upkeep]);
        assert_eq!(Toolsets::read(&["default", "upkeep"]).unwrap(), Toolsets::all());
    }

    #[test]
    fn what_is_wrong_with_a_server_is_said_by_its_name() {
        let found = |toml: &str| check(&toml::from_str::<Servers>(toml).unwrap());
        assert_eq!(
            found("[mailer]\nurl = \"https://mail.example.com/mcp\"\n[local]\ncommand = [\"agent\"]\n"),
            [] as [&str; 0]
        );
        for (toml, said) in [
            ("[m]\n", "servers.m needs url, or command, and not both."),
            ("[m]\nurl = \"https://x\"\ncommand = [\"y\"]\n", "servers.m needs url, or command, and not both."),
            ("[M]\ncommand = [\"y\"]\n", "servers.M: a server's name is 1 to 60 of a-z, 0-9 and _."),
            ("[m]\nurl = \"ftp://x\"\n", "servers.m.url must start with https:// (or http://) and a host."),
            ("[m]\ncommand = [\"y\"]\ntimeout = 60\n", "servers.m.timeout is 60; it must be between 1 and 25."),
            (
                "[m]\ncommand = [\"y\"]\ntoken = \"t\"\n",
                "servers.m: a program takes no token; give it one in environment.",
            ),
            ("[m]\ncommand = [\"y\"]\nfallback = \"n\"\n", "servers.m.fallback: there is no server \"n\"."),
            ("[m]\ncommand = [\"y\"]\nfallback = \"m\"\n", "servers.m.fallback leads back to where it began."),
        ] {
            assert_eq!(found(toml), [said], "{toml}");
        }
    }
}
