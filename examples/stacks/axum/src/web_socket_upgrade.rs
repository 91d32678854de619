//! An extractor for WebSocket requests. Copy this file into your server.

use std::future::Future;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use wsproto::{
    AcceptConnection, Connection, Extension, HandshakeLimits, OriginPolicy, PermessageDeflate,
    RejectConnection, ResponseParts, Role, ServerUpgrade, select_subprotocol,
};
use wsproto_tokio::{MaskingKeys, Settings, WebSocket};

/// A WebSocket over a connection of axum.
pub(crate) type AxumWebSocket = WebSocket<TokioIo<Upgraded>>;

/// A valid WebSocket request over HTTP/1.1 (RFC 6455 §4.2.1); every other request is refused with the fitting status.
///
/// Use it for GET routes. Return what [`on_upgrade`](Self::on_upgrade) returns.
#[must_use = "the client waits for a response"]
#[derive(Debug)]
pub(crate) struct WebSocketUpgrade {
    upgrade: ServerUpgrade,
    on_upgrade: OnUpgrade,
    subprotocol: Option<String>,
    origins: Option<OriginPolicy>,
    deflate: Option<PermessageDeflate>,
    settings: Settings,
}

impl WebSocketUpgrade {
    /// Chooses the first of these subprotocols that the client offers; if they have none in common, no subprotocol is
    /// chosen.
    pub(crate) fn with_subprotocols(mut self, supported: &[&str]) -> Self {
        let offered = self.upgrade.request().subprotocols();
        self.subprotocol = select_subprotocol(supported, offered, Role::Server).map(str::to_owned);
        self
    }

    /// Refuses the pages of other origins with status 403 (RFC 6455 §10.2). Without a policy, every page may connect.
    pub(crate) fn with_origin_policy(mut self, policy: OriginPolicy) -> Self {
        self.origins = Some(policy);
        self
    }

    /// Compresses messages, if the client offers it (RFC 7692).
    pub(crate) fn with_deflate(mut self, deflate: PermessageDeflate) -> Self {
        self.deflate = Some(deflate);
        self
    }

    /// Sets limits, deadlines and the use of memory.
    pub(crate) fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The chosen subprotocol.
    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The response. Once axum has sent it, a task runs `callback` with the connection; if the origin is refused, or the
    /// client is gone before, it does not run.
    pub(crate) fn on_upgrade<F>(
        self,
        callback: impl FnOnce(AxumWebSocket) -> F + Send + 'static,
    ) -> axum::response::Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { upgrade, on_upgrade, subprotocol, origins, deflate, settings } = self;
        if let Some(Err(reject)) = origins.map(|policy| policy.check(upgrade.request())) {
            return refuse(reject);
        }
        let accept =
            subprotocol.iter().fold(AcceptConnection::new(), |accept, name| accept.with_subprotocol(name));
        let supported: Option<&dyn Extension> = deflate.as_ref().map(|deflate| deflate as &dyn Extension);
        let (accept, extensions) = accept.with_extensions(supported.as_slice(), upgrade.request());
        let Ok(parts) = upgrade.accept(accept) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        tokio::spawn(async move {
            let Ok(stream) = on_upgrade.await else { return };
            let connection =
                Connection::with_role(Role::Server, settings.connection_limits(), MaskingKeys::default());
            let connection = connection.with_extensions(extensions);
            // The stream returns first what hyper has read after the request, so nothing is left over.
            callback(WebSocket::from_parts(TokioIo::new(stream), connection, b"", settings)).await;
        });
        response(parts)
    }
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = axum::response::Response;

    async fn from_request_parts(request: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let (method, target) = (request.method.as_str(), request.uri.to_string());
        let (version, limits) = (request.version.into(), HandshakeLimits::DEFAULT);
        let upgrade = ServerUpgrade::parse(method, &target, version, &request.headers, limits)
            .map_err(|error| refuse(error.response()))?;
        // It is there unless a layer has taken it.
        let on_upgrade = request.extensions.remove::<OnUpgrade>();
        let on_upgrade = on_upgrade.ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
        let (subprotocol, origins, deflate, settings) = (None, None, None, Settings::DEFAULT);
        Ok(Self { upgrade, on_upgrade, subprotocol, origins, deflate, settings })
    }
}

fn refuse(reject: RejectConnection) -> axum::response::Response {
    match ServerUpgrade::reject(reject) {
        Ok(parts) => response(parts),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn response(parts: ResponseParts) -> axum::response::Response {
    match Response::try_from(parts) {
        Ok(response) => response.map(|()| axum::body::Body::empty()),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
