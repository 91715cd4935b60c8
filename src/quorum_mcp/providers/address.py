"""Where the calls of an endpoint go: a base URL, what else stands in the URL and the headers, its names of models."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from quorum_mcp.config.providers import MODEL
from quorum_mcp.config.secrets import MASK
from quorum_mcp.errors import ProviderModelMissing
from quorum_mcp.providers.keys import SHORTEST


class Address:
    """An endpoint's address.

    Args:
        base_url: where the wire's paths begin. Its query parameters go along with every request.
        headers: headers of every request.
        names: the endpoint's own names of models, by the provider's.
        model: the endpoint's name of every model that is not in `names`; None: the same name.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
        model: str | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        self.base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self._query = parts.query
        self._names = dict(names or {})
        self._model = model
        values = [value for _, value in parse_qsl(parts.query)]
        hidden = [*values, *map(quote, values), *self.headers.values()]
        self._hidden = sorted({one for one in hidden if len(one) >= SHORTEST}, key=len, reverse=True)

    def own(self, model: str) -> str:
        """The endpoint's own name of a model."""
        return self._names.get(model) or self._model or model

    def serves(self, model: str) -> bool:
        """Whether the model may be asked for here: where single models are named, only those are."""
        return not self._names or model in self._names or self._model is not None

    def url(self, path: str, model: str | None = None) -> str:
        """The URL of a wire's path.

        Args:
            path: begins with a slash, and is encoded; it may hold a query of its own.
            model: the endpoint's own name of the model that is asked, None where it is about none.

        Raises:
            ProviderModelMissing: the address is of single models, and this is about none.
        """
        base = self.base
        if MODEL in base:
            if model is None:
                raise ProviderModelMissing(
                    "this address is of single models and lists none",
                    hint="nothing, where `models` in quorum.yaml names those that there are",
                )
            base = base.replace(MODEL, quote(model, safe=""))
        if not self._query:
            return base + path
        return f"{base}{path}{'&' if '?' in path else '?'}{self._query}"

    def mask(self, text: str) -> str:
        """`text` without the values of its query parameters and headers: a host's errors may quote them."""
        for value in self._hidden:
            text = text.replace(value, MASK)
        return text
