use std::cmp::Reverse;
use std::collections::HashMap;

use super::super::record::Record;

/// How many different rows are counted before the seldom ones are dropped.
const MOST_ROWS: usize = 4096;

/// Counts by what is counted, in bounded memory: when there are too many rows, those that came least often are dropped
/// and their counts go to the others. So the sum is always right, and what is frequent stays.
pub(super) struct Tally<const N: usize> {
    rows: HashMap<Vec<String>, Counted<N>>,
    most: usize,
    dropped: Others<N>,
}

/// How often, and the newest record of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted<const N: usize> {
    pub(super) counts: [u64; N],
    pub(super) seq: u64,
    pub(super) time: String,
}

/// What is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Others<const N: usize> {
    /// How many rows; at most so many, if `missing` says that some were dropped on the way.
    pub(super) rows: u64,
    pub(super) counts: [u64; N],
    /// What a row that is shown can have lost by having been dropped before, at most.
    pub(super) missing: u64,
}

impl<const N: usize> Others<N> {
    const NONE: Self = Self { rows: 0, counts: [0; N], missing: 0 };

    fn take(&mut self, counts: &[u64; N]) {
        self.rows += 1;
        add(&mut self.counts, counts);
    }
}

fn add<const N: usize>(sum: &mut [u64; N], counts: &[u64; N]) {
    for (sum, count) in sum.iter_mut().zip(counts) {
        *sum = sum.saturating_add(*count);
    }
}

impl<const N: usize> Counted<N> {
    fn weight(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

impl<const N: usize> Tally<N> {
    pub(super) fn new() -> Self {
        Self::of(MOST_ROWS)
    }

    fn of(most: usize) -> Self {
        Self { rows: HashMap::new(), most, dropped: Others::NONE }
    }

    pub(super) fn count(&mut self, key: Vec<String>, counts: [u64; N], record: &Record<'_>) {
        self.put(key, counts, record.seq, record.time);
    }

    fn put(&mut self, key: Vec<String>, counts: [u64; N], seq: u64, time: &str) {
        let fresh = || Counted { counts: [0; N], seq, time: String::new() };
        let row = self.rows.entry(key).or_insert_with(fresh);
        add(&mut row.counts, &counts);
        row.seq = seq;
        row.time.clear();
        row.time.push_str(time);
        if self.rows.len() > self.most.saturating_mul(2) {
            let mut all = in_order(std::mem::take(&mut self.rows));
            let seldom = all.split_off(self.most);
            self.rows = all.into_iter().collect();
            let heaviest = seldom.first().map_or(0, |(_, row)| row.weight());
            self.dropped.missing = self.dropped.missing.saturating_add(heaviest);
            seldom.iter().for_each(|(_, row)| self.dropped.take(&row.counts));
        }
    }

    /// The most frequent, and what is left.
    pub(super) fn top(self, rows: usize) -> (Vec<(Vec<String>, Counted<N>)>, Others<N>) {
        let mut all = in_order(self.rows);
        let rest = all.split_off(rows.min(all.len()));
        let mut others = self.dropped;
        rest.iter().for_each(|(_, row)| others.take(&row.counts));
        (all, others)
    }
}

/// The most frequent first; the order does not depend on the map.
fn in_order<const N: usize>(rows: HashMap<Vec<String>, Counted<N>>) -> Vec<(Vec<String>, Counted<N>)> {
    let mut all: Vec<_> = rows.into_iter().collect();
    all.sort_by(|(a_key, a), (b_key, b)| (Reverse(a.weight()), a_key).cmp(&(Reverse(b.weight()), b_key)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_names_pushes_out_nobody_who_came_often_and_nothing_is_lost() {
        let mut tally = Tally::<1>::of(10);
        for n in 0..1000_u64 {
            tally.put(vec![format!("hostile {n}")], [1], n, "");
            if n.is_multiple_of(4) {
                tally.put(vec!["alice".into()], [1], n, "");
            }
            assert!(tally.rows.len() <= 20);
        }
        let (top, others) = tally.top(3);
        assert_eq!((top[0].0[0].as_str(), top[0].1.counts), ("alice", [250]));
        let shown: u64 = top.iter().map(|(_, row)| row.counts[0]).sum();
        assert_eq!(shown + others.counts[0], 1250, "each record is counted once");
        assert_eq!((top.len(), others.rows), (3, 998));
        assert!(others.missing > 0, "it is told that counts can be low");
    }

    #[test]
    fn few_rows_are_exact_and_ties_have_an_order() {
        let mut tally = Tally::<2>::of(10);
        for name in ["b", "a", "c", "a"] {
            tally.put(vec![name.into()], [1, 2], 7, "t");
        }
        let (top, others) = tally.top(2);
        let names: Vec<_> = top.iter().map(|(key, row)| (key[0].as_str(), row.counts)).collect();
        assert_eq!(names, [("a", [2, 4]), ("b", [1, 2])]);
        assert_eq!(others, Others { rows: 1, counts: [1, 2], missing: 0 });
    }
}
