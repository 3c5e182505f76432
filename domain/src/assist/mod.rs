//! Words that somebody else wrote for us, a model or a template, and what they must pass before a person sees them.

pub mod budget;
pub mod draft;
pub mod prompt;
