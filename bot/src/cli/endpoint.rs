//! `milepost endpoint`: programs that are told what happens.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use domain::delivery::webhook::ops::{
    self, AddEndpoint, ChangeEndpoint, DisableEndpoint, EnableEndpoint, RotateSecret,
};
use domain::delivery::webhook::view::EndpointView;
use domain::kernel::id::EndpointId;
use host::keys::Keys;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Endpoint {
    /// Tell a program what happens from now on
    Add(Add),
    /// List the programs that are told
    List,
    /// Change which events a program is told of, or the headers of its calls
    Change(Change),
    /// Show the secret that signs its calls
    Secret {
        #[arg(value_parser = read::id::<EndpointId>)]
        id: EndpointId,
    },
    /// Give it another secret; the one before signs along for 24 h
    Rotate {
        #[arg(value_parser = read::id::<EndpointId>)]
        id: EndpointId,
        /// The secret before is void at once
        #[arg(long)]
        at_once: bool,
    },
    /// Stop telling it anything
    Disable {
        #[arg(value_parser = read::id::<EndpointId>)]
        id: EndpointId,
        /// Why, for whoever finds it disabled
        #[arg(long, default_value = "Disabled by hand.")]
        why: String,
    },
    /// Tell it again what happens
    Enable {
        #[arg(value_parser = read::id::<EndpointId>)]
        id: EndpointId,
        /// Also what happened after this event of the log [default: from now on]
        #[arg(long, value_name = "SEQUENCE")]
        after: Option<i64>,
    },
    /// Forget it; its deliveries stay in the record
    Remove {
        #[arg(value_parser = read::id::<EndpointId>)]
        id: EndpointId,
    },
}

#[derive(Args)]
pub struct Add {
    /// Where it listens: https, at a public address
    url: String,
    /// An event such as deal.created, milestone.* or *; repeatable
    #[arg(long = "event", value_name = "EVENT", default_value = "*")]
    events: Vec<String>,
    /// A header of each call; repeatable
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = pair)]
    headers: Vec<(String, String)>,
}

#[derive(Args)]
pub struct Change {
    #[arg(value_parser = read::id::<EndpointId>)]
    id: EndpointId,
    /// All events it is told of from now on; repeatable
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// All headers of its calls from now on; repeatable
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = pair)]
    headers: Vec<(String, String)>,
    /// No headers from now on
    #[arg(long, conflicts_with = "headers")]
    no_headers: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("Write it as NAME=VALUE.")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub fn run(common: &Common, cmd: Endpoint) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Endpoint::Add(cmd) => add(&desk, cmd),
        Endpoint::List => {
            let endpoints = desk.read(ops::list)?;
            Ok(Answer::new(says::endpoint::list(&endpoints), json!({ "endpoints": endpoints })))
        }
        Endpoint::Change(cmd) => change(&desk, cmd),
        Endpoint::Secret { id } => {
            let endpoint = desk.read(|cx| ops::get(cx, id))?;
            let secret = secret(&desk, &endpoint)?;
            Ok(Answer::new(says::endpoint::secret(&secret), json!({ "endpoint": endpoint, "secret": secret })))
        }
        Endpoint::Rotate { id, at_once } => {
            // Without the key the new secret could not be told, so the old one stays.
            keys(&desk)?;
            let done = desk.write(|cx| ops::rotate(cx, &RotateSecret { id, at_once }))?;
            let endpoint = done.value.endpoint;
            let secret = secret(&desk, &endpoint)?;
            let text = says::endpoint::rotated(&endpoint, &secret);
            Ok(Answer::new(text, beside(done.receipt, &endpoint, Some(&secret))))
        }
        Endpoint::Disable { id, why } => tell(
            desk.write(|cx| ops::disable(cx, &DisableEndpoint { id, why: why.clone() }))?,
            says::endpoint::disabled,
        ),
        Endpoint::Enable { id, after } => {
            tell(desk.write(|cx| ops::enable(cx, &EnableEndpoint { id, after }))?, says::endpoint::enabled)
        }
        Endpoint::Remove { id } => {
            let done = desk.write(|cx| ops::remove(cx, id))?;
            let text = says::endpoint::removed(&done.value);
            Ok(Answer::new(text, beside(done.receipt, &done.value, None)))
        }
    };
    answer.map(Some)
}

fn add(desk: &Desk, cmd: Add) -> Result<Answer, Stop> {
    let allowed = desk.host.config().webhooks.allowed();
    // Without the key nothing could be signed or sealed, so nothing is added.
    let keys = keys(desk)?;
    let new = AddEndpoint { url: cmd.url, events: cmd.events, headers: distinct(cmd.headers)? };
    let done = desk.write(|cx| ops::add(cx, &new, &allowed, keys))?;
    let secret = secret(desk, &done.value)?;
    let text = says::endpoint::added(&done.value, &secret);
    Ok(Answer::new(text, beside(done.receipt, &done.value, Some(&secret))))
}

fn change(desk: &Desk, cmd: Change) -> Result<Answer, Stop> {
    let headers = match (cmd.no_headers, cmd.headers.is_empty()) {
        (true, _) => Some(BTreeMap::new()),
        (false, true) => None,
        (false, false) => Some(distinct(cmd.headers)?),
    };
    let events = (!cmd.events.is_empty()).then_some(cmd.events);
    let change = ChangeEndpoint { id: cmd.id, version: None, events, headers };
    let keys = keys(desk)?;
    tell(desk.write(|cx| ops::change(cx, &change, keys))?, says::endpoint::changed)
}

fn tell(done: Written<ops::Outcome>, say: impl Fn(&EndpointView) -> String) -> Result<Answer, Stop> {
    let ops::Outcome { endpoint, already } = done.value;
    let text = match &already {
        Some(already) => says::endpoint::already(already),
        None => say(&endpoint),
    };
    let document = json!({ "endpoint": endpoint, "already": already });
    Ok(Answer::new(text, Written::<Value>::beside(done.receipt, document)))
}

fn beside(receipt: Option<Value>, endpoint: &EndpointView, secret: Option<&str>) -> Value {
    let mut document = json!({ "endpoint": endpoint });
    if let Some(secret) = secret {
        document["secret"] = secret.into();
    }
    Written::<Value>::beside(receipt, document)
}

fn distinct(headers: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Stop> {
    let mut all = BTreeMap::new();
    for (name, value) in headers {
        if all.insert(name.clone(), value).is_some() {
            return Err(Stop::Usage(says::endpoint::twice(&name)));
        }
    }
    Ok(all)
}

fn keys(desk: &Desk) -> Result<&Keys, Stop> {
    desk.host.keys_on_this_thread().map_err(Stop::Failed)
}

fn secret(desk: &Desk, endpoint: &EndpointView) -> Result<String, Stop> {
    let secret = keys(desk)?.endpoint_secret(desk.workspace.id, endpoint.id, endpoint.secret_version);
    Ok(secret.expose_secret().to_owned())
}
