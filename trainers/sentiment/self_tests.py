"""The texts whose probabilities are stored with an export, so that whoever runs it can see that it gives the same."""

#: Of many lengths, with numbers, negation, symbols and another script, because these are what precision and tokenizers
#: may treat differently. They were written for this purpose and are of no publisher.
SELF_TEST_TEXTS = (
    "Bitcoin rises",
    "The exchange says that customer funds are safe, and withdrawals resume on Monday.",
    "Miner posts a loss of $41.2 million, its third in a row, as costs double.",
    "The regulator did not reject the fund.",
    "Shares fall 12% after the company cuts its forecast for 2026.",
    "The committee meets on Thursday.",
    "Not bad: the network paid less in fees than in any month since March, and processed more transactions.",
    "Hackers drain 3,200 ETH from a bridge; the team pauses all contracts.",
    "BTC/USD +4.5% 🚀",
    "Die Bank erwartet einen höheren Gewinn.",
    (
        "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn in the corresponding period of the year before, and the "
        "board proposes a dividend that is a third higher, although net sales decreased slightly in the last quarter."
    ),
    "?",
)
