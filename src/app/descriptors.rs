use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::api::HttpSettings;

/// Files that are never left to connections: those of the store, of the log, of what guests and callers have open. Where
/// few are allowed, it is half of them.
const FILES: u64 = 4_096;

/// Allows as many open files as whoever started us lets us, and says how many; nothing where there is no bound.
pub(super) fn allow_many_files() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        // Where it stays as it is, it may be enough.
        Err(_) => current,
    }
}

/// No more connections than leave room for files: who only connects would keep everybody from opening one.
pub(super) fn fitting(mut http: HttpSettings, files: Option<u64>) -> HttpSettings {
    let Some(files) = files else { return http };
    let most = u32::try_from(files - FILES.min(files / 2)).unwrap_or(u32::MAX);
    if most < http.connections {
        tracing::warn!(
            files,
            wanted = http.connections,
            taken = most,
            "so few files may be open that fewer connections are taken than `http.connections` says; raise the limit \
             (ulimit -n, LimitNOFILE) or set it lower"
        );
        // As many of each address as before, of those that are left.
        let of_one = u64::from(http.address_connections) * u64::from(most) / u64::from(http.connections.max(1));
        http.address_connections = u32::try_from(of_one).unwrap_or(u32::MAX).max(1);
        http.connections = most;
    }
    http
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_files() {
        let fit = |files| {
            let http = fitting(HttpSettings::default(), files);
            (http.connections, http.address_connections)
        };
        assert_eq!(fit(None), (10_000, 5_000));
        assert_eq!(fit(Some(1 << 20)), (10_000, 5_000));
        assert_eq!(fit(Some(14_096)), (10_000, 5_000));
        assert_eq!(fit(Some(12_096)), (8_000, 4_000));
        assert_eq!(fit(Some(1_024)), (512, 256));
        assert_eq!(fit(Some(2)), (1, 1));
    }
}
