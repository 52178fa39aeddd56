//! Ringfence runs code that nobody has read yet: each run in a fresh instance, with a budget that it cannot exceed
//! and only the capabilities that it was granted. The areas, in reading order:

pub mod model;

pub mod authz;
pub mod fs_policy;

pub mod audit;
pub mod egress;
pub mod engine;
pub mod identity;
pub mod runtimes;
pub mod telemetry;
pub mod workspace;

pub mod backends;
pub mod bench;
pub mod registry;
pub mod sandbox;

pub mod api;
pub mod client;

pub mod config;
pub mod store;

pub mod app;
pub mod cli;
