//! Each kind of work is a function of its own in both worlds: within `main` all five would share its registers, and what the
//! engine looks at in each turn of a loop would be in memory.

use std::fs;
use std::io::Result;
use std::path::Path;

use super::sha256;

/// A number that looks like chance and is the same everywhere.
fn next(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state
}

/// A seed that `next` can start from, and the mixing of a number into what all comes to.
fn start(seed: u32) -> u32 {
    seed.wrapping_mul(0x9e37_79b9) | 1
}

fn mix(sum: u64, value: u64) -> u64 {
    (sum ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
}

/// How long the way of each number to one is (halve it, or three times it and one): branches, shifts and additions.
#[inline(never)]
pub fn integer(size: u32, seed: u32) -> u64 {
    let first = u64::from(start(seed)) >> 8;
    (first..first + u64::from(size)).fold(0, |sum, from| {
        let (mut n, mut steps) = (from.max(1), 0u64);
        while n != 1 {
            n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
            steps += 1;
        }
        mix(sum, steps)
    })
}

/// Five bodies that draw each other, so many steps: products, roots and quotients.
#[inline(never)]
pub fn float(size: u32, seed: u32) -> u64 {
    let mut state = start(seed);
    let mut chance = || f64::from(next(&mut state) >> 8) / f64::from(1 << 24);
    let mut bodies: [Body; 5] = std::array::from_fn(|_| Body {
        place: [chance() * 10.0, chance() * 10.0, chance() * 10.0],
        speed: [chance() - 0.5, chance() - 0.5, chance() - 0.5],
        mass: chance() + 0.1,
    });
    for _ in 0..size {
        step(&mut bodies, 0.001);
    }
    bodies.iter().flat_map(|body| body.place).fold(0, |sum, x| mix(sum, x.to_bits()))
}

struct Body {
    place: [f64; 3],
    speed: [f64; 3],
    mass: f64,
}

fn step(bodies: &mut [Body; 5], time: f64) {
    for i in 0..bodies.len() {
        let (before, after) = bodies.split_at_mut(i + 1);
        let one = &mut before[i];
        for other in after {
            let away: [f64; 3] = std::array::from_fn(|axis| one.place[axis] - other.place[axis]);
            let square = away.iter().map(|x| x * x).sum::<f64>() + 0.01;
            let pull = time / (square * square.sqrt());
            for axis in 0..3 {
                one.speed[axis] -= away[axis] * other.mass * pull;
                other.speed[axis] += away[axis] * one.mass * pull;
            }
        }
    }
    for body in bodies {
        for axis in 0..3 {
            body.place[axis] += body.speed[axis] * time;
        }
    }
}

/// So many words, put in order: memory that is taken and given back, and comparisons of text.
#[inline(never)]
pub fn sort(size: u32, seed: u32) -> u64 {
    let mut state = start(seed);
    let mut words: Vec<String> = (0..size).map(|_| format!("{:08x}-word", next(&mut state))).collect();
    words.sort();
    words.iter().step_by(97).flat_map(|word| word.bytes()).fold(0, |sum, byte| mix(sum, byte.into()))
}

/// SHA-256 of so many blocks of 64 KiB, each after the digest of the one before.
#[inline(never)]
pub fn hash(size: u32, seed: u32) -> u64 {
    let mut state = start(seed);
    let mut block: Vec<u8> = (0..64 << 10).map(|_| next(&mut state) as u8).collect();
    for _ in 0..size {
        let digest = sha256::of(&block);
        block[..digest.len()].copy_from_slice(&digest);
    }
    block[..32].iter().fold(0, |sum, byte| mix(sum, (*byte).into()))
}

/// So many files of 16 KiB: written, listed, renamed, read and removed.
#[inline(never)]
pub fn files(size: u32, seed: u32, folder: &Path) -> Result<u64> {
    let mut state = start(seed);
    let mut content: Vec<u8> = (0..16 << 10).map(|_| next(&mut state) as u8).collect();
    for n in 0..size {
        content[..4].copy_from_slice(&n.to_le_bytes());
        fs::write(folder.join(format!("new-{n}")), &content)?;
    }
    let mut names: Vec<_> = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_>>()?;
    names.sort();
    let mut sum = names.len() as u64;
    for n in 0..size {
        let (new, old) = (folder.join(format!("new-{n}")), folder.join(format!("old-{n}")));
        fs::rename(&new, &old)?;
        sum = fs::read(&old)?.iter().step_by(64).fold(sum, |sum, byte| mix(sum, (*byte).into()));
        fs::remove_file(&old)?;
    }
    Ok(sum)
}
