//! JSON in, values of the component model through the door, JSON out.
//!
//! | type | JSON |
//! | --- | --- |
//! | integers up to 32 bits | number |
//! | 64-bit integers | number where every reader keeps it exactly, else a string of digits; both are read |
//! | floats | number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | char, string | string |
//! | list, tuple | array; map: array of pairs |
//! | record | object; an option may be left out |
//! | variant | `"case"`, or `{"case": payload}` |
//! | option | `null` or the value; an option in an option: `null` or `{"some": …}` |
//! | result | `{"ok": …}` or `{"err": …}` |
//! | enum, flags | string; array of strings |

mod from_json;
mod to_json;

pub(super) use from_json::{Unread, arguments};
pub(super) use to_json::{Unwritten, result};
