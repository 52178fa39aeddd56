//! What is kept between processes, in one SQLite file of the data folder. SQL lives here and nowhere else: the areas
//! declare the few calls that they need as traits of their own, and `app` puts the two together.
//!
//! One thread writes (`lane`): steps that come while it is at work share the next commit, and each is told when its
//! own is durable. Readers have connections of their own and never wait for it. A file that is damaged or was made by
//! a newer version is told and left as it is.

mod asked;
mod backup;
mod book;
mod components;
mod error;
mod found;
mod history;
mod kept;
mod lane;
mod ledger;
mod mark;
mod open;
mod outputs;
mod people;
mod replay;
mod rows;
mod runs;
mod sandboxes;
mod workspaces;

pub use backup::StoreCopy;
pub use error::StoreError;
pub use kept::{Fact, Looked};
pub use lane::StepError;
pub use open::Store;
pub use workspaces::TenantCatalog;
