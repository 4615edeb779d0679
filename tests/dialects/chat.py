"""A chat on python-socketio: a namespace that wants a token, in its payload or in the URL, answers, streamed events,
attachments.

It looks after its clients often: whoever does not answer a ping within two seconds is closed, and a question takes three
seconds of work.
"""

import asyncio
import hashlib
import hmac
import os
import sys
import time
import urllib.parse

import socketio
from aiohttp import web

server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=0.3, ping_timeout=2)


def work(seconds):
    digest, until = b"", time.monotonic() + seconds
    while time.monotonic() < until:
        digest = hashlib.pbkdf2_hmac("sha256", digest, b"salt", 20_000)
    return digest.hex()


@server.on("connect", namespace="/chat")
async def connect(sid, environ, auth):
    in_url = urllib.parse.parse_qs(environ["QUERY_STRING"]).get("token", [""])[0]
    if not hmac.compare_digest((auth or {}).get("token", in_url), os.environ["TOKEN"]):
        raise ConnectionRefusedError("who are you?")


@server.on("ask", namespace="/chat")
async def ask(sid, question):
    await server.emit("started", {"text": question["text"]}, to=sid, namespace="/chat")
    for seq in range(1, 4):
        digest = await asyncio.to_thread(work, 1)
        await server.emit("token", {"seq": seq, "digest": digest}, to=sid, namespace="/chat")
    return {"status": "ok"}


@server.on("blob", namespace="/chat")
async def blob(sid, bytes_):
    await server.emit("echo", {"size": len(bytes_), "bytes": bytes_[::-1]}, to=sid, namespace="/chat")


app = web.Application()
server.attach(app)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
