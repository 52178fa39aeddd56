from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby


@dataclass(frozen=True)
class Slot:
    start: datetime
    end: datetime

    def __str__(self):
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def slot(text, day=datetime(2026, 3, 2)):
    start, end = (datetime.combine(day, datetime.strptime(part, "%H:%M").time()) for part in text.split("-"))
    return Slot(start, end)


def merge(slots):
    merged = []
    for one in sorted(slots, key=lambda one: one.start):
        if merged and one.start <= merged[-1].end:
            merged[-1] = Slot(merged[-1].start, max(merged[-1].end, one.end))
        else:
            merged.append(one)
    return merged


def free(busy, day, least=timedelta(minutes=30)):
    at, found = day.start, []
    for one in merge(busy):
        if one.start - at >= least:
            found.append(Slot(at, one.start))
        at = max(at, one.end)
    return found + ([Slot(at, day.end)] if day.end - at >= least else [])


busy = [slot(text) for text in ("09:30-10:30", "12:00-13:00", "10:15-11:45", "16:00-17:30", "12:45-13:15")]
print(*merge(busy), "| free:", *free(busy, slot("09:00-18:00")))
print(sum((one.end - one.start for one in merge(busy)), timedelta()))
numbers = [1, 2, 3, 7, 8, 10, 15, 16, 17, 18]
runs = [[n for _, n in group] for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
print(",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs))
print({one for one in busy if one.start.hour < 12} == {busy[0], busy[2]}, hash(busy[0]) == hash(slot("09:30-10:30")))
