#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Malformed HTTP/2 as another library makes it (hyperframe, hpack), judged by another state machine
(h2): tests/scenario/h2_malformed.c runs it with the port of a listener that speaks h2 in clear.
Prints a line for what fails, and "N passed, N failed"."""
import socket
import sys

import h2.config
import h2.connection
import h2.errors
import h2.events
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
)

E = h2.errors.ErrorCodes
GOOD = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/here")]


class Peer:
    """One connection: frames go out as they are, what comes back is read by h2."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        config = h2.config.H2Configuration(
            client_side=True,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.encoder = Encoder()
        self.ended = False
        self.goaway = None
        self.resets, self.statuses, self.done = {}, {}, set()
        self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.put(data)

    def put(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # it has had enough; what it said comes by read()

    def send(self, *frames):
        self.put(b"".join(f.serialize() for f in frames))

    def ask(self, fields, end=True):
        """By h2's own state machine, so that it knows of the stream; its number."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, fields, end_stream=end)
        self.flush()
        return stream

    def read(self, until):
        while not self.ended and not until():
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                self.ended = True
                return
            for e in self.h2.receive_data(data):
                if isinstance(e, h2.events.ConnectionTerminated):
                    self.goaway = e.error_code
                elif isinstance(e, h2.events.StreamReset):
                    self.resets[e.stream_id] = e.error_code
                elif isinstance(e, h2.events.ResponseReceived):
                    self.statuses[e.stream_id] = int(dict(e.headers)[b":status"])
                elif isinstance(e, h2.events.StreamEnded):
                    self.done.add(e.stream_id)
            self.flush()

    def served(self):
        stream = self.ask(GOOD)
        self.read(lambda: stream in self.done or stream in self.resets)
        return self.statuses.get(stream) == 200


def headers(stream, fields, flags=("END_HEADERS", "END_STREAM")):
    return HeadersFrame(stream, Encoder().encode(fields), flags=flags)


def raw(kind, flags, stream, payload):
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


class Raw:
    def __init__(self, *args):
        self.args = args

    def serialize(self):
        return raw(*self.args)


def window(stream, increment):
    return Raw(8, 0, stream, increment.to_bytes(4, "big"))


# What breaks the connection, and with which codes.
CONNECTION = [
    ("DATA on stream 0", [Raw(0, 0, 0, b"x")], {E.PROTOCOL_ERROR}),
    ("HEADERS on stream 2", [headers(2, GOOD)], {E.PROTOCOL_ERROR}),
    ("RST_STREAM on an idle stream", [RstStreamFrame(5, 8)], {E.PROTOCOL_ERROR}),
    ("PUSH_PROMISE", [headers(1, GOOD, ("END_HEADERS",)),
                      PushPromiseFrame(1, 2, Encoder().encode(GOOD), flags=["END_HEADERS"])],
     {E.PROTOCOL_ERROR}),
    ("CONTINUATION alone", [ContinuationFrame(1, b"", flags=["END_HEADERS"])], {E.PROTOCOL_ERROR}),
    ("PING in a header block", [headers(1, GOOD, ()), PingFrame(0, b"12345678")],
     {E.PROTOCOL_ERROR}),
    ("SETTINGS of 5", [Raw(4, 0, 0, b"12345")], {E.FRAME_SIZE_ERROR}),
    ("INITIAL_WINDOW_SIZE of 2^31", [SettingsFrame(0, {4: 1 << 31})], {E.FLOW_CONTROL_ERROR}),
    ("MAX_FRAME_SIZE of 1", [SettingsFrame(0, {5: 1})], {E.PROTOCOL_ERROR}),
    ("ENABLE_PUSH of 3", [SettingsFrame(0, {2: 3})], {E.PROTOCOL_ERROR}),
    ("a window too large", [window(0, 0x7FFFFFFF)], {E.FLOW_CONTROL_ERROR}),
    ("WINDOW_UPDATE of 0", [window(0, 0)], {E.PROTOCOL_ERROR}),
    ("PING of 6", [Raw(6, 0, 0, b"123456")], {E.FRAME_SIZE_ERROR}),
    ("a header block that is no HPACK", [HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff",
                                                      flags=["END_HEADERS", "END_STREAM"])],
     {E.COMPRESSION_ERROR}),
    ("a table that is too large", [HeadersFrame(1, b"\x3f\xe1\xff\x03" + Encoder().encode(GOOD),
                                                flags=["END_HEADERS", "END_STREAM"])],
     {E.COMPRESSION_ERROR}),
    ("a frame too long", [Raw(0, 0, 1, b"x" * 16385)], {E.FRAME_SIZE_ERROR}),
]

# Heads that cost their stream alone.
HEADS = [
    ("an upper-case name", GOOD + [("X-Y", "z")]),
    ("LF in a value", GOOD + [("x", "a\nb")]),
    ("CR in a value", GOOD + [("x", "a\rb")]),
    ("NUL in a value", GOOD + [("x", "a\0b")]),
    ("connection", GOOD + [("connection", "close")]),
    ("transfer-encoding", GOOD + [("transfer-encoding", "chunked")]),
    ("te: deflate", GOOD + [("te", "deflate")]),
    ("no path", GOOD[:3]),
    ("no scheme", [GOOD[0]] + GOOD[2:]),
    ("two paths", GOOD + [(":path", "/b")]),
    ("a pseudo-field behind a field", GOOD[:3] + [("x", "y"), GOOD[3]]),
    ("an unknown pseudo-field", GOOD + [(":x", "y")]),
    (":status", GOOD + [(":status", "200")]),
    ("a host that is another", GOOD + [("host", "b")]),
    ("a length without content", GOOD + [("content-length", "7")]),
]


def check_connection(port, frames, codes):
    peer = Peer(port)
    peer.read(lambda: bool(peer.h2.remote_settings))
    peer.send(*frames)
    peer.read(lambda: False)
    return peer.goaway in codes, f"GOAWAY {peer.goaway!r}"


def check_head(port, fields):
    peer = Peer(port)
    stream = peer.ask(fields)
    peer.read(lambda: stream in peer.done or stream in peer.resets)
    status, reset = peer.statuses.get(stream), peer.resets.get(stream)
    refused = (status is not None and 400 <= status < 500) or reset == E.PROTOCOL_ERROR
    said = f"status {status}, RST_STREAM {reset!r}, GOAWAY {peer.goaway!r}"
    return refused and not peer.ended and peer.served(), said


def check_good(port):
    """What is allowed is not refused: padding, priority, cookies in pieces, a 1-byte window."""
    peer = Peer(port)
    peer.send(PriorityFrame(9, depends_on=0, stream_weight=5), PingFrame(0, b"12345678"))
    peer.send(Raw(0x42, 0xFF, 0, b"unknown"), SettingsFrame(0, {0x99: 1}))
    stream = peer.ask(GOOD + [("cookie", "a=b"), ("cookie", "c=d"), ("te", "trailers")])
    peer.read(lambda: stream in peer.done or stream in peer.resets)
    peer.send(GoAwayFrame(0, 0, 0))
    return peer.statuses.get(stream) == 200, f"{peer.statuses}, {peer.resets}, {peer.goaway!r}"


def main(port):
    passed = failed = 0
    checks = [(what, check_connection, (frames, codes)) for what, frames, codes in CONNECTION]
    checks += [(what, check_head, (fields,)) for what, fields in HEADS]
    checks += [("what is allowed", check_good, ())]
    for what, check, args in checks:
        try:
            good, said = check(port, *args)
        except Exception as e:  # what h2 itself objects to is a fault of the gateway's
            good, said = False, repr(e)
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"{what}: {said}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
