"""The coins that articles mention, by ticker and by name: a table that producers and scorers share.

A ticker that is also a word of English, of finance or of a company needs more than capitals to be a mention: see
:mod:`schemas.mentions`. So does a name that is a common word (``Optimism``, ``Near``, ``Stacks``).
"""

from typing import NamedTuple


class Coin(NamedTuple):
    """A coin.

    Attributes:
        ticker: As the event states it, such as ``BTC``.
        names: Its names, which are a mention wherever they stand. One that begins with a capital here needs it.
        doubtful_names: Its names that are common words: a mention only with a capital, and with a word of the trade
            such as "token" or "network" after it.
        is_word: Whether the ticker is a word or another abbreviation as well, so that ``LINK`` alone is no mention.
        other_tickers: Further tickers of the same coin.
    """

    ticker: str
    names: tuple[str, ...] = ()
    doubtful_names: tuple[str, ...] = ()
    is_word: bool = False
    other_tickers: tuple[str, ...] = ()


COINS = (
    Coin("BTC", ("bitcoin", "bitcoins", "btc"), other_tickers=("XBT",)),
    Coin("ETH", ("ethereum", "ether"), other_tickers=("ETHER",)),
    Coin("USDT", ("Tether",)),
    Coin("USDC", ("usd coin",)),
    Coin("XRP", ("xrp", "xrp ledger", "xrpl"), ("ripple",)),
    Coin("BNB", ("binance coin", "bnb chain", "binance smart chain")),
    Coin("SOL", ("solana",)),
    Coin("DOGE", ("dogecoin",), is_word=True),
    Coin("ADA", ("cardano",)),
    Coin("TRX", ("tron network", "tron dao", "Tron")),
    Coin("AVAX", ("Avalanche",)),
    Coin("SHIB", ("shiba inu", "shibarium")),
    Coin("DOT", ("polkadot",), is_word=True),
    Coin("LINK", ("chainlink",), is_word=True),
    Coin("BCH", ("bitcoin cash",)),
    Coin("BSV", ("bitcoin sv",)),
    Coin("LTC", ("litecoin",)),
    Coin("TON", ("toncoin", "the open network"), is_word=True),
    Coin("NEAR", ("near protocol",), ("near",), is_word=True),
    Coin("POL", ("Polygon",), is_word=True, other_tickers=("MATIC",)),
    Coin("UNI", ("uniswap",)),
    Coin("ICP", ("internet computer",)),
    Coin("APT", ("aptos",), is_word=True),
    Coin("XLM", (), ("stellar",)),
    Coin("XMR", ("monero",)),
    Coin("ETC", ("ethereum classic",), is_word=True),
    Coin("HBAR", ("hedera",)),
    Coin("FIL", ("filecoin",), is_word=True),
    Coin("ARB", ("arbitrum",)),
    Coin("OP", (), ("optimism",), is_word=True),
    Coin("VET", ("vechain",)),
    Coin("ATOM", (), ("cosmos",), is_word=True),
    Coin("MKR", ("makerdao",), ("maker",)),
    Coin("SKY", (), ("sky",), is_word=True),
    Coin("AAVE", ("aave",)),
    Coin("GRT", (), ("the graph",)),
    Coin("ALGO", ("algorand",), is_word=True),
    Coin("INJ", ("injective protocol", "Injective")),
    Coin("SUI", ("Sui",)),
    Coin("SEI", ("Sei",), is_word=True),
    Coin("TIA", ("celestia",)),
    Coin("STX", (), ("stacks",)),
    Coin("RUNE", ("thorchain",), is_word=True),
    Coin("IMX", (), ("immutable",)),
    Coin("PEPE", ("pepecoin", "Pepe")),
    Coin("BONK", ("Bonk",)),
    Coin("WIF", ("dogwifhat",)),
    Coin("FLOKI", ("floki inu", "Floki")),
    Coin("TRUMP", ("official trump",), is_word=True),
    Coin("HYPE", ("Hyperliquid",), is_word=True),
    Coin("PUMP", ("Pump.fun",), is_word=True),
    Coin("ENA", ("ethena",)),
    Coin("ONDO", ("ondo finance", "Ondo")),
    Coin("TAO", ("bittensor",)),
    Coin("RENDER", (), ("render",), is_word=True, other_tickers=("RNDR",)),
    Coin("FET", ("fetch.ai",)),
    Coin("KAS", ("kaspa",)),
    Coin("CRO", ("cronos",), is_word=True),
    Coin("LEO", (), (), is_word=True),
    Coin("DAI", (), (), is_word=True),
    Coin("ONE", (), ("harmony",), is_word=True),
    Coin("FTM", ("fantom",)),
    Coin("S", (), ("sonic",), is_word=True),
    Coin("XTZ", ("tezos",)),
    Coin("EOS", (), (), is_word=True),
    Coin("NEO", (), ("neo",), is_word=True),
    Coin("IOTA", ("Iota",)),
    Coin("MANA", ("decentraland",), is_word=True),
    Coin("SAND", (), ("the sandbox",), is_word=True),
    Coin("AXS", ("axie infinity",)),
    Coin("FLOW", (), ("flow",), is_word=True),
    Coin("GALA", (), ("gala games", "gala"), is_word=True),
    Coin("CAKE", ("pancakeswap",), is_word=True),
    Coin("CRV", ("curve dao", "curve finance"), ("curve",)),
    Coin("LDO", ("lido dao", "lido finance", "Lido"), is_word=True),
    Coin("COMP", (), ("compound",), is_word=True),
    Coin("SNX", ("synthetix",)),
    Coin("DYDX", ("dydx",)),
    Coin("JUP", (), ("jupiter",), is_word=True),
    Coin("PYTH", ("pyth network", "Pyth")),
    Coin("JTO", ("jito",)),
    Coin("WLD", ("worldcoin",)),
    Coin("ZEC", ("zcash",)),
    Coin("DASH", (), ("dash",), is_word=True),
    Coin("QNT", (), ("quant",)),
    Coin("STRK", ("starknet",)),
    Coin("ZK", ("zksync",), is_word=True),
    Coin("ZRO", ("layerzero",)),
    Coin("EIGEN", ("eigenlayer",)),
    Coin("MNT", (), ("mantle",)),
    Coin("OKB", ()),
    Coin("BGB", ("bitget token",)),
    Coin("PENGU", ("pudgy penguins",)),
    Coin("FARTCOIN", ("fartcoin",)),
    Coin("SPX", ("spx6900",), is_word=True),
    Coin("VIRTUAL", (), ("virtuals protocol",), is_word=True),
    Coin("MOVE", (), ("movement labs",), is_word=True),
    Coin("PI", ("pi network",), is_word=True),
    Coin("XDC", ("xdc network",)),
    Coin("FLR", ("flare network",)),
    Coin("THETA", ("theta network",)),
    Coin("EGLD", ("multiversx", "elrond")),
    Coin("KAVA", ("Kava",)),
    Coin("WBTC", ("wrapped bitcoin",)),
    Coin("RLUSD", ()),
    Coin("PYUSD", ()),
    Coin("FDUSD", ()),
    Coin("USDE", (), is_word=True),
    Coin("USD1", ()),
    Coin("PAXG", ("pax gold",)),
)
