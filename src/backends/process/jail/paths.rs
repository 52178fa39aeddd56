//! Landlock: the same view of files a second time, by another part of the kernel, and nobody outside to be signalled or met.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, Scope,
};

/// The newest that this code knows what to ask of.
const NEWEST: ABI = ABI::V9;

/// Everything that is there may be read and executed; changed only what is the guest's own. Says which version of the
/// kernel's holds it, 0 where it has none.
pub(super) fn restrict(writable: &[&str], own_proc: bool) -> Result<i32, landlock::RulesetError> {
    let all = AccessFs::from_all(NEWEST);
    // Pipes with a name are the guest's to make; devices and sockets nobody's.
    let own = all & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock | AccessFs::IoctlDev);
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let mut allow = |path: &str, access| {
        // What is not there needs no leave.
        let Ok(opened) = PathFd::new(path) else { return Ok(()) };
        (&mut rules).add_rule(PathBeneath::new(opened, access)).map(|_| ())
    };
    allow("/", AccessFs::from_read(NEWEST))?;
    for path in ["/tmp", "/dev/shm"].iter().chain(writable) {
        allow(path, own)?;
    }
    for name in super::root::DEVICES {
        allow(&format!("/dev/{name}"), device)?;
    }
    if own_proc {
        allow("/proc", AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    Ok(match rules.restrict_self()?.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi as i32,
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
    })
}
