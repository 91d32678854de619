//! The errors as `std::io::Error`, for functions that return [`io::Result`].

use std::io::{self, ErrorKind};

use crate::error::{HandshakeError, LocalProtocolError, RemoteProtocolError};
use crate::handshake::UriError;
use crate::ws_connection::ReceiveError;

/// Makes an error one of [`std::io`], with a kind; [`get_ref`](io::Error::get_ref) returns the error itself.
macro_rules! as_io_error {
    ($($error:ty => $kind:ident),* $(,)?) => {$(
        #[doc = concat!("As an error of the kind [`", stringify!($kind), "`](ErrorKind::", stringify!($kind), ").")]
        impl From<$error> for io::Error {
            fn from(error: $error) -> Self {
                Self::new(ErrorKind::$kind, error)
            }
        }
    )*};
}

as_io_error! {
    // The peer is at fault.
    HandshakeError => InvalidData,
    RemoteProtocolError => InvalidData,
    ReceiveError => InvalidData,
    // The caller is.
    LocalProtocolError => InvalidInput,
    UriError => InvalidInput,
}
