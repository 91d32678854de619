"""Drives Python's wsproto for the tests in this folder: a line in for each batch of runs, a line out with what was seen.

`script.rs` has the steps of a run, and what is shown for each.
"""

import json
import sys
from types import SimpleNamespace

import h11
from wsproto import ConnectionType, WSConnection, __version__, events, frame_protocol, utilities
from wsproto.connection import Connection
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

# The entropy of both sides, so that what they send can be compared byte by byte.
KEY = bytes.fromhex("37fa213d")
utilities.os = frame_protocol.os = SimpleNamespace(urandom=lambda length: (KEY * length)[:length])


def main():
    print(json.dumps({"wsproto": __version__, "h11": h11.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps([play(run) for run in json.loads(line)]), flush=True)


def play(run):
    end = End(run["role"], run["handshake"], run["deflate"])
    return [end.take(step) for step in run["steps"]]


class End:
    """One endpoint of a connection, and what its user remembers."""

    def __init__(self, role, handshake, deflate):
        kind = ConnectionType.CLIENT if role == "client" else ConnectionType.SERVER
        self.ws = WSConnection(kind)
        if not handshake:
            self.ws.connection = Connection(kind, extensions(deflate))
        # What `receive_data` raised. It is reported as an event, as the other side does.
        self.raised = None
        self.ping = None
        self.close = None

    def take(self, step):
        name, value = next(iter(step.items())) if isinstance(step, dict) else (step, None)
        self.refused = self.sent = None
        self.seen = []
        try:
            getattr(self, name)(value)
        except LocalProtocolError:
            self.refused = "LocalProtocolError"
        except Exception as error:
            # Only wsproto's own checks should raise this. The error is for the reader; only the refusal is compared.
            self.refused = repr(error)
        return {
            "refused": self.refused,
            "sent": None if self.sent is None else self.sent.hex(),
            "events": self.seen,
            "state": self.ws.state.name,
        }

    # Receiving.

    def receive(self, data):
        self.feed(bytes.fromhex(data))

    def eof(self, _):
        self.feed(None)
        self.drain(None)

    def drain(self, _):
        while self.next_event():
            pass

    def advance(self, _):
        event = self.next_event()
        while isinstance(event, events.Message) and not event.frame_finished:
            event = self.next_event()

    def feed(self, data):
        if self.ws.connection is not None:
            self.ws.receive_data(data)
            return
        try:
            self.ws.receive_data(data)
        except RemoteProtocolError as error:
            status = error.event_hint.status_code if error.event_hint else 0
            self.raised = {"refused": {"status": status}}
        except LocalProtocolError:
            raise
        except Exception as error:
            self.raised = {"crash": repr(error)}

    def next_event(self):
        for event in self.watched_events():
            self.note(event)
            return event
        if self.raised:
            self.seen.append(self.raised)
            self.raised = None
        return None

    def watched_events(self):
        """The events; records failures, which look like the peer's close."""
        self.failed = False
        if self.ws.connection is not None:
            proto = self.ws.connection._proto
            received_frames = type(proto).received_frames

            def watched():
                try:
                    yield from received_frames(proto)
                except frame_protocol.ParseFailed:
                    self.failed = True
                    raise

            proto.received_frames = watched
        return self.ws.events()

    def note(self, event):
        match event:
            case events.TextMessage(data, frame_finished, message_finished):
                flags = {"frame_finished": frame_finished, "message_finished": message_finished}
                self.seen.append({"text": {"data": data, **flags}})
            case events.BytesMessage(data, frame_finished, message_finished):
                flags = {"frame_finished": frame_finished, "message_finished": message_finished}
                self.seen.append({"bytes": {"data": data.hex(), **flags}})
            case events.Ping(payload):
                self.ping = event
                self.seen.append({"ping": payload.hex()})
            case events.Pong(payload):
                self.seen.append({"pong": payload.hex()})
            case events.CloseConnection(code, reason):
                self.close = event
                if self.failed:
                    self.seen.append({"failure": {"code": int(code), "why": reason}})
                elif code == frame_protocol.CloseReason.ABNORMAL_CLOSURE:
                    self.seen.append("end")
                else:
                    self.seen.append({"close": {"code": int(code), "reason": reason or ""}})
            case events.Request():
                seen = {"host": event.host, "target": event.target, "subprotocols": event.subprotocols}
                self.seen.append({"request": {**seen, "headers": text(event.extra_headers)}})
            case events.AcceptConnection():
                seen = {"subprotocol": event.subprotocol, "headers": text(event.extra_headers)}
                self.seen.append({"accept": seen})
            case events.RejectConnection():
                seen = {"status": event.status_code, "has_body": event.has_body}
                self.seen.append({"reject": {**seen, "headers": text(event.headers)}})
            case events.RejectData(data, body_finished):
                self.seen.append({"reject_data": {"data": bytes(data).hex(), "finished": body_finished}})

    # Sending.

    def send(self, event):
        self.sent = bytes(self.ws.send(event))

    def send_text(self, value):
        self.send(events.TextMessage(value["data"], message_finished=value["finished"]))

    def send_bytes(self, value):
        self.send(events.BytesMessage(bytes.fromhex(value["data"]), message_finished=value["finished"]))

    def send_ping(self, payload):
        self.send(events.Ping(bytes.fromhex(payload)))

    def send_pong(self, payload):
        self.send(events.Pong(bytes.fromhex(payload)))

    def send_close(self, value):
        self.send(events.CloseConnection(value["code"], value["reason"]))

    def answer_ping(self, _):
        if self.ping:
            self.send(self.ping.response())

    def answer_close(self, _):
        if self.close:
            self.send(self.close.response())

    def send_request(self, value):
        host, target, subprotocols = value["host"], value["target"], value["subprotocols"]
        headers = raw(value["headers"])
        self.send(events.Request(host, target, subprotocols=subprotocols, extra_headers=headers))

    def send_accept(self, value):
        self.send(events.AcceptConnection(value["subprotocol"], extra_headers=raw(value["headers"])))

    def send_reject(self, value):
        self.send(events.RejectConnection(value["status"], raw(value["headers"]), value["has_body"]))

    def send_reject_data(self, value):
        self.send(events.RejectData(bytes.fromhex(value["data"]), value["finished"]))


def extensions(answer):
    if answer is None:
        return []
    deflate = PerMessageDeflate()
    deflate.finalize(answer)
    return [deflate]


def text(headers):
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def raw(headers):
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


main()
