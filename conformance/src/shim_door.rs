//! The *shim* door: small programs around an implementation, which connect to the suite and report what they see.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time;

use crate::case::{Ask, Case, Deflate, Role};
use crate::cuts::{self, Cut};
use crate::deflate::{self, Inflater};
use crate::echo;
use crate::encoding::from_latin1;
use crate::flood::{self, Flooded};
use crate::h2_case::NEEDS_H2;
use crate::head::Head;
use crate::memory::Memory;
use crate::offer;
use crate::peer::PeerReader;
use crate::request;
use crate::response;
use crate::script::{self, Sentinel, Step, Transcript};
use crate::server_door::{MASK, differs};
use crate::shim::{Hello, Shim, Stopped};
use crate::shim_answer::{self, Reported};
use crate::shim_question;
use crate::upgrade::{Opened, Target, read_head};
use crate::verdict::{Answer, Verdict};
use crate::wire::{self, Clock, Settings};

/// One shim, and where it connects. Several of them work side by side.
#[derive(Debug)]
pub(crate) struct ShimDoor {
    program: Vec<String>,
    clock: Clock,
    listener: TcpListener,
    shim: Shim,
}

/// Why a case came to no observation.
enum Failed {
    NotAsked(String),
    Broken(String),
    Stopped(Stopped),
}

impl From<Stopped> for Failed {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl ShimDoor {
    pub(crate) async fn start(program: &[String], clock: Clock) -> Result<Self, String> {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.map_err(|error| format!("127.0.0.1: {error}"))?;
        let shim = Shim::start(program, START).await?;
        Ok(Self { program: program.to_vec(), clock, listener, shim })
    }

    /// The name and the version of the implementation.
    pub(crate) fn agent(&self) -> String {
        format!("{} {}", self.shim.hello.name, self.shim.hello.version).trim().to_owned()
    }

    /// The ways to cut the input of a case; `Err` says why it is not asked.
    pub(crate) fn cuts(&self, case: &Case) -> Result<Vec<Cut>, String> {
        shim_question::question(case, &self.shim.hello)?;
        Ok(match &case.ask {
            Ask::Receive(receive) => cuts::of_receive(receive),
            Ask::Request(request) => cuts::of_head(&request.bytes.0, request.split),
            Ask::Response(response) => response::cuts(response, None),
            Ask::Local(_) | Ask::Build(_) | Ask::Flood(_) | Ask::H2(_) => vec![Cut::none()],
        })
    }

    /// Puts a case to the shim, with its input cut this way. `Err` if the shim cannot be started again.
    pub(crate) async fn ask(&mut self, case: &Case, cut: &Cut) -> Result<Answer, String> {
        let failed = |verdict, observed| Answer {
            verdict,
            rule: None,
            expected: "the end of the case".to_owned(),
            observed,
            sent: cut.segments.clone(),
            received: Vec::new(),
        };
        match self.run(case, cut).await {
            Ok(answer) => Ok(answer),
            Err(Failed::NotAsked(why)) => Ok(Answer::not_asked(why)),
            Err(Failed::Broken(why)) => Ok(failed(Verdict::Fail, why)),
            Err(Failed::Stopped(stopped)) => {
                self.shim = Shim::start(&self.program, START).await?;
                Ok(match stopped {
                    Stopped::Crashed(why) => failed(Verdict::Crashed, why),
                    Stopped::Hung => failed(Verdict::Hung, "the shim printed no end".to_owned()),
                })
            }
        }
    }

    async fn run(&mut self, case: &Case, cut: &Cut) -> Result<Answer, Failed> {
        let hello = self.shim.hello.clone();
        let mut question = shim_question::question(case, &hello).map_err(Failed::NotAsked)?;
        let port = self.listener.local_addr().map_err(|error| Failed::Broken(error.to_string()))?.port();
        question.insert("port".to_owned(), port.into());
        let memory = self.shim.pid().and_then(Memory::start);
        self.shim.write(&Value::Object(question)).await?;
        let (acted, watch) = watch::channel(false);
        let settings = Settings { mask: mask_for(case.role), clock: self.clock, acted: Some(watch) };
        let pid = self.shim.pid();
        let limit = limit(case, self.clock);
        let mut lines = Vec::new();
        let connected =
            time::timeout(self.clock.kill, connection(&self.listener, &mut self.shim, &mut lines));
        let conversed = match connected.await.map_err(|_| Stopped::Hung)?? {
            // The library has refused to connect, and the shim has said so.
            None => Ok(Conversation { cut: cut.clone(), seen: Transcript::default(), flooded: None }),
            // The lines and the connection side by side: either may be over first.
            Some(stream) => {
                let read = time::timeout(limit, self.shim.lines(&mut lines, &acted));
                let (conversed, read) = tokio::join!(converse(case, cut, stream, pid, settings), read);
                read.map_err(|_| Stopped::Hung)??;
                conversed
            }
        };
        let reported = Reported::read(&lines).map_err(Failed::Broken)?;
        if let Some(why) = reported.cannot {
            return Err(Failed::NotAsked(why));
        }
        let Conversation { cut, seen, flooded } = conversed?;
        if let (Ask::Flood(flood), Some(flooded)) = (&case.ask, flooded) {
            return Ok(flood::answer(flood, flooded));
        }
        let answer = answer(case, &cut, &hello, &seen, &reported);
        Ok(match memory.and_then(|memory| memory.growth()) {
            Some(growth) if growth > held_at_most(&cut) && answer.verdict.is_good() => Answer {
                verdict: Verdict::Fail,
                rule: Some(
                    "RFC 6455 §10.4: what a peer sends must not make an endpoint hold much more".to_owned(),
                ),
                observed: format!("{}; it held {} MiB more", answer.observed, growth >> 20),
                ..answer
            },
            _ => answer,
        })
    }
}

/// How long the lines of a case may take. The library reads megabytes of a flood, and may be slow without being hung.
fn limit(case: &Case, clock: Clock) -> Duration {
    match case.ask {
        Ask::Flood(_) => clock.kill.saturating_mul(8),
        _ => clock.kill.saturating_add(GRACE),
    }
}

/// How many bytes more a shim may hold in a case, whatever its language: a multiple of what it was sent, and room for a
/// message that is decompressed and for memory that is not freed yet.
fn held_at_most(cut: &Cut) -> u64 {
    let sent: usize = cut.segments.iter().map(Vec::len).sum();
    u64::try_from(sent).unwrap_or(u64::MAX).saturating_mul(8).saturating_add(64 << 20)
}

/// The connection of the shim, or one to where it listens; `None` if it ends the case without one.
async fn connection(
    listener: &TcpListener,
    shim: &mut Shim,
    lines: &mut Vec<Value>,
) -> Result<Option<TcpStream>, Failed> {
    loop {
        let stream = tokio::select! {
            biased;
            accepted = listener.accept() => {
                accepted.map(|(stream, _)| stream).map_err(|error| Failed::Broken(error.to_string()))?
            }
            line = shim.line() => {
                let line = line?;
                let Some(port) = line["listen"].as_u64() else {
                    let is_end = line["event"] == "end" || line.get("cannot").is_some();
                    lines.push(line);
                    if is_end {
                        return Ok(None);
                    }
                    continue;
                };
                let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await;
                stream.map_err(|error| Failed::Broken(format!("the shim's port: {error}")))?
            }
        };
        // An error would show in what is read.
        _ = stream.set_nodelay(true);
        return Ok(Some(stream));
    }
}

/// What came of a connection. The cut is that of the bytes that this shim got.
struct Conversation {
    cut: Cut,
    seen: Transcript,
    flooded: Option<Flooded>,
}

async fn converse(
    case: &Case,
    cut: &Cut,
    mut stream: TcpStream,
    pid: Option<u32>,
    settings: Settings,
) -> Result<Conversation, Failed> {
    let mut cut = cut.clone();
    let mut flooded = None;
    let seen = match &case.ask {
        Ask::Receive(receive) => {
            let mut steps = echo::steps(receive, &cut, case.role, Sentinel::Ping, settings.mask);
            if !receive.prelude.is_empty() {
                steps.insert(0, Step::AwaitActions);
            }
            let open = open(case.role, stream, receive.deflate);
            let open = time::timeout(settings.clock.kill, open).await.map_err(|_| Stopped::Hung)??;
            let steps = open.steps(&cut, steps);
            let inflater = open.deflate.map(|agreed| Inflater::new(agreed, case.role));
            let peer = PeerReader::new(case.role, inflater);
            wire::run(open.stream, &open.early, &steps, peer, settings).await
        }
        Ask::Local(local) => {
            let received = shim_question::to_send(&local.actions).map_err(Failed::Broken)?;
            let mut steps = vec![Step::Send(received), Step::AwaitActions];
            steps.extend(Sentinel::Ping.unless_closed(settings.mask));
            steps.push(Step::Finish);
            let open = open(case.role, stream, None);
            let open = time::timeout(settings.clock.kill, open).await.map_err(|_| Stopped::Hung)??;
            let steps = open.steps(&cut, steps);
            wire::run(open.stream, &open.early, &steps, PeerReader::new(case.role, None), settings).await
        }
        Ask::Request(request) => {
            let steps = request::steps(request, &cut, Sentinel::Ping, settings.mask);
            wire::run(stream, &[], &steps, PeerReader::of_response(), settings).await
        }
        Ask::Response(response) => {
            let head = time::timeout(settings.clock.kill, read_head(&mut stream, Head::request));
            let (head, early) = head.await.map_err(|_| Stopped::Hung)?.map_err(Failed::Broken)?;
            let key = offer::check(&head).map_err(Failed::Broken)?;
            if let Some(why) = response::cannot_ask(response, &head) {
                return Err(Failed::NotAsked(why.to_owned()));
            }
            let made = response::cuts(response, Some(&key)).into_iter().find(|made| made.name == cut.name);
            cut = made.ok_or_else(|| Failed::NotAsked("this cut changes nothing".to_owned()))?;
            let steps = response::steps(response, &cut, Sentinel::Ping);
            wire::run(stream, &early, &steps, PeerReader::new(response::ROLE, None), settings).await
        }
        Ask::Flood(flood) => {
            let open = open(case.role, stream, None);
            let mut open = time::timeout(settings.clock.kill, open).await.map_err(|_| Stopped::Hung)??;
            // An error shows in the flood.
            _ = open.stream.write_all(&open.response).await;
            flooded = Some(flood::run(flood, open.stream, pid, settings.clock).await);
            Transcript::default()
        }
        Ask::H2(_) => return Err(Failed::NotAsked(NEEDS_H2.to_owned())),
        Ask::Build(members) => {
            cut.segments = vec![request_to_answer(members)?];
            let built = time::timeout(settings.clock.kill, built(&cut, stream)).await;
            Transcript { received: built.map_err(|_| Stopped::Hung)?, ..Transcript::default() }
        }
    };
    Ok(Conversation { cut, seen, flooded })
}

/// The opening handshake with a shim is done, except for a response of the suite, which is still to be sent.
struct Open {
    stream: TcpStream,
    /// Bytes that came after the head of the shim.
    early: Vec<u8>,
    deflate: Option<Deflate>,
    /// Empty if the shim is the server.
    response: Vec<u8>,
}

impl Open {
    /// The steps, after the response if there is one.
    fn steps(&self, cut: &Cut, steps: Vec<Step>) -> Vec<Step> {
        match self.response.as_slice() {
            [] => steps,
            response => script::after_head(response.to_vec(), cut, steps),
        }
    }
}

/// Does the opening handshake as the peer of the shim.
async fn open(role: Role, mut stream: TcpStream, needed: Option<Deflate>) -> Result<Open, Failed> {
    if role == Role::Server {
        let target = Target { authority: "127.0.0.1".to_owned(), resource: "/".to_owned() };
        let offer = needed.map(deflate::offer);
        let opened = target.open_on(stream, offer.as_deref()).await.map_err(Failed::Broken)?;
        return match differs(needed, opened.deflate) {
            Some(why) => Err(Failed::NotAsked(why)),
            None => {
                let Opened { stream, early, deflate } = opened;
                Ok(Open { stream, early, deflate, response: Vec::new() })
            }
        };
    }
    let (head, early) = read_head(&mut stream, Head::request).await.map_err(Failed::Broken)?;
    let key = offer::check(&head).map_err(Failed::Broken)?;
    let agreed = match needed.map(|needed| offer::answer(&offer::offers(&head), needed)) {
        Some(None) => {
            return Err(Failed::NotAsked("the client does not offer what the case needs".to_owned()));
        }
        agreed => agreed.flatten(),
    };
    let response = offer::response(&key, agreed.as_ref().map(|(answer, _)| answer.as_str()));
    Ok(Open { stream, early, deflate: agreed.map(|(_, agreed)| agreed), response })
}

/// The request that a library answers in a `build-response` case; else nothing.
fn request_to_answer(members: &Value) -> Result<Vec<u8>, Failed> {
    from_latin1(members["input"]["request"].as_str().unwrap_or_default()).map_err(Failed::Broken)
}

/// What a library writes when its user wants to send a head: up to the end of the head, or of the connection.
async fn built(cut: &Cut, mut stream: TcpStream) -> Vec<u8> {
    // An error means that the library has ended the connection.
    _ = stream.write_all(&cut.segments.concat()).await;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(len @ 1..) => bytes.extend_from_slice(buffer.get(..len).unwrap_or_default()),
            _ => return bytes,
        }
        if bytes.windows(4).any(|window| window == b"\r\n\r\n") {
            return bytes;
        }
    }
}

fn answer(case: &Case, cut: &Cut, hello: &Hello, seen: &Transcript, reported: &Reported) -> Answer {
    if seen.hung {
        let answer = shim_answer::without_verdict("the end of the case".to_owned(), cut, seen, reported);
        return Answer { verdict: Verdict::Hung, ..answer };
    }
    match &case.ask {
        Ask::Receive(receive) => shim_answer::receive(receive, cut, hello, seen, reported),
        Ask::Local(local) => shim_answer::local(local, &case.json, seen, reported),
        Ask::Request(request) => {
            shim_answer::request(request, request::answer(request, cut, Sentinel::Ping, seen), reported)
        }
        Ask::Response(response) => {
            shim_answer::response(response, response::answer(response, cut, seen), reported)
        }
        Ask::Build(_) | Ask::Flood(_) | Ask::H2(_) => shim_answer::build(&case.json, cut, seen, reported),
    }
}

fn mask_for(role: Role) -> Option<[u8; 4]> {
    if role == Role::Server { MASK } else { None }
}

/// How long a shim may take to start.
const START: Duration = Duration::from_secs(20);

/// How much longer than a connection the lines of a case may take.
const GRACE: Duration = Duration::from_secs(2);
