//! The templates of a workspace: those that ship, and its own over them.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Template, is_word};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::schema::templates;
use crate::kernel::search::{self, Document, Place};
use crate::kernel::{Code, Cx, Fact, Fault, No, Problem, Refusal, Subject};
use crate::workspace::access::{Require, Verb};

/// The longest template file, in bytes.
const LONGEST: usize = 200_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Set { name: String, version: i32, sha256: String },
    Reset { name: String },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "template.set",
            Self::Reset { .. } => "template.reset",
        }
    }
}

/// A template and whether the workspace brought it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub template: Template,
    pub own: bool,
}

/// The workspace's own template of this name, or the one that ships. Part of other verbs.
pub(crate) fn named(cx: &mut Cx<'_>, name: &str) -> Result<Option<Template>, Fault> {
    if !is_word(name) {
        // Nor could PostgreSQL look for just any text: it takes no NUL.
        return Ok(None);
    }
    let workspace = cx.workspace();
    let body: Option<String> = both!(cx.conn(), |c| {
        templates::table.find((workspace, name)).select(templates::body).first(c).optional()
    })?;
    match body {
        None => Ok(Template::built_in(name).cloned()),
        Some(body) => Template::parse(&body)
            .map(Some)
            .map_err(|problems| Fault::Corrupt(format!("the template {name} cannot be read: {problems:?}"))),
    }
}

/// All templates that deals can use here, by name.
pub fn list(cx: &mut Cx<'_>) -> Result<Vec<Listed>, No> {
    cx.require(Verb::ReadTemplates)?;
    let mut all: Vec<Listed> = own(cx)?.into_iter().map(|template| Listed { template, own: true }).collect();
    let shipped = Template::built_ins().iter().filter(|t| all.iter().all(|own| own.template.name != t.name));
    let shipped: Vec<Listed> = shipped.map(|t| Listed { template: t.clone(), own: false }).collect();
    all.extend(shipped);
    all.sort_by(|a, b| a.template.name.cmp(&b.template.name));
    Ok(all)
}

pub fn show(cx: &mut Cx<'_>, name: &str) -> Result<Template, No> {
    cx.require(Verb::ReadTemplates)?;
    Ok(named(cx, name)?.ok_or_else(|| Refusal::not_found("template"))?)
}

/// Stores the workspace's own template from TOML. Deals that have their milestones already keep them as they are.
pub fn set(cx: &mut Cx<'_>, toml: &str) -> Result<Template, No> {
    cx.require(Verb::ManageTemplates)?;
    if toml.len() > LONGEST {
        return Err(vec![Problem::new("template", format!("is longer than {LONGEST} bytes."))].into());
    }
    let template = Template::parse(toml)?;
    if let Some(known) = named(cx, &template.name)?
        && template.version <= known.version
        && template != known
    {
        let sentence = format!("must be above {}, the version that is in use.", known.version);
        return Err(vec![Problem::new("version", sentence)].into());
    }
    let row = (
        templates::workspace_id.eq(cx.workspace()),
        templates::name.eq(template.name.clone()),
        templates::template_version.eq(template.version),
        templates::body.eq(toml.to_owned()),
        templates::updated_at.eq(At(cx.now())),
        templates::updated_by.eq(cx.actor().name.clone()),
    );
    both!(cx.conn(), |c| {
        diesel::insert_into(templates::table)
            .values(row.clone())
            .on_conflict((templates::workspace_id, templates::name))
            .do_update()
            .set(row)
            .execute(c)
    })?;
    search::put(cx, &[document(&template)])?;
    let sha256 = crate::kernel::canonical::hex(&crate::kernel::canonical::sha256(&[toml.as_bytes()]));
    let event = Event::Set { name: template.name.clone(), version: template.version, sha256 };
    cx.record(subject(&template.name), &event)?;
    Ok(template)
}

/// Goes back to the template that ships.
pub fn reset(cx: &mut Cx<'_>, name: &str) -> Result<(), No> {
    cx.require(Verb::ManageTemplates)?;
    let workspace = cx.workspace();
    let gone = match is_word(name) {
        true => both!(cx.conn(), |c| diesel::delete(templates::table.find((workspace, name))).execute(c))?,
        false => 0,
    };
    if gone == 0 {
        return Err(Refusal::new(
            Code::NotFound,
            "The workspace has no template of its own by this name. Nothing was changed.",
            "List the templates to see which are its own.",
        )
        .into());
    }
    search::remove(cx, "template", &[subject(name).id])?;
    cx.record(subject(name), &Event::Reset { name: name.to_owned() })
}

/// What a template is found by: its title and its name.
pub(crate) fn document(template: &Template) -> Document {
    let (title, text) = (template.title.clone(), template.name.clone());
    Document { kind: "template", id: subject(&template.name).id, place: Place::First, title, text }
}

/// The workspace's own templates. Part of other verbs.
pub(crate) fn own(cx: &mut Cx<'_>) -> Result<Vec<Template>, Fault> {
    let workspace = cx.workspace();
    let names: Vec<String> = both!(cx.conn(), |c| {
        templates::table
            .filter(templates::workspace_id.eq(workspace))
            .order(templates::name)
            .select(templates::name)
            .load(c)
    })?;
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        all.extend(named(cx, &name)?);
    }
    Ok(all)
}

/// A template has a name and no id; the same name is always the same subject.
fn subject(name: &str) -> Subject {
    let hash = crate::kernel::canonical::sha256(&[b"milepost.template.v1", name.as_bytes()]);
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    Subject::new("template", uuid::Builder::from_custom_bytes(half).into_uuid())
}
