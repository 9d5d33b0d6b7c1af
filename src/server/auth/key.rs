//! The scheme `key`, the example of a provider that Java's server brings along: the data of the node
//! `/key` is a number, and whoever names a multiple of it is let in. Java: `KeyAuthenticationProvider`.

use jute::data::Id;

use crate::op::Code;

/// What a client gains that brings `proof`, where the node has `key`. Without a node everybody is let
/// in, so that it can be made.
pub(super) fn ids(proof: Option<&[u8]>, key: Option<&[u8]>) -> Result<Vec<Id>, Code> {
    let proof = proof.ok_or(Code::AuthFailed)?;
    if key.is_none_or(|key| is_multiple(proof, key)) {
        return Ok(vec![Id { scheme: Some("key".to_owned()), id: Some(String::new()) }]);
    }
    Err(Code::AuthFailed)
}

fn is_multiple(proof: &[u8], key: &[u8]) -> bool {
    match (number(proof), number(key)) {
        (Some(_), Some(0)) => true,
        (Some(proof), Some(key)) => proof.wrapping_rem(key) == 0,
        _ => false,
    }
}

/// As `Integer.parseInt`.
fn number(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
