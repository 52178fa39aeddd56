//! Archives written by hand, so that they can lie, and a receiver that notes what it is told.

use std::convert::Infallible;
use std::io::{Cursor, Read, Write};

use ringfence::workspace::archive::{ArchiveError, Bounds, Receiver, Summary, read_tar, read_zip};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Folder(String),
    File(String, bool, Vec<u8>),
    Link(String, String),
}

pub fn folder(path: &str) -> Seen {
    Seen::Folder(path.into())
}

pub fn file(path: &str, content: &[u8]) -> Seen {
    Seen::File(path.into(), false, content.into())
}

pub fn link(path: &str, target: &str) -> Seen {
    Seen::Link(path.into(), target.into())
}

/// Notes everything and ignores failing content, as a careless receiver would.
#[derive(Debug, Default)]
pub struct Notes {
    pub seen: Vec<Seen>,
    pub bytes: u64,
}

impl Receiver for Notes {
    type Error = Infallible;

    fn folder(&mut self, path: &str) -> Result<(), Infallible> {
        self.seen.push(folder(path));
        Ok(())
    }

    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), Infallible> {
        let mut bytes = Vec::new();
        let _ = content.read_to_end(&mut bytes);
        self.bytes += bytes.len() as u64;
        self.seen.push(Seen::File(path.into(), executable, bytes));
        Ok(())
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), Infallible> {
        self.seen.push(link(path, target));
        Ok(())
    }
}

pub type Outcome = Result<Summary, ArchiveError<Infallible>>;

pub fn tar_with(bytes: &[u8], bounds: &Bounds) -> (Notes, Outcome) {
    let mut notes = Notes::default();
    let outcome = read_tar(bytes, bounds, &mut notes);
    (notes, outcome)
}

pub fn zip_with(bytes: &[u8], bounds: &Bounds) -> (Notes, Outcome) {
    let mut notes = Notes::default();
    let outcome = read_zip(Cursor::new(bytes), bounds, &mut notes);
    (notes, outcome)
}

pub fn untar(bytes: &[u8]) -> (Notes, Outcome) {
    tar_with(bytes, &Bounds::ordinary())
}

pub fn unzip(bytes: &[u8]) -> (Notes, Outcome) {
    zip_with(bytes, &Bounds::ordinary())
}

/// The code and the message of a refusal, with a check that the message names the entry.
#[track_caller]
pub fn refused((_, outcome): (Notes, Outcome), code: &str, entry: &str) -> String {
    let error = outcome.expect_err("must be refused");
    assert_eq!(error.code(), code, "{error}");
    let message = error.to_string();
    assert!(message.contains(entry), "{message} does not name {entry}");
    assert!(!message.chars().any(char::is_control), "{message:?}");
    message
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A tar under construction.
#[derive(Default, Clone)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    pub fn header(mut self, name: &[u8], kind: u8, target: &[u8], size: u64) -> Self {
        let mut block = [0u8; 512];
        let put = |block: &mut [u8; 512], at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(&mut block, 0, name);
        put(&mut block, 100, b"0000644\0");
        put(&mut block, 108, b"0000000\0");
        put(&mut block, 116, b"0000000\0");
        put(&mut block, 124, format!("{size:011o}\0").as_bytes());
        put(&mut block, 136, b"00000000000\0");
        block[156] = kind;
        put(&mut block, 157, target);
        put(&mut block, 257, b"ustar\x0000");
        self.0.extend(sealed(block));
        self
    }

    pub fn data(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn entry(self, name: &[u8], kind: u8, bytes: &[u8]) -> Self {
        self.header(name, kind, b"", bytes.len() as u64).data(bytes)
    }

    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.entry(name.as_bytes(), b'0', bytes)
    }

    pub fn link(self, name: &str, target: &str) -> Self {
        self.header(name.as_bytes(), b'2', target.as_bytes(), 0)
    }

    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let data: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.entry(b"pax", b'x', &data)
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

pub fn sealed(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length += 1;
    }
    [length.to_string().as_bytes(), &rest].concat()
}

/// One entry of a zip, with what its two headers say.
#[derive(Clone)]
pub struct Member {
    pub name: Vec<u8>,
    pub local_name: Vec<u8>,
    pub data: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub local_method: u16,
    pub crc: u32,
    pub compressed: u32,
    pub size: u32,
    pub local_size: u32,
    pub mode: u32,
    /// Where the directory says the local header is, if not where it is.
    pub offset: Option<u32>,
    pub comment: Vec<u8>,
}

impl Member {
    pub fn stored(name: &[u8], content: &[u8]) -> Self {
        let size = content.len() as u32;
        Member {
            name: name.into(),
            local_name: name.into(),
            data: content.into(),
            flags: 0,
            method: 0,
            local_method: 0,
            crc: crc32(content),
            compressed: size,
            size,
            local_size: size,
            mode: 0o100_644,
            offset: None,
            comment: Vec::new(),
        }
    }

    pub fn deflated(name: &[u8], content: &[u8]) -> Self {
        let data = deflate(content);
        let compressed = data.len() as u32;
        Member { data, compressed, method: 8, local_method: 8, ..Member::stored(name, content) }
    }

    pub fn link(name: &str, target: &[u8]) -> Self {
        Member::stored(name.as_bytes(), target).mode(0o120_777)
    }

    pub fn mode(self, mode: u32) -> Self {
        Member { mode, ..self }
    }
}

pub fn zip(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let at = bytes.len() as u32;
        let common = |method: u16, size: u32| {
            let mut common = Vec::new();
            common.extend(member.flags.to_le_bytes());
            common.extend(method.to_le_bytes());
            common.extend([0, 0, 0x21, 0]);
            common.extend(member.crc.to_le_bytes());
            common.extend(member.compressed.to_le_bytes());
            common.extend(size.to_le_bytes());
            common
        };
        bytes.extend(b"PK\x03\x04\x14\0");
        bytes.extend(common(member.local_method, member.local_size));
        bytes.extend((member.local_name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(&member.local_name);
        bytes.extend(&member.data);

        directory.extend(b"PK\x01\x02\x14\x03\x14\0");
        directory.extend(common(member.method, member.size));
        directory.extend((member.name.len() as u16).to_le_bytes());
        directory.extend([0, 0]);
        directory.extend((member.comment.len() as u16).to_le_bytes());
        directory.extend([0; 4]);
        directory.extend((member.mode << 16).to_le_bytes());
        directory.extend(member.offset.unwrap_or(at).to_le_bytes());
        directory.extend(&member.name);
        directory.extend(&member.comment);
    }
    let start = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(end_record(members.len() as u16, directory.len() as u32, start));
    bytes
}

pub fn end_record(entries: u16, size: u32, start: u32) -> Vec<u8> {
    let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
    end.extend(entries.to_le_bytes());
    end.extend(entries.to_le_bytes());
    end.extend(size.to_le_bytes());
    end.extend(start.to_le_bytes());
    end.extend([0, 0]);
    end
}
