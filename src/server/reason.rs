//! Why a client connection ended, by the names that logs and metrics use
//! (`ServerCnxn.DisconnectReason`).

use std::fmt;

macro_rules! reasons {
    ($($name:ident = $text:literal,)*) => {
        /// Why a connection ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)] // Each variant is the reason of its name.
        pub enum DisconnectReason {
            $($name,)*
        }

        impl DisconnectReason {
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The reason as the Java server writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    Unknown = "unknown",
    ServerShutdown = "server_shutdown",
    CloseAllConnectionsForced = "close_all_connections_forced",
    ConnectionCloseForced = "connection_close_forced",
    ConnectionExpired = "connection_expired",
    ClientClosedConnection = "client_closed_connection",
    ClientClosedSession = "client_closed_session",
    UnableToReadFromClient = "unable_to_read_from_client",
    NotReadOnlyClient = "not_read_only_client",
    ClientZxidAhead = "client_zxid_ahead",
    InfoProbe = "info_probe",
    ClientReconnect = "client_reconnect",
    CancelledKeyException = "cancelled_key_exception",
    IoException = "io_exception",
    IoExceptionInSessionInit = "io_exception_in_session_init",
    BufferUnderflowException = "buffer_underflow_exception",
    SaslAuthFailure = "sasl_auth_failure",
    ResetCommand = "reset_command",
    CloseConnectionCommand = "close_connection_command",
    CleanUp = "clean_up",
    ConnectionModeChanged = "connection_mode_changed",
    RenewGlobalSessionInRoMode = "renew a global session in readonly mode",
    ChannelDisconnected = "channel disconnected",
    ChannelClosedException = "channel_closed_exception",
    AuthProviderNotFound = "auth provider not found",
    FailedHandshake = "Unsuccessful handshake",
    ClientRateLimit = "Client hits rate limiting threshold",
    ClientCnxLimit = "Client hits connection limiting threshold",
}

impl DisconnectReason {
    /// The reason with the given number, as [`DisconnectReason`]` as u8` gave it.
    pub(crate) fn from_u8(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
