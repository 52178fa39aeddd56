//! F11 of the threat list: archives that lie, climb, explode or mean two things, for each format.

mod both;
mod bounds;
mod roundtrip;
mod support;
mod tar;
mod writers;
mod zip;
mod zip_layout;
