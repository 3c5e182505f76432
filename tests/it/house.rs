//! Two promises of `docs/ARCHITECTURE.md` that a reader would otherwise have to check by hand.

use std::fs;
use std::path::{Path, PathBuf};

/// An area uses only those before it.
const AREAS: [&str; 7] = ["kernel", "workspace", "people", "delivery", "assist", "deals", "insight"];

/// Files that decide and do not store, besides every `rules.rs`.
const PURE: [&str; 5] = ["rules.rs", "cascade.rs", "calendar.rs", "explain.rs", "canonical.rs"];

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

fn domain() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src")
}

#[test]
fn no_area_uses_one_to_its_right() {
    let mut wrong = Vec::new();
    for (at, area) in AREAS.iter().enumerate() {
        for (path, text) in sources(&domain().join(area)) {
            for right in &AREAS[at + 1..] {
                for (n, line) in text.lines().enumerate() {
                    let code = line.split("//").next().unwrap_or_default();
                    if code.contains(&format!("crate::{right}")) {
                        wrong.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rules_know_neither_storage_nor_the_clock() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&domain()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !PURE.contains(&name) {
            continue;
        }
        for (n, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in ["diesel", "Cx<", "tokio", "::now(", "std::env", "std::fs"] {
                if code.contains(word) {
                    wrong.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_statement_goes_through_the_one_transaction_helper() {
    for (path, text) in sources(&domain()) {
        let helper = path.ends_with("kernel/db.rs");
        // A transaction of Diesel's own would see every workspace on PostgreSQL.
        assert!(helper || !text.contains(".build_transaction("), "{}", path.display());
        assert!(helper || !text.contains("begin_transaction"), "{}", path.display());
    }
}
