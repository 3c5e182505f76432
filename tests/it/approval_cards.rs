//! A letter that asks for a yes is decided about where the team talks, and its card says what came of it.

use domain::deals::followup::propose::{EditDraft, edit};
use domain::deals::followup::review::{Decide, decide};
use domain::deals::followup::view::DraftView;
use domain::people::reach::Channel;
use domain::workspace::access::Role;
use domain::workspace::approval::Choice;
use harness::{World, on_both};
use serde_json::{Value, json};

use crate::cards::{Chat, cards_follow, chat, labels};
use crate::told::{has_verified, prefers};

/// A letter for the buyer is written, and the team is asked.
fn asked(world: &World, chat: &Chat) -> DraftView {
    let deal = world.peopled_deal("12 Oak Street");
    let draft = world.draft_for_the_buyer(deal);
    chat.settles(world);
    draft
}

/// The cards that ask for a yes to the buyer's letter.
fn cards(chat: &Chat) -> Vec<Value> {
    let asks = |body: &Value| body["content"].as_str().unwrap().contains("to the buyer,");
    chat.discord.posted().into_iter().map(|p| p.body).filter(asks).collect()
}

fn vote(world: &World, draft: &DraftView, role: Role, choice: Choice, feedback: Option<&str>) {
    let cmd = Decide { feedback: feedback.map(str::to_owned), ..Decide::of(draft.approval_id.unwrap(), choice) };
    world.act(&world.team.as_(role), |cx| decide(cx, &cmd)).unwrap();
}

on_both! {
    fn a_letter_is_shown_with_what_is_needed_to_decide(world: World) {
        let chat = chat(&world);
        prefers(&world, Role::Admin, &[("discord", "500600700")]);
        has_verified(&world, Role::Admin, Channel::Discord, "500600700");
        let draft = asked(&world, &chat);
        let cards = cards(&chat);
        assert_eq!(cards.len(), 1);
        let text = cards[0]["content"].as_str().unwrap();
        for part in ["Version 1", "12 Oak Street", "Adam Adler", "Ann Lee by email", "a\\*\\*\\*\\@example.org", "would be sent now"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("ann"), "{text}");
        assert_eq!(cards[0]["allowed_mentions"], json!({ "parse": [], "users": ["500600700"] }));
        assert_eq!(labels(&cards[0]), ["Approve | Edit | Request changes | Reject | Read all"]);
        let name = cards[0]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
        let press: domain::delivery::card::Press = name.parse().unwrap();
        assert_eq!(Some(press.id), draft.approval_id.map(|id| id.0));
        assert!(press.etag.ends_with(".0"), "{name}");
        assert_eq!(chat.discord.mistakes(), [""; 0]);
        // Asked once, however often it is looked.
        cards_follow(&world);
        chat.settles(&world);
        assert_eq!(self::cards(&chat).len(), 1);
    }

    fn a_card_says_who_decided_wherever_that_was(world: World) {
        let chat = chat(&world);
        let draft = asked(&world, &chat);
        let at = world.now().as_second();
        vote(&world, &draft, Role::Admin, Choice::Approve, None);
        chat.settles(&world);
        let card = cards(&chat).remove(0);
        let text = card["content"].as_str().unwrap();
        assert!(text.contains(&format!("Approved by Adam Adler, <t:{at}:R>")), "{text}");
        assert_eq!((labels(&card), card["allowed_mentions"].clone()), (vec![], json!({ "parse": [] })));
        assert_eq!(chat.discord.mistakes(), [""; 0]);
    }

    fn a_card_says_what_was_asked_for_and_that_another_version_took_its_place(world: World) {
        let chat = chat(&world);
        let draft = asked(&world, &chat);
        vote(&world, &draft, Role::Admin, Choice::RequestChanges, Some("Say @everyone when the keys come"));
        chat.settles(&world);
        let card = cards(&chat).remove(0);
        let text = card["content"].as_str().unwrap().to_owned();
        assert!(text.contains("Adam Adler asked for changes") && text.contains("\\@everyone when the keys"), "{text}");
        let words =
            |words: &str| EditDraft { id: draft.id, version: None, subject: None, body: Some(words.into()) };
        let cora = world.team.cora();
        world.act(&cora, |cx| edit(cx, &words("Dear {name},\n\nThe inspection is done."))).unwrap();
        chat.settles(&world);
        world.act(&cora, |cx| edit(cx, &words("Dear {name},\n\nThe inspection is over."))).unwrap();
        chat.settles(&world);
        let all: Vec<String> = cards(&chat).iter().map(|card| card["content"].as_str().unwrap().to_owned()).collect();
        assert_eq!(all.len(), 3, "{all:#?}");
        assert!(all[1].contains("Another version took its place") && all[1].contains("Version 3 took its place"), "{}", all[1]);
        assert!(labels(&cards(&chat)[1]).is_empty() && labels(&cards(&chat)[2])[0].contains("Reject"));
        world.log_is_whole(&world.team);
    }

    fn a_member_who_is_asked_in_a_direct_message_decides_there(world: World) {
        let chat = chat(&world);
        prefers(&world, Role::Admin, &[("discord", "500600700"), ("approval.discord", "on")]);
        has_verified(&world, Role::Admin, Channel::Discord, "500600700");
        let draft = asked(&world, &chat);
        let direct = |chat: &Chat| -> Vec<Value> {
            let all = chat.discord.posted().into_iter().filter(|p| p.channel != "77").map(|p| p.body);
            all.filter(|body| body["content"].as_str().unwrap().contains("to the buyer,")).collect()
        };
        assert_eq!(labels(&direct(&chat)[0]), ["Approve | Edit | Request changes | Reject | Read all"]);
        vote(&world, &draft, Role::Coordinator, Choice::Reject, Some("Not now"));
        chat.settles(&world);
        let card = direct(&chat).remove(0);
        assert!(labels(&card).is_empty() && card["content"].as_str().unwrap().contains("Rejected by Cora Castillo"), "{card}");
    }
}
