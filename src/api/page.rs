use std::ops::Deref;

use super::context::{Object, Who};
use super::problem::Problem;
use crate::authz::Action;
use crate::model::TenantId;
use crate::sandbox::SandboxError;

/// Rows that are looked at for one page, shown or not: a list costs no more than this, whoever may see how little.
const LOOKED_AT: usize = 1_000;
/// Questions to the store for one page.
const ASKED: u32 = 20;

/// Some rows of a list, and the place after which the next look begins, if there may be more.
pub(super) struct Rows<T, Place> {
    pub(super) rows: Vec<T>,
    pub(super) next: Option<Place>,
}

/// One page of what somebody may see: full, unless the list is at its end or enough was looked at. Whatever was left out,
/// as long as there may be more there is a `next`.
pub(super) fn page<T, Place>(
    limit: u32,
    mut next: Option<Place>,
    mut ask: impl FnMut(Option<&Place>, u32) -> Result<Rows<T, Place>, SandboxError>,
    may: impl Fn(&T) -> bool,
    place: impl Fn(&T) -> Place,
) -> Result<Rows<T, Place>, SandboxError> {
    let (mut shown, mut looked) = (Vec::new(), 0);
    for _ in 0..ASKED {
        let found = ask(next.as_ref(), limit)?;
        next = found.next;
        for row in found.rows {
            looked += 1;
            let at = place(&row);
            if may(&row) {
                shown.push(row);
            }
            if shown.len() >= limit as usize {
                return Ok(Rows { rows: shown, next: Some(at) });
            }
        }
        if next.is_none() || looked >= LOOKED_AT {
            break;
        }
    }
    Ok(Rows { rows: shown, next })
}

/// A caller for whom something is done on a thread that may take its time. Only there it is asked of each row of a list
/// whether he may see it: a thousand questions to the policies, on the thread that serves everybody, would hold it up.
pub(super) struct Apart(Who);

impl Deref for Apart {
    type Target = Who;

    fn deref(&self) -> &Who {
        &self.0
    }
}

impl Apart {
    /// May he do this to an object of his tenant? Nothing follows from it but that the object is shown in a list.
    pub(super) fn may(&self, action: Action, object: &Object<'_>) -> bool {
        self.0.could(action, object)
    }

    pub(super) fn may_tenant(&self, action: Action, tenant: &TenantId) -> bool {
        self.0.could_tenant(action, tenant)
    }
}

/// Makes an answer on a thread that may take its time: what is read from the disk, or large, or asks much. It is one of
/// those that the tenant may have at a time, so he waits for it where he has them all, and nobody else does.
pub(super) async fn apart<T: Send + 'static>(
    who: Who,
    work: impl FnOnce(&Apart) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (hall, tenant) = (who.hall().clone(), who.tenant().clone());
    hall.apart(&tenant, move || work(&Apart(who))).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of a list of numbers, of which only some may be seen.
    fn pages(all: u32, limit: u32, may: impl Fn(&u32) -> bool) -> (Vec<u32>, u32) {
        let (mut seen, mut next, mut asked) = (Vec::new(), None, 0);
        loop {
            let ask = |after: Option<&u32>, most: u32| {
                let rows: Vec<u32> = (after.map_or(0, |last| last + 1)..all).take(most as usize).collect();
                let next = rows.last().copied().filter(|_| rows.len() == most as usize);
                Ok(Rows { rows, next })
            };
            let page = page(limit, next, ask, &may, |row| *row).unwrap();
            assert!(page.rows.len() <= limit as usize);
            asked += 1;
            seen.extend(page.rows);
            next = page.next;
            if next.is_none() {
                return (seen, asked);
            }
        }
    }

    #[test]
    fn whoever_goes_on_to_the_end_has_seen_all_that_he_may() {
        for limit in [1, 7, 100] {
            let (seen, _) = pages(5_000, limit, |row| row % 1_700 == 1_699 || *row == 4_999);
            assert_eq!(seen, [1_699, 3_399, 4_999], "{limit}");
        }
        let (seen, asked) = pages(5_000, 100, |_| true);
        assert_eq!((seen.len(), asked), (5_000, 51));
        let (seen, asked) = pages(5_000, 100, |_| false);
        assert_eq!((seen.len(), asked), (0, 6), "a page looks at so many and no more");
    }
}
