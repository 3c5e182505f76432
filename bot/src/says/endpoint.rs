//! Of programs that are told what happens.

use domain::delivery::webhook::EndpointStatus;
use domain::delivery::webhook::view::EndpointView;

pub fn added(endpoint: &EndpointView, secret: &str) -> String {
    format!(
        "{} is told of {} from now on (endpoint {}).\nIts calls are signed, as Standard Webhooks says, with\n  {secret}\n\
         Give it to that program. It can be shown again: milepost endpoint secret {}\n",
        endpoint.url,
        endpoint.events.join(", "),
        endpoint.id,
        endpoint.id
    )
}

pub fn list(endpoints: &[EndpointView]) -> String {
    if endpoints.is_empty() {
        return "No program is told what happens. Add one: milepost endpoint add https://...\n".into();
    }
    let mut text = String::new();
    for endpoint in endpoints {
        let status = match (&endpoint.status, &endpoint.disabled_why) {
            (EndpointStatus::Disabled, Some(why)) => format!("disabled: {why}"),
            (status, _) => status.to_string(),
        };
        text.push_str(&format!(
            "{}  {}\n    {}; told up to event {}; {status}\n",
            endpoint.id,
            endpoint.url,
            endpoint.events.join(", "),
            endpoint.told_up_to
        ));
        if !endpoint.headers.is_empty() {
            text.push_str(&format!("    headers: {}\n", set(&endpoint.headers)));
        }
    }
    text
}

pub fn secret(secret: &str) -> String {
    format!("{secret}\n")
}

pub fn rotated(endpoint: &EndpointView, secret: &str) -> String {
    let before = match &endpoint.previous_secret_until {
        Some(until) => format!("The one before signs along until {}.", super::moment(*until)),
        None => "The one before is void.".into(),
    };
    format!("The secret of {} is now\n  {secret}\n{before}\n", endpoint.url)
}

pub fn changed(endpoint: &EndpointView) -> String {
    let headers = match endpoint.headers.is_empty() {
        true => "no headers of its own".to_owned(),
        false => set(&endpoint.headers),
    };
    format!("{} is told of {}, with {headers}.\n", endpoint.url, endpoint.events.join(", "))
}

/// Names alone: what they carry is shown to nobody again.
fn set(headers: &[String]) -> String {
    headers.iter().map(|name| format!("{name} (set)")).collect::<Vec<_>>().join(", ")
}

pub fn disabled(endpoint: &EndpointView) -> String {
    format!(
        "{} is told nothing any more. What waits for it is not sent.\nTo go on from here: milepost endpoint enable {} \
         --after {}\n",
        endpoint.url, endpoint.id, endpoint.told_up_to
    )
}

pub fn enabled(endpoint: &EndpointView) -> String {
    format!("{} is told what happened after event {}.\n", endpoint.url, endpoint.told_up_to)
}

pub fn removed(endpoint: &EndpointView) -> String {
    format!("{} was removed. Its deliveries stay in the record.\n", endpoint.url)
}

pub fn already(why: &str) -> String {
    format!("{why} Nothing was changed.\n")
}

pub fn twice(header: &str) -> String {
    format!("--header {header} is given twice. Nothing was changed. Give each header once.")
}
