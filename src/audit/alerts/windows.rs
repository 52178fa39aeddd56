use std::collections::HashMap;

/// Parts of a window that are counted apart. The newest is not over yet, so with one more the rest is a whole window.
const PARTS: u64 = 8;
const COUNTED: usize = 9;

/// Who is counted: a digest, so that what is remembered has a fixed size whatever he is called.
pub(super) type Who = [u8; 16];

/// What happened lately, of one who is counted.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    /// The newest last.
    counts: [u32; COUNTED],
    /// Which part of all time the newest is.
    part: u64,
    quiet_until: u64,
    /// What was counted last, where the same may come twice.
    last: u64,
}

/// How often something happened, of each whom it happened to: in the last window, to an eighth of one.
///
/// Two maps as in `identity::guesses`: when the young one is full it becomes the old one, and the old one is forgotten.
pub(super) struct Windows {
    window_ms: u64,
    most: u64,
    room: usize,
    young: HashMap<Who, Window>,
    old: HashMap<Who, Window>,
}

impl Windows {
    /// `most` may happen; `subjects` are remembered.
    pub(super) fn new(window_ms: u64, most: u64, subjects: usize) -> Self {
        Self {
            window_ms: window_ms.max(1),
            most,
            room: (subjects / 2).max(1),
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    /// Counts `times` more; how many there are, where that is too many and nobody heard of it in this window. What has
    /// the same `id` as the one before it is the same; 0 is none.
    pub(super) fn count(&mut self, who: Who, time: u64, times: u64, id: u64) -> Option<u64> {
        let (part_ms, most, window_ms) = (self.window_ms.div_ceil(PARTS), self.most, self.window_ms);
        let window = self.window(who);
        window.move_to(time / part_ms);
        if id == 0 || window.last != id {
            window.last = id;
            if let Some(newest) = window.counts.last_mut() {
                *newest = newest.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
            }
        }
        let sum = window.counts.iter().map(|count| u64::from(*count)).sum();
        window.tell(time, sum, most, window_ms)
    }

    /// How much it is, where that is too much and nobody heard of it in this window. Those with less are not remembered.
    pub(super) fn measure(&mut self, who: Who, time: u64, much: u64) -> Option<u64> {
        let (part_ms, most, window_ms) = (self.window_ms.div_ceil(PARTS), self.most, self.window_ms);
        if much <= most {
            return None;
        }
        let window = self.window(who);
        window.move_to(time / part_ms);
        window.tell(time, much, most, window_ms)
    }

    /// It went well: what came before counts no more.
    pub(super) fn forgive(&mut self, who: &Who) {
        for known in [&mut self.young, &mut self.old] {
            if let Some(window) = known.get_mut(who) {
                window.counts = [0; COUNTED];
            }
        }
    }

    fn window(&mut self, who: Who) -> &mut Window {
        let known = self.young.remove(&who).or_else(|| self.old.remove(&who)).unwrap_or_default();
        if self.young.len() >= self.room {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.entry(who).or_insert(known)
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

impl Window {
    fn move_to(&mut self, part: u64) {
        // The clock was set back: what was counted lies in a time that is still to come.
        if part < self.part {
            *self = Self { last: self.last, ..Self::default() };
        }
        let gone = usize::try_from(part - self.part).unwrap_or(COUNTED).min(COUNTED);
        self.counts.rotate_left(gone);
        self.counts.iter_mut().rev().take(gone).for_each(|count| *count = 0);
        self.part = part;
    }

    fn tell(&mut self, time: u64, much: u64, most: u64, window_ms: u64) -> Option<u64> {
        if much <= most || time < self.quiet_until {
            return None;
        }
        self.quiet_until = time.saturating_add(window_ms);
        Some(much)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn who(n: u8) -> Who {
        [n; 16]
    }

    fn within(all: &[(u64, u64)], from: u64, to: u64) -> u64 {
        all.iter().filter(|(time, _)| (from..=to).contains(time)).map(|(_, times)| times).sum()
    }

    proptest! {
        /// Against a list of all that happened: never too often, never for too little, and never not at all.
        #[test]
        fn it_is_told_once_in_a_window_where_it_was_too_much_and_only_there(
            steps in proptest::collection::vec((0_u64..3_000, 1_u64..4, 0_u8..3), 1..200),
            most in 0_u64..12,
            window in 100_u64..20_000,
        ) {
            let mut windows = Windows::new(window, most, 100);
            let (mut all, mut told) = (vec![Vec::new(); 3], vec![Vec::<u64>::new(); 3]);
            let mut time = 1_000_000;
            for (step, times, of) in steps {
                time += step;
                let (all, told) = (&mut all[usize::from(of)], &mut told[usize::from(of)]);
                all.push((time, times));
                if windows.count(who(of), time, times, 0).is_some() {
                    prop_assert!(told.last().is_none_or(|last| time - last >= window), "twice in a window");
                    told.push(time);
                    let longest = window.div_ceil(PARTS) * (PARTS + 1);
                    prop_assert!(within(all, time - longest, time) > most, "for too little");
                }
                if within(all, time - window + 1, time) > most {
                    prop_assert!(told.last().is_some_and(|last| time - last < window), "nobody was told");
                }
            }
        }

        #[test]
        fn what_is_remembered_has_a_bound(all in proptest::collection::vec(any::<[u8; 16]>(), 1..500)) {
            let mut windows = Windows::new(60_000, 1, 50);
            for one in all {
                windows.count(one, 5, 1, 0);
                prop_assert!(windows.remembered() <= 50);
                prop_assert!(windows.measure(one, 5, 7).is_some() || windows.count(one, 5, 1, 0).is_none());
                prop_assert!(windows.remembered() <= 50);
            }
        }
    }

    #[test]
    fn those_are_forgotten_first_that_were_counted_the_longest_ago() {
        let mut windows = Windows::new(60_000, 2, 20);
        for n in 0..200 {
            windows.count(who(n), 5, 1, 0);
            windows.count(who(255), 5, 0, 0);
        }
        windows.count(who(255), 5, 2, 0);
        assert_eq!(windows.count(who(255), 5, 1, 0), Some(3), "it is counted all the time");
        windows.count(who(0), 5, 2, 0);
        assert_eq!(windows.count(who(0), 5, 0, 0), None, "many came since");
    }

    #[test]
    fn what_went_well_in_between_and_what_came_twice_do_not_count() {
        let mut windows = Windows::new(60_000, 2, 20);
        for (id, told) in [(1, false), (1, false), (2, false), (2, false), (3, true), (4, false)] {
            assert_eq!(windows.count(who(1), 5, 1, id).is_some(), told, "{id}");
        }
        let mut windows = Windows::new(60_000, 2, 20);
        windows.count(who(1), 5, 2, 0);
        windows.forgive(&who(1));
        assert_eq!(windows.count(who(1), 5, 2, 0), None);
        assert_eq!(windows.count(who(1), 5, 1, 0), Some(3));
    }

    #[test]
    fn a_clock_that_is_set_back_neither_hides_nor_adds_anything() {
        let mut windows = Windows::new(60_000, 2, 20);
        assert_eq!(windows.count(who(1), 900_000_000, 3, 0), Some(3));
        assert_eq!(windows.count(who(1), 5_000, 2, 0), None);
        assert_eq!(windows.count(who(1), 5_000, 1, 0), Some(3));
    }
}
