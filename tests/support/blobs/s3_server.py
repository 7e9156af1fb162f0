#!/usr/bin/env python3
"""A small server of the S3 protocol, for tests: one bucket in memory, every signature checked with botocore.

Prints its port, then serves until its standard input ends. What fails is named by the first part of the key, or of a
list's prefix: f-KIND-METHOD-COUNT[-anything] fails the first COUNT requests of METHOD (any: of all) that way; several of
them stand with "_" between. SIGUSR1: from then on it is away (every connection ends at once), until the next one.
"""
import hashlib
import json
import os
import re
import signal
import socket
import ssl
import sys
import threading
import urllib.parse
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS, SECRET, TOKEN, REGION, BUCKET = "AKTEST", "se/cret+key==", "to/ken+==", "test-region-1", "test.bucket"
PAGE = 7  # so that lists have several
lock = threading.Lock()
away = threading.Event()
objects = {}  # key: (content, time)
uploads = {}  # id: (key, time, {number: content})
failures = {}  # (first part, rule): how many are left
stats = {"requests": 0, "running": 0, "running_max": 0, "refused": 0, "parts_max": 0}


def now():
    return datetime.now(timezone.utc)


def iso(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", headers=(), announced=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def error(self, status, code):
        self.answer(status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode())

    def signature_problem(self, body):
        authorization = self.headers.get("Authorization", "")
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, "
                             r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})", authorization)
        if match is None:
            return "AuthorizationHeaderMalformed"
        access, date, region, names, given = match.groups()
        if access != ACCESS or region != REGION:
            return "InvalidAccessKeyId"
        names = names.split(";")
        if "host" not in names or any(name.lower() not in names for name in self.headers if name.lower().startswith("x-amz-")):
            return "AccessDenied"
        if not self.headers["X-Amz-Date"].startswith(date):
            return "AccessDenied"
        if self.headers.get("x-amz-security-token", TOKEN) != TOKEN:
            return "InvalidToken"
        if self.headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        request = AWSRequest(method=self.command, url="http://" + self.headers["Host"] + self.path)
        for name in names:
            request.headers[name] = self.headers[name]
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        oracle = S3SigV4Auth(Credentials(ACCESS, SECRET), "s3", REGION)
        canonical = oracle.canonical_request(request)
        wanted = oracle.signature(oracle.string_to_sign(request, canonical), request)
        return None if wanted == given else "SignatureDoesNotMatch"

    def failure(self, place):
        part = place.split("/")[0]
        for rule in part.split("_"):
            match = re.fullmatch(r"f-([a-z0-9]+)-([a-z]+)-(\d+)(-.*)?", rule)
            if match is None or match.group(2) not in ("any", self.command.lower()):
                continue
            with lock:
                left = failures.setdefault((part, rule), int(match.group(3)))
                failures[part, rule] = max(left - 1, 0)
            if left > 0:
                return match.group(1)
        return None

    def fail(self, kind, key):
        if kind == "slowdown":
            self.error(503, "SlowDown")
        elif kind.isdigit():
            self.error(int(kind), "Failing")
        elif kind == "truncate":
            self.answer(200, b"part of it", announced=1000)
        elif kind == "redirect":
            self.answer(307, headers=[("Location", "http://127.0.0.1:1/elsewhere")])
        elif kind == "nonsense":
            self.answer(200, b"<this is not what you asked for")
        elif kind == "late":  # 200, and an error in it
            self.error(200, "InternalError")
        elif kind == "stall":
            self.connection.settimeout(60)
            try:
                self.connection.recv(1)  # until the client has had enough
            except OSError:
                pass
        elif kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if kind in ("truncate", "stall", "reset", "close"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR) if kind != "reset" else self.connection.close()

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        parameters = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        parts = urllib.parse.unquote(path).split("/", 2)
        key = parts[2] if len(parts) > 2 else ""
        with lock:
            stats["requests"] += 1
            stats["running"] += 1
            stats["running_max"] = max(stats["running_max"], stats["running"])
        try:
            if away.is_set():
                self.fail("close", key)
                return
            kind = self.failure(key or parameters.get("prefix", ""))
            if kind is not None:
                self.fail(kind, key)
                return
            problem = self.signature_problem(body)
            if problem is not None:
                with lock:
                    stats["refused"] += 1
                self.error(403, problem)
            elif parts[1] != BUCKET:
                self.error(404, "NoSuchBucket")
            elif key == "":
                self.bucket(parameters)
            else:
                getattr(self, "object_" + self.command.lower())(key, parameters, body)
        finally:
            with lock:
                stats["running"] -= 1

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def bucket(self, parameters):
        prefix = parameters.get("prefix", "")
        if "uploads" in parameters:
            with lock:
                found = sorted((value[0], name, value[1]) for name, value in uploads.items() if value[0].startswith(prefix))
            after = (parameters.get("key-marker", ""), parameters.get("upload-id-marker", ""))
            found = [item for item in found if item[:2] > after]
            page = found[:PAGE]
            text = "".join(f"<Upload><Key>{escape(key)}</Key><UploadId>{escape(name)}</UploadId><Initiated>{iso(time)}"
                           f"</Initiated></Upload>" for key, name, time in page)
            if len(found) > PAGE:
                text += (f"<NextKeyMarker>{escape(page[-1][0])}</NextKeyMarker>"
                         f"<NextUploadIdMarker>{escape(page[-1][1])}</NextUploadIdMarker>")
            root = "ListMultipartUploadsResult"
        else:
            with lock:
                found = sorted((key, len(value[0]), value[1]) for key, value in objects.items() if key.startswith(prefix))
            after = urllib.parse.unquote(parameters.get("continuation-token", "")[2:])
            found = [item for item in found if item[0] > after]
            page = found[:PAGE]
            text = "".join(f"<Contents><Key>{escape(key)}</Key><LastModified>{iso(time)}</LastModified><Size>{size}</Size>"
                           f"</Contents>" for key, size, time in page)
            if len(found) > PAGE:
                text += f"<NextContinuationToken>+/{escape(urllib.parse.quote(page[-1][0]))}</NextContinuationToken>"
            root = "ListBucketResult"
        more = "true" if len(found) > PAGE else "false"
        self.answer(200, f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                         f"<IsTruncated>{more}</IsTruncated>{text}</{root}>".encode())

    def object_get(self, key, parameters, body):
        with lock:
            content, time = objects.get(key, (None, None))
            if key.endswith("server.stats"):
                content, time = json.dumps(stats).encode(), now()
        if content is None:
            self.error(404, "NoSuchKey")
            return
        headers = [("Last-Modified", time.strftime("%a, %d %b %Y %H:%M:%S GMT"))]
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if match is None:
            self.answer(200, content, headers)
        elif int(match.group(1)) >= len(content):
            self.error(416, "InvalidRange")
        else:
            self.answer(206, content[int(match.group(1)):int(match.group(2)) + 1], headers)

    object_head = object_get

    def object_put(self, key, parameters, body):
        with lock:
            if "uploadId" in parameters:
                upload = uploads.get(parameters["uploadId"])
                if upload is None:
                    self.error(404, "NoSuchUpload")
                    return
                upload[2][int(parameters["partNumber"])] = body
            else:
                objects[key] = (body, now())
        self.answer(200, headers=[("ETag", '"' + hashlib.md5(body).hexdigest() + '"')])

    def object_post(self, key, parameters, body):
        if "uploads" in parameters:
            name = f"up/load+{len(uploads)}=&{os.urandom(4).hex()}"
            with lock:
                uploads[name] = (key, now(), {})
            self.answer(200, f"<InitiateMultipartUploadResult><UploadId>{escape(name)}</UploadId>"
                             f"</InitiateMultipartUploadResult>".encode())
            return
        with lock:
            upload = uploads.get(parameters["uploadId"])
            given = re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>&quot;([0-9a-f]+)&quot;</ETag>", body.decode())
            if upload is None or [number for number, _ in given] != [str(i + 1) for i in range(len(upload[2]))] or any(
                    hashlib.md5(upload[2][int(number)]).hexdigest() != tag for number, tag in given):
                self.error(400, "InvalidPart")
                return
            stats["parts_max"] = max(stats["parts_max"], len(given))
            objects[key] = (b"".join(upload[2][int(number)] for number, _ in given), now())
            del uploads[parameters["uploadId"]]
        self.answer(200, b"<CompleteMultipartUploadResult/>")

    def object_delete(self, key, parameters, body):
        with lock:
            if "uploadId" in parameters:
                found = uploads.pop(parameters["uploadId"], None)
            else:
                found = objects.pop(key, 0)
        if found is None:
            self.error(404, "NoSuchUpload")
        else:
            self.answer(204)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # clients that leave are part of the tests


server = Server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
if len(sys.argv) > 2:  # a file of certificate and key
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
signal.signal(signal.SIGUSR1, lambda *_: away.clear() if away.is_set() else away.set())
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
for _ in sys.stdin:
    pass
os._exit(0)
