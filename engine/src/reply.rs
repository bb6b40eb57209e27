//! The answer of an eager call.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    thread::{self, ThreadId},
    time::Duration,
};

use express_messages::{ZegoError, codes};
use futures::channel::oneshot;

use crate::park;

/// The answer of a call that was **already made**: what the document calls a Promise.
///
/// The call was checked and sent when the method returned; nothing waits for this value to be polled, and dropping it
/// cancels nothing. Take the answer either way:
///
/// - `reply.await`, on any executor (it is `Send` and needs no runtime);
/// - [`reply.wait()`](Self::wait), on a plain thread or in an engine callback.
#[must_use = "the call was made; await the Reply or call wait() for its result, or drop it on purpose"]
pub struct Reply<T> {
    state: State<T>,
    control: Option<ThreadId>,
}

enum State<T> {
    Ready(Result<T, ZegoError>),
    Waiting(oneshot::Receiver<Result<T, ZegoError>>),
    Taken,
}

/// No part of a `Reply` is ever pinned.
impl<T> Unpin for Reply<T> {}

impl<T> Reply<T> {
    /// An answer that is there already.
    pub(crate) fn ready(result: Result<T, ZegoError>) -> Self {
        Self {
            state: State::Ready(result),
            control: None,
        }
    }

    /// An answer to come, and the end that gives it. `control` is the thread that must not wait for it.
    pub(crate) fn pending(control: Option<ThreadId>) -> (Completion<T>, Self)
    where
        T: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let reply = Self {
            state: State::Waiting(receiver),
            control,
        };
        // The receiver may be gone: nobody wanted the answer.
        let completion = Completion::new(move |result| drop(sender.send(result)));
        (completion, reply)
    }

    /// Blocks this thread until the answer is there.
    ///
    /// Allowed everywhere but on the engine's own control thread (where only the code of parts runs), and on the thread of
    /// an engine made by [`build_on_current_arbiter`](crate::EngineBuilder::build_on_current_arbiter). In an async function
    /// prefer `.await`: this blocks a worker.
    ///
    /// # Errors
    /// Those of the call; 1000001 when the engine ended first; 1100001 where waiting would never end, as said above.
    pub fn wait(mut self) -> Result<T, ZegoError> {
        if self.never_ends_here() {
            let text = "wait() on the engine's own thread would never end; await the Reply instead";
            return Err(ZegoError::new(codes::INPUT_PARAM, text));
        }
        park::block_on(&mut self)
    }

    /// Blocks this thread until the answer is there or `limit` has passed; then `None`, and the answer may still be taken
    /// later.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(&mut self, limit: Duration) -> Option<Result<T, ZegoError>> {
        let limit = if self.never_ends_here() { Duration::ZERO } else { limit };
        park::block_until(self, park::deadline_in(limit))
    }

    /// Whether the answer cannot come while this thread waits for it.
    fn never_ends_here(&mut self) -> bool {
        if let State::Waiting(receiver) = &mut self.state
            && let Ok(Some(result)) = receiver.try_recv()
        {
            self.state = State::Ready(result);
        }
        matches!(self.state, State::Waiting(_)) && self.control == Some(thread::current().id())
    }
}

/// The error of a call whose engine ended before it was answered.
pub(crate) fn engine_gone() -> ZegoError {
    let text = "the engine was destroyed; create a new one with ZegoExpressEngine::new";
    ZegoError::new(codes::ENGINE_NOT_CREATED, text)
}

/// The error of a call whose part of the engine failed before it answered.
pub(crate) fn part_gone() -> ZegoError {
    let text = "a part of the engine failed and is started afresh; call again";
    ZegoError::new(codes::DEVICE_GENERIC, text)
}

impl<T> Future for Reply<T> {
    type Output = Result<T, ZegoError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Ready(result) => Poll::Ready(result),
            State::Waiting(mut receiver) => match Pin::new(&mut receiver).poll(context) {
                Poll::Ready(Ok(result)) => Poll::Ready(result),
                Poll::Ready(Err(oneshot::Canceled)) => Poll::Ready(Err(engine_gone())),
                Poll::Pending => {
                    self.state = State::Waiting(receiver);
                    Poll::Pending
                }
            },
            State::Taken => Poll::Ready(Err(ZegoError::new(codes::INPUT_PARAM, "this Reply gave its answer before"))),
        }
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Ready(_) => "Reply(ready)",
            State::Waiting(_) => "Reply(waiting)",
            State::Taken => "Reply(taken)",
        })
    }
}

/// The other end of a [`Reply`]. Dropped without an answer it answers 1000001.
pub(crate) struct Completion<T>(Box<dyn FnOnce(Result<T, ZegoError>) + Send>);

impl<T> Completion<T> {
    /// `give` gets the answer.
    pub(crate) fn new(give: impl FnOnce(Result<T, ZegoError>) + Send + 'static) -> Self {
        Self(Box::new(give))
    }

    /// A completion for another kind of answer, from which `make` makes this one.
    pub(crate) fn map<S>(self, make: impl FnOnce(S) -> T + Send + 'static) -> Completion<S>
    where
        T: 'static,
    {
        Completion::new(move |result: Result<S, ZegoError>| self.complete(result.map(make)))
    }

    /// As [`map`](Self::map), where errors are made into an answer too.
    pub(crate) fn and_then<S>(
        self,
        make: impl FnOnce(Result<S, ZegoError>) -> Result<T, ZegoError> + Send + 'static,
    ) -> Completion<S>
    where
        T: 'static,
    {
        Completion::new(move |result| self.complete(make(result)))
    }

    /// Gives the answer.
    pub(crate) fn complete(self, result: Result<T, ZegoError>) {
        (self.0)(result);
    }
}

impl Completion<()> {
    /// Completions for the `parts` of one answer: it is given with the last of them, and is the first error among them.
    pub(crate) fn split(self, parts: usize) -> Vec<Self> {
        if parts == 0 {
            self.complete(Ok(()));
            return Vec::new();
        }
        let whole = Arc::new(Mutex::new((parts, Ok(()), Some(self))));
        let part = |_| {
            let whole = Arc::clone(&whole);
            Self::new(move |result| {
                let mut whole = whole.lock().unwrap_or_else(PoisonError::into_inner);
                let (left, so_far, completion) = &mut *whole;
                *left -= 1;
                if so_far.is_ok() {
                    *so_far = result;
                }
                if *left == 0
                    && let Some(completion) = completion.take()
                {
                    completion.complete(so_far.clone());
                }
            })
        };
        (0..parts).map(part).collect()
    }
}

impl<T> fmt::Debug for Completion<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completion")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_whose_engine_is_gone_answers_1000001() {
        let (completion, reply) = Reply::<()>::pending(None);
        drop(completion);
        assert_eq!(reply.wait().unwrap_err().code, 1000001);
    }

    #[test]
    fn an_answer_of_several_parts_comes_with_the_last_and_is_the_first_error() {
        let (completion, reply) = Reply::pending(None);
        assert!(completion.split(0).is_empty());
        assert_eq!(reply.wait(), Ok(()));
        let (completion, mut reply) = Reply::pending(None);
        let mut parts = completion.split(3);
        parts.remove(0).complete(Ok(()));
        parts.remove(0).complete(Err(ZegoError::new(1000017, "away")));
        assert_eq!(reply.wait_timeout(Duration::ZERO), None);
        parts.remove(0).complete(Ok(()));
        assert_eq!(reply.wait().unwrap_err().code, 1000017);
        let (completion, reply) = Reply::pending(None);
        drop(completion.split(2));
        assert_eq!(reply.wait().unwrap_err().code, 1000001);
    }

    #[test]
    fn waiting_on_the_control_thread_is_refused_unless_the_answer_is_there() {
        let here = Some(thread::current().id());
        let (completion, reply) = Reply::<u8>::pending(here);
        assert_eq!(reply.wait().unwrap_err().code, 1100001);
        drop(completion);
        let (completion, reply) = Reply::<u8>::pending(here);
        completion.complete(Ok(3));
        assert_eq!(reply.wait(), Ok(3));
    }

    #[test]
    fn a_reply_that_came_too_late_for_one_wait_is_taken_by_the_next() {
        let (completion, mut reply) = Reply::<u8>::pending(None);
        assert_eq!(reply.wait_timeout(Duration::from_millis(1)), None);
        completion.complete(Ok(3));
        assert_eq!(reply.wait_timeout(Duration::from_secs(5)), Some(Ok(3)));
        assert_eq!(reply.wait().unwrap_err().code, 1100001);
    }
}
