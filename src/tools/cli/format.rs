//! How results look (Java: `StatPrinter`, `HexDumpOutputFormatter` over Netty's `prettyHexDump`,
//! `ZKUtil.getPermString`, `AclParser`).

use std::fmt::Write as _;

use jute::data::{Acl, Id, Stat};

use crate::server::auth::perms;
use crate::tools::dates::{Dates, Form};

/// The lines of a stat.
pub(super) fn stat(stat: &Stat) -> String {
    let mut dates = Dates::local(Form::Plain);
    let mut date = |time| String::from_utf8_lossy(dates.text(time)).into_owned();
    format!(
        "cZxid = {:#x}\nctime = {}\nmZxid = {:#x}\nmtime = {}\npZxid = {:#x}\ncversion = {}\n\
         dataVersion = {}\naclVersion = {}\nephemeralOwner = {:#x}\ndataLength = {}\n\
         numChildren = {}\n",
        stat.czxid,
        date(stat.ctime),
        stat.mzxid,
        date(stat.mtime),
        stat.pzxid,
        stat.cversion,
        stat.version,
        stat.aversion,
        stat.ephemeral_owner,
        stat.data_length,
        stat.num_children,
    )
}

/// Names between brackets, as Java's lists print themselves.
pub(super) fn list(names: &[String]) -> String {
    format!("[{}]", names.join(", "))
}

const HEX_RULE: &str =
    "+--------+-------------------------------------------------+----------------+";

/// Sixteen bytes to a line, in a frame; nothing for no bytes.
pub(super) fn hex_dump(data: &[u8]) -> String {
    if data.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "         +-------------------------------------------------+\n         \
         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n",
    );
    text.push_str(HEX_RULE);
    for (row, bytes) in data.chunks(16).enumerate() {
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, " {byte:02x}");
            hex
        });
        let shown: String =
            bytes.iter().map(|&b| if matches!(b, b' '..=b'~') { b as char } else { '.' }).collect();
        let _ = write!(text, "\n|{:08x}|{hex:48} |{shown:16}|", row * 16);
    }
    text.push('\n');
    text.push_str(HEX_RULE);
    text
}

/// `'scheme,'id` and the permissions.
pub(super) fn acl(acl: &Acl) -> String {
    let perms = perms::letters(acl.perms);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("'{},'{}\n: {perms}", text(&acl.id.scheme), text(&acl.id.id))
}

/// Reads `scheme:id:perms` entries between commas. What makes no sense is passed over and told to
/// `complain`.
pub(super) fn parse_acl(text: &str, mut complain: impl FnMut(String)) -> Vec<Acl> {
    let mut acls = Vec::new();
    // Java's split drops the empty entries at the end, unless there is nothing else.
    let trimmed = if text.is_empty() { "" } else { text.trim_end_matches(',') };
    if trimmed.is_empty() && !text.is_empty() {
        return acls;
    }
    for entry in trimmed.split(',') {
        let parts = entry.split_once(':').and_then(|(scheme, rest)| {
            let (id, perms) = rest.rsplit_once(':')?;
            Some((scheme, id, perms))
        });
        let Some((scheme, id, perms)) = parts else {
            complain(format!("{entry} does not have the form scheme:id:perm"));
            continue;
        };
        let id = Id { scheme: Some(scheme.to_owned()), id: Some(id.to_owned()) };
        acls.push(Acl { perms: parse_perms(perms, &mut complain), id });
    }
    acls
}

fn parse_perms(text: &str, complain: &mut impl FnMut(String)) -> i32 {
    text.chars().fold(0, |found, c| match perms::LETTERS.iter().find(|(letter, _)| *letter == c) {
        Some((_, bit)) => found | bit,
        None => {
            complain(format!("Unknown perm type: {c}"));
            found
        }
    })
}
