"""Sketches of texts."""

from stream_processors.sentiment.sketches import similarity, sketch

TEXT = "Bitcoin rallies past 100,000 dollars as spot funds take in a record amount of money on Monday"


def test_sketch_is_the_same_on_every_machine() -> None:
    assert sketch("Bitcoin rallies past $100,000") == sketch("BITCOIN: rallies past 100,000!")
    assert sketch("") == "0" * 16
    assert sketch(TEXT) == "f87e0fe881687ec3"


def test_texts_with_most_words_in_common_are_near_and_strangers_are_not() -> None:
    near = similarity(sketch(TEXT), sketch(TEXT.replace("Monday", "Tuesday")))
    far = similarity(sketch(TEXT), sketch("The committee of the central bank left its rate where it was"))
    assert near > 0.8 > 0.7 > far
    assert similarity(sketch(TEXT), sketch(TEXT)) == 1
