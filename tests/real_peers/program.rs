//! Child processes: their output is read as it is written, every wait has a limit, and none outlives its test.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// A running program; dropping it kills it.
///
/// Threads read and write its standard streams, so that neither it nor the test waits for the other to read.
pub(crate) struct Program {
    command: String,
    child: Child,
    stdin: Sender<Vec<u8>>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// How a program ended, and its output that was not read before.
#[derive(Debug, PartialEq)]
pub(crate) struct Ending {
    /// `None` if it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::try_start(command).unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"))
    }

    pub(crate) fn try_start(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stdin = feed(child.stdin.take().unwrap());
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Ok(Self { command: format!("{command:?}"), child, stdin, stdout, stderr })
    }

    /// Writes to its standard input, which stays open.
    pub(crate) fn write_input(&self, input: &str) {
        // If the program has ended, its `Ending` shows that.
        let _ = self.stdin.send(input.into());
    }

    /// Writes to its standard input, and closes it.
    pub(crate) fn with_input(mut self, input: impl Into<Vec<u8>>) -> Self {
        let _ = self.stdin.send(input.into());
        // The thread closes the stream when its channel is closed.
        self.stdin = mpsc::channel().0;
        self
    }

    /// The next line of its standard output.
    pub(crate) fn line(&self) -> String {
        self.stdout.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let stderr: String = self.stderr.try_iter().collect();
            panic!("{} printed no further line; its standard error: {stderr}", self.command)
        })
    }

    /// The next line of its standard error.
    pub(crate) fn error_line(&self) -> String {
        let line = self.stderr.recv_timeout(PATIENCE);
        line.unwrap_or_else(|_| panic!("{} reported no error", self.command))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `INT`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap();
        assert!(killed.success(), "cannot send {name} to {}", self.command);
    }

    /// Waits until it ends.
    pub(crate) fn finish(mut self) -> Ending {
        let deadline = Instant::now() + PATIENCE;
        let ended = loop {
            let ended = self.child.try_wait().unwrap().is_some();
            if ended || Instant::now() > deadline {
                break ended;
            }
            thread::sleep(Duration::from_millis(5));
        };
        let command = self.command.clone();
        let ending = self.kill();
        assert!(ended, "{command} did not end: {ending:?}");
        ending
    }

    /// Kills it, if it has not ended.
    pub(crate) fn kill(mut self) -> Ending {
        // An error would mean that there is nothing left to kill.
        let _ = self.child.kill();
        let code = self.child.wait().unwrap().code();
        Ending { code, stdout: rest(&self.stdout), stderr: rest(&self.stderr) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn feed(mut input: ChildStdin) -> Sender<Vec<u8>> {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || receiver.iter().try_for_each(|bytes| input.write_all(&bytes)));
    sender
}

fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            // Even if nobody receives the line, the output must be read, so that the program does not block.
            let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            line.clear();
        }
    });
    receiver
}

fn rest(lines: &Receiver<String>) -> String {
    let mut rest = String::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => rest.push_str(&line),
            Err(RecvTimeoutError::Disconnected) => return rest,
            Err(RecvTimeoutError::Timeout) => panic!("an output stays open after the end: {rest}"),
        }
    }
}

/// The limit of every wait; the start of a browser on a busy machine takes longest.
const PATIENCE: Duration = Duration::from_secs(60);
