//! What people outside are told when something is done, and what they are asked to prepare: drafts that a person approves.
//!
//! # Once
//! A completed milestone has one draft for each role on its notify list, ever: `follow_up:<milestone>:<role>`. Completing it
//! again changes nothing. Reopening or removing it withdraws the drafts that nobody has decided about, and takes back what
//! was approved and has not left; completing it once more lets just these wait again, under the same occasion. What has
//! left, or was rejected, stays so and is not written a second time.
//!
//! A closing week has one checklist for each client and closing date: `checklist:<deal>:<date>:<role>`. When the closing
//! moves, the undecided ones are withdrawn, and the week before the new date has its own; what was sent for the old date
//! stays sent, and the new one says the new date.
//!
//! # Who gets it
//! The deal's parties in the role, as they are when the words are written: never who a model names. An address is part of
//! what is approved: when it changes before the letter left, the letter is taken back and put up for approval once more.

pub mod card;
pub mod facts;
pub(in crate::deals) mod moved;
pub mod ops;
pub mod propose;
pub mod review;
pub mod rules;
pub mod sheet;
pub mod take_back;
mod tell;
pub mod view;
