//! What the configuration says on authentication (`ProviderRegistry`, `AuthenticationHelper`).

use super::error::ConfigError;
use super::settings::AuthConfig;
use super::values::Values;

const CLASSES: &str = "org.apache.zookeeper.server.auth.";

/// Schemes that `authProvider.` lines add to those built in.
#[derive(Default)]
struct Providers {
    digest: bool,
    ensemble: bool,
    key: bool,
}

pub(super) fn auth(values: &mut Values<'_>) -> Result<AuthConfig, ConfigError> {
    let named = named_providers(values);
    let digest_enabled = values.flag("DigestAuthenticationProvider.enabled")? || named.digest;
    let (enforce_auth, enforce_auth_schemes) = enforced(values)?;
    let names = values.text_if_set("ensembleAuthName").map(|names| split_at_commas(&names));
    Ok(AuthConfig {
        skip_acl: values.flag("skipACL")?,
        digest_enabled,
        super_digest: values.text_if_set("DigestAuthenticationProvider.superDigest"),
        digest_algorithm: values.text("DigestAuthenticationProvider.digestAlg"),
        ip_use_x_forwarded_for: values.flag("IPAuthenticationProvider.usexforwardedfor")?,
        enforce_auth,
        enforce_auth_schemes,
        ensemble_auth_names: named.ensemble.then(|| names.unwrap_or_default()),
        key_scheme: named.key,
        eager_acl_check: values.flag("enableEagerACLCheck")?,
    })
}

/// Java loads these classes; here the ones it brings along are known by name. A class that cannot be
/// loaded costs its scheme, not the start.
fn named_providers(values: &mut Values<'_>) -> Providers {
    let mut providers = Providers::default();
    for (key, class) in values.texts_of("authProvider.*") {
        let name = class.strip_prefix(CLASSES).unwrap_or_default();
        match name {
            "IPAuthenticationProvider" => {}
            "DigestAuthenticationProvider" => providers.digest = true,
            "EnsembleAuthenticationProvider" => providers.ensemble = true,
            "KeyAuthenticationProvider" => providers.key = true,
            "SASLAuthenticationProvider" => {
                values.warn(&key, "has no effect yet: SASL comes with a later version");
            }
            "X509AuthenticationProvider" => {
                values.warn(&key, "has no effect yet: TLS comes with a later version");
            }
            _ => {
                values.warn(&key, format!("{class} cannot be loaded, its scheme is not available"))
            }
        }
    }
    providers
}

fn enforced(values: &mut Values<'_>) -> Result<(bool, Vec<String>), ConfigError> {
    let sasl_only = values.flag("sessionRequireClientSASLAuth")?;
    let enforce = values.flag("enforce.auth.enabled")?;
    let schemes = values.text_if_set("enforce.auth.schemes");
    if sasl_only {
        return Ok((true, vec!["sasl".to_owned()]));
    }
    Ok((enforce, schemes.map(|list| split_at_commas(&list)).unwrap_or_default()))
}

fn split_at_commas(list: &str) -> Vec<String> {
    super::java::split(list, ',').iter().map(|part| part.trim().to_owned()).collect()
}
