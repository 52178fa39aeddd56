use std::path::PathBuf;

use ringfence::config::{Overrides, cache_dir, data_dir};
use ringfence::engine::{Build, Engine, EngineSettings};
use ringfence::model::{Mode, Preset};
use ringfence::runtimes::Shelf;

use crate::snippets::{ms, printed, timed};
use crate::{Effort, Figure, shared};

const CODE: &str = "import numpy as np\nprint(int((np.arange(10) ** 2).sum()))";

/// A fresh Python that has numpy and pandas imported, where that runtime is installed.
pub fn fresh(effort: Effort) -> Vec<Figure> {
    let shelf = Shelf::of(&data_dir(&Overrides::default()).unwrap());
    let Ok(runtime) = shelf.find(&"python-science".parse().unwrap()) else {
        println!("science: left out, python-science is not installed (`make science`)");
        return Vec::new();
    };
    // It takes minutes to compile: too much for a small run, and enough to keep what comes of it.
    if effort.quick {
        return Vec::new();
    }
    shared::runtime().block_on(async {
        let mut settings = EngineSettings::new(PathBuf::from(shared::WORKER));
        settings.cache_dir = Some(cache_dir(&Overrides::default()).unwrap());
        settings.compile_deadline_ms = 3_600_000;
        settings.compile_memory_bytes = 16 << 30;
        let engine = Engine::new(settings).unwrap();
        let build = Build::of(&Preset::Large.limits(), Mode::Ordinary);
        let program = engine.load(shelf.bytes(&runtime).unwrap(), build).await.unwrap();
        assert_eq!(printed(&engine, &program, CODE, Preset::Large).await, "285\n");
        let mut samples = Vec::new();
        for _ in 0..effort.of(400) {
            samples.push(timed(printed(&engine, &program, CODE, Preset::Large)).await);
        }
        let took = ms(&mut samples);
        vec![Figure {
            what: "fresh Python with numpy and pandas imported that uses numpy, in process, p50",
            target: "15 ms".into(),
            measured: format!("{took:.2} ms"),
            met: Some(took <= 15.0),
        }]
    })
}
