"""A service under load on this machine alone: at its capacity, at four times of it, and ending while it is asked.

usage: serve_load.py [SECONDS] [WORKERS] [--write]    default: 20 seconds a phase, 2 workers

A ResNet-18 at 224 px (random weights, one epoch on made-up pictures) is served by `sfumato serve` and asked for JPEGs
of 500 x 375, one a request, from this process. First the predictor is called directly, here, picture by picture and in
lists of 16. Then as many clients as keep the service busy ask one request after the other: that is its capacity. Then
requests come at four times that rate, whether or not earlier ones are answered, each on a connection of its own, and
after SECONDS the service is told to end while they go on coming. At most 64 inputs may wait.

It asserts: every request is answered 200, 429 or 503, none is lost, memory does not grow, and the exit code is 0. A
request is lost if a connection was there and no answer came. It ends by itself; nothing is asked of another machine.
"""

import asyncio
import io
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image

import sfumato
from sfumato.run_folder import environment

HERE = Path(__file__).parent
CLIENTS = 32
QUEUE = 64
OVERLOAD = 4
GROWTH = 0.10
"""By which share memory may be larger in the last third of the overload than in the second."""
RECIPE = """
data: {{source: {root}/photos, split: {{val: 0.3, test: 0.2, near_duplicates: ignored}}}}
model: {{backbone: resnet18, weights: none}}
train: {{epochs: 1, precision: fp32, workers: 0, device: cpu}}
timeline: [{{at: 0ep, image_size: 224, batch_size: 16}}]
"""


@dataclass
class Tally:
    """What became of requests."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    seconds: list[float] = field(default_factory=list[float])
    """Of those answered 200."""
    lost: list[str] = field(default_factory=list[str])
    unconnected: int = 0
    """That found no socket: nothing was sent."""

    def quantile(self, share: float) -> float:
        """Seconds."""
        return float(np.quantile(self.seconds, share)) if self.seconds else float("nan")


def pictures(count: int) -> list[bytes]:
    rng, made = np.random.default_rng(0), []
    for _ in range(count):
        coarse = Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        coarse.resize((500, 375), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        made.append(buffer.getvalue())
    return made


def make_bundle(root: Path, made: Sequence[bytes]) -> Path:
    for place, content in enumerate(made[:60]):
        folder = root / "photos" / "abc"[place % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{place}.jpg").write_bytes(content)
    (root / "recipe.yaml").write_text(RECIPE.format(root=root), encoding="utf-8")
    return sfumato.train(root / "recipe.yaml", out=root / "run", quiet=True).bundle


def directly(bundle: Path, made: Sequence[bytes], size: int, seconds: float) -> float:
    """Pictures a second of the predictor in this process, `size` at a time."""
    model = sfumato.load(bundle, device="cpu")
    model.predict(made[:size])
    begin, done = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        at = done % (len(made) - size + 1)
        model.predict(made[at : at + size])
        done += size
    return done / (time.perf_counter() - begin)


def request_of(content: bytes, *, keep: bool) -> bytes:
    form = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n' + content + b"\r\n--b--\r\n"
    head = (
        "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {len(form)}\r\n{'' if keep else 'Connection: close'}"
    )
    return head.rstrip("\r\n").encode() + b"\r\n\r\n" + form


async def answer_of(reader: asyncio.StreamReader) -> int:
    """The status of a whole answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    sizes = [int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    await reader.readexactly(sizes[0])
    return int(head[9:12])


async def ask(port: int, raw: bytes, tally: Tally) -> None:
    """One request on a connection of its own."""
    begin = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        tally.unconnected += 1
        return
    try:
        writer.write(raw)
        status = await answer_of(reader)
        tally.statuses[status] += 1
        if status == 200:
            tally.seconds.append(time.perf_counter() - begin)
    except (OSError, asyncio.IncompleteReadError) as error:
        tally.lost.append(repr(error))
    finally:
        writer.close()


async def busy(port: int, asked: Sequence[bytes], seconds: float) -> tuple[Tally, float]:
    """As many clients as keep it busy, each on one connection; what was answered, and pictures a second."""
    tally, end = Tally(), time.perf_counter() + seconds

    async def client(place: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            begin = time.perf_counter()
            writer.write(asked[place % len(asked)])
            tally.statuses[await answer_of(reader)] += 1
            tally.seconds.append(time.perf_counter() - begin)
            place += CLIENTS
        writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*map(client, range(CLIENTS)))
    return tally, tally.statuses[200] / (time.perf_counter() - begin)


@dataclass
class Overload:
    """What came of four times the capacity, and of the end."""

    before: Tally
    ending: Tally
    memory: list[int]
    """Bytes, twice a second until the end begins."""
    code: int
    seconds_to_end: float


async def overload(
    process: "subprocess.Popen[str]", port: int, asked: Sequence[bytes], rate: float, seconds: float
) -> Overload:
    before, ending, tasks, memory = Tally(), Tally(), list[asyncio.Task[None]](), list[int]()
    begin, sent, told = time.perf_counter(), 0, 0.0
    while (now := time.perf_counter() - begin) < seconds + 3:
        if now >= seconds and not told:
            told = time.perf_counter()
            process.send_signal(signal.SIGTERM)
        due = int(now * rate)
        for place in range(sent, due):
            tasks.append(asyncio.create_task(ask(port, asked[place % len(asked)], ending if told else before)))
        sent = due
        if not told and len(memory) < 2 * now:
            memory.append(resident(process.pid))
        await asyncio.sleep(0.005)
    await asyncio.wait_for(asyncio.gather(*tasks), 120)
    code = await asyncio.to_thread(process.wait, 60)
    return Overload(before, ending, memory, code, time.perf_counter() - told)


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    seconds, workers = (*numbers, *(20, 2)[len(numbers) :])
    made = pictures(200)
    with tempfile.TemporaryDirectory() as name:
        bundle = make_bundle(Path(name), made)
        direct = {size: directly(bundle, made, size, seconds / 2) for size in (1, 16)}
        settings = ["--set", f"workers={workers}", "--set", f"queue={QUEUE}"]
        command = [sys.executable, "-m", "sfumato", "serve", str(bundle), "--port", "0", *settings]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            begun = resident(process.pid)
            kept = [request_of(one, keep=True) for one in made]
            asyncio.run(busy(port, kept, 3))
            full, capacity = asyncio.run(busy(port, kept, seconds))
            closed = [request_of(one, keep=False) for one in made]
            over = asyncio.run(overload(process, port, closed, OVERLOAD * capacity, seconds))
        finally:
            process.kill()
            process.wait()
    text = result(seconds, workers, direct, full, capacity, over, begun)
    print(text)
    if "--write" in sys.argv:
        target = HERE / "results" / f"serve-load_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    check(full, over)


def check(full: Tally, over: Overload) -> None:
    assert set(full.statuses) == {200}, full.statuses
    for tally in (over.before, over.ending):
        assert set(tally.statuses) <= {200, 429, 503}, tally.statuses
        assert not tally.lost, Counter(tally.lost)
    assert not over.before.unconnected, over.before.unconnected
    second, last = thirds(over.memory)
    assert last <= (1 + GROWTH) * second, f"memory grew from {second / 1e6:.0f} to {last / 1e6:.0f} MB"
    assert over.code == 0, over.code


def thirds(memory: Sequence[int]) -> tuple[float, float]:
    """Mean of the second and of the last third."""
    third = len(memory) // 3
    return float(np.mean(memory[third : 2 * third])), float(np.mean(memory[2 * third :]))


def told(tally: Tally) -> str:
    return ", ".join(f"{count:,} x {status}" for status, count in sorted(tally.statuses.items())) or "none"


def result(
    seconds: int, workers: int, direct: dict[int, float], full: Tally, capacity: float, over: Overload, begun: int
) -> str:
    """The tables as Markdown."""
    env, (second, last) = environment(), thirds(over.memory)
    threads = os.environ.get("OMP_NUM_THREADS")
    command = f"{f'OMP_NUM_THREADS={threads} ' if threads else ''}python benchmarks/serve_load.py"
    before, ending, rate = over.before, over.ending, OVERLOAD * capacity
    sent = sum(before.statuses.values()) + len(before.lost)
    lines = [
        "# A service under load",
        "",
        f"`{command} {seconds} {workers} --write`, {date.today()}, with other work on the machine",
        f"(load average {os.getloadavg()[1]:.0f}), which is also where the clients are. {env['processor']},",
        f"{os.cpu_count()} cores, no GPU; Python {env['python']}, torch {env['packages']['torch']}.",
        f"ResNet-18 at 224 px, JPEGs of 500 x 375, one a request; {workers} workers, {QUEUE} inputs may wait.",
        "",
        "| | pictures/s | p50 | p99 |",
        "| --- | --- | --- | --- |",
        f"| predictor called directly, picture by picture | {direct[1]:.1f} | | |",
        f"| predictor called directly, in lists of 16 | {direct[16]:.1f} | | |",
        f"| served, {CLIENTS} clients, each one request after the other | {capacity:.1f} | {told_times(full)} |",
        f"| served, asked {OVERLOAD} times as much, {rate:.0f} a second | {before.statuses[200] / seconds:.1f}"
        f" | {told_times(before)} |",
        "",
        f"Of {sent:,} requests in {seconds} s of overload: {told(before)}, {len(before.lost)} lost. Memory of the"
        f" service: {begun / 1e6:.0f} MB before it was asked,",
        f"{second / 1e6:.0f} MB in the second third of the overload, {last / 1e6:.0f} MB in the last.",
        "",
        f"After SIGTERM under the same load: {told(ending)}, {len(ending.lost)} lost, {ending.unconnected:,} found no"
        f" socket any more; it ended with {over.code} after {over.seconds_to_end:.1f} s.",
        "",
    ]
    return "\n".join(lines)


def told_times(tally: Tally) -> str:
    return f"{1000 * tally.quantile(0.5):.0f} ms | {1000 * tally.quantile(0.99):.0f} ms"


if __name__ == "__main__":
    main()
