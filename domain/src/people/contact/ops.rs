//! Getting to know people.

use serde_json::json;

use super::store::{self, ContactRow};
use super::{Contact, Event, zones};
use crate::kernel::id::ContactId;
use crate::kernel::{Cx, No, Problem, Refusal, Subject, text, time};

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

/// A checked person, and every problem with the fields named under `field` (such as `parties[0]`).
pub fn check(field: &str, person: &Person, problems: &mut Vec<Problem>) -> Person {
    let mut keep = |result: Result<String, Problem>| result.map_err(|p| problems.push(p)).ok();
    let name = keep(text::line(&format!("{field}.name"), &person.name, text::NAME)).unwrap_or_default();
    let email = person.email.as_deref().and_then(|email| keep(text::email(&format!("{field}.email"), email)));
    let phone = person.phone.as_deref().and_then(|phone| keep(text::phone(&format!("{field}.phone"), phone)));
    let time_zone = person
        .time_zone
        .as_deref()
        .and_then(|zone| keep(time::parse_zone(&format!("{field}.time_zone"), zone).map(|_| zone.to_owned())));
    let region =
        person.region.as_deref().and_then(|region| keep(zones::parse_region(&format!("{field}.region"), region)));
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
