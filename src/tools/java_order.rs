//! The order in which Java's tools list what they keep in hash tables. It follows from the hashes
//! alone, so scripts that compare two listings rely on it without knowing.

/// The smallest table in which `len` entries are at most three quarters of the slots.
fn capacity(len: usize, initial: usize) -> usize {
    let mut capacity = initial;
    while len > capacity / 4 * 3 {
        capacity *= 2;
    }
    capacity
}

/// Sorts entries, which come in the order in which they were added, as iterating over a `HashMap`
/// that was made for `initial` slots (a power of two) would list them.
fn sort_by_slot<T>(entries: &mut [T], initial: usize, hash: impl Fn(&T) -> i32) {
    let mask = capacity(entries.len(), initial) as u32 - 1;
    entries.sort_by_cached_key(|entry| {
        let hash = hash(entry) as u32;
        (hash ^ (hash >> 16)) & mask
    });
}

/// Sorts the names of a node's children (`DataNode.children`, a `HashSet` made for 8).
pub(super) fn sort_names(names: &mut [&str]) {
    sort_by_slot(names, 8, |name| string_hash(name));
}

/// Sorts by session ids (a `HashMap<Long, _>` made for 16).
pub(super) fn sort_by_id<T>(entries: &mut [T], id: impl Fn(&T) -> i64) {
    sort_by_slot(entries, 16, |entry| {
        let id = id(entry);
        (id ^ ((id as u64) >> 32) as i64) as i32
    });
}

/// `String.hashCode`.
fn string_hash(s: &str) -> i32 {
    s.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// `String.compareTo`: by UTF-16 units.
pub(super) fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    if a.is_ascii() || b.is_ascii() {
        return a.cmp(b);
    }
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_java() {
        assert_eq!(string_hash("zookeeper"), 1_600_681_804);
        assert_eq!(string_hash(""), 0);
    }

    #[test]
    fn tables_grow_at_three_quarters() {
        assert_eq!((capacity(6, 8), capacity(7, 8), capacity(13, 8)), (8, 16, 32));
    }

    #[test]
    fn strings_compare_by_units() {
        assert!(compare("/a", "/ab").is_lt());
        assert!(compare("\u{1f600}", "\u{fffd}").is_lt(), "a surrogate is below U+FFFD");
    }
}
