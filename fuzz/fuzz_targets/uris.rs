//! A URI, and an origin, is split as the `url` crate splits it, which has the rules of browsers; and what was parsed
//! prints to a text that parses to the same.
#![no_main]

use std::net::Ipv4Addr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use url::{Host, Url};
use wsproto::{Origin, WebSocketUri};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Uri { secure: bool, rest: &'a str },
    Text(&'a str),
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Uri { secure, rest } => {
            uri(&format!("{}://{rest}", if secure { "wss" } else { "ws" }));
            origin(&format!("{}://{rest}", if secure { "https" } else { "http" }));
        }
        Input::Text(text) => {
            uri(text);
            origin(text);
        }
    }
});

fn uri(text: &str) {
    let Ok(uri) = text.parse::<WebSocketUri>() else { return };
    let printed = uri.to_string();
    assert_eq!(printed.parse(), Ok(uri.clone()), "{printed}");
    assert_eq!(Origin::from(&uri).to_string().parse(), Ok(Origin::from(&uri)));

    let Ok(url) = Url::parse(text) else {
        // Its hosts are those of domains and addresses: RFC 3986 allows any registered name.
        assert!(is_no_domain(uri.host()), "{text}");
        return;
    };
    assert_eq!(url.scheme(), uri.scheme().to_string());
    assert_eq!(url.port_or_known_default(), Some(uri.port()));
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    match url.host() {
        Some(Host::Ipv6(address)) => assert_eq!(address.to_string(), uri.host()),
        // It reads `0x7f.1` as an address too.
        Some(Host::Ipv4(address)) => assert!(
            uri.host().parse() == Ok(address) || uri.host().parse::<Ipv4Addr>().is_err(),
            "{text}: {address}"
        ),
        Some(Host::Domain(domain)) => {
            assert!(domain == uri.host() || is_no_domain(uri.host()), "{text}: {domain}")
        }
        None => panic!("no host in {text}"),
    }
    // It escapes more, and resolves `.` and `..`.
    if !uri.resource_name().contains(['.', '%', '\'', '|', '^', '`', '{', '}', '"', '<', '>']) {
        // An empty query is left out of a resource name (RFC 6455 §3).
        let query = url
            .query()
            .filter(|query| !query.is_empty())
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        assert_eq!(format!("{}{query}", url.path()), uri.resource_name());
    }
}

/// Whether IDNA, or the rule that a last label of digits makes an address, can change or refuse this name.
fn is_no_domain(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    last.starts_with(|first: char| first.is_ascii_digit())
        || host.split('.').any(|label| label.starts_with("xn--"))
        || host.contains(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_'))
}

fn origin(text: &str) {
    let Ok(origin) = text.parse::<Origin>() else { return };
    assert_eq!(origin.to_string().parse(), Ok(origin.clone()), "{origin}");
    assert_eq!(origin.is_null(), text == "null");

    let Ok(url) = Url::parse(text) else { return };
    // Only schemes that it knows have an origin with a host.
    if !url.origin().is_tuple() {
        return;
    }
    let by_url = url.origin().ascii_serialization();
    // The same hosts as for a URI: IDNA, and numbers that it reads as addresses.
    let (_, authority) = text.split_once("://").expect("an origin has a scheme");
    let is_ipv6 = authority.starts_with('[');
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    if is_ipv6 {
        // It writes an IPv4 address inside as hexadecimal digits, and not as RFC 5952 §5 recommends.
        assert_eq!(by_url.parse(), Ok(origin), "{text}");
    } else if !is_no_domain(&host.to_ascii_lowercase()) {
        assert_eq!(origin.to_string(), by_url, "{text}");
    }
}
