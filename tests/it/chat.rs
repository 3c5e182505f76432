//! The face in chat, as the people see it who use it: a real client, against a Discord on this machine.

mod cards;
mod deals;
mod doors;
mod faults;
mod hall;
mod letters;
mod linking;
mod milestones;
mod naughty;
mod settings;
mod tenancy;
