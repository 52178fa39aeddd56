//! One binary: behaviour through the public surface, a module for each area and for each set of threats.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]
#![allow(clippy::cast_possible_truncation, clippy::print_stderr, reason = "these are tests")]

mod architecture;
mod archive;
mod audit;
mod authz;
mod backends;
mod bulk;
mod cache;
mod cli;
mod cli_files;
mod cli_policy;
mod client;
mod crashes;
mod docs;
mod drafts;
mod exceptions;
mod folding;
mod fs_policy;
mod fuzz;
mod grants;
mod identity;
mod intake;
mod limits;
mod outcomes;
mod packing;
mod registry;
mod sandbox;
mod service;
mod settings;
mod snippets;
mod support;
mod threats_code;
mod threats_files;
mod threats_host;
mod threats_levels;
mod threats_places;
mod threats_spend;
mod typed_calls;
mod uploads;
mod workspaces;
mod world;
