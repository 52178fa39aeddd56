from datetime import datetime, date
import re

FORMATS = ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%B %d, %Y", "%d %b %Y %H:%M", "%Y%m%dT%H%M%S", "%A, %d %B %Y", "%G-W%V-%u"]


def parse(text):
    cleaned = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text.strip())
    for pattern in FORMATS:
        try:
            return datetime.strptime(cleaned, pattern), pattern
        except ValueError:
            pass
    return None, None


for text in ["2026-02-30", "2026-02-28", "7.12.1999", "12/31/68", "12/31/69", "March 3rd, 2024", " 05 Nov 2021 17:45 ",
             "20260101T235959", "Thursday, 01 January 2026", "2026-W01-4", "yesterday"]:
    moment, pattern = parse(text)
    print(f"{text!r:30} -> {moment.isoformat(sep=' ') if moment else None} ({pattern})")
quarter = lambda day: f"{day.year}Q{(day.month - 1) // 3 + 1}"
print([quarter(date(2026, month, 1)) for month in range(1, 13, 2)])
print(date.max - date.min, datetime(2026, 1, 1).timetuple().tm_yday, date.fromordinal(738_000))
