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
        ["stat", file] => {
            let meta = fs::metadata(file)?;
            let changed = meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            println!("{} bytes, file {}, changed {:?}", meta.len(), meta.is_file(), changed);
            Ok(())
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "ls, cat, write, mkdir, rm, fill, many, open, stat")),
    }
}
