//! Which subprotocol is spoken (RFC 6455 §1.9, §4.1, §4.2.2).

use wsproto::{Role, select_subprotocol};

fn select(supported: &[&'static str], offered: &[&str], preference: Role) -> Option<&'static str> {
    select_subprotocol(supported, offered.iter().copied(), preference)
}

#[test]
fn the_side_whose_preference_counts_is_followed() {
    for (supported, offered, by_server, by_client) in [
        (&["a", "b"][..], &["b", "a"][..], Some("a"), Some("b")),
        (&["a", "b"], &["c", "b"], Some("b"), Some("b")),
        (&["c", "b", "a"], &["x", "a", "b", "c"], Some("c"), Some("a")),
        (&["a"], &[], None, None),
        (&[], &["a"], None, None),
        (&["a"], &["b"], None, None),
        (&["a", "a"], &["a"], Some("a"), Some("a")),
    ] {
        assert_eq!(select(supported, offered, Role::Server), by_server, "{supported:?} {offered:?}");
        assert_eq!(select(supported, offered, Role::Client), by_client, "{supported:?} {offered:?}");
    }
}

#[test]
fn names_are_compared_in_their_case() {
    assert_eq!(select(&["chat"], &["Chat", "CHAT"], Role::Server), None);
    assert_eq!(select(&["chat"], &["chat.v2", "cha"], Role::Client), None);
}
