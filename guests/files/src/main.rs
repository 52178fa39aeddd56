//! A command that works on the folders it was given.

use std::fs::{self, File};
use std::io::{self, Read, Write};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let Err(error) = act(&args) {
        eprintln!("{:?}", error.kind());
        std::process::exit(1);
    }
}

fn act(args: &[&str]) -> io::Result<()> {
    let count = |text: &str| text.parse::<usize>().map_err(io::Error::other);
    match args {
        ["ls", dir] => {
            // In the order in which the host tells them.
            for entry in fs::read_dir(dir)? {
                println!("{}", entry?.file_name().to_string_lossy());
            }
            Ok(())
        }
        ["cat", file] => {
            let mut text = Vec::new();
            File::open(file)?.read_to_end(&mut text)?;
            io::stdout().write_all(&text)
        }
        ["write", file, text] => fs::write(file, text),
        ["mkdir", dir] => fs::create_dir(dir),
        ["rm", file] => fs::remove_file(file),
        ["fill", file, bytes] => {
            let mut file = File::create(file)?;
            let block = [7; 4096];
            let mut left = count(bytes)?;
            while left > 0 {
                let size = left.min(block.len());
                file.write_all(&block[..size])?;
                left -= size;
            }
            Ok(())
        }
        ["many", dir, n] => (0..count(n)?).try_for_each(|n| File::create(format!("{dir}/{n}")).map(drop)),
        ["open", file, n] => {
            let held = (0..count(n)?).map(|_| File::open(file)).collect::<io::Result<Vec<_>>>()?;
            println!("{} open", held.len());
            Ok(())
        }
        // Work for a measurement: names and what is known of them, without a byte of content.
        ["names", dir, rounds] => {
            for round in 0..count(rounds)? {
                let (inner, file) = (format!("{dir}/d{round}"), format!("{dir}/d{round}/f"));
                fs::create_dir(&inner)?;
                File::create(&file)?;
                for _ in 0..4 {
                    fs::metadata(&file)?;
                    fs::metadata(&inner)?;
                }
                fs::rename(&file, format!("{inner}/g"))?;
                fs::read_dir(&inner)?.try_for_each(|entry| entry.map(drop))?;
                fs::remove_file(format!("{inner}/g"))?;
                fs::remove_dir(&inner)?;
            }
            Ok(())
        }
        // The same of blocks: written once, read twice.
        ["blocks", file, blocks] => {
            let mut block = vec![7; 64 << 10];
            let mut to = File::create(file)?;
            for _ in 0..count(blocks)? {
                to.write_all(&block)?;
            }
            for _ in 0..2 {
                let mut from = File::open(file)?;
                while from.read(&mut block)? > 0 {}
            }
            fs::remove_file(file)
        }
        ["stat", file] => {
            let meta = fs::metadata(file)?;
            let changed = meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            println!("{} bytes, file {}, changed {:?}", meta.len(), meta.is_file(), changed);
            Ok(())
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "ls, cat, write, mkdir, rm, fill, many, open, names, blocks, stat")),
    }
}
