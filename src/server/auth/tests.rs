use super::*;
use crate::server::harness::auth_config as config;

fn auth() -> Auth {
    Auth::new(&config()).unwrap()
}

fn id(scheme: &str, id: &str) -> Id {
    Id { scheme: Some(scheme.to_owned()), id: Some(id.to_owned()) }
}

fn acl(perms: i32, scheme: &str, who: &str) -> Acl {
    Acl { perms, id: id(scheme, who) }
}

fn shared(list: &[Acl]) -> SharedAcl {
    list.into()
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[test]
fn a_digest_is_that_of_java() {
    for (alg, hash) in [
        ("SHA1", "eGYxmOtrfaj/35Fq9lW7ol9psVU="),
        ("md5", "EzX2vKBuwlkJarhYTKc3Sw=="),
        ("SHA-256", "gzemdoTJg2Fw8xIqpLtJADwxxZfiWPmUrF+FeCFBP3s="),
        ("SHA-224", "mR+QYVQx9UoqlH6/YWnWyhGixhPDTq/ukdM8qw=="),
        ("SHA-512/224", "7kfP8+/ODzzSkwgA1lyZ3D4FX96hH5N3HQPbyg=="),
        ("SHA-512/256", "LGq1qeuPi0TMUbaqbf+XZ5LfaOnQo6/XPN2o/CJbbhY="),
        ("SHA3-256", "CpjxjOt0TuAuIXcyx+VrcHznzkkOHLgoYfWJC9YH3YA="),
        ("SHA3-224", "pi4OCaDHwrLpNMCGXKOpKNcJgpHcXzhvTO9vCA=="),
        ("SHA-384", "iMglGN1pjjS+eulijRQfiUIJbmP9GMNFyJDDbQbMHYCZ3q7aZlMR9VY9TdokQNfe"),
        ("SHA3-384", "2YoSBpKQIjJ7O+at281mk7OB5S3jW1TVrfS0U2d7ZCldL3qeaRNwJX0nsypfzyAL"),
    ] {
        let config = AuthConfig { digest_algorithm: alg.to_owned(), ..config() };
        let ids = Auth::new(&config)
            .unwrap()
            .authenticate(Some("digest"), Some(b"user:pa:ss"), HERE, None)
            .unwrap();
        assert_eq!(ids, [id("digest", &format!("user:{hash}"))], "{alg}");
    }
    let unknown = AuthConfig { digest_algorithm: "SHA9".to_owned(), ..config() };
    let error = Auth::new(&unknown).unwrap_err();
    assert_eq!(error, AuthError::UnknownDigestAlgorithm("SHA9".to_owned()));
}

#[test]
fn the_super_digest_makes_super() {
    let digest = "user:eGYxmOtrfaj/35Fq9lW7ol9psVU=";
    let config = AuthConfig { super_digest: Some(digest.to_owned()), ..config() };
    let auth = Auth::new(&config).unwrap();
    let ids = auth.authenticate(Some("digest"), Some(b"user:pa:ss"), HERE, None).unwrap();
    assert_eq!(ids, [id("super", ""), id("digest", digest)]);
    assert_eq!(auth.check_acl(&[acl(perms::READ, "digest", "x:y")], perms::WRITE, &ids), Ok(()));
    let other = auth.authenticate(Some("digest"), Some(b"user:else"), HERE, None).unwrap();
    assert_eq!(other.len(), 1);
}

#[test]
fn who_cannot_be_authenticated() {
    let auth = auth();
    for scheme in [None, Some("world"), Some("sasl"), Some("x509"), Some("super"), Some("auth")] {
        assert_eq!(auth.authenticate(scheme, Some(b"u:p"), HERE, None), Err(Code::AuthFailed));
    }
    assert_eq!(auth.authenticate(Some("digest"), None, HERE, None), Err(Code::AuthFailed));
    assert_eq!(auth.authenticate(Some("ip"), None, HERE, None), Ok(vec![id("ip", "127.0.0.1")]));
    let without = Auth::new(&AuthConfig { digest_enabled: false, ..config() }).unwrap();
    assert_eq!(
        without.authenticate(Some("digest"), Some(b"u:p"), HERE, None),
        Err(Code::AuthFailed)
    );
}

#[test]
fn addresses_are_printed_as_java_does() {
    for (addr, text) in [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("fe80::1:0:ABCD", "fe80:0:0:0:0:1:0:abcd"),
        ("::1", "0:0:0:0:0:0:0:1"),
    ] {
        assert_eq!(Auth::connect_ids(addr.parse().unwrap()), [id("ip", text)]);
    }
}

#[test]
fn networks_match_their_addresses() {
    for (client, expr, expected) in [
        ("10.1.2.3", "10.1.2.3", true),
        ("10.1.2.3", "10.1.2.3/32", true),
        ("10.1.2.3", "10.1.2.4", false),
        ("10.1.2.3", "10.1.0.0/16", true),
        ("10.1.2.3", "10.1.2.0/25", true),
        ("10.1.2.200", "10.1.2.0/25", false),
        ("10.1.2.3", "0.0.0.0/0", true),
        ("10.1.2.3", "10.1.2.3/33", false),
        ("10.1.2.3", "10.1.2.3/", false),
        ("0:0:0:0:0:0:0:1", "::1", true),
        ("fe80:0:0:0:0:0:0:1", "fe80::/10", true),
        ("fec0:0:0:0:0:0:0:1", "fe80::/10", false),
        ("0:0:0:0:0:0:0:1", "0.0.0.0/0", false),
        ("10.1.2.3", "::/0", false),
    ] {
        assert_eq!(ip::matches(client, expr), expected, "{client} {expr}");
    }
}

#[test]
fn networks_that_an_acl_may_name() {
    for valid in
        ["1.2.3.4", "01.2.3.4/8", "1::", "::", "::1/128", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::"]
    {
        assert!(ip::is_valid(valid), "{valid}");
    }
    for invalid in [
        "",
        "x",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.-4",
        "1.2.3.4/33",
        "1.2.3.4/-1",
        "1.2.3.4/x",
        ":",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4::5:6:7:8",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7:",
        "::1/129",
    ] {
        assert!(!ip::is_valid(invalid), "{invalid}");
    }
}

#[test]
fn the_order_of_an_acl_check() {
    let auth = auth();
    let me = [id("ip", "10.0.0.1"), id("digest", "u:h")];
    let allowed = |list: &[Acl], perm, ids: &[Id]| auth.check_acl(list, perm, ids).is_ok();
    assert!(allowed(&[], perms::ADMIN, &[]));
    assert!(allowed(open_acl(), perms::ADMIN, &[]));
    assert!(!allowed(&[acl(perms::READ, "world", "anyone")], perms::WRITE, &me));
    assert!(allowed(&[acl(perms::WRITE, "digest", "u:h")], perms::WRITE, &me));
    assert!(!allowed(&[acl(perms::WRITE, "digest", "u:other")], perms::WRITE, &me));
    assert!(allowed(&[acl(perms::WRITE, "ip", "10.0.0.0/8")], perms::WRITE, &me));
    assert!(allowed(&[acl(perms::READ, "ip", "9.9.9.9")], perms::WRITE, &[id("super", "")]));
    assert!(!allowed(&[acl(perms::ALL, "sasl", "u")], perms::READ, &[id("sasl", "u")]));
    assert!(!allowed(&[acl(perms::ALL, "world", "someone")], perms::READ, &me));
    // One of two permissions is enough (`getACL`).
    assert!(allowed(&[acl(perms::READ, "digest", "u:h")], perms::READ | perms::ADMIN, &me));
    let skipping = Auth::new(&AuthConfig { skip_acl: true, ..config() }).unwrap();
    assert_eq!(skipping.check_acl(&[acl(0, "digest", "x:y")], perms::WRITE, &[]), Ok(()));
}

#[test]
fn an_acl_is_fixed_up() {
    let auth = auth();
    let me = [id("ip", "10.0.0.1"), id("digest", "u:h"), id("digest", "v:h"), id("super", "")];
    let fixup = |list: &[Acl]| auth.fixup_acl(Some(&shared(list)), &me).map(|l| l.to_vec());
    assert_eq!(auth.fixup_acl(None, &me), Err(Code::InvalidAcl));
    assert_eq!(fixup(&[]), Err(Code::InvalidAcl));
    let world = acl(1, "world", "anyone");
    assert_eq!(fixup(&[world.clone(), world.clone()]), Ok(vec![world]));
    let mine = vec![acl(3, "digest", "u:h"), acl(3, "digest", "v:h")];
    assert_eq!(fixup(&[acl(3, "auth", "whatever")]), Ok(mine));
    for invalid in [
        acl(1, "world", "someone"),
        acl(1, "ip", "10.0.0.1/99"),
        acl(1, "digest", "nocolon"),
        acl(1, "digest", "a:b:c"),
        acl(1, "sasl", "u"),
        acl(1, "super", ""),
        acl(1, "", ""),
        Acl { perms: 1, id: Id { scheme: None, id: Some("x".to_owned()) } },
    ] {
        assert_eq!(fixup(std::slice::from_ref(&invalid)), Err(Code::InvalidAcl), "{invalid:?}");
    }
    for valid in [acl(1, "digest", "a:b"), acl(1, "digest", ":b"), acl(1, "ip", "10.0.0.0/8")] {
        assert_eq!(fixup(std::slice::from_ref(&valid)), Ok(vec![valid]));
    }
    for scheme in ["world", "ip", "digest"] {
        let null = Acl { perms: 1, id: Id { scheme: Some(scheme.to_owned()), id: None } };
        assert_eq!(fixup(&[null]), Err(Code::MarshallingError));
    }
    let unproved = [id("ip", "10.0.0.1")];
    let list = shared(&[acl(3, "auth", "")]);
    assert_eq!(auth.fixup_acl(Some(&list), &unproved), Err(Code::InvalidAcl));
}

#[test]
fn a_null_that_must_be_compared_is_malformed() {
    let auth = auth();
    let ids = [id("digest", "u:h")];
    let null = |perms, scheme: Option<&str>| Acl {
        perms,
        id: Id { scheme: scheme.map(str::to_owned), id: None },
    };
    let fixup = |list: &[Acl]| auth.fixup_acl(Some(&shared(list)), &ids).map(|acl| acl.len());
    let first = acl(31, "auth", "");
    assert_eq!(fixup(&[null(31, Some("auth")), first.clone()]), Ok(2));
    assert_eq!(fixup(&[first.clone(), null(1, Some("auth"))]), Ok(2));
    assert_eq!(fixup(&[first.clone(), null(31, Some("auth"))]), Err(Code::MarshallingError));
    assert_eq!(fixup(&[first.clone(), null(1, None)]), Err(Code::InvalidAcl));
    assert_eq!(fixup(&[first, null(31, None)]), Err(Code::MarshallingError));
}

#[test]
fn the_common_acl_is_not_copied() {
    let fixed = auth().fixup_acl(Some(open_acl()), &[]).unwrap();
    assert!(SharedAcl::ptr_eq(&fixed, open_acl()));
}

#[test]
fn a_scheme_can_be_enforced() {
    let enforce = |schemes: &[&str]| {
        let enforce_auth_schemes = schemes.iter().map(|s| (*s).to_owned()).collect();
        Auth::new(&AuthConfig { enforce_auth: true, enforce_auth_schemes, ..config() })
    };
    assert!(auth().may_send(&[]));
    let auth = enforce(&["digest"]).unwrap();
    assert!(!auth.may_send(&[id("ip", "1.2.3.4")]));
    assert!(auth.may_send(&[id("ip", "1.2.3.4"), id("digest", "u:h")]));
    assert_eq!(enforce(&[]).unwrap_err(), AuthError::NoSchemeToEnforce);
    assert_eq!(enforce(&["sasl"]).unwrap_err(), AuthError::UnknownScheme("sasl".to_owned()));
}

#[test]
fn digests_are_hidden_from_those_without_admin() {
    let list =
        [acl(1, "digest", "u:secret\nv:w"), acl(1, "ip", "::1"), acl(1, "digest", "nocolon")];
    let masked = [acl(1, "digest", "u:x\nv:x"), acl(1, "ip", "::1"), acl(1, "digest", "nocolon")];
    assert_eq!(mask_acl(&list), masked);
}

#[test]
fn users_have_names() {
    let auth = auth();
    let ids = [id("ip", "1.2.3.4"), id("digest", "u:h"), id("super", ""), id("digest", ":h")];
    assert_eq!(auth.users(&ids).as_deref(), Some("1.2.3.4,u"));
    assert_eq!(auth.users(&[id("super", "")]), None);
    let infos: Vec<_> = auth.client_infos(&ids).into_iter().map(|i| i.user.unwrap()).collect();
    assert_eq!(infos, ["1.2.3.4", "u", "", ""]);
}

proptest::proptest! {
    #[test]
    fn any_text_is_an_id_or_not(id in "[0-9a-f:./+\\-\\n]{0,24}", expr in "[0-9a-f:./+\\-\\n]{0,24}") {
        let auth = auth();
        for scheme in ["ip", "digest"] {
            let list = [acl(1, scheme, &expr)];
            let allowed = auth.check_acl(&list, 1, &[self::id(scheme, &id)]).is_ok();
            let valid = auth.fixup_acl(Some(&shared(&list)), &[]).is_ok();
            proptest::prop_assert!(valid || !allowed || scheme == "digest");
        }
        mask_acl(&[acl(1, "digest", &expr)]);
    }
}
