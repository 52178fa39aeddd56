use aho_corasick::AhoCorasick;

use super::name::Name;

/// Letters in a row that tell a pattern from most names.
const TELLING: usize = 3;
/// So few are tried one by one.
const FEW: usize = 4;

/// The patterns with wildcards below one place. What a name costs depends on the patterns that it could fit: it is looked
/// through once for the letters that each of them has, and only those found are tried.
#[derive(Debug, Default)]
pub(super) struct Globs {
    all: Vec<Glob>,
    /// Finds the letters of the patterns in `told`, in that order.
    finder: Option<AhoCorasick>,
    told: Vec<usize>,
    /// Those to try in any case.
    rest: Vec<usize>,
}

#[derive(Debug)]
struct Glob {
    name: Name,
    /// The first and the last byte of every name that fits, where there is one.
    first: Option<u8>,
    last: Option<u8>,
    child: u16,
}

impl Glob {
    fn fits(&self, name: &[u8]) -> bool {
        (self.first.is_none() || self.first == name.first().copied())
            && (self.last.is_none() || self.last == name.last().copied())
            && self.name.fits(name)
    }

    fn is_loose(&self) -> bool {
        self.name.letters().len() < TELLING && self.first.is_none() && self.last.is_none()
    }
}

impl Globs {
    /// The node that a pattern leads to; `new` if nobody had it before.
    pub(super) fn child(&mut self, name: Name, new: u16) -> u16 {
        match self.all.iter().find(|known| known.name == name) {
            Some(known) => known.child,
            None => {
                let (first, last) = name.ends();
                self.all.push(Glob { name, first, last, child: new });
                new
            }
        }
    }

    pub(super) fn children(&self) -> impl Iterator<Item = &u16> {
        self.all.iter().map(|glob| &glob.child)
    }

    /// How many would be tried for every name.
    pub(super) fn loose(&self) -> usize {
        self.all.iter().filter(|glob| glob.is_loose()).count()
    }

    /// To be called when all are known.
    pub(super) fn finish(&mut self) {
        let telling = |at: &usize| self.all.get(*at).is_some_and(|glob| glob.name.letters().len() >= TELLING);
        let (told, rest): (Vec<usize>, Vec<usize>) = (0..self.all.len()).partition(telling);
        let letters = told.iter().filter_map(|at| self.all.get(*at)).map(|glob| glob.name.letters());
        let finder = if told.len() > FEW { AhoCorasick::new(letters).ok() } else { None };
        match finder {
            Some(finder) => (self.finder, self.told, self.rest) = (Some(finder), told, rest),
            None => self.rest = (0..self.all.len()).collect(),
        }
    }

    pub(super) fn fitting(&self, name: &[u8], mut found: impl FnMut(u16)) {
        if self.all.is_empty() {
            return;
        }
        let mut try_one = |at: usize| {
            if let Some(glob) = self.all.get(at).filter(|glob| glob.fits(name)) {
                found(glob.child);
            }
        };
        self.rest.iter().copied().for_each(&mut try_one);
        if let Some(finder) = &self.finder {
            // One that is found twice is entered once.
            for hit in finder.find_overlapping_iter(name) {
                if let Some(at) = self.told.get(hit.pattern().as_usize()) {
                    try_one(*at);
                }
            }
        }
    }
}
