import ipaddress
import re
import uuid
from datetime import date


def luhn(number):
    digits = [int(d) for d in re.sub(r"\D", "", number)]
    return bool(digits) and sum(sum(divmod(d * 2, 10)) if i % 2 else d for i, d in enumerate(reversed(digits))) % 10 == 0


def iban(text):
    text = text.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def isbn13(text):
    digits = [int(c) for c in text if c.isdigit()]
    return len(digits) == 13 and sum(d * (1, 3)[i % 2] for i, d in enumerate(digits)) % 10 == 0


print([luhn(n) for n in ("4539 1488 0343 6467", "8273 1232 7352 0569", "")])
print([iban(n) for n in ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "DE00 1234")], isbn13("978-3-16-148410-0"))
for text in ("10.0.0.256", "192.168.1.7", "2001:db8::1", "fe80::1:0:0:9", "127.0.0.1"):
    try:
        address = ipaddress.ip_address(text)
        print(address, address.version, address.is_private, address.is_loopback, int(address) % 1000)
    except ValueError as error:
        print(error)
network = ipaddress.ip_network("10.1.2.0/29")
print(network.netmask, network.num_addresses, [str(host) for host in network.hosts()][-1], ipaddress.ip_address("10.1.2.9") in network)
print([str(net) for net in ipaddress.collapse_addresses([ipaddress.ip_network("10.0.0.0/25"), ipaddress.ip_network("10.0.0.128/25")])])
print(uuid.uuid5(uuid.NAMESPACE_DNS, "example.org"), uuid.UUID(int=5).version, uuid.UUID("{12345678-1234-4678-9234-567812345678}").variant)
rules = {"age": lambda v: 0 <= int(v) < 150, "born": lambda v: date.fromisoformat(v) < date(2026, 1, 1), "email": lambda v: re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", v)}
for form in ({"age": "42", "born": "1984-02-29", "email": "a@b.co"}, {"age": "x", "born": "1983-02-29", "email": "a@b"}):
    wrong = []
    for field, rule in rules.items():
        try:
            ok = bool(rule(form[field]))
        except ValueError:
            ok = False
        wrong += [] if ok else [field]
    print(wrong or "valid")
