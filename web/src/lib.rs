//! The web files of Express Audio, embedded in the binary that serves them: the console page at `/`, the browser SDK below
//! `/sdk/`.
//!
//! Every file under `console/`, `sdk/` and `files/` is in it, but for folders named `tests`, hidden files and `*.md`
//! (`build.rs` makes the list).

/// A file to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebFile {
    /// Where: an absolute path.
    pub path: &'static str,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// What.
    pub bytes: &'static [u8],
}

impl WebFile {
    /// Whether pages of other origins may import it: the SDK is made for them, the console is not.
    pub fn is_for_all_origins(&self) -> bool {
        self.path.starts_with("/sdk/")
    }
}

/// The `Content-Security-Policy` that every file here keeps: nothing inline, no script or style from elsewhere, no frames.
///
/// Connections may go anywhere, for the console can join rooms of other servers; sound comes from streams.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self' ws: wss: http: https:; media-src 'self' blob: mediastream:; font-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// All files, sorted by path.
pub const FILES: &[WebFile] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

#[cfg(test)]
mod tests;
