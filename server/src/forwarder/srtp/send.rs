//! RTP of one listener on its way out.

use rtc_srtp::context::Context;

use super::aead::AeadKey;
use crate::forwarder::rtp::HeaderShape;

/// Seals the packets of one source.
pub(crate) enum Sealer {
    /// In place, without an allocation.
    Aead(AeadKey),
    /// By `rtc-srtp`: the profiles of RFC 3711. Boxed: rare, and larger.
    Library(Box<(Context, HeaderShape)>),
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Aead(_) => "Aead",
            Self::Library(_) => "Library",
        })
    }
}

impl Sealer {
    /// Seals the packet that begins at `start` in `bytes` and ends with them.
    ///
    /// `index` is the packet's 48-bit index (RFC 3711 §3.3.1), whose lower half stands in its header as the sequence number.
    /// The same packet under the same index gives the same bytes again, so that it may be sent twice; another packet under
    /// an index that was used must never come here. `None`: it could not be sealed; `bytes` is then void from `start` on.
    pub(crate) fn seal(&mut self, bytes: &mut Vec<u8>, start: usize, header_len: usize, ssrc: u32, index: u64) -> Option<()> {
        match self {
            Self::Aead(key) => {
                let tag = key.seal(ssrc, index, bytes.get_mut(start..)?, header_len)?;
                bytes.extend_from_slice(tag.as_ref());
            }
            Self::Library(library) => {
                let (context, shape) = &mut **library;
                let header = shape.composed(ssrc, (index & 0xffff) as u16, header_len);
                let sealed = context.encrypt_rtp_with_header(bytes.get(start..)?, header).ok()?;
                bytes.truncate(start);
                bytes.extend_from_slice(&sealed);
            }
        }
        Some(())
    }
}
