//! The client: walks the paths of Autobahn's cases, and echoes each message.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::connect::{self, Asked, Opened};
use crate::fault::{Fault, Faults};
use crate::head::HeadReader;
use crate::rules::{Event, Role};
use crate::server::{PATIENCE, echo};
use crate::session::Session;

/// A suite's server, and what this client asks it for.
#[derive(Debug)]
pub(crate) struct Client {
    /// `HOST:PORT`.
    pub(crate) authority: String,
    pub(crate) agent: String,
    pub(crate) offer: Option<String>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) max_message: u64,
    pub(crate) faults: Faults,
}

impl Client {
    /// Runs all cases. A case that fails does not end the others.
    pub(crate) fn run(&self) -> io::Result<()> {
        let agent = &self.agent;
        for case in 1..=self.case_count()? {
            match self.open(&format!("/runCase?case={case}&agent={agent}"), self.faults) {
                Ok(session) => echo(session),
                Err(error) => eprintln!("faulty: case {case}: {error}"),
            }
        }
        echo(self.open(&format!("/updateReports?agent={agent}"), Faults::NONE)?);
        Ok(())
    }

    fn case_count(&self) -> io::Result<u32> {
        let mut session = self.open("/getCaseCount", Faults::NONE)?;
        let mut count = None;
        while let Some(event) = session.next_event() {
            if let Event::Message { payload, .. } = event {
                count = String::from_utf8(payload).ok();
            }
        }
        count
            .and_then(|count| count.trim().parse().ok())
            .ok_or_else(|| io::Error::other("not a number of cases"))
    }

    /// The requests for the number of cases and for the report are made without the fault.
    fn open(&self, target: &str, faults: Faults) -> io::Result<Session> {
        let stream = TcpStream::connect(&self.authority)?;
        let asked = Asked {
            host: self.authority.clone(),
            target: target.to_owned(),
            key: connect::key(faults),
            subprotocols: self.subprotocols.clone(),
            offer: self.offer.clone(),
            fields: String::new(),
        };
        let (opened, leftover) = handshake(&stream, &asked, faults)?;
        Ok(Session::new(stream, Role::Client, opened.deflate, self.max_message, &leftover, faults))
    }
}

/// Writes the request and reads the response. Returns what the server sent after the response's head.
pub(crate) fn handshake(
    mut stream: &TcpStream,
    asked: &Asked,
    faults: Faults,
) -> io::Result<(Opened, Vec<u8>)> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = asked.request(faults).into_bytes();
    if faults.has(Fault::SendsBeforeResponse) {
        request.extend_from_slice(&[0x81, 0x80, 1, 2, 3, 4]);
    }
    stream.write_all(&request)?;
    let mut reader = HeadReader::response(connect::check_status_line, faults);
    let mut bytes = Vec::new();
    loop {
        let mut buffer = vec![0; 16 << 10];
        if bytes.is_empty() {
            let len = stream.read(&mut buffer)?;
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(buffer.get(..len).unwrap_or_default());
        }
        let wrong = |rule: crate::head::BadHead| io::Error::new(io::ErrorKind::InvalidData, rule.rule);
        match reader.push(&bytes).map_err(wrong)? {
            None => bytes.clear(),
            Some((head, used)) => {
                bytes.drain(..used);
                // 1xx other than 101 come before the final response (RFC 9110 §15.2).
                let is_interim = matches!(connect::status(&head), Some(100 | 102..=199));
                if is_interim && !faults.has(Fault::RefusesInterimResponse) {
                    reader = HeadReader::response(connect::check_status_line, faults);
                    continue;
                }
                return asked.check(&head, faults).map(|opened| (opened, bytes)).map_err(wrong);
            }
        }
    }
}
