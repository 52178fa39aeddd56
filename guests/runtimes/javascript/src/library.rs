//! Doors for what would be long or slow in JavaScript: digests, compression, zones of time. They touch nothing outside.

use hmac::{Hmac, KeyInit, Mac};
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use miniz_oxide::inflate::stream::{inflate, InflateState};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use rquickjs::convert::List;
use rquickjs::{qjs, Ctx, Exception, Function, Object, TypedArray, Value};
use sha2::Digest;

/// What is unpacked grows by this, so that memory which is not there is an error and not the end.
const PIECE: usize = 64 << 10;

pub fn add_to<'js>(ctx: &Ctx<'js>, doors: &Object<'js>) -> rquickjs::Result<()> {
    doors.set("hash", Function::new(ctx.clone(), hash)?)?;
    doors.set("hmac", Function::new(ctx.clone(), hmac)?)?;
    doors.set("stretch", Function::new(ctx.clone(), stretch)?)?;
    doors.set("pack", Function::new(ctx.clone(), pack)?)?;
    doors.set("unpack", Function::new(ctx.clone(), unpack)?)?;
    doors.set("crc32", Function::new(ctx.clone(), |bytes: TypedArray<u8>, seed: u32| crc32(seen(&bytes), seed))?)?;
    doors.set("isUtf8", Function::new(ctx.clone(), |bytes: TypedArray<u8>| std::str::from_utf8(seen(&bytes)).is_ok())?)?;
    // SAFETY: it only looks at what kind of thing it is.
    doors.set("isProxy", Function::new(ctx.clone(), |value: Value<'js>| unsafe { qjs::JS_IsProxy(value.as_raw()) })?)?;
    doors.set("zone", Function::new(ctx.clone(), zone)?)?;
    doors.set("zones", Function::new(ctx.clone(), zones)?)
}

fn seen<'a>(bytes: &'a TypedArray<'_, u8>) -> &'a [u8] {
    // SAFETY: nothing of the snippet's runs while the bytes are looked at.
    unsafe { bytes.as_bytes() }.unwrap_or_default()
}

/// Does the same with each digest that there is; `null` for another name.
macro_rules! by_name {
    ($name:expr, $kind:ident => $act:expr) => {
        match $name {
            "md5" => { type $kind = md5::Md5; Some($act) }
            "sha1" => { type $kind = sha1::Sha1; Some($act) }
            "sha224" => { type $kind = sha2::Sha224; Some($act) }
            "sha256" => { type $kind = sha2::Sha256; Some($act) }
            "sha384" => { type $kind = sha2::Sha384; Some($act) }
            "sha512" => { type $kind = sha2::Sha512; Some($act) }
            _ => None,
        }
    };
}

fn hash<'js>(ctx: Ctx<'js>, name: String, bytes: TypedArray<'js, u8>) -> rquickjs::Result<Option<TypedArray<'js, u8>>> {
    let digest: Option<Vec<u8>> = by_name!(&*name, Kind => Kind::digest(seen(&bytes)).to_vec());
    digest.map(|digest| TypedArray::new(ctx, digest)).transpose()
}

fn keyed<K: Mac + KeyInit>(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    // A key may have any length.
    let mut keyed = <K as KeyInit>::new_from_slice(key).expect("a key");
    keyed.update(bytes);
    keyed.finalize().into_bytes().to_vec()
}

fn hmac<'js>(ctx: Ctx<'js>, name: String, key: TypedArray<'js, u8>, bytes: TypedArray<'js, u8>) -> rquickjs::Result<Option<TypedArray<'js, u8>>> {
    let digest = by_name!(&*name, Kind => keyed::<Hmac<Kind>>(seen(&key), seen(&bytes)));
    digest.map(|digest| TypedArray::new(ctx, digest)).transpose()
}

/// PBKDF2.
fn stretch<'js>(ctx: Ctx<'js>, name: String, secret: TypedArray<'js, u8>, salt: TypedArray<'js, u8>, rounds: u32, length: usize) -> rquickjs::Result<Option<TypedArray<'js, u8>>> {
    let mut key = Vec::new();
    let Ok(()) = key.try_reserve_exact(length) else { return Err(Exception::throw_range(&ctx, "there is no memory for a key so long")) };
    key.resize(length, 0);
    let done = by_name!(&*name, Kind => pbkdf2::pbkdf2_hmac::<Kind>(seen(&secret), seen(&salt), rounds, &mut key));
    done.map(|()| TypedArray::new(ctx, key)).transpose()
}

/// CRC-32 as gzip has it.
fn crc32(bytes: &[u8], seed: u32) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let (mut value, mut bit) = (index as u32, 0);
            while bit < 8 {
                value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    !bytes.iter().fold(!seed, |sum, byte| TABLE[usize::from(sum as u8 ^ byte)] ^ (sum >> 8))
}

fn pack<'js>(ctx: Ctx<'js>, format: String, bytes: TypedArray<'js, u8>, level: u8) -> rquickjs::Result<TypedArray<'js, u8>> {
    let bytes = seen(&bytes);
    let packed = match &*format {
        "raw" => compress_to_vec(bytes, level),
        "zlib" => compress_to_vec_zlib(bytes, level),
        _ => {
            let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
            packed.extend(compress_to_vec(bytes, level));
            packed.extend(crc32(bytes, 0).to_le_bytes());
            packed.extend((bytes.len() as u32).to_le_bytes());
            packed
        }
    };
    TypedArray::new(ctx, packed)
}

/// Where the packed bytes of a gzip member begin.
fn after_header(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    let mut at = 10;
    if flags & 4 != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += bytes.get(at..)?.iter().position(|&byte| byte == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    (at <= bytes.len()).then_some(at)
}

const SHORT: &str = "Z_BUF_ERROR: unexpected end of file";
const WRONG: &str = "Z_DATA_ERROR: incorrect data check";

/// Adds what was packed, and tells how much of the input that took.
fn unpacked(bytes: &[u8], format: DataFormat, most: usize, made: &mut Vec<u8>) -> Result<usize, &'static str> {
    let mut state = InflateState::new_boxed(format);
    let mut taken = 0;
    loop {
        let from = made.len();
        made.try_reserve(PIECE).map_err(|_| "ERR_MEMORY: there is no memory for what comes out")?;
        made.resize(from + PIECE, 0);
        let told = inflate(&mut state, &bytes[taken..], &mut made[from..], MZFlush::None);
        taken += told.bytes_consumed;
        made.truncate(from + told.bytes_written);
        if made.len() > most {
            return Err("ERR_BUFFER_TOO_LARGE: Cannot create a Buffer larger than maxOutputLength");
        }
        match told.status {
            Ok(MZStatus::StreamEnd) => return Ok(taken),
            Ok(_) if told.bytes_written > 0 || told.bytes_consumed > 0 => {}
            Ok(_) | Err(MZError::Buf) => return Err(SHORT),
            Err(_) if taken == 0 && format == DataFormat::Zlib && !bytes.is_empty() => return Err("Z_DATA_ERROR: incorrect header check"),
            Err(_) => return Err("Z_DATA_ERROR: invalid data"),
        }
    }
}

fn gunzipped(mut bytes: &[u8], most: usize, made: &mut Vec<u8>) -> Result<(), &'static str> {
    loop {
        match bytes {
            [0x1f, 0x8b, ..] => {}
            [] | [0x1f] => return Err(SHORT),
            _ => return Err("Z_DATA_ERROR: incorrect header check"),
        }
        let (begun, packed) = (made.len(), &bytes[after_header(bytes).ok_or(SHORT)?..]);
        let taken = unpacked(packed, DataFormat::Raw, most, made)?;
        let (Some(end), member) = (packed.get(taken..taken + 8), &made[begun..]) else { return Err(SHORT) };
        if end[..4] != crc32(member, 0).to_le_bytes() || end[4..] != (member.len() as u32).to_le_bytes() {
            return Err(WRONG);
        }
        bytes = &packed[taken + 8..];
        // Another member may follow; what else does is no part of it.
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return Ok(());
        }
    }
}

fn unpack<'js>(ctx: Ctx<'js>, format: String, bytes: TypedArray<'js, u8>, most: f64) -> rquickjs::Result<TypedArray<'js, u8>> {
    let (bytes, most, mut made) = (seen(&bytes), most as usize, Vec::new());
    let done = match &*format {
        "raw" => unpacked(bytes, DataFormat::Raw, most, &mut made).map(|_| ()),
        "zlib" => unpacked(bytes, DataFormat::Zlib, most, &mut made).map(|_| ()),
        _ => gunzipped(bytes, most, &mut made),
    };
    done.map_err(|words| Exception::throw_message(&ctx, words))?;
    TypedArray::new(ctx, made)
}

/// `[its own name, seconds east of Greenwich, letters]` of a zone at a time; nothing for one that there is not.
fn zone(name: String, ms: f64) -> Option<List<(String, i32, String)>> {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(&name).ok()?;
    let at = jiff::Timestamp::from_millisecond(ms as i64).ok()?;
    let info = zone.to_offset_info(at);
    Some(List((zone.iana_name()?.to_owned(), info.offset().seconds(), info.abbreviation().to_owned())))
}

fn zones() -> Vec<String> {
    jiff::tz::TimeZoneDatabase::bundled().available().map(|name| name.to_string()).filter(|name| name.contains('/')).collect()
}
