use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, PublicKeyData as _, date_time_ymd};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

use super::secrets;
use crate::api::{CertificateFiles, HttpSettings};

const FILE: &str = "certificate.pem";
const KEY: &str = "certificate.key";
/// Some clients believe none that lasts longer.
const DAYS: i64 = 825;
/// One that is to run out so soon is made anew at the start.
const LEFT_DAYS: i64 = 30;

/// A certificate of our own, kept in the data folder: whoever has the file knows that it is us.
#[derive(Debug)]
pub struct Certificate {
    pub files: CertificateFiles,
    /// SHA-256 of the certificate, as other programs write it.
    pub fingerprint: String,
}

/// The one that is there, or a new one where it runs out or does not name all that we are called.
pub(super) fn kept(data: &Path, http: &HttpSettings) -> anyhow::Result<Certificate> {
    let folder = secrets::folder(data)?;
    let files = CertificateFiles { cert: data.join(FILE), key: folder.join(KEY) };
    let key = key(&folder)?;
    let about = About { key: hex(key.der_bytes()), until: day(DAYS)?, names: names(http) };
    let there =
        fs::read_to_string(&files.cert).ok().filter(|text| About::read(text).is_some_and(|it| it.serves(&about)));
    let text = match there {
        Some(text) => text,
        None => {
            let text = about.certificate(&key).context("tls.self_made")?;
            secrets::write(data, FILE, text.as_bytes(), 0o644)?;
            text
        }
    };
    let cert = CertificateDer::from_pem_slice(text.as_bytes());
    let cert = cert.with_context(|| format!("{}; remove it, and another is made", files.cert.display()))?;
    Ok(Certificate { fingerprint: hex(&cert), files })
}

/// Made once: a certificate with more names has the same key.
fn key(folder: &Path) -> anyhow::Result<KeyPair> {
    let path = folder.join(KEY);
    match fs::read_to_string(&path).map(zeroize::Zeroizing::new) {
        Ok(text) => {
            KeyPair::from_pem(&text).with_context(|| format!("{}; remove it, and another is made", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = KeyPair::generate()?;
            let text = zeroize::Zeroizing::new(key.serialize_pem());
            secrets::write(folder, KEY, text.as_bytes(), 0o600)?;
            Ok(key)
        }
        Err(error) => bail!("{}: {error}", path.display()),
    }
}

/// What a certificate is for; written above it in its file, for people and for the next start.
struct About {
    key: String,
    until: Date,
    names: BTreeSet<String>,
}

impl About {
    fn read(text: &str) -> Option<Self> {
        let said = |what: &str| text.lines().find_map(|line| line.strip_prefix(what));
        let names = said("Names: ")?.split_whitespace().map(str::to_owned).collect();
        Some(Self { key: said("Key: ")?.to_owned(), until: said("Until: ")?.parse().ok()?, names })
    }

    fn serves(&self, wanted: &Self) -> bool {
        let fresh = day(LEFT_DAYS).is_ok_and(|soon| self.until > soon);
        fresh && self.key == wanted.key && self.names.is_superset(&wanted.names)
    }

    fn certificate(&self, key: &KeyPair) -> anyhow::Result<String> {
        let mut params = CertificateParams::new(self.names.iter().cloned().collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, "ringfence, made by itself");
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let midnight = |day: Date| {
            anyhow::Ok(date_time_ymd(i32::from(day.year()), u8::try_from(day.month())?, u8::try_from(day.day())?))
        };
        // Clocks of clients may be behind.
        params.not_before = midnight(day(-2)?)?;
        params.not_after = midnight(self.until)?;
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let pem = params.self_signed(key)?.pem();
        Ok(format!("Key: {}\nUntil: {}\nNames: {}\n{pem}", self.key, self.until, names.join(" ")))
    }
}

fn day(from_now: i64) -> anyhow::Result<Date> {
    Ok(Timestamp::now().to_zoned(TimeZone::UTC).date().checked_add(from_now.days())?)
}

/// What clients may call us: this machine by itself, the address that is listened on or all there are, the host, and what is
/// listed.
fn names(http: &HttpSettings) -> BTreeSet<String> {
    let mut addresses = BTreeSet::from([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    match http.listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => addresses.extend(v4(&read("/proc/net/fib_trie"))),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            addresses.extend(v4(&read("/proc/net/fib_trie")));
            addresses.extend(v6(&read("/proc/net/if_inet6")));
        }
        one => addresses.extend([one]),
    }
    let mut names: BTreeSet<String> = addresses.iter().map(IpAddr::to_string).collect();
    names.insert("localhost".to_owned());
    let host = read("/proc/sys/kernel/hostname");
    names.extend(http.hosts.iter().map(String::as_str).chain([host.trim()]).map(str::to_ascii_lowercase));
    names.retain(|name| !name.is_empty());
    names
}

/// The addresses of this machine in the kernel's table of routes.
fn v4(table: &str) -> Vec<IpAddr> {
    let mut lines = table.lines().map(str::trim).peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some(address) = line.strip_prefix("|-- ") else { continue };
        while let Some(kind) = lines.next_if(|line| line.starts_with('/')) {
            if kind == "/32 host LOCAL" {
                found.extend(address.parse::<IpAddr>());
            }
        }
    }
    found
}

/// Those of version 6 but for such as mean something on one link alone.
fn v6(table: &str) -> Vec<IpAddr> {
    let digits = table.lines().filter_map(|line| line.split_whitespace().next());
    let all = digits.filter_map(|digits| u128::from_str_radix(digits, 16).ok()).map(Ipv6Addr::from);
    all.filter(|address| !address.is_unicast_link_local()).map(IpAddr::V6).collect()
}

/// As `openssl x509 -fingerprint -sha256` writes it.
fn hex(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    sum.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_machine_are_found_in_what_the_kernel_tells() {
        let routes = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 127.0.0.0\n        /8 host \
                      LOCAL\n     |-- 192.0.2.2\n        /32 link UNICAST\n        /32 host LOCAL\n     |-- 192.0.2.255\n        \
                      /32 link BROADCAST\n";
        assert_eq!(v4(routes), ["192.0.2.2".parse::<IpAddr>().unwrap()]);
        let addresses = "fd000000000000000000000000000002 04 40 00 82     eth0\n\
                         fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n";
        assert_eq!(v6(addresses), ["fd00::2".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn another_is_made_for_more_names_another_key_and_before_it_runs_out() {
        let about = |key: &str, days, names: &[&str]| About {
            key: key.to_owned(),
            until: day(days).unwrap(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let wanted = about("k", DAYS, &["a", "b"]);
        assert!(about("k", LEFT_DAYS + 1, &["a", "b", "c"]).serves(&wanted));
        assert!(!about("k", LEFT_DAYS - 1, &["a", "b"]).serves(&wanted));
        assert!(!about("k", DAYS, &["a"]).serves(&wanted));
        assert!(!about("other", DAYS, &["a", "b"]).serves(&wanted));
    }
}
