import difflib

before = """alpha
beta
gamma
delta
epsilon
""".splitlines(keepends=True)
after = """alpha
beta!
gamma
zeta
delta
""".splitlines(keepends=True)
print("".join(difflib.unified_diff(before, after, "before.txt", "after.txt", n=1)))
print("".join(difflib.ndiff(before[:2], after[:2])))
matcher = difflib.SequenceMatcher(None, "private Thread currentThread;", "private volatile Thread currentThread;")
print(round(matcher.ratio(), 6))
for tag, i1, i2, j1, j2 in matcher.get_opcodes():
    print(f"{tag:8} a[{i1}:{i2}] b[{j1}:{j2}]")
print(difflib.get_close_matches("appel", ["ape", "apple", "peach", "puppy"]), difflib.get_close_matches("xyz", ["abc"]))
print(list(difflib.context_diff(["a\n"], ["b\n"], lineterm="\n"))[2:])
