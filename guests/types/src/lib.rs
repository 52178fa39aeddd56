//! Gives back what it is given, in every type there is.

use std::cell::Cell;

wit_bindgen::generate!({ world: "all-types", path: "wit" });

use exports::ringfence::guests::counters::{Guest as Counters, GuestCounter};
use exports::ringfence::guests::types::{Colour, Guest as Types, Rights, Shape, Thing};

struct Component;

macro_rules! echo {
    ($($name:ident: $ty:ty,)*) => {
        impl Types for Component { $(fn $name(v: $ty) -> $ty { v })* }
    };
}

echo! {
    echo_bool: bool,
    echo_s8: i8,
    echo_u8: u8,
    echo_s16: i16,
    echo_u16: u16,
    echo_s32: i32,
    echo_u32: u32,
    echo_s64: i64,
    echo_u64: u64,
    echo_f32: f32,
    echo_f64: f64,
    echo_char: char,
    echo_string: String,
    echo_list_u8: Vec<u8>,
    echo_list_string: Vec<String>,
    echo_list_list: Vec<Vec<u32>>,
    echo_tuple: (u32, String),
    echo_record: Shape,
    echo_variant: Thing,
    echo_enum: Colour,
    echo_option: Option<u32>,
    echo_option_option: Option<Option<String>>,
    echo_result: Result<u32, String>,
    echo_result_empty: Result<(), ()>,
    echo_flags: Rights,
}

struct Counter(Cell<u32>);

impl GuestCounter for Counter {
    fn new(start: u32) -> Self {
        Counter(Cell::new(start))
    }
    fn next(&self) -> u32 {
        self.0.replace(self.0.get().wrapping_add(1))
    }
}

impl Counters for Component {
    type Counter = Counter;
}

impl Guest for Component {
    fn add(a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }
}

export!(Component);
