//! People outside the team.

use domain::kernel::{Code, Refusal};
use domain::people::contact::Contact;
use domain::people::contact::view::{ContactView, Listed};
use domain::people::contact::zones::ZoneSource;

use super::{indented, moment, next_page, table};

pub fn list(contacts: &[Listed], cursor: Option<&str>) -> String {
    if contacts.is_empty() {
        return "No contact matches. People come in with the deals they are on (milepost deal create, deal party add)."
            .into();
    }
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let rows: Vec<Vec<String>> = contacts
        .iter()
        .map(|listed| {
            let contact = &listed.contact;
            let mark = if listed.opted_out_at.is_some() { "OPTED OUT" } else { "" };
            vec![
                contact.name.clone(),
                or_none(&contact.email),
                or_none(&contact.phone),
                mark.into(),
                contact.id.to_string(),
            ]
        })
        .collect();
    table(&["NAME", "E-MAIL", "TELEPHONE", "", "ID"], &rows) + &next_page(cursor)
}

pub fn show(view: &ContactView) -> String {
    let contact = &view.contact;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let zones = view.zones.names.join(", ");
    let zone = match view.zones.found_by {
        ZoneSource::Stated => zones,
        ZoneSource::Evidence => format!("{zones} (from the telephone number or the region)"),
        ZoneSource::Country => format!("not known; {zones} are possible"),
    };
    let mut rows = vec![
        vec!["E-mail".into(), or_none(&contact.email)],
        vec!["Telephone".into(), or_none(&contact.phone)],
        vec!["Region".into(), or_none(&contact.region)],
        vec!["Zone".into(), zone],
        vec!["Last wrote".into(), view.standing.last_inbound_at.map_or_else(|| "never".into(), moment)],
    ];
    if let Some(at) = view.standing.opted_out_at {
        let via = view.standing.opted_out_via.as_deref().unwrap_or("another way").replace('_', " ");
        rows.push(vec!["OPTED OUT".into(), format!("{} ({via}); only they can undo it", moment(at))]);
    }
    if let Some(at) = view.address_opted_out_at {
        let words = format!("{} (by this number or address); only its holder can undo it", moment(at));
        rows.push(vec!["OPTED OUT".into(), words]);
    }
    if let Some(at) = view.standing.taken_over_at {
        let by = view.standing.taken_over_by.as_deref().unwrap_or("somebody");
        rows.push(vec!["Led by".into(), format!("{by} since {}; no rule writes to them", moment(at))]);
    }
    for consent in &view.consents {
        let words = match consent.withdrawn_at {
            None => format!("yes, since {}: {}", moment(consent.given_at), consent.evidence),
            Some(at) => format!("no longer, since {}", moment(at)),
        };
        rows.push(vec![format!("Agreed to {}", consent.channel), words]);
    }
    format!("{} ({}, version {})\n{}", contact.name, contact.id, view.version, indented(&table(&["", ""], &rows)))
}

pub fn changed(view: &ContactView, what: &str, changed: bool) -> String {
    let first =
        if changed { format!("Done: {what}.") } else { "That stands already. Nothing was changed.".into() };
    format!("{first}\n{}", show(view))
}

/// Two or more contacts share what was given.
pub fn several(contacts: &[Contact]) -> Refusal {
    let names: Vec<String> =
        contacts.iter().take(5).map(|contact| format!("{} ({})", contact.name, contact.id)).collect();
    Refusal::new(
        Code::Invalid,
        format!("Several contacts have this: {}. Nothing was changed.", names.join(", ")),
        "Name the one you mean by its id. An opt-out of one of them holds for all.",
    )
}
