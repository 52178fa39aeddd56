"""Makes one core module of the many in a component that was linked dynamically, and the same component around that.

componentize-py leaves a module for each library (C's, Python's, its own) and binds them when an instance is made: a dozen
instances, thousands of table entries, calls from one to another through both. What is imported from whom is fixed once the
component is, so binaryen merges the modules and computes with what is then known. Only the two small modules stay apart by
which a component ties the knot between its memory and the functions of the host that need it.
"""

import pathlib
import tempfile

from toolbox import BINARYEN, npm, run

# The table of that knot: who exports it comes before the memory is there, and who imports it after.
KNOT = "$imports"
# Found by name in the module that exports it: what lets go of streams and folders (src/engine/intake/doors).
LET_GO = ["__wasilibc_reset_preopens", "reset_adapter_state"]
FUNCTION, TABLE, MEMORY, GLOBAL = range(4)
INSTANCE = 0x12
LIFT, LOWER, NEW, DROP, REP = range(5)
# Options of a lift or lowering that name something: a memory, or a function.
NAMED = {3: MEMORY, 4: FUNCTION, 5: FUNCTION}


class Reader:
    def __init__(self, data, at=0, end=None):
        self.data, self.at, self.end = data, at, len(data) if end is None else end

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def name(self):
        length = self.number()
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def many(self, one):
        return [one(self) for _ in range(self.number())]

    def raw(self, one):
        start = self.at
        one(self)
        return self.data[start:self.at]

    def sections(self):
        """Each section's number and a reader of what is in it."""
        self.at += 8
        while self.at < self.end:
            number, length = self.byte(), self.number()
            yield number, Reader(self.data, self.at, self.at + length)
            self.at += length

    def rest(self):
        return self.data[self.at:self.end]


def number(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def name(text):
    return number(len(text.encode())) + text.encode()


def many(items):
    return number(len(items)) + b"".join(items)


def section(kind, body):
    return bytes([kind]) + number(len(body)) + body


# Core modules.


def import_kind(reader):
    kind = reader.byte()
    if kind == TABLE:
        reader.byte()
    if kind in (TABLE, MEMORY):
        for _ in range(1 + (reader.byte() & 1)):
            reader.number()
    elif kind == FUNCTION:
        reader.number()
    elif kind == GLOBAL:
        reader.at += 2
    else:
        raise ValueError(f"an import of kind {kind}")


def one_import(reader):
    return reader.name(), reader.name(), reader.raw(import_kind)


def one_export(reader):
    return reader.name(), reader.byte(), reader.number()


def imports(module):
    """Module, name and the rest, of each import."""
    for kind, body in Reader(module).sections():
        if kind == 2:
            return body.many(one_import)
    return []


def exports(module):
    """Name, kind and index, of each export."""
    for kind, body in Reader(module).sections():
        if kind == 7:
            return body.many(one_export)
    return []


def renamed(module, imported, exported):
    """The module with other names: `imported` of module and name gives both, `exported` of a name another or none."""
    out = bytearray(module[:8])
    for kind, body in Reader(module).sections():
        if kind == 2:
            pairs = [(imported(of, field), rest) for of, field, rest in body.many(one_import)]
            out += section(2, many([name(of) + name(field) + rest for (of, field), rest in pairs]))
        elif kind == 7:
            kept = [(exported(field), of, index) for field, of, index in body.many(one_export)]
            out += section(7, many([name(field) + bytes([of]) + number(index) for field, of, index in kept if field]))
        else:
            out += section(kind, body.rest())
    return bytes(out)


# The component.


class Parts:
    """What a component is made of: its core modules and instances, and in order all else."""

    def __init__(self, component):
        self.modules = []
        # Of each core instance: its module and what is given to it, or the names that it gathers.
        self.instances = []
        # Of each core item, by kind: the export of an instance, or the canonical function that makes it.
        self.items = [[], [], [], []]
        # Sections as they are, canonical functions, and marks of where core modules and instances were.
        self.order = []
        self.head = component[:8]
        for kind, body in Reader(component).sections():
            whole = section(kind, body.rest())
            if kind == 1:
                self.modules.append(body.rest())
            elif kind == 2:
                self.instances += body.many(self.instance)
            elif kind == 6:
                body.many(self.alias)
            elif kind == 8:
                body.many(self.canonical)
            elif kind == 3:
                raise ValueError("core types are not expected")
            elif kind == 0 and body.name() == "component-name":
                # It names things by numbers that are others now.
                continue
            else:
                self.order.append(("section", whole))

    def instance(self, reader):
        if reader.byte() == 0:
            module = reader.number()
            return module, dict(reader.many(lambda r: (r.name(), (r.byte(), r.number())[1])))
        return None, dict(reader.many(lambda r: (r.name(), self.items[r.byte()][r.number()])))

    def alias(self, reader):
        def whole(reader):
            sort = reader.byte()
            core = reader.byte() if sort == 0 else None
            target = reader.byte()
            if target == 1:
                self.items[core].append(("export", reader.number(), reader.name(), core))
                return
            if core is not None:
                raise ValueError("an alias that is not expected")
            reader.number()
            reader.number() if target == 2 else reader.name()

        before = [len(items) for items in self.items]
        alias = reader.raw(whole)
        if before == [len(items) for items in self.items]:
            self.order.append(("section", section(6, many([alias]))))

    def canonical(self, reader):
        kind = reader.byte()
        if kind in (LIFT, LOWER):
            reader.byte()
            made = (kind, reader.number(), reader.many(option), reader.number() if kind == LIFT else None)
        elif kind in (NEW, DROP, REP):
            made = (kind, reader.number(), [], None)
        else:
            raise ValueError(f"a canonical function of kind {kind}")
        if kind == LIFT:
            made = (kind, self.items[FUNCTION][made[1]], *made[2:])
        else:
            self.items[FUNCTION].append(("canonical", len(self.order), None, FUNCTION))
        named = [(code, self.items[NAMED[code]][index] if code in NAMED else None) for code, index in made[2]]
        self.order.append(("canonical", (kind, made[1], named, made[3])))

    def found(self, item):
        """Where an item really comes from: a module's export, or a canonical function."""
        while item[0] == "export":
            module, given = self.instances[item[1]]
            if module is not None:
                return ("module", module, item[2], item[3])
            item = given[item[2]]
        return item


def option(reader):
    code = reader.byte()
    if code > 5:
        raise ValueError(f"an option {code}")
    return code, reader.number() if code in NAMED else None


class Knot:
    """Writes the component around the merged module: what it imports first, itself, and what needs it last."""

    def __init__(self, parts):
        self.parts = parts
        has_knot = [any(KNOT == field for field, *_ in exports(module)) for module in parts.modules]
        uses_knot = [any(KNOT == field for _, field, _ in imports(module)) for module in parts.modules]
        self.first, self.last = has_knot.index(True), uses_knot.index(True)
        self.merged = [at for at in range(len(parts.modules)) if at not in (self.first, self.last)]
        self.args = {module: given for module, given in parts.instances if module is not None}
        if len(self.args) != sum(module is not None for module, _ in parts.instances):
            raise ValueError("a module is instantiated twice")
        self.hosted = []
        self.kept = {}

    def target(self, module, of, field, rest):
        """What an import of a module is, in the end."""
        return self.parts.found(("export", self.args[module][of], field, rest[0]))

    def merge(self):
        """One core module, of which nothing is exported but what the component needs."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            files = []
            for module in self.merged:
                body = self.parts.modules[module]
                targets = {(of, field): self.target(module, of, field, rest) for of, field, rest in imports(body)}
                file = folder / f"{module}.wasm"
                changed = renamed(body, lambda *of: self.imported(targets[of]), lambda field: f"{module}:{field}")
                file.write_bytes(changed)
                files += [str(file), f"m{module}"]
            self.keep_all()
            binaryen("wasm-merge", "--no-validation", *files, "-o", str(folder / "all.wasm"))
            only = renamed((folder / "all.wasm").read_bytes(), lambda of, field: (of, field), self.kept.get)
            (folder / "only.wasm").write_bytes(only)
            binaryen("wasm-opt", *OPTIMISE, str(folder / "only.wasm"), "-o", str(folder / "optimised.wasm"))
            return (folder / "optimised.wasm").read_bytes()

    def imported(self, target):
        kind, module, field, _ = target
        if kind == "module" and module in self.merged:
            return f"m{module}", f"{module}:{field}"
        if target not in self.hosted:
            self.hosted.append(target)
        return "host", str(self.hosted.index(target))

    def keep_all(self):
        """Names for what is asked of the merged module from outside."""
        asked = [self.target(self.last, *entry) for entry in imports(self.parts.modules[self.last])]
        for what, canonical in self.parts.order:
            if what == "canonical":
                kind, of, named, _ = canonical
                asked += [self.parts.found(item) for _, item in named if item]
                asked += [self.parts.found(of)] if kind == LIFT else []
        for module in self.merged:
            asked += [("module", module, field, kind) for field, kind, _ in exports(self.parts.modules[module]) if field in LET_GO]
        for kind, module, field, _ in asked:
            if kind == "module" and module in self.merged:
                long = f"{module}:{field}"
                if long not in self.kept:
                    self.kept[long] = long if field in self.kept.values() else field

    def write(self, merged):
        return Writer(self, merged).written()


class Writer:
    """The new component: the instances are the knot's first, what is gathered from the host, the merged one, what the knot's
    last is given, and that itself."""

    FIRST, HOST, MERGED, NEEDS, LAST = range(5)

    def __init__(self, knot, merged):
        self.knot, self.parts, self.merged = knot, knot.parts, merged
        self.out = bytearray(self.parts.head)
        self.counts = [0, 0, 0, 0]
        self.places = {}

    def written(self):
        order = self.parts.order
        made = [at for at, (what, body) in enumerate(order) if what == "canonical" and body[0] != LIFT]
        late = []
        for at, (what, body) in enumerate(order):
            if at == made[0]:
                modules = [self.parts.modules[self.knot.first], self.merged, self.parts.modules[self.knot.last]]
                self.out += b"".join(section(1, module) for module in modules)
                self.instantiate(0, [])
            if what == "section":
                self.out += body
            elif body[0] != LIFT and any(item for _, item in body[2]):
                # It works with a memory, which is not there before the merged module is.
                late.append((at, body))
            else:
                self.canonical(at, *body)
            if at == made[-1]:
                self.tie(late)
        return bytes(self.out)

    def tie(self, late):
        self.gather([(str(at), target[3], target) for at, target in enumerate(self.knot.hosted)])
        self.instantiate(1, [("host", self.HOST)])
        for at, body in late:
            self.canonical(at, *body)
        last = self.knot.last
        needs = imports(self.parts.modules[last])
        self.gather([(field, rest[0], self.knot.target(last, of, field, rest)) for of, field, rest in needs])
        self.instantiate(2, [(next(iter(self.knot.args[last])), self.NEEDS)])

    def instantiate(self, module, args):
        pairs = [name(field) + bytes([INSTANCE]) + number(instance) for field, instance in args]
        self.out += section(2, many([b"\x00" + number(module) + many(pairs)]))

    def gather(self, items):
        """An instance of what there is already."""
        named = [name(field) + bytes([kind]) + number(self.place(item)) for field, kind, item in items]
        self.out += section(2, many([b"\x01" + many(named)]))

    def place(self, item):
        """Where an item of the old component is in the new one; an alias is made when it is first asked for."""
        found = self.parts.found(item)
        if found not in self.places:
            _, module, field, kind = found
            first = module == self.knot.first
            instance, field = (self.FIRST, field) if first else (self.MERGED, self.knot.kept[f"{module}:{field}"])
            self.out += section(6, many([bytes([0, kind, 1]) + number(instance) + name(field)]))
            self.add(found, kind)
        return self.places[found]

    def add(self, found, kind):
        self.places[found] = self.counts[kind]
        self.counts[kind] += 1

    def canonical(self, at, kind, of, named, ty):
        options = many([bytes([code]) + (number(self.place(item)) if item else b"") for code, item in named])
        if kind == LIFT:
            body = bytes([LIFT, 0]) + number(self.place(of)) + options + number(ty)
        elif kind == LOWER:
            body = bytes([LOWER, 0]) + number(of) + options
        else:
            body = bytes([kind]) + number(of)
        self.out += section(8, many([body]))
        if kind != LIFT:
            self.add(("canonical", at, None, FUNCTION), FUNCTION)


# What the code of the guests may use.
FEATURES = """
bulk-memory bulk-memory-opt extended-const sign-ext mutable-globals nontrapping-float-to-int multivalue reference-types simd
""".split()
# An address that is computed from what another module says is no constant to the validator before it was computed. Wasmtime
# validates what comes out. More passes cost minutes; the compiler does by itself what they do inside of a function.
OPTIMISE = ["--no-validation", "--simplify-globals", "--directize", "--remove-unused-module-elements"]


def binaryen(tool, *args):
    folder = npm(f"binaryen-{BINARYEN}", f"binaryen@{BINARYEN}")
    features = [f"--enable-{feature}" for feature in FEATURES]
    return run(["node", "--max-old-space-size=8192", str(folder / "node_modules" / "binaryen" / "bin" / tool), *features, *args])


def merge(component, result, changed=lambda modules: modules):
    """Merges the modules of one component to another; `changed` is what becomes of them before."""
    parts = Parts(component.read_bytes())
    parts.modules = changed(parts.modules)
    knot = Knot(parts)
    result.write_bytes(knot.write(knot.merge()))
