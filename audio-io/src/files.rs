//! What WAV sources and WAV sinks share: their errors, and where their blocking work runs.

use std::{io, path::PathBuf};

use express_messages::{ZegoError, codes};
use tokio::sync::oneshot;

use crate::worker::Worker;

/// Where reading, writing and decoding of files happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileMode {
    /// On a thread for each file, with a ring to the pump. The pump never waits for a disk.
    Threads,
    /// In the pump's own calls: for a pump in virtual time, which no thread in real time could keep up with.
    Inline,
}

/// Why a file cannot be played or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It cannot be opened or made. Advice: check path and rights.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is no WAV file that is understood. Advice: convert it.
    #[error("{path}: {reason}; use WAV, 8 to 192 kHz, 16, 24 or 32 bit integer or 32 bit float", path = .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system gives no thread for it. Advice: retry later.
    #[error("no thread for {path}: {source}", path = .path.display())]
    Thread {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl FileError {
    /// What `hound` said about `path`.
    pub(crate) fn from_hound(path: PathBuf, error: hound::Error) -> Self {
        match error {
            hound::Error::IoError(source) if source.kind() != io::ErrorKind::UnexpectedEof => Self::Io { path, source },
            other => Self::Format {
                path,
                reason: other.to_string(),
            },
        }
    }
}

impl From<FileError> for ZegoError {
    fn from(error: FileError) -> Self {
        Self::new(codes::INPUT_PARAM, error.to_string())
    }
}

/// A file that is being opened.
pub(crate) struct Opening<T> {
    /// Whether it worked. A dropped sender means that the thread panicked.
    pub(crate) answer: oneshot::Receiver<Result<T, FileError>>,
    /// The thread that goes on with the file, if there is one.
    pub(crate) worker: Option<Worker<()>>,
}

impl<T: Send + 'static> Opening<T> {
    /// Runs `work` in this call; it sends its answer.
    pub(crate) fn inline(work: impl FnOnce(oneshot::Sender<Result<T, FileError>>)) -> Self {
        let (tell, answer) = oneshot::channel();
        work(tell);
        Self { answer, worker: None }
    }

    /// Runs `work` on a thread called `name`; it sends its answer and may go on.
    pub(crate) fn threaded(
        name: &str,
        path: PathBuf,
        work: impl FnOnce(oneshot::Sender<Result<T, FileError>>) + Send + 'static,
    ) -> Self {
        let (tell, answer) = oneshot::channel();
        match Worker::spawn(name, move || work(tell)) {
            Ok(worker) => Self {
                answer,
                worker: Some(worker),
            },
            Err(source) => Self::inline(|tell| {
                // The receiver stands in this very value.
                let _ = tell.send(Err(FileError::Thread { path, source }));
            }),
        }
    }
}
