import re
from collections import Counter

LINE = re.compile(
    r"""^(?P<ip>\d{1,3}(?:\.\d{1,3}){3})\s-\s(?P<user>\S+)\s
        \[(?P<when>[^\]]+)\]\s"(?P<method>[A-Z]+)\s(?P<path>[^\s"?]+)(?:\?(?P<query>\S*))?\sHTTP/[\d.]+"\s
        (?P<status>\d{3})\s(?P<size>\d+|-)""",
    re.VERBOSE,
)
statuses, sizes, bad = Counter(), Counter(), []
for number, line in enumerate(open("access.log"), start=1):
    match = LINE.match(line)
    if match is None:
        bad.append(number)
        continue
    found = match.groupdict()
    statuses[found["status"][0] + "xx"] += 1
    sizes[found["ip"]] += 0 if found["size"] == "-" else int(found["size"])
    if found["query"]:
        print(found["path"], sorted(part.split("=") for part in found["query"].split("&")))
print(dict(sorted(statuses.items())), sizes.most_common(2), "unparsed lines:", bad)
