//! What a token says.

/// Longest userID, in characters.
pub const MAX_USER_ID_CHARS: usize = 64;
/// Longest roomID, in characters.
pub const MAX_ROOM_ID_CHARS: usize = 128;
/// Longest streamID, in characters.
pub const MAX_STREAM_ID_CHARS: usize = 256;

/// Everything that a token states, in the documented words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The AppID it is for; never 0.
    pub app_id: u32,
    /// The userID it is for, 1 to [`MAX_USER_ID_CHARS`] characters; the user must log in with exactly this one.
    pub user_id: String,
    /// A number that makes two tokens of one second differ. Generators draw 31 or 32 bits; any i64 is taken.
    pub nonce: i64,
    /// When it was made, unix seconds.
    pub ctime: i64,
    /// The first second at which it is no longer good, unix seconds.
    pub expire: i64,
    /// What the user may do; `None` is a basic token, which proves identity only and permits everything.
    pub privileges: Option<Privileges>,
}

/// What a privilege token permits. Playing is never restricted.
///
/// # Source
/// The documented privilege payload. Where the documentation is silent the answer is no: a privilege that the payload
/// does not name is denied, a privilege it names that is not documented makes the token bad, and so does a value other
/// than 0 and 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// The only room it opens, 1 to [`MAX_ROOM_ID_CHARS`] characters.
    pub room_id: String,
    /// May log in to that room (privilege key 1).
    pub login: bool,
    /// May publish (privilege key 2).
    pub publish: bool,
    /// The streamIDs that may be published; `None` is any. An empty list in a token reads as `None`, as documented, and
    /// [`issue`](crate::issue()) refuses to write one, because its author may well have meant "no stream".
    pub streams: Option<Vec<String>>,
}

/// Which text of the claims has a length outside its bounds, if any.
pub(crate) fn length_fault(claims: &Claims) -> Option<&'static str> {
    if !fits(&claims.user_id, MAX_USER_ID_CHARS) {
        return Some("user_id");
    }
    let privileges = claims.privileges.as_ref()?;
    if !fits(&privileges.room_id, MAX_ROOM_ID_CHARS) {
        return Some("room_id");
    }
    let mut streams = privileges.streams.iter().flatten();
    streams.any(|id| !fits(id, MAX_STREAM_ID_CHARS)).then_some("stream_id_list")
}

fn fits(text: &str, max_chars: usize) -> bool {
    !text.is_empty() && text.chars().count() <= max_chars
}
