//! The order in which Java has the ids of a connection: that of a set over a `ConcurrentHashMap`.

use jute::data::Id;

/// Buckets of a new map.
const MIN_BUCKETS: usize = 16;

/// Sorts ids, which stand in the order in which they came, as Java iterates over them: by bucket, within
/// one as they came.
pub(in crate::server) fn sort_as_java(ids: &mut [Id]) {
    let mut buckets = MIN_BUCKETS;
    while ids.len() >= buckets / 4 * 3 {
        buckets *= 2;
    }
    ids.sort_by_key(|id| {
        let hash = hash_of_id(id);
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    });
}

/// `Id.hashCode`.
fn hash_of_id(id: &Id) -> u32 {
    [&id.scheme, &id.id].into_iter().fold(17, |hash: u32, part| {
        hash.wrapping_mul(37).wrapping_add(hash_of_string(part.as_deref().unwrap_or_default()))
    })
}

/// `String.hashCode`.
fn hash_of_string(text: &str) -> u32 {
    text.encode_utf16()
        .fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(scheme: &str, id: &str) -> Id {
        Id { scheme: Some(scheme.to_owned()), id: Some(id.to_owned()) }
    }

    #[test]
    fn ids_stand_as_a_java_server_tells_them() {
        let mut ids = vec![
            id("ip", "127.0.0.1"),
            id("super", ""),
            id("digest", "super:D/InIHSb7yEEbrWz8b9l71RjZJU="),
        ];
        let told = [ids[1].clone(), ids[0].clone(), ids[2].clone()];
        sort_as_java(&mut ids);
        assert_eq!(ids, told);
        let bob = id("digest", "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=");
        let mut ids = vec![id("ip", "127.0.0.1"), bob.clone()];
        sort_as_java(&mut ids);
        assert_eq!(ids[0], bob);
    }

    #[test]
    fn strings_hash_as_in_java() {
        assert_eq!(hash_of_string("polygenelubricants"), 0x8000_0000);
        assert_eq!(hash_of_string(""), 0);
    }
}
