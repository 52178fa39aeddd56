from datetime import datetime, timedelta, timezone
from itertools import groupby
import re

stamps = [
    datetime.strptime(found, "%d/%b/%Y:%H:%M:%S %z")
    for found in re.findall(r"\[([^\]]+)\]", open("access.log").read())
]


def bucket(moment, minutes=30):
    start = moment.replace(minute=0, second=0)
    return start + timedelta(minutes=(moment.minute // minutes) * minutes)


for start, group in groupby(stamps, key=bucket):
    print(start.isoformat(), len(list(group)))
gaps = [later - earlier for earlier, later in zip(stamps, stamps[1:])]
print("longest gap", max(gaps), "mean", sum(gaps, timedelta()) / len(gaps))
print(stamps[0].astimezone(timezone(timedelta(hours=5, minutes=30), "IST")).strftime("%a %d %b %Y %I:%M %p %Z"))
