"""Checks answers of the simulated AWS against the services' own models, as botocore packages them.

Reads JSON lines {"service", "operation", "output"} and prints one line for each fault: a member that the model does not
know, a value of another type, a value outside an enumeration, a required member that is not there.
"""
import json
import sys

import botocore.loaders

LOADER = botocore.loaders.Loader()
MODELS = {}

# Members that the services have had since Debian 12's models were made, with the model that has them.
NEWER = {
    ("ecs", "Service", "currentServiceDeployment"),  # botocore 1.35.78 and later
    ("ecs", "Service", "currentServiceRevisions"),
    ("ecs", "DeploymentConfiguration", "strategy"),
    ("cloudwatch", "MetricAlarm", "StateTransitionedTimestamp"),  # all below: known to botocore 1.43
    ("codepipeline", "ActionExecutionDetail", "updatedBy"),
    ("codepipeline", "ActionExecutionResult", "errorDetails"),
    ("codepipeline", "PipelineExecution", "executionMode"),
    ("codepipeline", "PipelineExecution", "executionType"),
    ("codepipeline", "PipelineExecution", "trigger"),
    ("codepipeline", "PipelineExecution", "variables"),
    ("codepipeline", "PipelineExecutionSummary", "executionMode"),
    ("codepipeline", "PipelineExecutionSummary", "executionType"),
    ("codepipeline", "StageExecution", "type"),
    ("codepipeline", "StageState", "inboundExecutions"),
}


def model(service):
    if service not in MODELS:
        MODELS[service] = LOADER.load_service_model(service, "service-2")
    return MODELS[service]


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


SCALARS = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "long": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "double": is_number,
    "float": is_number,
    "timestamp": is_number,
    "boolean": lambda v: isinstance(v, bool),
    "blob": lambda v: isinstance(v, str),
}


def check(service, shape_name, value, path, faults):
    shape = model(service)["shapes"][shape_name]
    kind = shape["type"]
    if kind == "structure":
        if not isinstance(value, dict):
            faults.append(f"{path}: {shape_name} is a structure, not {value!r}")
            return
        members = shape.get("members", {})
        for name in shape.get("required", []):
            if name not in value:
                faults.append(f"{path}: {shape_name} lacks {name}")
        for name, held in value.items():
            if name in members:
                check(service, members[name]["shape"], held, f"{path}.{name}", faults)
            elif (service, shape_name, name) not in NEWER:
                faults.append(f"{path}: {shape_name} has no member {name}")
    elif kind == "list":
        if not isinstance(value, list):
            faults.append(f"{path}: {shape_name} is a list, not {value!r}")
            return
        for i, held in enumerate(value):
            check(service, shape["member"]["shape"], held, f"{path}[{i}]", faults)
    elif kind == "map":
        if not isinstance(value, dict):
            faults.append(f"{path}: {shape_name} is a map, not {value!r}")
            return
        for name, held in value.items():
            check(service, shape["key"]["shape"], name, f"{path} key {name}", faults)
            check(service, shape["value"]["shape"], held, f"{path}.{name}", faults)
    elif not SCALARS[kind](value):
        faults.append(f"{path}: {shape_name} is a {kind}, not {value!r}")
    elif "enum" in shape and value not in shape["enum"]:
        faults.append(f"{path}: {shape_name} has no value {value!r}")


def main():
    seen = 0
    for line in sys.stdin:
        answer = json.loads(line)
        service, name = answer["service"], answer["operation"]
        operation = model(service)["operations"].get(name)
        if operation is None:
            print(f"{service} has no operation {name}")
            continue
        seen += 1
        faults = []
        if "output" in operation:
            check(service, operation["output"]["shape"], answer["output"], f"{service}.{name}", faults)
        for fault in faults:
            print(fault)
    print(f"checked {seen}")


main()
