//! The process dies at a named step of a write: what was committed is there, what was not is not, and the same key
//! gives one deal in the end.

use super::{CREATE, command, found_a_workspace, json_of};

#[test]
fn a_write_that_is_cut_off_is_there_whole_or_not_at_all() {
    for (step, survives) in [("write.begun", 0), ("events.appended", 0), ("commit.before", 0), ("commit.after", 1)] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        found_a_workspace(data);
        let keyed: Vec<&str> = CREATE.iter().copied().chain(["--idempotency-key", "create-oak"]).collect();
        let cut = command(data).args(&keyed).env("MILEPOST_FAILPOINT", format!("{step}=kill")).output().unwrap();
        assert!(!cut.status.success() && cut.stdout.is_empty(), "{step}: {cut:?}");
        let deals = || json_of(data, &["deal", "list", "--json"])["deals"].as_array().unwrap().len();
        assert_eq!(deals(), survives, "{step}");
        let again = command(data).args(&keyed).output().unwrap();
        assert!(again.status.success(), "{step}: {again:?}");
        assert_eq!(deals(), 1, "{step}");
        let verdict = json_of(data, &["audit", "verify", "--json"]);
        assert!(verdict.to_string().contains("\"first_break\":null"), "{step}: {verdict}");
    }
}
