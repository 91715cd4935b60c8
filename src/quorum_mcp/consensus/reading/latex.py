"""LaTeX and Unicode mathematics brought to one plain notation: `(a)/(b)`, `sqrt(x)`, `pi`, `x^(2)`."""

import re

_WRAPPERS = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mbox|operatorname|rm|bf|hbox)\b\*?"
)
_SPACES = re.compile(
    r"\\[,;:! ]|\\q?quad\b|~|\\(?:displaystyle|textstyle|limits|nolimits|left|right|big|Big|bigg|Bigg)(?![a-zA-Z])|&"
)
_WORDS = {
    "cdot": "*", "times": "*", "div": "/", "pm": "±", "mp": "∓", "infty": "∞", "pi": "π", "cup": "∪", "cap": "∩",
    "leq": "≤", "le": "≤", "leqslant": "≤", "geq": "≥", "ge": "≥", "geqslant": "≥", "neq": "≠", "ne": "≠",
    "approx": "≈", "circ": "°", "degree": "°", "dots": "...", "ldots": "...", "cdots": "...", "emptyset": "∅",
    "varnothing": "∅", "lbrace": "{", "rbrace": "}", "langle": "<", "rangle": ">", "lvert": "|", "rvert": "|",
    "theta": "θ", "alpha": "α", "beta": "β", "gamma": "γ", "lambda": "λ", "mu": "μ", "omega": "ω", "phi": "φ",
    "sigma": "σ", "rho": "ρ", "tau": "τ", "Delta": "Δ", "in": "∈", "to": "→", "rightarrow": "→", "setminus": "∖",
    "lt": "<", "gt": ">", "colon": ":", "mid": "|", "backslash": "∖", "prime": "'", "varphi": "φ", "epsilon": "ε",
}  # fmt: skip
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_UNICODE = str.maketrans(
    {"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "∗": "*", "′": "'", "²": "^2", "³": "^3", "⁴": "^4",
     "⁵": "^5", "⁶": "^6", "⁷": "^7", "⁸": "^8", "⁹": "^9", "½": "(1/2)", "¼": "(1/4)", "¾": "(3/4)", "⅓": "(1/3)",
     "⅔": "(2/3)", "º": "°", "⁄": "/", "\u2009": " ", "\u00a0": " ", "\u202f": " "}
)  # fmt: skip
_MATRIX = re.compile(r"\\(begin|end)\s?\{([pbvBV]?matrix|array|aligned?\*?|cases)\}(?:\{[lcr| ]{1,20}\})?")
MAX_LENGTH = 400


def unwrap(text: str) -> str:
    r"""`text` without the `$`, `\(…\)`, `\[…\]` and `\boxed{…}` that stand around all of it."""
    for _ in range(4):
        text = text.strip()
        inner = text
        for left, right in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
            if len(text) > len(left + right) and text.startswith(left) and text.endswith(right):
                inner = text[len(left) : -len(right)]
                break
        else:
            if text.startswith(("\\boxed{", "\\fbox{")) and text.endswith("}"):
                start = text.index("{")
                if group_end(text, start) == len(text):
                    inner = text[start + 1 : -1]
        if inner == text or ("$" in inner and left == "$"):
            break
        text = inner
    return text.strip()


def group_end(text: str, start: int, limit: int = 4000) -> int:
    """The index after the brace that closes the one at `start`; -1 where none does within `limit` characters."""
    depth = 0
    for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start, start + limit):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth -= 1
            if depth == 0:
                return found.end()
    return -1


def plain(text: str) -> str:
    """`text` in plain notation; what is not understood stays as it is."""
    text = text.translate(_UNICODE)
    text = _SPACES.sub(" ", text.replace("$", " ").replace("\\\\", ";"))
    text = _MATRIX.sub(lambda found: "[" if found[1] == "begin" else "]", text)
    text = _WRAPPERS.sub("", text) if "\\" in text else text
    text = (
        text.replace("\\{", "❴").replace("\\}", "❵").replace("\\%", "%").replace("\\$", "").replace("{,}", "")
    )
    text = re.sub(r"\\([dtc]frac)(?![a-zA-Z])", r"\\frac", text)
    text = _calls(text)
    text = _COMMAND.sub(lambda found: f" {_WORDS.get(found[1], found[1])} ", text)
    text = re.sub(r"√\s?(\d+(?:\.\d+)?|[a-zA-Z](?![a-zA-Z]))", r"sqrt(\1)", text).replace("√", "sqrt")
    text = re.sub(r"\^\s*\{?\s*°\s*\}?", "°", text).replace("**", "^")
    return text.replace("{", "(").replace("}", ")").replace("❴", "{").replace("❵", "}").strip()


_CALL = re.compile(r"\\(frac|sqrt|binom)(?![a-zA-Z])\s*")


def _calls(text: str) -> str:
    """Fractions, roots and binomials, innermost last: each becomes a bracketed call."""
    pieces: list[str] = []
    place = 0
    for _ in range(40):
        found = _CALL.search(text, place)
        if not found:
            break
        pieces.append(text[place : found.start()])
        rewritten = _call(text, found[1], found.end())
        if rewritten is None:
            pieces.append(found[1])
            place = found.end()
        else:
            text = rewritten[0] + text[rewritten[1] :]
            place = 0
    return "".join(pieces) + text[place:]


def _call(text: str, name: str, place: int) -> tuple[str, int] | None:
    index = ""
    if name == "sqrt" and text[place : place + 1] == "[":
        close = text.find("]", place)
        if close < 0:
            return None
        index, place = text[place + 1 : close], close + 1
    arguments: list[str] = []
    for _ in range(1 if name == "sqrt" else 2):
        argument = _argument(text, place)
        if argument is None:
            return None
        arguments.append(argument[0])
        place = argument[1]
    if name == "frac":
        return f"(({arguments[0]})/({arguments[1]}))", place
    if name == "binom":
        return f"binom({arguments[0]},{arguments[1]})", place
    return (f"(({arguments[0]})^(1/({index})))" if index else f"sqrt({arguments[0]})"), place


def _argument(text: str, place: int) -> tuple[str, int] | None:
    while place < len(text) and text[place] == " ":
        place += 1
    if place >= len(text):
        return None
    if text[place] == "{":
        end = group_end(text, place)
        return (text[place + 1 : end - 1], end) if end > 0 else None
    if found := re.compile(r"\\[a-zA-Z]+").match(text, place):
        return (found[0], found.end()) if found[0] not in ("\\frac", "\\sqrt") else None
    return (text[place], place + 1) if text[place].isalnum() else None
