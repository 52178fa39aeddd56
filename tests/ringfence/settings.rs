//! Every setting of the service: where it comes from, and what it changes.

mod alerts;
mod audit;
mod backends;
mod docker;
mod engine;
mod forwarding;
mod http;
mod identity;
mod runs;
mod served;
mod sources;
mod table;
