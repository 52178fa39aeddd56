//! What is given up before anything of the guest's runs.

use std::io;

use rustix::process::{DumpableBehavior, Gid, Resource, Rlimit, Uid, geteuid, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::super::order::Bounds;
use super::supervise::GUEST;

/// From nobody that the new namespace knows, or from ourselves, to the one user that there is.
pub(super) fn become_guest() -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(GUEST), Gid::from_raw(GUEST));
    if geteuid() != uid {
        set_thread_groups(&[])?;
    }
    set_thread_res_gid(gid, gid, gid)?;
    Ok(set_thread_res_uid(uid, uid, uid)?)
}

/// Nobody of the same user looks into this process.
pub(super) fn hide() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// All of them, of every set, for this process and for whatever comes after it.
pub(super) fn capabilities() -> io::Result<()> {
    const MORE_THAN_THERE_ARE: u32 = 63;
    set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
    )?;
    for number in 0..=MORE_THAN_THERE_ARE {
        let one = CapabilitySet::from_bits_retain(1 << number);
        match remove_capability_from_bounding_set(one) {
            // The first that this kernel does not know.
            Err(rustix::io::Errno::INVAL) => break,
            done => done?,
        }
    }
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    Ok(set_no_new_privs(true)?)
}

/// What the kernel holds of each process, whatever becomes of us.
pub(super) fn bounds(bounds: &Bounds) -> io::Result<()> {
    let each = [
        (Resource::Core, 0),
        (Resource::As, bounds.memory_bytes),
        (Resource::Stack, bounds.stack_bytes),
        (Resource::Nproc, bounds.processes),
        (Resource::Nofile, bounds.open_files),
        (Resource::Fsize, bounds.written_bytes),
        (Resource::Cpu, bounds.cpu_seconds),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
        (Resource::Sigpending, 1_024),
        (Resource::Rtprio, 0),
    ];
    for (resource, most) in each {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}
