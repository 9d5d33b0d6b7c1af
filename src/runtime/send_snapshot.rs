//! A snapshot on its way to a learner (`LearnerHandler`, SNAP): the body of a snapshot file without
//! header and seals, then a signature.

use std::io::{self, BufWriter, Write};

use jute::Write as _;

use crate::ids::SessionId;
use crate::peer::ensemble::SIGNATURE;
use crate::server::front::Front;
use crate::storage::snapshot::body::BodyWalk;

/// Bytes on their way to one learner at the most.
pub(super) const PENDING_MAX: usize = 4 << 20;

/// Nodes and bytes that are encoded while the tree is held.
const SLICE_NODES: usize = 1024;
const SLICE_BYTES: usize = 512 * 1024;

/// Sends `head`, which is the SNAP packet, and the tree behind it, held about a millisecond at a time.
///
/// # Errors
/// If the link breaks or the learner takes nothing for too long.
pub(super) fn send(
    link: impl Write,
    head: &[u8],
    front: &Front,
    sessions: &[(SessionId, i32)],
) -> io::Result<()> {
    let mut link = BufWriter::with_capacity(64 * 1024, link);
    link.write_all(head)?;
    let mut out = Vec::new();
    let mut walk = BodyWalk::start(&front.db.read_tree(), sessions, &mut out);
    let mut more = true;
    while more {
        link.write_all(&out)?;
        out.clear();
        more = walk.next(&front.db.read_tree(), SLICE_NODES, SLICE_BYTES, &mut out);
    }
    out.put_str(Some(SIGNATURE));
    link.write_all(&out)?;
    link.flush()
}
