//! The *client* door: the suite listens, and speaks the paths of Autobahn|Testsuite's fuzzing server, so that the drivers
//! that many clients already have run unchanged.
//!
//! | path | what the client gets |
//! |---|---|
//! | `/getCaseCount` | a text message with the number of questions; a question is a case at one cut |
//! | `/getCaseInfo?case=N` | a text message with JSON: `id` and `description` |
//! | `/runCase?case=N&agent=NAME` | the question: the client echoes what it receives |
//! | `/getCaseStatus?case=N&agent=NAME` | a text message with JSON: `behavior` |
//! | `/updateReports?agent=NAME` | nothing; the run is over |

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time;

use crate::case::{Ask, Case, Receive, Response, Role};
use crate::cuts::{self, Cut};
use crate::deflate::Inflater;
use crate::echo;
use crate::flood;
use crate::frame::{self, Frame};
use crate::h2_case::NEEDS_H2;
use crate::head::Head;
use crate::offer;
use crate::peer::{self, PeerReader};
use crate::response;
use crate::script::{self, Condition, Sentinel, Step};
use crate::upgrade::read_head;
use crate::verdict::{Answer, Tried, Verdict};
use crate::wire::{self, Clock, Settings};

/// The suite as a server.
#[derive(Debug)]
pub(crate) struct ClientDoor {
    cases: Vec<Case>,
    questions: Vec<Question>,
    clock: Clock,
    state: Mutex<State>,
    /// The client has asked for the reports.
    finished: Notify,
}

/// A case at one cut.
#[derive(Debug)]
struct Question {
    case: usize,
    cut: Cut,
    answer: Mutex<Option<(Answer, Duration)>>,
}

#[derive(Debug, Default)]
struct State {
    agent: Option<String>,
    /// Every `Sec-WebSocket-Key` so far.
    keys: HashSet<String>,
    asked: usize,
    /// Connections that are not over.
    connections: usize,
}

impl ClientDoor {
    /// `handshakes`: whether to ask the cases of the opening handshake too, which some drivers take as a reason to end.
    pub(crate) fn new(cases: Vec<Case>, handshakes: bool, clock: Clock) -> Self {
        let mut questions = Vec::new();
        for (index, case) in cases.iter().enumerate() {
            for cut in cuts(case, handshakes).unwrap_or_default() {
                questions.push(Question { case: index, cut, answer: Mutex::new(None) });
            }
        }
        Self { cases, questions, clock, state: Mutex::default(), finished: Notify::new() }
    }

    pub(crate) fn questions(&self) -> usize {
        self.questions.len()
    }

    /// How many questions were asked so far.
    pub(crate) fn asked(&self) -> usize {
        self.state().asked
    }

    pub(crate) fn agent(&self) -> Option<String> {
        self.state().agent.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves clients until one asks for the reports.
    pub(crate) async fn serve(self: &Arc<Self>, listener: TcpListener) {
        let accept = async {
            loop {
                // An error concerns one connection only; the listener stays.
                if let Ok((stream, _)) = listener.accept().await {
                    let door = Arc::clone(self);
                    door.count(1);
                    tokio::spawn(async move {
                        door.connection(stream).await;
                        door.count(-1);
                    });
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = self.finished.notified() => {}
        }
    }

    fn count(&self, change: isize) {
        let mut state = self.state();
        state.connections = state.connections.saturating_add_signed(change);
    }

    /// Waits until the answers of a client that goes on at once, or that has ended, are there: no more connections than
    /// these are left.
    pub(crate) async fn settle(&self, connections: usize) {
        let settled = async {
            time::sleep(SETTLE).await;
            while self.state().connections > connections {
                time::sleep(SETTLE).await;
            }
        };
        // What hangs is reported as hung.
        _ = time::timeout(self.clock.kill.saturating_add(SETTLE), settled).await;
    }

    /// The answers to each case, in order, with the reason for those that were not asked.
    pub(crate) fn answers(&self) -> Vec<(&Case, Vec<Tried<'_>>)> {
        let mut answers: Vec<_> = self.cases.iter().map(|case| (case, Vec::new())).collect();
        for question in &self.questions {
            let answer = question.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (answer, time) = answer.unwrap_or_else(|| (not_run(question), Duration::ZERO));
            if let Some((_, answers)) = answers.get_mut(question.case) {
                answers.push((question.cut.name, answer, time));
            }
        }
        for (case, answers) in &mut answers {
            if answers.is_empty() {
                let why = cuts(case, false).err().unwrap_or_default();
                answers.push(("none", Answer::not_asked(why), Duration::ZERO));
            }
        }
        answers
    }

    async fn connection(&self, mut stream: TcpStream) {
        _ = stream.set_nodelay(true);
        let Ok(Ok((head, early))) =
            time::timeout(self.clock.kill, read_head(&mut stream, Head::request)).await
        else {
            return;
        };
        let target = head.target.clone().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let param = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        if let Some(agent) = param("agent") {
            self.state().agent = Some(agent.replace('+', " ").replace("%20", " "));
        }
        let number = param("case").and_then(|number| number.parse::<usize>().ok());
        let question = number.and_then(|number| self.questions.get(number.checked_sub(1)?));
        match (path, question) {
            ("/getCaseCount", _) => self.say(stream, &head, &early, self.questions().to_string()).await,
            ("/getCaseInfo", Some(question)) => self.say(stream, &head, &early, self.info(question)).await,
            ("/getCaseStatus", Some(question)) => self.say(stream, &head, &early, status(question)).await,
            ("/runCase", Some(question)) => self.ask(stream, &head, &early, question).await,
            ("/updateReports", _) => {
                self.settle(1).await;
                self.say(stream, &head, &early, String::new()).await;
                self.finished.notify_one();
            }
            _ => {
                let response = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                _ = stream.write_all(response).await;
            }
        }
    }

    /// Sends a text message, unless it is empty, and closes.
    async fn say(&self, mut stream: TcpStream, head: &Head, early: &[u8], text: String) {
        let Ok(key) = offer::check(head) else { return };
        if stream.write_all(&offer::response(&key, None)).await.is_err() {
            return;
        }
        let mut bytes = Vec::new();
        if !text.is_empty() {
            bytes.extend(Frame::new(frame::TEXT, text.as_bytes(), None).to_bytes());
        }
        bytes.extend(Frame::new(frame::CLOSE, &frame::close_payload(1000, ""), None).to_bytes());
        let steps =
            [Step::Send(bytes), Step::Await(Condition::Close), Step::HalfClose, Step::Await(Condition::End)];
        wire::run(stream, early, &steps, PeerReader::new(Role::Client, None), self.settings()).await;
    }

    fn settings(&self) -> Settings {
        Settings { mask: None, clock: self.clock, acted: None }
    }

    fn info(&self, question: &Question) -> String {
        let Some(case) = self.cases.get(question.case) else { return String::new() };
        json!({ "id": case.id, "description": format!("{} (cut: {})", case.title, question.cut.name) })
            .to_string()
    }

    async fn ask(&self, mut stream: TcpStream, head: &Head, early: &[u8], question: &Question) {
        let Some(case) = self.cases.get(question.case) else { return };
        let start = Instant::now();
        let answer = match self.check(head) {
            Err(rule) => Answer {
                verdict: Verdict::Fail,
                expected: "a valid request".to_owned(),
                observed: head.start.clone(),
                rule: Some(rule),
                sent: Vec::new(),
                received: Vec::new(),
            },
            Ok(key) => match &case.ask {
                Ask::Receive(receive) => {
                    self.receive(stream, head, early, &key, receive, &question.cut).await
                }
                Ask::Flood(flood) => {
                    _ = stream.write_all(&offer::response(&key, None)).await;
                    flood::answer(flood, flood::run(flood, stream, None, self.clock).await)
                }
                Ask::Response(response) => {
                    self.response(stream, head, early, &key, response, question.cut.name).await
                }
                _ => Answer::not_asked("this door does not ask it"),
            },
        };
        let mut place = question.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            let mut state = self.state();
            state.asked = state.asked.saturating_add(1);
        }
        *place = Some((answer, start.elapsed()));
    }

    /// Checks a request, and that its key is a new one.
    fn check(&self, head: &Head) -> Result<String, String> {
        let key = offer::check(head)?;
        match self.state().keys.insert(key.clone()) {
            true => Ok(key),
            false => Err("RFC 6455 §4.1: the key must be chosen anew for each connection".to_owned()),
        }
    }

    async fn receive(
        &self,
        stream: TcpStream,
        head: &Head,
        early: &[u8],
        key: &str,
        case: &Receive,
        cut: &Cut,
    ) -> Answer {
        let agreed = match case.deflate.map(|needed| offer::answer(&offer::offers(head), needed)) {
            Some(None) => {
                // A connection all the same, so that the client goes on.
                self.say(stream, head, early, String::new()).await;
                return Answer::not_asked(
                    "the client does not offer permessage-deflate as the case needs it",
                );
            }
            agreed => agreed.flatten(),
        };
        let response = offer::response(key, agreed.as_ref().map(|(answer, _)| answer.as_str()));
        let inflater = agreed.map(|(_, agreed)| Inflater::new(agreed, Role::Client));
        let steps = echo::steps(case, cut, Role::Client, Sentinel::Echoed, None);
        let steps = script::after_head(response, cut, steps);
        let peer = PeerReader::new(Role::Client, inflater);
        let seen = wire::run(stream, early, &steps, peer, self.settings()).await;
        echo::answer(case, cut, &seen)
    }

    async fn response(
        &self,
        stream: TcpStream,
        head: &Head,
        early: &[u8],
        key: &str,
        case: &Response,
        cut: &str,
    ) -> Answer {
        if let Some(why) = response::cannot_ask(case, head) {
            self.say(stream, head, early, String::new()).await;
            return Answer::not_asked(why);
        }
        // The cuts of this client's response; the accept value is as long as that of the case.
        let cuts = response::cuts(case, Some(key));
        let Some(cut) = cuts.into_iter().find(|made| made.name == cut) else {
            return Answer::not_asked("this cut changes nothing");
        };
        let steps = response::steps(case, &cut, Sentinel::Echoed);
        let answer = Head::response(&cut.segments.concat()).ok().flatten();
        let agreed = answer.as_ref().and_then(peer::agreed);
        let peer =
            PeerReader::new(response::ROLE, agreed.map(|agreed| Inflater::new(agreed, response::ROLE)));
        let seen = wire::run(stream, early, &steps, peer, self.settings()).await;
        response::answer(case, &cut, &seen)
    }
}

/// How often it is looked whether all connections are over.
const SETTLE: Duration = Duration::from_millis(20);

/// The ways to cut the input of a case; `Err` says why it is not asked.
fn cuts(case: &Case, handshakes: bool) -> Result<Vec<Cut>, String> {
    match &case.ask {
        _ if case.role != Role::Client => Err("it is for servers".to_owned()),
        Ask::Receive(receive) => match echo::cannot_ask(receive) {
            Some(why) => Err(why.to_owned()),
            None => Ok(cuts::of_receive(receive)),
        },
        Ask::Flood(flood) => match flood::cannot_ask(flood, true) {
            Some(why) => Err(why.to_owned()),
            None => Ok(vec![Cut::none()]),
        },
        Ask::Response(response) if handshakes => Ok(response::cuts(response, None)),
        Ask::Response(_) => Err("cases of the opening handshake are asked with --handshakes".to_owned()),
        Ask::H2(_) => Err(NEEDS_H2.to_owned()),
        _ => Err("an echo client makes no calls of its own".to_owned()),
    }
}

fn status(question: &Question) -> String {
    let answer = question.answer.lock().unwrap_or_else(PoisonError::into_inner);
    let behavior = match answer.as_ref().map(|(answer, _)| answer.verdict) {
        Some(Verdict::Pass) => "OK",
        Some(Verdict::Allowed) => "NON-STRICT",
        Some(Verdict::NotAsked) => "UNIMPLEMENTED",
        Some(_) => "FAILED",
        None => "MISSING",
    };
    json!({ "behavior": behavior }).to_string()
}

fn not_run(question: &Question) -> Answer {
    Answer {
        verdict: Verdict::Crashed,
        rule: None,
        expected: "a connection for this case".to_owned(),
        observed: "the client did not run it".to_owned(),
        sent: question.cut.segments.clone(),
        received: Vec::new(),
    }
}
