"""The Faust agent: it scores articles by all scorers that run, and publishes the scores in the order of the articles."""
