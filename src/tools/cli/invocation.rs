//! The command line of zkCli (Java: `MyCommandOptions.parseOptions`). System properties, which the
//! script hands over as `-Dkey=value`, may stand among the options.

/// What zkCli was started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// `-server`: the connect string.
    pub server: String,
    /// `-timeout` as it was written, in milliseconds.
    pub timeout: String,
    /// `-r`: a server without a quorum will do.
    pub read_only: bool,
    /// `-waitforconnection`: no command before the connection.
    pub wait_for_connection: bool,
    /// `-client-configuration`: a file of properties.
    pub client_configuration: Option<String>,
    /// `-Dkey=value`.
    pub properties: Vec<(String, String)>,
    /// The one command to run; without it, commands are read.
    pub command: Vec<String>,
    /// What is not understood, for standard error. Java goes on over it, or says nothing.
    pub complaints: Vec<String>,
}

impl Invocation {
    /// Reads the arguments of the process.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut found = Self {
            server: "localhost:2181".to_owned(),
            timeout: "30000".to_owned(),
            read_only: false,
            wait_for_connection: false,
            client_configuration: None,
            properties: Vec::new(),
            command: Vec::new(),
            complaints: Vec::new(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
                found.command = std::iter::once(argument).chain(arguments).collect();
                break;
            }
            found.option(argument, &mut arguments);
        }
        found
    }

    fn option(&mut self, option: String, rest: &mut impl Iterator<Item = String>) {
        match option.as_str() {
            "-r" => self.read_only = true,
            "-waitforconnection" => self.wait_for_connection = true,
            "-server" | "-timeout" | "-client-configuration" => match rest.next() {
                Some(value) => self.value(&option, value),
                None => {
                    self.complaints.push(format!("Error: no argument found for option {option}"));
                }
            },
            _ => match option.strip_prefix("-D").filter(|property| !property.is_empty()) {
                Some(property) => {
                    let (key, value) = property.split_once('=').unwrap_or((property, ""));
                    self.properties.push((key.to_owned(), value.to_owned()));
                }
                None => self.complaints.push(format!("Ignored: there is no option {option}")),
            },
        }
    }

    fn value(&mut self, option: &str, value: String) {
        match option {
            "-server" => self.server = value,
            "-timeout" => self.timeout = value,
            _ => self.client_configuration = Some(value),
        }
    }
}
