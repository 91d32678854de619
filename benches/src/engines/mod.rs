//! The engines, one in each file.

pub(crate) mod fastwebsockets;
pub(crate) mod floor;
pub(crate) mod handshake_parts;
pub(crate) mod nexus_web;
pub(crate) mod shiguredo_websocket;
pub(crate) mod sockudo_ws;
pub(crate) mod soketto;
pub(crate) mod tokio_websockets;
pub(crate) mod tungstenite;
pub(crate) mod websocket_sans_io;
pub(crate) mod wsproto;
pub(crate) mod wtx;
pub(crate) mod yawc;
pub(crate) mod zlib_rs;
