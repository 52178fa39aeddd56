class Connection:
    def __del__(self):
        print("rolled back")


def work():
    connection = Connection()
    raise LookupError("no such row")


kept = Connection()
kept.itself = kept
work()
