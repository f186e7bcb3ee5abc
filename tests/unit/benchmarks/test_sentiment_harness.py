"""The harness of ``make bench-sentiment``, on a tiny encoder and without the peer's environment."""

import math
from pathlib import Path

from stream_processors.sentiment.folders import Precision
from stream_processors.sentiment.ports import PreparedText
from tests.benchmarks.sentiment.encoders import encoder_figures
from tests.benchmarks.sentiment.headlines import headlines, processor
from tests.fixtures.tiny_encoders import write_tiny_encoder

NO_PEER = "/bin/false"


def test_rows_say_what_is_not_installed(tmp_path: Path) -> None:
    texts = [PreparedText(title) for title in headlines(20)[0]]
    folder = write_tiny_encoder(tmp_path / "encoder", precision=Precision.INT8, int8_error=0.01)
    *measured, missing = encoder_figures(texts, tmp_path, folder=folder, python=NO_PEER)
    assert [figure.metric for figure in measured][::2] == [
        "encoder, int8",
        "encoder, fp32",
        measured[-1].metric,
    ]
    assert all(figure.value > 0 for figure in measured)
    assert math.isnan(missing.value)
    assert "not installed here" in missing.metric
    (nothing,) = encoder_figures(texts, tmp_path, folder=None, python=NO_PEER)
    assert math.isnan(nothing.value)


def test_processor_is_named_with_its_flags() -> None:
    assert ";" in processor()
