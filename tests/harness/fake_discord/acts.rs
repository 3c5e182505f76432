//! What people do: type commands, press buttons, choose, fill in forms. What their client would not let them do panics,
//! with a sentence.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::commands::kind;
use super::interactions::{Interaction, answer, did};
use super::people::Person;
use super::shown::{Choice, Clickable, Field, Form, Said, Shown, What};
use super::slash::{self, Typing};
use super::state::{State, merge, permission};
use super::{APP, delivery, rules};
use crate::peers::http::held;

/// How often somebody who waits looks at Discord's clock.
const LOOKS: Duration = Duration::from_millis(50);

/// Somebody, and where they are.
#[derive(Clone)]
pub struct At {
    pub(super) who: Person,
    pub(super) guild: Option<String>,
    pub(super) channel: String,
}

impl At {
    pub(super) fn guild(&self) -> Option<&str> {
        self.guild.as_deref()
    }

    pub(super) fn user(&self) -> &str {
        &self.who.id
    }

    #[track_caller]
    fn cannot(&self, what: &str, why: &str) -> ! {
        panic!("{} cannot {what}: {why}", self.who.name)
    }

    /// Sends a command: `/deal show`. Waits for the first answer, and for the message that a deferred one promises.
    #[track_caller]
    pub fn slash(&self, path: &str, options: &[(&str, Value)]) -> impl Future<Output = Said> + Send + use<> {
        let data = slash::data(&held(&self.who.known), self, path, options, None);
        match data {
            Ok((data, _)) => self.does(Does { kind: did::COMMAND, data, ..Does::default() }),
            Err(why) => self.cannot(&format!("send {path}"), &why),
        }
    }

    /// Types into one option of a command, whose text is among the options. Nothing in time panics; for a look at that,
    /// see [`Self::types`].
    #[track_caller]
    pub fn autocomplete(
        &self,
        path: &str,
        options: &[(&str, Value)],
        typed: &str,
    ) -> impl Future<Output = Vec<Choice>> + Send + use<> {
        let said = self.types(path, options, typed);
        let about = format!("{path} {typed}");
        async move {
            let said = said.await;
            assert_eq!(said.kind, What::Choices, "{about}: loading options failed");
            said.choices
        }
    }

    /// Types into one option of a command.
    #[track_caller]
    pub fn types(
        &self,
        path: &str,
        options: &[(&str, Value)],
        typed: &str,
    ) -> impl Future<Output = Said> + Send + use<> {
        let typing = Typing { option: typed };
        let data = slash::data(&held(&self.who.known), self, path, options, Some(&typing));
        match data {
            Ok((data, typed)) => self.does(Does { kind: did::AUTOCOMPLETE, data, typed, ..Does::default() }),
            Err(why) => self.cannot(&format!("type into {path}"), &why),
        }
    }

    /// The message as they see it now.
    #[track_caller]
    fn sees(&self, id: &str) -> Shown {
        let state = held(&self.who.known);
        let found = state.message(id).filter(|message| {
            message.channel == self.channel && message.only_for.as_ref().is_none_or(|only| *only == self.who.id)
        });
        match found.map(|message| Shown::of(&state, message)) {
            Some(shown) => shown,
            None => self.cannot("click there", "they see no such message"),
        }
    }

    /// Presses a button, by its label or custom_id.
    #[track_caller]
    pub fn click<M: Clickable>(&self, message: &M, named: &str) -> impl Future<Output = Said> + Send + use<M> {
        let shown = self.sees(message.id());
        let Some(button) = shown.button(named) else {
            self.cannot(&format!("press {named:?}"), &format!("what they see is\n{}", shown.shown()))
        };
        let data = json!({ "custom_id": button["custom_id"], "component_type": 2, "id": 2 });
        self.does(Does { kind: did::COMPONENT, data, source: Some(shown.id), ..Does::default() })
    }

    /// A click that comes late, or that nobody could make: any custom_id on a message that they see.
    #[track_caller]
    pub fn click_custom<M: Clickable>(
        &self,
        message: &M,
        custom_id: &str,
    ) -> impl Future<Output = Said> + Send + use<M> {
        let shown = self.sees(message.id());
        let data = json!({ "custom_id": custom_id, "component_type": 2, "id": 2 });
        self.does(Does { kind: did::COMPONENT, data, source: Some(shown.id), ..Does::default() })
    }

    /// Chooses in a select menu, by its placeholder or custom_id; values by what is written or what they stand for.
    #[track_caller]
    pub fn choose<M: Clickable>(
        &self,
        message: &M,
        named: &str,
        values: &[&str],
    ) -> impl Future<Output = Said> + Send + use<M> {
        let shown = self.sees(message.id());
        let what = format!("choose {values:?} in {named:?}");
        let Some(menu) = shown.menu(named) else {
            self.cannot(&what, &format!("what they see is\n{}", shown.shown()))
        };
        let (least, most) = (menu["min_values"].as_u64().unwrap_or(1), menu["max_values"].as_u64().unwrap_or(1));
        if !(least..=most).contains(&(values.len() as u64)) {
            self.cannot(&what, &format!("{least} to {most} can be chosen"));
        }
        let mut resolved = Map::new();
        let mut chosen = Vec::new();
        for value in values {
            let found = if menu["type"] == 3 {
                let mut options = rules::list(&menu["options"]).iter();
                let option = options.find(|option| option["value"] == *value || option["label"] == *value);
                option.map(|option| option["value"].clone()).ok_or_else(|| format!("there is no {value:?}"))
            } else {
                let of = match menu["type"].as_u64() {
                    Some(5) => kind::USER,
                    Some(6) => kind::ROLE,
                    Some(7) => kind::MENTIONABLE,
                    _ => kind::CHANNEL,
                };
                let state = held(&self.who.known);
                slash::resolve(&state, self, of, value, &mut resolved).map(|()| json!(value))
            };
            chosen.push(found.unwrap_or_else(|why| self.cannot(&what, &why)));
        }
        let mut data =
            json!({ "custom_id": menu["custom_id"], "component_type": menu["type"], "id": 2, "values": chosen });
        if !resolved.is_empty() {
            data["resolved"] = Value::Object(resolved);
        }
        self.does(Does { kind: did::COMPONENT, data, source: Some(shown.id), ..Does::default() })
    }

    /// Sends a form, with fields by their label or custom_id. Those that are not named keep what they began with.
    #[track_caller]
    pub fn submit(&self, form: &Form, fields: &[(&str, &str)]) -> impl Future<Output = Said> + Send + use<> {
        let what = format!("send the form {:?}", form.title);
        let is = |named: &str, field: &Field| field.label == named || field.id == named;
        if let Some((named, _)) =
            fields.iter().find(|(named, _)| !form.fields.iter().any(|field| is(named, field)))
        {
            self.cannot(&what, &format!("it has no field {named:?}"));
        }
        let mut rows = Vec::new();
        for (number, field) in form.fields.iter().enumerate() {
            let typed = fields.iter().find(|(named, _)| is(named, field)).map(|(_, text)| *text);
            let text = typed.unwrap_or(&field.value);
            let has = text.chars().count();
            if has == 0 && field.required {
                self.cannot(&what, &format!("{:?} is required", field.label));
            }
            if has > 0 && !(field.least..=field.most).contains(&has) {
                let bounds = format!("{} to {} are taken", field.least, field.most);
                self.cannot(&what, &format!("{:?} has {has} characters, {bounds}", field.label));
            }
            if !field.paragraph && text.contains('\n') {
                self.cannot(&what, &format!("{:?} is a single line", field.label));
            }
            let input = json!({ "type": 4, "id": 2 * number + 2, "custom_id": field.id, "value": text });
            rows.push(json!({ "type": 1, "id": 2 * number + 1, "components": [input] }));
        }
        let data = json!({ "custom_id": form.id, "components": rows });
        let (source, opened_by) = (form.source.clone(), Some(form.opened_by.clone()));
        self.does(Does { kind: did::FORM, data, source, opened_by, typed: 0 })
    }
}

/// Something that is done.
#[derive(Default)]
struct Does {
    kind: u64,
    data: Value,
    source: Option<String>,
    opened_by: Option<Value>,
    typed: u64,
}

impl At {
    fn does(&self, does: Does) -> impl Future<Output = Said> + Send + use<> {
        let at = self.clone();
        async move {
            let (token, moved) = at.begin(does);
            at.wait(&token, moved).await
        }
    }

    /// Tells the bot of it.
    fn begin(&self, does: Does) -> (String, watch::Receiver<u32>) {
        let known = &self.who.known;
        let mut state = held(known);
        let id = state.id();
        let token = format!("aW50ZXJhY3Rpb246{id}");
        let owners = json!({ "0": self.guild.as_deref().unwrap_or("0") });
        let mut metadata = json!({ "id": id, "type": does.kind, "user": state.user_json(self.user()),
            "authorizing_integration_owners": owners });
        if let Some(source) = does.source.as_ref().filter(|_| does.kind == did::COMPONENT) {
            metadata["interacted_message_id"] = json!(source);
        }
        if let Some(opened_by) = &does.opened_by {
            metadata["triggering_interaction_metadata"] = opened_by.clone();
        }
        let mut payload = self.surroundings(&state);
        let own = json!({ "id": id, "application_id": APP, "type": does.kind, "token": token, "version": 1,
            "data": does.data, "entitlements": [], "entitlement_sku_ids": [],
            "authorizing_integration_owners": owners, "attachment_size_limit": 10 << 20 });
        merge(&mut payload, own);
        if let Some(message) = does.source.as_deref().and_then(|id| state.message(id)) {
            payload["message"] = state.message_json(message);
        }
        let sender = watch::Sender::new(0);
        let moved = sender.subscribe();
        let interaction = Interaction {
            id,
            kind: does.kind,
            who: self.user().into(),
            channel: self.channel.clone(),
            source: does.source,
            typed: does.typed,
            metadata,
            made: state.clock.elapsed(),
            asked: state.wall.elapsed(),
            first: None,
            took: None,
            original: None,
            edits: 0,
            followups: Vec::new(),
            moved: sender,
        };
        state.interactions.insert(token.clone(), interaction);
        match state.deliver_to.clone() {
            None => state.tell("INTERACTION_CREATE", &payload),
            Some(url) => {
                let known = known.clone();
                tokio::spawn(async move { delivery::deliver(&known, &url, &payload).await });
            }
        }
        (token, moved)
    }

    /// Who, where and in which language.
    fn surroundings(&self, state: &State) -> Value {
        let locale = state.users.get(self.user()).map_or("en-US", |user| user.locale.as_str());
        let mut here = json!({ "channel_id": self.channel, "locale": locale });
        let channel = state.channels.get(&self.channel);
        let bot = channel.map_or(permission::INVITED, |channel| state.bot_may(channel));
        here["app_permissions"] = json!(bot.to_string());
        if let Some(channel) = channel {
            here["channel"] = state.channel_json(channel);
        }
        let Some(guild) = self.guild.as_ref().and_then(|id| state.guilds.get(id)) else {
            merge(&mut here, json!({ "context": 1, "user": state.user_json(self.user()) }));
            return here;
        };
        let permissions = guild.permissions(self.user()).to_string();
        let mut member = state.member_json(guild, self.user(), true);
        member["permissions"] = json!(permissions);
        if here["channel"].is_object() {
            here["channel"]["permissions"] = json!(permissions);
        }
        let there = json!({ "context": 0, "guild_id": guild.id, "guild_locale": guild.locale, "member": member,
            "guild": { "id": guild.id, "locale": guild.locale, "features": [] } });
        merge(&mut here, there);
        here
    }

    /// Until there is something to see that is not about to become something else.
    async fn wait(&self, token: &str, mut moved: watch::Receiver<u32>) -> Said {
        let known = &self.who.known;
        let begun = held(known).wall.elapsed();
        loop {
            let settled = {
                let state = held(known);
                let (found, now) = (&state.interactions[token], state.clock.elapsed());
                let loading =
                    found.original.as_deref().and_then(|id| state.message(id)).is_some_and(|m| m.loading);
                let settled = match &found.first {
                    None => found.is_late(now),
                    Some((answer::DEFERRED, _)) => !loading || found.is_over(now),
                    Some((answer::DEFERRED_UPDATE, _)) => found.edits > 0 || !found.followups.is_empty(),
                    Some(_) => true,
                };
                settled || state.wall.elapsed().saturating_sub(begun) > state.patience
            };
            if settled {
                return Said::now(known, token);
            }
            let _ = tokio::time::timeout(LOOKS, moved.changed()).await;
        }
    }
}
