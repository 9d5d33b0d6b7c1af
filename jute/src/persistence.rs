//! Headers of the files on disk (IDL module `org.apache.zookeeper.server.persistence`).

use crate::record::records;

records! {
    /// `FileHeader`.
    FileHeader {
        /// `magic`.
        magic: i32,
        /// `version`.
        version: i32,
        /// `dbid`.
        db_id: i64,
    }
}
