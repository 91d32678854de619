//! The *server* door over HTTP/2: the suite opens WebSockets in streams of an echo server (RFC 8441).

use tokio::time;

use crate::case::{Ask, Case, Receive, Role};
use crate::cuts::Cut;
use crate::deflate::{self, Inflater};
use crate::door::WireDoor;
use crate::echo;
use crate::h2_case::{H2, H2Request, H2Settings};
use crate::h2_request::{self, is_success};
use crate::h2_streams::{self, Opener};
use crate::http2::{self, Http2, Pseudo, Reader, Stream, Writer};
use crate::peer::{self, PeerReader};
use crate::script::{Sentinel, Step, Transcript};
use crate::server_door::{MASK, NO_ANSWER, cuts_of_receive, differs, failed};
use crate::upgrade::Target;
use crate::verdict::{Answer, Door, Verdict};
use crate::wire::{Clock, Connection, Settings};

/// An echo server under test.
#[derive(Clone, Debug)]
pub(crate) struct H2Door {
    target: Target,
    clock: Clock,
    /// Whether the server says that it accepts extended CONNECT.
    allows_connect: bool,
    /// Whether it accepted a plain offer of permessage-deflate.
    deflate: bool,
    /// Why no WebSocket can be opened: then only requests are asked.
    closed: Option<String>,
}

impl H2Door {
    /// Connects once, to learn whether there is a server, and whether it compresses.
    pub(crate) async fn new(target: Target, clock: Clock) -> Result<Self, String> {
        let mut door = Self { target, clock, allows_connect: false, deflate: false, closed: None };
        let mut http2 = door.connect().await.map_err(|(_, why)| why)?;
        door.allows_connect = http2.allows_connect();
        if !door.allows_connect {
            return Ok(door);
        }
        match door.open_stream(&mut http2, Some("permessage-deflate"), false).await {
            Ok(stream) => door.deflate = peer::agreed(&stream.head).is_some(),
            Err((_, why)) => door.closed = Some(why),
        }
        Ok(door)
    }

    fn settings(&self) -> Settings {
        Settings { mask: MASK, clock: self.clock, acted: None }
    }

    /// Opens a stream with a valid request. An error: the server does not accept it.
    async fn open_stream(
        &self,
        http2: &mut Http2,
        offer: Option<&str>,
        end_stream: bool,
    ) -> Result<Stream, Failed> {
        let mut fields = vec![("sec-websocket-version".to_owned(), "13".to_owned())];
        fields.extend(offer.map(|offer| ("sec-websocket-extensions".to_owned(), offer.to_owned())));
        let fail = |why| (Verdict::Fail, why);
        let request = http2::request(&self.target, &Pseudo::new(), &fields).map_err(fail)?;
        let answered = time::timeout(self.clock.kill, http2.ask(request, end_stream)).await;
        let answered = answered.map_err(|_| (Verdict::Hung, NO_ANSWER.to_owned()))?;
        let stream = answered.map_err(|error| fail(format!("the opening handshake: {error}")))?;
        match stream.head.status {
            Some(status) if is_success(status) => Ok(stream),
            _ => Err(fail(format!("the opening handshake was answered with {:?}", stream.head.start))),
        }
    }

    async fn connect(&self) -> Result<Http2, Failed> {
        match time::timeout(self.clock.kill, Http2::connect(&self.target)).await {
            Ok(connected) => connected.map_err(|why| (Verdict::Fail, why)),
            Err(_) => Err((Verdict::Hung, format!("{}: no answer over HTTP/2", self.target.authority))),
        }
    }

    async fn receive(&self, case: &Receive, cut: &Cut) -> Result<Answer, Failed> {
        let mut http2 = self.connect().await?;
        let offer = case.deflate.map(deflate::offer);
        let stream = self.open_stream(&mut http2, offer.as_deref(), false).await?;
        let agreed = peer::agreed(&stream.head);
        if let Some(why) = differs(case.deflate, agreed) {
            return Ok(Answer::not_asked(why));
        }
        let inflater = agreed.map(|agreed| Inflater::new(agreed, Role::Server));
        let steps = echo::steps(case, cut, Role::Server, Sentinel::Echoed, MASK);
        let mut connection =
            Connection::new(stream.reader, stream.writer, PeerReader::new(Role::Server, inflater));
        connection.run(&steps, &self.settings()).await;
        Ok(echo::answer(case, cut, &connection.into_transcript()))
    }

    async fn request(&self, case: &H2Request) -> Result<Answer, Failed> {
        let mut http2 = self.connect().await?;
        let request = match http2::request(&self.target, &case.pseudo, &case.fields) {
            Ok(request) => request,
            Err(why) => return Ok(Answer::not_asked(why)),
        };
        let stream = match time::timeout(self.clock.kill, http2.ask(request, false)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                return Ok(h2_request::answer(case, &Transcript::default(), Some(error.to_string())));
            }
            Err(_) => {
                let hung = Transcript { hung: true, ..Transcript::default() };
                return Ok(h2_request::answer(case, &hung, None));
            }
        };
        let accepts = stream.head.status.is_some_and(is_success);
        let inflater = peer::agreed(&stream.head).map(|agreed| Inflater::new(agreed, Role::Server));
        let mut connection =
            Connection::new(stream.reader, stream.writer, PeerReader::new(Role::Server, inflater));
        connection.seen.head = Some(stream.head.clone());
        if accepts {
            let steps = [Sentinel::Echoed.steps(MASK).as_slice(), &[Step::Finish]].concat();
            connection.run(&steps, &self.settings()).await;
        }
        let seen = Transcript { head: Some(stream.head), ..connection.into_transcript() };
        Ok(h2_request::answer(case, &seen, None))
    }

    /// What the first connection has shown.
    fn says(&self, case: H2Settings) -> Answer {
        let word = |enabled| format!("SETTINGS_ENABLE_CONNECT_PROTOCOL {}", u8::from(enabled));
        let wanted = case.expect.enable_connect_protocol;
        let verdict = if self.allows_connect == wanted { Verdict::Pass } else { Verdict::Fail };
        let (expected, observed) = (word(wanted), word(self.allows_connect));
        Answer { verdict, rule: None, expected, observed, sent: Vec::new(), received: Vec::new() }
    }
}

impl Opener for H2Door {
    async fn open(&self, http2: &mut Http2, end_stream: bool) -> Result<Connection<Reader, Writer>, Failed> {
        let stream = self.open_stream(http2, None, end_stream).await?;
        Ok(Connection::new(stream.reader, stream.writer, PeerReader::new(Role::Server, None)))
    }
}

impl WireDoor for H2Door {
    const DOOR: Door = Door::H2;

    fn cuts(&self, case: &Case) -> Result<Vec<Cut>, String> {
        if case.role != Role::Server {
            return Err("it is for clients".to_owned());
        }
        if !self.allows_connect && !matches!(case.ask, Ask::H2(H2::Settings(_))) {
            return Err("the server does not allow extended CONNECT".to_owned());
        }
        match &case.ask {
            Ask::Receive(receive) => cuts_of_receive(receive, self.closed.as_deref(), self.deflate),
            Ask::Request(request) => match h2_request::of_http1(request) {
                Some(request) => self.cut_of_request(&request),
                None => Err("it is about a request of HTTP/1.1".to_owned()),
            },
            Ask::H2(H2::Request(request)) => self.cut_of_request(request),
            Ask::H2(H2::Streams(_)) => match &self.closed {
                Some(why) => Err(why.clone()),
                None => Ok(vec![Cut::none()]),
            },
            Ask::H2(H2::Settings(_)) => Ok(vec![Cut::none()]),
            Ask::Flood(_) => Err("it counts the bytes of a connection that is not shared".to_owned()),
            Ask::Response(_) | Ask::Local(_) | Ask::Build(_) => {
                Err("an echo server makes no calls of its own".to_owned())
            }
        }
    }

    async fn ask(&self, case: &Case, cut: &Cut) -> Answer {
        let answer = match &case.ask {
            Ask::Receive(receive) => self.receive(receive, cut).await,
            Ask::Request(request) => match h2_request::of_http1(request) {
                Some(request) => self.request(&request).await,
                None => Ok(Answer::not_asked("it is about a request of HTTP/1.1")),
            },
            Ask::H2(H2::Request(request)) => self.request(request).await,
            Ask::H2(H2::Settings(settings)) => Ok(self.says(*settings)),
            Ask::H2(H2::Streams(streams)) => match self.connect().await {
                Ok(http2) => Ok(h2_streams::run(streams, http2, self, &self.settings()).await),
                Err(failed) => Err(failed),
            },
            _ => Ok(Answer::not_asked("this door does not ask it")),
        };
        answer.unwrap_or_else(|(verdict, why)| failed(verdict, why))
    }
}

impl H2Door {
    fn cut_of_request(&self, case: &H2Request) -> Result<Vec<Cut>, String> {
        match h2_request::cannot_ask(case, self.deflate) {
            Some(why) => Err(why.to_owned()),
            None => Ok(vec![Cut::none()]),
        }
    }
}

/// Why a case has come to no answer.
pub(crate) type Failed = (Verdict, String);
