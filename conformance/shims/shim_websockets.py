"""A shim of Python's websockets: its sans-IO layer on a blocking socket."""

import socket
import sys

import contract

try:
    from websockets import ClientProtocol, ServerProtocol, __version__
    from websockets.extensions import permessage_deflate
    from websockets.frames import Close, Opcode
    from websockets.http11 import Request, Response
    from websockets.uri import parse_uri
except ImportError:
    sys.exit(89)


class Shim:
    def __init__(self, connection, role, host, config):
        self.connection, self.frames, self.error = connection, [], None
        options = {"subprotocols": config.get("subprotocols") or None, "max_size": config.get("max_message", 2**20)}
        if config.get("deflate"):
            options["extensions"] = getattr(permessage_deflate, f"enable_{role}_permessage_deflate")(None)
        if role == "client":
            self.ws = ClientProtocol(parse_uri(f"ws://{host}/"), **options)
            self.ws.send_request(self.ws.connect())
        else:
            self.ws = ServerProtocol(origins=config.get("origins"), **options)

    def flush(self):
        for data in filter(None, self.ws.data_to_send()):  # what is empty stands for the end
            self.connection.sendall(data)

    def events(self):
        data = True
        while data and not self.error and not self.ws.close_rcvd:
            self.flush()
            data = self.connection.recv(65536)
            self.ws.receive_data(data) if data else self.ws.receive_eof()
            yield from filter(None, map(self.event, self.ws.events_received()))
            self.error = self.error or self.ws.handshake_exc or self.ws.parser_exc
        self.flush()
        if self.error:
            yield {"event": "error", "name": f"{type(self.error).__name__}: {self.error}"}
        if data:
            self.connection.shutdown(socket.SHUT_WR)
        while data and self.connection.recv(65536):
            pass

    def event(self, received):
        if isinstance(received, Request):
            self.ws.send_response(self.ws.accept(received))
        if isinstance(received, (Request, Response)):
            resource = getattr(received, "path", None)
            opened = {"event": "open", "subprotocol": self.ws.subprotocol, "resource": resource}
            return None if self.ws.handshake_exc else opened
        if received.opcode in (Opcode.PING, Opcode.PONG):
            return {"event": received.opcode.name.lower(), "hex": received.data.hex()}
        if received.opcode is Opcode.CLOSE:
            close = Close.parse(received.data)
            return {"event": "close", "code": close.code, "reason": close.reason}
        self.frames.append(received)
        return self.message() if received.fin else None

    def message(self):
        opcode, data = self.frames[0].opcode, b"".join(frame.data for frame in self.frames)
        self.frames = []
        if opcode is Opcode.BINARY:
            return {"event": "binary", "hex": data.hex()}
        try:
            return {"event": "text", "text": data.decode()}
        except UnicodeDecodeError as error:  # this layer leaves the check to its user
            self.error = error
            self.ws.fail(1007, error.reason)

    def act(self, do, data, fin, code, reason):
        match do:
            case "send_close":
                self.ws.send_close(code, reason)
            case "send_ping" | "send_pong":
                getattr(self.ws, do)(data)
            case _:
                getattr(self.ws, do)(data, fin)
        self.flush()


contract.run(
    Shim, name="websockets", version=__version__, roles=["client", "server"], deflate=True, max_message=True,
    subprotocols=True, origins=True, fragments=True,
    actions=["send_text", "send_binary", "send_continuation", "send_ping", "send_pong", "send_close"],
)
