//! The Discord of the tests itself: the client that the product uses lives with it, and whatever would be refused or
//! would hurt people is named.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::fake_discord::{FakeDiscord, Guild, What};
use host::Clock;
use serde_json::{Value, json};
use serenity::all::{
    ActionRowComponent, ApplicationId, ButtonStyle, ClientBuilder, Context, CreateActionRow,
    CreateAllowedMentions, CreateAttachment, CreateAutocompleteResponse, CreateButton, CreateEmbed,
    CreateInputText, CreateInteractionResponse as Respond, CreateInteractionResponseFollowup,
    CreateInteractionResponseMessage, CreateModal, CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption,
    EditInteractionResponse, Event, EventHandler, GatewayIntents, Http, HttpBuilder, InputTextStyle, Interaction,
    RawEventHandler, ShardManager,
};

mod client;
mod deadlines;
mod delivery;
mod gateway;
mod rest;
mod rules;

/// What the bot of these stories can do.
fn commands() -> Value {
    let deal =
        json!({ "type": 3, "name": "deal", "description": "Which deal", "required": true, "autocomplete": true });
    let sub = |name: &str, options: Value| json!({ "type": 1, "name": name, "description": format!("{name} a deal"), "options": options });
    let whom = json!({ "type": 6, "name": "whom", "description": "Who takes it", "required": true });
    let days =
        json!({ "type": 4, "name": "days", "description": "For how long", "min_value": 1, "max_value": 30 });
    let subs = [
        sub("show", json!([deal])),
        sub("slow", json!([])),
        sub("form", json!([])),
        sub("give", json!([whom, days])),
        sub("picture", json!([])),
        sub("silent", json!([])),
    ];
    json!([{ "name": "deal", "description": "Everything about deals", "type": 1, "options": subs }])
}

fn message(text: &str) -> CreateInteractionResponseMessage {
    CreateInteractionResponseMessage::new().content(text).allowed_mentions(CreateAllowedMentions::new())
}

fn edit(text: &str) -> EditInteractionResponse {
    EditInteractionResponse::new().content(text).allowed_mentions(CreateAllowedMentions::new())
}

fn card(name: &str) -> CreateInteractionResponseMessage {
    let buttons = CreateActionRow::Buttons(vec![
        CreateButton::new("approve").label("Approve").style(ButtonStyle::Success),
        CreateButton::new("why").label("Reject"),
        CreateButton::new("later").label("Later"),
        CreateButton::new("off").label("Off").disabled(true),
        CreateButton::new_link("https://example.com").label("Open"),
    ]);
    let options = ["Monday", "Friday"].map(|day| CreateSelectMenuOption::new(day, day.to_lowercase())).to_vec();
    let kind = CreateSelectMenuKind::String { options };
    let menu = CreateActionRow::SelectMenu(CreateSelectMenu::new("day", kind).placeholder("Which day?"));
    let embed = CreateEmbed::new().title(name).description("Closing soon").field("Due", "Friday", true);
    message("A deal").embed(embed).components(vec![buttons, menu]).ephemeral(true)
}

fn form() -> CreateModal {
    let reason =
        CreateInputText::new(InputTextStyle::Paragraph, "Reason", "reason").max_length(100).value("Too late");
    let note =
        CreateInputText::new(InputTextStyle::Short, "Note", "note").required(false).placeholder("for yourself");
    CreateModal::new("form", "Why?")
        .components(vec![CreateActionRow::InputText(reason), CreateActionRow::InputText(note)])
}

/// What the bot answers at once, and what it says later.
struct Small {
    handled: Arc<AtomicUsize>,
}

#[serenity::async_trait]
impl EventHandler for Small {
    async fn interaction_create(&self, cx: Context, interaction: Interaction) {
        self.handled.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = answer(&cx, interaction).await {
            // Told to the story by what its people see.
            eprintln!("the small bot: {error}");
        }
    }
}

async fn answer(cx: &Context, interaction: Interaction) -> serenity::Result<()> {
    match interaction {
        Interaction::Autocomplete(typed) => {
            let text = typed.data.autocomplete().map_or("", |option| option.value).to_owned();
            let all = ["Oak Street 12", "Elm Street 3"].into_iter().enumerate();
            let found = all.filter(|(_, name)| name.to_lowercase().contains(&text));
            let choices = found.fold(CreateAutocompleteResponse::new(), |all, (n, name)| {
                all.add_string_choice(name, n.to_string())
            });
            typed.create_response(cx, Respond::Autocomplete(choices)).await
        }
        Interaction::Command(command) => {
            let sub = command.data.options[0].name.as_str();
            match sub {
                "show" => command.create_response(cx, Respond::Message(card("Oak Street 12"))).await,
                "slow" => {
                    command.defer_ephemeral(cx).await?;
                    command.edit_response(cx, edit("It took a while.")).await?;
                    let more = CreateInteractionResponseFollowup::new()
                        .content("And there is more.")
                        .allowed_mentions(CreateAllowedMentions::new());
                    command.create_followup(cx, more).await.map(|_| ())
                }
                "form" => command.create_response(cx, Respond::Modal(form())).await,
                "give" => {
                    let (user, _) = command.data.resolved.users.iter().next().expect("a resolved user");
                    let text = format!("<@{user}> takes it.");
                    command.create_response(cx, Respond::Message(message(&text))).await
                }
                "picture" => {
                    let file = CreateAttachment::bytes(vec![137, 80, 78, 71], "week.png").description("The week");
                    command.create_response(cx, Respond::Message(message("This week").add_file(file))).await
                }
                _ => Ok(()),
            }
        }
        Interaction::Component(click) => match click.data.custom_id.as_str() {
            "approve" => {
                let done = message("Approved.").embeds(Vec::new()).components(Vec::new());
                click.create_response(cx, Respond::UpdateMessage(done)).await
            }
            "why" => click.create_response(cx, Respond::Modal(form())).await,
            "later" => {
                click.create_response(cx, Respond::Acknowledge).await?;
                click.edit_response(cx, edit("Later, then.")).await.map(|_| ())
            }
            "day" => click.create_response(cx, Respond::Message(message("Noted.").ephemeral(true))).await,
            _ => click.create_response(cx, Respond::Message(message("This card is old.").ephemeral(true))).await,
        },
        Interaction::Modal(sent) => {
            let ActionRowComponent::InputText(reason) = &sent.data.components[0].components[0] else {
                panic!("not a text")
            };
            let text = format!("Rejected: {}", reason.value.clone().unwrap_or_default());
            sent.create_response(cx, Respond::Message(message(&text))).await
        }
        _ => Ok(()),
    }
}

struct Unknown(Arc<AtomicUsize>);

#[serenity::async_trait]
impl RawEventHandler for Unknown {
    async fn raw_event(&self, _cx: Context, event: Event) {
        if let Event::Unknown(_) = event {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A bot that is up, with its commands registered.
struct Bot {
    http: Arc<Http>,
    shards: Arc<ShardManager>,
    unknown: Arc<AtomicUsize>,
    handled: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<serenity::Result<()>>,
}

async fn bot_with(discord: &FakeDiscord, token: &str, intents: GatewayIntents) -> Bot {
    let http = HttpBuilder::new(token)
        .proxy(discord.base())
        .ratelimiter_disabled(true)
        .application_id(ApplicationId::new(1000))
        .default_allowed_mentions(CreateAllowedMentions::new())
        .build();
    let (unknown, handled) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let builder = ClientBuilder::new_with_http(http, intents);
    let builder =
        builder.event_handler(Small { handled: handled.clone() }).raw_event_handler(Unknown(unknown.clone()));
    let mut client = builder.await.unwrap();
    assert!(client.ws_url.lock().await.starts_with(&discord.base().replacen("http", "ws", 1)));
    let (http, shards) = (client.http.clone(), client.shard_manager.clone());
    let task = tokio::spawn(async move { client.start().await });
    Bot { http, shards, unknown, handled, task }
}

async fn bot(discord: &FakeDiscord) -> Bot {
    let bot = bot_with(discord, discord.token(), GatewayIntents::GUILDS).await;
    bot.http.create_global_commands(&commands()).await.unwrap();
    discord.until("the bot is there", |discord| discord.connected() == 1).await;
    bot
}

impl Bot {
    async fn leaves(self) {
        assert_eq!(self.unknown.load(Ordering::SeqCst), 0, "events that the client could not read");
        self.shards.shutdown_all().await;
        self.task.await.unwrap().unwrap();
    }
}

fn clock() -> Clock {
    Clock::standing_at("2026-10-14T15:00:00Z".parse().unwrap())
}

fn start() -> (Clock, FakeDiscord, Guild) {
    let clock = clock();
    let discord = FakeDiscord::start(&clock);
    let guild = discord.guild("Oak Realty");
    (clock, discord, guild)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_a_bot_talk() {
    let (_, discord, guild) = start();
    let channel = guild.channel("closings");
    let maria = guild.person("maria");
    let at = maria.in_channel(&channel);
    let bot = bot(&discord).await;
    assert_eq!((discord.command_puts(), discord.identifies()), (1, 1));

    let choices = at.autocomplete("/deal show", &[("deal", json!("oak"))], "deal").await;
    assert_eq!((choices.len(), choices[0].name.as_str(), &choices[0].value), (1, "Oak Street 12", &json!("0")));

    let card = at.slash("/deal show", &[("deal", json!("0"))]).await;
    assert_eq!((card.kind, card.ephemeral), (What::Message, true));
    insta::assert_snapshot!(card.shown(), @r"
    (only maria sees this)
    A deal
    | Oak Street 12
    | Closing soon
    | Due: Friday
    [Approve] [Reject] [Later] [Off](disabled) [Open](https://example.com)
    <Which day?: Monday | Friday>
    ");
    assert!(discord.channel_messages(&channel).is_empty(), "what only maria sees");

    let form = at.click(&card, "Reject").await;
    insta::assert_snapshot!(form.shown(), @r"
    form: Why?
    Reason* (paragraph, up to 100)
      > Too late
    Note (line)
      hint: for yourself
    ");
    let rejected = at.submit(form.modal(), &[("Reason", "No inspection"), ("note", "call")]).await;
    assert_eq!(rejected.shown(), "Rejected: No inspection");

    let noted = at.choose(&card, "Which day?", &["Friday"]).await;
    assert_eq!(noted.shown(), "(only maria sees this)\nNoted.");
    let later = at.click(&card, "Later").await;
    assert_eq!((later.kind, later.message().content.as_str()), (What::Update, "Later, then."));
    let stale = at.click_custom(&card, "mp:0:approve:1").await;
    assert_eq!(stale.shown(), "(only maria sees this)\nThis card is old.");
    let approved = at.click(&card, "Approve").await;
    assert_eq!(approved.shown(), "(changed)\n(only maria sees this)\nApproved.");
    assert_eq!(approved.message().revisions, 2);

    let slow = at.slash("/deal slow", &[]).await;
    discord.until("the follow-up", |_| slow.again().followups.len() == 1).await;
    insta::assert_snapshot!(slow.again().shown(), @r"
    (only maria sees this)
    It took a while.

    And there is more.
    ");
    let picture = at.slash("/deal picture", &[]).await;
    assert_eq!(picture.shown(), "This week\n(file week.png: The week)");
    assert_eq!(picture.message().attachments[0].bytes, [137, 80, 78, 71]);
    let olga = guild.admin("olga");
    let given = at.slash("/deal give", &[("whom", json!(olga.id)), ("days", json!(3))]).await;
    assert_eq!(given.shown(), "@olga takes it.");

    let direct = maria.in_direct_messages();
    assert_eq!(direct.slash("/deal slow", &[]).await.kind, What::Message);
    let shown: Vec<String> = discord.channel_messages(&channel).iter().map(|m| m.shown()).collect();
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert_eq!(discord.mistakes(), [""; 0]);
    assert_eq!(discord.ledger()["PUT /applications/*/commands 200"], 1);
    assert_eq!(bot.handled.load(Ordering::SeqCst), 12);
    bot.leaves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_people_at_once_are_answered() {
    let (_, discord, guild) = start();
    let channel = guild.channel("closings");
    let bot = bot(&discord).await;
    // However busy the machine is: the clock stands, so that nothing is too late.
    discord.patience(std::time::Duration::from_secs(60));
    let all = (0..1_000).map(|n| {
        let at = guild.person(&format!("person-{n}")).in_channel(&channel);
        at.slash("/deal show", &[("deal", json!("0"))])
    });
    let said = FakeDiscord::at_once(all.collect()).await;
    let answered = said.iter().filter(|said| said.kind == What::Message).count();
    let slowest = said.iter().map(|said| said.took).max().unwrap_or_default();
    assert_eq!(answered, 1_000, "the slowest took {slowest:?}; {:?}", discord.mistakes());
    assert_eq!(discord.mistakes(), [""; 0]);
    bot.leaves().await;
}

/// What somebody's client would not let them do.
async fn cannot(what: impl AsyncFnOnce(), why: &str) {
    use futures_util::FutureExt;
    let panic = std::panic::AssertUnwindSafe(what()).catch_unwind().await.expect_err(why);
    let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(said.contains(why), "not {why:?}, but {said:?}");
}

#[tokio::test]
async fn nobody_does_what_their_client_would_not_let_them_do() {
    let (_, discord, guild) = start();
    let channel = guild.channel("closings");
    let at = guild.person("maria").in_channel(&channel);
    let mut set = commands();
    let day = json!({ "type": 3, "name": "day", "description": "When", "choices": [{ "name": "Friday", "value": "fri" }] });
    let admins = json!({ "name": "settings", "description": "Settings", "default_member_permissions": "32",
        "contexts": [0], "options": [day] });
    set.as_array_mut().unwrap().push(admins);
    client::ask(&discord, "PUT", "/applications/1000/commands", &set).await;
    discord.patience(std::time::Duration::ZERO);
    let slash = async |path: &str, options: &[(&str, Value)]| drop(at.slash(path, options).await);
    cannot(async || slash("/other", &[]).await, "there is no command /other").await;
    cannot(async || slash("/deal", &[]).await, "needs a sub-command").await;
    cannot(async || slash("/deal sell", &[]).await, "no sub-command \"sell\"").await;
    cannot(async || slash("/deal show", &[]).await, "the option \"deal\" is required").await;
    cannot(async || slash("/deal slow", &[("x", json!(1))]).await, "no option \"x\"").await;
    cannot(async || slash("/deal show", &[("deal", json!(1))]).await, "does not have its type").await;
    cannot(async || slash("/deal give", &[("whom", json!("5"))]).await, "has the id \"5\"").await;
    let whom = ("whom", json!(guild.owner().id));
    cannot(async || slash("/deal give", &[whom.clone(), ("days", json!(31))]).await, "outside of its bounds")
        .await;
    cannot(async || slash("/settings", &[]).await, "/settings is hidden from them").await;
    let olga = guild.admin("olga");
    cannot(
        async || drop(olga.in_channel(&channel).slash("/settings", &[("day", json!("mon"))]).await),
        "not among",
    )
    .await;
    cannot(async || drop(olga.in_direct_messages().slash("/settings", &[]).await), "not there in direct").await;
    cannot(async || drop(at.types("/deal give", &[("days", json!("1"))], "days").await), "offers nothing").await;

    let button = |label: &str, disabled: bool| json!({ "type": 2, "style": 1, "label": label, "custom_id": label, "disabled": disabled });
    let body = json!({ "content": "Press", "allowed_mentions": { "parse": [] },
        "components": [{ "type": 1, "components": [button("Go", false), button("Off", true)] }] });
    client::ask(&discord, "POST", &format!("/channels/{}/messages", channel.id), &body).await;
    let message = discord.channel_messages(&channel).remove(0);
    assert_eq!(message.buttons(), ["Go", "Off"]);
    cannot(async || drop(at.click(&message, "Stop").await), "cannot press \"Stop\": what they see is\nPress")
        .await;
    cannot(async || drop(at.click(&message, "Off").await), "cannot press \"Off\"").await;
    cannot(async || drop(at.choose(&message, "Which day?", &["x"]).await), "what they see is").await;
    let elsewhere = guild.person("maria").in_channel(&guild.channel("offers"));
    cannot(async || drop(elsewhere.click(&message, "Go").await), "they see no such message").await;
    assert_eq!(discord.mistakes(), [""; 0]);
}
