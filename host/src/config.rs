//! Settings: a file, over it the environment, and every problem named at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::agents::{Agents, Servers, Toolsets, check as check_servers};

pub const USUAL_LOG: &str = "info,rmcp=warn";

/// A fully commented sample, as `milepost config init` writes it.
pub const SAMPLE: &str = include_str!("milepost.sample.toml");

/// All settings. Each may come from the file (`[section] key`) or the environment (`MILEPOST_SECTION__KEY`,
/// or `MILEPOST_SECTION__KEY_FILE` with the path of a file that holds the value).
#[derive(Debug, Default)]
pub struct Config {
    pub database: Database,
    pub http: Http,
    pub agents: Agents,
    pub servers: Servers,
    pub discord: Discord,
    pub mail: Mail,
    pub model: Model,
    pub sms: Sms,
    pub webhooks: Webhooks,
    pub console: Console,
    pub vault: Vault,
    pub oidc: Oidc,
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
    /// Where the outside world reaches this server, such as `https://milepost.example.com`: for links in messages and
    /// for providers that call back.
    pub public_url: Option<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8787)),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            body_limit: 1 << 20,
            sessions: false,
            public_url: None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Discord {
    pub token: Option<SecretString>,
    /// Where Discord's REST interface is.
    pub api_url: String,
    /// What interactions are signed with that Discord sends to `/discord/interactions`: 64 hexadecimal digits.
    pub public_key: Option<String>,
    /// Where the gateway is; what Discord itself says when absent.
    pub gateway_url: Option<String>,
}

impl Default for Discord {
    fn default() -> Self {
        Self { token: None, api_url: "https://discord.com/api/v10".into(), public_key: None, gateway_url: None }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `smtps://user:password@host` (TLS from the first byte, port 465), or `smtp://...?tls=required|opportunistic|none`
    /// (STARTTLS, port 587; `required` when nothing is said, `none` on loopback only).
    pub smtp_url: Option<SecretString>,
    /// Who writes, such as `Milepost <milepost@example.com>`.
    pub from: Option<String>,
}

/// A language model that drafts letters. Without it the templates write all of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Where an OpenAI-compatible interface is, such as `https://api.openai.com/v1`.
    pub api_base: Option<String>,
    pub api_key: Option<SecretString>,
    /// Which model is asked.
    pub model: Option<String>,
    /// Tokens that each workspace may spend in a UTC day, questions and answers together.
    pub daily_tokens: u64,
}

impl Default for Model {
    fn default() -> Self {
        Self { api_base: None, api_key: None, model: None, daily_tokens: 1_000_000 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sms {
    /// Where Twilio's REST interface is.
    pub api_url: String,
    pub account_sid: Option<String>,
    pub auth_token: Option<SecretString>,
    /// The number that sends (`+13125550100`), a short code, or a messaging service (`MG...`).
    pub from: Option<String>,
}

impl Default for Sms {
    fn default() -> Self {
        Self { api_url: "https://api.twilio.com".into(), account_sid: None, auth_token: None, from: None }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// Ports to which webhooks may go.
    pub ports: Vec<u16>,
    /// Exact `address:port` of targets in private space that webhooks may go to, also over plain http.
    pub allow_private: Vec<String>,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self { ports: vec![443, 8443], allow_private: Vec::new() }
    }
}

impl Webhooks {
    pub fn allowed(&self) -> domain::delivery::webhook::target::Allowed {
        domain::delivery::webhook::target::Allowed {
            ports: self.ports.clone(),
            private: self.allow_private.clone(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Console {
    /// A file to which messages on the console are added; without it they are printed on standard error.
    pub file: Option<PathBuf>,
    /// Whether messages for channels that are not set up are printed on the console in their place, and count as sent.
    pub stand_in: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vault {
    /// The installation's key: 32 random bytes in base64. The secrets of webhooks and the links in messages derive
    /// from it, and the headers of webhooks are sealed with it.
    pub master_key: Option<SecretString>,
}

/// A provider (OpenID Connect) whose access tokens agents may bring to `/mcp` in place of our own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Oidc {
    /// Who issues the tokens, exactly as they say it, such as `https://login.example.com`.
    pub issuer: Option<String>,
    /// Whom the tokens are for, exactly as they say it: often the address of `/mcp`.
    pub audience: Option<String>,
    /// Where the issuer's keys are; what it says itself when absent.
    pub jwks_url: Option<String>,
    /// The claim that names the workspace, by its short name or id. Tokens without it are for the only workspace.
    pub workspace_claim: String,
    /// The claim that holds the scopes.
    pub scope_claim: String,
    /// The programs (`azp`, else `client_id`) that tokens may have been given to; any when empty.
    pub clients: Vec<String>,
    /// Exact `address:port` of an issuer in private space, also over plain http.
    pub allow_private: Vec<String>,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: None,
            jwks_url: None,
            workspace_claim: "milepost_workspace".into(),
            scope_claim: "scope".into(),
            clients: Vec::new(),
            allow_private: Vec::new(),
        }
    }
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
    /// Calls of each tool that changes something that one token may make in a minute.
    pub changes_per_minute: NonZeroU32,
    /// Calls of single tools that one token may make in a minute, each as `name=count`.
    pub tools: Vec<String>,
    /// Changes that one agent's token may make in a UTC day, on all servers together; 0 for any number.
    pub changes_per_day: u32,
    /// Proposals, which ask people for a decision, that one agent's token may make in a UTC day; 0 for any number.
    pub proposals_per_day: u32,
    /// Seconds after which nobody waits for a call any more, 1 to 300.
    pub call_timeout: u64,
    /// Days for which it is kept which tools agents called, 1 to 3650.
    pub keep_calls_days: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_per_minute: NonZeroU32::MIN.saturating_add(1199),
            changes_per_minute: NonZeroU32::MIN.saturating_add(119),
            tools: vec!["draft_propose=20".into(), "key_dates_preview=60".into()],
            changes_per_day: 5_000,
            proposals_per_day: 200,
            call_timeout: 20,
            keep_calls_days: 90,
        }
    }
}

impl Limits {
    /// How often each tool may be called in a minute that has a budget of its own.
    pub fn budgets(&self) -> BTreeMap<String, NonZeroU32> {
        self.tools.iter().filter_map(|entry| budget(entry)).map(|(name, count)| (name.to_owned(), count)).collect()
    }
}

/// `name=count` of a tool.
pub(crate) fn budget(entry: &str) -> Option<(&str, NonZeroU32)> {
    let (name, count) = entry.split_once('=')?;
    Some((name.trim(), count.trim().parse().ok()?))
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
        let all = match config::Config::try_from(&by_section(variables))
            .and_then(|environment| builder.add_source(environment).build())
        {
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
            agents: section(&mut sections, "agents", &mut wrong),
            servers: section(&mut sections, "servers", &mut wrong),
            discord: section(&mut sections, "discord", &mut wrong),
            mail: section(&mut sections, "mail", &mut wrong),
            model: section(&mut sections, "model", &mut wrong),
            sms: section(&mut sections, "sms", &mut wrong),
            webhooks: section(&mut sections, "webhooks", &mut wrong),
            console: section(&mut sections, "console", &mut wrong),
            vault: section(&mut sections, "vault", &mut wrong),
            oidc: section(&mut sections, "oidc", &mut wrong),
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
        bound("limits.keep_calls_days", u64::from(self.limits.keep_calls_days), 1, 3650);
        if let Some(url) = &self.database.url {
            let url = url.expose_secret();
            if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
                wrong.push(
                    "database.url must start with postgres:// (leave it out for the embedded database).".into(),
                );
            }
        }
        if let Err(sentences) = Toolsets::read(&self.agents.toolsets) {
            wrong.extend(sentences.into_iter().map(|sentence| format!("agents.toolsets: {sentence}")));
        }
        wrong.extend(check_servers(&self.servers));
        self.check_oidc(wrong);
        for entry in self.limits.tools.iter().filter(|entry| budget(entry).is_none()) {
            wrong.push(format!(
                "limits.tools: {entry:?} must be a tool and a number from 1 on, such as draft_propose=20."
            ));
        }
        self.check_ways_out(wrong);
    }

    fn check_oidc(&self, wrong: &mut Vec<String>) {
        let oidc = &self.oidc;
        let listed = [
            ("webhooks.allow_private", &self.webhooks.allow_private),
            ("oidc.allow_private", &oidc.allow_private),
        ];
        for (name, entry) in listed.into_iter().flat_map(|(name, all)| all.iter().map(move |entry| (name, entry)))
        {
            if !domain::delivery::webhook::target::is_exact(entry) {
                wrong.push(format!("{name}: {entry:?} must be an address and a port, such as 127.0.0.1:9000, [fd00::1]:9000 or build.lan:9000."));
            }
        }
        match (&oidc.issuer, &oidc.audience) {
            (None, None) => {}
            (Some(_), Some(audience)) if !audience.trim().is_empty() => {
                if self.http.public_url.is_none() {
                    wrong.push("http.public_url is missing: with [oidc] it is what programs are told that tokens are for.".into());
                }
            }
            _ => wrong.push("[oidc] needs issuer and audience together, or neither of them.".into()),
        }
        for (name, address) in [("oidc.issuer", &oidc.issuer), ("oidc.jwks_url", &oidc.jwks_url)] {
            let Some(address) = address else { continue };
            // The keys may be at an address with a query; an issuer has none.
            if name == "oidc.issuer"
                && let Err(why) = base_url(address)
            {
                wrong.push(format!("{name} {why}"));
            } else if !crate::oidc::may_be_asked(address, oidc) {
                wrong.push(format!("{name} must be a public address that starts with https://; one in private space must stand in oidc.allow_private, as address:port."));
            }
        }
        for (name, claim) in
            [("oidc.workspace_claim", &oidc.workspace_claim), ("oidc.scope_claim", &oidc.scope_claim)]
        {
            if claim.trim().is_empty() {
                wrong.push(format!("{name} is empty; leave it out for the usual name."));
            }
        }
    }

    fn check_ways_out(&self, wrong: &mut Vec<String>) {
        for (name, base) in [
            ("http.public_url", self.http.public_url.as_deref()),
            ("discord.api_url", Some(self.discord.api_url.as_str())),
            ("sms.api_url", Some(self.sms.api_url.as_str())),
        ] {
            if let Some(base) = base
                && let Err(why) = base_url(base)
            {
                wrong.push(format!("{name} {why}"));
            }
        }
        if let Some(token) = &self.discord.token
            && !token.expose_secret().bytes().all(|b| b.is_ascii_graphic())
        {
            wrong.push("discord.token has spaces or characters that no token has. Copy it again.".into());
        }
        if let Some(key) = &self.discord.public_key
            && !(key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            wrong.push(
                "discord.public_key must be the 64 hexadecimal digits that stand on the application's page."
                    .into(),
            );
        }
        if let Some(url) = &self.discord.gateway_url
            && !url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "ws" | "wss") && url.host().is_some())
        {
            wrong.push("discord.gateway_url must start with wss:// (or ws://) and a host; leave it out for Discord's own.".into());
        }
        match (&self.mail.smtp_url, &self.mail.from) {
            (None, None) => {}
            (Some(_), None) => wrong.push("mail.from is missing: say who writes, such as Milepost <milepost@example.com>.".into()),
            (None, Some(_)) => wrong.push("mail.smtp_url is missing: say which server takes the e-mail, such as smtps://user:password@smtp.example.com.".into()),
            (Some(url), Some(from)) => {
                if let Err(why) = crate::channels::email::Server::parse(url.expose_secret()) {
                    wrong.push(format!("mail.smtp_url {why}"));
                }
                if from.parse::<lettre::message::Mailbox>().is_err() {
                    wrong.push("mail.from is no e-mail address. Write it as Milepost <milepost@example.com>.".into());
                }
            }
        }
        match (&self.sms.account_sid, &self.sms.auth_token, &self.sms.from) {
            (None, None, None) => {}
            (Some(account), Some(_), Some(from)) => {
                if account.is_empty() || !account.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    wrong.push("sms.account_sid is no account: it is AC and 32 digits or letters.".into());
                }
                if !crate::channels::sms::is_sender(from) {
                    wrong.push("sms.from must be a number such as +13125550100, a short code, or a messaging service (MG...).".into());
                }
            }
            _ => wrong.push("[sms] needs account_sid, auth_token and from together, or none of them.".into()),
        }
        match (&self.model.api_base, &self.model.model) {
            (None, None) => {}
            (Some(base), Some(model)) => {
                if let Err(why) = base_url(base) {
                    wrong.push(format!("model.api_base {why}"));
                }
                if model.trim().is_empty() {
                    wrong.push("model.model is empty: say which model is asked, such as gpt-5-mini.".into());
                }
            }
            _ => wrong.push("[model] needs api_base and model together, or neither of them.".into()),
        }
        if self.webhooks.ports.is_empty() {
            wrong.push("webhooks.ports is empty; leave it out for 443 and 8443.".into());
        }
        if let Some(key) = &self.vault.master_key
            && crate::keys::parse(key.expose_secret()).is_none()
        {
            wrong.push(
                "vault.master_key must be 32 bytes in base64, as `openssl rand -base64 32` prints them.".into(),
            );
        }
    }

    /// The settings as they are in force, secrets masked. Section by section, as TOML.
    pub fn shown(&self) -> String {
        let secret =
            |value: &Option<SecretString>| if value.is_some() { "\"********\"" } else { "\"\"  # not set" };
        let list = |items: &[String]| format!("{items:?}");
        let plain = |value: Option<&str>| match value {
            Some(value) => format!("{value:?}"),
            None => "\"\"  # not set".into(),
        };
        let servers: String = self
            .servers
            .iter()
            .map(|(name, server)| {
                let place = match &server.url {
                    Some(url) => format!("url = {url:?}\ntoken = {}", secret(&server.token)),
                    None => format!("command = {}", list(&server.command)),
                };
                format!(
                    "\n[servers.{name}]\nworkspaces = {}\n{place}\ntimeout = {}\nfallback = {}\n",
                    list(&server.workspaces),
                    server.timeout,
                    plain(server.fallback.as_deref())
                )
            })
            .collect();
        format!(
            "[database]\nurl = {}\nconnections = {}\nwait = {}\n\n[http]\nlisten = \"{}\"\nallowed_hosts = {}\n\
             allowed_origins = {}\nbody_limit = {}\nsessions = {}\npublic_url = {}\n\n\
             [agents]\ntoolsets = {}\nread_only = {}\n\n\
             [discord]\ntoken = {}\napi_url = {:?}\npublic_key = {}\ngateway_url = {}\n\n[mail]\nsmtp_url = {}\nfrom = {}\n\n\
             [model]\napi_base = {}\napi_key = {}\nmodel = {}\ndaily_tokens = {}\n\n\
             [sms]\napi_url = {:?}\naccount_sid = {}\nauth_token = {}\nfrom = {}\n\n\
             [webhooks]\nports = {:?}\nallow_private = {}\n\n[console]\nfile = {}\nstand_in = {}\n\n\
             [vault]\nmaster_key = {}\n\n[oidc]\nissuer = {}\naudience = {}\njwks_url = {}\nworkspace_claim = {:?}\nscope_claim = {:?}\n\
             clients = {}\nallow_private = {}\n\n[limits]\n\
             calls_per_minute = {}\nchanges_per_minute = {}\ntools = {}\nchanges_per_day = {}\nproposals_per_day = {}\ncall_timeout = {}\nkeep_calls_days = {}\n\n[telemetry]\nlog = {:?}\nformat = \"{}\"\n{servers}",
            secret(&self.database.url),
            self.database.connections,
            self.database.wait,
            self.http.listen,
            list(&self.http.allowed_hosts),
            list(&self.http.allowed_origins),
            self.http.body_limit,
            self.http.sessions,
            plain(self.http.public_url.as_deref()),
            list(&self.agents.toolsets),
            self.agents.read_only,
            secret(&self.discord.token),
            self.discord.api_url,
            plain(self.discord.public_key.as_deref()),
            plain(self.discord.gateway_url.as_deref()),
            secret(&self.mail.smtp_url),
            plain(self.mail.from.as_deref()),
            plain(self.model.api_base.as_deref()),
            secret(&self.model.api_key),
            plain(self.model.model.as_deref()),
            self.model.daily_tokens,
            self.sms.api_url,
            plain(self.sms.account_sid.as_deref()),
            secret(&self.sms.auth_token),
            plain(self.sms.from.as_deref()),
            self.webhooks.ports,
            list(&self.webhooks.allow_private),
            plain(self.console.file.as_ref().map(|file| file.to_string_lossy()).as_deref()),
            self.console.stand_in,
            secret(&self.vault.master_key),
            plain(self.oidc.issuer.as_deref()),
            plain(self.oidc.audience.as_deref()),
            plain(self.oidc.jwks_url.as_deref()),
            self.oidc.workspace_claim,
            self.oidc.scope_claim,
            list(&self.oidc.clients),
            list(&self.oidc.allow_private),
            self.limits.calls_per_minute,
            self.limits.changes_per_minute,
            list(&self.limits.tools),
            self.limits.changes_per_day,
            self.limits.proposals_per_day,
            self.limits.call_timeout,
            self.limits.keep_calls_days,
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

/// A setting whose value is a list, written with commas in the environment.
const LISTS: [(&str, &str); 8] = [
    ("http", "allowed_hosts"),
    ("http", "allowed_origins"),
    ("agents", "toolsets"),
    ("webhooks", "ports"),
    ("webhooks", "allow_private"),
    ("limits", "tools"),
    ("oidc", "clients"),
    ("oidc", "allow_private"),
];

#[derive(Serialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Many(Vec<String>),
}

/// The variables as the file would have them. All values stay text until a field asks for more: a telephone number or a
/// password may look like a number and is none.
fn by_section(variables: Variables) -> BTreeMap<String, BTreeMap<String, Written>> {
    let mut sections: BTreeMap<String, BTreeMap<String, Written>> = BTreeMap::new();
    for (name, value) in variables {
        let name = name.to_lowercase();
        let Some((section, key)) = name.split_once("__") else { continue };
        let value = if LISTS.contains(&(section, key)) {
            Written::Many(
                value.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect(),
            )
        } else {
            Written::One(value)
        };
        sections.entry(section.to_owned()).or_default().insert(key.to_owned(), value);
    }
    sections
}

/// An address to which paths are added.
fn base_url(text: &str) -> Result<(), &'static str> {
    let url = url::Url::parse(text).map_err(|_| "is no web address. Write it as https://example.com.")?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("must start with https:// (or http://) and a host.");
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some()
    {
        return Err("must be an address alone: without a name, a password, a query or a fragment.");
    }
    Ok(())
}

/// `MILEPOST_SECTION__KEY` as `SECTION__KEY`; of `..._FILE` the file's content.
fn variables(environment: impl IntoIterator<Item = (String, String)>, wrong: &mut Vec<String>) -> Variables {
    let mut found = Variables::new();
    for (name, value) in environment {
        let Some(key) = name.strip_prefix("MILEPOST_").filter(|key| key.contains("__")) else { continue };
        // What is left of `CONSOLE__FILE`, a setting of its own, is no name of one.
        match key.strip_suffix("_FILE").filter(|key| !key.ends_with('_')) {
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
                ("MILEPOST_LIMITS__TOOLS", "deal_list=5, draft_propose=1"),
                ("MILEPOST_CONSOLE__FILE", "console.txt"),
                ("MILEPOST_CONFIG", "elsewhere"),
            ],
        )
        .unwrap();
        assert_eq!(config.http.listen.port(), 2222);
        assert_eq!(config.http.allowed_hosts, ["a.example", "b.example"]);
        assert_eq!(config.database.connections, 3);
        assert_eq!(config.console.file.as_deref(), Some(Path::new("console.txt")));
        assert_eq!(config.limits.calls_per_minute.get(), 7);
        let budgets: Vec<_> =
            config.limits.budgets().into_iter().map(|(name, count)| (name, count.get())).collect();
        assert_eq!(budgets, [("deal_list".to_owned(), 5), ("draft_propose".to_owned(), 1)]);
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
    fn what_looks_like_a_number_stays_the_text_it_is() {
        let config = load(
            "",
            &[
                ("MILEPOST_SMS__FROM", "+13125550100"),
                ("MILEPOST_SMS__ACCOUNT_SID", "AC1"),
                ("MILEPOST_SMS__AUTH_TOKEN", "0012e4"),
                ("MILEPOST_WEBHOOKS__PORTS", "443, 9443"),
                ("MILEPOST_CONSOLE__STAND_IN", "true"),
            ],
        )
        .unwrap();
        assert_eq!(config.sms.from.as_deref(), Some("+13125550100"));
        assert_eq!(config.sms.auth_token.unwrap().expose_secret(), "0012e4");
        assert_eq!(config.webhooks.ports, [443, 9443]);
        assert!(config.console.stand_in);
    }

    #[test]
    fn each_way_out_says_what_it_lacks() {
        for (file, part) in [
            ("[mail]\nfrom = \"a@example.com\"", "mail.smtp_url is missing"),
            ("[mail]\nsmtp_url = \"smtps://smtp.example.com\"", "mail.from is missing"),
            ("[mail]\nsmtp_url = \"smtp://mail.example.com?tls=none\"\nfrom = \"a@example.com\"", "loopback"),
            ("[mail]\nsmtp_url = \"http://mail.example.com\"\nfrom = \"a@example.com\"", "smtp://"),
            ("[mail]\nsmtp_url = \"smtp://localhost?tls=none\"\nfrom = \"nobody\"", "mail.from is no"),
            ("[sms]\naccount_sid = \"AC1\"", "[sms] needs"),
            ("[sms]\naccount_sid = \"AC1\"\nauth_token = \"t\"\nfrom = \"me\"", "sms.from must be"),
            ("[sms]\napi_url = \"ftp://x\"", "sms.api_url must start with https://"),
            ("[discord]\napi_url = \"nowhere\"", "discord.api_url is no web address"),
            ("[discord]\ntoken = \"a b\"", "discord.token has spaces"),
            ("[discord]\npublic_key = \"abc\"", "discord.public_key must be"),
            ("[discord]\ngateway_url = \"https://x\"", "discord.gateway_url must start"),
            ("[http]\npublic_url = \"https://u:p@example.com\"", "http.public_url must be an address alone"),
            ("[webhooks]\nallow_private = [\"10.0.0.0/8\"]", "webhooks.allow_private"),
            ("[webhooks]\nports = []", "webhooks.ports is empty"),
            (
                "[limits]\ntools = [\"draft_propose\"]",
                "limits.tools: \"draft_propose\" must be a tool and a number",
            ),
            ("[limits]\ntools = [\"draft_propose=0\"]", "limits.tools: \"draft_propose=0\" must be"),
            ("[vault]\nmaster_key = \"c2hvcnQ=\"", "vault.master_key must be 32 bytes"),
        ] {
            let Wrong(all) = load(file, &[]).expect_err(file);
            assert!(all.iter().any(|line| line.contains(part)), "{file}: {all:?}");
        }
    }

    #[test]
    fn the_sample_is_valid_and_secrets_are_never_shown() {
        load(SAMPLE, &[]).unwrap();
        let config = load("", &[("MILEPOST_DATABASE__URL", "postgres://u:hunter2@h/d")]).unwrap();
        assert!(!config.shown().contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    }
}
