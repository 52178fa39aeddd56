import pathlib

with open("log.txt", "a+") as log:
    log.write("one\n")
    log.seek(0)
    print(log.read(), log.tell(), log.mode)
    log.write("two\n")
    log.seek(2)
    print(repr(log.read()), log.tell())
with pathlib.Path("log.txt").open("ab+") as log:
    print(log.tell(), log.seek(0), log.read(3), log.tell(), log.name, log.mode)
    log.seek(0)
    log.write(b"three")
    log.flush()
    print(log.tell(), log.seek(0), log.read())
with open("log.txt", "a+", buffering=1) as log:
    for word in ("x", "y"):
        print(word, file=log)
    log.seek(0)
    print(list(log), log.encoding.lower())
try:
    open("folder/that/is/not/there", "a+")
except FileNotFoundError as error:
    print(error.filename)
