import os
import zipfile

gone = []


class Resource:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        gone.append(self.name)
        print("closed", self.name, os.path.basename("/a/b"), len(gone))


def numbers():
    try:
        yield 1
    finally:
        print("the generator is closed")


archive = zipfile.ZipFile("left_open.zip", "w")
archive.writestr(zipfile.ZipInfo("a.txt"), "text")
first, second = Resource("first"), Resource("second")
running = numbers()
next(running)
held = {"kept": [Resource("in a list in a dict")]}
Resource("at once")
print("the last line")
