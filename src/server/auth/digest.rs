//! The scheme `digest`: a client proves `user:password`, an ACL names `user:base64(hash)`, where the
//! hash is of `user:password`. Java: `DigestAuthenticationProvider`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jute::data::Id;
use subtle::ConstantTimeEq;

use super::AuthError;

type Hash = fn(&[u8]) -> Vec<u8>;

/// The scheme as configured.
#[derive(Debug)]
pub(super) struct Digest {
    hash: Hash,
    /// Whoever proves this is the super user.
    super_digest: Option<String>,
}

impl Digest {
    /// `algorithm` is a name that Java's `MessageDigest` knows.
    pub(super) fn new(algorithm: &str, super_digest: Option<String>) -> Result<Self, AuthError> {
        let hash = hash_function(algorithm)
            .ok_or_else(|| AuthError::UnknownDigestAlgorithm(algorithm.to_owned()))?;
        Ok(Self { hash, super_digest })
    }

    /// The ids of a client that sent `proof`, which is `user:password`.
    pub(super) fn ids(&self, proof: &[u8]) -> Vec<Id> {
        let digest = self.generate(&jute::decode_java_utf8(proof));
        let is_super = self
            .super_digest
            .as_ref()
            .is_some_and(|wanted| wanted.as_bytes().ct_eq(digest.as_bytes()).into());
        let mut ids = Vec::with_capacity(2);
        if is_super {
            ids.push(Id { scheme: Some("super".to_owned()), id: Some(String::new()) });
        }
        ids.push(Id { scheme: Some("digest".to_owned()), id: Some(digest) });
        ids
    }

    fn generate(&self, id_password: &str) -> String {
        let user = user_of(id_password);
        format!("{user}:{}", STANDARD.encode((self.hash)(id_password.as_bytes())))
    }
}

fn user_of(id: &str) -> &str {
    id.split(':').next().unwrap_or_default()
}

fn hash_with<D: sha1::Digest>(bytes: &[u8]) -> Vec<u8> {
    D::digest(bytes).to_vec()
}

/// The hashes of the JDK's own provider by its names for them (MD2 is the one left out).
fn hash_function(name: &str) -> Option<Hash> {
    Some(match name.to_ascii_uppercase().as_str() {
        "MD5" => hash_with::<md5::Md5>,
        "SHA" | "SHA1" | "SHA-1" => hash_with::<sha1::Sha1>,
        "SHA224" | "SHA-224" => hash_with::<sha2::Sha224>,
        "SHA256" | "SHA-256" => hash_with::<sha2::Sha256>,
        "SHA384" | "SHA-384" => hash_with::<sha2::Sha384>,
        "SHA512" | "SHA-512" => hash_with::<sha2::Sha512>,
        "SHA512/224" | "SHA-512/224" => hash_with::<sha2::Sha512_224>,
        "SHA512/256" | "SHA-512/256" => hash_with::<sha2::Sha512_256>,
        "SHA3-224" => hash_with::<sha3::Sha3_224>,
        "SHA3-256" => hash_with::<sha3::Sha3_256>,
        "SHA3-384" => hash_with::<sha3::Sha3_384>,
        "SHA3-512" => hash_with::<sha3::Sha3_512>,
        _ => return None,
    })
}

/// Whether the client's `id` is the ACL's `expr`. Both are digests: compared in constant time.
pub(super) fn matches(id: &str, expr: &str) -> bool {
    id.as_bytes().ct_eq(expr.as_bytes()).into()
}

/// Whether `id` has two parts around a colon, as `String.split` counts: empty parts at the end do
/// not count, one at the front does.
pub(super) fn is_valid(id: &str) -> bool {
    id.trim_end_matches(':').split(':').count() == 2
}

/// The user of `user:hash`.
pub(super) fn user_name(id: &str) -> &str {
    user_of(id)
}

/// The id with what follows a colon hidden, to the end of the line: `replaceAll(":.*", ":x")`.
pub(super) fn mask(id: &str) -> String {
    const LINE_ENDS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut out = String::with_capacity(id.len());
    for line in id.split_inclusive(LINE_ENDS) {
        match line.split_once(':') {
            None => out.push_str(line),
            Some((head, tail)) => {
                out.push_str(head);
                out.push_str(":x");
                out.extend(tail.chars().last().filter(|c| LINE_ENDS.contains(c)));
            }
        }
    }
    out
}
