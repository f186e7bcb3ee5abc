"""The language of a text, and the model that finds it."""

from producers.sources.news.languages import language_of, let_go_of_model, n_texts_judged


def test_the_model_of_languages_is_let_go_of_and_loaded_again() -> None:
    let_go_of_model()
    assert language_of("Bitcoin falls below its average of the last year today", None) == "en"
    assert n_texts_judged() == 1
    assert let_go_of_model()
    assert not let_go_of_model()
    assert language_of("Der Kurs von Bitcoin ist heute stark gefallen, sagen Händler", None) == "de"
