import csv
import io
from datetime import date

rows = list(csv.DictReader(open("sales.csv", newline="", encoding="utf-8")))
months = sorted({date.fromisoformat(row["date"]).strftime("%Y-%m") for row in rows})
regions = sorted({row["region"] for row in rows})
pivot = {region: dict.fromkeys(months, 0) for region in regions}
for row in rows:
    pivot[row["region"]][row["date"][:7]] += int(row["units"] or 0)

with open("pivot.csv", "w", newline="") as out:
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(["region", *months, "total"])
    for region in regions:
        counts = [pivot[region][month] for month in months]
        writer.writerow([region, *counts, sum(counts)])
print(open("pivot.csv").read())

text = io.StringIO()
csv.writer(text, delimiter=";", lineterminator="\n").writerows([["a;b", 'q"q'], ["x\ny", None], [1.5, True]])
print(repr(text.getvalue()))
print(csv.Sniffer().sniff("a|b|c\n1|2|3\n4|5|6\n").delimiter)
