//! Whether a message may leave: decided when it is due, counted for everybody, written down before it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;

use domain::deals::deal::intake::NewParty;
use domain::delivery::outbox::{Claimed, Wanted, ops as outbox};
use domain::delivery::policy::ops::{PreviewPolicy, decisions_of, preview, replay};
use domain::delivery::policy::view::{DecisionView, PolicyView};
use domain::delivery::policy::{Reason, Verdict};
use domain::delivery::settings::ops::{EditSettings, edit, get};
use domain::delivery::{Content, NewMessage, Priority, Purpose, Status, To};
use domain::kernel::db::Limits;
use domain::kernel::id::{ContactId, MessageId};
use domain::kernel::{Code, Principal, Source};
use domain::people::contact::standing::ops::{
    Inbound, OptOut, SetConsent, opt_in, opt_out, record_inbound, set_consent,
};
use domain::people::contact::standing::ops::{release, take_over};
use domain::people::contact::standing::{Heard, Via};
use domain::people::contact::view;
use domain::people::reach::{Channel, Topic};
use domain::workspace::access::Role;
use domain::workspace::access::ops::contact_principal;
use harness::{DATES, World, deal, on_both, unknown_id};
use host::Config;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Contacts of one deal in Chicago, who agreed to e-mails and text messages.
fn people(world: &World, named: &[(&str, &str)]) -> Vec<ContactId> {
    let mut new = deal("12 Oak Street", DATES);
    new.parties = named
        .iter()
        .map(|(name, phone)| NewParty {
            role: "buyer".into(),
            name: (*name).into(),
            email: Some(email_of(name)),
            phone: Some((*phone).to_owned()).filter(|phone| !phone.is_empty()),
            ..NewParty::default()
        })
        .collect();
    world.create(&new);
    let ids: Vec<ContactId> = named.iter().map(|(name, _)| person(world, &email_of(name))).collect();
    for contact_id in &ids {
        for channel in [Channel::Email, Channel::Sms] {
            let cmd = SetConsent { contact_id: *contact_id, channel, given: true, evidence: "a form".into() };
            world.act(&world.team.cora(), |cx| set_consent(cx, &cmd)).unwrap();
        }
    }
    ids
}

fn email_of(name: &str) -> String {
    format!("{}@example.org", name.to_lowercase())
}

fn person(world: &World, email: &str) -> ContactId {
    world.look(&world.team.cora(), |cx| view::find(cx, email)).unwrap()[0].id
}

fn itself(world: &World, id: ContactId) -> Principal {
    contact_principal(world.team.id, id, "a contact", Source::System)
}

/// An e-mail that a rule sends to a contact, due at once.
fn mail(world: &World, occasion: &str, to: ContactId, purpose: Purpose, due_at: Timestamp) -> NewMessage {
    let query = format!("SELECT email AS line FROM contacts WHERE id = '{to}'");
    let address = world.lines(&world.team, &query).remove(0);
    NewMessage {
        occasion: occasion.into(),
        topic: Topic::Reminder,
        purpose,
        channel: Channel::Email,
        to: To::Contact(to),
        address,
        deal_id: None,
        approval_id: None,
        batch_id: None,
        content: Content { subject: occasion.into(), text: format!("About {occasion}."), ..Content::default() },
        priority: Priority::Usual,
        due_at,
        expires_at: None,
    }
}

fn send(world: &World, occasion: &str, to: ContactId, purpose: Purpose) -> MessageId {
    world.enqueue(&world.team, &[mail(world, occasion, to, purpose, world.now())])[0]
}

/// "sending", or what stands in the way.
fn outcome(world: &World, id: MessageId) -> String {
    let decision = decisions(world, id).pop().unwrap();
    let codes: Vec<&str> = decision.policy.codes.iter().map(|code| code.as_str()).collect();
    match world.status(id) {
        Status::Deferred => {
            let until = decision.policy.next_allowed_at.unwrap().to_string();
            format!("deferred until {until}: {}", codes.join(", "))
        }
        Status::Suppressed => format!("suppressed: {}", codes.join(", ")),
        other => other.to_string(),
    }
}

fn decisions(world: &World, id: MessageId) -> Vec<DecisionView> {
    world.look(&world.team.cora(), |cx| decisions_of(cx, id)).unwrap()
}

/// Sends it now and says what came of it.
fn try_now(world: &World, occasion: &str, to: ContactId, purpose: Purpose) -> String {
    let id = send(world, occasion, to, purpose);
    world.claim(100);
    outcome(world, id)
}

/// Every stored decision comes out the same again, and tells its own story.
fn every_decision_replays(world: &World) {
    let ids = world.lines(&world.team, "SELECT CAST(id AS text) AS line FROM decisions");
    assert!(!ids.is_empty());
    for id in ids {
        let again = world.look(&world.team.cora(), |cx| replay(cx, id.parse().unwrap())).unwrap();
        assert!(again.same, "{again:#?}");
    }
}

fn set(world: &World, settings: Value) {
    let Value::Object(set) = settings else { panic!("an object") };
    let cmd = EditSettings { version: None, set };
    world.act(&world.team.as_(Role::Admin), |cx| edit(cx, &cmd)).unwrap();
}

fn ask(
    world: &World,
    to: (Option<ContactId>, Option<&str>, Option<&str>),
    channel: Channel,
    purpose: Purpose,
) -> PolicyView {
    let cmd = PreviewPolicy {
        contact_id: to.0,
        email: to.1.map(str::to_owned),
        phone: to.2.map(str::to_owned),
        channel,
        purpose,
        topic: None,
        text: None,
        at: None,
    };
    world.look(&world.team.as_(Role::Viewer), |cx| preview(cx, &cmd)).unwrap()
}

on_both! {
    fn what_was_decided_is_written_down_and_comes_out_the_same_again(world: World) {
        let ann = people(&world, &[("Ann", "+13125550100")])[0];
        // What is due at the same instant goes in the order of the ids.
        let mut both = [send(&world, "one", ann, Purpose::Outreach), send(&world, "two", ann, Purpose::Outreach)];
        both.sort();
        let [first, second] = both;
        let claimed = world.claim(100);
        assert_eq!(claimed.cleared.len(), 1);
        assert_eq!(claimed.cleared[0].decision(), decisions(&world, first)[0].id);
        assert_eq!(outcome(&world, first), "sending");
        assert_eq!(outcome(&world, second), "deferred until 2026-10-15T15:00:00Z: FREQUENCY_CAP");
        world.set_clock("2026-10-15T15:00:00Z");
        world.claim(100);
        assert_eq!(outcome(&world, second), "sending");
        assert_eq!(decisions(&world, second).len(), 2);
        let rules: Vec<String> =
            decisions(&world, first)[0].policy.rule_trace.iter().map(|step| step.rule.to_string()).collect();
        assert_eq!(rules.join(" "), "opt_out frequency_cap quiet_hours sunday_hold unanswered take_over review \
                                     consent zone address");
        every_decision_replays(&world);
        let unknown = world.look(&world.team.cora(), |cx| decisions_of(cx, unknown_id())).unwrap_err();
        assert_eq!(unknown.code, Code::NotFound);
        let stranger = world.found("harbor", "harbor.example");
        let foreign = world.look(&stranger.cora(), |cx| decisions_of(cx, first)).unwrap_err();
        assert_eq!(foreign, unknown);
    }

    fn an_opt_out_after_it_was_planned_wins(world: World) {
        let ann = people(&world, &[("Ann", "")])[0];
        let later = send(&world, "later", ann, Purpose::Transactional);
        let cmd = OptOut { contact_id: ann, via: Via::Phone, why: "She called and said so.".into() };
        let agent = world.agent(&world.team, domain::workspace::access::Grant::Read);
        assert_eq!(world.act(&agent, |cx| opt_out(cx, &cmd)).unwrap_err().code, Code::Forbidden);
        world.act(&world.team.as_(Role::Member), |cx| opt_out(cx, &cmd)).unwrap();
        world.act(&world.team.as_(Role::Member), |cx| opt_out(cx, &cmd)).unwrap();
        world.claim(100);
        assert_eq!(outcome(&world, later), "suppressed: OPTED_OUT");
        assert_eq!(world.events(&world.team).iter().filter(|name| *name == "contact.opted_out").count(), 1);
        // Nobody but the contact takes it back.
        for who in [world.team.as_(Role::Owner), world.team.operator(), itself(&world, unknown_id())] {
            assert_eq!(world.act(&who, |cx| opt_in(cx, ann, Via::Link)).unwrap_err().code, Code::Forbidden);
        }
        world.act(&itself(&world, ann), |cx| opt_in(cx, ann, Via::Link)).unwrap();
        assert_eq!(try_now(&world, "again", ann, Purpose::Transactional), "sending");
        every_decision_replays(&world);
        world.log_is_whole(&world.team);
    }

    fn who_shares_a_number_shares_the_opt_out(world: World) {
        let ids = people(&world, &[("Ann", "+1 312 555 0100"), ("Bob", "312-555-0100"), ("Cy", "312-555-0199")]);
        let heard = |text: &str| {
            let inbound = Inbound { contact_id: ids[0], via: Via::Sms, text: text.into() };
            world.act(&itself(&world, ids[0]), |cx| record_inbound(cx, &inbound)).unwrap()
        };
        assert_eq!(heard("Please stop texting me"), Heard::Stop);
        // Who comes later with the same number has it too.
        let dee = people(&world, &[("Dee", "1 (312) 555-0100")])[0];
        for (at, id) in [ids[0], ids[1], dee].into_iter().enumerate() {
            let said = try_now(&world, &format!("stopped {at}"), id, Purpose::Transactional);
            assert_eq!(said, "suppressed: OPTED_OUT");
        }
        assert_eq!(try_now(&world, "other", ids[2], Purpose::Transactional), "sending");
        let why = |id| ask(&world, (Some(id), None, None), Channel::Sms, Purpose::Transactional).sentence;
        assert!(why(ids[0]).contains("The contact opted out"), "{}", why(ids[0]));
        assert!(why(dee).contains("Somebody with the same number or address opted out"), "{}", why(dee));
        assert_eq!(ask(&world, (None, None, Some("312 555 0100")), Channel::Sms, Purpose::Transactional).codes[0],
            Reason::OptedOut);
        assert_eq!(heard("stop by at 5"), Heard::Plain);
        assert_eq!(heard("HELP"), Heard::Help);
        assert_eq!(heard("START"), Heard::Start);
        for (at, id) in [ids[0], ids[1], dee].into_iter().enumerate() {
            assert_eq!(try_now(&world, &format!("started {at}"), id, Purpose::Transactional), "sending");
        }
        let cora = world.team.cora();
        let inbound = Inbound { contact_id: ids[0], via: Via::Sms, text: "START".into() };
        assert_eq!(world.act(&cora, |cx| record_inbound(cx, &inbound)).unwrap_err().code, Code::Forbidden);
        every_decision_replays(&world);
        world.log_is_whole(&world.team);
    }

    fn a_consent_that_was_withdrawn_counts_no_more(world: World) {
        let ann = people(&world, &[("Ann", "312-555-0100")])[0];
        let say = |given, evidence: &str| {
            let cmd = SetConsent { contact_id: ann, channel: Channel::Email, given, evidence: evidence.into() };
            world.act(&world.team.cora(), |cx| set_consent(cx, &cmd)).unwrap();
        };
        say(false, "She called and said so.");
        assert_eq!(try_now(&world, "one", ann, Purpose::Outreach), "suppressed: NO_CONSENT");
        say(true, "A form.");
        assert_eq!(try_now(&world, "two", ann, Purpose::Outreach), "sending");
    }

    fn nothing_goes_to_an_address_whose_owner_opted_out_whoever_it_is_meant_for(world: World) {
        let ids = people(&world, &[("Ann", "312-555-0100"), ("Bob", "312-555-0177")]);
        let cmd = OptOut { contact_id: ids[1], via: Via::Phone, why: "He called and said so.".into() };
        world.act(&world.team.cora(), |cx| opt_out(cx, &cmd)).unwrap();
        let to_ann = |occasion: &str, channel, address: &str| {
            let usual = mail(&world, occasion, ids[0], Purpose::Transactional, world.now());
            let id = world.enqueue(&world.team, &[NewMessage { channel, address: address.into(), ..usual }])[0];
            world.claim(100);
            outcome(&world, id)
        };
        assert_eq!(to_ann("mail", Channel::Email, "Bob@example.org"), "suppressed: OPTED_OUT, BAD_ADDRESS");
        assert_eq!(to_ann("text", Channel::Sms, "+13125550177"), "suppressed: OPTED_OUT, BAD_ADDRESS");
        assert_eq!(to_ann("her own", Channel::Sms, "+13125550100"), "sending");
    }

    fn a_stranger_is_where_the_number_says_or_else_in_the_workspaces_country(world: World) {
        let zones = |email: Option<&str>, phone: Option<&str>, channel| {
            let view = ask(&world, (None, email, phone), channel, Purpose::Transactional);
            let step = view.rule_trace.into_iter().find(|step| step.rule.to_string() == "zone").unwrap();
            step.inputs["zones"].to_string()
        };
        world.meddle(&world.team, "UPDATE workspaces SET time_zone = 'Europe/Paris'");
        assert_eq!(zones(None, Some("+1 808 555 0100"), Channel::Sms), r#"["Pacific/Honolulu"]"#);
        assert_eq!(zones(Some("nobody@example.net"), None, Channel::Email), r#"["Europe/Paris"]"#);
    }

    fn who_never_answers_is_left_alone_until_they_write(world: World) {
        let ann = people(&world, &[("Ann", "")])[0];
        for day in ["15", "16", "17", "19", "20"] {
            world.set_clock(&format!("2026-10-{day}T15:00:00Z"));
            assert_eq!(try_now(&world, day, ann, Purpose::Outreach), "sending", "{day}");
        }
        world.set_clock("2026-10-21T15:00:00Z");
        assert_eq!(try_now(&world, "21", ann, Purpose::Outreach), "suppressed: UNANSWERED_SUPPRESSION");
        assert_eq!(try_now(&world, "deal", ann, Purpose::Transactional), "sending");
        world.set_clock("2026-12-21T15:00:00Z");
        assert_eq!(try_now(&world, "december", ann, Purpose::Outreach), "suppressed: UNANSWERED_SUPPRESSION");
        let inbound = Inbound { contact_id: ann, via: Via::Email, text: "Thanks, tell me more".into() };
        world.act(&itself(&world, ann), |cx| record_inbound(cx, &inbound)).unwrap();
        assert_eq!(try_now(&world, "again", ann, Purpose::Outreach), "sending");
        every_decision_replays(&world);
    }

    fn a_person_who_leads_is_not_interrupted_by_a_rule(world: World) {
        let ann = people(&world, &[("Ann", "")])[0];
        let led = world.act(&world.team.cora(), |cx| take_over(cx, ann)).unwrap();
        assert_eq!(led.standing.taken_over_by.as_deref(), Some("Cora Castillo"));
        assert_eq!(try_now(&world, "one", ann, Purpose::Transactional), "suppressed: TAKE_OVER");
        world.act(&world.team.cora(), |cx| release(cx, ann)).unwrap();
        assert_eq!(try_now(&world, "two", ann, Purpose::Transactional), "sending");
    }

    fn a_workspace_that_has_used_its_quota_waits(world: World) {
        let ids = people(&world, &[("Ann", ""), ("Bob", ""), ("Cy", "")]);
        set(&world, json!({ "messages_per_day": 2 }));
        assert_eq!(try_now(&world, "ann", ids[0], Purpose::Transactional), "sending");
        world.set_clock("2026-10-14T16:00:00Z");
        let mut others: Vec<MessageId> =
            ["b", "c"].iter().zip(&ids[1..]).map(|(name, id)| send(&world, name, *id, Purpose::Transactional)).collect();
        // What is due at the same instant goes in the order of the ids.
        others.sort();
        world.claim(100);
        assert_eq!(outcome(&world, others[0]), "sending");
        assert_eq!(outcome(&world, others[1]), "deferred until 2026-10-15T15:00:00Z: QUOTA");
        assert_eq!(ask(&world, (Some(ids[2]), None, None), Channel::Email, Purpose::Transactional).codes, [Reason::Quota]);
        set(&world, json!({ "messages_per_day": 0 }));
        assert_eq!(try_now(&world, "none", ids[2], Purpose::Transactional), "suppressed: QUOTA");
        every_decision_replays(&world);
    }

    fn a_preview_says_what_stands_in_the_way_and_changes_nothing(world: World) {
        let ann = people(&world, &[("Ann", "+13125550100")])[0];
        let before = world.everything(&world.team);
        let to_ann = (Some(ann), None, None);
        let view = ask(&world, to_ann, Channel::Email, Purpose::Outreach);
        assert_eq!((view.verdict, view.codes.len()), (Verdict::Allow, 0));
        assert_eq!(ask(&world, to_ann, Channel::Sms, Purpose::Outreach).codes, []);
        assert_eq!(ask(&world, to_ann, Channel::Discord, Purpose::Outreach).codes, [
            Reason::NoConsent, Reason::BadAddress
        ]);
        // A stranger: nothing agreed to, a zone only when the number tells it.
        let stranger = ask(&world, (None, Some("nobody@example.net"), None), Channel::Email, Purpose::Outreach);
        assert_eq!(stranger.codes, [Reason::NoConsent, Reason::UnknownZone]);
        assert!(!stranger.next.is_empty());
        let phone = ask(&world, (None, None, Some("+1 808 555 0100")), Channel::Sms, Purpose::Transactional);
        assert_eq!(phone.codes, [Reason::NoConsent]);
        let night = PreviewPolicy {
            contact_id: Some(ann), email: None, phone: None, channel: Channel::Email, purpose: Purpose::Outreach,
            topic: Some(Topic::FollowUp), text: Some("Here are the wire instructions.".into()),
            at: Some("2026-10-18T03:00:00Z".parse().unwrap()),
        };
        let held = world.look(&world.team.cora(), |cx| preview(cx, &night)).unwrap();
        assert_eq!(held.codes, [Reason::StrategyReviewRequired]);
        let harmless = PreviewPolicy { text: None, ..night.clone() };
        let held = world.look(&world.team.cora(), |cx| preview(cx, &harmless)).unwrap();
        assert_eq!(held.codes, [Reason::QuietHours, Reason::SundayHold]);
        assert_eq!(held.next_allowed_at.unwrap().to_string(), "2026-10-19T14:00:00Z");
        let wrong = [
            PreviewPolicy { contact_id: None, ..night.clone() },
            PreviewPolicy { email: Some("a@example.org".into()), ..night.clone() },
            PreviewPolicy { purpose: Purpose::Internal, ..night.clone() },
            PreviewPolicy { text: Some("a\0b".into()), ..night.clone() },
        ];
        for cmd in wrong {
            let no = world.look(&world.team.cora(), |cx| preview(cx, &cmd)).unwrap_err();
            assert_eq!(no.code, Code::Invalid, "{cmd:?}");
        }
        let foreign = world.found("harbor", "harbor.example");
        let theirs = world.look(&foreign.cora(), |cx| preview(cx, &night)).unwrap_err();
        let nobodys = PreviewPolicy { contact_id: Some(unknown_id()), ..night };
        assert_eq!(world.look(&foreign.cora(), |cx| preview(cx, &nobodys)).unwrap_err(), theirs);
        assert_eq!(world.everything(&world.team), before);
    }

    fn settings_can_only_tighten_and_say_who_changed_them(world: World) {
        let admin = world.team.as_(Role::Admin);
        let change = |who: &Principal, version, set: Value| {
            let set: Map<String, Value> = serde_json::from_value(set).unwrap();
            world.act(who, |cx| edit(cx, &EditSettings { version, set: set.clone() }))
        };
        assert_eq!(change(&world.team.cora(), None, json!({ "hold_saturdays": true })).unwrap_err().code, Code::Forbidden);
        let first = change(&admin, Some(0), json!({ "quiet_from": "20:00", "blackout_days": ["2026-12-25"] })).unwrap();
        assert_eq!((first.version, first.settings.quiet_from.to_string().as_str()), (1, "20:00"));
        assert_eq!(change(&admin, Some(0), json!({ "quiet_from": "19:00" })).unwrap_err().code, Code::Stale);
        for (wrong, field) in [
            (json!({ "quiet_from": "22:00" }), "quiet_from"),
            (json!({ "quiet_until": "08:00", "outreach_every_hours": 1 }), "quiet_until"),
            (json!({ "quiet_from": "noon" }), "quiet_from"),
            (json!({ "unanswered_most": 6.5 }), "unanswered_most"),
            (json!({ "loud": true }), "loud"),
            (json!({ "escalation_path": ["role:owner", format!("member:{}", unknown_id::<ContactId>())] }), "escalation_path[1]"),
            (json!({ "escalation_path": ["everybody"] }), "escalation_path[0]"),
            (json!({ "team_channel": { "channel": "email", "address": "a@example.org" } }), "team_channel.channel"),
            (json!({}), "set"),
        ] {
            let no = change(&admin, None, wrong.clone()).unwrap_err();
            assert_eq!((no.code, no.problems[0].field.as_str()), (Code::Invalid, field), "{wrong}");
        }
        let second = change(&admin, Some(1), json!({ "quiet_from": null })).unwrap();
        assert_eq!((second.version, second.settings.quiet_from.to_string().as_str()), (2, "21:00"));
        // The same again is no change.
        assert_eq!(change(&admin, None, json!({ "quiet_from": "21:00" })).unwrap().version, 2);
        assert_eq!(world.look(&world.team.as_(Role::Viewer), get).unwrap(), second);
        let events = world.events(&world.team);
        assert_eq!(events.iter().filter(|name| *name == "delivery_settings.changed").count(), 2);
        // An old row that would loosen the floor does not.
        world.meddle(&world.team, "UPDATE delivery_settings SET body = '{\"quiet_from\": \"23:30\"}'");
        world.set_clock("2026-10-15T02:30:00Z");
        let ann = people(&world, &[("Ann", "")])[0];
        assert_eq!(try_now(&world, "late", ann, Purpose::Transactional),
            "deferred until 2026-10-15T14:00:00Z: QUIET_HOURS");
    }

    fn caps_and_opt_outs_hold_when_fifty_send_at_once(world: World) {
        const MANY: usize = 50;
        let ids = people(&world, &[("Ann", "+13125550100"), ("Bob", "+13125550101"), ("Cy", "+13125550102")]);
        let limits = Limits { connections: 50, wait: std::time::Duration::from_secs(30) };
        let host = world.host_with(limits, Config::default());
        let (machine, start) = (world.machine(&world.team), Barrier::new(MANY));
        let now = world.now();
        std::thread::scope(|threads| {
            for thread in 0..MANY {
                let (host, ids, machine, start, world) = (&host, &ids, &machine, &start, &world);
                threads.spawn(move || {
                    start.wait();
                    let write = |f: &mut dyn FnMut(&mut domain::kernel::Cx<'_>) -> Result<(), domain::kernel::No>| {
                        host.on_this_thread(machine, now, |work| work.write(|cx| f(cx))).unwrap();
                    };
                    if thread == 25 {
                        let cmd = OptOut { contact_id: ids[2], via: Via::Phone, why: String::new() };
                        host.on_this_thread(&world.team.cora(), now, |work| work.write(|cx| opt_out(cx, &cmd))).unwrap();
                        return;
                    }
                    let new: Vec<NewMessage> = (0..6)
                        .map(|n| {
                            let purpose = if n % 2 == 0 { Purpose::Outreach } else { Purpose::Transactional };
                            mail(world, &format!("{thread}-{n}"), ids[(thread + n) % 3], purpose, now)
                        })
                        .collect();
                    write(&mut |cx| outbox::enqueue(cx, &new).map(drop));
                    for _ in 0..3 {
                        write(&mut |cx| outbox::claim(cx, &Wanted::up_to(5)).map(|_: Claimed| ()));
                    }
                });
            }
        });
        while !world.claim(100).cleared.is_empty() {}
        let query = "SELECT m.contact_id || ' ' || m.purpose AS line FROM messages m WHERE m.status = 'sending'";
        let mut sent: BTreeMap<String, usize> = BTreeMap::new();
        for line in world.lines(&world.team, query) {
            *sent.entry(line).or_default() += 1;
        }
        for id in &ids[..2] {
            assert_eq!(sent.get(&format!("{id} outreach")), Some(&1), "{sent:?}");
            assert_eq!(sent.get(&format!("{id} transactional")), Some(&6), "{sent:?}");
        }
        assert!(sent.get(&format!("{} outreach", ids[2])).is_none_or(|n| *n <= 1));
        assert!(sent.get(&format!("{} transactional", ids[2])).is_none_or(|n| *n <= 6));
        // After the opt-out stands in the log, nothing to that contact does.
        let out = "SELECT CAST(seq AS text) AS line FROM events WHERE event = 'contact.opted_out'";
        let out: i64 = world.lines(&world.team, out)[0].parse().unwrap();
        let after = format!(
            "SELECT CAST(e.seq AS text) AS line FROM events e JOIN messages m ON m.id = e.subject_id
             WHERE e.event = 'message.moved' AND e.data LIKE '%\"after\":\"sending\"%' AND e.seq > {out}
             AND m.contact_id = '{}'", ids[2]
        );
        assert_eq!(world.lines(&world.team, &after), [""; 0]);
        let verdicts = "SELECT DISTINCT verdict || coalesce(' ' || code, '') AS line FROM decisions";
        let seen: BTreeSet<String> = world.lines(&world.team, verdicts).into_iter().collect();
        assert!(seen.contains("allow") && seen.contains("defer FREQUENCY_CAP"), "{seen:?}");
        every_decision_replays(&world);
        world.log_is_whole(&world.team);
    }
}
