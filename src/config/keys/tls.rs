//! TLS: one set of keys for clients (`ssl.`), one for the members of an ensemble (`ssl.quorum.`)
//! (`X509Util`, `ClientX509Util`, `QuorumX509Util`).

use super::{INT, Key, Kind, Scope, key, property};

const LATER: &str = "TLS comes with a later version";

const fn tls(name: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    property(name, kind, default).does("X509Util", meaning).not_yet(LATER)
}

const CLIENT_AUTH: Kind = Kind::Word(&["none", "want", "need"]);
const SUPPLIER: &str = "there are no classes to load";

pub(super) const KEYS: &[Key] = &[
    tls("ssl.protocol", Kind::Text, "TLSv1.3", "protocol for clients"),
    tls("ssl.enabledProtocols", Kind::Text, "(by protocol)", "protocols clients may use"),
    tls("ssl.ciphersuites", Kind::Text, "", "cipher suites clients may use"),
    tls("ssl.keyStore.location", Kind::Path, "", "key and certificate shown to clients"),
    tls("ssl.keyStore.password", Kind::Text, "", "password of that key store"),
    tls("ssl.keyStore.passwordPath", Kind::Path, "", "file with that password"),
    tls("ssl.keyStore.type", Kind::Text, "(by name)", "JKS, PEM, PKCS12 or BCFKS"),
    tls("ssl.trustStore.location", Kind::Path, "", "certificates that clients are held to"),
    tls("ssl.trustStore.password", Kind::Text, "", "password of that trust store"),
    tls("ssl.trustStore.passwordPath", Kind::Path, "", "file with that password"),
    tls("ssl.trustStore.type", Kind::Text, "(by name)", "JKS, PEM, PKCS12 or BCFKS"),
    tls("ssl.context.supplier.class", Kind::Class, "", "class that makes contexts")
        .jvm_only(SUPPLIER),
    tls("ssl.hostnameVerification", Kind::Bool, "true", "check names in certificates"),
    tls("ssl.clientHostnameVerification", Kind::Bool, "false", "check names of clients too"),
    tls("ssl.allowReverseDnsLookup", Kind::Bool, "false", "look up names of addresses for that"),
    tls("ssl.crl", Kind::Bool, "false", "check certificates for revocation"),
    tls("ssl.ocsp", Kind::Bool, "false", "ask for revocation online"),
    tls("ssl.clientAuth", CLIENT_AUTH, "need", "ask clients for certificates"),
    tls("ssl.handshakeDetectionTimeoutMillis", INT, "5000", "wait for TLS or plain to show")
        .unit("ms"),
    tls("ssl.quorum.protocol", Kind::Text, "TLSv1.3", "protocol between members"),
    tls("ssl.quorum.enabledProtocols", Kind::Text, "(by protocol)", "protocols members may use"),
    tls("ssl.quorum.ciphersuites", Kind::Text, "", "cipher suites members may use"),
    tls("ssl.quorum.keyStore.location", Kind::Path, "", "key and certificate shown to members"),
    tls("ssl.quorum.keyStore.password", Kind::Text, "", "password of that key store"),
    tls("ssl.quorum.keyStore.passwordPath", Kind::Path, "", "file with that password"),
    tls("ssl.quorum.keyStore.type", Kind::Text, "(by name)", "JKS, PEM, PKCS12 or BCFKS"),
    tls("ssl.quorum.trustStore.location", Kind::Path, "", "certificates members are held to"),
    tls("ssl.quorum.trustStore.password", Kind::Text, "", "password of that trust store"),
    tls("ssl.quorum.trustStore.passwordPath", Kind::Path, "", "file with that password"),
    tls("ssl.quorum.trustStore.type", Kind::Text, "(by name)", "JKS, PEM, PKCS12 or BCFKS"),
    tls("ssl.quorum.context.supplier.class", Kind::Class, "", "class that makes contexts")
        .jvm_only(SUPPLIER),
    tls("ssl.quorum.hostnameVerification", Kind::Bool, "true", "check names in certificates"),
    tls("ssl.quorum.clientHostnameVerification", Kind::Bool, "true", "check both sides' names"),
    tls("ssl.quorum.allowReverseDnsLookup", Kind::Bool, "true", "look up names for that"),
    tls("ssl.quorum.crl", Kind::Bool, "false", "check certificates for revocation"),
    tls("ssl.quorum.ocsp", Kind::Bool, "false", "ask for revocation online"),
    tls("ssl.quorum.clientAuth", CLIENT_AUTH, "need", "ask members for certificates"),
    tls("ssl.quorum.handshakeDetectionTimeoutMillis", INT, "5000", "wait for TLS or plain")
        .unit("ms"),
    tls("ssl.sslProvider", Kind::Text, "JDK", "JDK or OPENSSL")
        .jvm_only("there is one TLS library"),
    tls("client.portUnification", Kind::Bool, "false", "TLS and plain clients on one port"),
    tls("client.certReload", Kind::Bool, "false", "new certificates without a restart"),
    tls("fips-mode", Kind::Bool, "true", "use the platform's own checks only"),
    key(Scope::Bare, "jdk.tls.rejectClientInitiatedRenegotiation", Kind::Bool, "true")
        .does("X509Util", "clients may not renegotiate")
        .not_yet(LATER),
];
