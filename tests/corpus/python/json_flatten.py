import json


def flatten(value, prefix=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{prefix}.{key}" if prefix else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{prefix}[{index}]")
    else:
        yield prefix, value


people = json.load(open("people.json", encoding="utf-8"))
for key, value in flatten(people):
    print(f"{key} = {value!r}")
print(json.dumps(people[2], ensure_ascii=True, sort_keys=True, separators=(",", ":")))
print(json.dumps({"nan": float("nan"), "big": 2**70, "tiny": 1e-7, "float": 0.1 + 0.2, "nested": [[], {}]}, indent=1))
