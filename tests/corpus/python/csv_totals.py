import csv
from collections import defaultdict
from decimal import Decimal

totals = defaultdict(Decimal)
skipped = 0
with open("sales.csv", newline="", encoding="utf-8") as handle:
    for row in csv.DictReader(handle):
        if not row["units"]:
            skipped += 1
            continue
        totals[row["region"], row["product"]] += int(row["units"]) * Decimal(row["price"])

for (region, product), total in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
    print(f"{region:<6} {product:<8} {total:>10,.2f}")
print("skipped:", skipped, "sum:", sum(totals.values()))
