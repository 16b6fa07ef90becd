"""Requests that are none: each is answered 4xx in one line, none is told as a traceback, and the service goes on."""

import base64
import contextlib
import json
import logging
import socket
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.served import BUNDLE, SAMPLES, files, served

SENT = 570
ONE = SAMPLES[0].read_bytes()
BASE = base64.b64encode(ONE).decode()
HOST = b"Host: 127.0.0.1\r\n"


def request(body: bytes, kind: bytes, *more: bytes, length: int | None = None, path: bytes = b"/predict") -> bytes:
    size = len(body) if length is None else length
    head = [b"POST %s HTTP/1.1" % path, HOST[:-2], b"Content-Type: " + kind, b"Content-Length: %d" % size, *more]
    return b"\r\n".join([*head, b"", body])


def form(*parts: tuple[bytes, bytes], end: bytes = b"--b--\r\n") -> bytes:
    """A form of boundary `b`: the disposition of each field, and its content."""
    return b"".join(b"--b\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % part for part in parts) + end


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


FORM = b"multipart/form-data; boundary=b"
JSON = b"application/json"
FILE = b'name="files"; filename="a.png"'


def cut_form(rng) -> bytes:
    whole = form((FILE, ONE), (FILE, ONE))
    return request(whole[: rng.integers(1, len(whole) - 8)], FORM)


def cut_picture(rng) -> bytes:
    return request(form((FILE, ONE[: rng.integers(0, 200)])), FORM)


def cut_json(rng) -> bytes:
    whole = json.dumps({"inputs": [{"image": "QUJD", "name": "一"}]}).encode()
    return request(whole[: rng.integers(0, len(whole))], JSON)


def never_ending(rng) -> bytes:
    """Announced and not sent."""
    return request(ONE[:50], [FORM, JSON][rng.integers(2)], length=int(rng.integers(51, 5000)))


def huge_picture(rng) -> bytes:
    return request(form((FILE, bomb(*map(int, rng.integers(20_000, 2**31 - 1, 2))))), FORM)


def deep_json(rng) -> bytes:
    opened = [b"[", b'{"inputs":', b'{"inputs":[{"image":['][rng.integers(3)]
    return request(opened * int(rng.integers(100, 50_000)), JSON)


def many_fields(rng) -> bytes:
    return request(form(*[(FILE, b"")] * int(rng.integers(65, 3000))), FORM)


def wrong_json(rng) -> bytes:
    values = [None, 7, "x", [], {"inputs": 7}, {"inputs": [7]}, {"inputs": [{"image": 7}]}, {"inputs": [{"image": {}}]}, {"inputs": [{"url": "http://127.0.0.1"}]}, {"inputs": [{"image": "file:///etc/passwd"}]}, {"inputs": [{"image": "a"}]}, {"inputs": [{"image": "", "name": "n" * 300}]}, {"inputs": [{"image": ""}], "extra": 1}, {"files": []}, {"inputs": [{"image": None}]}]  # fmt: skip
    return request(json.dumps(values[rng.integers(len(values))]).encode(), JSON)


def wrong_json_text(rng) -> bytes:
    texts = [b"NaN", b'{"inputs": NaN}', b"\xff\xfe{}", b'{"inputs": [{"image": "\\ud800"}]}', b'{"inputs": ' + b"9" * 5000 + b"}", b"\x00", b'{"a":1,"a":2}', b"{'inputs': []}"]  # fmt: skip
    return request(texts[rng.integers(len(texts))], JSON)


def wrong_type(rng) -> bytes:
    kinds = [b"text/plain", b"image/png", b"application/x-www-form-urlencoded", b"multipart/form-data", b"multipart/form-data; boundary=", b"multipart/form-data; boundary=" + b"y" * 300, b"multipart/mixed; boundary=b", b"\xff\xfe", b";;;", b"application/json, text/html"]  # fmt: skip
    return request(form((FILE, ONE)), kinds[rng.integers(len(kinds))])


def wrong_field(rng) -> bytes:
    fields = [b'name="file"', b'name=""', b"name", b"", b'name="files\x00"', b'filename="a"', b'name="\xff"; filename="\xff\xfe"', b'name="texts"', b'name*=utf-8\'\'files']  # fmt: skip
    return request(form((fields[rng.integers(len(fields))], ONE)), FORM)


def broken_form(rng) -> bytes:
    whole = bytearray(form((FILE, bytes(200))))
    whole[: int(rng.integers(3, 30))] = rng.bytes(9)
    return request(bytes(whole), FORM)


def huge_head(rng) -> bytes:
    big = b"X: " + b"h" * int(rng.integers(17_000, 200_000))
    many = b"\r\n".join(b"X-%d: %d" % (i, i) for i in range(int(rng.integers(2000, 4000))))
    return request(b"", JSON, [big, many][rng.integers(2)])


def long_path(rng) -> bytes:
    return b"GET /%s HTTP/1.1\r\n%s\r\n" % (b"a/" * int(rng.integers(10, 7000)), HOST)


def path_trick(rng) -> bytes:
    paths = [b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/page.js/../../page.py", b"//etc/passwd", b"/page.css%00.png", b"/..%5c..%5cwindows", b"/static/../../x", b"http://127.0.0.1:1/", b"/%ff%fe", b"/predict/../../x", b"/page.html", b"/.git/config", b"*"]  # fmt: skip
    return b"GET %s HTTP/1.1\r\n%s\r\n" % (paths[rng.integers(len(paths))], HOST)


def name_trick(rng) -> bytes:
    names = [
        b"../../../etc/passwd",
        b"/etc/passwd",
        b"C:\\\\boot.ini",
        b"|id",
        b"a\x00.png",
        b"\xf0\x9f\x98",
        b"a" * 3000,
    ]
    return request(form((b'name="files"; filename="%s"' % names[rng.integers(len(names))], b"no picture")), FORM)


def wrong_method(rng) -> bytes:
    method = [b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"FOO"][rng.integers(7)]
    return b"%s /predict HTTP/1.1\r\n%s\r\n" % (method, HOST)


def wrong_http(rng) -> bytes:
    heads = [b"POST /predict HTTP/9.9\r\n%s\r\n", b"POST /predict\r\n\r\n%s", b"POST  /predict HTTP/1.1\r\n%s\r\n", b"POST /predict HTTP/1.1\r\n\r\n%s", b"POST /predict HTTP/1.1\r\n%sContent-Length: -1\r\n\r\n", b"POST /predict HTTP/1.1\r\n%sContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"POST /predict HTTP/1.1\r\n%sContent-Length: 0x10\r\n\r\n", b"POST /predict HTTP/1.1\r\n%sTransfer-Encoding: gzip\r\n\r\n", b"POST /predict HTTP/1.1\r\n%sContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"POST /predict HTTP/1.1\r\n%sbad header\r\n\r\n", b"POST /predict HTTP/1.1\r\n%sX: a\x00b\r\n\r\n"]  # fmt: skip
    return heads[rng.integers(len(heads))] % HOST


def random_bytes(rng) -> bytes:
    return rng.bytes(int(rng.integers(1, 3000))) + b"\r\n\r\n"


def random_body(rng) -> bytes:
    return request(rng.bytes(int(rng.integers(0, 5000))), [FORM, JSON][rng.integers(2)])


def random_picture(rng) -> bytes:
    heads = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"II*\0", b"MM\0*", b"BM", b"\0\0\0\x0cjP  \r\n\x87\n", b"P6 9 9 255\n", b"\0\0\0\x1cftypavif", b"%PDF-1.4", b"<svg>"]  # fmt: skip
    return request(form((FILE, heads[rng.integers(len(heads))] + rng.bytes(int(rng.integers(0, 60))))), FORM)


def asked_where(rng) -> bytes:
    """Any of the others, asked of the other route."""
    kinds = [cut_form, cut_picture, cut_json, never_ending, huge_picture, deep_json, many_fields, wrong_json, wrong_json_text, wrong_type, wrong_field, broken_form, name_trick, wrong_method, wrong_http, random_body, random_picture]  # fmt: skip
    return kinds[rng.integers(len(kinds))](rng).replace(b" /predict", b" /explain", 1)


def wrong_where(rng) -> bytes:
    """Of a picture that is one, with a class or a task that is none."""
    label, task = b'name="label"', b'name="task"'
    fields = [[(label, b"no such")], [(label, b"")], [(label, b"\xff\xfe")], [(label, b"disc")] * 2, [(task, b"gate")], [(label, b"d" * 100_000)], [(FILE, ONE), (label, b"disc")], [(b'name="texts"', b"x")], [(b'name="labels"', b"disc")], [(label, b"\x00"), (task, b"\x00")]]  # fmt: skip
    return request(form((FILE, ONE), *fields[rng.integers(len(fields))]), FORM, path=b"/explain")


def wrong_where_json(rng) -> bytes:
    said = [{"label": 3}, {"label": ["disc"]}, {"label": "no such"}, {"task": "gate"}, {"task": {}}, {"label": "x" * 100_000}, {"label": "\ud800"}, {"class": "disc"}, {"label": "disc", "inputs": []}, {"label": "disc", "inputs": [{"image": BASE}] * 2}, {"label": "disc", "inputs": [{"image": [BASE] * 2}]}, {"inputs": [{"image": []}]}, {"inputs": [{"text": "disc"}]}]  # fmt: skip
    whole = {"inputs": [{"image": BASE}], **said[rng.integers(len(said))]}
    return request(json.dumps(whole).encode(), JSON, path=b"/explain")


KINDS = (cut_form, cut_picture, cut_json, never_ending, huge_picture, deep_json, many_fields, wrong_json, wrong_json_text, wrong_type, wrong_field, broken_form, huge_head, long_path, path_trick, name_trick, wrong_method, wrong_http, random_bytes, random_body, random_picture, asked_where, wrong_where, wrong_where_json)  # fmt: skip


def sent(address: tuple[str, int], raw: bytes) -> bytes:
    """The whole answer to what is sent as it is."""
    with socket.create_connection(address, timeout=20) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
            connection.sendall(raw)
        answer = b""
        while not whole(answer):
            more = connection.recv(65536)
            if not more:
                break
            answer += more
        return answer


def whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    sizes = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(end and sizes and len(body) >= sizes[0])


@pytest.fixture(scope="module")
def answers():
    """What was sent and how it was answered, and all that was logged meanwhile."""
    rng = np.random.default_rng(20261122)
    raw = [KINDS[i % len(KINDS)](rng) for i in range(SENT)]
    records: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(handler.format(record))
    logging.getLogger().addHandler(handler)
    with served(BUNDLE, seconds=0.5, megabytes=4) as service:
        host, port = service.address.removeprefix("http://").split(":")
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda one: sent((host, int(port)), one), raw))
        with service.client() as client:
            last = client.post("/predict", files=files(ONE)).status_code
            where = client.post("/explain", files=files(ONE)).status_code
            health = client.get("/health").status_code
    logging.getLogger().removeHandler(handler)
    return raw, found, records, (last, where, health)


def test_all_were_sent(answers):
    assert len(answers[0]) == len(answers[1]) == SENT
    assert len(set(answers[0])) > SENT / 2


def test_each_is_answered_4xx_in_one_line(answers):
    for place, (raw, answer) in enumerate(zip(answers[0], answers[1], strict=True)):
        about = (KINDS[place % len(KINDS)].__name__, raw[:200], answer[:300])
        assert answer.startswith(b"HTTP/1.1 4"), about
        body = answer.partition(b"\r\n\r\n")[2]
        assert b"Traceback" not in answer, about
        assert json.loads(body)["code"], about


def test_nothing_is_told_as_a_traceback_and_the_service_goes_on(answers):
    assert not [line for line in answers[2] if "Traceback" in line]
    assert answers[3] == (200, 200, 200)
