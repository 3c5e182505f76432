//! The official conformance suite, let loose on a server of ours.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;

use crate::Clients;

const SUITE: &str = "node_modules/@modelcontextprotocol/conformance/dist/index.js";

/// What the suite makes of a server.
pub struct Verdict {
    /// Whether the suite says that all is well.
    pub passed: bool,
    /// What it found wrong, failures and warnings alike: the sentences by `<scenario>:<check>`.
    pub faults: BTreeMap<String, String>,
    /// How many checks went well.
    pub well: usize,
    said: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    id: String,
    status: String,
    error_message: Option<String>,
}

impl Clients {
    /// Lets the suite judge the server at `url`; `wanted` says by what, such as `["--requirements", "2026-07-28"]`.
    pub fn conformance(&self, url: &str, wanted: &[&str]) -> Verdict {
        let results = tempfile::tempdir().unwrap();
        let mut suite = self.node();
        suite.arg(self.path(SUITE)).args(["server", "--url", url]).args(wanted);
        let ran = suite.arg("--output-dir").arg(results.path()).output().unwrap();
        let said = [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        let mut verdict = Verdict { passed: ran.status.success(), faults: BTreeMap::new(), well: 0, said };
        for folder in std::fs::read_dir(results.path()).unwrap() {
            verdict.add(&folder.unwrap().path());
        }
        verdict
    }
}

impl Verdict {
    /// Reads the results of one scenario, which lie in a folder called `server-<scenario>-2026-12-04T15-00-00-000Z`.
    fn add(&mut self, folder: &Path) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let end = name.len() - "-2026-12-04T15-00-00-000Z".len();
        let scenario = name[..end].strip_prefix("server-").unwrap();
        let checks = std::fs::read(folder.join("checks.json")).unwrap();
        for check in serde_json::from_slice::<Vec<Check>>(&checks).unwrap() {
            match check.status.as_str() {
                "SUCCESS" => self.well += 1,
                "FAILURE" | "WARNING" => {
                    let sentence = check.error_message.unwrap_or_default();
                    self.faults.insert(format!("{scenario}:{}", check.id), sentence);
                }
                _ => {}
            }
        }
    }

    /// What differs from the baseline, a file with one `<scenario>:<check>` in a line; `None` when nothing does.
    ///
    /// The suite, given the same file, says most of it; but it tolerates an entry whose check did not run any more.
    pub fn differs(&self, baseline: &Path) -> Option<String> {
        let text = std::fs::read_to_string(baseline).unwrap();
        let known: Vec<&str> =
            text.lines().filter_map(|line| line.trim().strip_prefix("- ")).map(str::trim).collect();
        let mut told = String::new();
        for (fault, sentence) in &self.faults {
            if !known.contains(&fault.as_str()) {
                let _ = writeln!(told, "  - {fault}  (is wrong, and not in the file: {sentence})");
            }
        }
        for entry in known.iter().filter(|entry| !self.faults.contains_key(**entry)) {
            let _ = writeln!(told, "  - {entry}  (is in the file, and not wrong any more)");
        }
        (!told.is_empty()).then(|| format!("{} is not up to date:\n{told}", baseline.display()))
    }

    /// All of it, for whoever has to find out what went wrong.
    pub fn told(&self) -> String {
        let faults: String = self.faults.iter().map(|(fault, why)| format!("  {fault}: {why}\n")).collect();
        format!("{}\nWhat it found wrong:\n{faults}", self.said)
    }
}
