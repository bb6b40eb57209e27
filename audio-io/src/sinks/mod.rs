//! Where the sound of played streams goes, besides the speaker and what the application pulls.

mod wav;

pub(crate) use wav::{Recording, record_wav};
