//! A command that does a little of everything a command may do, one flag each.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut rest = args.iter().map(String::as_str).peekable();
    if rest.peek().is_none_or(|first| !first.starts_with("--")) {
        println!("hello, {}", rest.next().unwrap_or("world"));
    }
    while let Some(flag) = rest.next() {
        match flag {
            "--env" => {
                let mut env: Vec<_> = std::env::vars().collect();
                env.sort();
                env.iter().for_each(|(name, value)| println!("{name}={value}"));
            }
            "--stdin" => {
                let mut text = Vec::new();
                std::io::stdin().read_to_end(&mut text).unwrap();
                std::io::stdout().write_all(&text).unwrap();
            }
            "--stderr" => eprint!("{}", rest.next().unwrap_or_default()),
            "--exit" => std::process::exit(number(rest.next()) as i32),
            "--panic" => panic!("as asked"),
            "--sleep-ms" => std::thread::sleep(Duration::from_millis(number(rest.next()))),
            "--now" => println!("{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()),
            "--random" => {
                let half = || RandomState::new().build_hasher().finish();
                println!("{:016x}{:016x}", half(), half());
            }
            "--float" => {
                let zero: f64 = args.len() as f64 - args.len() as f64;
                println!("{:016x}", (zero / zero).to_bits());
            }
            other => {
                eprintln!("what is {other}?");
                std::process::exit(2);
            }
        }
    }
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}
