"""The settings of the client of the web."""

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, field_validator

from producers.sources.web.mirrors import parse_mirror
from producers.sources.web.parameters import WebParameters
from schemas.errors import ConfigurationError
from schemas.wire.settings import EnvironmentSettings


class WebSettings(EnvironmentSettings):
    """How outside sources are asked."""

    sources_contact: str | None = Field(
        default=None,
        max_length=200,
        pattern=r"^[ -~]*$",
        description="A mail address or URL that the user agent names, so that a source can reach the operator.",
    )
    sources_mirror: str | None = Field(
        default=None,
        description="A local server that answers in place of every source, such as http://127.0.0.1:8400: "
        "https://HOST/PATH is asked for at MIRROR/HOST/PATH. Unset asks the sources themselves.",
    )
    sources_pace: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        description="Multiple of the rate limits that the sources state. Unset is 1, and as good as no limit with a "
        "mirror on this machine.",
    )
    coingecko_key: SecretStr | None = Field(
        default=None, description="Key of CoinGecko's API. It is sent in a header, and never stored or shown."
    )
    binance_key: SecretStr | None = Field(
        default=None,
        description="Key of Binance's API. Its spot market asks for one where older trades are refilled; without it, "
        "the newest 1,000 trades are to be had. It is sent in a header, and never stored or shown.",
    )
    proxy: str | None = Field(
        default=None,
        validation_alias=AliasChoices("proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
        description="URL of the proxy through which sources are reached.",
    )
    no_proxy_for: str = Field(
        default="",
        validation_alias=AliasChoices("no_proxy_for", "no_proxy", "NO_PROXY"),
        description="Hosts and domains that are reached directly all the same, separated by commas.",
    )

    @field_validator("sources_mirror")
    @classmethod
    def _is_mirror(cls, text: str | None) -> str | None:
        try:
            mirror = parse_mirror(text)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return None if mirror is None else mirror.address

    @property
    def has_mirror(self) -> bool:
        """Whether a mirror answers, so that the run is no live one."""
        return self.sources_mirror is not None

    def parameters(self, folder: Path | None) -> WebParameters:
        """Return the parameters of the client.

        Args:
            folder: Of the stream, for the cache and the pauses; None keeps nothing on disk.
        """
        keys = {
            "api.coingecko.com": ("x-cg-demo-api-key", self.coingecko_key),
            "pro-api.coingecko.com": ("x-cg-pro-api-key", self.coingecko_key),
            "api.binance.com": ("x-mbx-apikey", self.binance_key),
        }
        headers = {
            host: {name: key.get_secret_value()}
            for host, (name, key) in keys.items()
            if key is not None and key.get_secret_value()
        }
        return WebParameters(
            folder=folder,
            contact=self.sources_contact,
            mirror=parse_mirror(self.sources_mirror),
            headers=headers,
            proxy=self.proxy,
            no_proxy=self.no_proxy_for,
            pace=self.sources_pace,
        )
