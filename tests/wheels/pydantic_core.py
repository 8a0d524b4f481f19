from pydantic_core import SchemaValidator, ValidationError, from_json

check = SchemaValidator({"type": "list", "items_schema": {"type": "int"}})
assert check.validate_python(["1", 2]) == [1, 2]
try:
    check.validate_python(["x"])
except ValidationError as problem:
    assert problem.error_count() == 1
else:
    raise AssertionError
assert from_json(b'{"a": [1, null]}') == {"a": [1, None]}
