import operator
import re

TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][-+]?\d+)?)|(\*\*|//|[-+*/%()]))")
BINARY = {"+": (1, operator.add), "-": (1, operator.sub), "*": (2, operator.mul), "/": (2, operator.truediv),
          "//": (2, operator.floordiv), "%": (2, operator.mod), "**": (4, operator.pow)}


def tokens(text):
    at = 0
    while at < len(text.rstrip()):
        match = TOKEN.match(text, at)
        if not match:
            raise SyntaxError(f"unexpected {text[at:].strip()[0]!r} at {at}")
        number, sign = match.groups()
        yield float(number) if number and re.search("[.eE]", number) else int(number) if number else sign
        at = match.end()
    yield None


class Parser:
    def __init__(self, text):
        self.stream = tokens(text)
        self.now = next(self.stream)

    def take(self):
        found, self.now = self.now, next(self.stream, None)
        return found

    def expression(self, floor=0):
        left = self.unary()
        while self.now in BINARY and BINARY[self.now][0] > floor:
            rank, act = BINARY[self.now]
            self.take()
            left = act(left, self.expression(rank - 1 if act is operator.pow else rank))
        return left

    def unary(self):
        token = self.take()
        if token == "-":
            return -self.expression(3)
        if token == "(":
            inside = self.expression()
            if self.take() != ")":
                raise SyntaxError("missing )")
            return inside
        if isinstance(token, (int, float)):
            return token
        raise SyntaxError(f"unexpected {token!r}")


for text in ["1 + 2 * 3", "(1 + 2) * 3", "2 ** 3 ** 2", "-2 ** 2", "7 // 2 - 7 % -3", "1e3 / 8", "2 * (3", "4 $ 4", "1 / 0"]:
    try:
        print(text, "=", Parser(text).expression())
    except (SyntaxError, ZeroDivisionError) as error:
        print(text, "!", type(error).__name__, error)
