"""How many weather charts a second the example's gallery renders, on two processes, once they have begun.

usage: weather_gallery.py [CHARTS] [--write]    default: 600 charts

Fails below 15 charts a second, or if other workers draw another gallery.
"""

import hashlib
import os
import platform
import subprocess
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from sfumato.run_folder import environment

EXAMPLE = Path(__file__).parent.parent / "examples" / "weather"
WORKERS, ASKED, FEW = 2, 15.0, 40


def rendered(folder: Path, charts: int, workers: int) -> float:
    """Seconds that a gallery of charts alone takes."""
    command = [sys.executable, EXAMPLE / "render.py", folder, "--charts", str(charts), "--others", "0"]
    since = time.perf_counter()
    subprocess.run([*command, "--workers", str(workers)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - since


def digest(folder: Path) -> str:
    """Of all files of a gallery."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def main() -> None:
    charts = next((int(text) for text in sys.argv[1:] if text.isdigit()), 600)
    with TemporaryDirectory() as root:
        start = rendered(Path(root) / "few", FEW, WORKERS)
        whole = rendered(Path(root) / "many", charts, WORKERS)
        rendered(Path(root) / "alone", FEW, 1)
        same = digest(Path(root) / "few") == digest(Path(root) / "alone")
        size = sum(path.stat().st_size for path in (Path(root) / "many").rglob("*") if path.is_file())
    rate = (charts - FEW) / (whole - start)
    env = environment()
    lines = [
        "# Rendering weather charts",
        "",
        f"`python benchmarks/weather_gallery.py {charts} --write`, {date.today()}.",
        f"{env['processor']}, {os.cpu_count()} cores, {WORKERS} processes; matplotlib {version('matplotlib')}.",
        f"{charts} charts of 33 products by 30 agencies, 340 to 420 pixels wide, {size / charts / 1000:.0f} KB each.",
        "",
        "| charts | seconds, start included | charts a second, start excluded |",
        "| --- | --- | --- |",
        f"| {charts:,} | {whole:.1f} | {rate:.1f} |",
        "",
        f"One process and {WORKERS} draw the same gallery, byte by byte: {'yes' if same else 'no'}.",
    ]
    print("\n".join(lines))
    if "--write" in sys.argv:
        name = f"weather-gallery_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        (Path(__file__).parent / "results" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert same, "the number of workers changes the gallery"
    assert rate >= ASKED, f"{rate:.1f} charts a second, not {ASKED}"


if __name__ == "__main__":
    main()
