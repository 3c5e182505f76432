//! The schema.

use super::count;

pub fn applied(names: &[String]) -> String {
    if names.is_empty() {
        return "The database is at this version's schema.".into();
    }
    format!("Applied {}. The database is at this version's schema.", count(names.len(), "migration"))
}

pub fn missing(names: &[String]) -> String {
    format!("{} not applied: {}. Apply with: milepost migrate", count(names.len(), "migration"), names.join(", "))
}
