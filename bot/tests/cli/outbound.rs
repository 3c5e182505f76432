//! A first day with messages: what is written, who says yes, what is planned, and what the policy says.

use super::{Terminal, text};

const DANA: &str = "dana@example.com";

#[test]
fn a_completed_milestone_becomes_letters_that_somebody_approves() {
    let t = Terminal::new();
    t.setup("lakeside");
    let deal = t.deal();
    t.ok(&["milestone", "complete", &t.milestone(&deal, "earnest_money")]);
    shows!("drafts_waiting", t.ok(&["draft", "list"]).in_some_order());
    shows!("drafts_written", t.ok(&["draft", "write"]));
    let drafts = t.json(&["draft", "list"]);
    let of = |role: &str| {
        let all = drafts["drafts"].as_array().unwrap();
        let found = all.iter().find(|draft| draft["recipient_role"] == role).unwrap();
        (text(&found["id"]), text(&found["approval_id"]))
    };
    let (letter, approval) = of("buyer");
    shows!("draft_show", t.ok(&["draft", "show", &letter]));
    shows!("draft_preview", t.ok(&["draft", "preview", &letter]));
    shows!("draft_to_nobody", t.ok(&["draft", "show", &of("attorney").0]));
    shows!("approval_list", t.ok(&["approval", "list"]).in_some_order());
    shows!("approval_show", t.ok(&["approval", "show", &approval]));

    let yes = ["approval", "vote", &approval, "--choice", "approve"];
    shows!("vote_as_nobody", t.run(&yes));
    t.ok(&["admin", "member", "add", "--name", "Elena Ruiz", "--email", "elena@example.com", "--role", "viewer"]);
    assert_eq!(t.run(&[&["--as", "elena@example.com"], &yes[..]].concat()).code, 3);
    shows!("vote_yes", t.ok(&[&["--as", DANA], &yes[..]].concat()));
    shows!("vote_too_late", t.run(&[&["--as", DANA], &yes[..]].concat()));
    shows!("delivery_of_follow_ups", t.ok(&["delivery", "list", "--topic", "follow_up"]));
    assert_eq!(t.run(&["--as", DANA, "approval", "vote", &approval, "--choice", "maybe"]).code, 2);
    assert_eq!(t.json(&["audit", "verify"])["whole"], true);
}

#[test]
fn words_that_state_what_does_not_stand_in_the_deal_are_kept_back() {
    let t = Terminal::new();
    t.setup("lakeside");
    let deal = t.deal();
    let propose =
        ["draft", "propose", &deal, "--role", "buyer", "--subject", "Your closing", "--body", "We close soon."];
    shows!("draft_proposed", t.ok(&propose));
    let id = text(&t.json(&["draft", "list"])["drafts"][0]["id"]);
    shows!("draft_blocked", t.ok(&["draft", "edit", &id, "--body", "We close on May 3, 2031."]));
    let approval = text(&t.json(&["draft", "list"])["drafts"][0]["approval_id"]);
    shows!("vote_on_blocked", t.run(&["--as", DANA, "approval", "vote", &approval, "--choice", "approve"]));
    shows!("draft_withdrawn", t.ok(&["draft", "withdraw", &id, "--reason", "They were called"]));
    assert_eq!(t.run(&["draft", "withdraw", &id, "--reason", "Again"]).code, 3);
    assert_eq!(t.ok(&["delivery", "list", "--topic", "message"]).out.trim(), "No message matches.");
}

#[test]
fn what_is_to_come_and_what_the_policy_says_of_it() {
    let t = Terminal::new();
    t.setup("lakeside");
    t.deal();
    shows!("reminders_none_yet", t.ok(&["reminder", "list"]));
    shows!("simulate", t.ok(&["simulate", "--days", "7"]));
    assert_eq!(t.ok(&["reminder", "list"]).out, t.ok(&["reminder", "list"]).out);
    assert_eq!(t.run(&["simulate", "--days", "0"]).code, 2);
    let jordan = "jordan@example.com";
    let at = ["--channel", "email", "--purpose", "transactional", "--at", "2026-12-05T23:00:00-06:00"];
    shows!("policy_at_night", t.ok(&[&["policy", "preview", jordan], &at[..]].concat()));
    shows!("contact_opt_out", t.ok(&["contact", "opt-out", jordan, "--via", "phone", "--why", "Ring me"]));
    shows!(
        "policy_opted_out",
        t.ok(&["policy", "preview", jordan, "--channel", "email", "--purpose", "outreach"])
    );
    shows!("simulate_opted_out", t.ok(&["simulate", "--days", "3"]));
    let change = ["preferences", "set", DANA, "reminder.email", "daily", "quiet", "21:00-08:00"];
    shows!("preferences", t.ok(&change));
    shows!("preferences_refused", t.run(&["preferences", "set", DANA, "reminder.email", "often"]));
    shows!("settings_delivery", t.ok(&["settings", "delivery", "set", "hold_saturdays", "yes"]));
    shows!("settings_refused", t.run(&["settings", "delivery", "set", "quiet_from", "23:00"]));
    let stages = |stages: &str| t.run(&["settings", "delivery", "set", "draft_stages", stages]);
    shows!("settings_stages", stages("any of role:owner,1 of role:owner + role:admin within 48h then expire"));
    shows!("settings_stages_refused", stages("3 of role:owner,any of role:admin then approve"));
    shows!("settings_stages_too_many", stages("3 of role:owner"));
}

#[test]
fn a_program_is_told_until_somebody_stops_it() {
    let t = Terminal::new();
    t.setup("lakeside");
    let added = t.json(&["endpoint", "add", "https://hooks.example.com/milepost", "--event", "deal.*"]);
    let (id, secret) = (text(&added["endpoint"]["id"]), text(&added["secret"]));
    assert_eq!(t.ok(&["endpoint", "secret", &id]).out.trim(), secret);
    shows!("endpoint_list", t.ok(&["endpoint", "list"]));
    let rotated = t.json(&["endpoint", "rotate", &id]);
    assert_ne!(text(&rotated["secret"]), secret);
    shows!("endpoint_disabled", t.ok(&["endpoint", "disable", &id, "--why", "Moving house"]));
    shows!("endpoint_disabled_again", t.ok(&["endpoint", "disable", &id]));
    shows!("endpoint_disabled_list", t.ok(&["endpoint", "list"]));
    shows!("endpoint_enabled", t.ok(&["endpoint", "enable", &id]));
    shows!("endpoint_refused", t.run(&["endpoint", "add", "http://10.0.0.7/x"]));
    t.ok(&["endpoint", "remove", &id]);
    assert_eq!(t.run(&["endpoint", "rotate", &id]).code, 3);
}

#[test]
fn times_are_told_in_the_zone_of_who_reads_them() {
    let t = Terminal::new();
    t.setup("lakeside");
    t.ok(&[
        "admin",
        "member",
        "add",
        "--name",
        "Lena Roth",
        "--email",
        "lena@example.com",
        "--role",
        "admin",
        "--zone",
        "Europe/Berlin",
    ]);
    let jordan = ["policy", "preview", "jordan@example.com", "--channel", "email", "--purpose", "outreach"];
    let at = |who: &[&str]| t.ok(&[who, &jordan].concat()).out;
    assert!(at(&[]).starts_with("At Fri 4 Dec 2026, 09:00 CST"), "{}", at(&[]));
    let lena = ["--as", "lena@example.com"];
    assert!(at(&lena).starts_with("At Fri 4 Dec 2026, 16:00 CET"), "{}", at(&lena));
    let json = t.json(&[&lena[..], &jordan].concat());
    assert_eq!(json["at"], "2026-12-04T15:00:00Z");
}

#[test]
fn what_the_model_may_still_cost_today_is_shown() {
    let t = Terminal::new();
    t.setup("lakeside");
    shows!("settings_no_model", t.ok(&["settings", "model"]));
    let with = |daily: &str| {
        let mut command = t.command(&["settings", "model"]);
        command.env("MILEPOST_MODEL__API_BASE", "https://models.example.com/v1");
        command.env("MILEPOST_MODEL__MODEL", "small").env("MILEPOST_MODEL__DAILY_TOKENS", daily);
        super::ran(&mut command)
    };
    shows!("settings_model", with("50000"));
    shows!("settings_model_spent", with("0"));
}
