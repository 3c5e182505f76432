//! Settings: a file, over it the environment, and every problem named at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub const USUAL_LOG: &str = "info,rmcp=warn";

/// A fully commented sample, as `milepost config init` writes it.
pub const SAMPLE: &str = include_str!("milepost.sample.toml");

/// All settings. Each may come from the file (`[section] key`) or the environment (`MILEPOST_SECTION__KEY`,
/// or `MILEPOST_SECTION__KEY_FILE` with the path of a file that holds the value).
#[derive(Debug, Default)]
pub struct Config {
    pub database: Database,
    pub http: Http,
    pub discord: Discord,
    pub clock: TestClock,
    pub limits: Limits,
    pub telemetry: Telemetry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://...`; without it an SQLite file in the data folder.
    pub url: Option<SecretString>,
    /// Connections held open at most, 1 to 100.
    pub connections: u32,
    /// Seconds to wait for a connection or a lock, 1 to 60.
    pub wait: u64,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: None, connections: 8, wait: 5 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub listen: SocketAddr,
    /// Names other than loopback under which the server is reached, such as `milepost.example.com`.
    pub allowed_hosts: Vec<String>,
    /// Web origins that may call `/mcp`, such as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// Whether MCP clients may open sessions. Without them every call stands alone.
    pub sessions: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8787)),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            body_limit: 1 << 20,
            sessions: false,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Discord {
    pub token: Option<SecretString>,
}

/// For tests: the instant at which the process's clock stands.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TestClock {
    pub at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Calls that one token may make in a minute.
    pub calls_per_minute: NonZeroU32,
    /// Seconds after which nobody waits for a call any more, 1 to 300.
    pub call_timeout: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls_per_minute: NonZeroU32::MIN.saturating_add(1199), call_timeout: 20 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Which logs, in the words of `tracing_subscriber::EnvFilter`.
    pub log: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { log: USUAL_LOG.into(), format: LogFormat::Text }
    }
}

/// Everything that is wrong with the settings, a line each.
#[derive(Debug, thiserror::Error)]
#[error("The configuration has problems. Nothing was started or changed:\n  {}", .0.join("\n  "))]
pub struct Wrong(pub Vec<String>);

type Variables = BTreeMap<String, String>;

impl Config {
    /// Reads the file, when one is named, and the variables of the environment over it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Wrong> {
        let mut wrong = Vec::new();
        let variables = variables(environment, &mut wrong);
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(config::File::from(file.to_owned()).format(config::FileFormat::Toml));
        }
        let source = config::Environment::default()
            .separator("__")
            .list_separator(",")
            .source(Some(variables.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect()));
        let source = source
            .try_parsing(true)
            .with_list_parse_key("http.allowed_hosts")
            .with_list_parse_key("http.allowed_origins");
        let all = match builder.add_source(source).build() {
            Ok(all) => all,
            Err(error) => {
                wrong.push(error.to_string());
                return Err(Wrong(wrong));
            }
        };
        let mut sections: BTreeMap<String, config::Value> = all.try_deserialize().unwrap_or_default();
        let config = Self {
            database: section(&mut sections, "database", &mut wrong),
            http: section(&mut sections, "http", &mut wrong),
            discord: section(&mut sections, "discord", &mut wrong),
            clock: section(&mut sections, "clock", &mut wrong),
            limits: section(&mut sections, "limits", &mut wrong),
            telemetry: section(&mut sections, "telemetry", &mut wrong),
        };
        wrong.extend(sections.keys().map(|name| format!("[{name}] is no section that Milepost knows.")));
        config.check(&mut wrong);
        if wrong.is_empty() { Ok(config) } else { Err(Wrong(wrong)) }
    }

    fn check(&self, wrong: &mut Vec<String>) {
        let mut bound = |name: &str, value: u64, least: u64, most: u64| {
            if !(least..=most).contains(&value) {
                wrong.push(format!("{name} is {value}; it must be between {least} and {most}."));
            }
        };
        bound("database.connections", u64::from(self.database.connections), 1, 100);
        bound("database.wait", self.database.wait, 1, 60);
        bound("http.body_limit", self.http.body_limit as u64, 1 << 10, 64 << 20);
        bound("limits.call_timeout", self.limits.call_timeout, 1, 300);
        if let Some(url) = &self.database.url {
            let url = url.expose_secret();
            if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
                wrong.push(
                    "database.url must start with postgres:// (leave it out for the embedded database).".into(),
                );
            }
        }
    }

    /// The settings as they are in force, secrets masked. Section by section, as TOML.
    pub fn shown(&self) -> String {
        let secret =
            |value: &Option<SecretString>| if value.is_some() { "\"********\"" } else { "\"\"  # not set" };
        let list = |items: &[String]| format!("{items:?}");
        format!(
            "[database]\nurl = {}\nconnections = {}\nwait = {}\n\n[http]\nlisten = \"{}\"\nallowed_hosts = {}\n\
             allowed_origins = {}\nbody_limit = {}\nsessions = {}\n\n[discord]\ntoken = {}\n\n[limits]\n\
             calls_per_minute = {}\ncall_timeout = {}\n\n[telemetry]\nlog = {:?}\nformat = \"{}\"\n",
            secret(&self.database.url),
            self.database.connections,
            self.database.wait,
            self.http.listen,
            list(&self.http.allowed_hosts),
            list(&self.http.allowed_origins),
            self.http.body_limit,
            self.http.sessions,
            secret(&self.discord.token),
            self.limits.calls_per_minute,
            self.limits.call_timeout,
            self.telemetry.log,
            match self.telemetry.format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            },
        )
    }
}

fn section<T: DeserializeOwned + Default>(
    sections: &mut BTreeMap<String, config::Value>,
    name: &str,
    wrong: &mut Vec<String>,
) -> T {
    let Some(value) = sections.remove(name) else { return T::default() };
    let error = match value.clone().try_deserialize() {
        Ok(section) => return section,
        Err(error) => error,
    };
    // The first problem hides those after it, so each key is tried alone; those that can be read are looked at further.
    let alone = |key: &String, value: &config::Value| {
        config::Value::from(config::Map::from_iter([(key.clone(), value.clone())])).try_deserialize::<T>().err()
    };
    let mut keys = value.into_table().unwrap_or_default();
    let found: Vec<(String, String)> =
        keys.iter().filter_map(|(key, value)| Some((key.clone(), alone(key, value)?.to_string()))).collect();
    let mut sentences: Vec<String> = found.iter().map(|(_, error)| format!("[{name}] {error}.")).collect();
    if sentences.is_empty() {
        sentences.push(format!("[{name}] {error}."));
    }
    sentences.sort();
    wrong.extend(sentences);
    keys.retain(|key, _| found.iter().all(|(bad, _)| bad != key));
    config::Value::from(keys).try_deserialize().unwrap_or_default()
}

/// `MILEPOST_SECTION__KEY` as `SECTION__KEY`; of `..._FILE` the file's content.
fn variables(environment: impl IntoIterator<Item = (String, String)>, wrong: &mut Vec<String>) -> Variables {
    let mut found = Variables::new();
    for (name, value) in environment {
        let Some(key) = name.strip_prefix("MILEPOST_").filter(|key| key.contains("__")) else { continue };
        match key.strip_suffix("_FILE") {
            None => {
                found.insert(key.to_owned(), value);
            }
            Some(key) => match std::fs::read_to_string(PathBuf::from(&value)) {
                Ok(content) => {
                    found.insert(key.to_owned(), content.trim_end().to_owned());
                }
                Err(error) => wrong.push(format!("{name}: the file {value} cannot be read: {error}.")),
            },
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, Wrong> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("milepost.toml");
        std::fs::write(&path, file).unwrap();
        Config::load(Some(&path), environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = load(
            "[http]\nlisten = \"127.0.0.1:1111\"\n[database]\nconnections = 3\n",
            &[
                ("MILEPOST_HTTP__LISTEN", "127.0.0.1:2222"),
                ("MILEPOST_HTTP__ALLOWED_HOSTS", "a.example,b.example"),
                ("MILEPOST_LIMITS__CALLS_PER_MINUTE", "7"),
                ("MILEPOST_CONFIG", "elsewhere"),
            ],
        )
        .unwrap();
        assert_eq!(config.http.listen.port(), 2222);
        assert_eq!(config.http.allowed_hosts, ["a.example", "b.example"]);
        assert_eq!(config.database.connections, 3);
        assert_eq!(config.limits.calls_per_minute.get(), 7);
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let Wrong(all) = load(
            "[http]\nlistn = 1\nbody_limit = 3\nsessions = \"often\"\n[database]\nconnections = 1000\n[colour]\nx = 1\n",
            &[("MILEPOST_DATABASE__URL", "mysql://x"), ("MILEPOST_DISCORD__TOKEN_FILE", "/nowhere/at/all")],
        )
        .unwrap_err();
        let all = all.join("\n");
        for part in [
            "listn",
            "body_limit",
            "database.connections",
            "[colour]",
            "postgres://",
            "MILEPOST_DISCORD__TOKEN_FILE",
        ] {
            assert!(all.contains(part), "{part} in:\n{all}");
        }
    }

    #[test]
    fn the_sample_is_valid_and_secrets_are_never_shown() {
        load(SAMPLE, &[]).unwrap();
        let config = load("", &[("MILEPOST_DATABASE__URL", "postgres://u:hunter2@h/d")]).unwrap();
        assert!(!config.shown().contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    }
}
