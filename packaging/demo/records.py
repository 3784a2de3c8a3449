"""The demo's records: read from the study's files, changed, and compared item by item."""
import copy
import json

KEY_FIELDS = ("studyOID", "subjectKey", "studyEventOID", "studyEventRepeatKey", "formOID",
              "formRepeatKey")


def read(file):
    with open(file, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def write(file, records):
    with open(file, "w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


def key_of(record):
    return tuple(record.get(field, "1") for field in KEY_FIELDS)


def content_of(record):
    """Everything a record says about the patient, in a form that compares."""
    values = [(group["itemGroupOID"], group.get("itemGroupRepeatKey", "1"), item, value)
              for group in record.get("itemGroups", []) for item, value in group["items"].items()]
    return (bool(record.get("remove")), record["siteOID"],
            tuple(sorted(values, key=lambda value: value[:3])))


def blood_pressure(record):
    """The first group of blood pressure items, or None."""
    for group in record["itemGroups"]:
        items = group["items"]
        if all((items.get(item) or "").isdigit() for item in ("IT.VS.SYS_BP", "IT.VS.PULSE")):
            return group
    return None


def changed(record, item, by, user, reason):
    """`record` with a number of its first blood pressure group changed."""
    change = copy.deepcopy(record)
    items = blood_pressure(change)["items"]
    old = items[item]
    items[item] = str(int(old) + by).zfill(len(old))
    change["user"] = user
    change["reasonForChange"] = reason
    return change


def differences(expected, actual):
    """Sentences about where two {key: content} differ, at most ten."""
    found = []
    for key in sorted(expected.keys() | actual.keys()):
        name = "/".join(key)
        if key not in actual:
            found.append(f"{name} is missing")
        elif key not in expected:
            found.append(f"{name} was never submitted")
        elif expected[key] != actual[key]:
            wanted, got = set(expected[key][2]), set(actual[key][2])
            found.append(f"{name}: expected {sorted(wanted - got)}, found {sorted(got - wanted)}")
    return found[:10]
