//! Integer loops, hashing, sorting strings, floating point: each returns something that depends on all of its work.

mod sha256;

wit_bindgen::generate!({ world: "compute", path: "wit" });

struct Component;

fn next(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state
}

impl Guest for Component {
    fn noop() {}

    /// The sieve of Eratosthenes.
    fn primes(n: u32) -> u32 {
        let n = n as usize;
        let mut composite = vec![false; n + 1];
        let mut found = 0;
        for i in 2..=n {
            if !composite[i] {
                found += 1;
                (i * i..=n).step_by(i).for_each(|j| composite[j] = true);
            }
        }
        found
    }

    /// FNV-1a over a buffer, again and again.
    fn hash(rounds: u32) -> u32 {
        let buffer: Vec<u8> = (0..4096u32).map(|i| (i * 31) as u8).collect();
        let mut hash = 0x811c_9dc5u32;
        for _ in 0..rounds {
            for byte in &buffer {
                hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
            }
        }
        hash
    }

    /// SHA-256 of 32 zero bytes, then of the digest, and so on; the first word of the last.
    fn sha256(rounds: u32) -> u32 {
        (0..rounds).fold([0; 8], |digest, _| sha256::of_digest(&digest))[0]
    }

    fn sort(n: u32) -> u32 {
        let mut state = 1;
        let mut words: Vec<String> = (0..n).map(|_| format!("{:08x}", next(&mut state))).collect();
        words.sort();
        words.iter().step_by(97).map(|word| u32::from_str_radix(&word[..4], 16).unwrap_or(0)).sum()
    }

    fn matrix(n: u32) -> f64 {
        let n = n as usize;
        let a: Vec<f64> = (0..n * n).map(|i| (i % 7) as f64 + 0.5).collect();
        let mut c = vec![0.0; n * n];
        for i in 0..n {
            for k in 0..n {
                let x = a[i * n + k];
                for j in 0..n {
                    c[i * n + j] += x * a[k * n + j];
                }
            }
        }
        c.iter().sum()
    }
}

export!(Component);
