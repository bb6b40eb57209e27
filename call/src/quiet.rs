//! Keeps the screen clean: libraries of the system (ALSA's for one) write to standard error as they like.

/// While it lives, nothing that goes to standard error is seen. A panic is: its text goes where it always went.
#[cfg(unix)]
pub(crate) struct Quiet {
    was: std::sync::Arc<std::os::fd::OwnedFd>,
}

#[cfg(unix)]
impl Quiet {
    pub(crate) fn begin() -> std::io::Result<Self> {
        use std::os::fd::AsFd;
        let was = std::sync::Arc::new(std::io::stderr().as_fd().try_clone_to_owned()?);
        let nowhere = std::fs::File::options().write(true).open("/dev/null")?;
        rustix::stdio::dup2_stderr(&nowhere)?;
        let (back, hook) = (std::sync::Arc::clone(&was), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |info| {
            // Where it cannot be put back there is nobody to tell.
            let _ = rustix::stdio::dup2_stderr(&*back);
            hook(info);
        }));
        Ok(Self { was })
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        // Where it cannot be put back there is nobody to tell.
        let _ = rustix::stdio::dup2_stderr(&*self.was);
    }
}

/// Other systems' sound libraries do not write there.
#[cfg(not(unix))]
pub(crate) struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    pub(crate) fn begin() -> std::io::Result<Self> {
        Ok(Self)
    }
}
