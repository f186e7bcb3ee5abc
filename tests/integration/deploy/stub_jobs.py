"""Small real processes for the launcher to supervise: ``python -m tests.integration.deploy.stub_jobs KIND``."""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click


class Answer(BaseHTTPRequestHandler):
    """A prediction for whoever asks."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"stream": os.environ["DRIFTLINE_STREAM"]}).encode())


def serve():
    """Answer every question, as the API does once there is a prediction."""
    HTTPServer(("127.0.0.1", int(os.environ["DRIFTLINE_PORT"])), Answer).serve_forever()


def note(what):
    """Write a line into the data directory, for the test to read."""
    with (Path(os.environ["DRIFTLINE_DATA_DIR"]) / "notes.txt").open("a") as notes:
        notes.write(what + "\n")


def run_until_asked(name):
    """Run, and end cleanly on SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    note(f"{name} runs")
    stop.wait()
    note(f"{name} ended")


def fail_twice():
    """Fail until there are two notes of it."""
    notes = Path(os.environ["DRIFTLINE_DATA_DIR"]) / "notes.txt"
    note("tried")
    if notes.read_text().count("tried") < 3:
        click.echo("StoreUnavailableError: not yet", err=True)
        sys.exit(1)


def fail(message):
    """Fail each time in the same way."""
    note("tried")
    click.echo(message, err=True)
    sys.exit(1)


def misconfigured():
    """Say that a setting is wrong."""
    click.echo("ConfigurationError: DRIFTLINE_SEED must be a number, was 'x'", err=True)
    sys.exit(2)


def main():
    """Be one kind of process."""
    match sys.argv[1]:
        case "api":
            serve()
        case "service":
            run_until_asked(sys.argv[2])
        case "nothing":
            pass
        case "once":
            note("once")
        case "fail-twice":
            fail_twice()
        case "fail":
            fail("ZeroDivisionError: division by zero")
        case "fail-unavailable":
            fail("StoreUnavailableError: Postgres does not answer")
        case "wait":
            run_until_asked("warm-up")
        case "misconfigured":
            misconfigured()
        case kind:
            raise ValueError(kind)


if __name__ == "__main__":
    main()
