import re
import string
from collections import Counter

text = open("notes.md").read()
prose = re.sub(r"```.*?```", "", text, flags=re.S)
words = re.findall(r"[a-z]+(?:'[a-z]+)?", prose.lower())
stop = {"a", "and", "in", "on", "the", "with", "for"}
counts = Counter(word for word in words if word not in stop)
for word, count in counts.most_common(6):
    print(f"{word:10} {'#' * count} {count}")
print(sum(counts.values()), len(counts))
letters = Counter(filter(str.isalpha, text.lower()))
print("".join(sorted(letters, key=lambda letter: (-letters[letter], letter)))[:12])
print(text.translate(str.maketrans("", "", string.punctuation)).split()[:8])
both = Counter("mississippi") & Counter("missouri")
print(sorted(both.elements()), Counter("abca") - Counter("aab"), Counter(a=1) + Counter(a=-2, b=1))
