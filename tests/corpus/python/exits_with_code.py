import atexit
import sys

problems = []
for number, line in enumerate(open("access.log"), 1):
    if " 500 " in line or "damaged" in line:
        problems.append(f"line {number}: {line.split('[')[0].strip()}")
print("\n".join(problems))
try:
    if problems:
        sys.exit(3)
finally:
    print("cleaning up")
