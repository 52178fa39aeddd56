from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation, getcontext, localcontext

CENT = Decimal("0.01")
lines = [("widget", 3, "19.995"), ("gadget", 7, "0.333"), ("gizmo", 1, "1E+2")]
net = Decimal()
for name, units, price in lines:
    amount = (units * Decimal(price)).quantize(CENT, ROUND_HALF_UP)
    net += amount
    print(f"{name:8}{units:>3} x {Decimal(price):>10} = {amount:>9}")
tax = (net * Decimal("0.19")).quantize(CENT, ROUND_HALF_EVEN)
print("net", net, "tax", tax, "total", net + tax)
print([Decimal(text).quantize(Decimal("1"), ROUND_HALF_EVEN) for text in ("0.5", "1.5", "2.5", "-2.5")])
with localcontext() as context:
    context.prec = 40
    print(Decimal(2).sqrt(), Decimal(1) / Decimal(7))
print(Decimal("1.10") == Decimal("1.1"), Decimal("1.10").as_tuple(), Decimal(0.1), getcontext().prec)
print(Decimal("1234567.891").normalize().to_eng_string(), f"{Decimal('1234567.891'):,.1f}", Decimal("NaN").is_nan())
share, parts = divmod(int(net / CENT), 3)
print([share + (index < parts) for index in range(3)])
try:
    Decimal("12,5")
except InvalidOperation as error:
    print("invalid", type(error).__name__)
