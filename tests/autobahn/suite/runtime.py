"""Helpers that the ported suite imports as `autobahntestsuite._py3`.

The suite was written for Python 2, where str is a byte string. The port keeps its str literals as they are and
reads each as "bytes held in a str": one code point 0..255 per octet (latin-1). `Bridge` turns such strings into
real bytes on the way to autobahn's protocol classes, and back for what autobahn hands up to a test case.
"""
import binascii
import os


def b(x):
    """byte-str or bytes -> bytes"""
    return x.encode("latin-1") if isinstance(x, str) else x


def s(x):
    """bytes -> byte-str"""
    return x.decode("latin-1") if isinstance(x, (bytes, bytearray)) else x


def join(chunks):
    return s(b"".join(b(c) for c in chunks))


def b2a_hex(x):
    return binascii.b2a_hex(b(x)).decode("ascii")


hexlify = b2a_hex


def bin_log(data, maxlen=64):
    data = b(data)
    tail = " ..." if len(data) > maxlen - 4 else ""
    return b2a_hex(data[:maxlen]) + tail


def ascii_log(data, maxlen=64, replace=False):
    data = b(data)
    cut = data[:maxlen] + b" ..." if len(data) > maxlen - 4 else data
    try:
        cut.decode("utf8")
    except UnicodeDecodeError:
        if not replace:
            return "0x" + bin_log(data, maxlen)
    return s(cut)


def text(x):
    """For JSON reports: byte-strs that hold UTF-8 become readable text."""
    if isinstance(x, dict):
        return {text(k): text(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [text(v) for v in x]
    if isinstance(x, (bytes, bytearray)):
        x = s(x)
    if isinstance(x, str):
        try:
            return x.encode("latin-1").decode("utf8")
        except UnicodeError:
            return x
    return x


def resource_filename(_package, path):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), *path.split("/"))


class NoTls:
    """Stands in for twisted.internet.ssl where pyOpenSSL is not installed."""

    def ClientContextFactory(self):
        return None


try:
    from twisted.internet import ssl
except ImportError:
    ssl = NoTls()


class Bridge:
    """First base of the suite's protocol mixin: bytes below, byte-strs above."""

    # payload_len is spread out here: autobahn 0.10.9 divides it with `/`,
    # which is a float (and so an error) under Python 3.
    def sendFrame(self, opcode, payload=b"", fin=True, rsv=0, mask=None,
                  payload_len=None, chopsize=None, sync=False):
        payload = b(payload)
        if payload_len is not None:
            payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
        super().sendFrame(opcode=opcode, payload=payload, fin=fin, rsv=rsv, mask=b(mask),
                          chopsize=chopsize, sync=sync)

    def sendMessage(self, payload, *args, **kwargs):
        super().sendMessage(b(payload), *args, **kwargs)

    def sendMessageFrame(self, payload, *args, **kwargs):
        super().sendMessageFrame(b(payload), *args, **kwargs)

    def sendMessageFrameData(self, payload, *args, **kwargs):
        return super().sendMessageFrameData(b(payload), *args, **kwargs)

    def sendPing(self, payload=None):
        super().sendPing(b(payload))

    def sendPong(self, payload=None):
        super().sendPong(b(payload))

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code=code, reasonUtf8=b(reasonUtf8), isReply=isReply)

    # Python 2 decoded lone surrogates, so a close reason that holds some came
    # through here (the validator had faulted it by then); Python 3 raises.
    def onCloseFrame(self, code, reasonRaw):
        try:
            return super().onCloseFrame(code, reasonRaw)
        except UnicodeDecodeError:
            return super().onCloseFrame(code, reasonRaw.decode("utf8", "replace").encode("utf8"))

    def _onMessage(self, payload, isBinary):
        self.onMessage(s(payload), isBinary)

    def _onPong(self, payload):
        self.onPong(s(payload))
