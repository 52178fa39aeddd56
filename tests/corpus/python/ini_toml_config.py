import configparser
import tomllib

ini = configparser.ConfigParser()
ini.read("settings.ini")
print(ini.sections(), dict(ini["server"]))
print(ini.getint("server", "port"), ini.getboolean("feature.flags", "beta"), ini["feature.flags"].getboolean("old"))
print(ini.get("server", "nope", fallback="none"), ini["server"]["paths"].split(), ini.has_option("server", "retries"))
try:
    ini.get("ghost", "x")
except configparser.NoSectionError as error:
    print(error)
ini["new"] = {"a": "1", "b": "%%d"}
with open("out.ini", "w") as out:
    ini.write(out)
print(open("out.ini").read().splitlines()[-4:])
with open("config.toml", "rb") as handle:
    config = tomllib.load(handle)
print(config)
try:
    tomllib.loads("a = 1\na = 2")
except tomllib.TOMLDecodeError as error:
    print("TOMLDecodeError", "line 2" in str(error))


def merge(base, extra):
    return {key: merge(base[key], extra[key]) if isinstance(base.get(key), dict) and isinstance(extra.get(key), dict) else
            extra.get(key, base.get(key)) for key in base | extra}


print(merge({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}, "c": None}))
