//! A client's offers, and how it checks a server's answers (RFC 7692 §5, §7.1).

use wsproto::{
    DeflateParams, Extension, Extensions, NegotiationError, NegotiationErrorKind as Kind, PermessageDeflate,
};

use crate::support::{one, parsed};

fn offered(deflate: &PermessageDeflate) -> Vec<String> {
    deflate.offers().iter().map(ToString::to_string).collect()
}

/// The parameters that a client and this response agree on.
fn agreed(deflate: &PermessageDeflate, answer: &str) -> Result<DeflateParams, NegotiationError> {
    let answer = answer.replace("pmd", "permessage-deflate");
    let params = deflate.agreed_params(&one(&answer));
    assert_eq!(params.err(), Extensions::accept_responses(&[deflate], &parsed(&answer)).err());
    params
}

#[track_caller]
fn refuses(deflate: &PermessageDeflate, answers: &[&str]) {
    for answer in answers {
        let error = agreed(deflate, answer).expect_err(answer);
        assert_eq!(error.extension().as_bytes(), b"permessage-deflate", "{answer}");
    }
}

const NO_TAKEOVER: DeflateParams = DeflateParams {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    ..DeflateParams::DEFAULT
};

#[test]
fn an_offer_has_only_the_parameters_that_differ_from_the_defaults() {
    // RFC 7692 §5, §7.1: a window of 15 bits is the default and is not sent.
    let new = PermessageDeflate::new;
    for (deflate, offers) in [
        (new(), "client_max_window_bits"),
        (new().with_server_max_window_bits(15).with_client_max_window_bits(15), "client_max_window_bits"),
        (new().with_server_no_context_takeover(), "server_no_context_takeover; client_max_window_bits"),
        (new().with_client_no_context_takeover(), "client_no_context_takeover; client_max_window_bits"),
        (new().with_server_max_window_bits(10), "server_max_window_bits=10; client_max_window_bits"),
        (new().with_client_max_window_bits(8), "client_max_window_bits=8"),
        (new().with_fallback(), "client_max_window_bits"),
    ] {
        assert_eq!(offered(&deflate), [format!("permessage-deflate; {offers}")]);
    }
    assert_eq!(offered(&new().without_client_max_window_bits()), ["permessage-deflate"]);
}

#[test]
fn the_last_setting_of_the_client_window_decides_whether_it_is_offered() {
    let without = PermessageDeflate::new().without_client_max_window_bits();
    let with = without.clone().with_client_max_window_bits(15);
    assert_eq!(offered(&with), ["permessage-deflate; client_max_window_bits"]);
    assert_eq!(agreed(&with, "pmd; client_max_window_bits=10").unwrap().client_max_window_bits, 10);
    let with = without.with_client_max_window_bits(9);
    assert_eq!(offered(&with), ["permessage-deflate; client_max_window_bits=9"]);
    assert_eq!(offered(&with.without_client_max_window_bits()), ["permessage-deflate"]);
}

#[test]
fn a_fallback_offer_requires_nothing_from_the_server() {
    // §5
    let deflate = PermessageDeflate::new()
        .with_server_max_window_bits(9)
        .with_server_no_context_takeover()
        .with_client_no_context_takeover()
        .without_client_max_window_bits()
        .with_fallback();
    assert_eq!(
        offered(&deflate),
        [
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9",
            "permessage-deflate; client_no_context_takeover",
        ]
    );
    for either in [
        PermessageDeflate::new().with_server_max_window_bits(9),
        PermessageDeflate::new().with_server_no_context_takeover(),
    ] {
        let offers = offered(&either.with_fallback());
        assert_eq!(offers[1..], ["permessage-deflate; client_max_window_bits"], "{}", offers[0]);
    }
    // The server may answer either offer.
    let first = "pmd; server_no_context_takeover; server_max_window_bits=8";
    assert_eq!(agreed(&deflate, first), Ok(DeflateParams { server_max_window_bits: 8, ..NO_TAKEOVER }));
    let second = DeflateParams { client_no_context_takeover: true, ..DeflateParams::DEFAULT };
    assert_eq!(agreed(&deflate, "pmd"), Ok(second));
}

#[test]
fn a_client_accepts_parameters_that_a_server_may_add() {
    // §7.1.1.1, §7.1.1.2, §7.1.2.1, §7.1.2.2
    let deflate = PermessageDeflate::new();
    let all = DeflateParams::DEFAULT;
    for (answer, params) in [
        ("pmd", all),
        ("pmd; server_no_context_takeover", DeflateParams { server_no_context_takeover: true, ..all }),
        ("pmd; client_no_context_takeover", DeflateParams { client_no_context_takeover: true, ..all }),
        ("pmd; server_max_window_bits=8", DeflateParams { server_max_window_bits: 8, ..all }),
        ("pmd; server_max_window_bits=15", all),
        ("pmd; client_max_window_bits=8", DeflateParams { client_max_window_bits: 8, ..all }),
        ("pmd; client_max_window_bits=15", all),
        (r#"pmd; client_max_window_bits="9""#, DeflateParams { client_max_window_bits: 9, ..all }),
    ] {
        assert_eq!(agreed(&deflate, answer), Ok(params), "{answer}");
    }
}

#[test]
fn an_answer_with_an_unknown_a_malformed_or_a_repeated_parameter_is_refused() {
    // §7.1
    refuses(
        &PermessageDeflate::new(),
        &[
            "pmd; unknown",
            "pmd; server_no_context_takeover; x=1",
            "pmd; server_no_context_takeover=1",
            "pmd; client_no_context_takeover=\"\"",
            "pmd; server_max_window_bits",
            "pmd; server_max_window_bits=7",
            "pmd; server_max_window_bits=16",
            "pmd; server_max_window_bits=08",
            // Only an offer may have it without a value (§7.1.2.2).
            "pmd; client_max_window_bits",
            "pmd; client_max_window_bits=7",
            "pmd; client_max_window_bits=16",
            "pmd; client_max_window_bits=010",
            "pmd; server_no_context_takeover; server_no_context_takeover",
            "pmd; client_no_context_takeover; client_no_context_takeover",
            "pmd; server_max_window_bits=10; server_max_window_bits=10",
            "pmd; client_max_window_bits=10; client_max_window_bits=9",
        ],
    );
}

#[test]
fn an_answer_must_not_have_a_larger_server_window_than_the_offer() {
    // §7.1.2.1
    let deflate = PermessageDeflate::new().with_server_max_window_bits(10);
    refuses(&deflate, &["pmd", "pmd; server_max_window_bits=11", "pmd; server_max_window_bits=15"]);
    for bits in 8..=10 {
        let params = agreed(&deflate, &format!("pmd; server_max_window_bits={bits}")).unwrap();
        assert_eq!(params.server_max_window_bits, bits);
    }
}

#[test]
fn an_answer_must_repeat_the_requested_server_no_context_takeover() {
    // §7.1.1.1
    let deflate = PermessageDeflate::new().with_server_no_context_takeover();
    refuses(&deflate, &["pmd", "pmd; client_no_context_takeover"]);
    assert!(agreed(&deflate, "pmd; server_no_context_takeover").is_ok());
}

#[test]
fn an_answer_must_not_set_a_client_window_that_was_not_offered() {
    // §7.1.2.2
    let deflate = PermessageDeflate::new().without_client_max_window_bits();
    refuses(&deflate, &["pmd; client_max_window_bits=15", "pmd; client_max_window_bits=8"]);
    let deflate = PermessageDeflate::new().with_client_max_window_bits(10);
    refuses(&deflate, &["pmd; client_max_window_bits=11", "pmd; client_max_window_bits=15"]);
    assert_eq!(agreed(&deflate, "pmd; client_max_window_bits=9").unwrap().client_max_window_bits, 9);
    // A value that was offered holds even if the answer leaves it out.
    assert_eq!(agreed(&deflate, "pmd").unwrap().client_max_window_bits, 10);
}

#[test]
fn a_client_follows_its_own_no_context_takeover_for_every_answer() {
    // §7.1.1.2: in an offer it is a hint, which the client follows itself.
    let deflate = PermessageDeflate::new().with_client_no_context_takeover();
    assert!(agreed(&deflate, "pmd").unwrap().client_no_context_takeover);
}

#[test]
fn an_answer_that_is_repeated_or_has_another_name_is_refused() {
    // §5.1; RFC 6455 §4.1, §9.1
    let deflate = PermessageDeflate::new();
    for answers in [
        "permessage-deflate, permessage-deflate",
        "permessage-deflate, x-other",
        "x-other",
        "permessage-deflate-2",
        "permessage",
        "PERMESSAGE-DEFLATE",
    ] {
        assert!(Extensions::accept_responses(&[&deflate], &parsed(answers)).is_err(), "{answers}");
    }
    let error = Extensions::accept_responses(&[], &parsed("permessage-deflate")).unwrap_err();
    assert_eq!(error, NegotiationError::new(Kind::NotOffered, "permessage-deflate"));
    assert!(Extensions::accept_responses(&[&deflate], &[]).unwrap().is_empty(), "it may be declined");
}

#[test]
fn agreed_parameters_are_parsed_from_an_answer() {
    let params = |answer: &str| DeflateParams::parse_answer(&one(answer));
    assert_eq!(params("permessage-deflate"), Ok(DeflateParams::DEFAULT));
    let all = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
               server_max_window_bits=8; client_max_window_bits=15";
    assert_eq!(params(all), Ok(DeflateParams { server_max_window_bits: 8, ..NO_TAKEOVER }));
    let error =
        NegotiationError::new(Kind::MissingValue, "permessage-deflate").with_param("client_max_window_bits");
    assert_eq!(params("permessage-deflate; client_max_window_bits"), Err(error));
}

#[test]
fn an_error_says_which_parameter_of_the_response_breaks_which_rule() {
    // §7.1
    let asking = PermessageDeflate::new().with_server_no_context_takeover().with_server_max_window_bits(10);
    let plain = PermessageDeflate::new().without_client_max_window_bits();
    let long = "x".repeat(99);
    for (deflate, answer, kind, param) in [
        (&plain, "pmd; x-other", Kind::UnknownParam, "x-other"),
        (&plain, &format!("pmd; {long}"), Kind::UnknownParam, &long),
        (&plain, "pmd; server_max_window_bits=9; server_max_window_bits=9", Kind::RepeatedParam, SERVER_BITS),
        (&plain, "pmd; server_no_context_takeover=1", Kind::UnexpectedValue, "server_no_context_takeover"),
        (&plain, "pmd; server_max_window_bits", Kind::MissingValue, SERVER_BITS),
        (&plain, "pmd; server_max_window_bits=16", Kind::InvalidValue, SERVER_BITS),
        (&plain, "pmd; server_max_window_bits=08", Kind::InvalidValue, SERVER_BITS),
        (&plain, "pmd; client_max_window_bits=15", Kind::ParamNotOffered, "client_max_window_bits"),
        (&asking, "pmd", Kind::MissingParam, "server_no_context_takeover"),
        (&asking, "pmd; server_no_context_takeover", Kind::MissingParam, SERVER_BITS),
        (
            &asking,
            "pmd; server_no_context_takeover; server_max_window_bits=11",
            Kind::ValueTooLarge,
            SERVER_BITS,
        ),
    ] {
        let error = NegotiationError::new(kind, "permessage-deflate").with_param(param);
        assert_eq!(agreed(deflate, answer), Err(error), "{answer}");
    }
}

const SERVER_BITS: &str = "server_max_window_bits";
