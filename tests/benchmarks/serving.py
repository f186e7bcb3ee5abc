"""The API as a process of its own, for the benchmarks of what its clients wait for."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

_WAIT_S = 120.0


@contextmanager
def running_api(
    data_dir: Path, stream: str, **settings: str
) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    """Start the API for one run, wait until it answers, and stop it at the end.

    Args:
        data_dir: The data directory, whose file of endpoints names the servers.
        stream: The run that it serves, with predictions of the next minute.
        settings: Further environment variables.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    environment = os.environ | {
        "DRIFTLINE_DATA_DIR": str(data_dir),
        "DRIFTLINE_STREAM": stream,
        "DRIFTLINE_PORT": str(port),
        "DRIFTLINE_DEFAULT_TARGET": "1m:1m",
        **settings,
    }
    process = subprocess.Popen([sys.executable, "-m", "api", "serve"], env=environment)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            ends_s = time.monotonic() + _WAIT_S
            while not _is_alive(client):
                if time.monotonic() > ends_s:
                    sys.exit(f"the API did not answer within {_WAIT_S:g} s")
                time.sleep(0.05)
            yield client, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _is_alive(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


def request_ms(client: httpx.Client, path: str) -> tuple[float, httpx.Response]:
    """Ask once; how many milliseconds it took, with the answer. An error ends the benchmark."""
    began_s = time.perf_counter()
    answer = client.get(path)
    took_ms = (time.perf_counter() - began_s) * 1000
    if not answer.is_success:
        sys.exit(f"{path} answered {answer.status_code}: {answer.text[:500]}")
    return took_ms, answer
