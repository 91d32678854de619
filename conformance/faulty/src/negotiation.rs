//! permessage-deflate in the handshake: extensions to agreed parameters (RFC 7692 §7.1).

use crate::extension::Extension;
use crate::fault::{Fault, Faults};

/// What both peers agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    /// 8 to 15.
    pub(crate) server_max_window_bits: u8,
    /// 8 to 15.
    pub(crate) client_max_window_bits: u8,
}

/// The parameters of one offer or answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// In an offer it may be without a value.
    client_max_window_bits: Option<Option<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Offer,
    Answer,
}

/// Chooses among a client's offers. Returns the value of the answer's field, and what it means.
pub(crate) fn answer(offers: &[Extension], faults: Faults) -> Option<(String, Agreed)> {
    let mut accepted = offers
        .iter()
        .filter(|offer| offer.name == NAME)
        .filter_map(|offer| parameters(offer, Kind::Offer, faults));
    let Some(offer) = accepted.next() else {
        let nothing = Parameters::default();
        return faults.has(Fault::AnswersUnofferedExtension).then(|| answer_to(nothing, faults));
    };
    let (mut value, agreed) = answer_to(offer, faults);
    if faults.has(Fault::AnswersEveryOffer) {
        for offer in accepted {
            value = format!("{value}, {}", answer_to(offer, faults).0);
        }
    }
    Some((value, agreed))
}

fn answer_to(offer: Parameters, faults: Faults) -> (String, Agreed) {
    let mut value = NAME.to_owned();
    if offer.server_no_context_takeover && !faults.has(Fault::IgnoresServerNoContextTakeover) {
        value.push_str("; server_no_context_takeover");
    }
    if offer.client_no_context_takeover {
        value.push_str("; client_no_context_takeover");
    }
    let server_max_window_bits = match offer.server_max_window_bits {
        Some(_) if faults.has(Fault::AnswersLargerServerWindow) => Some(15),
        Some(_) if faults.has(Fault::IgnoresServerWindow) => None,
        bits => bits,
    };
    if let Some(bits) = server_max_window_bits {
        value = format!("{value}; server_max_window_bits={bits}");
    }
    let client_max_window_bits = match offer.client_max_window_bits {
        // §7.1.2.2: only if the offer has it.
        None if faults.has(Fault::AnswersUnofferedClientWindow) => Some(12),
        bits => bits.flatten(),
    };
    if let Some(bits) = client_max_window_bits {
        value = format!("{value}; client_max_window_bits={bits}");
    }
    let agreed = Agreed {
        server_no_context_takeover: offer.server_no_context_takeover,
        client_no_context_takeover: offer.client_no_context_takeover,
        server_max_window_bits: server_max_window_bits.unwrap_or(15),
        client_max_window_bits: client_max_window_bits.unwrap_or(15),
    };
    (value, agreed)
}

/// What a client offers. A fault that an answer to another offer shows comes with that offer.
pub(crate) fn offer(faults: Faults) -> &'static str {
    match faults {
        faults if faults.has(Fault::AcceptsLargerServerWindow) => {
            "permessage-deflate; server_max_window_bits=10"
        }
        faults if faults.has(Fault::AcceptsUnofferedClientWindow) => NAME,
        faults if faults.has(Fault::AcceptsExtensionTwice) => NAME,
        _ => "permessage-deflate; client_max_window_bits",
    }
}

/// Checks a server's answer to what a client offered. `None` is a violation of RFC 7692 or RFC 6455 §4.1.
pub(crate) fn check_answer(
    offered: &[Extension],
    answered: &[Extension],
    faults: Faults,
) -> Option<Option<Agreed>> {
    let is_offered = |answer: &&Extension| offered.iter().any(|offer| offer.name == answer.name);
    let known: Vec<&Extension> = if faults.has(Fault::AcceptsUnofferedExtension) {
        answered.iter().filter(|answer| answer.name == NAME).collect()
    } else if answered.iter().all(|answer| is_offered(&answer)) {
        answered.iter().collect()
    } else {
        return None;
    };
    let answer = match known.as_slice() {
        [] => return Some(None),
        [answer] => answer,
        // §5: at most one offer is accepted.
        [answer, ..] if faults.has(Fault::AcceptsExtensionTwice) => answer,
        _ => return None,
    };
    let offer = offered.iter().find(|offer| offer.name == NAME);
    let offer = offer.and_then(|offer| parameters(offer, Kind::Offer, faults)).unwrap_or_default();
    let answer = parameters(answer, Kind::Answer, faults)?;
    let client_bits = answer.client_max_window_bits.map(Option::unwrap_or_default);
    let is_window_unasked = client_bits.is_some() && offer.client_max_window_bits.is_none();
    let is_window_too_large = offer
        .server_max_window_bits
        .is_some_and(|asked| answer.server_max_window_bits.is_none_or(|answered| answered > asked));
    let is_context_kept = offer.server_no_context_takeover && !answer.server_no_context_takeover;
    if (is_window_unasked && !faults.has(Fault::AcceptsUnofferedClientWindow))
        || (is_window_too_large && !faults.has(Fault::AcceptsLargerServerWindow))
        || is_context_kept
    {
        return None;
    }
    let hint = offer.client_max_window_bits.flatten().unwrap_or(15);
    Some(Some(Agreed {
        server_no_context_takeover: answer.server_no_context_takeover,
        client_no_context_takeover: answer.client_no_context_takeover,
        server_max_window_bits: answer.server_max_window_bits.unwrap_or(15),
        client_max_window_bits: client_bits.unwrap_or(15).min(hint),
    }))
}

/// Reads the parameters of an offer or of an answer. `None`: it must be declined, or the answer fails (§7.1).
fn parameters(extension: &Extension, kind: Kind, faults: Faults) -> Option<Parameters> {
    let mut read = Parameters::default();
    let mut names = Vec::new();
    for (name, value) in &extension.parameters {
        if names.contains(&name) && !faults.has(Fault::AcceptsDuplicateParameter) {
            return None;
        }
        names.push(name);
        let value = value.as_deref();
        match name.as_str() {
            "server_no_context_takeover" => read.server_no_context_takeover = flag(value, faults)?,
            "client_no_context_takeover" => read.client_no_context_takeover = flag(value, faults)?,
            "server_max_window_bits" => read.server_max_window_bits = Some(window_bits(value, faults)?),
            "client_max_window_bits" if value.is_none() && kind == Kind::Offer => {
                read.client_max_window_bits = Some(None);
            }
            "client_max_window_bits" => read.client_max_window_bits = Some(Some(window_bits(value, faults)?)),
            _ if faults.has(Fault::AcceptsUnknownParameter) => {}
            _ => return None,
        }
    }
    Some(read)
}

/// A parameter that must not have a value.
fn flag(value: Option<&str>, faults: Faults) -> Option<bool> {
    (value.is_none() || faults.has(Fault::AcceptsValueOfFlag)).then_some(true)
}

/// A decimal number from 8 to 15, without leading zeros (§7.1.2.1).
fn window_bits(value: Option<&str>, faults: Faults) -> Option<u8> {
    let value = match value {
        None if faults.has(Fault::AcceptsWindowWithoutValue) => "15",
        value => value?,
    };
    if faults.has(Fault::AcceptsLeadingZero) {
        return value.parse().ok().filter(|bits| (8..=15).contains(bits));
    }
    if faults.has(Fault::AcceptsWindowOutOfRange) && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.parse::<u8>().unwrap_or(15).clamp(8, 15));
    }
    (8..=15).find(|bits: &u8| bits.to_string() == value)
}

/// The extension's name.
pub(crate) const NAME: &str = "permessage-deflate";
