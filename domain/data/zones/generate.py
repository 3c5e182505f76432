"""Writes the tables that say in which time zones a person may be who gave a telephone number or a region.

    pip install phonenumbers==9.0.43
    python3 domain/data/zones/generate.py

calling-codes.csv   the area codes of North America, and every other country calling code
countries.csv       ISO 3166 countries
zone-countries.csv  the country of each zone
us-states.csv       the states and territories of the United States

Sources: the area codes' zones are those of Google's libphonenumber (Apache 2.0), all prefixes of an area code taken
together; which countries share a calling code is from the same; the zones of countries are those of the tz database's
zone.tab (public domain); the states follow 49 CFR part 71.

Zones of one row whose clocks agree from 2026 to 2035 are written once. The data are committed, so that a build needs
neither Python nor a network. For a newer version raise PINNED, run this again, and review the difference line by line.
"""

import collections
import datetime
import pathlib
import sys
import zoneinfo

import phonenumbers
from phonenumbers.data import _COUNTRY_CODE_TO_REGION_CODE as REGIONS
from phonenumbers.tzdata import TIMEZONE_DATA as PREFIXES

PINNED = "9.0.43"
ZONE_TAB = pathlib.Path("/usr/share/zoneinfo/zone.tab")
HERE = pathlib.Path(__file__).parent

if phonenumbers.__version__ != PINNED:
    sys.exit(f"This wants phonenumbers=={PINNED}, and {phonenumbers.__version__} is installed.")

ET, CT, MT, PT = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
STATES = {
    "AL": [CT], "AK": ["America/Anchorage", "America/Adak"], "AS": ["Pacific/Pago_Pago"],
    "AZ": ["America/Phoenix", MT], "AR": [CT], "CA": [PT], "CO": [MT], "CT": [ET], "DE": [ET], "DC": [ET],
    "FL": [ET, CT], "GA": [ET], "GU": ["Pacific/Guam"], "HI": ["Pacific/Honolulu"], "ID": [MT, PT], "IL": [CT],
    "IN": [ET, CT], "IA": [CT], "KS": [CT, MT], "KY": [ET, CT], "LA": [CT], "ME": [ET], "MD": [ET], "MA": [ET],
    "MI": [ET, CT], "MN": [CT], "MP": ["Pacific/Guam"], "MS": [CT], "MO": [CT], "MT": [MT], "NE": [CT, MT],
    "NV": [PT, MT], "NH": [ET], "NJ": [ET], "NM": [MT], "NY": [ET], "NC": [ET], "ND": [CT, MT], "OH": [ET],
    "OK": [CT], "OR": [PT, MT], "PA": [ET], "PR": ["America/Puerto_Rico"], "RI": [ET], "SC": [ET], "SD": [CT, MT],
    "TN": [ET, CT], "TX": [CT, MT], "UT": [MT], "VT": [ET], "VA": [ET], "VI": ["America/Puerto_Rico"], "WA": [PT],
    "WV": [ET], "WI": [CT], "WY": [MT],
}

rows = [line.split("\t") for line in ZONE_TAB.read_text().splitlines() if not line.startswith("#")]
order = {row[2]: place for place, row in enumerate(rows)}
countries = collections.defaultdict(list)
for row in rows:
    countries[row[0]].append(row[2])

start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
moments = [start + datetime.timedelta(hours=6 * n) for n in range(4 * 365 * 10)]
seen = {}


def clock(zone):
    """How a zone's clock runs, so that two can be compared."""
    if zone not in seen:
        tz = zoneinfo.ZoneInfo(zone)
        seen[zone] = hash(tuple(moment.astimezone(tz).utcoffset() for moment in moments))
    return seen[zone]


def apart(zones):
    """One zone of each clock, in the order of zone.tab, which starts with where most people live."""
    first = {}
    for zone in sorted(zones, key=lambda zone: order.get(zone, len(order))):
        first.setdefault(clock(zone), zone)
    return " ".join(first.values())


codes = {}
for code, regions in REGIONS.items():
    zones = [zone for region in regions for zone in countries.get(region, [])]
    if code != 1 and zones:
        codes[str(code)] = apart(zones)
areas = collections.defaultdict(set)
for prefix, zones in PREFIXES.items():
    if prefix.startswith("1") and len(prefix) >= 4:
        areas[prefix[:4]].update(zones)
codes |= {area: apart(zones) for area, zones in areas.items()}


def write(name, head, pairs):
    text = "".join(f"{key},{value}\n" for key, value in sorted(pairs))
    (HERE / name).write_text(f"{head}\n{text}")


write("calling-codes.csv", "code,zones", codes.items())
write("countries.csv", "country,zones", ((country, apart(zones)) for country, zones in countries.items()))
write("zone-countries.csv", "zone,country", ((row[2], row[0]) for row in rows))
write("us-states.csv", "state,zones", ((state, " ".join(zones)) for state, zones in STATES.items()))
