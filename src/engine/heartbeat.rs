use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::Thread;
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often a guest that computes is interrupted: the bound on how late it learns of its deadline.
pub(super) const BEAT: Duration = Duration::from_millis(1);

/// Beats without a run after which the thread goes to sleep, so that an idle host costs nothing.
const IDLE_BEATS: u32 = 200;

/// One thread that advances the epoch of every engine while anything runs.
pub(super) struct Heartbeat {
    shared: Arc<Shared>,
}

struct Shared {
    engines: Mutex<Vec<EngineWeak>>,
    alive: AtomicU64,
    asleep: AtomicBool,
    thread: OnceLock<Thread>,
}

/// A run that wants to be interrupted; while one exists the heart beats.
pub(super) struct Beating(Arc<Shared>);

impl Heartbeat {
    pub(super) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engines: Mutex::default(),
            alive: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            thread: OnceLock::new(),
        });
        let weak = Arc::downgrade(&shared);
        let handle = std::thread::Builder::new().name("ringfence-beat".into()).spawn(move || beat(&weak))?;
        // Set once, here: it cannot be set already.
        let _ = shared.thread.set(handle.thread().clone());
        Ok(Self { shared })
    }

    pub(super) fn watch(&self, engine: &wasmtime::Engine) {
        self.shared.engines.lock().unwrap_or_else(PoisonError::into_inner).push(engine.weak());
    }

    pub(super) fn beating(&self) -> Beating {
        self.shared.alive.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst)
            && let Some(thread) = self.shared.thread.get()
        {
            thread.unpark();
        }
        Beating(Arc::clone(&self.shared))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if let Some(thread) = self.shared.thread.get() {
            thread.unpark();
        }
    }
}

impl Drop for Beating {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

fn beat(weak: &Weak<Shared>) {
    let mut idle = 0;
    loop {
        std::thread::sleep(BEAT);
        // The thread ends with the engine that owns the heart.
        let Some(shared) = weak.upgrade() else { return };
        for engine in shared.engines.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
        idle = if shared.alive.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle > IDLE_BEATS {
            idle = 0;
            shared.asleep.store(true, Ordering::SeqCst);
            // A run that started before the line above is seen here; one that starts after it unparks us.
            let nobody = shared.alive.load(Ordering::SeqCst) == 0;
            // Held only weakly while asleep, so that the owner can go.
            drop(shared);
            if nobody {
                std::thread::park();
            }
            if let Some(shared) = weak.upgrade() {
                shared.asleep.store(false, Ordering::SeqCst);
            }
        }
    }
}
