"""Units of measure with exact factors.

Factors are those of the International Yard and Pound agreement of 1959 (0.9144 m, 0.45359237 kg), the SI
brochure, and IEC 80000-13 for the binary prefixes of bytes. US gallons, pints and so on are the liquid ones.
"""

from fractions import Fraction

from msgspec import Struct


class Unit(Struct, frozen=True):
    """`value x factor + offset` converts to the base unit of the dimension; `note` is shown where it is used."""

    dimension: str
    name: str
    plural: str
    factor: Fraction
    offset: Fraction = Fraction(0)
    note: str = ""


_LENGTH = {
    "nanometre nanometer nm": "1/1000000000", "micrometre micrometer micron µm um": "1/1000000",
    "millimetre millimeter mm": "1/1000", "centimetre centimeter cm cms": "1/100", "decimetre decimeter dm": "1/10",
    "metre meter m": "1", "kilometre kilometer km": "1000", "inch in": "0.0254", "foot ft": "0.3048",
    "yard yd": "0.9144", "mile mi": "1609.344", "nautical_mile nmi": "1852", "furlong": "201.168",
    "light-second lightsecond": "299792458", "fathom": "1.8288",
}  # fmt: skip
_MASS = {
    "microgram µg ug mcg": "1/1000000000", "milligram mg": "1/1000000", "gram gramme g": "1/1000",
    "kilogram kilogramme kilo kg kgs": "1", "tonne metric_ton": "1000", "pound lb lbs": "0.45359237",
    "ounce oz": "0.028349523125", "stone st": "6.35029318", "short_ton us_ton": "907.18474",
    "long_ton imperial_ton": "1016.0469088", "carat ct": "0.0002", "grain gr": "0.00006479891",
}  # fmt: skip
_TIME = {
    "nanosecond ns": "1/1000000000", "microsecond µs us": "1/1000000", "millisecond ms": "1/1000",
    "second sec s": "1", "minute min mins": "60", "hour hr hrs h": "3600", "day d": "86400", "week wk": "604800",
    "fortnight": "1209600",
}  # fmt: skip
_CALENDAR = {"month": "1", "year yr": "12", "decade": "120", "century": "1200", "millennium": "12000"}
_VOLUME = {
    "millilitre milliliter ml": "1/1000", "centilitre centiliter cl": "1/100", "decilitre deciliter dl": "1/10",
    "litre liter l": "1", "cubic_metre cubic_meter m3 m³": "1000", "cubic_centimetre cubic_centimeter cm3 cm³ cc": "1/1000",
    "cubic_inch in3": "0.016387064", "cubic_foot ft3": "28.316846592",
    "imperial_gallon uk_gallon": "4.54609", "imperial_pint uk_pint": "0.56826125",
    "us_gallon": "3.785411784", "us_pint": "0.473176473", "metric_cup": "1/4",
}  # fmt: skip
_US_VOLUME = {
    "gallon gal": "3.785411784", "quart qt": "0.946352946", "pint pt": "0.473176473", "cup": "0.2365882365",
    "fluid_ounce fl_oz ounce oz": "0.0295735295625", "tablespoon tbsp": "0.01478676478125",
    "teaspoon tsp": "0.00492892159375",
}  # fmt: skip
_AREA = {
    "square_millimetre square_millimeter mm2 mm²": "1/1000000",
    "square_centimetre square_centimeter cm2 cm²": "1/10000", "square_metre square_meter m2 m² sqm": "1",
    "square_kilometre square_kilometer km2 km²": "1000000", "hectare ha": "10000", "are": "100",
    "acre": "4046.8564224", "square_inch sq_in in2": "0.00064516", "square_foot sq_ft ft2 sqft": "0.09290304",
    "square_yard sq_yd yd2": "0.83612736", "square_mile sq_mi mi2": "2589988.110336",
}  # fmt: skip
_SPEED = {
    "m/s metre_per_second meter_per_second metres_per_second meters_per_second mps": "1",
    "km/h kph kmh km_per_hour kilometre_per_hour kilometer_per_hour kilometres_per_hour kilometers_per_hour": "5/18",
    "mph mi/h mile_per_hour miles_per_hour": "0.44704", "knot kn": "463/900", "ft/s foot_per_second feet_per_second": "0.3048",
}  # fmt: skip
_DATA = {"bit": "1/8", "byte": "1", "nibble": "1/2"}
_TEMPERATURE = {
    "celsius degree_celsius degrees_celsius °c c centigrade": ("1", "273.15"),
    "kelvin k": ("1", "0"),
    "fahrenheit degree_fahrenheit degrees_fahrenheit °f f": ("5/9", "45967/180"),
    "rankine": ("5/9", "0"),
}
_IRREGULAR = {
    "inch": "inches", "foot": "feet", "century": "centuries", "millennium": "millennia", "stone": "stone",
    "square inch": "square inches", "square foot": "square feet", "cubic inch": "cubic inches",
    "cubic foot": "cubic feet", "celsius": "°C", "fahrenheit": "°F", "kelvin": "K", "rankine": "°R",
    "m/s": "m/s", "km/h": "km/h", "mph": "mph", "ft/s": "ft/s",
}  # fmt: skip
_PREFIXES = ("kilo", "mega", "giga", "tera", "peta")
AMBIGUOUS = {"ton": "a ton can be metric, short or long", "tons": "a ton can be metric, short or long"}
"""Names that stand for several units of one dimension, with what to say."""


def _build() -> dict[str, list[Unit]]:
    table: dict[str, list[Unit]] = {}

    def add(names: str, unit: Unit) -> None:
        for name in names.split():
            spelled = name.replace("_", " ")
            forms = {spelled, unit.plural, f"{spelled}s"} if len(name) >= 3 else {spelled, unit.plural}
            for form in forms:
                if unit not in table.setdefault(form, []):
                    table[form].append(unit)

    for dimension, units, note in (
        ("length", _LENGTH, ""), ("mass", _MASS, ""), ("time", _TIME, ""), ("months", _CALENDAR, ""),
        ("volume", _VOLUME, ""), ("volume", _US_VOLUME, "US liquid measures"), ("area", _AREA, ""),
        ("speed", _SPEED, ""), ("data", _DATA, ""),
    ):  # fmt: skip
        for names, factor in units.items():
            name = names.split()[0].replace("_", " ")
            add(names, Unit(dimension, name, _IRREGULAR.get(name, f"{name}s"), Fraction(factor), note=note))
    for names, (factor, offset) in _TEMPERATURE.items():
        sign = _IRREGULAR[names.split()[0]]
        add(names, Unit("temperature", sign, sign, Fraction(factor), Fraction(offset)))
    for power, prefix in enumerate(_PREFIXES, 1):
        for size, base, letter in ((1, "byte", "B"), (8, "bit", "b")):
            decimal, binary = Fraction(1000**power, size), Fraction(1024**power, size)
            symbols = f"{prefix[0].upper()}{letter}"
            note = f"1 {symbols} = 1000^{power} {base}s" if power > 1 else f"1 {symbols} = 1000 {base}s"
            word, binary_word = f"{prefix}{base}", f"{prefix[:2]}bi{base}"
            add(f"{word} {symbols}", Unit("data", word, f"{word}s", decimal, note=note))
            add(
                f"{binary_word} {prefix[0].upper()}i{letter}",
                Unit("data", binary_word, f"{binary_word}s", binary),
            )
    return table


UNITS = _build()
"""Every name of a unit, singular and plural, with the units it may stand for."""
_CASED = {name.lower() for name in UNITS if len(name) <= 3 and name != name.lower()}


def units_named(name: str) -> list[Unit]:
    """The units that `name` may stand for; case counts only where it makes a difference (Mb and MB)."""
    if name in UNITS:
        return UNITS[name]
    if name.lower() in _CASED:  # kB and kb are the SI spellings; other wrong cases are not guessed
        return UNITS.get(f"K{name[1:]}", []) if name in ("kB", "kb") else []
    return UNITS.get(name.lower(), [])
