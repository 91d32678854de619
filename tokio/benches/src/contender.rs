//! Who takes part.

/// An engine, or a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    WsprotoTokio,
    /// The same without deadlines, as the peers are.
    WithoutDeadlines,
    Fastwebsockets,
    TokioTungstenite,
    TokioWebsockets,
    Yawc,
    /// What tokio itself costs: only for memory.
    TokioAlone,
    /// wsproto-tokio with a delay for each message.
    Slowed,
    /// wsproto-tokio with a wrong byte.
    Wrong,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::WsprotoTokio,
        Self::WithoutDeadlines,
        Self::Fastwebsockets,
        Self::TokioTungstenite,
        Self::TokioWebsockets,
        Self::Yawc,
        Self::TokioAlone,
        Self::Slowed,
        Self::Wrong,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WsprotoTokio => "wsproto-tokio",
            Self::WithoutDeadlines => "the same without deadlines",
            Self::Fastwebsockets => "fastwebsockets",
            Self::TokioTungstenite => "tokio-tungstenite",
            Self::TokioWebsockets => "tokio-websockets",
            Self::Yawc => "yawc",
            Self::TokioAlone => "tokio alone",
            Self::Slowed => "wsproto-tokio, slowed",
            Self::Wrong => "wsproto-tokio, a wrong byte",
        }
    }

    /// Whether wsproto-tokio is compared with it.
    pub(crate) const fn is_peer(self) -> bool {
        matches!(self, Self::Fastwebsockets | Self::TokioTungstenite | Self::TokioWebsockets | Self::Yawc)
    }

    /// Whether it has permessage-deflate.
    pub(crate) const fn can_deflate(self) -> bool {
        matches!(self, Self::WsprotoTokio | Self::WithoutDeadlines | Self::Yawc | Self::Slowed | Self::Wrong)
    }
}
