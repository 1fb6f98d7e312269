"""AWS's operations as botocore's models have them.

aws_operations.py json SERVICE…   one JSON object: service -> operation -> {"takes", "gives"}: member -> {kind, …}
aws_operations.py lua SERVICE     the text of modules/aws/operations/SERVICE.lua
"""
import json
import sys
import textwrap

import botocore
import botocore.loaders

LOADER = botocore.loaders.Loader()
MOST_WORDS = 25
KINDS = {"integer": "integer", "long": "integer", "double": "number", "float": "number", "boolean": "boolean",
         "timestamp": "time", "blob": "blob", "list": "list", "map": "map", "structure": "table", "string": "string",
         "character": "string", "bigdecimal": "number"}


def members(model, shape_name):
    if shape_name is None:
        return {}
    shape = model["shapes"][shape_name]
    required = shape.get("required", [])
    found = {}
    for name, member in shape.get("members", {}).items():
        target = model["shapes"][member["shape"]]
        found[name] = {"kind": KINDS[target["type"]], "required": name in required,
                       "deprecated": bool(member.get("deprecated")), "words": target.get("enum", [])}
    return found


def read(service):
    model = LOADER.load_service_model(service, "service-2")
    operations = {}
    for name, operation in model["operations"].items():
        operations[name] = {"takes": members(model, operation.get("input", {}).get("shape")),
                            "gives": members(model, operation.get("output", {}).get("shape"))}
    return model, operations


def word(name, member):
    kind = "" if member["kind"] == "string" else ":" + member["kind"]
    return name + kind + ("!" if member["required"] else "")


def described(name, operation):
    takes = sorted(operation["takes"].items(), key=lambda item: not item[1]["required"])  # otherwise as in the model
    text = " ".join([name] + [word(*item) for item in takes])
    if operation["gives"]:
        text += " -> " + " ".join(member + ("" if about["kind"] == "string" else ":" + about["kind"])
                                  for member, about in operation["gives"].items())
    return textwrap.fill(text, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def words_of(operations):
    """The fixed words of parameters; nearly always the same in all operations of a service."""
    sets = {}
    for name, operation in operations.items():
        for member, about in operation["takes"].items():
            if 0 < len(about["words"]) <= MOST_WORDS:
                sets.setdefault(member, {}).setdefault(tuple(about["words"]), []).append(name)
    for member in sorted(sets):
        same = len(sets[member]) == 1
        for words, names in sets[member].items():
            for name in [member] if same else [f"{name}.{member}" for name in names]:
                yield textwrap.fill(f"{name} = " + " ".join(words), 118, subsequent_indent="  ", break_long_words=False,
                                    break_on_hyphens=False)


def lua(service):
    model, operations = read(service)
    about = model["metadata"]
    print(f"--- {about['serviceFullName']}: its operations, what they take (`!`: has to be given) and what they give;")
    print("--- at the end, the words that a parameter may be.")
    print("---")
    print(f"--- Source: botocore {botocore.__version__}, {service}/{about['apiVersion']}; written by `./dev operations`.")
    print("return [[")
    for name in sorted(operations):
        print(described(name, operations[name]))
    for line in words_of(operations):
        print(line)
    print("]]")


if sys.argv[1] == "lua":
    lua(sys.argv[2])
else:
    json.dump({service: read(service)[1] for service in sys.argv[2:]}, sys.stdout)
