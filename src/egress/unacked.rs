use std::io;
use std::os::fd::AsFd;

/// How much of what was handed to a TCP connection its peer has not acknowledged, wherever it is; nothing where this system
/// does not say.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub(super) fn unacked(socket: impl AsFd) -> io::Result<Option<u64>> {
    use rustix::ioctl::{Getter, ioctl};

    /// `SIOCOUTQ` of tcp(7), which is the number of `TIOCOUTQ`.
    const BYTES_LEFT: u32 = 0x5411;
    // On any descriptor this either fails or writes one C int to where it is told, which is a whole number whatever its
    // bits are; `Getter` gives it such a place, and nothing else is read or written.
    #[expect(unsafe_code, reason = "no library asks this in a safe way; argued above")]
    let left = unsafe { ioctl(socket, Getter::<BYTES_LEFT, i32>::new()) }?;
    Ok(Some(u64::try_from(left).unwrap_or_default()))
}

/// This system is not asked.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))))]
pub(super) fn unacked(_: impl AsFd) -> io::Result<Option<u64>> {
    Ok(None)
}
