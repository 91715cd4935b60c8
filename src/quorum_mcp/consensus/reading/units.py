"""Quantities: a number with a unit of measurement or a currency, brought to base units."""

import re
from fractions import Fraction
from functools import lru_cache

from msgspec import Struct

from quorum_mcp.consensus.reading import numbers

_NAMES: dict[str, tuple[str, str | int]] = {
    "m": ("m", 1),
    "meter metre": ("m", 1),
    "km kilometer kilometre": ("m", 1000),
    "cm centimeter centimetre": ("m", "1/100"),
    "mm millimeter millimetre": ("m", "1/1000"),
    "nm nanometer nanometre": ("m", "1/1000000000"),
    "μm µm um micrometer micron": ("m", "1/1000000"),
    "inch inches": ("m", "254/10000"),
    "ft foot feet": ("m", "3048/10000"),
    "yd yard": ("m", "9144/10000"),
    "mi mile": ("m", "1609344/1000"),
    "g gram": ("g", 1),
    "kg kilogram": ("g", 1000),
    "mg milligram": ("g", "1/1000"),
    "tonne": ("g", 1000000),
    "lb lbs pound": ("g", "45359237/100000"),
    "oz ounce": ("g", "45359237/1600000"),
    "s sec second": ("s", 1),
    "ms millisecond": ("s", "1/1000"),
    "min minute": ("s", 60),
    "h hr hour": ("s", 3600),
    "day": ("s", 86400),
    "week": ("s", 604800),
    "month": ("month", 1),
    "yr year": ("month", 12),
    "l liter litre": ("m^3", "1/1000"),
    "ml milliliter millilitre": ("m^3", "1/1000000"),
    "gal gallon": ("m^3", "3785411784/1000000000000"),
    "°c celsius": ("°C", 1),
    "°f fahrenheit": ("°F", 1),
    "k kelvin": ("K", 1),
    "° degree deg": ("deg", 1),
    "$ usd dollar": ("USD", 1),
    "cent ¢": ("USD", "1/100"),
    "€ eur euro": ("EUR", 1),
    "£ gbp": ("GBP", 1),
    "¥ jpy yen": ("JPY", 1),
    "₹ inr rupee": ("INR", 1),
    "j joule": ("J", 1),
    "kj kilojoule": ("J", 1000),
    "w watt": ("W", 1),
    "kw kilowatt": ("W", 1000),
    "n newton": ("N", 1),
    "v volt": ("V", 1),
    "a ampere amp": ("A", 1),
    "ω ohm": ("Ω", 1),
    "hz hertz": ("Hz", 1),
    "khz": ("Hz", 1000),
    "mhz": ("Hz", 1000000),
    "pa pascal": ("Pa", 1),
    "kpa": ("Pa", 1000),
    "atm atmosphere": ("atm", 1),
    "mol mole": ("mol", 1),
    "byte": ("byte", 1),
    "kb kilobyte": ("byte", 1000),
    "mb megabyte": ("byte", 1000000),
    "gb gigabyte": ("byte", 1000000000),
}
_COMPOUND = {"kph": "km/h", "kmh": "km/h", "mph": "mi/h", "mps": "m/s", "kwh": "", "in": "inch"}
_SIGNS = "$€£¥₹"


def _table() -> dict[str, tuple[str, Fraction]]:
    table: dict[str, tuple[str, Fraction]] = {}
    for names, (dimension, factor) in _NAMES.items():
        for name in names.split():
            table[name] = (dimension, Fraction(factor))
            if len(name) > 3 or name in ("day", "deg"):
                table.setdefault(name + "s", (dimension, Fraction(factor)))
    return table


_UNITS = _table()
_FACTOR = re.compile(
    r"(square |cubic |sq\.? |cu\.? )?([^\W\d_]+|[°$€£¥₹¢Ω]\s?[CFcf]?)\.?(?:\s?\^?\s?\{?([23²³])\}?)?"
)
_DEGREES = re.compile(r"(?:°|degrees?)\s?(c|f|celsius|fahrenheit)", re.IGNORECASE)
_CODED = re.compile(r"(usd|eur|gbp|jpy|inr)\s?([\d.,]+)", re.IGNORECASE)
_PREFIXED = re.compile(rf"([-+−–]?)\s?(?:US)?\s?([{_SIGNS}])\s?([-+−–]?\s?[\d.,]+(?:\s?[a-z]+)?)")
_AMOUNT = re.compile(
    rf"([-+−–]?\s?(?:\d{{1,15}}\s?[/⁄]\s?\d{{1,15}}|{numbers.DECIMAL})(?:[eE][-+]?\d{{1,3}})?)\s?-?(\D[^\n]*)"
)
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3, "²": 2, "³": 3, "2": 2, "3": 3}


class Quantity(Struct, frozen=True):
    """`value` as written and its `unit`; `base` is the value in base units of `dimension`."""

    value: Fraction
    unit: str
    base: Fraction
    dimension: str


@lru_cache(maxsize=1024)
def unit(text: str) -> tuple[str, Fraction] | None:
    """Dimension and factor to base units of a unit's name ("km/h", "square feet", "cm^2"), None if unknown."""
    text = " ".join(text.split()).strip(" .")
    if not text or len(text) > 40:
        return None
    text = _COMPOUND.get(text.lower(), text)
    if found := _DEGREES.fullmatch(text):
        text = f"°{found[1][0]}"
    over = [part.strip() for part in re.split(r"\s+per\s+|\s*/\s*", text)]
    if not 1 <= len(over) <= 2:
        return None
    above, below = _factor(over[0]), _factor(over[-1])
    if above is None or below is None:
        return None
    if len(over) == 1:
        return above
    return f"{above[0]}/{below[0]}", above[1] / below[1]


def _factor(text: str) -> tuple[str, Fraction] | None:
    found = _FACTOR.fullmatch(text)
    if not found:
        return None
    name = found[2].replace(" ", "")
    known = _UNITS.get(name.lower())
    if known is None:
        return None
    power = _POWERS[(found[1] or found[3] or "").strip(" .")] if found[1] or found[3] else 1
    dimension, factor = known
    if power == 1:
        return known
    return f"{dimension}^{power}", factor**power


def quantity(text: str) -> Quantity | None:
    """The quantity that `text` is, all of it ("$3.50", "5 km", "40°"), else None."""
    text = text.strip()
    if len(text) > 80:
        return None
    if found := _CODED.fullmatch(text):
        text = f"{found[2]} {found[1]}"
    if found := _PREFIXED.fullmatch(text):
        value = numbers.parse(found[1] + found[3].strip().rstrip(".,"))
        sign = found[2]
    elif found := _AMOUNT.fullmatch(text):
        value, sign = numbers.parse(found[1]), found[2]
    else:
        return None
    known = unit(sign)
    if value is None or known is None:
        return None
    return Quantity(value, " ".join(sign.split()), value * known[1], known[0])


_ASKED = re.compile(
    r"\b(?:in|how many|number of|what percentage of|to the nearest)\s+(?:\w+\s+){0,2}?([a-z]+)", re.IGNORECASE
)


def asked(question: str, dimension_unit: str) -> bool:
    """Whether `question` says itself that it wants this unit ("in meters", "how many hours")."""
    wanted = unit(dimension_unit)
    return wanted is not None and any(
        unit(found[1].lower()) == wanted for found in _ASKED.finditer(question[-4000:])
    )
