//! The place of one part in the chain: faded in and out, replaced when it fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::planes::Planes;
use crate::gain::ramp_at;

/// Blocks that a new part hears before it is heard: by then its filters hold sound and no silence of their beginning.
const WARM_UP: u32 = 2;

/// A part refused a block. Its library says so for a format only that we never give it; it is replaced all the same.
#[derive(Debug)]
pub(super) struct Refused;

/// Holds a part `S` while it is wanted.
pub(super) struct Slot<S> {
    build: Box<dyn Fn() -> S + Send>,
    part: Option<Box<S>>,
    wanted: bool,
    warm_up: u32,
    /// The part's share of the sound at the end of the last block.
    wet: f32,
    faults: u64,
}

impl<S> Slot<S> {
    /// A part that `build` makes. Where it is wanted from the start, it is heard from the first block on.
    pub(super) fn new(wanted: bool, build: impl Fn() -> S + Send + 'static) -> Self {
        Self {
            part: wanted.then(|| Box::new(build())),
            build: Box::new(build),
            wanted,
            warm_up: 0,
            wet: f32::from(u8::from(wanted)),
            faults: 0,
        }
    }

    /// Fades the part in or out.
    pub(super) fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
        if wanted && self.part.is_none() {
            self.part = Some(Box::new((self.build)()));
            self.warm_up = WARM_UP;
        }
    }

    /// The part, while it is there.
    pub(super) fn part(&self) -> Option<&S> {
        self.part.as_deref()
    }

    /// Times that the part was replaced.
    pub(super) fn faults(&self) -> u64 {
        self.faults
    }

    /// Lets the part do something besides sound.
    pub(super) fn touch(&mut self, with: impl FnOnce(&mut S) -> Result<(), Refused>) {
        if let Some(part) = &mut self.part
            && !matches!(catch_unwind(AssertUnwindSafe(|| with(part))), Ok(Ok(())))
        {
            self.replace();
        }
    }

    /// Lets the part change `block`. If it fails, `block` passes as it is.
    pub(super) fn run(&mut self, block: &mut Planes, with: impl FnOnce(&mut S, &mut Planes) -> Result<(), Refused>) {
        let Some(part) = &mut self.part else { return };
        let dry = block.clone();
        let ran = catch_unwind(AssertUnwindSafe(|| with(part, block)));
        if !matches!(ran, Ok(Ok(()))) || !block.is_finite() {
            *block = dry;
            self.replace();
            return;
        }
        let wet = if self.wanted && self.warm_up == 0 { 1.0 } else { 0.0 };
        self.warm_up = self.warm_up.saturating_sub(1);
        mix(block, &dry, self.wet, wet);
        self.wet = wet;
        if !self.wanted {
            self.part = None;
        }
    }

    /// A new part instead of one that failed, faded in with the next block.
    fn replace(&mut self) {
        self.faults = self.faults.saturating_add(1);
        self.part = Some(Box::new((self.build)()));
        self.warm_up = 0;
        self.wet = 0.0;
    }
}

/// Mixes `dry` into `block`, whose share goes from `from` to `to`.
fn mix(block: &mut Planes, dry: &Planes, from: f32, to: f32) {
    if from == 1.0 && to == 1.0 {
        return;
    }
    for (wet, dry) in block.planes_mut().iter_mut().zip(dry.planes()) {
        for (i, (wet, dry)) in wet.iter_mut().zip(dry).enumerate() {
            *wet = dry + (*wet - dry) * ramp_at(from, to, i);
        }
    }
}

impl<S> std::fmt::Debug for Slot<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot")
            .field("wanted", &self.wanted)
            .field("wet", &self.wet)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(value: f32) -> Planes {
        let mut block = Planes::silent(1);
        block.planes_mut()[0].fill(value);
        block
    }

    #[test]
    fn a_part_that_panics_is_replaced_and_the_block_passes_as_it_was() {
        let mut slot = Slot::new(true, || 0);
        let mut block = constant(0.25);
        slot.run(&mut block, |_, block| {
            block.scale(7.0);
            panic!("the library has a fault");
        });
        assert_eq!(block.planes(), constant(0.25).planes());
        assert_eq!(slot.faults(), 1);
        slot.run(&mut block, |_, block| {
            block.scale(0.0);
            Ok(())
        });
        let plane = &block.planes()[0];
        assert!(
            plane.is_sorted_by(|a, b| a >= b) && plane[0] > 0.24 && plane[479] == 0.0,
            "the new part is faded in"
        );
    }

    #[test]
    fn a_part_that_gives_what_is_no_number_is_replaced() {
        let mut slot = Slot::new(true, || 0);
        let mut block = constant(0.25);
        slot.run(&mut block, |_, block| {
            block.scale(f32::NAN);
            Ok(())
        });
        assert_eq!((block.planes(), slot.faults()), (constant(0.25).planes(), 1));
    }

    #[test]
    fn a_part_that_is_no_longer_wanted_is_faded_out_and_dropped() {
        let mut slot = Slot::new(true, || 0);
        slot.want(false);
        let mut block = constant(0.5);
        slot.run(&mut block, |_, block| {
            block.scale(0.0);
            Ok(())
        });
        assert!(block.planes()[0].is_sorted() && block.planes()[0][479] == 0.5);
        assert!(slot.part().is_none());
    }
}
