//! The command that runs one case again.

use crate::case::Id;
use crate::options::{Command, Run};

/// A command line without the case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Again {
    /// Up to `--only`.
    front: Vec<String>,
    /// The program under test with its arguments, if the suite starts it.
    program: Vec<String>,
}

impl Again {
    /// The command that is running now, without its reports and without its selection of cases.
    pub(crate) fn of(command: &Command) -> Self {
        let (mut front, run, program) = match command {
            Command::Server { uri, h2, run } => {
                let mut front = vec!["server"];
                front.extend(h2.then_some("--h2"));
                front.push(uri.as_str());
                (front, run, None)
            }
            Command::Client { addr, handshakes, run, program } => {
                let mut front = vec!["client", "--addr", addr.as_str()];
                front.extend(handshakes.then_some("--handshakes"));
                (front, run, Some(program))
            }
            Command::Pipe { run, program } => (vec!["pipe"], run, Some(program)),
            Command::Shim { run, program } => (vec!["shim"], run, Some(program)),
            Command::List { .. } | Command::Grid(_) | Command::Fuzz(_) => return Self::default(),
        };
        front.insert(0, "wsconform");
        let mut front: Vec<String> = front.into_iter().map(str::to_owned).collect();
        front.extend(options(run));
        Self { front, program: program.cloned().unwrap_or_default() }
    }

    /// The command line for a case, quoted for a POSIX shell.
    pub(crate) fn line(&self, case: &Id) -> String {
        let mut words: Vec<&str> = self.front.iter().map(String::as_str).collect();
        words.extend(["--only", &case.0]);
        if !self.program.is_empty() {
            words.push("--");
            words.extend(self.program.iter().map(String::as_str));
        }
        words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
    }
}

/// The options that change what a case does.
fn options(run: &Run) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(directory) = &run.select.cases {
        words.extend(["--cases".to_owned(), directory.display().to_string()]);
    }
    if run.timeout != Run::DEFAULT_TIMEOUT {
        words.extend(["--timeout".to_owned(), run.timeout.to_string()]);
    }
    words
}

/// A word that a POSIX shell reads as it is.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=+@%,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::Options;

    fn line(arguments: &str) -> String {
        let arguments = ["wsconform"].into_iter().chain(arguments.split(' '));
        Again::of(&Options::parse_from(arguments).command).line(&Id("6455/5.2/a/server".to_owned()))
    }

    #[test]
    fn command_keeps_what_changes_a_case_and_leaves_out_the_reports() {
        let run = "--only 6455/* --json a.json --html a.html --jobs 2";
        assert_eq!(
            line(&format!("server ws://[::1]:9/?a=1&b=2 {run} --timeout 3 --cases my")),
            "wsconform server 'ws://[::1]:9/?a=1&b=2' --cases my --timeout 3 --only 6455/5.2/a/server"
        );
        assert_eq!(
            line(&format!("client --handshakes {run} -- ./it's {{url}}")),
            r"wsconform client --addr 127.0.0.1:9001 --handshakes --only 6455/5.2/a/server -- './it'\''s' '{url}'"
        );
        assert_eq!(line("server --h2 ws://h/"), "wsconform server --h2 ws://h/ --only 6455/5.2/a/server");
        assert_eq!(line("pipe -- run -"), "wsconform pipe --only 6455/5.2/a/server -- run -");
        assert_eq!(line("shim -- run"), "wsconform shim --only 6455/5.2/a/server -- run");
    }
}
