//! Links, judged by their text alone: nothing is resolved on the disk.
//!
//! Lexical resolution lies when a `..` comes after a name that is a link itself: `up/..` is not where it seems to be.
//! So `..` after a name is fine only if no part of that name is a link. Then a link whose text stays inside also
//! stays inside when it is followed.

use std::collections::HashSet;

/// Whether `target`, written in a link at `link`, leads to a place in the folder. `links` are all links there.
pub fn stays_inside(link: &str, target: &str, links: &HashSet<&str>) -> bool {
    if target.is_empty() || target.starts_with('/') {
        return false;
    }
    // The folder that holds the link is real: the walk came to it without a link.
    let mut place: Vec<&str> = link.split('/').collect();
    place.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if passes_a_link(&place, links) || place.pop().is_none() {
                    return false;
                }
            }
            name => place.push(name),
        }
    }
    true
}

fn passes_a_link(place: &[&str], links: &HashSet<&str>) -> bool {
    let mut path = String::new();
    place.iter().any(|part| {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
        links.contains(path.as_str())
    })
}
