//! The errors as `std::io::Error`, for functions that return [`io::Result`].

use std::io::{self, ErrorKind};

use crate::error::{LocalProtocolError, RemoteProtocolError};
#[cfg(feature = "handshake")]
use crate::{error::HandshakeError, handshake::UriError, ws_connection::ReceiveError};

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
    RemoteProtocolError => InvalidData,
    // The caller is.
    LocalProtocolError => InvalidInput,
}

#[cfg(feature = "handshake")]
as_io_error! {
    HandshakeError => InvalidData,
    ReceiveError => InvalidData,
    UriError => InvalidInput,
}
