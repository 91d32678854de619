//! The choice of a subprotocol that both sides support (RFC 6455 §1.9, §4.2.2).

use crate::role::Role;

/// Returns the first subprotocol in both `supported` and `offered`, in the order of the side that `preference` names.
///
/// Names are case-sensitive. Returns `None` if no name is in both lists: the server may then accept without a
/// subprotocol, or reject.
///
/// ```
/// use wsproto::{AcceptConnection, Request, Role, select_subprotocol};
///
/// let request = Request::new("localhost", "/").with_subprotocol("mqtt").with_subprotocol("chat");
/// let supported = ["chat", "mqtt"];
/// assert_eq!(select_subprotocol(&supported, request.subprotocols(), Role::Server), Some("chat"));
/// assert_eq!(select_subprotocol(&supported, request.subprotocols(), Role::Client), Some("mqtt"));
/// assert_eq!(select_subprotocol(&["v2.chat"], request.subprotocols(), Role::Server), None);
/// ```
pub fn select_subprotocol<'s, 'o>(
    supported: &[&'s str],
    offered: impl IntoIterator<Item = &'o str>,
    preference: Role,
) -> Option<&'s str> {
    let rank = |name: &str| supported.iter().position(|supported| *supported == name);
    let mut common = offered.into_iter().filter_map(rank);
    let chosen = match preference {
        Role::Client => common.next(),
        Role::Server => common.min(),
    };
    chosen.and_then(|rank| supported.get(rank)).copied()
}
