//! What Discord's client lets somebody type: only commands that are registered, and that they see; only options that fit.

use serde_json::{Map, Value, json};

use super::acts::At;
use super::commands::kind;
use super::rules::{length, list};
use super::state::{State, permission};

/// What is being typed, when nothing is sent yet.
pub(super) struct Typing<'a> {
    pub option: &'a str,
}

/// The data of a command's interaction, or why nobody could send it.
pub(super) fn data(
    state: &State,
    at: &At,
    path: &str,
    given: &[(&str, Value)],
    typing: Option<&Typing<'_>>,
) -> Result<(Value, u64), String> {
    let mut words = path.trim_start_matches('/').split_whitespace();
    let name = words.next().unwrap_or_default();
    let command = visible(state, at, name)?;
    let mut chain = vec![command];
    for word in words {
        let within = chain[chain.len() - 1];
        let is = |option: &&Value| option["name"] == word && option["type"].as_u64() <= Some(kind::GROUP);
        let sub = list(&within["options"]).iter().find(is);
        chain.push(sub.ok_or_else(|| format!("{} has no sub-command {word:?}", within["name"]))?);
    }
    let last = chain[chain.len() - 1];
    let specs = list(&last["options"]);
    if specs.iter().any(|spec| spec["type"].as_u64() <= Some(kind::GROUP)) {
        return Err(format!("{} needs a sub-command", last["name"]));
    }
    let mut resolved = Map::new();
    let mut typed = 0;
    let mut options = Vec::new();
    for (name, value) in given {
        let spec = specs.iter().find(|spec| spec["name"] == *name);
        let spec = spec.ok_or_else(|| format!("{} has no option {name:?}", last["name"]))?;
        let kind = spec["type"].as_u64().unwrap_or(0);
        if typing.is_some_and(|typing| typing.option == *name) {
            if spec["autocomplete"] != true {
                return Err(format!("the option {name:?} offers nothing while somebody types"));
            }
            typed = kind;
            // Whatever it will become, while it is typed it is text.
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            options.push(json!({ "name": name, "type": kind, "value": text, "focused": true }));
            continue;
        }
        let value = fits(state, at, spec, kind, value, &mut resolved).map_err(|why| format!("{name:?}: {why}"))?;
        options.push(json!({ "name": name, "type": kind, "value": value }));
    }
    if let Some(typing) = typing {
        if typed == 0 {
            return Err(format!("nothing is typed into {:?}", typing.option));
        }
    } else {
        let missing =
            |spec: &&Value| spec["required"] == true && !given.iter().any(|(name, _)| spec["name"] == *name);
        if let Some(spec) = specs.iter().find(missing) {
            return Err(format!("the option {} is required", spec["name"]));
        }
    }
    for sub in chain[1..].iter().rev() {
        options = vec![json!({ "name": sub["name"], "type": sub["type"], "options": options })];
    }
    let mut data = json!({ "id": command["id"], "name": command["name"], "type": 1, "options": options });
    if !resolved.is_empty() {
        data["resolved"] = Value::Object(resolved);
    }
    if !command["guild_id"].is_null() {
        data["guild_id"] = command["guild_id"].clone();
    }
    Ok((data, typed))
}

/// The command that somebody sees under this name where they are.
fn visible<'s>(state: &'s State, at: &At, name: &str) -> Result<&'s Value, String> {
    let of = |guild: Option<String>| {
        let set = state.commands.get(&guild).map_or(&[][..], Vec::as_slice);
        set.iter().find(|command| command["name"] == name && command["type"] == 1)
    };
    let own = at.guild().and_then(|guild| of(Some(guild.to_owned())));
    let command = own.or_else(|| of(None)).ok_or_else(|| {
        let all: Vec<&str> = state.commands.values().flatten().filter_map(|c| c["name"].as_str()).collect();
        format!("there is no command /{name}, only {all:?}")
    })?;
    if let Some(guild) = at.guild().and_then(|guild| state.guilds.get(guild)) {
        let needs = command["default_member_permissions"].as_str().and_then(|bits| bits.parse::<u64>().ok());
        let has = guild.permissions(at.user());
        let admin = has & permission::ADMINISTRATOR != 0;
        // Zero hides it from everybody but administrators.
        if needs.is_some_and(|needs| (needs == 0 || has & needs != needs) && !admin) {
            return Err(format!("/{name} is hidden from them"));
        }
    }
    let (contexts, here) = (&command["contexts"], u64::from(at.guild().is_none()));
    let elsewhere = contexts.as_array().is_some_and(|all| !all.iter().any(|context| *context == here));
    if elsewhere || (here == 1 && contexts.is_null() && command["dm_permission"] == false) {
        return Err(format!("/{name} is not there in {}", if here == 1 { "direct messages" } else { "a guild" }));
    }
    Ok(command)
}

/// The value as it travels, when the client would take it.
fn fits(
    state: &State,
    at: &At,
    spec: &Value,
    kind: u64,
    value: &Value,
    resolved: &mut Map<String, Value>,
) -> Result<Value, String> {
    let choices = list(&spec["choices"]);
    if !choices.is_empty() && !choices.iter().any(|choice| choice["value"] == *value) {
        let all: Vec<&Value> = choices.iter().map(|choice| &choice["value"]).collect();
        return Err(format!("{value} is not among its choices {all:?}"));
    }
    let holds = match kind {
        kind::STRING => value.is_string(),
        kind::INTEGER => value.is_i64() || value.is_u64(),
        kind::NUMBER => value.is_number(),
        kind::BOOLEAN => value.is_boolean(),
        kind::ATTACHMENT => false,
        _ => value.is_string(),
    };
    if !holds {
        return Err(format!("{value} does not have its type ({kind})"));
    }
    if kind == kind::STRING {
        let (least, most) =
            (spec["min_length"].as_u64().unwrap_or(0), spec["max_length"].as_u64().unwrap_or(6_000));
        let has = length(value) as u64;
        if has == 0 || !(least..=most).contains(&has) {
            return Err(format!("a text of {has} characters, {least} to {most} are taken"));
        }
    }
    if let Some(number) = value.as_f64() {
        let below = spec["min_value"].as_f64().is_some_and(|least| number < least);
        if below || spec["max_value"].as_f64().is_some_and(|most| number > most) {
            return Err(format!("{number} is outside of its bounds"));
        }
    }
    if let (Some(id), kind::USER | kind::CHANNEL | kind::ROLE | kind::MENTIONABLE) = (value.as_str(), kind) {
        resolve(state, at, kind, id, resolved)?;
    }
    Ok(value.clone())
}

/// Tells beside an id what it stands for.
pub(super) fn resolve(
    state: &State,
    at: &At,
    kind: u64,
    id: &str,
    resolved: &mut Map<String, Value>,
) -> Result<(), String> {
    let mut tell = |list: &str, shown: Value| {
        resolved.entry(list).or_insert_with(|| json!({}))[id] = shown;
    };
    let guild = at.guild().and_then(|guild| state.guilds.get(guild));
    let role = guild.and_then(|guild| guild.roles.iter().find(|role| role.id == id));
    if matches!(kind, kind::USER | kind::MENTIONABLE) && state.users.contains_key(id) {
        tell("users", state.user_json(id));
        if let Some(guild) = guild.filter(|guild| guild.members.contains_key(id)) {
            let mut member = state.member_json(guild, id, false);
            member["permissions"] = json!(guild.permissions(id).to_string());
            tell("members", member);
        }
        return Ok(());
    }
    if let (kind::ROLE | kind::MENTIONABLE, Some(guild), Some(role)) = (kind, guild, role) {
        tell("roles", state.role_json(guild, role));
        return Ok(());
    }
    if let (kind::CHANNEL, Some(channel)) = (kind, state.channels.get(id)) {
        let mut shown = state.channel_json(channel);
        shown["permissions"] = json!(guild.map_or(0, |guild| guild.permissions(at.user())).to_string());
        tell("channels", shown);
        return Ok(());
    }
    Err(format!("nothing that can be chosen has the id {id:?}"))
}
