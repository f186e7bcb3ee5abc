"""``make demo-test``: the demo where only its owner may enter, until it predicts.

As root in a folder of mode 700 with a space in its name, below root's home; then as an ordinary user,
made for this and deleted again, whose source folder is root's, so that it cannot be written, and whose
data directory is elsewhere. An ordinary user who runs this has the first alone. Nothing is installed
anew: the environment's files are linked, or copied where that is impossible.
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USER = f"driftline-{os.getpid()}"
PREDICTS_S = 300.0
STOPS_S = 60.0


def link(source: Path, target: Path) -> None:
    """Copy a folder by hard links, or by content where they are impossible."""
    for options in ("-al", "-a"):
        if subprocess.run(["cp", options, str(source), str(target)], check=False).returncode == 0:
            return
        shutil.rmtree(target, ignore_errors=True)
    sys.exit(f"{source} could not be copied to {target}")


def anew(path: Path, content: str) -> None:
    """Replace a file that may be linked: written in place, it would change in both."""
    mode = path.stat().st_mode
    path.unlink()
    path.write_text(content)
    path.chmod(mode)


def checkout(folder: Path) -> Path:
    """A checkout with its environment, as if it had been cloned and installed in a folder."""
    here = folder / "driftline"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, here / name)
    link(ROOT / ".venv", here / ".venv")
    kernels = ROOT / ".driftline" / "numba"
    if kernels.is_dir():
        (here / ".driftline").mkdir()
        link(kernels, here / ".driftline" / "numba")
    for path in here.glob(".venv/lib/python*/site-packages/_editable_impl_driftline.pth"):
        anew(path, f"{here}\n")
    command = here / ".venv" / "bin" / "driftline"
    # A shebang may not hold a space, so pip writes one for sh; this is its form.
    lines = command.read_text().splitlines(keepends=True)
    body = "".join(lines[next(i for i, line in enumerate(lines) if "import" in line) :])
    python = here / ".venv" / "bin" / "python"
    anew(command, f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n{body}")
    return here


def interpreter(here: Path, folder: Path, user: pwd.struct_passwd) -> dict[str, str]:
    """Give an ordinary user a Python to run, where the environment's own is out of reach."""
    link_of_python = here / ".venv" / "bin" / "python3"
    try:
        found = subprocess.run([link_of_python, "-c", ""], check=False, user=user.pw_uid, group=user.pw_gid)
    except PermissionError:
        pass
    else:
        if found.returncode == 0:
            return {}
    base = Path(sys.base_prefix)
    link(base, folder / "python")
    program = folder / "python" / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for name in ("python", "python3", program.name):
        path = here / ".venv" / "bin" / name
        path.unlink(missing_ok=True)
        path.symlink_to(program)
    anew(here / ".venv" / "pyvenv.cfg", f"home = {program.parent}\ninclude-system-site-packages = false\n")
    return {"LD_LIBRARY_PATH": str(folder / "python" / "lib")}


def predicted(here: Path, environment: dict[str, str], user: pwd.struct_passwd | None) -> None:
    """Run ``make demo`` in a checkout until it predicts, and stop it; says how long it took."""
    name = "root" if user is None and os.geteuid() == 0 else "an ordinary user"
    data = Path(environment.get("DRIFTLINE_DATA_DIR", here / ".driftline"))
    become = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with tempfile.TemporaryFile() as output:
        demo = subprocess.Popen(
            ["make", "demo", "SOURCE=simulated"],
            cwd=here,
            env=environment,
            stdout=output,
            stderr=output,
            **become,
        )
        deadline = time.monotonic() + PREDICTS_S
        while not (data / "start.json").exists() and demo.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        start = json.loads((data / "start.json").read_bytes()) if (data / "start.json").exists() else None
        subprocess.run(
            ["make", "stop"], cwd=here, env=environment, check=False, capture_output=True, **become
        )
        try:
            demo.wait(STOPS_S)
        except subprocess.TimeoutExpired:
            demo.kill()
            demo.wait()
        if start is None:
            output.seek(0)
            sys.exit(
                f"as {name} the demo did not predict in {here}:\n{output.read().decode(errors='replace')}"
            )
    mode = here.parent.stat().st_mode & 0o777
    seconds = start["first_prediction_after_s"]
    sys.stdout.write(f"as {name} in {here.parent} (mode {mode:o}): first prediction after {seconds:.1f} s\n")
    sys.stdout.flush()


def give(folder: Path, user: pwd.struct_passwd) -> None:
    """Make a folder, and hand it over with what is in it."""
    folder.mkdir(exist_ok=True)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)


@contextmanager
def ordinary_user() -> Iterator[pwd.struct_passwd]:
    """A user with a home of mode 700, for the block."""
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", USER], check=True)
    try:
        user = pwd.getpwnam(USER)
        Path(user.pw_dir).chmod(0o700)
        yield user
    finally:
        subprocess.run(["userdel", "--remove", "--force", USER], check=False, capture_output=True)


def main() -> None:
    """Run it as whoever may be had here."""
    shell = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    with tempfile.TemporaryDirectory(prefix="private demo ", dir=Path.home()) as name:
        folder = Path(name)
        folder.chmod(0o700)
        predicted(checkout(folder), shell | {"HOME": str(Path.home())}, None)
    if os.geteuid() != 0:
        return
    with ordinary_user() as user:
        folder = Path(user.pw_dir)
        here = checkout(folder)
        variables = interpreter(here, folder, user)
        data = folder / "data of mine"
        if (here / ".driftline").is_dir():
            shutil.copytree(here / ".driftline", data)
        give(data, user)
        home = {"HOME": user.pw_dir, "DRIFTLINE_DATA_DIR": str(data)}
        predicted(here, shell | variables | home, user)


if __name__ == "__main__":
    main()
