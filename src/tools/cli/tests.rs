use jute::data::{Acl, Id};
use proptest::prelude::*;

use super::arguments::{Arguments, Rule, Syntax, flag, valued};
use super::{Invocation, Settings, commands, format, words};

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn a_line_is_split_as_java_splits_it() {
    for (line, expected) in [
        ("ls /", &["ls", "/"][..]),
        ("  ls \t /  ", &["ls", "/"]),
        ("set /a 'two words'", &["set", "/a", "two words"]),
        ("set /a \"it's\"", &["set", "/a", "it's"]),
        ("set /a ''", &["set", "/a", ""]),
        ("set /a b\"c d\"", &["set", "/a", "b\"c", "d\""]),
        ("\"a\"b", &["a", "b"]),
        ("ls \"/open end", &["ls", "/open", "end"]),
        ("", &[]),
        ("   ", &[]),
    ] {
        assert_eq!(words::split(line), expected, "{line:?}");
    }
}

const SYNTAX: Syntax = Syntax {
    options: &[flag("s", "stats"), valued("v", "version"), valued("add", "servers")],
    rule: Rule::Free,
};

fn given(syntax: &Syntax, line: &str) -> Result<Arguments, String> {
    syntax.parse(&words::split(line)).map_err(|e| e.message)
}

#[test]
fn options_stand_anywhere() {
    for line in ["x -s -v 3 a b", "x a b -s -v3", "x a -sv 3 b", "x -v=3 -s a b", "x -s -v '3' a b"]
    {
        let found = given(&SYNTAX, line).unwrap();
        assert_eq!(found.value("v"), Some("3"), "{line}");
        assert!(found.has("s"), "{line}");
        assert_eq!(found.words, ["x", "a", "b"], "{line}");
    }
    assert_eq!(given(&SYNTAX, "x -v -1").unwrap().value("v"), Some("-1"));
    assert_eq!(given(&SYNTAX, "x -add 1=a:2 -v 1 -v 2").unwrap().value("v"), Some("1"));
    assert_eq!(given(&SYNTAX, "x -- -s -- -").unwrap().words, ["x", "-s", "--", "-"]);
}

#[test]
fn misuse_is_told_in_commons_clis_words() {
    const PACKAGE: &str = "org.apache.commons.cli.";
    let one = Syntax { rule: Rule::One, ..SYNTAX };
    for (syntax, line, expected) in [
        (&SYNTAX, "x -q", "UnrecognizedOptionException: Unrecognized option: -q"),
        (&SYNTAX, "x -sq", "UnrecognizedOptionException: Unrecognized option: -sq"),
        (&SYNTAX, "x -1", "UnrecognizedOptionException: Unrecognized option: -1"),
        (&SYNTAX, "x --s", "UnrecognizedOptionException: Unrecognized option: --s"),
        (&SYNTAX, "x -add=1", "UnrecognizedOptionException: Unrecognized option: -add=1"),
        (&SYNTAX, "x -v", "MissingArgumentException: Missing argument for option: v"),
        (&SYNTAX, "x -v -s", "MissingArgumentException: Missing argument for option: v"),
        (
            &one,
            "x",
            "MissingOptionException: Missing required option: [-s stats, -v version, -add servers]",
        ),
        (
            &one,
            "x -s -v 1",
            "AlreadySelectedException: The option 'v' was specified but an option from this group \
             has already been selected: 's'",
        ),
    ] {
        assert_eq!(given(syntax, line).unwrap_err(), format!("{PACKAGE}{expected}"), "{line}");
    }
}

#[test]
fn help_lists_the_options() {
    assert_eq!(
        SYNTAX.help(),
        " -add <arg>   servers\n -s           stats\n -v <arg>     version\n"
    );
}

#[test]
fn the_usage_has_every_verb_once() {
    let verbs: Vec<&str> = commands::verbs().into_iter().map(|(verb, _)| verb).collect();
    assert_eq!(verbs.len(), 28);
    assert!(verbs.is_sorted());
    assert!(verbs.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(commands::usage().ends_with("\n\twhoami "));
}

#[test]
fn the_command_line_ends_where_the_command_begins() {
    let invocation = Invocation::parse(strings(&[
        "-Dk=v", "-server", "a:1/x", "-r", "-what", "-timeout", "5", "get", "-s", "/a",
    ]));
    assert_eq!((invocation.server.as_str(), invocation.timeout.as_str()), ("a:1/x", "5"));
    assert_eq!(invocation.properties, [("k".to_owned(), "v".to_owned())]);
    assert!(invocation.read_only && !invocation.wait_for_connection);
    assert_eq!(invocation.command, ["get", "-s", "/a"]);
    assert_eq!(invocation.complaints, ["Ignored: there is no option -what"]);
    let broken = Invocation::parse(strings(&["-server"]));
    assert_eq!(broken.server, "localhost:2181");
    assert_eq!(broken.complaints, ["Error: no argument found for option -server"]);
}

#[test]
fn properties_are_heeded_told_or_refused() {
    let with = |words: &[&str]| Settings::load(&Invocation::parse(strings(words)));
    let settings = with(&["-Djute.maxbuffer=9", "-Dzookeeper.request.timeout=7"]).unwrap();
    assert_eq!((settings.max_packet, settings.request_timeout.unwrap().as_millis()), (9, 7));
    assert_eq!(with(&["-Djava.security.auth.login.config=x"]).unwrap().warnings.len(), 1);
    assert_eq!(with(&["-Dzookeeper.client.secure=true"]).unwrap_err().exit_code, 2);
    assert_eq!(with(&["-client-configuration", "/no/such"]).unwrap_err().exit_code, 2);
    assert_eq!(with(&["-Djute.maxbuffer=x"]).unwrap_err().exit_code, 1);
}

#[test]
fn bytes_are_dumped_in_a_frame() {
    assert_eq!(format::hex_dump(b""), "");
    let dump = format::hex_dump(b"0123456789abcdef\0~\x7f");
    let rows: Vec<&str> = dump.lines().skip(3).collect();
    assert_eq!(
        rows[..2],
        [
            "|00000000| 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 |0123456789abcdef|",
            "|00000010| 00 7e 7f                                        |.~.             |",
        ]
    );
    assert_eq!(rows[2], dump.lines().nth(2).unwrap());
}

#[test]
fn acls_are_read_entry_by_entry() {
    let mut faults = Vec::new();
    let list = format::parse_acl("world:anyone:r,x,ip:[::1]:zca,,", |fault| faults.push(fault));
    let acl = |scheme: &str, id: &str, perms| Acl {
        perms,
        id: Id { scheme: Some(scheme.to_owned()), id: Some(id.to_owned()) },
    };
    assert_eq!(list, [acl("world", "anyone", 1), acl("ip", "[::1]", 20)]);
    assert_eq!(faults, ["x does not have the form scheme:id:perm", "Unknown perm type: z"]);
    assert_eq!(format::acl(&list[1]), "'ip,'[::1]\n: ca");
}

proptest! {
    #[test]
    fn any_line_does_no_harm(line in "[-=sv '\"a/1\u{e9}\t]{0,30}") {
        let words = words::split(&line);
        prop_assert!(words.iter().map(String::len).sum::<usize>() <= line.len());
        let _ = SYNTAX.parse(&words);
        let _ = Invocation::parse(words);
        format::parse_acl(&line, |_| ());
    }
}
