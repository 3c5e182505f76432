//! What the fixture has: what `offer.json` lists, and the parts of it that change while it runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rmcp::ErrorData;
use rmcp::model::{Prompt, RequestStateCodec, Resource, ResourceTemplate, SealOptions, Tool};
use rmcp::task_manager::TaskManager;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::broadcast;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Listed {
    tools: Vec<Tool>,
    hidden_tool: Tool,
    prompts: Vec<Prompt>,
    hidden_prompt: Prompt,
    resources: Vec<Resource>,
    resource_templates: Vec<ResourceTemplate>,
}

/// What a client may want to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Tools,
    Prompts,
    Resource(String),
}

/// The one resource that changes.
pub const WATCHED: &str = "test://watched-resource";

pub struct Offer {
    listed: Listed,
    tool_shown: AtomicBool,
    prompt_shown: AtomicBool,
    /// How often [`WATCHED`] was written.
    writes: AtomicU64,
    changes: broadcast::Sender<Change>,
    codec: RequestStateCodec,
    pub tasks: TaskManager,
}

impl Offer {
    pub fn read() -> Self {
        let mut key = [0; 32];
        openssl::rand::rand_bytes(&mut key).expect("random bytes");
        Self {
            listed: serde_json::from_str(include_str!("offer.json")).expect("offer.json is in order"),
            tool_shown: AtomicBool::new(false),
            prompt_shown: AtomicBool::new(false),
            writes: AtomicU64::new(0),
            changes: broadcast::channel(64).0,
            codec: RequestStateCodec::try_new(key).expect("a key of 32 bytes"),
            tasks: TaskManager::new(),
        }
    }

    pub fn tools(&self) -> Vec<Tool> {
        let hidden = self.tool_shown.load(Ordering::Relaxed).then(|| self.listed.hidden_tool.clone());
        self.listed.tools.iter().cloned().chain(hidden).collect()
    }

    pub fn tool(&self, name: &str) -> Option<Tool> {
        self.tools().into_iter().find(|tool| tool.name == name)
    }

    pub fn prompts(&self) -> Vec<Prompt> {
        let hidden = self.prompt_shown.load(Ordering::Relaxed).then(|| self.listed.hidden_prompt.clone());
        self.listed.prompts.iter().cloned().chain(hidden).collect()
    }

    pub fn prompt(&self, name: &str) -> Option<Prompt> {
        self.prompts().into_iter().find(|prompt| prompt.name == name)
    }

    pub fn resources(&self) -> Vec<Resource> {
        self.listed.resources.clone()
    }

    pub fn resource_templates(&self) -> Vec<ResourceTemplate> {
        self.listed.resource_templates.clone()
    }

    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Changes it, and tells whoever listens.
    pub fn change(&self, change: Change) {
        match change {
            Change::Tools => drop(self.tool_shown.fetch_not(Ordering::Relaxed)),
            Change::Prompts => drop(self.prompt_shown.fetch_not(Ordering::Relaxed)),
            Change::Resource(_) => drop(self.writes.fetch_add(1, Ordering::Relaxed)),
        }
        // Nobody may be listening.
        let _ = self.changes.send(change);
    }

    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// A state for the client to bring back, good for one tool only.
    pub fn seal(&self, tool: &str, state: &Value) -> String {
        let options = SealOptions::new().associated_data(tool.as_bytes());
        self.codec.seal_json_with(state, &options).expect("JSON")
    }

    pub fn open(&self, tool: &str, sealed: &str) -> Result<Value, ErrorData> {
        self.codec
            .open_json_with(sealed, tool.as_bytes())
            .map_err(|_| ErrorData::invalid_params("This requestState is not one that the server gave.", None))
    }
}
