//! What callers do with the engine: components they submit, runs, and sandboxes in which files live across runs.
//!
//! ```text
//! RunAsk ──plan──▶ Plan (what is asked ∩ what the component declares ∩ what the tenant may have; and what was cut)
//!                   └─▶ quota ─▶ engine ─▶ Report ─▶ ledger ─▶ answer
//! ```
//!
//! Every call takes a `Permit` and looks whether it is for this. Objects of other tenants are not found. Nothing is
//! acknowledged before the ledger has it; what changes something goes on to its end in a task of the hall, whoever goes
//! away, and is written down before it is made; nothing here waits without a bound, and what is refused says when to come
//! again.

mod chronicle;
mod clock;
mod closing;
mod components;
mod counting;
mod ending;
mod error;
mod events;
mod expiry;
mod fences;
mod files;
mod forks;
mod guests;
mod hall;
mod history;
mod incoming;
mod ledger;
mod live;
mod own;
mod plan;
mod quota;
mod record;
mod replayable;
mod retry;
mod runs;
mod sandboxes;
mod sessions;
mod settings;
mod state;
mod storage;
mod threads;
mod tools;
mod turn;
mod work;

pub use chronicle::{By, Chronicle, EndOnRecord, Ends, Heard, Kept, OnRecord, Unkept};
pub use clock::{Hands, Machine};
pub use components::Submitted;
pub use error::{SandboxError, Sort};
pub use events::{Events, HasRoom};
pub use fences::Fences;
pub use files::{Lent, Outgoing};
pub use forks::Forked;
pub use hall::{Hall, Tenants};
pub use incoming::Incoming;
pub use ledger::{AskRoom, Ledger, LedgerError, Much, NoRoom, RunFilter, RunPage, SandboxFilter, Step};
pub use live::{Event, Happened};
pub use plan::{Cut, LimitsAsk, PlaceAsk, RunAsk, What, Wished};
pub use quota::{Quota, QuotaError};
pub use record::{
    ComponentRecord, Failure, Given, RetryRecord, RunRecord, RunState, RunSummary, SandboxChange, SandboxRecord,
    SandboxSpec, Unchanged, Wants, Worth,
};
pub use replayable::Replayable;
pub use retry::{Before, RetryKey};
pub use runs::{Asked, Manner, Started};
pub use sandboxes::SandboxAsk;
pub use sessions::{SessionRecord, SessionState};
pub use settings::HallSettings;
pub use state::{IllegalMove, Move, SandboxState};
pub use tools::{Answered, Asking, Called, NotAllowed, Rights, ToolAsk, ToolBy};
