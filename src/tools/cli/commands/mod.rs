//! The commands: one table of names, usages, options and what to run (Java: `CommandFactory` and the
//! package `cli`).

mod acl;
mod ensemble;
mod nodes;
mod quota;
mod session;
mod subtree;
mod watches;

use super::arguments::{Arguments, Rule, Syntax, flag, valued};
use super::console::Console;
use super::failure::Failure;
use super::zk::Zk;

type Outcome = Result<(), Failure>;

/// A command that asks the server.
struct Command {
    verb: &'static str,
    usage: &'static str,
    syntax: Syntax,
    /// How many words it needs, the verb among them.
    words: usize,
    /// Whether the usage has a line for each option.
    explains: bool,
    /// How a third word is taken, of which earlier versions knew more.
    third_word: ThirdWord,
    run: fn(&Zk, &Arguments, &mut Console) -> Outcome,
}

/// What a third word means to a command that has use for two.
#[derive(Clone, Copy)]
enum ThirdWord {
    /// Nothing special.
    Plain,
    /// Told and passed over.
    Told(&'static str),
    /// Told, and taken for `-w` by its place in the line.
    Watch(&'static str),
}

/// The commands of the shell itself, with their usages.
const OF_THE_SHELL: [(&str, &str); 6] = [
    ("close", ""),
    ("connect", "host:port"),
    ("history", ""),
    ("printwatches", "on|off"),
    ("quit", ""),
    ("redo", "cmdno"),
];

/// All verbs with their usages, sorted.
pub(super) fn verbs() -> Vec<(&'static str, &'static str)> {
    let served = COMMANDS.iter().map(|command| (command.verb, command.usage));
    let mut verbs: Vec<_> = served.chain(OF_THE_SHELL).collect();
    verbs.sort_unstable();
    verbs
}

/// What zkCli says to whoever names no verb, or one that does not exist.
pub(super) fn usage() -> String {
    let verbs = verbs().into_iter().map(|(verb, usage)| format!("\n\t{verb} {usage}"));
    let head = "ZooKeeper -server host:port -client-configuration properties-file cmd args";
    head.to_owned() + &verbs.collect::<String>()
}

/// Runs a command that asks the server. A verb of the shell is none, and nothing happens.
pub(super) fn run(zk: &Zk, words: &[String], console: &mut Console) -> Outcome {
    let Some(command) = COMMANDS.iter().find(|command| command.verb == words[0]) else {
        return Ok(());
    };
    let mut arguments = command.syntax.parse(words)?;
    if arguments.has("?") {
        console.text(&format!("usage: ls [options] path\n{}", command.syntax.help()))?;
    }
    if arguments.words.len() < command.words {
        return Err(Failure::new(command.help()));
    }
    if arguments.words.len() > 2 {
        match command.third_word {
            ThirdWord::Plain => {}
            ThirdWord::Told(text) => console.note(text),
            ThirdWord::Watch(text) => {
                console.note(text);
                let mut words = words.to_vec();
                "-w".clone_into(&mut words[2]);
                arguments = command.syntax.parse(&words)?;
            }
        }
    }
    (command.run)(zk, &arguments, console)
}

impl Command {
    fn help(&self) -> String {
        let options = if self.explains { self.syntax.help() } else { String::new() };
        let gap = if self.explains { "\n" } else { "" };
        format!("{} {}{gap}{options}", self.verb, self.usage)
    }
}

/// `Integer.parseInt` of an option's value, `absent` where the option was not given.
fn int_option(arguments: &Arguments, name: &str, absent: i32) -> Result<i32, Failure> {
    arguments.value(name).map_or(Ok(absent), |text| text.parse().map_err(|_| Failure::number(text)))
}

const fn free(options: &'static [super::arguments::Opt]) -> Syntax {
    Syntax { options, rule: Rule::Free }
}

/// A command in its simplest form.
const fn command(
    verb: &'static str,
    usage: &'static str,
    words: usize,
    run: fn(&Zk, &Arguments, &mut Console) -> Outcome,
) -> Command {
    let (syntax, third_word) = (Syntax::NONE, ThirdWord::Plain);
    Command { verb, usage, syntax, words, explains: false, third_word, run }
}

const COMMANDS: &[Command] = &[
    Command {
        syntax: free(&[valued("m", "")]),
        ..command(
            "addWatch",
            "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - \
             default is PERSISTENT_RECURSIVE",
            2,
            watches::add_watch,
        )
    },
    command("addauth", "scheme auth", 2, session::add_auth),
    Command {
        syntax: free(&[
            flag("s", "stats"),
            flag("w", "watch"),
            flag("c", "client connection string"),
        ]),
        ..command("config", "[-c] [-w] [-s]", 1, ensemble::config)
    },
    Command {
        syntax: free(&[
            flag("e", "ephemeral"),
            flag("s", "sequential"),
            flag("c", "container"),
            valued("t", "ttl"),
        ]),
        ..command("create", "[-s] [-e] [-c] [-t ttl] path [data] [acl]", 2, nodes::create)
    },
    Command {
        syntax: free(&[valued("v", "version")]),
        third_word: ThirdWord::Told(
            "'delete path [version]' has been deprecated. Please use 'delete [-v version] path' \
             instead.",
        ),
        ..command("delete", "[-v version] path", 2, nodes::delete)
    },
    Command {
        syntax: free(&[valued("b", "batch size")]),
        ..command("deleteall", "path [-b batch size]", 2, subtree::delete_all)
    },
    Command {
        syntax: Syntax {
            options: &[
                flag("n", "num soft quota"),
                flag("b", "bytes soft quota"),
                flag("N", "num hard quota"),
                flag("B", "bytes hard quota"),
            ],
            rule: Rule::OneAtMost,
        },
        ..command("delquota", "[-n|-b|-N|-B] path", 2, quota::delete)
    },
    Command {
        syntax: free(&[
            flag("s", "Print znode stats additionally"),
            flag("w", "Watch for changes on the znode"),
            flag("b", "Output data in base64 format"),
            flag("x", "Output data in hexdump format"),
        ]),
        explains: true,
        third_word: ThirdWord::Watch(
            "'get path [watch]' has been deprecated. Please use 'get [-s] [-w] path' instead.",
        ),
        ..command("get", "[-s] [-w] [-b] [-x] path", 2, nodes::get)
    },
    Command { syntax: free(&[flag("s", "stats")]), ..command("getAcl", "[-s] path", 2, acl::get) },
    command("getAllChildrenNumber", "path", 2, subtree::count),
    command("getEphemerals", "path", 1, session::ephemerals),
    command("listquota", "path", 2, quota::list),
    Command {
        syntax: free(&[
            flag("?", "help"),
            flag("s", "stat"),
            flag("w", "watch"),
            flag("R", "recurse"),
        ]),
        third_word: ThirdWord::Watch(
            "'ls path [watch]' has been deprecated. Please use 'ls [-w] path' instead.",
        ),
        ..command("ls", "[-s] [-w] [-R] path", 2, nodes::ls)
    },
    Command {
        syntax: free(&[
            flag("s", "stats"),
            valued("v", "required current config version"),
            valued("file", "path of config file to parse for membership"),
            valued(
                "members",
                "comma-separated list of config strings for non-incremental reconfig",
            ),
            valued("add", "comma-separated list of config strings for new servers"),
            valued("remove", "comma-separated list of server IDs to remove"),
        ]),
        ..command("reconfig", ensemble::RECONFIG_USAGE, 1, ensemble::reconfig)
    },
    Command {
        syntax: free(&[
            flag("c", "child watcher type"),
            flag("d", "data watcher type"),
            flag("p", "persistent watcher type"),
            flag("r", "persistent recursive watcher type"),
            flag("a", "any watcher type"),
            flag("l", "remove locally when there is no server connection"),
        ]),
        ..command("removewatches", "path [-c|-d|-a] [-l]", 2, watches::remove)
    },
    Command {
        syntax: free(&[
            flag("s", "Print znode stats additionally"),
            valued("v", "Set with an expected version"),
            flag("b", "Supply data in base64 format"),
        ]),
        explains: true,
        ..command("set", "path data [-s] [-v version] [-b]", 3, nodes::set)
    },
    Command {
        syntax: free(&[flag("s", "stats"), valued("v", "version"), flag("R", "recursive")]),
        ..command("setAcl", "[-s] [-v version] [-R] path acl", 3, acl::set)
    },
    Command {
        syntax: Syntax {
            options: &[
                valued("n", "num soft quota"),
                valued("b", "bytes soft quota"),
                valued("N", "num hard quota"),
                valued("B", "bytes hard quota"),
            ],
            rule: Rule::One,
        },
        ..command("setquota", "-n|-b|-N|-B val path", 2, quota::set)
    },
    Command {
        syntax: free(&[flag("w", "watch")]),
        third_word: ThirdWord::Watch(
            "'stat path [watch]' has been deprecated. Please use 'stat [-w] path' instead.",
        ),
        ..command("stat", "[-w] path", 2, nodes::stat)
    },
    command("sync", "path", 2, session::sync),
    command("version", "", 1, session::version),
    command("whoami", "", 1, session::who_am_i),
];
