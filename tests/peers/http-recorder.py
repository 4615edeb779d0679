"""Records what a client says over HTTP, and what a server answers, as one session: `goldwire proxy` records WebSockets alone.

    python http-recorder.py TARGET SESSION FILE COMMAND…

It listens on a free port of 127.0.0.1, runs the command with its own URL as the last argument, and writes the recording when
the command has ended. It ends as the command did. Frames are as docs/SSE.md has them; no credential is written.
"""

import datetime
import hashlib
import http.client
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

target, session, file, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
place = urlsplit(target)
began, started = time.monotonic_ns(), datetime.datetime.now(datetime.timezone.utc)
lines, lock = [], threading.Lock()
requests = 0
CREDENTIALS = {"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"}
HOP = {"host", "accept-encoding", "connection", "transfer-encoding"}


def note(side, request, **what):
    frame = {"t": time.monotonic_ns() - began, "dir": side, **({"conn": request} if request else {}), **what}
    with lock:
        lines.append(json.dumps(frame, ensure_ascii=False, separators=(",", ":")) + "\n")


def head(first, headers, body=""):
    return "".join([first, "\r\n", *(f"{name}: {value}\r\n" for name, value in headers), "\r\n", body])


def hidden(name, value):
    if name.lower() not in CREDENTIALS:
        return value
    return "Bearer {{secret:token#1}}" if value.startswith("Bearer ") else "{{secret:token#1}}"


class Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def relay(self):
        global requests
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            request = requests
            requests += 1
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        shown = [("Host", place.netloc), *((name, hidden(name, value)) for name, value in headers.items())]
        note(">", request, text=head(f"{self.command} {self.path} HTTP/1.1", shown, body.decode()))
        connection = http.client.HTTPConnection(place.hostname, place.port)
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        # One block, or the whole of a body, as it came.
        blocks = answer.headers.get_content_type() == "text/event-stream"
        note("<", request, text=head(f"HTTP/1.1 {answer.status} {answer.reason}", answer.getheaders()))
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP | {"content-length", "date", "server", "keep-alive"}:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = b""
        while line := answer.readline() if blocks else answer.read():
            block += line
            if not blocks or line in (b"\n", b"\r\n"):
                note("<", request, text=block.decode())
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
                self.wfile.flush()
                block = b""
        note("<", request, close={"code": 1000, "reason": ""})
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_DELETE = relay

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
threading.Thread(target=server.serve_forever, daemon=True).start()
status = subprocess.run([*command, f"http://127.0.0.1:{server.server_port}"]).returncode
own = secrets.token_hex(3)
first = {
    "goldwire": 1,
    "session": session,
    "id": own,
    "started": started.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
    "url": target,
    "user": "u1",
    "recorder": "http-recorder.py",
    "stamps": "user",
    "handshake": {"peer": place.netloc, "status": 0},
}
text = json.dumps(first, separators=(",", ":")) + "\n" + "".join(lines)
end = {
    "t": time.monotonic_ns() - began,
    "end": {"by": "client", "code": 1000},
    "frames": len(lines),
    "sha256": hashlib.sha256(text.encode()).hexdigest(),
}
os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
with open(file, "w") as out:
    out.write(text + json.dumps(end, separators=(",", ":")) + "\n")
sys.exit(status)
