//! Settings.

use std::path::Path;

pub fn good(file: Option<&Path>) -> String {
    match file {
        Some(file) => format!("{} and the environment are fine.", file.display()),
        None => "There is no file of settings; the defaults and the environment are fine.".into(),
    }
}

pub fn written(file: &Path) -> String {
    format!(
        "Wrote {} with every setting at its default. Change what you need, then run: milepost config check",
        file.display()
    )
}
