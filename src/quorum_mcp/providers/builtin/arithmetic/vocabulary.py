"""Words that stand for signs and functions: “divided by” is `/`, “the square root of” is `sqrt`."""

from quorum_mcp.providers.builtin.arithmetic.tokens import Token

_SIGNS = {
    "plus": "+", "added to": "+", "more than": "+", "minus": "-", "subtracted from": "from", "less than": "from",
    "take away": "-", "times": "*", "multiplied by": "*", "divided by": "/", "over": "/", "mod": "mod",
    "modulo": "mod", "modulus": "mod", "raised to": "^",
    "to power of": "^", "to power": "^", "raised to power of": "^", "raised to power": "^",
    "squared": "²", "cubed": "³", "percent": "percent",
    "per cent": "percent", "pct": "percent", "of": "of", "negative": "-", "and": "and", "choose": "choose",
}  # fmt: skip
_FUNCTIONS = {
    "square root": "sqrt", "sqrt": "sqrt", "cube root": "cbrt", "cbrt": "cbrt", "sum": "sum", "total": "sum",
    "product": "product", "difference between": "difference", "difference of": "difference",
    "quotient": "quotient", "average": "mean", "mean": "mean", "avg": "mean", "arithmetic mean": "mean",
    "arithmetic average": "mean", "median": "median", "gcd": "gcd", "gcf": "gcd", "hcf": "gcd",
    "greatest common divisor": "gcd", "greatest common factor": "gcd", "highest common factor": "gcd",
    "largest common divisor": "gcd", "lcm": "lcm", "least common multiple": "lcm",
    "lowest common multiple": "lcm", "smallest common multiple": "lcm", "max": "max", "maximum": "max",
    "largest": "max", "greatest": "max", "min": "min", "minimum": "min", "smallest": "min",
    "absolute value": "abs", "abs": "abs", "factorial": "factorial", "twice": "double", "double": "double",
    "triple": "triple", "floor": "floor", "ceiling": "ceil", "ceil": "ceil", "square": "square", "cube": "cube",
}  # fmt: skip
_SKIPPED = {"the"}  # so phrases above are written without it
_LONGEST = 4


def translate(tokens: list[Token]) -> list[Token]:
    """The tokens with phrases replaced by signs and functions, longest phrase first; “the” is left out."""
    tokens = [token for token in tokens if token.text not in _SKIPPED]
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        for length in range(min(_LONGEST, len(tokens) - at), 0, -1):
            if replacement := _replace(tokens, at, length):
                result.append(replacement)
                at += length
                break
        else:
            result.append(tokens[at])
            at += 1
    return result


def _replace(tokens: list[Token], at: int, length: int) -> Token | None:
    words = tokens[at : at + length]
    if any(word.kind != "word" for word in words):
        return None
    phrase = " ".join(word.text for word in words)
    before = tokens[at - 1] if at else None
    if phrase == "x" and before is not None and at + 1 < len(tokens):
        beside = before.kind == "number" or before.is_sign(")", "%", "!")
        after = tokens[at + 1]
        return (
            Token("sign", "*")
            if beside and (after.kind == "number" or after.is_sign("(", "$", "-"))
            else None
        )
    if phrase == "factorial" and before is not None and (before.kind == "number" or before.is_sign(")")):
        return Token("sign", "!")
    if (sign := _SIGNS.get(phrase)) is not None:
        return Token("sign", sign, spaced=True)
    if (name := _FUNCTIONS.get(phrase)) is not None:
        return Token("function", name, spaced=True)
    return None
