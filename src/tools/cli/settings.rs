//! The properties of the client: `-Dkey=value` and the file of `-client-configuration`, which wins
//! (Java: `ZKClientConfig`). What this client cannot do is refused if it is about safety, else told.

use std::fs;
use std::time::Duration;

use crate::config::Properties;

use super::{Failure, Invocation};

/// What the properties say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `zookeeper.request.timeout`: how long a request may take; without it, any time.
    pub(super) request_timeout: Option<Duration>,
    /// `jute.maxbuffer`: the longest reply, in bytes.
    pub(super) max_packet: usize,
    /// What is not heeded, for standard error.
    pub warnings: Vec<String>,
}

/// Properties that change what Java's client does and that this one does not heed.
const UNHEEDED: [(&str, &str); 2] = [
    ("java.security.auth.login.config", "there is no SASL in this client"),
    ("zookeeper.disableAutoWatchReset", "watches are set again after each reconnect"),
];

impl Settings {
    /// Reads the properties of an invocation.
    ///
    /// # Errors
    /// If the file cannot be read, a number is none, or a secure connection is asked for.
    pub fn load(invocation: &Invocation) -> Result<Self, Failure> {
        let mut properties = Properties::default();
        for (key, value) in &invocation.properties {
            properties.set(key, value);
        }
        if let Some(file) = &invocation.client_configuration {
            let written = read(file)
                .map_err(|e| Failure::invocation(format!("Error while processing {file}: {e}")))?;
            for (key, value) in written.iter() {
                properties.set(key.trim(), value.trim());
            }
        }
        Self::interpret(&properties)
    }

    fn interpret(properties: &Properties) -> Result<Self, Failure> {
        let is_true = |key| properties.get(key).is_some_and(|v| v.eq_ignore_ascii_case("true"));
        if is_true("zookeeper.client.secure") {
            return Err(Failure::invocation(
                "zookeeper.client.secure=true: there is no TLS in this client, and it will not \
                 connect without",
            ));
        }
        let request_timeout = number(properties, "zookeeper.request.timeout")?.unwrap_or(0);
        let max_packet = number(properties, "jute.maxbuffer")?;
        let warnings = UNHEEDED.iter().filter_map(|(key, why)| {
            let value = properties.get(key).filter(|value| *value != "false")?;
            Some(format!("Ignored: {key}={value}, {why}"))
        });
        Ok(Self {
            request_timeout: Some(Duration::from_millis(request_timeout))
                .filter(|timeout| !timeout.is_zero()),
            max_packet: max_packet
                .map_or(jute::DEFAULT_MAX_BUFFER, |max| usize::try_from(max).unwrap_or(usize::MAX)),
            warnings: warnings.collect(),
        })
    }
}

fn read(file: &str) -> Result<Properties, String> {
    let bytes = fs::read(file).map_err(|e| e.to_string())?;
    Properties::parse(&bytes).map_err(|e| format!("malformed \\uxxxx in {:?}", e.text))
}

/// A whole number; one below zero is zero.
fn number(properties: &Properties, key: &str) -> Result<Option<u64>, Failure> {
    let Some(text) = properties.get(key) else { return Ok(None) };
    match text.trim().parse::<i64>() {
        Ok(number) => Ok(Some(u64::try_from(number).unwrap_or(0))),
        Err(_) => Err(Failure::new(format!("{key}={text}: expected a whole number"))),
    }
}
