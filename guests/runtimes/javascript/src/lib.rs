//! The JavaScript runtime: QuickJS in a component, its state kept between calls.
//!
//! Rust gives the engine a few doors to the world (`world.rs`) and speaks the host's contract; what a snippet sees of the
//! world (`console`, timers, `process`, tools) is written in JavaScript in `js/` and is in place before the image is taken.

mod engine;
mod library;
mod modules;
mod world;

wit_bindgen::generate!({ world: "runtime", path: "wit" });

use exports::ringfence::runtime::interpreter::{Answer, Guest, Snippet, Start};

struct Runtime;

impl Guest for Runtime {
    fn prepare(start: Start) {
        world::find_folders();
        engine::with(|engine| engine.prepare(&start));
    }

    fn execute(snippet: Snippet) -> Answer {
        engine::with(|engine| engine.execute(snippet))
    }

    fn settle() -> Result<(), String> {
        engine::with(|engine| engine.settle());
        world::forget_handles();
        Ok(())
    }
}

export!(Runtime);

/// Starts the engine before the image of the component is taken. The name is the one that wizer calls.
#[export_name = "wizer-initialize"]
pub extern "C" fn initialize() {
    engine::with(|engine| engine.settle());
}
