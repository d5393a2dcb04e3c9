# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server that echoes messages, by Python's websockets. Prints its port.

arguments: none, or CRT KEY for wss"""

import asyncio
import ssl
import sys

import websockets


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main():
    tls = None
    if len(sys.argv) > 2:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[1], sys.argv[2])
    loop = asyncio.get_running_loop()
    async with websockets.serve(echo, "127.0.0.1", 0, ssl=tls, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
