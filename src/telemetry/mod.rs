//! What the service says of itself in numbers, for Prometheus. Never a secret, a body or a word of a guest: labels are
//! words of ours, and their number is bounded.

mod numbers;

pub use numbers::Telemetry;
