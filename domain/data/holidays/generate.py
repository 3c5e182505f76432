"""Writes us-federal.csv: every public federal holiday of the United States, observed days included.

    pip install holidays==0.108
    python3 domain/data/holidays/generate.py

The data are committed, so that a build needs neither Python nor a network. A newer version of the library gives a
newer version of the calendar: raise PINNED, run this again, and review the difference line by line.
"""

import csv
import pathlib
import sys

import holidays

PINNED = "0.108"
FIRST_YEAR, LAST_YEAR = 1990, 2100

if holidays.__version__ != PINNED:
    sys.exit(f"This wants holidays=={PINNED}, and {holidays.__version__} is installed.")

# The library files an observed day under the year it falls in, so 1 January 2101 on a Saturday (observed on
# 31 December 2100) is in the last year already.
days = holidays.country_holidays(
    "US", years=range(FIRST_YEAR, LAST_YEAR + 1), observed=True, categories=(holidays.PUBLIC,), language="en_US"
)

here = pathlib.Path(__file__).parent / "us-federal.csv"
with here.open("w", newline="", encoding="utf-8") as file:
    file.write(f"# us-federal; source: PyPI holidays, country US, PUBLIC; version: {PINNED}; ")
    file.write(f"years: {FIRST_YEAR}-{LAST_YEAR}\n")
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["date", "name"])
    for day, name in sorted(days.items()):
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            # Two holidays on one day are one line: the library joins their names with "; ".
            rows.writerow([day.isoformat(), " and ".join(name.split("; "))])
