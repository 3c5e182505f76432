use domain::kernel::{Code, Problem, Refusal};
use jiff::civil::date;

use super::*;

#[test]
fn days_are_told_as_people_tell_them() {
    let today = date(2026, 12, 4);
    let check = |on, day_said: &str, away_said: &str| {
        assert_eq!((day(on).as_str(), away(on, today).as_str()), (day_said, away_said));
    };
    check(date(2026, 12, 4), "Fri 4 Dec 2026", "today");
    check(date(2026, 12, 5), "Sat 5 Dec 2026", "tomorrow");
    check(date(2026, 12, 3), "Thu 3 Dec 2026", "yesterday");
    check(date(2027, 1, 3), "Sun 3 Jan 2027", "in 30 days");
    check(date(2026, 2, 4), "Wed 4 Feb 2026", "303 days ago");
    assert_eq!(day_or_none(None), "needs a date");
}

#[test]
fn tables_line_up_whatever_is_in_them() {
    let rows = [vec!["é".to_owned(), "long cell".to_owned()], vec!["abc".to_owned(), "x".to_owned()]];
    assert_eq!(table(&["A", "B"], &rows), "A    B\né    long cell\nabc  x\n");
    assert_eq!(table(&["", ""], &rows), "é    long cell\nabc  x\n");
}

#[test]
fn a_refusal_says_what_was_wrong_and_what_is_next() {
    let one = Refusal::invalid(vec![Problem::new("title", "is empty.")]);
    assert_eq!(refusal(&one), "title: is empty. Nothing was changed.\nCorrect the named fields and try again.");
    let two = Refusal::invalid(vec![Problem::new("title", "is empty."), Problem::new("state", "is no state.")]);
    assert_eq!(
        refusal(&two),
        "Nothing was changed.\n  title: is empty.\n  state: is no state.\nCorrect the named fields and try again."
    );
    let stale = Refusal::new(Code::Stale, "It changed.", "Read it again.");
    assert_eq!(refusal(&stale), "It changed.\nRead it again.");
}

#[test]
fn sentences_begin_with_a_capital_and_end_with_a_stop() {
    assert_eq!(sentence("the disk is full"), "The disk is full.");
    assert_eq!(sentence("Why?"), "Why?");
}

#[test]
fn a_shell_takes_the_connecting_line_as_it_is() {
    let local =
        serde_json::json!({ "command": "/opt/my apps/milepost", "args": ["--data", "/srv/o'brien", "mcp"] });
    assert_eq!(
        mcp::claude_add(&local),
        r"claude mcp add milepost -- '/opt/my apps/milepost' --data '/srv/o'\''brien' mcp"
    );
    let remote =
        serde_json::json!({ "url": "http://h:1/mcp", "headers": { "Authorization": "Bearer milep_mcp_x" } });
    assert_eq!(
        mcp::claude_add(&remote),
        "claude mcp add --transport http milepost http://h:1/mcp --header 'Authorization: Bearer milep_mcp_x'"
    );
}
