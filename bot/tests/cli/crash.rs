//! The process dies at a named step of a write: what was committed is there, what was not is not, and the same key
//! gives one deal in the end.

use std::os::unix::process::ExitStatusExt;

use super::Terminal;

#[test]
fn a_write_that_is_cut_off_is_there_whole_or_not_at_all() {
    for (step, survives) in [("write.begun", 0), ("events.appended", 0), ("commit.before", 0), ("commit.after", 1)]
    {
        let t = Terminal::new();
        t.setup("lakeside");
        let deal = t.deal();
        let add = [
            "milestone",
            "add",
            &deal,
            "--title",
            "Proof of funds",
            "--due",
            "2026-12-10",
            "--idempotency-key",
            "k",
        ];
        let cut = t.command(&add).env("MILEPOST_FAILPOINT", format!("{step}=kill")).output().unwrap();
        assert!(cut.status.signal() == Some(9) && cut.stdout.is_empty(), "{step}: {cut:?}");
        let own = || {
            let all = t.json(&["milestone", "list", "--deal", &deal]);
            all["milestones"].as_array().unwrap().iter().filter(|m| m["type"] == "custom").count()
        };
        assert_eq!(own(), survives, "{step}");
        t.ok(&add);
        assert_eq!(own(), 1, "{step}");
        assert_eq!(t.json(&["audit", "verify"])["whole"], true, "{step}");
    }
}
