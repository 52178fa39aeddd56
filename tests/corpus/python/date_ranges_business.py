from collections import Counter
from datetime import date, datetime, time, timedelta
import calendar

HOLIDAYS = {date(2026, 1, 1), date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1), date(2026, 12, 25)}


def days(start, end):
    return (start + timedelta(days=n) for n in range((end - start).days + 1))


def workdays(start, end):
    return sum(day.weekday() < 5 and day not in HOLIDAYS for day in days(start, end))


def add_workdays(day, count):
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5 and day not in HOLIDAYS
    return day


def add_months(day, months):
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def easter(year):
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    l = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    month, day = divmod(h + l - 7 * ((a + 11 * h + 22 * l) // 451) + 114, 31)
    return date(year, month, day + 1)


print(workdays(date(2026, 4, 1), date(2026, 4, 30)), add_workdays(date(2026, 4, 2), 3), easter(2026))
print([add_months(date(2026, 1, 31), n).isoformat() for n in (1, 2, 13, -2)])
print(Counter(date(year, month, 13).strftime("%a") for year in range(2000, 2028) for month in range(1, 13)).most_common())
third_friday = [week[4] for week in calendar.monthcalendar(2026, 6) if week[4]][2]
print(third_friday, datetime.combine(date(2026, 6, third_friday), time(9, 30)).strftime("%c"), date(2026, 12, 31).isocalendar())
delta = datetime(2026, 3, 1, 12) - datetime(2025, 12, 24, 18, 30, 15)
hours, rest = divmod(delta.seconds, 3600)
print(delta, f"{delta.days}d {hours}h {rest // 60}m {rest % 60}s", delta.total_seconds(), abs(-delta) == delta, delta // timedelta(weeks=1))
