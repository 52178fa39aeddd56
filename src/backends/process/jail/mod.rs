//! The side of the fence that builds it, in processes of their own with one thread each:
//!
//! ```text
//! host ──socket──▶ keeper ──fork──▶ supervisor ──clone, new namespaces──▶ init ──fork, exec──▶ the command
//!  (one end of a control socket goes to each supervisor: when it closes, the tree is killed)
//! ```
//!
//! - `keeper` is this executable, started once: it costs a fork to have a supervisor, not a start of all of us;
//! - `supervise` stays outside: it maps the user, copies folders in and back, holds the deadline, kills and reaps;
//! - `cgroup` is the group of a run, where the machine gives us a folder of groups;
//! - `init` is the first process of the new namespaces: it builds the root, gives up everything, starts the command,
//!   and takes all that is left with it when the command ends.
//!
//! What this must never do: go on when a part of the fence cannot be built, or touch what the guest made by a path.

mod calls;
mod cgroup;
mod init;
mod keeper;
mod kernel;
mod paths;
mod root;
mod shed;
mod supervise;
mod watch;

pub use keeper::serve;
