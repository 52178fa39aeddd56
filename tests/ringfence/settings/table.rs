//! Each key with three values that differ, and the test that fails when the service ignores it.

use super::{audit, engine, http, identity, runs, served};
use crate::service::{bodies, storage};

pub struct Row {
    pub key: &'static str,
    /// As TOML, the environment and a flag would each say it.
    pub values: [&'static str; 3],
    /// A test of this binary.
    #[expect(dead_code, reason = "that it is there is what matters: without it this does not compile")]
    pub shown_by: fn(),
}

const fn row(key: &'static str, values: [&'static str; 3], shown_by: fn()) -> Row {
    Row { key, values, shown_by }
}

pub const ROWS: &[Row] = &[
    row("data_dir", ["'/a'", "/b", "/c"], served::data_dir_is_where_the_store_is),
    row("log.filter", ["'warn'", "debug", "error"], served::log_filter_says_what_is_told),
    row("log.json", ["true", "false", "true"], served::log_json_makes_each_line_an_object),
    row("http.listen", ["'127.0.0.1:1'", "127.0.0.1:2", "127.0.0.1:3"], served::http_listen_is_where_it_is_reached),
    row("http.allow_plain_http", ["true", "false", "true"], http::allow_plain_http_opens_other_addresses),
    row("http.hosts", ["['a', 'b']", "c, d", "[\"e\"]"], http::hosts_are_names_that_are_answered),
    row("http.connections", ["1", "2", "3"], http::connections_beyond_the_number_wait),
    row("http.requests", ["1", "2", "3"], http::requests_beyond_the_number_are_told_to_come_again),
    row("http.header_bytes", ["10000", "20KiB", "30000"], http::header_bytes_bound_a_head),
    row("http.headers", ["8", "9", "10"], http::headers_are_counted),
    row("http.header_ms", ["10", "11", "12"], http::header_ms_ends_the_wait_for_a_head),
    row("http.body_bytes", ["1", "2KiB", "3"], http::body_bytes_bound_a_document),
    row("http.upload_bytes", ["1", "2KiB", "3"], http::upload_bytes_bound_an_upload),
    row("http.stall_ms", ["10", "11", "12"], http::stall_ms_ends_the_wait_for_more_of_a_body),
    row("http.body_ms", ["10", "11", "12"], http::body_ms_ends_the_wait_for_a_whole_body),
    row("http.write_ms", ["10", "11", "12"], http::write_ms_ends_the_wait_for_a_reader),
    row("http.bodies_bytes", ["2000000", "2MiB", "3MiB"], bodies::components_that_come_at_once_share_a_budget),
    row("http.tenant_bodies_bytes", ["2000000", "2MiB", "3MiB"], bodies::components_that_come_at_once_share_a_budget),
    row("http.page", ["1", "2", "3"], http::page_is_the_most_of_a_list),
    row("http.streams", ["1", "2", "3"], http::streams_beyond_the_number_are_told_to_come_again),
    row("tls.cert_file", ["'a'", "b", "c"], http::tls_files_are_what_is_shown_to_callers),
    row("tls.key_file", ["'a'", "b", "c"], http::tls_files_are_what_is_shown_to_callers),
    row("tls.self_made", ["true", "false", "true"], http::tls_self_made_is_known_by_its_file),
    row("runs.concurrent_runs", ["1", "2", "3"], runs::concurrent_runs_are_the_most_at_one_time),
    row("runs.history_seconds", ["1", "2", "3"], runs::history_seconds_let_go_of_runs),
    row("runs.history_bytes", ["1", "2KiB", "3"], storage::the_history_of_a_tenant_is_bounded_and_the_oldest_go_first),
    row("runs.history_runs", ["1", "2", "3"], storage::the_history_of_a_tenant_is_bounded_and_the_oldest_go_first),
    row("runs.retry_seconds", ["1", "2", "3"], runs::retry_seconds_let_go_of_keys),
    row("runs.grace_ms", ["1", "2", "3"], runs::grace_ms_ends_what_runs_when_the_service_stops),
    row("runs.sweep_seconds", ["1", "2", "3"], runs::sweep_seconds_say_how_soon_storage_is_given_back),
    row("engine.cache", ["true", "false", "true"], engine::cache_can_be_done_without),
    row("engine.cache_dir", ["'a'", "b", "c"], engine::cache_dir_is_where_code_is_kept),
    row("engine.cache_bytes", ["1", "2KiB", "3"], engine::cache_bytes_bound_the_code_that_is_kept),
    row("engine.module_bytes", ["1", "2KiB", "3"], engine::module_bytes_bound_a_program),
    row("engine.compile_deadline_ms", ["1", "2", "3"], engine::compile_deadline_ms_ends_a_compilation),
    row(
        "engine.compile_memory_bytes",
        ["'1GiB'", "2GiB", "3000000000"],
        engine::compile_memory_bytes_bound_a_compilation,
    ),
    row("engine.disk_reserve_bytes", ["1", "2KiB", "3"], engine::disk_reserve_bytes_are_left_to_the_host),
    row("audit.dir", ["'/a'", "/b", "/c"], audit::dir_key_file_and_origin_are_those_of_the_log),
    row("audit.key_file", ["'/a'", "/b", "/c"], audit::dir_key_file_and_origin_are_those_of_the_log),
    row("audit.origin", ["'a/x'", "b/x", "c/x"], audit::dir_key_file_and_origin_are_those_of_the_log),
    row("audit.checkpoint_seconds", ["1", "2", "3"], audit::checkpoint_seconds_are_how_long_a_record_waits),
    row("audit.retention_days", ["1", "2", "3"], audit::retention_days_let_old_segments_go),
    row("audit.check_everything", ["true", "false", "true"], audit::check_everything_finds_what_is_damaged_far_back),
    row("identity.warm_credentials", ["1", "2", "3"], identity::warm_credentials_are_the_most_that_are_kept_at_hand),
    row("identity.guesses.failures_per_source", ["1", "2", "3"], identity::failures_per_source_shut_a_source_out),
    row("identity.guesses.failures_per_prefix", ["1", "2", "3"], identity::failures_per_prefix_shut_a_key_out),
    row("identity.guesses.window_s", ["1", "2", "3"], identity::window_s_is_how_long_a_source_is_shut_out),
    row("identity.guesses.tracked", ["100", "101", "102"], identity::tracked_is_how_many_are_remembered),
    row(
        "identity.guesses.never_limited",
        ["['10.0.0.0/8']", "10.0.0.0/9,::1/128", "[\"10.0.0.0/10\"]"],
        identity::never_limited_sources_are_not_shut_out,
    ),
    row("identity.tokens.default_ttl_s", ["1", "2", "3"], identity::default_ttl_s_is_the_life_of_a_token),
    row("identity.tokens.max_ttl_s", ["901", "902", "903"], identity::max_ttl_s_is_the_longest_life_of_a_token),
    row(
        "identity.tokens.private_issuers",
        ["true", "false", "true"],
        identity::private_issuers_lead_to_private_addresses,
    ),
    row(
        "identity.tokens.issuers",
        [
            "[{ issuer = 'a', audience = 'x', algorithms = ['HS256'], keys = { secret_file = 's' }, tenant = 'main' }]",
            "[{ issuer = 'b', audience = 'x', algorithms = ['HS256'], keys = { secret_file = 's' }, tenant = 'main' }]",
            "[{ issuer = 'c', audience = 'x', algorithms = ['HS256'], keys = { secret_file = 's' }, tenant = 'main' }]",
        ],
        identity::issuers_are_believed,
    ),
];
