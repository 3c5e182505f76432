//! This program as one file for desktop clients (an MCP bundle, version 0.3 of its manifest), and its entry for the MCP
//! registry (schema of 2025-12-11).

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use domain::kernel::canonical::{hex, sha256};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::cli::{Answer, Stop};
use crate::says;

const LISTING_SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

#[derive(Args)]
pub struct Bundle {
    /// The file to write; one that is there is replaced
    #[arg(long, value_name = "FILE", default_value = "milepost.mcpb")]
    out: PathBuf,
    /// The program to put into it [default: this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// What the program runs on [default: what this one runs on]
    #[arg(long, value_enum)]
    platform: Option<Platform>,
}

/// As the manifest calls operating systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Platform {
    Linux,
    Darwin,
    Win32,
}

impl Platform {
    fn here() -> Self {
        match std::env::consts::OS {
            "macos" => Self::Darwin,
            "windows" => Self::Win32,
            _ => Self::Linux,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Darwin => "darwin",
            Self::Win32 => "win32",
        }
    }

    /// Where the program stands in the bundle.
    fn entry(self) -> &'static str {
        if self == Self::Win32 { "server/milepost.exe" } else { "server/milepost" }
    }
}

pub fn write(cmd: &Bundle) -> Result<Answer, Stop> {
    let platform = cmd.platform.unwrap_or_else(Platform::here);
    let path = cmd.program.clone().map_or_else(std::env::current_exe, Ok)?;
    let unread = |error: std::io::Error| Stop::Failed(says::mcp::unread(&path, &error));
    let mut program = File::open(&path).map_err(unread)?;
    if !program.metadata().map_err(unread)?.is_file() {
        return Err(Stop::Failed(says::mcp::unread(&path, &"it is no file")));
    }
    let manifest = manifest(platform);
    // Whoever reads the file while it is written must not see half of it.
    let folder = cmd.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritten = |error: &dyn std::fmt::Display| Stop::Failed(says::mcp::unwritten(&cmd.out, error));
    let half = tempfile::NamedTempFile::new_in(folder).map_err(|error| unwritten(&error))?;
    pack(half.as_file(), &manifest, platform, &mut program).map_err(|error| unwritten(&error))?;
    let (bytes, hash) = measure(half.as_file()).map_err(|error| unwritten(&error))?;
    half.persist(&cmd.out).map_err(|error| unwritten(&error.error))?;
    let text = says::mcp::bundled(&cmd.out, bytes, &hash);
    Ok(Answer::new(text, json!({ "file": cmd.out, "bytes": bytes, "sha256": hash, "manifest": manifest })))
}

/// The same program makes the same bytes: entries have a fixed order and no time.
fn pack(file: &File, manifest: &Value, platform: Platform, program: &mut impl Read) -> zip::result::ZipResult<()> {
    let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut zip = ZipWriter::new(file);
    zip.start_file("manifest.json", plain.unix_permissions(0o644))?;
    zip.write_all(serde_json::to_string_pretty(manifest).map_err(std::io::Error::other)?.as_bytes())?;
    zip.start_file(platform.entry(), plain.unix_permissions(0o755))?;
    std::io::copy(program, &mut zip)?;
    zip.finish()?;
    Ok(())
}

fn measure(mut file: &File) -> std::io::Result<(u64, String)> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64, hex(&sha256(&[&bytes]))))
}

fn manifest(platform: Platform) -> Value {
    let tools = mcp_server::catalogue().into_iter().map(|tool| {
        let title = tool.annotations.and_then(|hints| hints.title).or(tool.title).unwrap_or_default();
        json!({ "name": tool.name, "description": title })
    });
    json!({
        "manifest_version": "0.3",
        "name": "milepost",
        "display_name": says::mcp::TITLE,
        "version": env!("CARGO_PKG_VERSION"),
        "description": says::mcp::ABOUT,
        "long_description": says::mcp::LONG,
        "author": { "name": says::mcp::TITLE },
        "keywords": ["real estate", "deadlines", "transactions", "closing", "approvals"],
        "server": {
            "type": "binary",
            "entry_point": platform.entry(),
            "mcp_config": {
                "command": format!("${{__dirname}}/{}", platform.entry()),
                "args": ["--data", "${user_config.data}", "mcp", "--scope", "${user_config.scope}"],
                "env": { "MILEPOST_WORKSPACE": "${user_config.workspace}" },
            },
        },
        "tools": tools.collect::<Vec<Value>>(),
        // Prompts are told by the server, which knows the workspace.
        "prompts_generated": true,
        "compatibility": { "platforms": [platform.name()] },
        "user_config": {
            "data": {
                "type": "directory",
                "title": "Data folder",
                "description": "The folder with milepost.db, as milepost setup made it.",
                "required": true,
            },
            "scope": {
                "type": "string",
                "title": "What the agent may do",
                "description": "read, propose, write or admin.",
                "default": "write",
                "required": false,
            },
            // A setting without a default reaches the program as the words of its placeholder.
            "workspace": {
                "type": "string",
                "title": "Workspace",
                "description": "Its short name; only needed where the folder has several.",
                "default": "",
                "required": false,
            },
        },
    })
}

#[derive(Args)]
pub struct Listing {
    /// Under whose name it is published: a namespace that the registry knows as yours, a slash, and a name
    #[arg(long, default_value = "io.github.milepost/milepost")]
    name: String,
    /// A bundle that is published too
    #[arg(long, value_name = "FILE", requires = "url")]
    bundle: Option<PathBuf>,
    /// Where anybody can fetch that bundle
    #[arg(long, value_name = "URL", requires = "bundle")]
    url: Option<String>,
}

pub fn listing(cmd: &Listing) -> Result<Answer, Stop> {
    let part = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let fits = |(space, name): (&str, &str)| part(space, ".-") && part(name, "._-") && cmd.name.len() <= 200;
    if !cmd.name.split_once('/').is_some_and(fits) {
        return Err(Stop::Usage(says::mcp::odd_name(&cmd.name)));
    }
    let mut listing = json!({
        "$schema": LISTING_SCHEMA,
        "name": cmd.name,
        "title": says::mcp::TITLE,
        "description": says::mcp::ABOUT,
        "version": env!("CARGO_PKG_VERSION"),
        // Every team runs its own.
        "remotes": [{
            "type": "streamable-http",
            "url": "https://{host}/mcp",
            "variables": {
                "host": {
                    "description": "The host name of your team's Milepost, with a port where it has one.",
                    "placeholder": "milepost.example.com",
                    "isRequired": true,
                },
            },
            "headers": [{
                "name": "Authorization",
                "description": "From: milepost token create --agent NAME --scope write",
                "value": "Bearer {token}",
                "isRequired": true,
                "isSecret": true,
                "variables": { "token": { "description": "The agent's token", "isRequired": true, "isSecret": true } },
            }],
        }],
    });
    if let (Some(bundle), Some(url)) = (&cmd.bundle, &cmd.url) {
        if !url.starts_with("https://") || !url.to_ascii_lowercase().contains("mcp") {
            return Err(Stop::Usage(says::mcp::odd_url(url)));
        }
        let read = File::open(bundle).and_then(|file| measure(&file));
        let (_, hash) = read.map_err(|error| Stop::Failed(says::mcp::unread(bundle, &error)))?;
        listing["packages"] = json!([{
            "registryType": "mcpb",
            "identifier": url,
            "version": env!("CARGO_PKG_VERSION"),
            "fileSha256": hash,
            "transport": { "type": "stdio" },
        }]);
    }
    Ok(Answer::new(serde_json::to_string_pretty(&listing).unwrap_or_default(), listing))
}
