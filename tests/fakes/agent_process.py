"""The agent with scorers of tests, as a process that can be killed: ``python -m tests.fakes.agent_process SECONDS``."""

import os
import sys

from schemas.wire.processes import configure_logging, stop_on_signals
from stream_processors.agents.logs import forward_library_logs
from stream_processors.agents.running import run_agent
from stream_processors.agents.scoring import ArticleScoring
from stream_processors.settings import ProcessorSettings
from tests.fakes.scorers import FakeScorer, prepare


def main() -> None:
    """Run until asked to stop; each text takes each scorer so many seconds."""
    configure_logging()
    forward_library_logs()
    seconds = float(sys.argv[1])
    scorers = [
        FakeScorer("vader", seconds_per_text=seconds),
        FakeScorer("encoder", with_probabilities=True, seconds_per_text=seconds),
    ]
    settings = ProcessorSettings.from_environment(os.environ)
    run_agent(
        ArticleScoring(scorers, prepare),
        endpoint=settings.kafka_endpoint(),
        stop=stop_on_signals(),
        data_dir=settings.data_dir,
    )


if __name__ == "__main__":
    main()
