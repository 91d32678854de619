//! Standard input and output as one transport, for peers that take a transport.

use std::io::{self, Read, StdinLock, StdoutLock, Write};

pub struct Stdio(StdinLock<'static>, StdoutLock<'static>);

impl Stdio {
    pub fn new() -> Self {
        Self(io::stdin().lock(), io::stdout().lock())
    }
}

impl Read for Stdio {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Stdio {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}
