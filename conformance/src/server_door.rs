//! The *server* door: the suite connects to an echo server.

use tokio::time;

use crate::case::{Ask, Case, Deflate, Receive, Request, Role};
use crate::cuts::{self, Cut};
use crate::deflate::{self, Inflater};
use crate::door::WireDoor;
use crate::echo;
use crate::flood;
use crate::h2_case::NEEDS_H2;
use crate::peer::PeerReader;
use crate::request;
use crate::script::Sentinel;
use crate::upgrade::{Opened, Target};
use crate::verdict::{Answer, Door, Verdict};
use crate::wire::{self, Clock, Settings};

/// An echo server under test.
#[derive(Clone, Debug)]
pub(crate) struct ServerDoor {
    pub(crate) target: Target,
    pub(crate) clock: Clock,
    /// What the server answered to a plain offer of permessage-deflate.
    pub(crate) deflate: bool,
    /// Why no connection can be opened: then only the cases of the opening handshake are asked.
    closed: Option<String>,
}

impl ServerDoor {
    /// Connects once, to learn whether there is a server and whether it compresses.
    pub(crate) async fn new(target: Target, clock: Clock) -> Result<Self, String> {
        let probed = time::timeout(clock.kill, target.probe()).await;
        let probed = probed.map_err(|_| {
            let (authority, seconds) = (&target.authority, clock.kill.as_secs());
            format!("{authority} did not answer an opening handshake within {seconds} s; see --timeout")
        })??;
        let (deflate, closed) = match probed {
            Ok(deflate) => (deflate, None),
            Err(why) => (false, Some(why)),
        };
        Ok(Self { target, clock, deflate, closed })
    }

    /// The request of a case, for the path of the server under test.
    fn at_resource(&self, request: &[u8]) -> Vec<u8> {
        match request.strip_prefix(b"GET /chat ") {
            Some(rest) if self.target.resource != "/" => {
                [b"GET ", self.target.resource.as_bytes(), b" ", rest].concat()
            }
            _ => request.to_vec(),
        }
    }

    fn settings(&self) -> Settings {
        Settings { mask: MASK, clock: self.clock, acted: None }
    }

    /// Opens a connection; else the answer to the case.
    async fn open(&self, offer: Option<&str>) -> Result<Opened, Answer> {
        match time::timeout(self.clock.kill, self.target.open(offer)).await {
            Ok(opened) => opened.map_err(|error| failed(Verdict::Fail, error)),
            Err(_) => Err(failed(Verdict::Hung, NO_ANSWER.to_owned())),
        }
    }

    async fn request(&self, case: &Request, cut: &Cut) -> Answer {
        let stream = match self.target.connect().await {
            Ok(stream) => stream,
            Err(error) => return failed(Verdict::Fail, error),
        };
        let steps = request::steps(case, cut, Sentinel::Echoed, MASK);
        let seen = wire::run(stream, &[], &steps, PeerReader::of_response(), self.settings()).await;
        request::answer(case, cut, Sentinel::Echoed, &seen)
    }

    async fn receive(&self, case: &Receive, cut: &Cut) -> Answer {
        let offer = case.deflate.map(deflate::offer);
        let opened = match self.open(offer.as_deref()).await {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        if let Some(why) = differs(case.deflate, opened.deflate) {
            return Answer::not_asked(why);
        }
        let inflater = opened.deflate.map(|agreed| Inflater::new(agreed, Role::Server));
        let peer = PeerReader::new(Role::Server, inflater);
        let steps = echo::steps(case, cut, Role::Server, Sentinel::Echoed, MASK);
        let seen = wire::run(opened.stream, &opened.early, &steps, peer, self.settings()).await;
        echo::answer(case, cut, &seen)
    }
}

impl WireDoor for ServerDoor {
    const DOOR: Door = Door::Server;

    fn cuts(&self, case: &Case) -> Result<Vec<Cut>, String> {
        if case.role != Role::Server {
            return Err("it is for clients".to_owned());
        }
        match &case.ask {
            Ask::Receive(receive) => cuts_of_receive(receive, self.closed.as_deref(), self.deflate),
            Ask::Request(request) => match request::cannot_ask(request, self.deflate) {
                Some(why) => Err(why.to_owned()),
                None => Ok(cuts::of_head(&self.at_resource(&request.bytes.0), request.split)),
            },
            Ask::Flood(flood) => match flood::cannot_ask(flood, true) {
                Some(why) => Err(why.to_owned()),
                None => Ok(vec![Cut::none()]),
            },
            Ask::H2(_) => Err(NEEDS_H2.to_owned()),
            _ => Err("an echo server makes no calls of its own".to_owned()),
        }
    }

    async fn ask(&self, case: &Case, cut: &Cut) -> Answer {
        match &case.ask {
            Ask::Receive(receive) => self.receive(receive, cut).await,
            Ask::Request(request) => self.request(request, cut).await,
            Ask::Flood(flood) => match self.open(None).await {
                Ok(opened) => flood::answer(flood, flood::run(flood, opened.stream, None, self.clock).await),
                Err(answer) => answer,
            },
            _ => Answer::not_asked("this door does not ask it"),
        }
    }
}

/// The ways to cut a `receive` case. `Err` says why this server is not asked it; `closed`, why it is asked none.
pub(crate) fn cuts_of_receive(
    case: &Receive,
    closed: Option<&str>,
    accepts_deflate: bool,
) -> Result<Vec<Cut>, String> {
    match closed.or(echo::cannot_ask(case)) {
        Some(why) => Err(why.to_owned()),
        None if case.deflate.is_some() && !accepts_deflate => {
            Err("the server does not accept permessage-deflate".to_owned())
        }
        None => Ok(cuts::of_receive(case)),
    }
}

/// Why the agreed parameters are not those that the case needs for what the suite sends.
pub(crate) fn differs(needed: Option<Deflate>, agreed: Option<Deflate>) -> Option<String> {
    let (needed, agreed) = match (needed, agreed) {
        (None, _) => return None,
        (Some(_), None) => return Some("the server declined the parameters of the case".to_owned()),
        (Some(needed), Some(agreed)) => (needed, agreed),
    };
    let same = needed.client_no_context_takeover == agreed.client_no_context_takeover
        && needed.client_max_window_bits == agreed.client_max_window_bits;
    (!same).then(|| "the server agreed to other parameters than those of the case".to_owned())
}

/// The answer to a case whose connection could not be opened.
pub(crate) fn failed(verdict: Verdict, observed: String) -> Answer {
    let expected = "the opening handshake".to_owned();
    Answer { verdict, rule: None, expected, observed, sent: Vec::new(), received: Vec::new() }
}

/// What is observed of a server that does not answer.
pub(crate) const NO_ANSWER: &str = "no answer to the opening handshake";

/// The masking key of the suite's own frames.
pub(crate) const MASK: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);
