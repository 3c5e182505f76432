//! What of the agents' server there is: sets of tools, as an upper bound that no client can loosen.

use std::collections::BTreeSet;
use std::fmt;

use domain::kernel::shape::closest;
use serde::Deserialize;

/// Tools that belong to one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Toolset {
    /// What needs attention, what changed, and where something is.
    Overview,
    /// Deals and their key dates.
    Deals,
    Milestones,
    /// Letters that are proposed, what waits for people, and what left.
    Letters,
    /// What is seldom needed: taking things away, putting them off, looking ahead.
    Upkeep,
}

impl Toolset {
    pub const ALL: [Self; 5] = [Self::Overview, Self::Deals, Self::Milestones, Self::Letters, Self::Upkeep];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Deals => "deals",
            Self::Milestones => "milestones",
            Self::Letters => "letters",
            Self::Upkeep => "upkeep",
        }
    }
}

impl fmt::Display for Toolset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sets that are there when nothing is said: what an agent's day takes, and few enough that a model keeps them apart.
const USUAL: [Toolset; 4] = [Toolset::Overview, Toolset::Deals, Toolset::Milestones, Toolset::Letters];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agents {
    /// Names of toolsets, `default` or `all`. The default ones when empty.
    pub toolsets: Vec<String>,
    /// Only tools that read.
    pub read_only: bool,
}

/// Which toolsets are switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolsets(BTreeSet<Toolset>);

impl Default for Toolsets {
    fn default() -> Self {
        Self(USUAL.into())
    }
}

impl Toolsets {
    pub fn all() -> Self {
        Self(Toolset::ALL.into())
    }

    /// Reads names; the error is a sentence for each that is none. Nothing is guessed: a bound that was misspelt would be
    /// none.
    pub fn read<S: AsRef<str>>(names: &[S]) -> Result<Self, Vec<String>> {
        let (mut sets, mut wrong) = (BTreeSet::new(), Vec::new());
        for name in names {
            match name.as_ref() {
                "default" => sets.extend(USUAL),
                "all" => sets.extend(Toolset::ALL),
                name => match Toolset::ALL.into_iter().find(|set| set.as_str() == name) {
                    Some(set) => sets.extend([set]),
                    None => wrong.push(unknown(name)),
                },
            }
        }
        match (wrong.is_empty(), sets.is_empty()) {
            (false, _) => Err(wrong),
            (true, true) => Ok(Self::default()),
            (true, false) => Ok(Self(sets)),
        }
    }

    pub fn has(&self, set: Toolset) -> bool {
        self.0.contains(&set)
    }

    pub fn iter(&self) -> impl Iterator<Item = Toolset> + '_ {
        self.0.iter().copied()
    }
}

fn unknown(name: &str) -> String {
    let known = || ["default", "all"].into_iter().chain(Toolset::ALL.iter().map(|set| set.as_str()));
    let all: Vec<&str> = known().collect();
    let near = closest(name, known()).map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
    format!("There is no toolset {:?}; there are {}.{near}", name, all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_is_named_with_the_nearest_and_nothing_is_guessed() {
        let wrong = Toolsets::read(&["deals", "overveiw", "x"]).unwrap_err();
        assert_eq!(wrong.len(), 2);
        assert!(
            wrong[0].starts_with("There is no toolset \"overveiw\"")
                && wrong[0].ends_with("Did you mean overview?")
        );
        assert_eq!(Toolsets::read::<&str>(&[]).unwrap(), Toolsets::default());
        let some = Toolsets::read(&["deals", "upkeep"]).unwrap();
        assert_eq!(some.iter().collect::<Vec<_>>(), [Toolset::Deals, Toolset::Upkeep]);
        assert_eq!(Toolsets::read(&["default", "upkeep"]).unwrap(), Toolsets::all());
    }
}
