"""The CRD is written by hand: these tests hold it against the models, which read what it lets through."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel

from tokensync.duration import LONGEST, parse_duration, show_duration
from tokensync.errors import Reason
from tokensync.resource import names
from tokensync.resource.credential import CertificateCredential, ClientSecretCredential
from tokensync.resource.spec import RENEW_REQUEST_LENGTH, Renewal, Spec
from tokensync.resource.status import SCOPE_LENGTH, ConditionType, Status
from tokensync.resource.target import DEFAULT_DATA, Target

Schema = dict[str, Any]

TEXT = (Path(__file__).parents[2] / "crds" / "clientcredentialtokens.tokensync.dev.yaml").read_text()
CRD: Schema = yaml.safe_load(TEXT)
(VERSION,) = CRD["spec"]["versions"]
ROOT: Schema = VERSION["schema"]["openAPIV3Schema"]
SPEC: Schema = ROOT["properties"]["spec"]
STATUS: Schema = ROOT["properties"]["status"]

UNIONS = (
    "provider",
    "credential",
    "target.format",
    *(f"provider.{kind}.caBundleRef" for kind in ("entra", "oidc", "oauth2")),
)
"""Where exactly one member is set."""

HALVES = pytest.mark.parametrize(("schema", "model"), [(SPEC, Spec), (STATUS, Status)], ids=["spec", "status"])


def below(schema: Schema, path: str = "") -> dict[str, Schema]:
    """Every schema inside one, by its path; `[]` stands for the members of a list, `{}` for the values of a map."""
    children = {f"{path}.{name}".lstrip("."): child for name, child in schema.get("properties", {}).items()}
    if "items" in schema:
        children[f"{path}[]"] = schema["items"]
    if isinstance(schema.get("additionalProperties"), dict):
        children[f"{path}{{}}"] = schema["additionalProperties"]
    return children | {key: value for name, child in children.items() for key, value in below(child, name).items()}


def required(schema: Schema) -> set[str]:
    """The members that an object must have."""
    return set(schema.get("required", []))


def inlined(node: Schema, definitions: Schema) -> Schema:
    """A JSON schema of Pydantic's without references, and without the `null` of optional fields."""
    if "$ref" in node:
        return inlined(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in node:
        (only,) = [option for option in node["anyOf"] if option.get("type") != "null"]
        return inlined(only, definitions)
    inner = {
        key: inlined(node[key], definitions)
        for key in ("items", "additionalProperties")
        if isinstance(node.get(key), dict)
    }
    return (
        node
        | inner
        | {"properties": {name: inlined(child, definitions) for name, child in node.get("properties", {}).items()}}
    )


def schema_of(model: type[BaseModel]) -> Schema:
    """What a model reads, as a schema of the CRD's form."""
    schema = model.model_json_schema(by_alias=True)
    return inlined(schema, schema.get("$defs", {}))


def example(schema: Schema) -> Any:
    """A value that a model's schema allows, with every field set and every free text far too long."""
    match schema["type"]:
        case "object":
            return {name: example(child) for name, child in schema["properties"].items()}
        case "array":
            return [example(schema["items"])]
        case "integer":
            return 1
    if "enum" in schema:
        return schema["enum"][0]
    return "2026-11-23T13:45:00Z" if schema.get("format") == "date-time" else "x" * 100_000


def texts(value: Any, path: str = "") -> dict[str, str]:
    """Every text inside a value, by the path that `below` gives to its schema."""
    match value:
        case dict():
            inner = [texts(child, f"{path}.{name}".lstrip(".")) for name, child in value.items()]
        case list():
            inner = [texts(child, f"{path}[]") for child in value]
        case _:
            return {path: value} if isinstance(value, str) else {}
    return {key: text for part in inner for key, text in part.items()}


def rule_pattern(schema: Schema) -> str:
    """The regular expression in a schema's only rule."""
    (rule,) = schema["x-kubernetes-validations"]
    found = re.search(r"matches\('(.+?)'\)", rule["rule"])
    assert found, rule
    return found[1]


def names_and_keys() -> tuple[list[str], list[str]]:
    """The paths of what names another object, and of what names one of its keys."""
    references = [path for path, field in below(SPEC).items() if field.get("x-kubernetes-map-type") == "atomic"]
    named = [f"{path}.name" for path in references]
    keys = [path for path in below(SPEC) if path.startswith("credential.certificate.") and path.endswith("Key")]
    return [*named, "credential.serviceAccount.name"], [
        *keys,
        *(f"{path}.key" for path in references if "key" in below(SPEC)[path]["properties"]),
    ]


OBJECT_NAMES, KEYS = names_and_keys()


def test_names_are_those_the_operator_uses() -> None:
    """Group, version, kind and plural are the ones that the operator watches and writes."""
    spec = CRD["spec"]
    assert (spec["group"], VERSION["name"], spec["names"]["kind"], spec["names"]["plural"]) == (
        names.GROUP,
        names.VERSION,
        names.KIND,
        names.PLURAL,
    )
    assert CRD["metadata"]["name"] == f"{names.PLURAL}.{names.GROUP}"


def test_file_is_plain_yaml() -> None:
    """Nothing in the file needs a YAML reader that knows anchors."""
    assert not [token for token in yaml.scan(TEXT) if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]


@HALVES
def test_fields_are_those_of_the_model(schema: Schema, model: type[BaseModel]) -> None:
    """Every field of the schema is read, and no model waits for a field that the schema would drop."""
    assert below(schema).keys() == below(schema_of(model)).keys()


@HALVES
def test_types_are_those_of_the_model(schema: Schema, model: type[BaseModel]) -> None:
    """A field has the same JSON type on both sides."""
    expected = below(schema_of(model))
    assert {path: field["type"] for path, field in below(schema).items()} == {
        path: field["type"] for path, field in expected.items()
    }


@HALVES
def test_required_fields_are_those_of_the_model(schema: Schema, model: type[BaseModel]) -> None:
    """What the schema lets be left out has a default in the model, and nothing else has."""
    expected = schema_of(model)
    assert required(schema) == required(expected)
    read = below(expected)
    assert {path: required(field) for path, field in below(schema).items()} == {
        path: required(read[path]) for path in below(schema)
    }


@HALVES
def test_choices_are_those_of_the_model(schema: Schema, model: type[BaseModel]) -> None:
    """An enumeration has the same members on both sides, or else the schema's pattern and bound let all of them through."""
    fields = below(schema)
    for path, expected in below(schema_of(model)).items():
        if "pattern" in fields[path]:
            assert all(re.search(fields[path]["pattern"], choice) for choice in expected["enum"]), path
            assert max(map(len, expected["enum"])) <= fields[path]["maxLength"], path
        else:
            assert fields[path].get("enum") == expected.get("enum"), path


def test_lifetime_percentage_has_the_models_bounds() -> None:
    """The percentage that the schema refuses is the one that the model refuses."""
    bounds = ("minimum", "maximum")
    schema, model = below(SPEC)["renewal.lifetimePercentage"], below(schema_of(Spec))["renewal.lifetimePercentage"]
    assert [schema[bound] for bound in bounds] == [model[bound] for bound in bounds] == [34, 90]


def test_texts_of_the_status_are_cut_to_the_schemas_bounds() -> None:
    """Whatever is put in, what is written to the status is exactly as long as the schema allows."""
    written = texts(Status.parse(example(schema_of(Status))).dump())
    free = {
        path: field["maxLength"]
        for path, field in below(STATUS).items()
        if "maxLength" in field and "pattern" not in field
    }
    assert {path: len(written[path]) for path in free} == free


def test_all_conditions_fit_in_the_list() -> None:
    """The list of conditions has room for one of every type."""
    assert below(STATUS)["conditions"]["maxItems"] >= len(ConditionType)


def test_handled_renew_request_holds_what_the_operator_echoes() -> None:
    """A renew request is cut to the bound of the field that echoes it: else it would count as unhandled for ever."""
    assert below(STATUS)["lastHandledRenewRequest"]["maxLength"] == RENEW_REQUEST_LENGTH


def test_default_of_the_status_is_the_models() -> None:
    """A status that nobody has written yet reads the same as none."""
    assert Status.parse(STATUS["default"]) == Status()


@HALVES
def test_no_field_has_a_default_of_the_server(schema: Schema, model: type[BaseModel]) -> None:
    """What is stored is what was sent: a default of the server's would be drift to a GitOps tool."""
    del model
    assert not [path for path, field in below(schema).items() if "default" in field]


@HALVES
def test_every_field_is_described(schema: Schema, model: type[BaseModel]) -> None:
    """`kubectl explain` has at least a short sentence on every field."""
    del model
    described = {path: field.get("description", "") for path, field in below(schema).items() if path[-1] not in "]}"}
    assert not [path for path, text in described.items() if len(text.split()) < 4 or not text.endswith(".")]


def test_every_optional_field_names_its_default() -> None:
    """Who reads the description of an optional field learns what happens without it."""
    fields = {"": SPEC} | below(SPEC)
    must = {f"{path}.{name}".lstrip(".") for path, field in fields.items() for name in required(field)}
    optional = {
        path
        for path, field in below(SPEC).items()
        if (field["type"] != "object" or "additionalProperties" in field) and path[-1] not in "]}"
    } - must
    assert not [path for path in optional if "Default: " not in fields[path]["description"]]
    assert "renewal.before" in optional


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("credential.certificate.certificateKey", CertificateCredential.model_fields["certificate_key"].default),
        ("credential.certificate.privateKeyKey", CertificateCredential.model_fields["private_key_key"].default),
        ("credential.certificate.audience", CertificateCredential.model_fields["audience"].default),
        ("credential.certificate.sendChain", str(CertificateCredential.model_fields["send_chain"].default).lower()),
        ("credential.clientSecret.method", ClientSecretCredential.model_fields["method"].default),
        ("target.type", Target(name="x").type),
        ("target.data", "{" + ", ".join(f"{key}: {value}" for key, value in DEFAULT_DATA.items()) + "}"),
        ("target.adopt", str(Target(name="x").adopt).lower()),
        ("target.deletionPolicy", Target(name="x").deletion_policy),
        ("renewal.lifetimePercentage", Renewal().lifetime_percentage),
        ("renewal.consumerHold", show_duration(Renewal().consumer_hold)),
        ("suspend", str(Spec.model_fields["suspend"].default).lower()),
    ],
)
def test_named_default_is_the_models(path: str, default: object) -> None:
    """The default that a description names is the one that the operator applies."""
    assert f"Default: {default}." in below(SPEC)[path]["description"]


@HALVES
def test_everything_is_bounded(schema: Schema, model: type[BaseModel]) -> None:
    """No string, list or map may grow without end."""
    del model
    for path, field in below(schema).items():
        match field["type"]:
            case "string":
                assert {"maxLength", "enum"} & field.keys() or field["format"] == "date-time", path
            case "array":
                assert "maxItems" in field, path
            case "object":
                assert ("additionalProperties" in field) == ("maxProperties" in field), path


@pytest.mark.parametrize("path", UNIONS)
def test_rule_of_a_union_knows_every_member(path: str) -> None:
    """A member that the rule forgot could be set beside another one, or not at all."""
    field = below(SPEC)[path]
    told = {
        name for rule in field["x-kubernetes-validations"] for name in re.findall(r"has\(self\.(\w+)\)", rule["rule"])
    }
    assert told == field["properties"].keys()
    assert all(name in field["x-kubernetes-validations"][0]["message"] for name in told)


def test_parameters_that_the_protocol_sets_are_all_refused() -> None:
    """What the request says already (RFC 6749, section 4.4.2; RFC 7521, section 4.2) cannot be said otherwise."""
    (_, reserved) = below(SPEC)["parameters"]["x-kubernetes-validations"]
    names = {"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"}
    assert set(re.findall("'([a-z_]+)'", reserved["rule"])) == names
    assert all(name in reserved["message"] for name in names)


def test_scopes_that_are_asked_for_fit_into_the_status() -> None:
    """The status shows them all, so that whoever compares them with what was granted misses none."""
    (rule,) = below(SPEC)["scopes"]["x-kubernetes-validations"]
    assert rule["rule"] == f"self.join(' ').size() <= {SCOPE_LENGTH}"


def test_definition_can_be_applied_by_every_client() -> None:
    """`kubectl apply` keeps it in an annotation, and annotations have 256 KiB together; half of that is plenty."""
    assert len(json.dumps(CRD)) < 128 * 1024


def test_every_rule_says_what_to_do() -> None:
    """No rule leaves the person with the bare expression that failed."""
    rules = [rule for field in [SPEC, *below(SPEC).values()] for rule in field.get("x-kubernetes-validations", [])]
    assert len(rules) > 10
    assert not [rule for rule in rules if len(rule.get("message", "").split()) < 5]


@pytest.mark.parametrize(
    ("one", "other", "keyword"),
    [
        ("target.labels", "target.annotations", "rule"),
        *[("target.name", path, "rule") for path in OBJECT_NAMES],
        *[("credential.certificate.certificateKey", path, "rule") for path in KEYS],
        ("renewal.before", "renewal.consumerHold", "message"),
        ("provider.oidc.issuer", "provider.oauth2.tokenEndpoint", "rule"),
        ("provider.oidc.issuer", "target.format.gitCredentials.url", "rule"),
        ("provider.entra.authorityHost", "target.format.dockerConfigJson.registry", "rule"),
        ("target.format.basicAuth.username", "target.format.dockerConfigJson.username", "message"),
    ],
)
def test_rules_that_are_written_twice_are_the_same(one: str, other: str, keyword: str) -> None:
    """Plain YAML has no place for a shared rule: its copies stay equal."""
    fields = below(SPEC)
    first, second = (
        [{key: rule[key] for key in ("rule", keyword)} for rule in fields[path]["x-kubernetes-validations"]]
        for path in (one, other)
    )
    assert first == second


@given(st.from_regex(rule_pattern(below(SPEC)["renewal.before"]), fullmatch=True))
def test_every_duration_of_the_schema_can_be_read(text: str) -> None:
    """The operator reads what the schema lets through, and adds it up as CEL does."""
    seconds = sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in re.findall("([0-9]+)(.)", text))
    assume(seconds <= LONGEST.total_seconds())
    assert parse_duration(text) == timedelta(seconds=seconds)


def test_longest_duration_is_the_models() -> None:
    """The schema refuses durations from the same length on as the operator."""
    (rule,) = below(SPEC)["renewal.before"]["x-kubernetes-validations"]
    assert rule["rule"].endswith(f"duration(self) <= duration('{show_duration(LONGEST)}')")


def test_every_reason_is_accepted() -> None:
    """The API server takes every reason there is, in a condition and in the last attempt."""
    fields = below(STATUS)
    for path in ("conditions[].reason", "lastAttempt.reason"):
        assert all(re.fullmatch(fields[path]["pattern"], reason) for reason in Reason), path
