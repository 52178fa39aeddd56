import calendar
import json
from datetime import date, timedelta

today = date(2026, 3, 1)


def age(born, on):
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def next_birthday(born, on):
    for year in (on.year, on.year + 1):
        day = born.day if (born.month, born.day) != (2, 29) or calendar.isleap(year) else 28
        moment = born.replace(year=year, day=day)
        if moment >= on:
            return moment


for person in sorted(json.load(open("people.json")), key=lambda person: person["born"]):
    born = date.fromisoformat(person["born"])
    upcoming = next_birthday(born, today)
    print(person["name"], age(born, today), upcoming, (upcoming - today).days, born.strftime("%A"), born.isocalendar()[1])
print([year for year in range(1896, 1921) if calendar.isleap(year)], calendar.monthrange(2024, 2)[1])
last = date(2026, 1, 31)
print([last + timedelta(days=30 * n) for n in range(4)])
print(calendar.month(2026, 2))
