//! Reading and changing the settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::stage::DraftStage;
use super::{Event, Settings, Stored, Whom, rules, store, subject};
use crate::kernel::event::Change;
use crate::kernel::{Cx, Fault, No, Problem, Refusal};
use crate::workspace::access::{Require, Verb};
use crate::workspace::approval::{self, Stage};
use crate::workspace::member;

/// The settings with their version, and whether sending is held.
pub fn get(cx: &mut Cx<'_>) -> Result<Stored, No> {
    cx.require(Verb::ReadDeliveries)?;
    Ok(store::find(cx)?)
}

/// Some fields of [`Settings`] by their names. `null` takes a field back to what it is without anybody's word.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct EditSettings {
    /// The version you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    pub set: Map<String, Value>,
}

/// Changes the named fields. What would loosen the policy's floor is refused with the field and the floor named.
pub fn edit(cx: &mut Cx<'_>, cmd: &EditSettings) -> Result<Stored, No> {
    cx.require(Verb::EditDeliverySettings)?;
    let before = store::hold(cx)?;
    if let Some(yours) = cmd.version.filter(|yours| *yours != before.version) {
        return Err(Refusal::stale("settings", yours, before.version).into());
    }
    let settings = merged(&before.settings, &cmd.set)?;
    let mut problems = rules::check(&settings);
    let mut named = Vec::new();
    for (place, whom) in settings.escalation_path.iter().enumerate() {
        named.push((format!("escalation_path[{place}]"), *whom));
    }
    for (place, stage) in settings.draft_stages.iter().enumerate() {
        named.extend(stage.approvers.iter().map(|whom| (format!("draft_stages[{place}].approvers"), *whom)));
    }
    for (field, whom) in named {
        if let Whom::Member(id) = whom
            && member::store::find(cx, id)?.is_none()
        {
            problems.push(Problem::new(field, "is no member of this workspace."));
        }
    }
    if settings.draft_stages != before.settings.draft_stages && !settings.draft_stages.is_empty() {
        let stages: Vec<Stage> = settings.draft_stages.iter().map(DraftStage::stage).collect();
        let team = member::store::list(cx)?;
        let wrong = approval::rules::wrong_stages(&stages, None, true, &team);
        problems.extend(wrong.into_iter().map(|p| Problem { field: format!("draft_{}", p.field), ..p }));
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let change = Change::between(&before.settings, &settings);
    if change.is_empty() {
        return Ok(before);
    }
    if !store::save(cx, &settings, before.version)? {
        let now = store::find(cx)?.version;
        return Err(Refusal::stale("settings", before.version, now).into());
    }
    let workspace = cx.workspace();
    cx.record(subject(workspace), &Event::Changed(change))?;
    Ok(Stored { settings, version: before.version + 1, ..before })
}

fn merged(before: &Settings, set: &Map<String, Value>) -> Result<Settings, No> {
    let usual = document(&Settings::default())?;
    let mut document = document(before)?;
    if set.is_empty() {
        return Err(vec![Problem::new("set", "nothing to change was given: name at least one field.")].into());
    }
    let mut problems = Vec::new();
    for (key, value) in set {
        let Some(usual) = usual.get(key) else {
            let shown: String = key.chars().take(40).collect();
            let known: Vec<&str> = usual.keys().map(String::as_str).collect();
            problems.push(Problem::new(shown, format!("is no setting. The settings are {}.", known.join(", "))));
            continue;
        };
        document.insert(key.clone(), if value.is_null() { usual.clone() } else { value.clone() });
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let mut track = serde_path_to_error::Track::new();
    let read = Settings::deserialize(serde_path_to_error::Deserializer::new(Value::Object(document), &mut track));
    read.map_err(|error| vec![Problem::new(track.path().to_string(), format!("{error}."))].into())
}

fn document(settings: &Settings) -> Result<Map<String, Value>, Fault> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(Fault::Corrupt("settings that are no document".into())),
    }
}
