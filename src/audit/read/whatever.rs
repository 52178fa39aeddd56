use super::super::folder;
use super::super::lines::{Line, Lines};
use super::super::record::Record;
use super::seek::Reader;

impl Reader {
    /// Gives all records from `from` on that can be read, in a log that does not hold; what cannot is counted.
    pub(in super::super) fn whatever(&self, from: u64, hear: &mut dyn FnMut(&Record<'_>)) -> u64 {
        let Ok(segments) = self.segments() else { return 0 };
        let mut unreadable = 0;
        for (n, first) in segments.iter().enumerate() {
            if segments.get(n + 1).is_some_and(|next| *next <= from) {
                continue;
            }
            let Ok(file) = folder::open(&self.root, &folder::segment(*first)) else {
                unreadable += 1;
                continue;
            };
            let mut lines = Lines::new(file);
            loop {
                match lines.next() {
                    Ok(None | Some(Line::Space(_))) => break,
                    Ok(Some(Line::Whole(line))) => match Record::parse(line) {
                        Ok(record) if record.seq >= from => hear(&record),
                        Ok(_) => {}
                        Err(_) => unreadable += 1,
                    },
                    Ok(Some(Line::TooLong | Line::Unfinished(_))) => unreadable += 1,
                    Err(_) => {
                        unreadable += 1;
                        break;
                    }
                }
            }
        }
        unreadable
    }
}
