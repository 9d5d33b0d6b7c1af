//! The order in which Java's hash tables give back what was put into them. It shows in the text of
//! a configuration, which is compared byte for byte between members.

/// `HashMap<Long, _>`: what has these keys, given in the order of insertion, in the order of
/// iteration. (A bucket of eight or more keys becomes a tree in Java; no ensemble has one.)
pub(crate) fn long_map_order<T>(items: &mut [T], key: impl Fn(&T) -> i64) {
    let mut capacity: u32 = 16;
    while items.len() > capacity as usize * 3 / 4 {
        capacity *= 2;
    }
    items.sort_by_key(|item| bucket(long_hash(key(item)), capacity));
}

/// `Properties` (since Java 9 over a `ConcurrentHashMap` of 16 buckets that doubles at three
/// quarters): entries, given in the order of insertion, in the order of iteration.
pub(crate) fn properties_order<K: AsRef<str>, V>(entries: &mut [(K, V)]) {
    let mut capacity: u32 = 16;
    while entries.len() >= capacity as usize * 3 / 4 {
        capacity *= 2;
    }
    entries.sort_by_key(|(key, _)| bucket(string_hash(key.as_ref()), capacity));
}

fn bucket(hash: u32, capacity: u32) -> u32 {
    (hash ^ (hash >> 16)) & (capacity - 1)
}

/// `Long.hashCode`.
fn long_hash(v: i64) -> u32 {
    let v = v.cast_unsigned();
    (v ^ (v >> 32)) as u32
}

/// `String.hashCode`.
fn string_hash(s: &str) -> u32 {
    s.encode_utf16().fold(0u32, |h, unit| h.wrapping_mul(31).wrapping_add(u32::from(unit)))
}
