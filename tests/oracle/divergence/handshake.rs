//! Divergences in the handshake.

use crate::compare::{Case, Follow};
use crate::script::{Fields, Role, Said, State, Step};

pub(super) fn state_when_taken(case: &mut Case<'_>) -> bool {
    let moves = matches!(case.step, Step::Receive(_))
        && matches!(case.ours.state, State::Connecting | State::Rejecting)
        && case.theirs.state != case.ours.state;
    if moves {
        case.theirs.state = case.ours.state;
    }
    moves
}

pub(super) fn all_headers(case: &mut Case<'_>) -> bool {
    let mut adjusted = false;
    for (ours, theirs) in case.ours.events.iter().zip(&mut case.theirs.events) {
        let (ours, theirs, left_out) = match (ours, theirs) {
            (Said::Request { headers: ours, .. }, Said::Request { headers, .. }) => (ours, headers, REQUEST),
            (Said::Accept { headers: ours, .. }, Said::Accept { headers, .. }) => (ours, headers, ACCEPT),
            (Said::Reject { headers: ours, .. }, Said::Reject { headers, .. }) => (ours, headers, REJECT),
            _ => continue,
        };
        let reported = ours.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
        let mut reported: Fields = reported.filter(|(name, _)| !left_out.contains(&name.as_str())).collect();
        let mut lengths = 0;
        reported.retain(|(name, _)| {
            lengths += usize::from(name == "content-length");
            name != "content-length" || lengths == 1
        });
        if *theirs == reported && ours != theirs {
            theirs.clone_from(ours);
            adjusted = true;
        }
    }
    adjusted
}

const REQUEST: &[&str] = &["host", "sec-websocket-extensions", "sec-websocket-protocol"];
const ACCEPT: &[&str] =
    &["connection", "sec-websocket-extensions", "sec-websocket-accept", "sec-websocket-protocol", "upgrade"];
const REJECT: &[&str] = &[];

pub(super) fn fitting_status(case: &mut Case<'_>) -> bool {
    let ([.., Said::Refused { status: ours, .. }], [.., Said::Refused { status: theirs, .. }]) =
        (&case.ours.events[..], &mut case.theirs.events[..])
    else {
        return false;
    };
    let mends = ours != theirs && [400, 426].contains(theirs) && [400, 405, 426, 431, 505].contains(ours);
    if mends {
        *theirs = *ours;
    }
    mends
}

pub(super) fn failure_is_final(case: &mut Case<'_>) -> bool {
    let fails = matches!(case.theirs.events.last(), Some(Said::Refused { .. }));
    if fails && matches!(case.theirs.state, State::Connecting | State::Rejecting) {
        case.theirs.state = State::Closed;
        case.follow = Follow::Nothing;
        return true;
    }
    false
}

pub(super) fn not_ascii(case: &mut Case<'_>) -> bool {
    let crashes =
        matches!(case.theirs.events.last(), Some(Said::Crash(error)) if error.starts_with("Unicode"));
    crashes && !case.before.received.is_ascii() && accept_ours(case)
}

pub(super) fn host_as_is(case: &mut Case<'_>) -> bool {
    match (&case.ours.events[..], &mut case.theirs.events[..]) {
        ([Said::Request { host: ours, .. }], [Said::Request { host: theirs, .. }])
            if ours.contains("xn--") && ours != theirs =>
        {
            theirs.clone_from(ours);
            true
        }
        _ => false,
    }
}

pub(super) fn checked_key(case: &mut Case<'_>) -> bool {
    let head = Head::of(case);
    refused_only_here(case, &["InvalidKey"]) && head.all("sec-websocket-key").len() == 1 && accept_ours(case)
}

pub(super) fn checked_http_version(case: &mut Case<'_>) -> bool {
    let refuses = matches!(&case.ours.events[..], [Said::Refused { why, .. }] if why == "HttpVersion");
    let refused = matches!(case.theirs.events.last(), Some(Said::Refused { .. }));
    refuses && !refused && !Head::of(case).start.contains("HTTP/1.1") && accept_ours(case)
}

pub(super) fn checked_target(case: &mut Case<'_>) -> bool {
    let head = Head::of(case);
    let is_path = head.target().starts_with('/') && !head.target().contains('#');
    refused_only_here(case, &["InvalidTarget"]) && !is_path && accept_ours(case)
}

pub(super) fn absolute_target(case: &mut Case<'_>) -> bool {
    let head = Head::of(case);
    match (&case.ours.events[..], &mut case.theirs.events[..]) {
        (
            [Said::Request { host: ours_host, target: ours_target, .. }],
            [Said::Request { host, target, .. }],
        ) if *target == head.target() && target.contains("://") => {
            host.clone_from(ours_host);
            target.clone_from(ours_target);
            true
        }
        _ => false,
    }
}

pub(super) fn checked_host(case: &mut Case<'_>) -> bool {
    let head = Head::of(case);
    refused_only_here(case, &["InvalidHost"]) && head.all("host").len() == 1 && accept_ours(case)
}

pub(super) fn no_request_body(case: &mut Case<'_>) -> bool {
    let head = Head::of(case);
    let has_body =
        head.all("content-length").iter().any(|len| *len != "0") || !head.all("transfer-encoding").is_empty();
    refused_only_here(case, &["RequestBody"]) && has_body && accept_ours(case)
}

pub(super) fn checked_subprotocols(case: &mut Case<'_>) -> bool {
    let [Said::Request { subprotocols, .. }] = &mut case.theirs.events[..] else { return false };
    let reported = subprotocols.len();
    subprotocols
        .retain(|name| name.chars().all(|char| char.is_ascii_graphic() && !SEPARATORS.contains(char)));
    subprotocols.len() < reported
}

/// Characters that a token cannot have (RFC 9110 §5.6.2).
const SEPARATORS: &str = "()<>@,;:\\\"/[]?={}";

pub(super) fn checked_extensions(case: &mut Case<'_>) -> bool {
    refused_only_here(case, &["InvalidExtension"]) && accept_ours(case)
}

pub(super) fn single_headers(case: &mut Case<'_>) -> bool {
    let head = Head::of(case);
    let is_repeated =
        |(why, name): &(&str, &str)| refused_only_here(case, &[why]) && head.all(name).len() > 1;
    SINGLE.iter().any(is_repeated) && accept_ours(case)
}

const SINGLE: [(&str, &str); 6] = [
    ("InvalidKey", "sec-websocket-key"),
    ("InvalidVersion", "sec-websocket-version"),
    ("RepeatedOrigin", "origin"),
    ("MissingUpgrade", "upgrade"),
    ("WrongAccept", "sec-websocket-accept"),
    ("RepeatedSubprotocol", "sec-websocket-protocol"),
];

pub(super) fn lists(case: &mut Case<'_>) -> bool {
    let head = Head::of(case);
    let is_list = head.all("connection").len() > 1
        || head.all("upgrade").len() > 1
        || head.all("upgrade").iter().any(|value| value.contains(','));
    let accepts = matches!(case.ours.events.first(), Some(Said::Request { .. } | Said::Accept { .. }));
    let refuses = matches!(case.theirs.events.first(), Some(Said::Refused { .. }));
    accepts && refuses && is_list && accept_ours(case)
}

pub(super) fn checked_head(case: &mut Case<'_>) -> bool {
    let received = &case.before.received;
    let has_bare_lf = received.windows(2).any(|two| two[1] == b'\n' && two[0] != b'\r');
    let is_odd = has_bare_lf || received.contains(&1) || received.windows(3).any(|three| three == b"\r\n ");
    let refuses = matches!(&case.ours.events[..], [Said::Refused { why, .. }] if why == "MalformedHead");
    let refused = matches!(case.theirs.events.last(), Some(Said::Refused { .. }));
    is_odd && refuses && !refused && accept_ours(case)
}

pub(super) fn list_elements(case: &mut Case<'_>) -> bool {
    match (&case.ours.events[..], &mut case.theirs.events[..]) {
        ([Said::Request { subprotocols: ours, .. }], [Said::Request { subprotocols: theirs, .. }])
            if theirs.iter().any(String::is_empty) =>
        {
            theirs.retain(|element| !element.is_empty());
            ours == theirs
        }
        _ => false,
    }
}

pub(super) fn empty_choice(case: &mut Case<'_>) -> bool {
    let head = Head::of(case);
    let is_empty = |value: &str| value.chars().all(|char| ", \t".contains(char));
    let names = ["sec-websocket-protocol", "sec-websocket-extensions"];
    let has_empty = names.iter().any(|name| head.all(name).iter().any(|value| is_empty(value)));
    let accepts = matches!(case.ours.events.first(), Some(Said::Accept { .. }));
    let refuses = matches!(case.theirs.events.first(), Some(Said::Refused { .. }));
    has_empty && accepts && refuses && accept_ours(case)
}

pub(super) fn quoted_commas(case: &mut Case<'_>) -> bool {
    let head = Head::of(case);
    let is_quoted = |name| head.all(name).iter().any(|value| value.contains('"') && value.contains(','));
    let refuses = refused_only_here(case, &["MissingConnectionUpgrade", "MissingUpgrade"]);
    refuses && (is_quoted("connection") || is_quoted("upgrade")) && accept_ours(case)
}

pub(super) fn refusal_before_request(case: &mut Case<'_>) -> bool {
    let early = matches!(case.step, Step::SendReject { .. })
        && case.role == Role::Server
        && case.before.asked.is_none()
        && case.theirs.sent.is_some();
    early && accept_ours(case)
}

pub(super) fn refusal_closes(case: &mut Case<'_>) -> bool {
    let (Step::SendReject { .. }, Some(ours), Some(theirs)) =
        (case.step, &case.ours.sent, &mut case.theirs.sent)
    else {
        return false;
    };
    let mut closing = written(&theirs.0);
    closing.1.push(("connection".into(), "close".into()));
    closing.1.sort();
    let mends = written(&ours.0) == closing;
    if mends {
        theirs.clone_from(ours);
    }
    mends
}

pub(super) fn head_form(case: &mut Case<'_>) -> bool {
    let writes =
        matches!(case.step, Step::SendRequest { .. } | Step::SendAccept { .. } | Step::SendReject { .. });
    let (true, Some(ours), Some(theirs)) = (writes, &case.ours.sent, &mut case.theirs.sent) else {
        return false;
    };
    let mends = ours != theirs && written(&ours.0) == written(&theirs.0);
    if mends {
        theirs.clone_from(ours);
    }
    mends
}

pub(super) fn handshake_failure_at_once(case: &mut Case<'_>) -> bool {
    let waits = case.theirs.events.is_empty() && case.theirs.state == State::Connecting;
    let fails = matches!(case.ours.events[..], [Said::Refused { .. }]);
    let is_sure = !Head::of(case).has_status_above_599();
    let mends = *case.step == Step::Drain && waits && fails && is_sure && accept_ours(case);
    if mends {
        case.follow = Follow::Refusal;
    }
    mends
}

pub(super) fn empty_read(case: &mut Case<'_>) -> bool {
    let ends = match case.theirs.events.last() {
        Some(Said::Refused { .. }) => true,
        Some(Said::RejectData { finished, .. }) => *finished,
        Some(Said::Crash(error)) => error.contains("received close, then received more data"),
        _ => false,
    };
    case.before.empty_read && ends && case.ours.events != case.theirs.events && accept_ours(case)
}

pub(super) fn empty_line_first(case: &mut Case<'_>) -> bool {
    let received = &case.before.received;
    let empty = received.starts_with(b"\r") || received.windows(6).any(|six| six == b"\r\n\r\n\r\n");
    empty && matches!(case.theirs.events[..], [Said::Refused { .. }]) && accept_ours(case)
}

pub(super) fn early_data(case: &mut Case<'_>) -> bool {
    let [Said::Text(piece), ..] = &case.ours.events[..] else { return false };
    let is_early = !piece.data.is_empty() && "early".starts_with(&piece.data);
    is_early
        && case.before.early
        && case.theirs.events.first() != case.ours.events.first()
        && accept_ours(case)
}

pub(super) fn passed_over(case: &mut Case<'_>) -> bool {
    let informs =
        matches!(case.theirs.events.first(), Some(Said::Reject { status: 100 | 103, has_body: false, .. }));
    informs && accept_ours(case)
}

pub(super) fn body_announced(case: &mut Case<'_>) -> bool {
    let [Said::Reject { has_body: false, .. }] = &case.ours.events[..] else { return false };
    let [Said::Reject { has_body: has_body @ true, .. }, Said::RejectData { data, finished: true }] =
        &mut case.theirs.events[..]
    else {
        return false;
    };
    let mends = data.0.is_empty();
    if mends {
        *has_body = false;
        case.theirs.events.pop();
    }
    mends
}

pub(super) fn strange_status(case: &mut Case<'_>) -> bool {
    let fails = matches!(&case.ours.events[..], [Said::Refused { why, .. }] if why == "InvalidStatus");
    let goes_on = matches!(case.theirs.events.first(), None | Some(Said::Reject { status: 600.., .. }));
    fails && goes_on && Head::of(case).has_status_above_599() && accept_ours(case)
}

pub(super) fn data_after_refusal(case: &mut Case<'_>) -> bool {
    let fails = matches!(case.theirs.events[..], [Said::Refused { .. }]);
    case.before.refused && fails && case.ours.events.is_empty() && accept_ours(case)
}

pub(super) fn end_before_request(case: &mut Case<'_>) -> bool {
    let nothing = case.before.received.is_empty() && case.theirs.events.is_empty();
    let fails = matches!(&case.ours.events[..], [Said::Refused { why, .. }] if why == "UnexpectedEof");
    *case.step == Step::Eof && nothing && fails && accept_ours(case)
}

/// A head in a form that can be compared: without a reason phrase, its fields sorted.
fn written(bytes: &[u8]) -> (Vec<String>, Fields) {
    let Head { start, mut fields } = Head::read(bytes);
    let words = if start.starts_with("HTTP/") { 2 } else { 3 };
    fields.sort();
    (start.split(' ').take(words).map(str::to_owned).collect(), fields)
}

/// Whether this crate refuses the head for one of these reasons, and Python accepts it.
fn refused_only_here(case: &Case<'_>, reasons: &[&str]) -> bool {
    let refuses =
        |event: &Said| matches!(event, Said::Refused { why, .. } if reasons.contains(&why.as_str()));
    case.ours.events.last().is_some_and(refuses)
        && matches!(case.theirs.events.first(), Some(Said::Request { .. } | Said::Accept { .. }))
}

/// Accepts what our side showed; nothing can be compared after it.
fn accept_ours(case: &mut Case<'_>) -> bool {
    case.theirs = case.ours.clone();
    case.follow = Follow::Nothing;
    true
}

/// The received head, parsed in a simple way.
struct Head {
    start: String,
    fields: Fields,
}

impl Head {
    fn of(case: &Case<'_>) -> Self {
        Self::read(&case.before.received)
    }

    fn read(bytes: &[u8]) -> Self {
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        let is_final = |head: &&str| !head.starts_with("HTTP/1.1 10") || head.starts_with("HTTP/1.1 101");
        let head = text.split("\r\n\r\n").find(is_final).unwrap_or_default();
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
        Self { start, fields }
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_str()).collect()
    }

    fn has_status_above_599(&self) -> bool {
        let mut words = self.start.split(' ');
        words.next().is_some_and(|version| version.starts_with("HTTP/"))
            && words.next().and_then(|status| status.parse().ok()).is_some_and(|status: u16| status > 599)
    }

    fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }
}
