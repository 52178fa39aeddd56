import argparse
import shlex

parser = argparse.ArgumentParser(prog="tool", exit_on_error=False)
parser.add_argument("-v", "--verbose", action="count", default=0)
parser.add_argument("--size", type=int, default=10, metavar="N")
parser.add_argument("--mode", choices=["fast", "slow"], default="fast")
commands = parser.add_subparsers(dest="command", required=True)
add = commands.add_parser("add")
add.add_argument("names", nargs="+")
add.add_argument("--tag", action="append", default=[])
add.add_argument("--no-color", dest="color", action="store_false")
commands.add_parser("list").add_argument("--since", type=lambda text: tuple(map(int, text.split("-"))))

for line in ["add 'two words' x --tag a --tag=b", "-vv --size 3 list --since 2026-01-31", "--mode slow add --no-color y"]:
    print(sorted(vars(parser.parse_args(shlex.split(line))).items()))
for line in ["--size ten list", "--mode medium list"]:
    try:
        parser.parse_args(shlex.split(line))
    except argparse.ArgumentError as error:
        print("refused:", error.argument_name)
print(shlex.quote("it's"), shlex.join(["a b", "c"]), shlex.split('x "y z" # no', comments=True))
try:
    parser.parse_args(["--help"])
except SystemExit as error:
    print("exit", error.code)
