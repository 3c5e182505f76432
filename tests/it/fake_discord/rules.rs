//! Wrong traffic is named: a line per rule.

use harness::fake_discord::FakeDiscord;
use serde_json::{Value, json};

use super::client::{Line, ask};
use super::{clock, commands};

fn with(mut base: Value, change: Value) -> Value {
    base.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    base
}

fn row(components: Value) -> Value {
    json!({ "type": 1, "components": components })
}

fn button(id: &str) -> Value {
    json!({ "type": 2, "style": 1, "label": "Go", "custom_id": id })
}

fn menu(options: usize) -> Value {
    let options: Vec<Value> =
        (0..options).map(|n| json!({ "label": n.to_string(), "value": n.to_string() })).collect();
    json!({ "type": 3, "custom_id": "menu", "options": options })
}

/// What is wrong with a message: the refusal's code and words.
async fn check_message(change: Value, expected: &str) {
    let discord = FakeDiscord::start(&clock());
    let body = with(json!({ "content": "Hello", "allowed_mentions": { "parse": [] } }), change);
    let (status, said) = ask(&discord, "POST", "/channels/77/messages", &body).await;
    let mistakes = discord.mistakes().join("; ");
    if expected == "fine" {
        assert_eq!((status, mistakes.as_str()), (200, ""), "{said}");
        return;
    }
    assert_eq!(status, 400, "{expected}: {said}");
    assert!(mistakes.contains(expected), "not {expected:?}, but {mistakes:?}");
}

#[tokio::test]
async fn messages() {
    let long = json!({ "description": "d".repeat(3_500) });
    let fields = |count: usize| json!([{ "fields": vec![json!({ "name": "n", "value": "v" }); count] }]);
    let buttons = |count: usize| Value::Array((0..count).map(|n| button(&n.to_string())).collect());
    for (change, expected) in [
        (json!({}), "fine"),
        (json!({ "content": "x".repeat(2_001) }), "content has 2001 characters"),
        (json!({ "content": " \n" }), "an empty message"),
        (json!({ "content": "", "components": [row(json!([button("a")]))] }), "an empty message"),
        (json!({ "embeds": vec![json!({ "title": "t" }); 11] }), "11 embeds"),
        (json!({ "embeds": [long, long] }), "7000 characters together"),
        (json!({ "embeds": [{ "title": "t".repeat(257) }] }), "an embed's title has 257"),
        (json!({ "embeds": [{ "description": "d".repeat(4_097) }] }), "an embed's description has 4097"),
        (json!({ "embeds": [{ "title": "t", "footer": { "text": "f".repeat(2_049) } }] }), "footer.text has 2049"),
        (json!({ "embeds": [{ "author": { "name": "a".repeat(257) } }] }), "author.name has 257"),
        (json!({ "embeds": fields(26) }), "an embed of 26 fields"),
        (
            json!({ "embeds": [{ "fields": [{ "name": "n", "value": "v".repeat(1_025) }] }] }),
            "field value has 1025",
        ),
        (json!({ "embeds": [{ "fields": [{ "name": "n".repeat(257), "value": "v" }] }] }), "field name has 257"),
        (json!({ "embeds": [{ "fields": [{ "name": "n", "value": "" }] }] }), "no name or no value"),
        (json!({ "embeds": [{ "color": 1 }] }), "an embed that shows nothing"),
        (json!({ "allowed_mentions": null }), "allowed_mentions is missing"),
        (json!({ "allowed_mentions": { "parse": ["everyone"] } }), "allowed_mentions.parse is not empty"),
        (json!({ "nonce": "n".repeat(26) }), "a nonce of 26 characters"),
        (json!({ "enforce_nonce": true }), "enforce_nonce without a nonce"),
        (json!({ "components": [row(buttons(5))] }), "fine"),
        (json!({ "components": [row(buttons(6))] }), "a row of 6 components"),
        (json!({ "components": [row(json!([]))] }), "nothing in it"),
        (json!({ "components": [button("a")] }), "outside of a row"),
        (
            json!({ "components": (0..6).map(|n| row(json!([button(&n.to_string())]))).collect::<Vec<_>>() }),
            "6 rows",
        ),
        (
            json!({ "components": [row(json!([button("a"), button("a")]))] }),
            "two components with the custom_id \"a\"",
        ),
        (json!({ "components": [row(json!([button("")]))] }), "custom_id of the button \"Go\" is missing"),
        (json!({ "components": [row(json!([button(&"c".repeat(101))]))] }), "has 101 characters"),
        (
            json!({ "components": [row(json!([with(button("a"), json!({ "label": "l".repeat(81) }))]))] }),
            "81 characters",
        ),
        (
            json!({ "components": [row(json!([with(button("a"), json!({ "label": null }))]))] }),
            "neither label nor emoji",
        ),
        (
            json!({ "components": [row(json!([with(button("a"), json!({ "url": "https://a.b" }))]))] }),
            "but is no link",
        ),
        (
            json!({ "components": [row(json!([with(button("a"), json!({ "style": 5, "url": "https://a.b" }))]))] }),
            "the link \"Go\" has a custom_id",
        ),
        (json!({ "components": [row(json!([with(button("a"), json!({ "style": 9 }))]))] }), "has the style 9"),
        (json!({ "components": [row(json!([menu(25)]))] }), "fine"),
        (json!({ "components": [row(json!([menu(26)]))] }), "a select menu of 26 options"),
        (json!({ "components": [row(json!([menu(0)]))] }), "a select menu of 0 options"),
        (json!({ "components": [row(json!([menu(1), button("a")]))] }), "not alone in its row"),
        (json!({ "attachments": [{ "id": 0, "filename": "a.png" }] }), "no such file came"),
    ] {
        check_message(change, expected).await;
    }
}

async fn check_commands(set: Value, expected: &str) {
    let discord = FakeDiscord::start(&clock());
    let (status, said) = ask(&discord, "PUT", "/applications/1000/commands", &set).await;
    let mistakes = discord.mistakes().join("; ");
    if expected == "fine" {
        assert_eq!((status, mistakes.as_str()), (200, ""), "{said}");
        return;
    }
    assert_eq!(status, 400, "{expected}: {said}");
    assert!(mistakes.contains(expected), "not {expected:?}, but {mistakes:?}");
}

#[tokio::test]
async fn sets_of_commands() {
    let command = |change: Value| with(json!({ "name": "deal", "description": "Deals" }), change);
    let option = |change: Value| with(json!({ "type": 3, "name": "day", "description": "When" }), change);
    let named = |count: usize| (0..count).map(|n| command(json!({ "name": format!("c{n}") }))).collect::<Vec<_>>();
    let choices = |count: usize| {
        (0..count).map(|n| json!({ "name": n.to_string(), "value": n.to_string() })).collect::<Vec<_>>()
    };
    let options =
        |count: usize| (0..count).map(|n| option(json!({ "name": format!("o{n}") }))).collect::<Vec<_>>();
    let heavy = (0..25)
        .map(|n| {
            option(json!({ "name": format!("o{n}"), "choices": choices(25).into_iter().map(|c| {
        with(c.clone(), json!({ "name": format!("{}{}", "n".repeat(20), c["name"]) }))
    }).collect::<Vec<_>>() }))
        })
        .collect::<Vec<_>>();
    for (set, expected) in [
        (commands(), "fine"),
        (json!(named(100)), "fine"),
        (json!(named(101)), "101 commands"),
        (json!([command(json!({})), command(json!({}))]), "two commands with the name \"deal\""),
        (json!([command(json!({ "name": "Deal" }))]), "\"Deal\" is no name"),
        (json!([command(json!({ "name": "two words" }))]), "is no name"),
        (json!([command(json!({ "name": "n".repeat(33) }))]), "is no name"),
        (json!([command(json!({ "name": "größe" }))]), "fine"),
        (json!([command(json!({ "description": "" }))]), "description of the command \"deal\" is missing"),
        (json!([command(json!({ "description": "d".repeat(101) }))]), "101 characters"),
        (
            json!([command(json!({ "name_localizations": { "de": "Ein Geschäft" } }))]),
            "is no name of a command (de)",
        ),
        (json!([command(json!({ "description_localizations": { "de": "d".repeat(101) } }))]), "(de) has 101"),
        (json!([command(json!({ "default_member_permissions": "32" }))]), "fine"),
        (json!([command(json!({ "options": options(26) }))]), "26 options"),
        (
            json!([command(json!({ "options": [option(json!({})), option(json!({}))] }))]),
            "two options with the name",
        ),
        (
            json!([command(
                json!({ "options": [option(json!({})), option(json!({ "name": "o", "required": true }))] })
            )]),
            "required option \"o\" comes after",
        ),
        (json!([command(json!({ "options": [option(json!({ "choices": choices(26) }))] }))]), "26 choices"),
        (
            json!([command(
                json!({ "options": [option(json!({ "choices": choices(1), "autocomplete": true }))] })
            )]),
            "choices together with autocomplete",
        ),
        (
            json!([command(json!({ "options": [option(json!({ "type": 4, "choices": choices(1) }))] }))]),
            "does not have its option's type",
        ),
        (
            json!([command(json!({ "options": [option(json!({ "type": 1 })), option(json!({ "name": "o" }))] }))]),
            "mixes",
        ),
        (json!([command(json!({ "options": heavy }))]), "at most 8000 are taken"),
    ] {
        check_commands(set, expected).await;
    }
}

/// What is wrong with the first answer to something that somebody did.
async fn check_answer(kind: &str, body: Value, expected: &str) {
    let discord = FakeDiscord::start(&clock());
    let guild = discord.guild("Oak Realty");
    let channel = guild.channel("closings");
    let at = guild.person("maria").in_channel(&channel);
    ask(&discord, "PUT", "/applications/1000/commands", &commands()).await;
    let mut line = Line::identified(&discord, "v=10&encoding=json").await;
    let posted = json!({ "content": "Hello", "allowed_mentions": { "parse": [] },
        "components": [row(json!([button("go")]))] });
    let (_, posted) = ask(&discord, "POST", &format!("/channels/{}/messages", channel.id), &posted).await;
    discord.patience(std::time::Duration::ZERO);
    match kind {
        "command" => drop(at.slash("/deal slow", &[]).await),
        "typing" => drop(at.types("/deal show", &[("deal", json!("o"))], "deal").await),
        "click" => drop(at.click(&posted["id"].as_str().unwrap().to_owned(), "Go").await),
        _ => unreachable!(),
    }
    let came = line.until("INTERACTION_CREATE").await;
    let path =
        format!("/interactions/{}/{}/callback", came["id"].as_str().unwrap(), came["token"].as_str().unwrap());
    let (status, said) = ask(&discord, "POST", &path, &body).await;
    let mistakes = discord.mistakes().join("; ");
    if expected == "fine" {
        assert_eq!((status, mistakes.as_str()), (204, ""), "{said}");
        return;
    }
    assert_eq!(status, 400, "{expected}: {said}");
    assert!(mistakes.contains(expected), "not {expected:?}, but {mistakes:?}");
}

#[tokio::test]
async fn answers() {
    let text = json!({ "content": "Hello", "allowed_mentions": { "parse": [] } });
    let input = |change: Value| {
        row(json!([with(json!({ "type": 4, "style": 1, "custom_id": "i", "label": "Reason" }), change)]))
    };
    let form = |title: &str, rows: Vec<Value>| json!({ "type": 9, "data": { "custom_id": "f", "title": title, "components": rows } });
    let choices = |count: usize, name: &str| {
        let all: Vec<Value> = (0..count).map(|n| json!({ "name": name, "value": n.to_string() })).collect();
        json!({ "type": 8, "data": { "choices": all } })
    };
    let inputs =
        |count: usize| (0..count).map(|n| input(json!({ "custom_id": n.to_string() }))).collect::<Vec<_>>();
    for (kind, body, expected) in [
        ("command", json!({ "type": 4, "data": text }), "fine"),
        ("command", json!({ "type": 5 }), "fine"),
        ("command", json!({ "type": 6 }), "an answer of type 6 to an interaction of type 2"),
        ("command", json!({ "type": 7, "data": text }), "an answer of type 7 to an interaction of type 2"),
        (
            "command",
            json!({ "type": 8, "data": { "choices": [] } }),
            "an answer of type 8 to an interaction of type 2",
        ),
        ("command", json!({ "type": 4, "data": { "content": "Hello" } }), "allowed_mentions is missing"),
        ("command", json!({ "type": 4, "data": { "allowed_mentions": { "parse": [] } } }), "an empty message"),
        ("command", form("Why?", inputs(5)), "fine"),
        ("command", form("Why?", inputs(6)), "a form of 6 inputs"),
        ("command", form("Why?", Vec::new()), "a form of 0 inputs"),
        ("command", form(&"t".repeat(46), inputs(1)), "a form's title has 46"),
        ("command", form("Why?", vec![input(json!({ "label": "l".repeat(46) }))]), "an input's label has 46"),
        ("command", form("Why?", vec![input(json!({ "max_length": 4_001 }))]), "0 to 4001 characters"),
        (
            "command",
            form("Why?", vec![input(json!({ "max_length": 3, "value": "long" }))]),
            "begins with 4 characters",
        ),
        ("command", form("Why?", vec![input(json!({})), input(json!({}))]), "two inputs with the custom_id"),
        ("command", form("Why?", vec![json!({ "type": 18, "label": "l" })]), "and this is something else"),
        ("typing", choices(25, "Oak"), "fine"),
        ("typing", choices(26, "Oak"), "26 choices"),
        ("typing", choices(1, ""), "a choice's name is missing"),
        ("typing", choices(1, &"n".repeat(101)), "a choice's name has 101"),
        (
            "typing",
            json!({ "type": 8, "data": { "choices": [{ "name": "n", "value": 1 }] } }),
            "its option's type",
        ),
        (
            "typing",
            json!({ "type": 8, "data": { "choices": [{ "name": "n", "value": "v".repeat(101) }] } }),
            "value has 101",
        ),
        ("typing", json!({ "type": 4, "data": text }), "an answer of type 4 to an interaction of type 4"),
        ("click", json!({ "type": 6 }), "fine"),
        ("click", json!({ "type": 7, "data": text }), "fine"),
        (
            "click",
            json!({ "type": 7, "data": { "content": "", "allowed_mentions": { "parse": [] } } }),
            "an empty message",
        ),
        ("click", json!({ "type": 7, "data": { "content": "Hello" } }), "allowed_mentions is missing"),
    ] {
        check_answer(kind, body, expected).await;
    }
}

#[tokio::test]
async fn what_nobody_has_is_named() {
    let discord = FakeDiscord::start(&clock());
    assert_eq!(ask(&discord, "GET", "/nothing", &Value::Null).await.0, 404);
    assert!(discord.mistakes()[0].contains("is nothing that this Discord has"), "{:?}", discord.mistakes());
}

/// Only Discord's own description knows this.
#[tokio::test]
async fn the_published_description_is_a_second_opinion() {
    let discord = FakeDiscord::start(&clock());
    if !discord.has_description() {
        return;
    }
    let body = json!({ "content": "Hello", "allowed_mentions": { "parse": [] }, "tts": "loud" });
    assert_eq!(ask(&discord, "POST", "/channels/77/messages", &body).await.0, 400);
    assert!(discord.mistakes()[0].contains("\"loud\" is not of type"), "{:?}", discord.mistakes());
}
