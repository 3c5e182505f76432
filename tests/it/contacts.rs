//! People can be mended, and what they wish holds.

use domain::assist::draft::DraftState;
use domain::deals::deal::PartyRole;
use domain::deals::deal::intake::NewParty;
use domain::deals::deal::parties::{AddParty, RemoveParty, Who, add_party, edit_contact, remove_party};
use domain::deals::followup::propose::{EditDraft, edit as edit_draft};
use domain::deals::followup::review::{Decide, Decided, decide};
use domain::deals::followup::view::DraftView;
use domain::deals::milestone::ops::{WaiveMilestone, waive};
use domain::deals::reminder::ops::attend;
use domain::delivery::notify::verify::{self, Verified};
use domain::delivery::outbox::{Outcome, Trouble};
use domain::delivery::{NewMessage, Purpose, Status, To};
use domain::kernel::id::{ContactId, DealId};
use domain::kernel::page::Ask;
use domain::kernel::{Code, Principal, Refusal};
use domain::people::contact::ops::EditContact;
use domain::people::contact::standing::Via;
use domain::people::contact::standing::ops::{OptOut, SetConsent, opt_out, set_consent};
use domain::people::contact::view::{self, ContactView, ListContacts};
use domain::people::reach::{Channel, Person, Preferences, ops as reach};
use domain::workspace::access::{Grant, Role};
use domain::workspace::approval::Choice;
use harness::{World, deal, on_both, party, report};

fn sweep(world: &World) {
    while world.act(&world.team.operator(), |cx| attend(cx, 64)).unwrap().deals > 0 {}
}

fn id_of(world: &World, address: &str) -> ContactId {
    world.look(&world.team.cora(), |cx| view::find(cx, address)).unwrap()[0].id
}

fn seen(world: &World, id: ContactId) -> ContactView {
    world.look(&world.team.cora(), |cx| view::get(cx, id)).unwrap()
}

fn mend(world: &World, who: &Principal, cmd: &EditContact) -> Result<ContactView, Refusal> {
    world.act(who, |cx| edit_contact(cx, cmd))
}

fn move_to(world: &World, id: ContactId, email: &str) -> ContactView {
    mend(world, &world.team.cora(), &EditContact { email: Some(email.into()), ..EditContact::of(id) }).unwrap()
}

/// Address and status of every e-mail and text to contacts.
fn sent_to_contacts(world: &World) -> Vec<String> {
    let query = format!(
        "SELECT address || ' ' || status AS line FROM messages WHERE workspace_id = '{}' AND contact_id IS NOT NULL",
        world.team.id
    );
    let mut lines = world.lines(&world.team, &query);
    lines.sort();
    lines
}

/// A deal on which only the final walkthrough, the buyer's, is to come.
fn walkthrough(world: &World, parties: Vec<NewParty>) -> DealId {
    let mut new = deal("12 Oak Street", harness::DATES);
    new.parties = parties;
    let id = world.create(&new);
    for m in world.detail(id).milestones.iter().filter(|m| m.type_ != "final_walkthrough") {
        let cmd = WaiveMilestone { id: m.id, version: None, reason: Some("not part of this story".into()) };
        world.act(&world.team.cora(), |cx| waive(cx, &cmd)).unwrap();
    }
    id
}

fn vote(world: &World, draft: &DraftView) -> Result<Decided, Refusal> {
    let cmd = Decide::of(draft.approval_id.unwrap(), Choice::Approve);
    world.act(&world.team.as_(Role::Admin), |cx| decide(cx, &cmd))
}

/// The preferences with these keys set.
fn with(world: &World, person: Person, pairs: &[(&str, &str)]) -> Preferences {
    let mut all = world.look(&world.team.cora(), |cx| reach::show(cx, person)).unwrap().preferences;
    for (key, value) in pairs {
        reach::put(&mut all, key, value).unwrap_or_else(|_| panic!("{key}"));
    }
    all
}

fn prefer(
    world: &World,
    who: &Principal,
    person: Person,
    pairs: &[(&str, &str)],
) -> Result<reach::Shown, Refusal> {
    let new = with(world, person, pairs);
    world.act(who, |cx| verify::set_preferences(cx, person, &new, None))
}

/// The part of the log that nobody can erase.
fn log_without_people(world: &World) -> String {
    let query =
        format!("SELECT event || ' ' || data AS line FROM events WHERE workspace_id = '{}'", world.team.id);
    world.lines(&world.team, &query).join("\n")
}

fn to_contact(world: &World, id: ContactId, occasion: &str) -> NewMessage {
    let email = seen(world, id).contact.email.unwrap();
    NewMessage {
        to: To::Contact(id),
        purpose: Purpose::Transactional,
        ..harness::message(occasion, Channel::Email, &email, world.now())
    }
}

on_both! {
    fn a_reminder_that_waits_goes_to_the_new_address(world: World) {
        walkthrough(&world, vec![party("buyer", "Ann Lee")]);
        let ann = id_of(&world, "ann@example.org");
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        assert_eq!(sent_to_contacts(&world), ["ann@example.org queued"]);
        let after = move_to(&world, ann, "Ann@Example.com ");
        assert_eq!((after.contact.email.as_deref(), after.version), (Some("ann@example.com"), 2));
        assert_eq!(sent_to_contacts(&world), ["ann@example.com queued", "ann@example.org cancelled"]);
        sweep(&world);
        assert_eq!(sent_to_contacts(&world).len(), 2);
        let log = log_without_people(&world);
        assert!(log.contains(r#"contact.edited {"email":"changed"}"#) && !log.contains('@'), "{log}");
        world.log_is_whole(&world.team);
    }

    fn a_reminder_that_had_nowhere_to_go_comes_once_there_is_an_address(world: World) {
        let nowhere = NewParty { email: None, phone: Some("+1 312 555 0123".into()), ..party("buyer", "Ann Lee") };
        walkthrough(&world, vec![nowhere]);
        let ann = id_of(&world, "+13125550123");
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        assert_eq!(sent_to_contacts(&world), [""; 0]);
        move_to(&world, ann, "ann@example.org");
        sweep(&world);
        assert_eq!(sent_to_contacts(&world), ["ann@example.org queued"]);
    }

    fn an_approved_letter_asks_again_under_the_new_address(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let ann = id_of(&world, "ann@example.org");
        let first = world.draft_for_the_buyer(deal);
        vote(&world, &first).unwrap();
        assert_eq!(sent_to_contacts(&world), ["ann@example.org queued"]);
        move_to(&world, ann, "ann@example.com");
        assert_eq!(sent_to_contacts(&world), ["ann@example.org cancelled"]);
        let again: Vec<DraftView> =
            world.drafts(deal).into_iter().filter(|d| d.recipient_role == format!("contact:{ann}")).collect();
        assert_eq!((again.len(), again[0].state), (1, DraftState::InReview));
        let (was, is) = (first.newest.unwrap(), again[0].newest.clone().unwrap());
        assert_eq!((was.subject, was.body), (is.subject, is.body));
        assert_eq!(is.recipients[0].address, "ann@example.com");
        vote(&world, &again[0]).unwrap();
        assert_eq!(sent_to_contacts(&world), ["ann@example.com queued", "ann@example.org cancelled"]);
    }

    fn a_letter_to_an_old_address_is_not_approved(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = world.draft_for_the_buyer(deal);
        move_to(&world, id_of(&world, "ann@example.org"), "ann@example.com");
        let no = vote(&world, &draft).unwrap_err();
        assert!(no.code == Code::Stale && no.sentence.contains("Ann Lee is not reached at this address"), "{no}");
        let anew = EditDraft { id: draft.id, version: None, subject: None, body: None };
        let draft = world.act(&world.team.cora(), |cx| edit_draft(cx, &anew)).unwrap();
        vote(&world, &draft).unwrap();
        assert_eq!(sent_to_contacts(&world), ["ann@example.com queued"]);
    }

    fn nothing_leaves_for_an_address_that_was_given_up(world: World) {
        world.peopled_deal("12 Oak Street");
        let ann = id_of(&world, "ann@example.org");
        let old = to_contact(&world, ann, "old");
        move_to(&world, ann, "ann@example.com");
        let id = world.enqueue(&world.team, &[old])[0];
        world.claim(100);
        assert_eq!(world.status(id), Status::Suppressed);
        let why = world.delivery(id).delivery.reason.unwrap();
        assert!(why.starts_with("BAD_ADDRESS") && why.contains("another address by now"), "{why}");
    }

    fn a_change_of_a_contact_is_checked_and_is_a_persons_word(world: World) {
        world.peopled_deal("12 Oak Street");
        let ann = id_of(&world, "ann@example.org");
        let cora = world.team.cora();
        let none = || EditContact::of(ann);
        let before = world.everything(&world.team);
        for (cmd, code, part) in [
            (none(), Code::Invalid, "nothing to change"),
            (EditContact { email: Some("ann".into()), ..none() }, Code::Invalid, "email: is no e-mail address"),
            (EditContact { name: Some(" ".into()), ..none() }, Code::Invalid, "name: is empty"),
            (EditContact { phone: Some("call me".into()), ..none() }, Code::Invalid, "phone: is no telephone"),
            (EditContact { time_zone: Some("Chicago".into()), ..none() }, Code::Invalid, "time_zone"),
            (EditContact { region: Some("US-XX".into()), ..none() }, Code::Invalid, "region"),
            (EditContact { email: Some("sam@example.org".into()), ..none() }, Code::AlreadyExists, "Another contact"),
            (EditContact { version: Some(7), name: Some("Ann".into()), ..none() }, Code::Stale, "your version 7"),
        ] {
            let no = mend(&world, &cora, &cmd).unwrap_err();
            assert!(no.code == code && no.sentence.contains(part), "{no}");
        }
        let cmd = EditContact { email: Some("ann@example.com".into()), ..none() };
        let robot = world.agent(&world.team, Grant::Write);
        let no = mend(&world, &robot, &cmd).unwrap_err();
        assert!(no.code == Code::Forbidden && no.sentence.contains("a person's word"), "{no}");
        assert_eq!(mend(&world, &world.team.as_(Role::Viewer), &cmd).unwrap_err().code, Code::Forbidden);
        let after = world.everything(&world.team);
        assert_eq!(before["contacts"], after["contacts"]);
        let cmd = EditContact {
            name: Some("Ann Lee-Park".into()), phone: Some("+1 (312) 555-0123".into()), region: Some("us-il".into()),
            time_zone: Some("America/Denver".into()), version: Some(1), ..none()
        };
        let contact = mend(&world, &cora, &cmd).unwrap().contact;
        assert_eq!((contact.name.as_str(), contact.phone.as_deref()), ("Ann Lee-Park", Some("+13125550123")));
        assert_eq!((contact.region.as_deref(), contact.time_zone.as_deref()), (Some("US-IL"), Some("America/Denver")));
        let cmd = EditContact { email: Some(String::new()), ..none() };
        assert_eq!(mend(&world, &cora, &cmd).unwrap().contact.email, None);
    }

    fn an_opt_out_stays_with_the_address_that_is_given_up(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let ann = id_of(&world, "ann@example.org");
        let out = OptOut { contact_id: ann, via: Via::Phone, why: String::new() };
        world.act(&world.team.cora(), |cx| opt_out(cx, &out)).unwrap();
        let after = move_to(&world, ann, "ann@example.com");
        assert!(after.standing.opted_out_at.is_some());
        let who = Who::New(NewParty { name: "Another Ann".into(), ..party("lender", "Ann Lee") });
        world.act(&world.team.cora(), |cx| {
            add_party(cx, &AddParty { deal_id: deal, version: None, who: who.clone() })
        }).unwrap();
        let another = id_of(&world, "ann@example.org");
        assert!(another != ann && seen(&world, another).address_opted_out_at.is_some());
        let id = world.enqueue(&world.team, &[to_contact(&world, another, "m")])[0];
        world.claim(100);
        assert!(world.delivery(id).delivery.reason.unwrap().starts_with("OPTED_OUT"));
    }

    fn parties_come_and_go_with_what_waits_for_them(world: World) {
        let deal_id = walkthrough(&world, vec![]);
        let cora = world.team.cora();
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        assert_eq!(sent_to_contacts(&world), [""; 0]);
        let version = world.detail(deal_id).deal.version;
        let add = |who: &Principal, version, party: NewParty| {
            world.act(who, |cx| add_party(cx, &AddParty { deal_id, version, who: Who::New(party.clone()) }))
        };
        let robot = world.agent(&world.team, Grant::Write);
        assert_eq!(add(&robot, None, party("buyer", "Ann Lee")).unwrap_err().code, Code::Forbidden);
        assert_eq!(add(&cora, Some(version - 1), party("buyer", "Ann Lee")).unwrap_err().code, Code::Stale);
        let wrong = add(&cora, None, party("friend", "Ann Lee")).unwrap_err();
        assert!(wrong.sentence.contains("role: \"friend\" is not known"), "{wrong}");
        add(&cora, Some(version), party("buyer", "Ann Lee")).unwrap();
        assert_eq!(world.detail(deal_id).deal.version, version + 1);
        // Adding her again changes nothing.
        add(&cora, None, party("buyer", "Ann Lee")).unwrap();
        assert_eq!(world.detail(deal_id).deal.version, version + 1);
        sweep(&world);
        assert_eq!(sent_to_contacts(&world), ["ann@example.org queued"]);
        let contact_id = id_of(&world, "ann@example.org");
        let remove = |role| {
            let cmd = RemoveParty { deal_id, version: None, role, contact_id };
            world.act(&cora, |cx| remove_party(cx, &cmd))
        };
        assert_eq!(remove(PartyRole::Seller).unwrap_err().code, Code::NotFound);
        remove(PartyRole::Buyer).unwrap();
        assert_eq!(sent_to_contacts(&world), ["ann@example.org cancelled"]);
        assert!(world.detail(deal_id).parties.is_empty());
        let known = Who::Known { role: PartyRole::Buyer, contact_id };
        world.act(&cora, |cx| add_party(cx, &AddParty { deal_id, version: None, who: known.clone() })).unwrap();
        sweep(&world);
        assert_eq!(sent_to_contacts(&world), ["ann@example.org cancelled", "ann@example.org queued"]);
        world.log_is_whole(&world.team);
    }

    fn what_a_contact_switched_off_is_not_sent_to_them(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let ann = Person::Contact(id_of(&world, "ann@example.org"));
        let draft = world.draft_for_the_buyer(deal);
        let id = vote(&world, &draft).unwrap().queued[0];
        prefer(&world, &world.team.cora(), ann, &[("follow_up.email", "off")]).unwrap();
        world.claim(100);
        assert_eq!(world.status(id), Status::Suppressed);
        let why = world.delivery(id).delivery.reason.unwrap();
        assert!(why.starts_with("SWITCHED_OFF: Not sent. The contact switched follow-up messages off"), "{why}");
    }

    fn a_contacts_own_quiet_hours_hold(world: World) {
        world.peopled_deal("12 Oak Street");
        let ann = id_of(&world, "ann@example.org");
        let cora = world.team.cora();
        let zone = EditContact { time_zone: Some("America/Chicago".into()), ..EditContact::of(ann) };
        mend(&world, &cora, &zone).unwrap();
        prefer(&world, &cora, Person::Contact(ann), &[("quiet", "20:00-11:30")]).unwrap();
        // It is ten in the morning in Chicago.
        let id = world.enqueue(&world.team, &[to_contact(&world, ann, "m")])[0];
        world.claim(100);
        let detail = world.delivery(id);
        assert_eq!(detail.delivery.next_at.unwrap().to_string(), "2026-10-14T16:30:00Z");
        let decision = detail.decisions[0].id;
        let again = world.look(&cora, |cx| domain::delivery::policy::ops::replay(cx, decision)).unwrap();
        assert!(again.same, "{again:#?}");
        world.set_clock("2026-10-14T16:30:00Z");
        assert_eq!(world.claim(100).cleared.len(), 1);
    }

    fn what_means_nothing_for_a_contact_is_refused_in_words(world: World) {
        world.create(&domain::deals::deal::intake::NewDeal {
            parties: vec![NewParty { email: None, phone: Some("312 555 0123".into()), ..party("buyer", "Ann Lee") }],
            ..deal("12 Oak Street", harness::DATES)
        });
        let cora = world.team.cora();
        let ann = world.look(&cora, |cx| reach::named(cx, "+1 312 555 0123")).unwrap();
        for (key, value, part) in [
            ("digest_at", "07:30", "digests are for members"),
            ("phone", "+13125550199", "milepost contact edit --phone"),
            ("discord", "1234567890", "contacts are reached by email and sms"),
            ("overdue.email", "off", "hears of reminder, follow_up, checklist, message"),
            ("reminder.in_app", "on", "contacts are reached by email and sms"),
            ("reminder.email", "daily", "can be on or off"),
            ("order", "discord,email", "no contact is reached"),
            ("quiet", "08:00-20:30", "less than an hour"),
        ] {
            let no = prefer(&world, &cora, ann, &[(key, value)]).unwrap_err();
            assert!(no.code == Code::Invalid && no.sentence.contains(part), "{key}: {no}");
        }
        let shown = prefer(&world, &cora, ann, &[("reminder.sms", "off"), ("order", "sms,email")]).unwrap();
        assert_eq!(shown.modes.len(), 4);
    }

    fn a_members_number_is_used_once_the_code_that_went_there_came_back(world: World) {
        let (mike, who) = (world.team.as_(Role::Member), Person::Member(world.team.members[&Role::Member].id));
        let texts = || world.lines(&world.team, &format!(
            "SELECT content AS line FROM messages WHERE workspace_id = '{}' AND channel = 'sms'", world.team.id));
        let ways = || {
            let team = world.look(&world.team.operator(), domain::delivery::notify::ops::Team::load).unwrap();
            team.preferences(world.team.members[&Role::Member].id).unwrap().phone.clone()
        };
        let admin = world.team.as_(Role::Admin);
        let shown = prefer(&world, &admin, who, &[("phone", "+1 312 555 0123"), ("reminder.sms", "on")]).unwrap();
        assert_eq!(shown.unverified, [Channel::Sms]);
        assert_eq!((texts().len(), ways()), (1, None));
        let code = texts()[0].split("code is ").nth(1).unwrap()[..6].to_owned();
        let other = if code == "111111" { "222222" } else { "111111" };
        // Nobody else enters it, and nobody reads it here.
        for who in [&admin, &world.team.operator()] {
            assert!(world.act(who, |cx| verify::verify(cx, &code).map(|_| ())).is_err());
        }
        let message = world.lines(&world.team, "SELECT CAST(id AS text) AS line FROM messages WHERE channel = 'sms'");
        let detail = world.delivery(message[0].parse().unwrap());
        assert!(!serde_json::to_string(&detail).unwrap().contains(&code));
        assert!(!log_without_people(&world).contains(&code));
        assert!(matches!(world.act(&mike, |cx| verify::verify(cx, other)).unwrap(), Verified::Wrong { left: 4 }));
        let soon = world.act(&mike, verify::send_again).unwrap_err();
        assert_eq!(soon.code, Code::TooManyRequests);
        assert!(matches!(world.act(&mike, |cx| verify::verify(cx, &code)).unwrap(), Verified::Now(_)));
        assert_eq!(ways().as_deref(), Some("+13125550123"));
        // Another number is another matter.
        world.seconds_pass(61);
        prefer(&world, &mike, who, &[("phone", "+13125550199")]).unwrap();
        assert_eq!((texts().len(), ways()), (2, None));
        assert!(world.act(&mike, |cx| verify::verify(cx, &code).map(|v| v.or_refuse())).unwrap().is_err());
    }

    fn whoever_stopped_at_the_provider_hears_nothing_by_any_channel(world: World) {
        let mut new = harness::peopled("12 Oak Street");
        new.parties[0].phone = Some("+1 312 555 0123".into());
        world.create(&new);
        let ann = id_of(&world, "ann@example.org");
        let yes = SetConsent { contact_id: ann, channel: Channel::Sms, given: true, evidence: "a form".into() };
        world.act(&world.team.cora(), |cx| set_consent(cx, &yes)).unwrap();
        let text = NewMessage {
            channel: Channel::Sms, address: "+13125550123".into(), ..to_contact(&world, ann, "text")
        };
        world.enqueue(&world.team, &[text]);
        let claimed = world.claim(10);
        let gone = Outcome::Refused { why: "code 21610".into(), gone: true };
        let said = domain::delivery::outbox::Report {
            trouble: Some(Trouble::OptedOut), ..report(&claimed.cleared[0], world.now(), gone)
        };
        world.settle(&[said]);
        let standing = seen(&world, ann).standing;
        assert_eq!((standing.opted_out_at, standing.opted_out_via.as_deref()), (Some(world.now()), Some("sms")));
        let id = world.enqueue(&world.team, &[to_contact(&world, ann, "mail")])[0];
        world.claim(100);
        assert!(world.delivery(id).delivery.reason.unwrap().starts_with("OPTED_OUT"));
    }

    fn contacts_are_listed_by_name_page_after_page(world: World) {
        world.peopled_deal("12 Oak Street");
        let out = OptOut { contact_id: id_of(&world, "sam@example.org"), via: Via::Phone, why: String::new() };
        world.act(&world.team.cora(), |cx| opt_out(cx, &out)).unwrap();
        let page = |text: Option<&str>, opted_out, cursor| {
            let ask = Ask { cursor, limit: Some(4) };
            let cmd = ListContacts { text: text.map(str::to_owned), opted_out, ask };
            let page = world.look(&world.team.as_(Role::Viewer), |cx| view::list(cx, &cmd)).unwrap();
            let names: Vec<String> = page.items.iter().map(|l| l.contact.name.clone()).collect();
            (names, page.next_cursor)
        };
        let (first, cursor) = page(None, None, None);
        assert_eq!(first, ["Ann Lee", "Bea Brook", "Carl Cole", "Dora Dean"]);
        assert_eq!(page(None, None, cursor), (vec!["Lakeside Bank".into(), "Sam Stone".into()], None));
        assert_eq!(page(Some("B"), Some(false), None).0, ["Bea Brook", "Lakeside Bank"]);
        assert_eq!(page(Some("sam@"), None, None).0, ["Sam Stone"]);
        assert_eq!(page(None, Some(true), None).0, ["Sam Stone"]);
        assert_eq!(page(Some("100%"), None, None).0, [""; 0]);
    }

    fn a_text_shows_its_segments_and_what_they_cost(world: World) {
        let id = world.queue("a text", Channel::Sms, "+13125550123");
        assert_eq!(world.delivery(id).sms.unwrap().to_string(), "1 segment (gsm7)");
        let set = serde_json::Map::from_iter([("sms_segment_price".to_owned(), "0.0079 USD".into())]);
        let cmd = domain::delivery::settings::ops::EditSettings { version: None, set };
        world.act(&world.team.as_(Role::Admin), |cx| domain::delivery::settings::ops::edit(cx, &cmd)).unwrap();
        assert_eq!(world.delivery(id).sms.unwrap().to_string(), "1 segment (gsm7), 0.0079 USD");
        let ahead = world.work(&world.team.cora(), |work| {
            domain::deals::simulate::simulate(work, 1, None, &|_| ())
        });
        let bill = ahead.unwrap_or_else(|_| panic!("refused")).into_iter().find_map(|f| f.sms).unwrap();
        assert_eq!(bill.cost.as_deref(), Some("0.0079 USD"));
    }
}
