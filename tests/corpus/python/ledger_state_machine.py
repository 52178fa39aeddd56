from collections import defaultdict
from enum import Enum
import json


class State(str, Enum):
    OPEN = "open"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


NEXT = {State.OPEN: {State.PAID, State.CANCELLED}, State.PAID: {State.SHIPPED, State.CANCELLED}}


class Order:
    def __init__(self, number):
        self.number, self.state, self.history = number, State.OPEN, []

    def to(self, state):
        if state not in NEXT.get(self.state, ()):
            raise RuntimeError(f"order {self.number}: {self.state.value} cannot become {state.value}")
        self.history.append((self.state.value, state.value))
        self.state = state
        return self


events = """1 paid
2 cancelled
1 shipped
2 paid
3 refunded
1 open"""
orders, errors = {}, []
for line_number, line in enumerate(events.splitlines(), 1):
    number, _, word = line.partition(" ")
    order = orders.setdefault(int(number), Order(int(number)))
    try:
        order.to(State(word))
    except (RuntimeError, ValueError) as error:
        errors.append((line_number, type(error).__name__, str(error)))
print(json.dumps({number: order.history for number, order in orders.items()}))
for error in errors:
    print(error)
accounts = defaultdict(int)
journal = [("cash", "equity", 10_000), ("stock", "cash", 3_250), ("cash", "sales", 999), ("fees", "cash", 12)]
for debit, credit, cents in journal:
    accounts[debit] += cents
    accounts[credit] -= cents
print(sum(accounts.values()), {name: f"{cents / 100:.2f}" for name, cents in sorted(accounts.items())})
print(json.dumps({"state": State.OPEN}), State("paid") == "paid", sorted(State, key=lambda s: s.value)[0].name)
