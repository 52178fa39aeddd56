use serde::Deserialize;
use utoipa::IntoParams;

use super::failures::invalid;
use super::problem::Problem;
use super::query;
use crate::registry::{Part, RegistryError};

/// Rows that are looked at for one page, shown or not: a list costs no more than this, whoever may see how little.
const LOOKED_AT: usize = 1_000;
const READ: u32 = 50;
const CURSOR_CHARS: usize = 64;

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// `next` of the page before.
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

impl Page {
    pub(super) fn new(cursor: Option<String>, limit: Option<u32>) -> Self {
        Self { cursor, limit }
    }

    /// Those that are `shown`, of what comes after the cursor in the order of their names; and the cursor of the next
    /// page, unless this is the last. It may be short, or empty, where much was looked at that is not shown.
    pub(super) fn cut<T>(
        self,
        most: u32,
        read: impl Fn(Part<'_>) -> Result<Vec<T>, RegistryError>,
        name: impl Fn(&T) -> &str,
        shown: impl Fn(&T) -> bool,
    ) -> Result<(Vec<T>, Option<String>), Problem> {
        let mut after = self.cursor.unwrap_or_default();
        if after.chars().count() > CURSOR_CHARS {
            return Err(invalid("cursor", "write what the page before said in `next`"));
        }
        let limit = query::within(self.limit, most)?;
        // More than are shown at once: where few may be seen, and to know whether more come.
        let at_a_time = limit.max(READ) + 1;
        let mut page = Vec::new();
        for looked in 1.. {
            let found = read(Part { after: &after, most: at_a_time })?;
            let last = found.len() < at_a_time as usize;
            let mut found = found.into_iter();
            for row in found.by_ref() {
                name(&row).clone_into(&mut after);
                if shown(&row) {
                    page.push(row);
                }
                if page.len() == limit as usize {
                    break;
                }
            }
            if last && found.len() == 0 {
                return Ok((page, None));
            }
            if page.len() == limit as usize || looked * at_a_time as usize >= LOOKED_AT {
                break;
            }
        }
        Ok((page, Some(after)))
    }
}

/// Of what is read whole.
pub(super) fn part_of<T: Clone>(all: &[T], part: Part<'_>, name: impl Fn(&T) -> &str) -> Vec<T> {
    all.iter().filter(|row| name(row) > part.after).take(part.most as usize).cloned().collect()
}
