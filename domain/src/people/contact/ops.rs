//! Getting to know people, and mending what is known of them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::store::{self, ContactRow};
use super::{Contact, Event, Turn, standing, zones};
use crate::kernel::event::Change;
use crate::kernel::id::ContactId;
use crate::kernel::{Code, Cx, No, Problem, Refusal, Subject, text, time};
use crate::workspace::access::{Require, Verb};

/// A person as somebody wrote them down.
#[derive(Clone, Debug, Default)]
pub struct Person {
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub time_zone: Option<String>,
    /// Where they probably live: `US-IL`, or a country's two letters.
    pub region: Option<String>,
}

/// A checked person, and every problem with the fields named under `field` (such as `parties[0]`), or by themselves where
/// that is empty.
pub fn check(field: &str, person: &Person, problems: &mut Vec<Problem>) -> Person {
    let mut keep = |result: Result<String, Problem>| result.map_err(|p| problems.push(p)).ok();
    let of = |part: &str| if field.is_empty() { part.to_owned() } else { format!("{field}.{part}") };
    let name = keep(text::line(&of("name"), &person.name, text::NAME)).unwrap_or_default();
    let email = person.email.as_deref().and_then(|email| keep(text::email(&of("email"), email)));
    let phone = person.phone.as_deref().and_then(|phone| keep(text::phone(&of("phone"), phone)));
    let time_zone = person
        .time_zone
        .as_deref()
        .and_then(|zone| keep(time::parse_zone(&of("time_zone"), zone).map(|_| zone.to_owned())));
    let region = person.region.as_deref().and_then(|region| keep(zones::parse_region(&of("region"), region)));
    Person { name, email, phone, time_zone, region }
}

/// The contact with this e-mail address, or a new one. A known contact keeps what is known: a deal does not rewrite people.
///
/// Part of other verbs, which ask for the right to do so.
pub(crate) fn meet(cx: &mut Cx<'_>, person: &Person) -> Result<Contact, No> {
    if let Some(email) = &person.email
        && let Some(known) = store::find_by_email(cx, email)?
    {
        return Ok(known);
    }
    let row = ContactRow {
        workspace_id: cx.workspace(),
        id: ContactId(cx.mint()),
        name: person.name.clone(),
        email: person.email.clone(),
        phone: person.phone.clone(),
        time_zone: person.time_zone.clone(),
        created_at: cx.now().into(),
        version: 1,
        region: person.region.clone(),
    };
    if !store::insert(cx, row.clone())? {
        // Somebody added the same address between the look and the insert; theirs is the contact.
        let email = person.email.as_deref().unwrap_or_default();
        return Ok(store::find_by_email(cx, email)?.ok_or_else(|| Refusal::not_found("contact"))?);
    }
    let contact = Contact::from(row);
    let personal = json!({ "name": contact.name, "email": contact.email, "phone": contact.phone });
    cx.record(Subject::new("contact", contact.id.0), &Event::Added { personal })?;
    Ok(contact)
}

/// What may change of a contact. What is `None` stays; an empty text takes away what was there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct EditContact {
    pub contact_id: ContactId,
    /// The version you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub time_zone: Option<String>,
    /// Where they live: `US-IL`, or a country's two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub region: Option<String>,
}

impl EditContact {
    /// A command that changes nothing yet.
    pub fn of(contact_id: ContactId) -> Self {
        Self { contact_id, version: None, name: None, email: None, phone: None, time_zone: None, region: None }
    }
}

/// A contact as it was and as it is.
pub(crate) struct Edited {
    pub before: Contact,
    pub after: Contact,
}

/// Whether the caller is a person. Where messages go is a person's word: a program may only say that it should change.
pub(crate) fn only_people(cx: &Cx<'_>, what: &str) -> Result<(), No> {
    if !cx.is_program() {
        return Ok(());
    }
    Err(Refusal::new(
        Code::Forbidden,
        format!("{what} decides where messages go, which is a person's word. Nothing was changed."),
        "Ask a member of the team to do it (milepost contact edit, milepost deal party).",
    )
    .into())
}

/// Mends what is known of a contact: checked as at intake. An address that is given up keeps the wish of who had it.
///
/// Part of [`crate::deals::deal::parties::edit_contact`], which also sees to what waits for the old address.
pub(crate) fn edit(cx: &mut Cx<'_>, cmd: &EditContact) -> Result<Edited, No> {
    cx.require(Verb::EditContacts)?;
    only_people(cx, "Changing a contact")?;
    store::find(cx, cmd.contact_id)?.ok_or_else(|| Refusal::not_found("contact"))?;
    // Whoever decides about a message to this contact holds its standing first, and so does this.
    standing::store::hold(cx, &BTreeSet::from([cmd.contact_id]))?;
    let (before, version) = store::hold(cx, cmd.contact_id)?.ok_or_else(|| Refusal::not_found("contact"))?;
    if let Some(yours) = cmd.version.filter(|yours| *yours != version) {
        return Err(Refusal::stale("contact", yours, version).into());
    }
    let after = edited(&before, cmd)?;
    let change = Change::between(&document(&before), &document(&after));
    if change.is_empty() {
        return Ok(Edited { before, after });
    }
    let taken = match &after.email {
        Some(email) if after.email != before.email => store::find_by_email(cx, email)?.is_some(),
        _ => false,
    };
    if taken || !store::update(cx, &after)? {
        return Err(Refusal::new(
            Code::AlreadyExists,
            "Another contact has this e-mail address. Nothing was changed.",
            "Put that contact on the deal instead (milepost deal party add), or find it with milepost contact list \
             --text.",
        )
        .into());
    }
    for (old, new) in [(&before.email, &after.email), (&before.phone, &after.phone)] {
        let stays = |old: &&String| new.as_deref().is_some_and(|new| zones::plain(new) == zones::plain(old));
        if let Some(old) = old.as_ref().filter(|old| !stays(old)) {
            standing::ops::left_address(cx, before.id, old)?;
        }
    }
    let turn = |was: &Value, is: &Value| match (was, is) {
        (Value::Null, _) => Turn::Added,
        (_, Value::Null) => Turn::Removed,
        _ => Turn::Changed,
    };
    let fields: BTreeMap<String, Turn> =
        change.after.iter().map(|(field, is)| (field.clone(), turn(&change.before[field], is))).collect();
    let event = Event::Edited { fields, personal: json!(change) };
    cx.record(Subject::new("contact", after.id.0), &event)?;
    Ok(Edited { before, after })
}

fn edited(before: &Contact, cmd: &EditContact) -> Result<Contact, No> {
    let given =
        |new: &Option<String>| new.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    if [&cmd.name, &cmd.email, &cmd.phone, &cmd.time_zone, &cmd.region].iter().all(|field| field.is_none()) {
        return Err(vec![Problem::new("name", "nothing to change was given: name at least one field.")].into());
    }
    let mut problems = Vec::new();
    // What stays is left as it is: it was checked when it came in, by the rules of its time.
    let only_new = Person {
        name: cmd.name.clone().unwrap_or_else(|| before.name.clone()),
        email: given(&cmd.email),
        phone: given(&cmd.phone),
        time_zone: given(&cmd.time_zone),
        region: given(&cmd.region),
    };
    let checked = check("", &only_new, &mut problems);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let take = |new: &Option<String>, checked: Option<String>, old: &Option<String>| match new {
        None => old.clone(),
        Some(_) => checked,
    };
    Ok(Contact {
        id: before.id,
        name: checked.name,
        email: take(&cmd.email, checked.email, &before.email),
        phone: take(&cmd.phone, checked.phone, &before.phone),
        time_zone: take(&cmd.time_zone, checked.time_zone, &before.time_zone),
        region: take(&cmd.region, checked.region, &before.region),
    })
}

fn document(contact: &Contact) -> Value {
    json!({
        "name": contact.name, "email": contact.email, "phone": contact.phone, "time_zone": contact.time_zone,
        "region": contact.region,
    })
}
