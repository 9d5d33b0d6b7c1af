//! Who clients are and what they may do.

use super::{Key, Kind, LONG, Scope, key, property};

const SASL: &str = "SASL comes with a later version";
const TLS: &str = "TLS comes with a later version";
const ADMIN: &str = "the HTTP admin server comes with a later version";

pub(super) const KEYS: &[Key] = &[
    property("skipACL", Kind::Only("yes"), "no").does("ZooKeeperServer", "check no ACLs at all"),
    property("DigestAuthenticationProvider.enabled", Kind::Bool, "true")
        .does("DigestAuthenticationProvider", "the scheme digest is there"),
    property("DigestAuthenticationProvider.superDigest", Kind::Text, "")
        .does("DigestAuthenticationProvider", "user:digest who may do anything"),
    property("DigestAuthenticationProvider.digestAlg", Kind::Text, "SHA1")
        .does("DigestAuthenticationProvider", "hash of the scheme digest"),
    property("X509AuthenticationProvider.superUser", Kind::Text, "")
        .does("X509AuthenticationProvider", "certificate subject who may do anything")
        .not_yet(TLS),
    property("X509AuthenticationProvider.*", Kind::Text, "")
        .does("X509AuthenticationUtil", "what in a certificate is the client's id")
        .not_yet(TLS),
    property("IPAuthenticationProvider.usexforwardedfor", Kind::Bool, "false")
        .does("IPAuthenticationProvider", "HTTP clients go by the header X-Forwarded-For")
        .not_yet(ADMIN),
    property("authProvider.*", Kind::Class, "").does(
        "ProviderRegistry",
        "classes of authentication schemes; Java's own are known by name",
    ),
    property("ssl.authProvider", Kind::Text, "x509")
        .does("ClientX509Util", "scheme for certificates of clients")
        .not_yet(TLS),
    property("sessionRequireClientSASLAuth", Kind::Bool, "false")
        .does("AuthenticationHelper", "only clients with the scheme sasl"),
    property("enforce.auth.enabled", Kind::Bool, "false")
        .does("AuthenticationHelper", "only clients that authenticated"),
    property("enforce.auth.schemes", Kind::Text, "")
        .does("AuthenticationHelper", "schemes of which one must have been used"),
    property("allowSaslFailedClients", Kind::Bool, "false")
        .does("ZooKeeperServer", "clients whose SASL failed stay connected")
        .not_yet(SASL),
    property("superUser*", Kind::Text, "")
        .does("ZooKeeperServer", "SASL users who may do anything")
        .not_yet(SASL),
    property("SASLAuthenticationProvider.superPassword", Kind::Text, "")
        .does("SaslServerCallbackHandler", "password of the SASL user super")
        .not_yet(SASL),
    property("letAnySaslUserDoX", Kind::Text, "")
        .does("SASLAuthenticationProvider", "a right that any SASL user has")
        .not_yet(SASL),
    property("sasl.serverconfig", Kind::Text, "Server")
        .does("ZooKeeperSaslServer", "JAAS section of the server")
        .not_yet(SASL),
    key(Scope::Bare, "java.security.auth.login.config", Kind::Path, "")
        .does("ServerCnxnFactory", "JAAS file")
        .not_yet(SASL),
    property("kerberos.removeHostFromPrincipal", Kind::Bool, "false")
        .does("SaslServerCallbackHandler", "ids without the host")
        .not_yet(SASL),
    property("kerberos.removeRealmFromPrincipal", Kind::Bool, "false")
        .does("SaslServerCallbackHandler", "ids without the realm")
        .not_yet(SASL),
    property("kerberos.canonicalizeHostNames", Kind::Bool, "false")
        .does("QuorumPeer", "canonical names of members in principals")
        .not_yet(SASL),
    property("security.auth_to_local", Kind::Text, "DEFAULT")
        .does("KerberosName", "rules from principals to ids")
        .not_yet(SASL),
    property("requireKerberosConfig", Kind::Bool, "false")
        .does("KerberosName", "refuse to run without a Kerberos configuration")
        .not_yet(SASL),
    property("kinit", Kind::Path, "/usr/bin/kinit")
        .does("Login", "program that renews tickets")
        .not_yet(SASL),
    property("kerberos.minReLoginTimeMs", LONG, "60000")
        .unit("ms")
        .does("Login", "time between logins")
        .not_yet(SASL),
    property("server.realm", Kind::Text, "")
        .does("SecurityUtils", "Kerberos realm of the server")
        .not_yet(SASL),
    property("ensembleAuthName", Kind::Text, "")
        .does("EnsembleAuthenticationProvider", "names that the scheme ensemble accepts"),
];
