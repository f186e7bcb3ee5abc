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
    """Return the environment of one process: the shared environment, and the number of its threads.

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
    """Return the environment that all processes share.

    Args:
        environment: The environment of the launcher.
        directory: The data directory.
        run: The variables that identify the run.
        api_host: The address on which the API listens.
        api_port: The port on which the API listens.
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
    """Return the folder of the compiled kernels of this release; the folders of other releases are deleted."""
    kept = directory.numba / kernel_hash()
    kept.mkdir(parents=True, exist_ok=True)
    for other in directory.numba.iterdir():
        if other != kept:
            shutil.rmtree(other, ignore_errors=True)
    return kept


def kernel_hash() -> str:
    """Return the name of the compiled kernels: a hash of the compiled sources and the version of numba.

    numba's own cache looks at the time stamp of the file that holds a function, and not at the functions
    that it calls. So a compiled kernel would be used again after a change in another module.
    """
    digest = hashlib.sha256(importlib.metadata.version("numba").encode())
    found = importlib.util.find_spec("stream_processors")
    for folder in [] if found is None else found.submodule_search_locations or []:
        compiled = (Path(folder, "features"), Path(folder, "operators", "ticks"))
        for source in sorted(path for room in compiled for path in room.rglob("*.py")):
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]


def import_path(environment: Mapping[str, str]) -> str:
    """Return the PYTHONPATH by which a checkout is importable from any working directory; a wheel needs none."""
    root = str(Path(__file__).resolve().parents[2])
    given = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    if root in {sysconfig.get_path("purelib"), *given}:
        return os.pathsep.join(given)
    return os.pathsep.join((root, *given))
