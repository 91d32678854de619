//! A server's answers to offers (RFC 7692 §5, §7.1; RFC 6455 §9.1).

use wsproto::{DeflateParams, Extension, Extensions, PermessageDeflate};

use crate::support::{one, parsed};

/// What a server with these settings answers to a header.
fn answer(deflate: &PermessageDeflate, offers: &str) -> String {
    let (chosen, answers) = Extensions::accept_offers(&[deflate], &parsed(offers));
    assert_eq!(chosen.len(), answers.len());
    assert!(answers.len() <= 1, "at most one of the offers is accepted");
    answers.iter().map(ToString::to_string).collect()
}

/// Checks a table of offers and answers; the answer is "" if the offers are declined.
#[track_caller]
fn answers(deflate: &PermessageDeflate, table: &[(&str, &str)]) {
    for (offers, expected) in table {
        let expected = expected.replace("pmd", "permessage-deflate");
        let offers = offers.replace("pmd", "permessage-deflate");
        assert_eq!(answer(deflate, &offers), expected, "{offers}");
    }
}

#[test]
fn each_parameter_of_an_offer_is_answered() {
    // RFC 7692 §7.1.1.1, §7.1.1.2, §7.1.2.1, §7.1.2.2
    answers(
        &PermessageDeflate::new(),
        &[
            ("pmd", "pmd"),
            ("pmd; server_no_context_takeover", "pmd; server_no_context_takeover"),
            ("pmd; client_no_context_takeover", "pmd; client_no_context_takeover"),
            ("pmd; server_max_window_bits=10", "pmd; server_max_window_bits=10"),
            // "The same or a smaller value": also if it is the default.
            ("pmd; server_max_window_bits=15", "pmd; server_max_window_bits=15"),
            // The client can accept a smaller window; it does not ask for one.
            ("pmd; client_max_window_bits", "pmd"),
            ("pmd; client_max_window_bits=15", "pmd"),
            ("pmd; client_max_window_bits=10", "pmd; client_max_window_bits=10"),
            (
                "pmd; client_max_window_bits=9; server_max_window_bits=8; client_no_context_takeover; \
             server_no_context_takeover",
                "pmd; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; \
             client_max_window_bits=9",
            ),
        ],
    );
}

#[test]
fn each_window_size_is_agreed_on_without_leading_zeros() {
    // §7.1.2
    for bits in 8..=15 {
        let deflate = PermessageDeflate::new();
        let (_, params) = deflate
            .answer(&one(&format!(
                "permessage-deflate; server_max_window_bits={bits}; client_max_window_bits={bits}"
            )))
            .unwrap();
        let expected = DeflateParams {
            server_max_window_bits: bits,
            client_max_window_bits: bits,
            ..DeflateParams::DEFAULT
        };
        assert_eq!(params, expected);
        for name in ["server_max_window_bits", "client_max_window_bits"] {
            let wrong = [format!("0{bits}"), format!("+{bits}"), format!("{bits}.0"), format!("{bits}a")];
            for value in wrong {
                assert_eq!(answer(&deflate, &format!("permessage-deflate; {name}={value}")), "", "{value}");
            }
        }
    }
}

#[test]
fn a_quoted_value_is_the_same_as_a_token() {
    // RFC 6455 §9.1
    answers(
        &PermessageDeflate::new(),
        &[
            (r#"pmd; server_max_window_bits="10""#, "pmd; server_max_window_bits=10"),
            (r#"pmd; server_max_window_bits="1\0""#, "pmd; server_max_window_bits=10"),
            (r#"pmd; client_max_window_bits = "9" "#, "pmd; client_max_window_bits=9"),
            (r#"pmd; client_max_window_bits="""#, ""),
            (r#"pmd; client_max_window_bits="9 ""#, ""),
            (r#"pmd; client_max_window_bits="9,10""#, ""),
            (r#"pmd; server_no_context_takeover="""#, ""),
        ],
    );
}

/// Offers that must be declined.
const BAD: &[&str] = &[
    // "A parameter not defined for use in an offer"
    "pmd; unknown",
    "pmd; unknown=1",
    "pmd; Server_no_context_takeover",
    "pmd; server_max_window_bits=10; x",
    "pmd; server_no_context_takeove",
    "pmd; server_no_context_takeovers",
    // "an invalid value"
    "pmd; server_no_context_takeover=1",
    "pmd; server_no_context_takeover=true",
    "pmd; client_no_context_takeover=0",
    "pmd; server_max_window_bits",
    "pmd; server_max_window_bits=0",
    "pmd; server_max_window_bits=7",
    "pmd; server_max_window_bits=16",
    "pmd; server_max_window_bits=-10",
    "pmd; server_max_window_bits=1e1",
    "pmd; server_max_window_bits=0x0a",
    "pmd; server_max_window_bits=266",
    "pmd; server_max_window_bits=99999999999999999999999999",
    "pmd; client_max_window_bits=7",
    "pmd; client_max_window_bits=16",
    "pmd; client_max_window_bits=true",
    "pmd; client_max_window_bits=\"\u{9}10\"",
    // "multiple parameters with the same name"
    "pmd; server_no_context_takeover; server_no_context_takeover",
    "pmd; client_no_context_takeover; client_no_context_takeover",
    "pmd; server_max_window_bits=10; server_max_window_bits=10",
    "pmd; client_max_window_bits; client_max_window_bits",
    "pmd; client_max_window_bits=10; client_max_window_bits",
    "pmd; client_max_window_bits; server_max_window_bits=10; client_max_window_bits=10",
];

#[test]
fn an_offer_with_an_unknown_a_malformed_or_a_repeated_parameter_is_declined() {
    // RFC 7692 §7.1
    for offer in BAD {
        answers(&PermessageDeflate::new(), &[(offer, "")]);
    }
}

#[test]
fn a_declined_offer_does_not_change_the_other_offers() {
    // §5: a client may offer several, in order of preference.
    for offer in BAD {
        answers(
            &PermessageDeflate::new(),
            &[
                (&format!("{offer}, pmd; server_max_window_bits=9, pmd"), "pmd; server_max_window_bits=9"),
                (&format!("x-other; pmd, {offer}, {offer}, pmd"), "pmd"),
                (&format!("pmd, {offer}"), "pmd"),
            ],
        );
    }
}

#[test]
fn the_first_offer_that_can_be_met_is_accepted() {
    // §5
    let offers =
        "pmd; client_no_context_takeover, pmd; client_max_window_bits=9, pmd; client_max_window_bits";
    answers(&PermessageDeflate::new(), &[(offers, "pmd; client_no_context_takeover")]);
    let insistent =
        PermessageDeflate::new().with_client_max_window_bits(8).requiring_client_max_window_bits();
    answers(
        &insistent,
        &[
            (offers, "pmd; client_max_window_bits=8"),
            ("pmd; server_no_context_takeover", ""),
            (
                "pmd; server_no_context_takeover, pmd; client_max_window_bits=15",
                "pmd; client_max_window_bits=8",
            ),
        ],
    );
}

#[test]
fn an_extension_of_another_name_is_not_accepted() {
    // RFC 6455 §9.1, RFC 7692 §4: names are registered tokens, and the whole name must match.
    answers(
        &PermessageDeflate::new(),
        &[
            ("permessage", ""),
            ("permessage-deflate-2", ""),
            ("permessage-deflat", ""),
            ("x-webkit-deflate-frame", ""),
            ("permessage-bzip2; server_max_window_bits=10", ""),
            ("Permessage-Deflate", ""),
            ("", ""),
        ],
    );
}

#[test]
fn a_server_adds_the_parameters_of_its_settings() {
    // RFC 7692 §7.1.1.1, §7.1.1.2, §7.1.2.1: it "may include it although the offer did not".
    answers(
        &PermessageDeflate::new().with_server_no_context_takeover(),
        &[
            ("pmd", "pmd; server_no_context_takeover"),
            ("pmd; server_no_context_takeover", "pmd; server_no_context_takeover"),
        ],
    );
    answers(
        &PermessageDeflate::new().with_client_no_context_takeover(),
        &[
            ("pmd", "pmd; client_no_context_takeover"),
            ("pmd; client_no_context_takeover", "pmd; client_no_context_takeover"),
        ],
    );
    answers(
        &PermessageDeflate::new().with_server_max_window_bits(11),
        &[
            ("pmd", "pmd; server_max_window_bits=11"),
            ("pmd; server_max_window_bits=15", "pmd; server_max_window_bits=11"),
            ("pmd; server_max_window_bits=12", "pmd; server_max_window_bits=11"),
            ("pmd; server_max_window_bits=11", "pmd; server_max_window_bits=11"),
            ("pmd; server_max_window_bits=10", "pmd; server_max_window_bits=10"),
            ("pmd; server_max_window_bits=8", "pmd; server_max_window_bits=8"),
        ],
    );
}

#[test]
fn a_server_sets_the_client_window_only_if_the_client_has_offered_it() {
    // §7.1.2.2
    let deflate = PermessageDeflate::new().with_client_max_window_bits(11);
    answers(
        &deflate,
        &[
            ("pmd", "pmd"),
            ("pmd; client_max_window_bits", "pmd; client_max_window_bits=11"),
            ("pmd; client_max_window_bits=15", "pmd; client_max_window_bits=11"),
            ("pmd; client_max_window_bits=11", "pmd; client_max_window_bits=11"),
            ("pmd; client_max_window_bits=9", "pmd; client_max_window_bits=9"),
        ],
    );
    answers(
        &deflate.requiring_client_max_window_bits(),
        &[
            ("pmd", ""),
            ("pmd; server_max_window_bits=9", ""),
            ("pmd; client_max_window_bits", "pmd; client_max_window_bits=11"),
            ("pmd, pmd; client_max_window_bits", "pmd; client_max_window_bits=11"),
        ],
    );
    // No smaller window is set, so that nothing can be required.
    answers(&PermessageDeflate::new().requiring_client_max_window_bits(), &[("pmd", "pmd")]);
}

#[test]
fn a_client_that_offered_no_window_may_use_15_bits() {
    let deflate = PermessageDeflate::new().with_client_max_window_bits(11);
    let (_, params) = deflate.answer(&one("permessage-deflate")).unwrap();
    assert_eq!(params.client_max_window_bits, 15);
    // A value is a promise of the client, whatever the answer says (§7.1.2.2).
    let (answer, params) =
        PermessageDeflate::new().answer(&one("permessage-deflate; client_max_window_bits=9")).unwrap();
    assert_eq!((params.client_max_window_bits, answer.params().count()), (9, 1));
}

#[test]
fn settings_out_of_range_become_the_nearest_valid_value() {
    let low = PermessageDeflate::new().with_server_max_window_bits(0).with_client_max_window_bits(7);
    answers(
        &low,
        &[("pmd; client_max_window_bits", "pmd; server_max_window_bits=8; client_max_window_bits=8")],
    );
    let high = PermessageDeflate::new().with_server_max_window_bits(16).with_client_max_window_bits(255);
    answers(&high, &[("pmd; client_max_window_bits", "pmd")]);
}

#[test]
fn a_client_accepts_every_answer_to_its_own_offers() {
    // The client accepts every answer to its offer, and both sides have the same parameters.
    let all = settings_of_all_kinds();
    for client in &all {
        for offer in client.offers() {
            for server in &all {
                let Ok((answer, params)) = server.answer(&offer) else { continue };
                let agreed = DeflateParams::parse_answer(&answer).unwrap();
                assert_eq!(agreed.server_no_context_takeover, params.server_no_context_takeover);
                assert_eq!(agreed.server_max_window_bits, params.server_max_window_bits);
                assert!(agreed.client_max_window_bits >= params.client_max_window_bits);
                assert_eq!(client.agreed_params(&answer), Ok(params), "{offer} {answer}");
            }
        }
    }
}

fn settings_of_all_kinds() -> Vec<PermessageDeflate> {
    let mut all = vec![PermessageDeflate::new()];
    let steps: [fn(PermessageDeflate) -> PermessageDeflate; 7] = [
        PermessageDeflate::with_server_no_context_takeover,
        PermessageDeflate::with_client_no_context_takeover,
        |deflate| deflate.with_server_max_window_bits(8),
        |deflate| deflate.with_server_max_window_bits(12),
        |deflate| deflate.with_client_max_window_bits(9),
        PermessageDeflate::with_fallback,
        PermessageDeflate::without_client_max_window_bits,
    ];
    for step in steps {
        all.extend(all.clone().into_iter().map(step));
    }
    all
}
