use serde::Serialize;

/// What samples come to. There is always one at least.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stats {
    pub n: usize,
    pub least: f64,
    pub p50: f64,
    pub p95: f64,
}

impl Stats {
    /// `None`: there are no samples.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        // The nearest rank: a sample that there was.
        let at = |percent: usize| sorted.get((n * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Self { n, least: at(0)?, p50: at(50)?, p95: at(95)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_by_their_rank() {
        let samples: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(Stats::of(&samples), Some(Stats { n: 20, least: 1.0, p50: 10.0, p95: 19.0 }));
        assert_eq!(Stats::of(&[7.0]), Some(Stats { n: 1, least: 7.0, p50: 7.0, p95: 7.0 }));
        assert_eq!(Stats::of(&[]), None);
    }
}
