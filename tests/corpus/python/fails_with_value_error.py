import json


def load(path):
    with open(path) as handle:
        return json.load(handle)


def total(people):
    return sum(int(person["address"]["zip"]) for person in people if person["address"])


people = load("people.json")
print("loaded", len(people))
print(total([person for person in people if person["id"] == 7]))
raise ValueError(f"no zip for {people[2]['name']}")
