//! A guide for programs that embed this crate: which layer to choose, how to drive it, and what it costs.
//!
//! The documentation of each type says what the type does. The guide says how the types work together with a
//! transport, and why. All its listings run as tests.
//!
//! 1. [Which layer to choose](layers)
//! 2. [The read loop](read_loop), and one read buffer for many connections
//! 3. [Pieces and messages](pieces)
//! 4. [Closing](closing), and what to do with the transport
//! 5. [Halves apart](halves)
//! 6. [Backpressure](backpressure)
//! 7. [Deadlines and keepalive](deadlines)
//! 8. [Limits and memory](memory), with figures
//! 9. [Compression](compression)
//! 10. [Security](security) of servers that face the internet
//! 11. [What a connection can cost you](costs), with figures
//! 12. [HTTP/2 and HTTP/3](http_streams)
//! 13. [Fuzzing and testing](testing) of another implementation
//! 14. [Coming from another library](coming_from): Python's wsproto, tungstenite, Python's `websockets`
//!
//! The guide exists only in documentation: a program cannot name this module.

// The texts are in files of their own, so that they can be read in the repository too. They link to items by their names
// in the crate's root.
macro_rules! chapters {
    ($($name:ident)*) => {$(
        pub mod $name {
            #![doc = include_str!(concat!("../guide/", stringify!($name), ".md"))]

            #[allow(unused_imports, reason = "for links")]
            use crate::*;
        }
    )*};
}

chapters! {
    layers read_loop pieces closing halves backpressure deadlines memory compression security costs http_streams testing
    coming_from
}
