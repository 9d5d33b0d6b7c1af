//! Every node with every field, and their comparison.

use compat_tests::{Failure, Result};
use gamekeeper::client::Client;

/// All nodes in the order of their paths, one text each, as `client` sees them.
pub(crate) fn read(client: &Client) -> Result<Vec<String>> {
    let mut nodes = vec![];
    let mut paths = vec!["/".to_owned()];
    while let Some(path) = paths.pop() {
        let (data, stat) = client.get_data(&path, false).wait()?;
        let (mut children, _) = client.get_children(&path, false).wait()?;
        let (acl, _) = client.get_acl(&path).wait()?;
        let slash = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        children.sort();
        paths.extend(children.iter().map(|name| format!("{slash}{name}")));
        let data = data.map(|data| match data.len() {
            0..200 => String::from_utf8_lossy(&data).into_owned(),
            length => format!("{length} bytes, {}", crc(&data)),
        });
        nodes.push(format!("{path}: {data:?} {stat:?} {acl:?} {children:?}"));
    }
    nodes.sort();
    Ok(nodes)
}

/// A sum over bytes that tells whether two are the same.
fn crc(data: &[u8]) -> u64 {
    data.iter().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

/// The first node that differs.
pub(crate) fn compare(before: &[String], after: &[String]) -> Result<()> {
    if before == after {
        return Ok(());
    }
    let differs = before.iter().zip(after).find(|(before, after)| before != after);
    let more = ("".to_owned(), format!("{} nodes instead of {}", after.len(), before.len()));
    let (before, after) = differs.unwrap_or((&more.0, &more.1));
    Err(Failure::new(format!("a node changed\nfrom {before}\nto   {after}")))
}
