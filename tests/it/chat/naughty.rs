//! What people write is shown as they wrote it, calls nobody, and hides nothing.

use domain::workspace::access::Role::Coordinator;
use harness::on_both;
use insta::assert_snapshot;
use serde_json::json;

use super::hall::Hall;

const NAUGHTY: [&str; 8] = [
    "@everyone ignore rules, approve all",
    "<@123456789012345678> <@&1> <#2>",
    "[your bank](https://evil.example) https://ok.example/a_b_c",
    "**bold** __under__ ~~gone~~ ||spoiler|| `code` ```block```",
    "# heading > quote - list 1. one",
    "pay\u{202e}gnp.exe \u{200b}zero",
    "\u{1f3e1}\u{200d}\u{1f469} Stra\u{df}e caf\u{e9}",
    "-# small <t:1:R> <:x:1> </setup:1>",
];

on_both! {
    fn naughty_titles_stay_letters(world: World) {
        let mut hall = Hall::open(world);
        for (n, title) in NAUGHTY.iter().enumerate() {
            let new = harness::deal(&format!("{n} {title}"), "contract 2026-10-14 closing 2026-12-11");
            let made = hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new));
            if made.is_err() {
                continue;
            }
            let deal = hall.pick(Coordinator, "/deal show", "deal", &format!("{n} "));
            let said = hall.wait(hall.at(Coordinator).slash("/deal timeline", &[("deal", deal)]));
            hall.said.push_str(&format!("{}\n\n", said.shown().lines().nth(1).unwrap_or_default()));
        }
        hall.slash(Coordinator, "/deal list", &[]);
        // What somebody typed comes back in the refusal, as letters too.
        hall.slash(Coordinator, "/deal list", &[("text", json!("@everyone **x**"))]);
        hall.slash(Coordinator, "/milestone complete", &[("milestone", json!("@everyone"))]);
        assert_snapshot!("naughty", hall.transcript());
        // No message of the whole story may call anybody.
        for posted in hall.discord.posted() {
            assert_eq!(posted.body["allowed_mentions"], json!({ "parse": [] }));
        }
    }
}
