use rand::rngs::ChaCha12Rng;
use rand::{Rng as _, SeedableRng as _};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use super::super::meter::LimitHit;
use super::super::state::RunState;
use crate::model::LimitName;

/// Where a run's random bytes come from.
pub(in super::super) enum Randomness {
    NotGranted,
    /// The operating system, asked each time: no state that a run could leave behind.
    System,
    Seeded(Box<ChaCha12Rng>),
}

impl Randomness {
    pub(in super::super) fn seeded(seed: u64) -> Self {
        Self::Seeded(Box::new(ChaCha12Rng::seed_from_u64(seed)))
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> wasmtime::Result<()> {
        match self {
            Randomness::NotGranted => {}
            Randomness::System => {
                while !buffer.is_empty() {
                    let filled = rustix::rand::getrandom(&mut *buffer, rustix::rand::GetRandomFlags::empty())
                        .map_err(std::io::Error::from)?;
                    buffer = buffer.get_mut(filled..).unwrap_or_default();
                }
            }
            Randomness::Seeded(rng) => rng.fill_bytes(buffer),
        }
        Ok(())
    }
}

impl RunState {
    fn random_bytes(&mut self, length: u64, tried: &str) -> wasmtime::Result<Vec<u8>> {
        self.granted_randomness(tried)?;
        let value = self.meter.limits().hostcall_bytes;
        if length > value {
            return Err(wasmtime::Error::new(LimitHit { name: LimitName::HostcallBytes, value, used: length }));
        }
        self.meter.charge(length);
        let mut bytes = vec![0; usize::try_from(length)?];
        self.randomness.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn random_u64(&mut self, tried: &str) -> wasmtime::Result<u64> {
        self.granted_randomness(tried)?;
        let mut bytes = [0; 8];
        self.randomness.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn granted_randomness(&mut self, tried: &str) -> wasmtime::Result<()> {
        match self.randomness {
            Randomness::NotGranted => Err(self.deny_for_good(tried, "randomness")),
            Randomness::System | Randomness::Seeded(_) => Ok(()),
        }
    }
}

impl random::Host for RunState {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length, "wasi:random/random")
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64("wasi:random/random")
    }
}

impl insecure::Host for RunState {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length, "wasi:random/insecure")
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64("wasi:random/insecure")
    }
}

impl insecure_seed::Host for RunState {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random_u64("wasi:random/insecure-seed")?, self.random_u64("wasi:random/insecure-seed")?))
    }
}
