//! Members hear of what concerns them the way they want to, with words that are shown as they were written.

use std::collections::BTreeSet;

use domain::assist::draft::DraftState;
use domain::deals::deal::intake::{NewDeal, NewParty};
use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::followup::review::{Decide, deadlines, decide};
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, WaiveMilestone, add, edit, waive};
use domain::deals::reminder::glance::{glance, sections};
use domain::deals::reminder::ops::{ListReminders, attend, list};
use domain::delivery::feed::Notification;
use domain::delivery::notify::ops::{Team, digests, tell};
use domain::delivery::notify::{Section, Telling, Told, Urgency};
use domain::delivery::outbox::Outcome;
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::delivery::template::Words;
use domain::delivery::{NewMessage, Purpose, To, feed};
use domain::kernel::Code;
use domain::kernel::id::{ContactId, DealId, MessageId, MilestoneId};
use domain::kernel::page::Ask;
use domain::people::contact;
use domain::people::contact::standing::ops::{SetConsent, set_consent};
use domain::people::reach::{self, Channel, Person, Preferences, Topic};
use domain::workspace::access::Role;
use domain::workspace::approval::Choice;
use domain::workspace::member::{MemberStatus, ops::change};
use harness::peers::FakeDiscord;
use harness::{DATES, Place, World, accepted, deal, on_both, unclear};
use host::Config;
use host::dispatch::Dispatcher;

/// Nine in the morning of the day after a story starts, in Chicago.
const NINE: &str = "2026-10-15T14:00:00Z";

fn sweep(world: &World) {
    while world.act(&world.team.operator(), |cx| attend(cx, 64)).unwrap().deals > 0 {}
}

fn digest(world: &World) -> usize {
    world.act(&world.team.operator(), |cx| digests(cx, &mut sections)).unwrap()
}

pub fn prefers(world: &World, role: Role, said: &[(&str, &str)]) {
    let mut preferences = Preferences::default();
    for (key, value) in said {
        reach::ops::put(&mut preferences, key, value).unwrap_or_else(|_| panic!("{key}"));
    }
    let member = world.team.members[&role].id;
    let admin = world.team.as_(Role::Admin);
    world.act(&admin, |cx| reach::ops::set(cx, Person::Member(member), &preferences, None)).unwrap();
}

/// An address in a member's preferences, as if the member had entered the code that was sent there.
pub fn has_verified(world: &World, role: Role, channel: Channel, address: &str) {
    let (team, member) = (world.team.id, world.team.members[&role].id);
    world.meddle(
        &world.team,
        &format!("DELETE FROM address_proofs WHERE member_id = '{member}' AND channel = '{channel}'"),
    );
    world.meddle(
        &world.team,
        &format!(
            "INSERT INTO address_proofs (workspace_id, member_id, channel, address, verified_at, verified_how, code_tries, \
             codes_sent, version) SELECT '{team}', id, '{channel}', '{address}', created_at, 'code', 0, 0, 1 FROM members WHERE id = \
             '{member}'"
        ),
    );
}

/// A deal with nothing to do but this, in the way of whoever answers for it.
fn one_date(world: &World, new: &NewDeal, title: &str, due_on: &str, responsible: Option<&str>) -> MilestoneId {
    let id = world.create(new);
    for m in world.detail(id).milestones {
        let cmd = WaiveMilestone { id: m.id, version: None, reason: Some("not part of this story".into()) };
        world.act(&world.team.cora(), |cx| waive(cx, &cmd)).unwrap();
    }
    let new = AddMilestone {
        deal_id: id,
        title: title.into(),
        due_on: due_on.into(),
        responsible_role: responsible.map(str::to_owned),
        remind_days_before: Some(1),
        required: Some(true),
        notes: None,
    };
    world.act(&world.team.cora(), |cx| add(cx, &new)).unwrap().milestone.id
}

/// The same for Cora.
fn coras_date(world: &World, due_on: &str) -> MilestoneId {
    let id = one_date(world, &deal("12 Oak Street", DATES), "Keys", due_on, None);
    let email = Some("cora@example.com".into());
    let cmd = EditMilestone { responsible_member_email: email, ..EditMilestone::of(id) };
    world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
    id
}

/// Channel, reader's first name and state of the messages of a topic.
fn messages(world: &World, topic: Topic) -> Vec<String> {
    let query = format!(
        "SELECT messages.channel || ' ' || coalesce(members.name, messages.address) || ' ' || messages.status AS line
         FROM messages LEFT JOIN members ON members.workspace_id = messages.workspace_id
         AND members.id = messages.member_id
         WHERE messages.workspace_id = '{}' AND messages.kind = '{topic}' ORDER BY messages.created_at, line",
        world.team.id
    );
    let mut lines = world.lines(&world.team, &query);
    lines.sort();
    lines
}

fn outcomes(world: &World) -> Vec<String> {
    let cmd = ListReminders { deal_id: None, ask: Ask { cursor: None, limit: Some(100) } };
    let page = world.look(&world.team.cora(), |cx| list(cx, &cmd)).unwrap();
    page.items
        .into_iter()
        .map(|r| format!("{} to {}: {} {}", r.kind, r.to, r.outcome, r.reason.unwrap_or_default()))
        .collect()
}

fn telling(world: &World, role: Role, occasion: &str) -> Telling {
    Telling {
        member: world.team.members[&role].id,
        topic: Topic::Reminder,
        urgency: Urgency::Routine,
        words: Words {
            subject: "Keys are due".into(),
            long: "Hello,\n\nthe keys are due.".into(),
            chat: "The keys are due.".into(),
            short: "Keys due".into(),
            line: "The keys are due.".into(),
        },
        subject: None,
        occasion: occasion.into(),
        deal_id: None,
        at: world.now(),
        expires_at: None,
        also: None,
        card: None,
    }
}

fn told(world: &World, telling: Telling) -> Vec<MessageId> {
    let told = world.act(&world.team.operator(), |cx| {
        let team = Team::load(cx)?;
        tell(cx, &team, std::slice::from_ref(&telling))
    });
    match told.unwrap().remove(0) {
        Told::Queued(ids) => ids,
        other => panic!("{other:?}"),
    }
}

/// Ends what is due: as said on one channel, well on all others.
fn ends(world: &World, channel: Channel, outcome: &Outcome) {
    let claimed = world.claim(100);
    let of = |m: &domain::delivery::Message| if m.channel == channel { outcome.clone() } else { accepted() };
    let reports: Vec<_> =
        claimed.cleared.iter().map(|c| harness::report(c, world.now(), of(c.message()))).collect();
    world.settle(&reports);
}

fn refused() -> Outcome {
    Outcome::Refused { why: "There is nobody".into(), gone: false }
}

fn feed_of(world: &World, role: Role) -> Vec<Notification> {
    let feed = world.look(&world.team.as_(role), |cx| feed::ops::list(cx, false, &Ask::default()));
    feed.unwrap().notifications.items
}

fn at_a_glance(world: &World, role: Role) -> Vec<Section> {
    world.look(&world.team.as_(role), glance).unwrap()
}

fn titles(sections: &[Section]) -> Vec<&str> {
    sections.iter().map(|section| section.title.as_str()).collect()
}

/// What people read when Discord draws a post: escapes are gone, and nothing is left that would draw or call anything.
fn as_read(post: &str) -> String {
    let (subject, rest) = post.strip_prefix("**").unwrap().split_once("**\n").unwrap();
    let (text, small) = rest.rsplit_once("\n-# ").unwrap();
    assert!(small.bytes().all(|b| b.is_ascii_alphanumeric()), "{small}");
    let plain = |text: &str| {
        let mut read = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => read.extend(chars.next()),
                '*' | '_' | '~' | '`' | '|' | '<' | '>' | '[' | ']' | '(' | ')' | '@' | '#' => {
                    panic!("{c} is drawn or called in {text}")
                }
                c => read.push(c),
            }
        }
        read
    };
    format!("{}\n{}", plain(subject), plain(text))
}

fn in_chat(place: Place) {
    let discord = FakeDiscord::start(&host::Clock::standing_at("2026-10-14T15:00:00Z".parse().unwrap()));
    let mut config = Config::default();
    config.discord.token = Some(discord.token().to_owned().into());
    config.discord.api_url = discord.url();
    let world = World::with(place, Place::usual_limits(), config);
    let set = serde_json::json!({ "team_channel": { "channel": "discord", "address": "77" } });
    let set = EditSettings { version: None, set: set.as_object().unwrap().clone() };
    world.act(&world.team.as_(Role::Admin), |cx| edit_settings(cx, &set)).unwrap();
    let title = "Unit #4 *A_B* @everyone [x](http://y)";
    one_date(&world, &deal(title, DATES), title, "2026-10-15", None);
    let cora = world.team.cora();
    let of = world.look(&cora, |cx| domain::deals::deal::view::list(cx, &Default::default())).unwrap().items[0].id;
    let own = EditDeal { chat_channel: Some("123456789012345678".into()), ..EditDeal::of(of) };
    world.act(&cora, |cx| edit_deal(cx, &own)).unwrap();
    sweep(&world);
    let dispatcher = Dispatcher::new(&world.host, host::channels::open(&world.host).unwrap());
    world.wait_for(async {
        dispatcher.round().await;
        dispatcher.round().await;
    });
    let posted = discord.posted();
    assert_eq!(posted.iter().map(|p| p.channel.as_str()).collect::<Vec<_>>(), ["123456789012345678"]);
    let post = &posted[0].body;
    let read = as_read(post["content"].as_str().unwrap());
    assert_eq!(read.matches(title).count(), 4, "{read}");
    assert!(!read.contains('\\') && !read.contains('\u{200b}'), "{read}");
    assert_eq!(post["allowed_mentions"], serde_json::json!({ "parse": [] }));
    assert_eq!(discord.mistakes(), [""; 0]);
}

#[test]
fn a_title_is_read_in_chat_as_it_was_written_sqlite() {
    in_chat(Place::file());
}

#[test]
fn a_title_is_read_in_chat_as_it_was_written_postgres() {
    if let Some(place) = Place::schema() {
        in_chat(place);
    }
}

on_both! {
    fn a_deals_own_channel_takes_its_reminders_and_giving_it_up_gives_them_back(world: World) {
        let set = serde_json::json!({ "team_channel": { "channel": "discord", "address": "77" } });
        let set = EditSettings { version: None, set: set.as_object().unwrap().clone() };
        world.act(&world.team.as_(Role::Admin), |cx| edit_settings(cx, &set)).unwrap();
        one_date(&world, &deal("12 Oak Street", DATES), "Keys", "2026-10-15", None);
        let cora = world.team.cora();
        let id = world.look(&cora, |cx| domain::deals::deal::view::list(cx, &Default::default())).unwrap().items[0].id;
        let to = |channel: &str| EditDeal { chat_channel: Some(channel.into()), ..EditDeal::of(id) };
        sweep(&world);
        let chat = || messages(&world, Topic::Reminder).into_iter().filter(|m| m.starts_with("discord")).collect::<Vec<_>>();
        assert_eq!(chat(), ["discord 77 queued"]);
        world.act(&cora, |cx| edit_deal(cx, &to("123456789012345678"))).unwrap();
        sweep(&world);
        assert_eq!(chat(), ["discord 123456789012345678 queued", "discord 77 cancelled"]);
        assert_eq!(world.detail(id).deal.chat_channel.as_deref(), Some("123456789012345678"));
        for wrong in ["#general", "12345678901234567890123", "user:7"] {
            let no = world.act(&cora, |cx| edit_deal(cx, &to(wrong))).unwrap_err();
            assert_eq!((no.code, no.problems[0].field.as_str()), (Code::Invalid, "chat_channel"), "{wrong}");
        }
        world.act(&cora, |cx| edit_deal(cx, &to(""))).unwrap();
        sweep(&world);
        assert_eq!(world.detail(id).deal.chat_channel, None);
        assert_eq!(chat().iter().filter(|m| m.ends_with("queued")).collect::<Vec<_>>(), ["discord 77 queued"]);
        world.log_is_whole(&world.team);
    }

    fn who_is_asked_for_a_yes_is_asked_the_way_they_want(world: World) {
        // Adam wants no mail, Olga one an hour and nothing in the product, Cora sleeps from nine.
        prefers(&world, Role::Admin, &[("approval.email", "off")]);
        prefers(&world, Role::Owner, &[("approval.email", "hourly"), ("approval.in_app", "off")]);
        prefers(&world, Role::Coordinator, &[("quiet", "09:00-17:00")]);
        let deal = world.peopled_deal("12 Oak Street");
        let cmd = domain::deals::followup::propose::ProposeDraft {
            deal_id: deal,
            role: Some("buyer".into()),
            contact_id: None,
            subject: "A question".into(),
            body: "When may we call you?".into(),
            send_at: None,
        };
        let draft = world.act(&world.team.as_(Role::Member), |cx| {
            domain::deals::followup::propose::propose(cx, &cmd)
        }).unwrap();
        world.claim(100);
        assert_eq!(messages(&world, Topic::Approval), [
            "email Cora Castillo queued",
            "in_app Adam Adler sent",
            "in_app Cora Castillo sent",
        ]);
        let waits = &feed_of(&world, Role::Admin)[0];
        assert_eq!((waits.subject_kind.as_deref(), waits.subject_id), (Some("draft"), Some(draft.id.0)));
        assert!(waits.title.starts_with("Draft waits for your approval: A question"), "{waits:?}");
        assert_eq!(world.count(&world.team, "digest_items"), 1);
        // Whoever is faster spares the others the question.
        let approval_id = draft.approval_id.unwrap();
        let yes = Decide::of(approval_id, Choice::Approve);
        world.act(&world.team.as_(Role::Admin), |cx| decide(cx, &yes)).unwrap();
        assert_eq!(world.count(&world.team, "digest_items"), 0);
        assert!(messages(&world, Topic::Approval).contains(&"email Cora Castillo cancelled".to_owned()));
        world.log_is_whole(&world.team);
    }

    fn by_default_approvers_are_asked_in_the_product_and_by_mail_once(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        assert_eq!(draft.state, DraftState::InReview);
        let of = |occasion: &str| world.lines(&world.team, &format!(
            "SELECT channel AS line FROM messages WHERE workspace_id = '{}' AND occasion LIKE 'approval:{}:{}:{occasion}:%'
             ORDER BY channel", world.team.id, draft.id, draft.approval_id.unwrap()));
        assert_eq!(of("opened"), ["email", "email", "email", "in_app", "in_app", "in_app"]);
        world.hours_pass(24);
        let machine = world.machine(&world.team);
        assert_eq!(world.act(&machine, deadlines).unwrap(), 4);
        assert_eq!(world.act(&machine, deadlines).unwrap(), 0);
        let again = format!("again:{}", world.now().as_second());
        assert_eq!((of("opened").len(), of(&again).len()), (6, 6));
        let modes = world.look(&world.team.cora(), |cx| {
            reach::ops::show(cx, Person::Member(world.team.members[&Role::Coordinator].id))
        }).unwrap().modes;
        let (_, approval) = modes.into_iter().find(|(topic, _)| *topic == Topic::Approval).unwrap();
        let on: Vec<Channel> = approval.into_iter().filter(|(_, mode)| *mode == reach::Mode::On).map(|(c, _)| c).collect();
        assert_eq!(on, [Channel::InApp, Channel::Email]);
    }

    fn what_is_urgent_waits_for_no_digest_and_no_quiet_hours(world: World) {
        prefers(&world, Role::Coordinator, &[("reminder.email", "daily"), ("reminder.in_app", "off"), ("quiet", "09:00-17:00")]);
        let urgent = Telling { urgency: Urgency::Urgent, ..telling(&world, Role::Coordinator, "urgent") };
        let important = Telling { urgency: Urgency::Important, ..telling(&world, Role::Coordinator, "important") };
        let (urgent, important) = (told(&world, urgent)[0], told(&world, important)[0]);
        let due = |id| world.delivery(id).delivery.due_at;
        assert_eq!((due(urgent), due(important).to_string()), (world.now(), "2026-10-14T22:00:00Z".into()));
        // What did not reach a contact is urgent; what did not reach a channel of the team is not.
        prefers(&world, Role::Coordinator, &[("alert.email", "on"), ("quiet", "09:00-17:00")]);
        let deal = world.peopled_deal("12 Oak Street");
        let ann = world.look(&world.team.cora(), |cx| contact::view::find(cx, "ann@example.org")).unwrap()[0].id;
        let to_ann = NewMessage {
            to: To::Contact(ann), purpose: Purpose::Transactional, deal_id: Some(deal),
            ..harness::message("to ann", Channel::Email, "ann@example.org", world.now())
        };
        world.enqueue(&world.team, &[to_ann]);
        world.all_end(&unclear());
        world.queue("to the team", Channel::Webhook, "https://hooks.example.com/");
        world.all_end(&refused());
        let alerts: Vec<String> = world.lines(&world.team, &format!(
            "SELECT CAST(messages.due_at AS TEXT) AS line FROM messages WHERE workspace_id = '{}' AND kind = 'alert'
             AND channel = 'email' ORDER BY due_at", world.team.id));
        assert_eq!(alerts.len(), 2);
        assert!(alerts[0].contains("15:00:00") && alerts[1].contains("22:00:00"), "{alerts:?}");
    }

    fn when_a_way_fails_the_next_one_is_taken_once(world: World) {
        prefers(&world, Role::Coordinator, &[
            ("reminder.in_app", "off"), ("reminder.email", "on"), ("discord", "1234567890"), ("phone", "+13125550100"),
            ("reminder.sms", "off"),
        ]);
        let first = told(&world, telling(&world, Role::Coordinator, "keys"));
        assert_eq!(first.len(), 1);
        ends(&world, Channel::Email, &refused());
        let cora = "Cora Castillo";
        assert_eq!(messages(&world, Topic::Reminder), [format!("discord {cora} queued"), format!("email {cora} failed")]);
        let query = format!("SELECT occasion AS line FROM messages WHERE workspace_id = '{}' AND kind = 'reminder' ORDER BY occasion", world.team.id);
        assert_eq!(world.lines(&world.team, &query), ["keys:discord", "keys:email"]);
        let alert = &feed_of_after_claim(&world)[0];
        assert!(alert.body.contains("Cora Castillo) goes by discord instead."), "{alert:?}");
        // Sent again by hand, it fails again: the next way was taken already.
        world.act(&world.team.cora(), |cx| domain::delivery::outbox::ops::replay(cx, first[0])).unwrap();
        ends(&world, Channel::Email, &refused());
        assert_eq!(messages(&world, Topic::Reminder), [format!("discord {cora} sent"), format!("email {cora} failed")]);
        // Text messages were switched off for this: after the last way there is none.
        told(&world, telling(&world, Role::Coordinator, "more keys"));
        world.all_end(&refused());
        world.all_end(&refused());
        world.all_end(&refused());
        let lines = messages(&world, Topic::Reminder);
        assert_eq!(lines.iter().filter(|line| line.ends_with("failed")).count(), 3, "{lines:?}");
        assert!(lines.iter().all(|line| !line.starts_with("sms")), "{lines:?}");
        world.log_is_whole(&world.team);
    }

    fn what_may_have_arrived_takes_no_other_way(world: World) {
        prefers(&world, Role::Coordinator, &[("reminder.in_app", "off"), ("reminder.email", "on"), ("discord", "1234567890")]);
        told(&world, telling(&world, Role::Coordinator, "keys"));
        ends(&world, Channel::Email, &unclear());
        assert_eq!(messages(&world, Topic::Reminder), ["email Cora Castillo unknown"]);
    }

    fn of_several_ways_at_once_all_must_fail(world: World) {
        prefers(&world, Role::Coordinator, &[
            ("reminder.in_app", "off"), ("reminder.email", "on"), ("reminder.discord", "on"), ("discord", "1234567890"),
            ("phone", "+13125550100"),
        ]);
        has_verified(&world, Role::Coordinator, Channel::Sms, "+13125550100");
        has_verified(&world, Role::Coordinator, Channel::Discord, "1234567890");
        assert_eq!(told(&world, telling(&world, Role::Coordinator, "one")).len(), 2);
        ends(&world, Channel::Email, &refused());
        let lines = messages(&world, Topic::Reminder);
        assert_eq!(lines, ["discord Cora Castillo sent", "email Cora Castillo failed"]);
        told(&world, telling(&world, Role::Coordinator, "two"));
        world.all_end(&refused());
        let sms: Vec<String> = messages(&world, Topic::Reminder).into_iter().filter(|m| m.starts_with("sms")).collect();
        assert_eq!(sms, ["sms Cora Castillo queued"]);
        // In the product nothing fails, so by default there is no next way, and one alert a day says that mail does.
        prefers(&world, Role::Admin, &[("reminder.email", "on"), ("discord", "1234567890")]);
        for n in 0..3 {
            told(&world, telling(&world, Role::Admin, &format!("adam {n}")));
            ends(&world, Channel::Email, &refused());
        }
        world.claim(100);
        assert_eq!(messages(&world, Topic::Alert).iter().filter(|m| *m == "in_app Adam Adler sent").count(), 1);
        assert!(messages(&world, Topic::Reminder).iter().all(|m| m != "discord Adam Adler queued"));
    }

    fn a_reminder_that_bounced_goes_by_text_to_who_agreed_to_texts(world: World) {
        let party = |name: &str| NewParty {
            role: "buyer".into(),
            name: name.into(),
            email: Some(format!("{}@example.org", name.to_lowercase())),
            phone: Some(if name == "Ann" { "+1 312 555 0123" } else { "+1 312 555 0124" }.into()),
            ..NewParty::default()
        };
        let new = NewDeal { parties: vec![party("Ann"), party("Bob")], ..deal("12 Oak Street", DATES) };
        one_date(&world, &new, "Keys", "2026-10-16", Some("buyer"));
        let ann: ContactId = world.look(&world.team.cora(), |cx| contact::view::find(cx, "ann@example.org")).unwrap()[0].id;
        let evidence = "a form".to_owned();
        let agrees = SetConsent { contact_id: ann, channel: Channel::Sms, given: true, evidence };
        world.act(&world.team.cora(), |cx| set_consent(cx, &agrees)).unwrap();
        world.set_clock(NINE);
        sweep(&world);
        ends(&world, Channel::Email, &refused());
        let sent: Vec<String> = messages(&world, Topic::Reminder).into_iter().filter(|m| !m.starts_with("in_app")).collect();
        assert_eq!(sent, ["email ann@example.org failed", "email bob@example.org failed", "sms +13125550123 queued"]);
        let said = outcomes(&world);
        assert!(said.iter().any(|line| line.starts_with("reminder to Ann: waiting")), "{said:?}");
        assert!(said.iter().any(|line| line.starts_with("reminder to Bob: failed")), "{said:?}");
        world.all_end(&accepted());
        let said = outcomes(&world);
        assert!(said.iter().any(|line| line.starts_with("reminder to Ann: sent")), "{said:?}");
        // Moved before it left, it would have been taken back like any other.
        world.log_is_whole(&world.team);
    }

    fn each_notification_links_to_what_it_is_about(world: World) {
        let keys = coras_date(&world, "2026-10-16");
        world.set_clock(NINE);
        sweep(&world);
        world.claim(100);
        let note = &feed_of(&world, Role::Coordinator)[0];
        assert_eq!((note.topic, note.subject_kind.as_deref(), note.subject_id), (Topic::Reminder, Some("milestone"), Some(keys.0)));
        assert_eq!(note.body, "12 Oak Street: Keys is due Friday 16 October 2026.");
        world.set_clock("2026-10-17T14:00:00Z");
        sweep(&world);
        world.claim(100);
        let note = &feed_of(&world, Role::Coordinator)[0];
        assert_eq!((note.topic, note.subject_id), (Topic::Overdue, Some(keys.0)));
        // And what Adam, to whom it escalates, hears.
        world.hours_pass(24);
        sweep(&world);
        world.claim(100);
        let note = &feed_of(&world, Role::Admin)[0];
        assert_eq!((note.topic, note.subject_id), (Topic::Escalation, Some(keys.0)));
    }

    fn a_line_for_a_digest_that_comes_too_late_is_told_at_once(world: World) {
        prefers(&world, Role::Coordinator, &[("reminder.in_app", "off"), ("reminder.email", "weekly")]);
        coras_date(&world, "2026-10-16");
        world.set_clock(NINE);
        sweep(&world);
        assert_eq!(messages(&world, Topic::Reminder), ["email Cora Castillo queued"]);
        assert_eq!(world.count(&world.team, "digest_items"), 0);
    }

    fn a_line_that_is_of_no_use_any_more_stands_in_no_digest(world: World) {
        prefers(&world, Role::Coordinator, &[("reminder.in_app", "off"), ("reminder.email", "daily"), ("digest_at", "09:30"), ("digest.in_app", "off")]);
        coras_date(&world, "2026-10-16");
        world.set_clock(NINE);
        sweep(&world);
        assert_eq!(world.count(&world.team, "digest_items"), 1);
        assert_eq!(outcomes(&world), ["reminder to Cora Castillo: digest "]);
        // The server slept through the day.
        world.set_clock("2026-10-17T15:00:00Z");
        assert_eq!(digest(&world), 0);
        assert_eq!(outcomes(&world), ["reminder to Cora Castillo: missed Its day was over before the member's next digest."]);
        assert_eq!(digest(&world), 0);
        assert_eq!(world.events(&world.team).iter().filter(|event| *event == "digest.dropped").count(), 1);
    }

    fn who_is_out_of_service_keeps_nobody_from_a_digest(world: World) {
        for role in [Role::Coordinator, Role::Admin] {
            prefers(&world, role, &[("reminder.in_app", "off"), ("reminder.email", "hourly"), ("digest.in_app", "off")]);
        }
        coras_date(&world, "2026-10-16");
        let olga = world.team.as_(Role::Owner);
        let cora = world.team.members[&Role::Coordinator].id;
        world.set_clock(NINE);
        sweep(&world);
        for n in 0..3 {
            let telling = telling(&world, Role::Admin, &format!("adam {n}"));
            let told = world.act(&world.team.operator(), |cx| {
                let team = Team::load(cx)?;
                tell(cx, &team, std::slice::from_ref(&telling))
            }).unwrap();
            assert!(matches!(told[0], Told::Digest(_)), "{told:?}");
        }
        world.act(&olga, |cx| change(cx, cora, Role::Coordinator, MemberStatus::Inactive)).unwrap();
        world.hours_pass(1);
        assert_eq!(digest(&world), 1);
        assert_eq!(messages(&world, Topic::Digest), ["email Adam Adler queued"]);
        assert_eq!(outcomes(&world), ["reminder to Cora Castillo: refused NO_MEMBER: The member is out of service."]);
        assert_eq!(digest(&world), 0);
    }

    fn a_line_counts_as_sent_when_its_digest_came_by_another_way(world: World) {
        prefers(&world, Role::Coordinator, &[
            ("reminder.in_app", "off"), ("reminder.email", "hourly"), ("digest.in_app", "off"), ("digest.discord", "daily"),
            ("discord", "1234567890"),
        ]);
        has_verified(&world, Role::Coordinator, Channel::Discord, "1234567890");
        coras_date(&world, "2026-10-16");
        world.set_clock(NINE);
        sweep(&world);
        world.hours_pass(1);
        assert_eq!(digest(&world), 1);
        ends(&world, Channel::Email, &refused());
        let cora = "Cora Castillo";
        assert_eq!(messages(&world, Topic::Digest), [format!("discord {cora} sent"), format!("email {cora} failed")]);
        assert_eq!(outcomes(&world), ["reminder to Cora Castillo: sent "]);
    }

    fn a_digest_that_reaches_nobody_never_becomes_a_line_of_itself(world: World) {
        // As rows of an earlier version say it; no command takes it.
        let me = Person::Member(world.team.members[&Role::Coordinator].id);
        let mut nowhere = Preferences::default();
        for (key, value) in [("digest.in_app", "off"), ("digest.discord", "hourly"), ("reminder.in_app", "off"), ("reminder.discord", "hourly")] {
            reach::ops::put(&mut nowhere, key, value).unwrap_or_else(|_| panic!("{key}"));
        }
        let no = world.act(&world.team.cora(), |cx| reach::ops::set(cx, me, &nowhere, None)).unwrap_err();
        let wrong: BTreeSet<&str> = no.problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(wrong, BTreeSet::from(["topics.digest.discord", "topics.reminder.discord"]));
        world.act(&world.team.cora(), |cx| Ok(reach::store::save(cx, me, &nowhere, 0).map(drop)?)).unwrap();
        coras_date(&world, "2026-10-16");
        world.set_clock(NINE);
        sweep(&world);
        for _ in 0..3 {
            world.hours_pass(1);
            digest(&world);
        }
        assert_eq!(world.count(&world.team, "digest_items"), 0);
        assert!(outcomes(&world)[0].contains("refused SWITCHED_OFF"), "{:?}", outcomes(&world));
    }

    fn the_feed_and_the_digest_show_the_day_at_a_glance(world: World) {
        let deal_id: DealId = world.peopled_deal("12 Oak Street");
        assert_eq!(at_a_glance(&world, Role::Viewer), []);
        world.draft_for_the_buyer(deal_id);
        world.queue("Hooks", Channel::Webhook, "https://hooks.example.com/");
        world.all_end(&refused());
        world.set_clock("2026-12-08T15:00:00Z");
        sweep(&world);
        let cora = at_a_glance(&world, Role::Coordinator);
        assert_eq!(titles(&cora), ["Due in the next three days", "Overdue", "Waiting for your approval"]);
        // Others answer for these, and they are in Cora's sight all the same, since the deal is hers.
        assert!(cora[0].lines.iter().any(|line| line.text == "Final walkthrough of 12 Oak Street: Wednesday 9 December"), "{:?}", cora[0]);
        assert!(cora.iter().flat_map(|section| &section.lines).all(|line| line.subject_id.is_some()));
        assert_eq!(cora[2].lines[0].subject_kind.as_deref(), Some("draft"));
        world.all_end(&accepted());
        world.hours_pass(25);
        sweep(&world);
        world.queue("Hooks again", Channel::Webhook, "https://hooks.example.com/");
        for _ in 0..5 {
            world.all_end(&refused());
        }
        let adam = at_a_glance(&world, Role::Admin);
        assert_eq!(titles(&adam), ["Escalated to you", "Waiting for your approval", "Not delivered"]);
        let failed: Vec<&str> = adam[2].lines.iter().map(|line| line.text.as_str()).collect();
        assert!(failed.contains(&"Hooks again (by webhook to the team): failed"), "{failed:?}");
        // Who may not vote or send is asked and told nothing of it.
        assert_eq!(at_a_glance(&world, Role::Viewer), []);
        // The same in the digest.
        world.set_clock("2026-12-10T14:00:00Z");
        digest(&world);
        world.claim(100);
        let note = feed_of(&world, Role::Admin).into_iter().find(|n| n.topic == Topic::Digest).unwrap();
        for title in ["Escalated to you", "Waiting for your approval"] {
            assert!(note.body.contains(title), "{note:?}");
        }
    }
}

/// Cora's, after what waits in the product was shown.
fn feed_of_after_claim(world: &World) -> Vec<Notification> {
    ends(world, Channel::Sms, &accepted());
    feed_of(world, Role::Coordinator)
}
