//! Requests in bulk: nodes by the hundred thousand.

use std::net::SocketAddr;
use std::rc::Rc;

use gamekeeper::op::op;
use jute::proto::{CreateRequest, DeleteRequest};

use super::load::{Load, Script};
use crate::Result;
use crate::ensemble::recorder::open_acl;

/// Sessions and depth at which nodes are made and deleted in bulk.
const BULK_SESSIONS: usize = 4;
const BULK_DEPTH: u32 = 200;
/// Requests of one bulk script.
const BULK_CHUNK: usize = 100_000;

/// Sends `count` requests in bulk; `add` puts the one of a number into the script.
///
/// # Errors
/// If a connection breaks or a request fails.
pub fn bulk(servers: &[SocketAddr], count: usize, add: impl Fn(&mut Script, usize)) -> Result<()> {
    for chunk in (0..count).step_by(BULK_CHUNK) {
        let numbers = chunk..count.min(chunk + BULK_CHUNK);
        let scripts: Vec<Rc<Script>> = (0..BULK_SESSIONS)
            .map(|session| {
                let mut script = Script::default();
                numbers
                    .clone()
                    .skip(session)
                    .step_by(BULK_SESSIONS)
                    .for_each(|i| add(&mut script, i));
                Rc::new(script)
            })
            .filter(|script| !script.is_empty())
            .collect();
        let mut load = Load::open(servers, &scripts, BULK_DEPTH)?;
        load.run_each_once()?;
        load.close()?;
    }
    Ok(())
}

/// The request for a plain node, or for one of another mode by its `flags`.
pub fn create_request(path: &str, data: &[u8], flags: i32) -> CreateRequest {
    let (path, data) = (Some(path.to_owned()), Some(data.to_vec()));
    CreateRequest { path, data, acl: Some(open_acl()), flags }
}

/// Adds a create.
pub fn push_create(script: &mut Script, path: &str, data: &[u8], flags: i32) {
    script.push(op::CREATE, &create_request(path, data, flags));
}

/// Adds a delete.
pub fn push_delete(script: &mut Script, path: &str) {
    script.push(op::DELETE, &DeleteRequest { path: Some(path.to_owned()), version: -1 });
}
