//! What was written, before anybody asks what it means: the properties of the command line and the
//! files of the configuration. The one place of this room that reads files.

use std::fs;
use std::path::Path;

use super::command_line::{Launch, Source};
use super::error::ConfigError;
use super::java;
use super::properties::Properties;

/// Where data goes when the server is started without any argument: under the working directory.
pub const EMBEDDED_DATA_DIR: &str = "./gamekeeper-data";
/// The client port when the server is started without any argument.
pub const EMBEDDED_CLIENT_PORT: u16 = 2181;

/// Everything that was written for one start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The `-D` properties of the command line.
    pub properties: Properties,
    /// The path of zoo.cfg as it was given. None: started without one.
    pub path: Option<String>,
    /// The bytes of zoo.cfg. Empty: started without one.
    pub text: Vec<u8>,
    /// The entries of zoo.cfg as they stand there, or what stands in for them.
    pub entries: Properties,
    /// The file that `dynamicConfigFile` names.
    pub dynamic: Option<DynamicFile>,
    /// `<zoo.cfg>.dynamic.next`, where there is one beside a dynamic file.
    pub next: Option<Vec<u8>>,
    /// The file `myid` of the data directory.
    pub my_id: Option<Vec<u8>>,
}

/// A dynamic configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DynamicFile {
    /// Its path as `dynamicConfigFile` gives it; the version is at its end.
    pub path: String,
    /// Its bytes.
    pub text: Vec<u8>,
}

impl Written {
    /// Gathers what a command line names (`QuorumPeerConfig.parse`, `ServerConfig.parse`).
    pub fn load(launch: &Launch) -> Result<Self, ConfigError> {
        let mut written = match &launch.source {
            Source::File(path) => Self::load_file(path)?,
            Source::Arguments { client_port, data_dir, tick_time, max_client_cnxns } => {
                // Java's ServerConfig starts from no limit, unlike zoo.cfg.
                let mut entries = stand_in(*client_port, data_dir);
                entries.set("maxClientCnxns", max_client_cnxns.unwrap_or(0).to_string());
                if let Some(tick) = tick_time {
                    entries.set("tickTime", tick.to_string());
                }
                Self { entries, ..Self::default() }
            }
            Source::Embedded => {
                let entries = stand_in(EMBEDDED_CLIENT_PORT, EMBEDDED_DATA_DIR);
                Self { entries, ..Self::default() }
            }
        };
        written.properties = launch.properties.clone();
        Ok(written)
    }

    /// What is written if `path` holds these bytes and names no other file.
    pub fn of_file(path: &str, text: Vec<u8>) -> Result<Self, ConfigError> {
        let entries = parse(&text).map_err(|message| ConfigError::file(path, message))?;
        Ok(Self { path: Some(path.to_owned()), text, entries, ..Self::default() })
    }

    fn load_file(path: &str) -> Result<Self, ConfigError> {
        if !Path::new(path).exists() {
            return Err(ConfigError::file(path, format!("{path} file is missing")));
        }
        let mut written = Self::of_file(path, read(path, path)?)?;
        let named = |key: &str| Some(java::trim(written.entries.get(key)?).to_owned());
        let data_dir = named("dataDir").filter(|path| !path.is_empty());
        if let Some(dynamic) = named("dynamicConfigFile") {
            if dynamic.is_empty() {
                return Err(ConfigError::file(path, "dynamicConfigFile=: expected a path"));
            }
            let text = read(&dynamic, &dynamic)?;
            written.dynamic = Some(DynamicFile { path: dynamic, text });
            written.next = fs::read(format!("{path}.dynamic.next")).ok();
        }
        if let Some(data_dir) = data_dir {
            let my_id = Path::new(&data_dir).join("myid");
            if my_id.is_file() {
                written.my_id = Some(read(&my_id.to_string_lossy(), path)?);
            }
        }
        Ok(written)
    }

    /// An error in what was written, laid to zoo.cfg where there is one.
    pub(super) fn error(&self, message: impl Into<String>) -> ConfigError {
        match &self.path {
            Some(path) => ConfigError::file(path, message),
            None => ConfigError::arguments(message),
        }
    }
}

fn stand_in(client_port: u16, data_dir: &str) -> Properties {
    let mut entries = Properties::default();
    entries.set("clientPort", client_port.to_string());
    entries.set("dataDir", data_dir);
    entries
}

/// Parses a file's bytes; the error says what is malformed.
pub(super) fn parse(text: &[u8]) -> Result<Properties, String> {
    Properties::parse(text).map_err(|bad| {
        format!("Malformed \\uxxxx encoding in {:?}: expected four hexadecimal digits", bad.text)
    })
}

fn read(path: &str, blamed: &str) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|e| ConfigError::file(blamed, format!("cannot read {path}: {e}")))
}
