//! An allocator that counts what audio code asks of it, for tests that prove that it asks for nothing.
//!
//! A test binary makes [`Counting`] its `#[global_allocator]` and asks [`allocations`].
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// Whether this thread is inside audio code.
    static AUDIO_THREAD: Cell<bool> = const { Cell::new(false) };
    /// Calls of the allocator from audio code.
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with the calls counted that are made inside [`allocations`]. The test's `#[global_allocator]`.
#[derive(Debug)]
pub struct Counting;

fn count() {
    // A thread that ends has no flag any more, and is not inside audio code.
    if AUDIO_THREAD.try_with(Cell::get).unwrap_or(false) {
        let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    }
}

// SAFETY: every call is passed on unchanged to the system allocator, which keeps the contract; counting touches only
// thread-local cells without destructors and does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count();
        // SAFETY: `ptr` came from `System.alloc` or `System.realloc` above, with this `layout`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: as in `dealloc`; the caller's promise about `new_size` is passed on.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// Runs `work` as audio code and returns how often it called the allocator, where that is [`Counting`].
pub fn allocations(work: impl FnOnce()) -> usize {
    CALLS.set(0);
    AUDIO_THREAD.set(true);
    work();
    AUDIO_THREAD.set(false);
    CALLS.get()
}
