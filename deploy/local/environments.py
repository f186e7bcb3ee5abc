"""The environment that the project's processes are started with."""

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from deploy.local.directories import DataDirectory
from deploy.processes import PlatformProcess

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def process_environment(process: PlatformProcess, shared: Mapping[str, str]) -> dict[str, str]:
    """What one process is started with: the shared environment, and its threads.

    A variable that the user set stays as it is.
    """
    n_threads = process.n_threads or os.cpu_count() or 1
    return {variable: str(n_threads) for variable in _THREAD_VARIABLES} | dict(shared)


def shared_environment(
    environment: Mapping[str, str],
    *,
    directory: DataDirectory,
    run: Mapping[str, str],
    api_host: str,
    api_port: int,
) -> dict[str, str]:
    """What all processes are started with.

    Args:
        environment: The launcher's own.
        run: Which run it is, by variable.
    """
    return {
        "MALLOC_ARENA_MAX": "2",
        **environment,
        **run,
        "DRIFTLINE_DATA_DIR": str(directory.path),
        "DRIFTLINE_HOST": api_host,
        "DRIFTLINE_PORT": str(api_port),
        "NUMBA_CACHE_DIR": str(kernel_cache(directory)),
        "PYTHONPATH": import_path(environment),
        "PYTHONUNBUFFERED": "1",
    }


def kernel_cache(directory: DataDirectory) -> Path:
    """Where this release's compiled kernels are kept; those of others are deleted."""
    kept = directory.numba / kernel_hash()
    kept.mkdir(parents=True, exist_ok=True)
    for other in directory.numba.iterdir():
        if other != kept:
            shutil.rmtree(other, ignore_errors=True)
    return kept


def kernel_hash() -> str:
    """Names the compiled kernels: a hash of the compiled sources and numba's version.

    numba's own cache looks at the time stamp of the one file that holds a function, not at what
    that function calls, so a kernel would survive a change in another module.
    """
    digest = hashlib.sha256(importlib.metadata.version("numba").encode())
    found = importlib.util.find_spec("stream_processors")
    for folder in [] if found is None else found.submodule_search_locations or []:
        compiled = (Path(folder, "features"), Path(folder, "operators", "ticks"))
        for source in sorted(path for room in compiled for path in room.rglob("*.py")):
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]


def import_path(environment: Mapping[str, str]) -> str:
    """A checkout is importable from any working directory; an installed wheel is already."""
    root = str(Path(__file__).resolve().parents[2])
    given = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    if root in {sysconfig.get_path("purelib"), *given}:
        return os.pathsep.join(given)
    return os.pathsep.join((root, *given))
