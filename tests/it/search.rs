//! What somebody remembers a few words of is found, the same on both databases, and nothing that is not theirs.

use std::collections::BTreeSet;

use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::followup::propose::{EditDraft, ProposeDraft, edit as edit_draft, propose};
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, add, edit, remove};
use domain::deals::milestone::template::{Template, ops as templates};
use domain::delivery::{Content, NewMessage};
use domain::insight::search::catch_up::catch_up;
use domain::insight::search::ops::{Search, search};
use domain::insight::search::{Hit, Kind};
use domain::kernel::id::DealId;
use domain::kernel::page::Ask;
use domain::kernel::{Code, Principal};
use domain::people::contact::ops::EditContact;
use domain::people::reach::Channel;
use domain::workspace::access::{Grant, Role};
use harness::{World, on_both};

fn ask(text: &str) -> Search {
    Search { text: text.into(), ask: Ask { cursor: None, limit: Some(100) }, ..Search::default() }
}

fn hits(world: &World, who: &Principal, text: &str) -> Vec<Hit> {
    world.look(who, |cx| search(cx, &ask(text))).unwrap().items
}

/// "deal 12 Oak Street", in order.
fn found(world: &World, text: &str) -> Vec<String> {
    hits(world, &world.team.cora(), text).iter().map(|hit| format!("{} {}", hit.kind, hit.title)).collect()
}

fn milestone(world: &World, deal_id: DealId, title: &str, notes: &str) -> domain::kernel::id::MilestoneId {
    let cmd = AddMilestone {
        deal_id,
        title: title.into(),
        due_on: "2026-11-20".into(),
        responsible_role: None,
        remind_days_before: None,
        required: None,
        notes: Some(notes.into()),
    };
    world.act(&world.team.cora(), |cx| add(cx, &cmd)).unwrap().milestone.id
}

fn letter(world: &World, deal_id: DealId, subject: &str, body: &str) -> domain::deals::followup::view::DraftView {
    let cmd = ProposeDraft {
        deal_id,
        role: Some("buyer".into()),
        contact_id: None,
        subject: subject.into(),
        body: body.into(),
        send_at: None,
    };
    world.act(&world.team.cora(), |cx| propose(cx, &cmd)).unwrap()
}

/// What the index has of the team, without the numbers.
fn index(world: &World) -> BTreeSet<String> {
    let id = world.team.id;
    let line = "kind || ' ' || CAST(subject_id AS TEXT) || ' ' || mark AS line";
    let query = format!("SELECT {line} FROM search_documents WHERE workspace_id = '{id}'");
    world.lines(&world.team, &query).into_iter().collect()
}

/// As it was before there was an index.
fn forget_the_index(world: &World) {
    let id = world.team.id;
    let words = if world.db().is_postgres() {
        format!("DELETE FROM search_words WHERE workspace_id = '{id}'")
    } else {
        format!(
            "DELETE FROM search_words WHERE rowid IN (SELECT number FROM search_documents WHERE workspace_id = '{id}')"
        )
    };
    let all = format!(
        "{words}; DELETE FROM search_documents WHERE workspace_id = '{id}'; DELETE FROM search_forms WHERE workspace_id = '{id}'"
    );
    world.meddle(&world.team, &all);
}

fn index_anew(world: &World) -> usize {
    world.work(&world.machine(&world.team), catch_up).unwrap_or_else(|_| panic!("it was not indexed"))
}

on_both! {
    fn a_few_beginnings_of_words_find_what_has_them_all(world: World) {
        world.deal("12 Oak Street");
        world.deal("14 Elm Street");
        assert_eq!(found(&world, "oak clos"), [
            "milestone 12 Oak Street: Closing day",
            "milestone 12 Oak Street: Closing preparation",
        ]);
        assert_eq!(found(&world, "CLOSING, 14"), [
            "milestone 14 Elm Street: Closing day",
            "milestone 14 Elm Street: Closing preparation",
        ]);
        assert_eq!(found(&world, "elm oak"), [""; 0]);
        assert_eq!(found(&world, "ak"), [""; 0], "not from within a word");
        // The deal itself, then what belongs to it.
        let all = found(&world, "oak");
        assert_eq!((all.len(), all[0].as_str()), (12, "deal 12 Oak Street"));
        // By its address too, and by the type of a milestone.
        assert_eq!(found(&world, "oak chicago 60601"), ["deal 12 Oak Street"]);
        assert_eq!(found(&world, "oak wood_infest"), ["milestone 12 Oak Street: Wood infestation report"]);
        let closing = &hits(&world, &world.team.cora(), "oak closing day")[0];
        assert_eq!((closing.status.as_deref(), closing.due_on), (Some("upcoming"), "2026-12-11".parse().ok()));
    }

    fn case_and_diacritics_do_not_matter(world: World) {
        let deal = world.deal("Café Ångström, Łódź");
        milestone(&world, deal, "Straßenlaterne prüfen", "Привет, мир");
        for text in ["cafe angs lodz", "CAFÉ", "ångström", "cafe\u{301}"] {
            assert_eq!(found(&world, text)[0], "deal Café Ångström, Łódź", "{text}");
        }
        for text in ["strassenlat", "STRASSEN PRUFEN", "привет МИР", "мир"] {
            assert_eq!(found(&world, text), ["milestone Café Ångström, Łódź: Straßenlaterne prüfen"], "{text}");
        }
        let shown = &hits(&world, &world.team.cora(), "мир")[0].snippet;
        assert_eq!(shown, "Привет, мир");
    }

    fn every_kind_of_thing_is_found_and_says_what_it_is(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let draft = letter(&world, deal, "A zebra crossing", "When may we call you about the quagga?");
        let content = Content { subject: "Zebra news".into(), text: "x".into(), ..Content::default() };
        world.enqueue(&world.team, &[NewMessage { content, ..harness::message("zebra", Channel::Discord, "77", world.now()) }]);
        let own = Template::built_in("residential").unwrap().to_toml().unwrap()
            .replace("name = \"residential\"", "name = \"zebra\"").replace("Residential purchase", "Zebra purchase");
        world.act(&world.team.as_(Role::Admin), |cx| templates::set(cx, &own)).unwrap();
        let all = hits(&world, &world.team.cora(), "zebra");
        let kinds: Vec<Kind> = all.iter().map(|hit| hit.kind).collect();
        // What tells the approvers of the letter repeats its title.
        assert_eq!(kinds[..3], [Kind::Template, Kind::Draft, Kind::Approval]);
        assert!(kinds[3..].iter().all(|kind| *kind == Kind::Delivery) && kinds.len() > 3, "{kinds:?}");
        assert_eq!((all[1].id, all[1].deal_id, all[1].status.as_deref()), (draft.id.0, Some(deal), Some("in_review")));
        assert_eq!((all[2].id, all[2].deal_id), (draft.approval_id.unwrap().0, Some(deal)));
        assert!(all.iter().any(|hit| hit.title == "Zebra news" && hit.snippet == "discord to 77"), "{all:?}");
        // Its text is found after titles, and shown around what was looked for.
        let body = hits(&world, &world.team.cora(), "quagga");
        assert_eq!((body.len(), body[0].snippet.as_str()), (1, "When may we call you about the quagga?"));
        let ann = &hits(&world, &world.team.cora(), "ann lee")[0];
        assert_eq!((ann.kind, ann.deal_id, ann.snippet.as_str()), (Kind::Contact, Some(deal), "buyer of 12 Oak Street; ann@example.org"));
        // Templates that ship are found as well, once, and the workspace's own in their place.
        assert_eq!(found(&world, "residential business"), ["template Residential purchase, short periods in business days"]);
        let one: Vec<Hit> = hits(&world, &world.team.cora(), "residential purchase");
        assert_eq!(one.iter().filter(|hit| hit.kind == Kind::Template).count(), 3);
        let again = Template::built_in("residential").unwrap().to_toml().unwrap().replace("Residential purchase", "Our purchase");
        let again = again.replacen("version = 1", "version = 9", 1);
        world.act(&world.team.as_(Role::Admin), |cx| templates::set(cx, &again)).unwrap();
        assert_eq!(found(&world, "our purchase"), ["template Our purchase"]);
        assert_eq!(hits(&world, &world.team.cora(), "residential purchase").len(), 3, "by its name it is still found");
        world.act(&world.team.as_(Role::Admin), |cx| templates::reset(cx, "residential")).unwrap();
        assert_eq!(found(&world, "our purchase"), [""; 0]);
    }

    fn whoever_has_an_address_is_found_by_all_of_it_and_masked_for_programs(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        let phone = EditContact { phone: Some("+1 312 555 0147".into()), ..EditContact::of(world.detail(deal).parties[0].contact.id) };
        world.act(&world.team.cora(), |cx| domain::deals::deal::parties::edit_contact(cx, &phone)).unwrap();
        let agent = world.agent(&world.team, Grant::Read);
        for address in ["ann@example.org", "ANN@EXAMPLE.ORG", "+1 (312) 555-0147"] {
            assert_eq!(hits(&world, &world.team.cora(), address)[0].title, "Ann Lee", "{address}");
            let seen = &hits(&world, &agent, address)[0];
            assert_eq!(seen.title, "Ann Lee");
            assert!(!seen.snippet.contains("ann@") && !seen.snippet.contains("5550147"), "{}", seen.snippet);
        }
        let first = Search { ask: Ask { cursor: None, limit: Some(1) }, ..ask("ann@example.org") };
        let page = world.look(&agent, |cx| search(cx, &first)).unwrap();
        assert_eq!((page.items[0].title.as_str(), page.items.len(), page.next_cursor), ("Ann Lee", 1, None));
        for part in ["ann@example.or", "example.org", "5550147", "312 555"] {
            let people = hits(&world, &agent, part).into_iter().filter(|hit| hit.kind == Kind::Contact);
            assert_eq!(people.count(), 0, "{part}");
        }
        // Not by whoever may not know of people, and not when other kinds are asked for.
        let deals = Search { kinds: vec![Kind::Deal], ..ask("ann@example.org") };
        assert_eq!(world.look(&agent, |cx| search(cx, &deals)).unwrap().items, []);
    }

    fn titles_come_first_and_then_what_was_written_last(world: World) {
        let oak = world.deal("12 Oak Street");
        milestone(&world, oak, "First", "the copper key");
        milestone(&world, oak, "Copper", "");
        milestone(&world, oak, "Second", "a copper pipe");
        let third = milestone(&world, oak, "Third", "copper");
        world.deal("Copper Lane");
        let name = |found: Vec<String>| -> Vec<String> {
            let short = found.iter().filter(|hit| hit.starts_with("deal") || hit.contains("Oak"));
            short.map(|hit| hit.rsplit(' ').next().unwrap().to_owned()).collect()
        };
        assert_eq!(name(found(&world, "copper")), ["Lane", "Copper", "Third", "Second", "First"]);
        // A word that is written anew makes it the latest; a change that writes none leaves it where it is.
        let first = hits(&world, &world.team.cora(), "copper key")[0].id;
        let noted = EditMilestone { notes: Some("copper again".into()), ..EditMilestone::of(domain::kernel::id::MilestoneId(first)) };
        world.act(&world.team.cora(), |cx| edit(cx, &noted)).unwrap();
        let done = EditMilestone { status: Some("scheduled".into()), ..EditMilestone::of(third) };
        world.act(&world.team.cora(), |cx| edit(cx, &done)).unwrap();
        assert_eq!(name(found(&world, "copper")), ["Lane", "Copper", "First", "Third", "Second"]);
    }

    fn a_page_goes_on_where_the_one_before_ended(world: World) {
        for i in 0..4 {
            world.deal(&format!("{i} Oak Street"));
        }
        let cora = world.team.cora();
        let mut cmd = Search { ask: Ask { cursor: None, limit: Some(5) }, ..ask("oak") };
        let mut all = Vec::new();
        loop {
            let page = world.look(&cora, |cx| search(cx, &cmd)).unwrap();
            assert!(page.items.len() <= 5);
            all.extend(page.items);
            match page.next_cursor {
                Some(cursor) => cmd.ask.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(all.len(), 4 * 12);
        assert_eq!(all, hits(&world, &cora, "oak"));
        // From titles to texts, one by one, and to the templates that ship.
        milestone(&world, world.deal("Elm"), "Oak", "");
        let one = |cursor| {
            let cmd = Search { kinds: vec![Kind::Template], ask: Ask { cursor, limit: Some(1) }, ..ask("residential") };
            world.look(&cora, |cx| search(cx, &cmd)).unwrap()
        };
        let (first, mut cursor, mut titles) = (one(None), None, Vec::new());
        titles.push(first.items[0].title.clone());
        cursor = first.next_cursor.or(cursor);
        while let Some(from) = cursor {
            let page = one(Some(from));
            titles.extend(page.items.iter().map(|hit| hit.title.clone()));
            cursor = page.next_cursor;
        }
        assert_eq!(titles.len(), 3, "{titles:?}");
    }

    fn what_is_renamed_is_found_by_its_new_words_and_what_is_removed_by_none(world: World) {
        let cora = world.team.cora();
        let deal = world.peopled_deal("12 Oak Street");
        let own = milestone(&world, deal, "Gazebo", "wisteria");
        let renamed = EditDeal { title: Some("12 Ash Street".into()), ..EditDeal::of(deal) };
        world.act(&cora, |cx| edit_deal(cx, &renamed)).unwrap();
        assert_eq!(found(&world, "ash").len(), 13, "the deal and its twelve milestones");
        assert_eq!(found(&world, "oak gazebo"), [""; 0]);
        // The address is the old one.
        assert_eq!(found(&world, "oak"), ["deal 12 Ash Street"]);
        let moved = EditDeal { address: Some("9 Birch Lane".into()), ..EditDeal::of(deal) };
        world.act(&cora, |cx| edit_deal(cx, &moved)).unwrap();
        assert_eq!((found(&world, "oak").len(), found(&world, "birch")), (0, vec!["deal 12 Ash Street".to_owned()]));

        let other = EditMilestone { title: Some("Pergola".into()), notes: Some("jasmine".into()), ..EditMilestone::of(own) };
        world.act(&cora, |cx| edit(cx, &other)).unwrap();
        assert_eq!(found(&world, "gazebo").len() + found(&world, "wisteria").len(), 0);
        assert_eq!(found(&world, "pergola jasmine"), ["milestone 12 Ash Street: Pergola"]);
        world.act(&cora, |cx| remove(cx, own, None, None)).unwrap();
        assert_eq!(found(&world, "pergola"), [""; 0]);

        let draft = letter(&world, deal, "About the gazebo", "When may we call you?");
        let words = EditDraft { id: draft.id, version: None, subject: Some("About the roof".into()), body: None };
        world.act(&cora, |cx| edit_draft(cx, &words)).unwrap();
        assert!(found(&world, "gazebo").iter().all(|hit| !hit.starts_with("draft")), "an old version is not found");
        assert!(found(&world, "roof").contains(&"draft About the roof".to_owned()));

        let ann = world.detail(deal).parties[0].contact.id;
        let married = EditContact { name: Some("Ann Meyer".into()), ..EditContact::of(ann) };
        world.act(&cora, |cx| domain::deals::deal::parties::edit_contact(cx, &married)).unwrap();
        assert_eq!((found(&world, "ann lee"), found(&world, "ann meyer")), (vec![], vec!["contact Ann Meyer".to_owned()]));
        world.log_is_whole(&world.team);
    }

    fn nobody_finds_what_is_not_theirs_to_read(world: World) {
        let harbor = world.found("harbor", "harbor.example");
        let theirs = harness::peopled("12 Oak Street");
        world.act(&harbor.cora(), |cx| domain::deals::deal::ops::create(cx, &theirs)).unwrap();
        for text in ["oak", "ann", "ann@example.org", "closing", "12"] {
            assert_eq!(hits(&world, &world.team.cora(), text), [], "{text}");
            assert!(!hits(&world, &harbor.cora(), text).is_empty(), "{text}");
        }
        let ours = world.peopled_deal("12 Oak Street");
        let all = hits(&world, &world.team.cora(), "oak");
        assert!(all.iter().all(|hit| hit.deal_id == Some(ours)), "{all:?}");
        // A right that is missing takes away what it is about, or refuses whoever asks for just that.
        let mut half = world.team.as_(Role::Viewer);
        half.powers = 1 << domain::workspace::access::Verb::ReadDeals as u64;
        letter(&world, ours, "About the gazebo", "When may we call you?");
        let kinds: BTreeSet<Kind> = ["oak", "ann", "gazebo", "residential"].iter().flat_map(|text| hits(&world, &half, text)).map(|hit| hit.kind).collect();
        assert_eq!(kinds, [Kind::Deal, Kind::Milestone].into());
        let letters = Search { kinds: vec![Kind::Draft], ..ask("gazebo") };
        assert_eq!(world.look(&half, |cx| search(cx, &letters)).unwrap_err().code, Code::Forbidden);
        half.powers = 0;
        assert_eq!(world.look(&half, |cx| search(cx, &ask("oak"))).unwrap_err().code, Code::Forbidden);
    }

    fn what_cannot_be_looked_for_is_named_and_what_looks_like_a_command_is_a_word(world: World) {
        world.deal("12 Oak Street");
        let cora = world.team.cora();
        let no = |cmd: Search| world.look(&cora, |cx| search(cx, &cmd)).unwrap_err();
        for (cmd, field) in [
            (ask(""), "text"),
            (ask("?!"), "text"),
            (ask("a\0b"), "text"),
            (ask(&"x".repeat(201)), "text"),
            (Search { ask: Ask { cursor: Some("zz".into()), limit: None }, ..ask("oak") }, "cursor"),
            (Search { ask: Ask { cursor: None, limit: Some(101) }, ..ask("oak") }, "limit"),
        ] {
            let refusal = no(cmd);
            assert_eq!((refusal.code, refusal.problems[0].field.as_str()), (Code::Invalid, field));
        }
        for odd in [
            "oak\" OR \"elm", "oak*", "oak & street", "'oak' | 'x'", "+oak", "_wx OR _kdeal", "words:oak", "NOT oak", "oak:*A",
            "(oak", "oak \\ street", "\u{1F600} oak", "oak\u{2019}s", "NEAR(oak street)", "^oak", "''oak''", "{oak}",
        ] {
            // It may find nothing, since its words are words too; it never fails.
            hits(&world, &cora, odd);
        }
        assert_eq!(found(&world, "\"OAK\" & (street)!").first().unwrap(), "deal 12 Oak Street");
        assert_eq!(found(&world, "_kdeal"), [""; 0]);
        let far = Search { ask: Ask { cursor: Some("5b302c2d395d".into()), limit: None }, ..ask("oak") };
        assert_eq!(world.look(&cora, |cx| search(cx, &far)).unwrap().items.len(), 0);
    }

    fn what_was_there_before_the_index_is_found_once_it_was_made(world: World) {
        let deal = world.peopled_deal("12 Oak Street");
        world.draft_for_the_buyer(deal);
        letter(&world, deal, "About the gazebo", "When may we call you?");
        let own = Template::built_in("residential").unwrap().to_toml().unwrap().replace("\"residential\"", "\"ours\"");
        world.act(&world.team.as_(Role::Admin), |cx| templates::set(cx, &own)).unwrap();
        let gone = milestone(&world, deal, "Gone", "");
        world.act(&world.team.cora(), |cx| remove(cx, gone, None, None)).unwrap();
        let (kept, names) = (index(&world), found(&world, "12"));
        assert!(kept.len() > 30, "{kept:?}");
        assert_eq!(index_anew(&world), 0, "everything is in it");

        forget_the_index(&world);
        assert_eq!(found(&world, "oak"), [""; 0]);
        // Something that is written meanwhile is there at once, and stays as it was written.
        let renamed = EditDeal { title: Some("12 Oak Terrace".into()), ..EditDeal::of(deal) };
        world.act(&world.team.cora(), |cx| edit_deal(cx, &renamed)).unwrap();
        let back = EditDeal { title: Some("12 Oak Street".into()), ..EditDeal::of(deal) };
        world.act(&world.team.cora(), |cx| edit_deal(cx, &back)).unwrap();
        let before = index(&world).len();
        assert_eq!(index_anew(&world), kept.len() - before);
        assert_eq!(index(&world), kept);
        let sorted = |mut names: Vec<String>| { names.sort(); names };
        assert_eq!(sorted(found(&world, "12")), sorted(names));
        assert_eq!(index_anew(&world), 0);

        // One of an earlier form is made anew.
        world.meddle(&world.team, "UPDATE search_forms SET form = 0");
        assert_eq!(index_anew(&world), kept.len());
        assert_eq!(index(&world), kept);
    }

    fn several_who_make_the_index_while_others_write_make_one(world: World) {
        for i in 0..6 {
            world.peopled_deal(&format!("{i} Oak Street"));
        }
        forget_the_index(&world);
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| index_anew(&world));
            }
            threads.spawn(|| {
                for i in 6..12 {
                    world.peopled_deal(&format!("{i} Oak Street"));
                }
            });
        });
        let made = index(&world);
        forget_the_index(&world);
        index_anew(&world);
        assert_eq!(index(&world), made);
        assert_eq!(made.iter().filter(|line| line.starts_with("deal ")).count(), 12);
        assert_eq!(found(&world, "oak closing day").len(), 12);
    }
}
