//! Examples as processes.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tungstenite::WebSocket;

/// A program that is killed at the end of its test.
#[derive(Debug)]
pub struct Program {
    pub child: Child,
    pub stdout: BufReader<ChildStdout>,
}

impl Program {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// The next line of its output; empty at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Does what Ctrl-C does.
    pub fn interrupt(&self) {
        let killed = Command::new("kill").args(["-s", "INT", &self.child.id().to_string()]).status();
        assert!(killed.unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A server on a free port; it prints its URL first.
#[derive(Debug)]
pub struct Server {
    pub program: Program,
    pub url: String,
}

impl Server {
    pub fn start(executable: &str) -> Self {
        Self::spawn(&mut Command::new(executable)).unwrap()
    }

    /// Returns its error output if it prints no URL; pipe that output before.
    pub fn spawn(command: &mut Command) -> Result<Self, String> {
        let mut program = Program::start(command.arg("127.0.0.1:0"));
        let url = program.line();
        if url.is_empty() {
            let mut error = String::new();
            if let Some(mut stderr) = program.child.stderr.take() {
                stderr.read_to_string(&mut error).unwrap();
            }
            return Err(error);
        }
        Ok(Self { program, url })
    }

    /// Its host and port.
    pub fn address(&self) -> &str {
        let rest = self.url.split_once("://").unwrap().1;
        rest.split('/').next().unwrap()
    }

    /// Where it speaks WebSocket: servers of pages do so at `/echo`.
    pub fn path(&self) -> &'static str {
        if self.url.starts_with("http") { "/echo" } else { "/" }
    }

    /// A connection on which a read that takes too long fails.
    pub fn transport(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    pub fn connect(&self) -> WebSocket<TcpStream> {
        tungstenite::client(format!("ws://{}{}", self.address(), self.path()), self.transport()).unwrap().0
    }
}

/// Starts a program with so few files that some clients get none.
pub fn few_files(executable: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\"", executable]);
    command
}

/// Asserts that a wrong argument is a usage error.
pub fn usage_error(executable: &str) {
    let output = Command::new(executable).arg("--help-me").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: "));
}
