"""A shim of Python's wsproto, on a blocking socket."""

import socket
import sys

import contract

try:
    from wsproto import ConnectionType, WSConnection, __version__, events
    from wsproto.connection import ConnectionState
    from wsproto.extensions import PerMessageDeflate
    from wsproto.utilities import RemoteProtocolError
except ImportError:
    sys.exit(89)


class Shim:
    def __init__(self, connection, role, host, config):
        self.ws, self.connection = WSConnection(ConnectionType[role.upper()]), connection
        self.pieces, self.sends_text, self.is_over = [], False, False
        self.subprotocols = config.get("subprotocols", [])
        self.extensions = [PerMessageDeflate()] if config.get("deflate") else []
        if role == "client":
            self.send(events.Request(host, "/", self.extensions, subprotocols=self.subprotocols))

    def send(self, event):
        self.connection.sendall(self.ws.send(event))

    def events(self):
        while not self.is_over:
            try:
                data = self.connection.recv(65536)
                self.is_over = not data
                self.ws.receive_data(data or None)
                yield from filter(None, map(self.event, self.ws.events()))
            except RemoteProtocolError as error:
                self.is_over = True
                if error.event_hint:
                    self.send(error.event_hint)
                yield {"event": "error", "name": str(error)}
        self.connection.shutdown(socket.SHUT_WR)
        while self.connection.recv(65536):
            pass

    def event(self, event):
        match event:
            case events.Request():
                subprotocol = next((name for name in event.subprotocols if name in self.subprotocols), None)
                self.send(events.AcceptConnection(subprotocol, self.extensions))
                return {"event": "open", "subprotocol": subprotocol, "resource": event.target}
            case events.AcceptConnection():
                return {"event": "open", "subprotocol": event.subprotocol}
            case events.RejectConnection():
                self.is_over = True
                return {"event": "error", "name": f"RejectConnection: {event.status_code}"}
            case events.TextMessage() | events.BytesMessage():
                self.pieces.append(event.data)
                return self.message(isinstance(event, events.TextMessage)) if event.message_finished else None
            case events.Ping() | events.Pong():
                kind = type(event).__name__.lower()
                if kind == "ping" and self.ws.state is ConnectionState.OPEN:
                    self.send(event.response())
                return {"event": kind, "hex": event.payload.hex()}
            case events.CloseConnection():  # from the peer, or because of what it sent
                self.is_over = True
                if self.ws.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
                    self.send(event.response())
                return {"event": "close", "code": event.code, "reason": event.reason or ""}

    def message(self, is_text):
        pieces, self.pieces = self.pieces, []
        if is_text:
            return {"event": "text", "text": "".join(pieces)}
        return {"event": "binary", "hex": b"".join(pieces).hex()}

    def act(self, do, data, fin, code, reason):
        if do in ("send_text", "send_binary"):
            self.sends_text = do == "send_text"
        match do:
            case "send_close":
                self.send(events.CloseConnection(code, reason))
            case "send_ping" | "send_pong":
                self.send(events.Ping(data) if do == "send_ping" else events.Pong(data))
            case _ if self.sends_text:
                self.send(events.TextMessage(data.decode(), message_finished=fin))
            case _:
                self.send(events.BytesMessage(data, message_finished=fin))


contract.run(
    Shim, name="wsproto", version=__version__, roles=["client", "server"], deflate=True, subprotocols=True,
    fragments=True, actions=["send_text", "send_binary", "send_continuation", "send_ping", "send_pong", "send_close"],
)
