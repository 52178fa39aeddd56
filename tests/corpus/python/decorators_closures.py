import functools
import time


def retry(times, *, on=Exception):
    def wrap(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            for attempt in range(1, times + 1):
                try:
                    return function(*args, **kwargs)
                except on as error:
                    inner.failures.append(str(error))
                    if attempt == times:
                        raise
        inner.failures = []
        return inner
    return wrap


class counted:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function, self.calls = function, 0

    def __call__(self, *args):
        self.calls += 1
        return self.function(*args)


state = {"left": 2}


@retry(3, on=ValueError)
def shaky(x):
    """Doc of shaky."""
    if state["left"]:
        state["left"] -= 1
        raise ValueError(f"left {state['left']}")
    return x * 2


@counted
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


print(shaky(21), shaky.failures, shaky.__name__, shaky.__doc__)
print(fib(15), fib.calls, fib.__wrapped__.__name__)
adders = [lambda x, n=n: x + n for n in range(3)]
late = [lambda: n for n in range(3)]
print([add(10) for add in adders], [f() for f in late])


def counter():
    count = 0

    def step(by=1):
        nonlocal count
        count += by
        return count

    return step


step = counter()
print(step(), step(5), step.__closure__[0].cell_contents)
double = functools.partial(pow, exp=2)
print(double(7), functools.reduce(lambda a, b: f"({a}{b})", "abcd"))
compose = lambda *fs: functools.reduce(lambda f, g: lambda x: f(g(x)), fs)
print(compose(str, abs, int)("-12"), time.perf_counter() <= time.perf_counter())
