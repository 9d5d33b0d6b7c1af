//! How the bytes of an input are taken apart: two bytes say how it is to be played, the rest is what
//! comes over the wire.

/// An input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    /// Switches; each body says what they mean to it.
    pub(super) flags: u8,
    /// How many bytes come at once; 0 for all.
    piece: u8,
    /// What comes.
    pub(super) stream: &'a [u8],
}

impl<'a> Input<'a> {
    /// The parts of an input; none where it is too short to have them.
    pub(super) fn of(data: &'a [u8]) -> Option<Self> {
        let [flags, piece, stream @ ..] = data else { return None };
        Some(Self { flags: *flags, piece: *piece, stream })
    }

    /// Whether a switch is on.
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The stream in the pieces in which it comes.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &'a [u8]> {
        let len = if self.piece == 0 { self.stream.len() } else { usize::from(self.piece) };
        self.stream.chunks(len.max(1))
    }
}
