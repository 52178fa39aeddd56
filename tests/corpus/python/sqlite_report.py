import csv
import sqlite3

db = sqlite3.connect("shop.db")
db.row_factory = sqlite3.Row
db.executescript("""
    create table sales(day text, region text, product text, units integer, price real);
    create index by_region on sales(region);
""")
with open("sales.csv", newline="", encoding="utf-8") as handle:
    rows = [(r["date"], r["region"], r["product"], r["units"] or None, float(r["price"])) for r in csv.DictReader(handle)]
with db:
    db.executemany("insert into sales values (?, ?, ?, ?, ?)", rows)
query = """
    select region, count(*) as n, sum(units) as units, round(sum(units * price), 2) as worth,
           group_concat(distinct product) as products
    from sales where day between :start and :end group by region having n > 1 order by worth desc
"""
for row in db.execute(query, {"start": "2026-01-01", "end": "2026-03-31"}):
    print(dict(row))
ranked = """select product, units, rank() over (partition by region order by units desc) as place
            from sales where units is not null order by place, product limit 4"""
print([tuple(row) for row in db.execute(ranked)])
print(db.execute("with recursive c(n) as (select 1 union all select n * 2 from c where n < 100) select sum(n) from c").fetchone()[0])
db.create_function("shout", 1, lambda text: text.upper() + "!")
print(db.execute("select shout(product), typeof(units) from sales where units is null").fetchall()[0][:])
try:
    with db:
        db.execute("insert into sales values ('x', 'y', 'z', 1, 2)")
        db.execute("insert into nowhere values (1)")
except sqlite3.OperationalError as error:
    print(error)
print(db.execute("select count(*) from sales").fetchone()[0], db.total_changes)
db.close()
copy = sqlite3.connect("shop.db")
print(copy.execute("select json_extract('{\"a\": [1, 2, {\"b\": 3}]}', '$.a[2].b')").fetchone())
copy.close()
import os
os.remove("shop.db")
