use super::event::RECORD_BYTES;
use super::hash::TreeHash;
use super::scan::{BadRecord, Quoted, Scan};

/// One record, read. All texts are parts of the line.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub seq: u64,
    /// How many records were on disk for certain when this one was written.
    pub durable: u64,
    /// In UTC, of one length, so that times sort as texts do.
    pub time: &'a str,
    /// The hash of the record before; zeros in the first.
    pub prev: TreeHash,
    pub event: &'a str,
    pub action: Option<Quoted<'a>>,
    pub allowed: Option<bool>,
    pub reason: Option<Quoted<'a>>,
    /// A list of texts, as it stands in the line.
    pub policies: Option<&'a str>,
    pub principal: Option<Quoted<'a>>,
    pub key: Option<Quoted<'a>>,
    pub tenant: Option<Quoted<'a>>,
    pub request: Option<Quoted<'a>>,
    pub resource_kind: Option<Quoted<'a>>,
    pub resource_id: Option<Quoted<'a>>,
    /// A map, as it stands in the line.
    pub details: &'a str,
    /// Details were left out for their size.
    pub cut: bool,
}

/// All fields there are, in the order of the canonical form.
const FIELDS: [&str; 17] = [
    "action",
    "cut",
    "decision",
    "details",
    "durable",
    "event",
    "key",
    "policies",
    "prev",
    "principal",
    "reason",
    "request",
    "resource",
    "seq",
    "tenant",
    "time",
    "v",
];
const MUST: [&str; 7] = ["details", "durable", "event", "prev", "seq", "time", "v"];
pub(super) const TIME_SHAPE: &[u8; 27] = b"dddd-dd-ddTdd:dd:dd.ddddddZ";

impl<'a> Record<'a> {
    /// Reads one line without its end. Whatever is not exactly as a writer writes it is refused.
    pub fn parse(line: &'a [u8]) -> Result<Self, BadRecord> {
        if line.len() > RECORD_BYTES {
            return Err(BadRecord::TooLong);
        }
        let line = std::str::from_utf8(line).map_err(|_| BadRecord::NotUtf8)?;
        let mut record = Record {
            seq: 0,
            durable: 0,
            time: "",
            prev: TreeHash::ZERO,
            event: "",
            action: None,
            allowed: None,
            reason: None,
            policies: None,
            principal: None,
            key: None,
            tenant: None,
            request: None,
            resource_kind: None,
            resource_id: None,
            details: "{}",
            cut: false,
        };
        let mut scan = Scan::new(line);
        scan.expect(b'{')?;
        let mut next = 0;
        while scan.peek() != Some(b'}') || next == 0 {
            if next > 0 {
                scan.expect(b',')?;
            }
            let Quoted(name) = scan.text()?;
            let place = FIELDS.iter().position(|field| *field == name).ok_or(BadRecord::UnknownField)?;
            if place < next {
                return Err(if place + 1 == next { BadRecord::DuplicateField } else { BadRecord::NotCanonical });
            }
            let skipped = FIELDS.get(next..place).unwrap_or_default();
            if skipped.iter().any(|field| MUST.contains(field)) {
                return Err(BadRecord::MissingField);
            }
            next = place + 1;
            scan.expect(b':')?;
            record.take(name, &mut scan)?;
        }
        scan.expect(b'}')?;
        scan.end()?;
        if next < FIELDS.len() {
            return Err(BadRecord::MissingField);
        }
        if record.durable > record.seq {
            return Err(BadRecord::BadValue);
        }
        Ok(record)
    }

    fn take(&mut self, name: &str, scan: &mut Scan<'a>) -> Result<(), BadRecord> {
        match name {
            "action" => self.action = Some(scan.text()?),
            "cut" => {
                scan.word("true")?;
                self.cut = true;
            }
            "decision" => {
                self.allowed = match scan.text()?.raw() {
                    "allowed" => Some(true),
                    "denied" => Some(false),
                    _ => return Err(BadRecord::BadValue),
                };
            }
            "details" => {
                if scan.peek() != Some(b'{') {
                    return Err(BadRecord::BadValue);
                }
                self.details = scan.value(0)?;
            }
            "durable" => self.durable = count(scan)?,
            "event" => self.event = event(scan.text()?)?,
            "key" => self.key = Some(scan.text()?),
            "policies" => self.policies = Some(scan.texts()?),
            "prev" => self.prev = TreeHash::from_hex(scan.text()?.raw().as_bytes()).ok_or(BadRecord::BadValue)?,
            "principal" => self.principal = Some(scan.text()?),
            "reason" => self.reason = Some(scan.text()?),
            "request" => self.request = Some(scan.text()?),
            "resource" => self.resource(scan)?,
            "seq" => self.seq = count(scan)?,
            "tenant" => self.tenant = Some(scan.text()?),
            "time" => self.time = time(scan.text()?)?,
            _ => {
                if scan.number()? != 1 {
                    return Err(BadRecord::UnknownVersion);
                }
            }
        }
        Ok(())
    }

    fn resource(&mut self, scan: &mut Scan<'a>) -> Result<(), BadRecord> {
        scan.expect(b'{')?;
        for (name, end) in [("id", b','), ("kind", b'}')] {
            if scan.text()?.raw() != name {
                return Err(BadRecord::UnknownField);
            }
            scan.expect(b':')?;
            let text = Some(scan.text()?);
            scan.expect(end)?;
            if name == "id" {
                self.resource_id = text;
            } else {
                self.resource_kind = text;
            }
        }
        Ok(())
    }
}

fn count(scan: &mut Scan<'_>) -> Result<u64, BadRecord> {
    u64::try_from(scan.number()?).map_err(|_| BadRecord::BadValue)
}

fn event(text: Quoted<'_>) -> Result<&str, BadRecord> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if text.0.is_empty() || text.0.len() > 64 || !text.0.bytes().all(good) {
        return Err(BadRecord::BadValue);
    }
    Ok(text.0)
}

fn time(text: Quoted<'_>) -> Result<&str, BadRecord> {
    if is_time(text.0) { Ok(text.0) } else { Err(BadRecord::BadValue) }
}

/// `2026-11-21T14:11:18.123456Z`, with no digit more or less.
pub(super) fn is_time(text: &str) -> bool {
    let fits = |(shape, byte): (&u8, u8)| if *shape == b'd' { byte.is_ascii_digit() } else { byte == *shape };
    let within = |at: usize, most: &str| text.get(at..at + 2).is_some_and(|part| part <= most);
    text.len() == TIME_SHAPE.len()
        && TIME_SHAPE.iter().zip(text.bytes()).all(fits)
        && within(5, "12")
        && within(8, "31")
        && within(11, "23")
        && within(14, "59")
        && within(17, "59")
}

/// A number that is part of the details, by its name at the first level.
pub(super) fn detail_number(details: &str, name: &str) -> Option<u64> {
    let details: serde_json::Value = serde_json::from_str(details).ok()?;
    details.get(name)?.as_u64()
}
