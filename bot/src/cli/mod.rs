//! The command line: one file for each noun. A command is read here, done by a verb, and put into words by `says`.

mod admin;
mod agent;
mod agent_server;
mod answer;
mod approval;
mod audit;
pub mod bench;
mod briefing;
mod chat;
mod config;
mod contact;
mod deal;
mod delivery;
mod desk;
mod draft;
mod endpoint;
mod import;
mod manual;
pub mod mcp;
mod migrate;
mod milestone;
mod notification;
mod policy;
mod preferences;
mod read;
mod reminder;
mod search;
mod send_test;
mod settings;
mod setup;
mod template;
mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use host::Config;

pub use answer::{Answer, Outcome, Stop, print};
pub use desk::{Desk, choose, operator};
pub use mcp::Secret;

use crate::{demo, serve};

/// Real-estate deadlines that explain themselves.
#[derive(Parser)]
#[command(
    name = "milepost",
    version,
    about,
    after_help = "Without a command: serve.\n\nExit codes: 0 done; 1 failed; 2 wrong usage; 3 refused by a rule."
)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// The file of settings [default: ./milepost.toml when there is one]
    #[arg(long, global = true, value_name = "FILE", env = "MILEPOST_CONFIG", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
    /// The data folder [default: ./data]
    #[arg(long, global = true, value_name = "DIR", env = "MILEPOST_DATA", help_heading = "Everywhere")]
    pub data: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// The workspace [default: the only one]
    #[arg(long, global = true, value_name = "SLUG", env = "MILEPOST_WORKSPACE", help_heading = "Everywhere")]
    pub workspace: Option<String>,
    /// Act as this member, with no more than the member's role allows [default: the operator]
    #[arg(long = "as", global = true, value_name = "EMAIL", help_heading = "Everywhere")]
    pub acting: Option<String>,
}

impl Common {
    pub fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from("data"))
    }

    /// The file of settings that counts: the named one, or the one in this folder.
    pub fn settings_file(&self) -> Option<PathBuf> {
        let usual = Path::new(config::USUAL_FILE);
        self.config.clone().or_else(|| usual.exists().then(|| usual.to_owned()))
    }

    pub fn settings(&self) -> Result<Config, Stop> {
        let file = self.settings_file();
        Config::load(file.as_deref(), std::env::vars()).map_err(|wrong| Stop::Failed(wrong.to_string()))
    }

    /// Settings for a command that ends by itself, with logs no louder than it needs.
    pub fn quiet_settings(&self) -> Result<Config, Stop> {
        let mut config = self.settings()?;
        if config.telemetry.log == host::config::USUAL_LOG {
            config.telemetry.log = "warn".into();
        }
        host::logs::start(&config.telemetry);
        Ok(config)
    }
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: agents at /mcp, health at /healthz
    Serve(serve::Serve),
    /// Run the server on a sample workspace
    Demo(demo::Demo),
    /// Bring in data from a file
    #[command(subcommand)]
    Import(import::Import),
    /// What needs attention today, and why
    Briefing(briefing::Briefing),
    /// Deals: list, show, create, edit, change their key dates
    #[command(subcommand)]
    Deal(deal::Deal),
    /// Milestones: list, explain, complete, waive, edit
    #[command(subcommand)]
    Milestone(milestone::Milestone),
    /// People outside the team: their consents, their opt-outs, who leads the conversation
    #[command(subcommand)]
    Contact(contact::Contact),
    /// What may be sent to whom, when, and why
    #[command(subcommand)]
    Policy(policy::Policy),
    /// What the workspace says of itself, such as how messages leave
    #[command(subcommand)]
    Settings(settings::Settings),
    /// What was sent and what was not: list, show, cancel, replay, resolve; hold and resume
    #[command(subcommand)]
    Delivery(delivery::Delivery),
    /// Send a test message to somebody on the team, to see whether a channel works; never to a contact
    SendTest(send_test::SendTest),
    /// A member's feed: list, mark as read
    #[command(subcommand)]
    Notification(notification::Notification),
    /// Reminders: what was planned and what became of it
    #[command(subcommand)]
    Reminder(reminder::Reminder),
    /// Say what will be sent in the next days, to whom, why, and what the policy says; sends and changes nothing
    Simulate(reminder::Simulate),
    /// How members and contacts want to be reached
    #[command(subcommand)]
    Preferences(preferences::Preferences),
    /// Letters that wait for a yes: list, show, edit, propose
    #[command(subcommand)]
    Draft(draft::Draft),
    /// What waits for a yes: list, show, vote
    #[command(subcommand)]
    Approval(approval::Approval),
    /// The rules that make milestones
    #[command(subcommand)]
    Template(template::Template),
    /// Find deals, milestones, people, letters, approvals, messages and templates by a few words
    Search(search::Search),
    /// Keys for programs
    #[command(subcommand)]
    Token(token::Token),
    /// Who agents are at a provider of access tokens (OpenID Connect)
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Programs that are told what happens (webhooks)
    #[command(subcommand)]
    Endpoint(endpoint::Endpoint),
    /// Servers of other agents whose tools people here use: list, check, approve, start, stop, call
    #[command(subcommand)]
    AgentServer(agent_server::AgentServer),
    /// Found a workspace and its owner
    Setup(setup::Setup),
    /// Workspaces and members
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Print the link that invites the bot to a Discord server, and the code that links it
    Invite(chat::Invite),
    /// The link with Discord: codes, servers, accounts
    #[command(subcommand)]
    Chat(chat::Chat),
    /// The log of everything that happened
    #[command(subcommand)]
    Audit(audit::Audit),
    /// The settings
    #[command(subcommand)]
    Config(config::Config),
    /// Bring the database to this version's schema
    Migrate(migrate::Migrate),
    /// Serve one agent over standard input and output, or print how to connect one
    Mcp(mcp::Mcp),
    /// Ask a running server whether it is ready
    Healthcheck(serve::Healthcheck),
    /// Measure this machine
    Bench(bench::Bench),
    /// Print completions for a shell
    Completions(manual::Completions),
    /// Print the manual page
    Man,
}

/// Reads the arguments, does what they say, and prints what came of it.
pub fn main() -> ExitCode {
    // A wrong usage ends here, with code 2.
    let Cli { common, command } = Cli::parse();
    let outcome = match command {
        None => serve::serve(&common, &serve::Serve::default()),
        Some(Command::Serve(cmd)) => serve::serve(&common, &cmd),
        Some(Command::Demo(cmd)) => demo::demo(&common, &cmd),
        Some(Command::Import(cmd)) => import::run(&common, &cmd),
        Some(Command::Briefing(cmd)) => briefing::run(&common, &cmd),
        Some(Command::Deal(cmd)) => deal::run(&common, cmd),
        Some(Command::Milestone(cmd)) => milestone::run(&common, cmd),
        Some(Command::Contact(cmd)) => contact::run(&common, cmd),
        Some(Command::Policy(cmd)) => policy::run(&common, &cmd),
        Some(Command::Settings(cmd)) => settings::run(&common, cmd),
        Some(Command::Delivery(cmd)) => delivery::run(&common, cmd),
        Some(Command::SendTest(cmd)) => send_test::run(&common, cmd),
        Some(Command::Notification(cmd)) => notification::run(&common, cmd),
        Some(Command::Reminder(cmd)) => reminder::run(&common, &cmd),
        Some(Command::Simulate(cmd)) => reminder::ahead(&common, &cmd),
        Some(Command::Preferences(cmd)) => preferences::run(&common, &cmd),
        Some(Command::Draft(cmd)) => draft::run(&common, cmd),
        Some(Command::Approval(cmd)) => approval::run(&common, cmd),
        Some(Command::Template(cmd)) => template::run(&common, &cmd),
        Some(Command::Search(cmd)) => search::run(&common, &cmd),
        Some(Command::Token(cmd)) => token::run(&common, cmd),
        Some(Command::Agent(cmd)) => agent::run(&common, cmd),
        Some(Command::Endpoint(cmd)) => endpoint::run(&common, cmd),
        Some(Command::AgentServer(cmd)) => agent_server::run(&common, cmd),
        Some(Command::Setup(cmd)) => setup::run(&common, &cmd),
        Some(Command::Admin(cmd)) => admin::run(&common, &cmd),
        Some(Command::Invite(cmd)) => chat::invite(&common, &cmd),
        Some(Command::Chat(cmd)) => chat::run(&common, &cmd),
        Some(Command::Audit(cmd)) => audit::run(&common, &cmd),
        Some(Command::Config(cmd)) => config::run(&common, &cmd),
        Some(Command::Migrate(cmd)) => migrate::run(&common, &cmd),
        Some(Command::Mcp(cmd)) => mcp::run(&common, &cmd),
        Some(Command::Healthcheck(cmd)) => serve::healthcheck(&common, &cmd),
        Some(Command::Bench(cmd)) => bench::run(&cmd),
        Some(Command::Completions(cmd)) => manual::completions(&cmd),
        Some(Command::Man) => manual::page(),
    };
    print(outcome, common.json)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_fit_together() {
        super::Cli::command().debug_assert();
    }
}
