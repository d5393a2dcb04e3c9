# SPDX-License-Identifier: Apache-2.0
"""A gRPC client on bytes, by Python's grpcio. Reads calls from its standard input, a line each, and
prints what came of each in one line, with an empty one behind what it can't do:

    unary TEXT     -> OK text, first=..., last=...
    big N          -> a unary call with N bytes
    down N         -> OK COUNT messages
    up N SIZE      -> OK what the server counted
    both N         -> OK COUNT messages, each answered before the next is sent
    many N         -> OK COUNT of N unary calls at once
    deadline MS    -> a slow unary call with that deadline
    call METHOD    -> a unary call of any method
    leave          -> cancels a stream that goes on

Of a call that fails: CODE details, and the trailing metadata.

arguments: PORT [CA]     the name is site.test"""

import sys

import grpc


def channel():
    at = "127.0.0.1:" + sys.argv[1]
    options = (("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0))
    if len(sys.argv) > 2:
        with open(sys.argv[2], "rb") as ca:
            tls = grpc.ssl_channel_credentials(ca.read())
        return grpc.secure_channel(at, tls,
                                   options + (("grpc.ssl_target_name_override", "site.test"),))
    return grpc.insecure_channel(at, options + (("grpc.default_authority", "site.test"),))


def show(metadata):
    return ", ".join("%s=%r" % (k, v) for k, v in sorted(metadata or ()))


class Client:
    def __init__(self, to):
        self.unary_call = to.unary_unary("/test.Echo/Unary")
        self.down_call = to.unary_stream("/test.Echo/Down")
        self.up_call = to.stream_unary("/test.Echo/Up")
        self.both_call = to.stream_stream("/test.Echo/Both")
        self.to = to

    def unary(self, text):
        back, call = self.unary_call.with_call(text.encode(), timeout=10)
        return "OK %s, first: %s, last: %s" % (back.decode(), show(call.initial_metadata()),
                                               show(call.trailing_metadata()))

    def big(self, n):
        say = bytes(int(n))
        return "OK %s" % (self.unary_call(say, timeout=10) == say)

    def down(self, n):
        got = list(self.down_call(n.encode(), timeout=10))
        right = all(m == b"%d " % i + b"." * 1000 for i, m in enumerate(got))
        return "OK %d messages, %s" % (len(got), right)

    def up(self, n, size):
        return "OK " + self.up_call(iter([b"x" * int(size)] * int(n)), timeout=10).decode()

    def both(self, n):
        said = []
        right = True

        def say():
            for i in range(int(n)):
                said.append(b"message %d" % i)
                yield said[-1]

        count = 0
        for back in self.both_call(say(), timeout=10):
            right = right and back == said[count].upper()
            count += 1
        return "OK %d messages, %s" % (count, right)

    def many(self, n):
        calls = [self.unary_call.future(b"%d" % i, timeout=10) for i in range(int(n))]
        return "OK %d" % sum(c.result() == b"%d" % i for i, c in enumerate(calls))

    def deadline(self, ms):
        self.unary_call(b"slow", timeout=int(ms) / 1000)
        return "OK"

    def call(self, method):
        self.to.unary_unary(method)(b"", timeout=10)
        return "OK"

    def leave(self):
        call = self.both_call(iter(()) if False else endless(), timeout=10)
        first = next(call)
        call.cancel()
        return "OK left after %s" % first.decode()


def endless():
    while True:
        yield b"on and on"


def main():
    client = Client(channel())
    for line in iter(sys.stdin.readline, ""):
        word, *rest = line.split()
        try:
            print(getattr(client, word)(*rest), flush=True)
        except grpc.RpcError as e:
            print("%s %s, last: %s" % (e.code().name, e.details(), show(e.trailing_metadata())),
                  flush=True)


main()
