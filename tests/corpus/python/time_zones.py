from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

meeting = datetime(2026, 3, 27, 15, 0, tzinfo=ZoneInfo("America/New_York"))
for name in ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland"):
    local = meeting.astimezone(ZoneInfo(name))
    print(f"{name:20} {local.isoformat()} {local.tzname()} {local.utcoffset()} dst={local.dst()}")

berlin = ZoneInfo("Europe/Berlin")
before = datetime(2026, 10, 25, 1, 30, tzinfo=berlin)
for hours in range(4):
    moment = (before.astimezone(timezone.utc) + timedelta(hours=hours)).astimezone(berlin)
    print(moment, moment.fold)
gap = datetime(2026, 3, 29, 2, 30, tzinfo=berlin)
print(gap.astimezone(timezone.utc).astimezone(berlin))
print(datetime.fromtimestamp(0, timezone.utc), datetime(2038, 1, 19, 3, 14, 8, tzinfo=timezone.utc).timestamp())
try:
    ZoneInfo("Mars/Olympus")
except Exception as error:
    print(type(error).__name__)
