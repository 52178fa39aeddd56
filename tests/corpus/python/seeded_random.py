import random

rng = random.Random(20260301)
print([rng.randint(1, 6) for _ in range(10)], round(rng.random(), 12), rng.choice("abcdef"))
deck = [rank + suit for suit in "SHDC" for rank in "23456789TJQKA"]
rng.shuffle(deck)
print(deck[:5], rng.sample(range(1000), 4), rng.choices("xyz", weights=[5, 3, 1], k=8))
print(round(rng.gauss(0, 1), 10), round(rng.uniform(-1, 1), 10), rng.getrandbits(70), rng.randrange(0, 100, 7))
state = rng.getstate()
first = [rng.random() for _ in range(3)]
rng.setstate(state)
print(first == [rng.random() for _ in range(3)])
random.seed("text seed")
inside = sum(random.random() ** 2 + random.random() ** 2 <= 1 for _ in range(20_000))
print(inside, 4 * inside / 20_000, random.Random(b"x").random(), round(rng.betavariate(2, 3), 8))
