# SPDX-License-Identifier: Apache-2.0
"""A gRPC server on bytes, without protoc, by Python's grpcio. Prints its port.

    /test.Echo/Unary      the message back; "fail" -> INVALID_ARGUMENT; "slow" -> after two seconds
    /test.Echo/Down       one message "N" -> N messages of 1000 bytes
    /test.Echo/Up         messages -> "COUNT of BYTES"
    /test.Echo/Both       each message back, in capitals
    /grpc.health.v1.Health/Check   SERVING; NOT_SERVING for the service "idle"; NOT_FOUND for "gone"

arguments: none, or CRT KEY for TLS"""

import sys
import time
from concurrent import futures

import grpc


def unary(request, context):
    if request == b"fail":
        context.set_trailing_metadata((("x-reason", "asked for"), ("x-blob-bin", b"\x00\xff\x01")))
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not that: \u00e4, 100%")
    if request == b"slow":
        time.sleep(2)
    if request == b"metadata":
        return repr(sorted((k, v) for k, v in context.invocation_metadata())).encode()
    context.send_initial_metadata((("x-first", "1"),))
    context.set_trailing_metadata((("x-last", "2"),))
    return request


def down(request, context):
    for i in range(int(request)):
        yield b"%d " % i + b"." * 1000


def up(requests, context):
    count = size = 0
    for r in requests:
        count += 1
        size += len(r)
    return b"%d of %d" % (count, size)


def both(requests, context):
    for r in requests:
        yield r.upper()


def check(request, context):
    if request == b"\x0a\x04gone":
        context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
    return b"\x08\x02" if request == b"\x0a\x04idle" else b"\x08\x01"


class Echo(grpc.GenericRpcHandler):
    METHODS = {
        "/grpc.health.v1.Health/Check": grpc.unary_unary_rpc_method_handler(check),
        "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(unary),
        "/test.Echo/Down": grpc.unary_stream_rpc_method_handler(down),
        "/test.Echo/Up": grpc.stream_unary_rpc_method_handler(up),
        "/test.Echo/Both": grpc.stream_stream_rpc_method_handler(both),
    }

    def service(self, details):
        return self.METHODS.get(details.method)


def main():
    server = grpc.server(futures.ThreadPoolExecutor(16), handlers=(Echo(),),
                         options=(("grpc.so_reuseport", 0),
                                  ("grpc.max_receive_message_length", -1)))
    if len(sys.argv) > 2:
        with open(sys.argv[1], "rb") as crt, open(sys.argv[2], "rb") as key:
            tls = grpc.ssl_server_credentials(((key.read(), crt.read()),))
        port = server.add_secure_port("127.0.0.1:0", tls)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(0)


main()
