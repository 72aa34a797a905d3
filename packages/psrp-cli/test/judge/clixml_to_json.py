"""A second, independent reading of the JSON mapping of CLIXML, on Python's own XML parser.

Standard input: JSON lines, each the base64 of one file (<Objs> or a bare element).
Standard output: one JSON line for each, an array with the JSON of each top-level object.
"""
import base64
import json
import math
import re
import sys
import xml.etree.ElementTree as tree

INTEGERS = {"By", "SB", "U16", "I16", "U32", "I32", "U64", "I64"}
TEXTS = {"S", "URI", "XD", "SBK"}
PLAIN = {"Version", "G", "TS", "DT", "D"}
LISTS = {"LST", "IE", "STK", "QUE"}
PROGRESS = [("AV", "Activity"), ("AI", "ActivityId"), ("S", "CurrentOperation"), ("PI", "ParentActivityId"),
            ("PC", "PercentComplete"), ("T", "RecordType"), ("SR", "SecondsRemaining"), ("SD", "StatusDescription")]


def tag(element):
    return element.tag.rpartition("}")[2]


def unescape(text):
    units = re.sub(r"_x([0-9A-Fa-f]{8}|[0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), text or "")
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


class File:
    def __init__(self, xml):
        root = tree.fromstring(xml)
        self.top = list(root) if tag(root) == "Objs" else [root]
        self.parent = {child: element for element in root.iter() for child in element}
        self.target, self.type_names = {}, {}
        objects, names = {}, {}
        for element in root.iter():
            kind, ref = tag(element), element.get("RefId")
            if kind == "Obj" and ref is not None:
                objects[ref] = element
            elif kind == "Ref":
                self.target[element] = objects[ref]
            elif kind == "TN":
                names[ref] = [unescape(t.text) for t in element]
                self.type_names[element] = names[ref]
            elif kind == "TNRef":
                self.type_names[element] = names[ref]

    def encloses(self, outer, element):
        while element is not None:
            element = self.parent.get(element)
            if element is outer:
                return True
        return False

    def json(self, element):
        kind, text = tag(element), element.text or ""
        if kind == "Nil":
            return None
        if kind == "B":
            return text == "true"
        if kind in INTEGERS:
            return int(text) if abs(int(text)) <= 2 ** 53 - 1 else str(int(text))
        if kind in ("Sg", "Db"):
            number = float(text.replace("INF", "inf"))
            if math.isfinite(number):
                return int(number) if number.is_integer() and abs(number) < 2 ** 53 else number
            return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
        if kind in TEXTS:
            return unescape(text)
        if kind in PLAIN:
            return text
        if kind == "C":
            return chr(int(text))
        if kind == "BA":
            return base64.b64encode(base64.b64decode(text)).decode()
        if kind == "SS":
            return "System.Security.SecureString"
        if kind == "PR":
            children = list(element)
            return {name: None if tag(child) == "Nil" else int(child.text) if name.endswith(("Id", "Complete", "Remaining"))
                    else unescape(child.text) for (_, name), child in zip(PROGRESS, children)}
        if kind in LISTS:
            return [self.json(child) for child in element]
        if kind == "DCT":
            return self.dictionary(element)
        if kind == "Ref":
            target = self.target[element]
            return {"$ref": int(target.get("RefId"))} if self.encloses(target, element) else self.json(target)
        if kind == "Obj":
            return self.object(element)
        raise ValueError(kind)

    def dictionary(self, element):
        result = {}
        for entry in element:
            by_name = {child.get("N"): child for child in entry}
            name = base = self.key(by_name["Key"])
            count = 1
            while name in result:
                count += 1
                name = f"{base} ({count})"
            result[name] = self.json(by_name["Value"])
        return result

    def key(self, element):
        kind = tag(element)
        if kind in INTEGERS | {"Sg", "Db", "B"}:
            return element.text
        if kind == "Obj":
            return next(unescape(child.text) for child in element if tag(child) == "ToString")
        return str(self.json(element))

    def parts(self, element):
        """Properties, what it wraps, its texts and its type names, with an object directly inside merged in."""
        properties, wrapped, display, names = {}, None, None, []
        for child in element:
            kind = tag(child)
            if kind in ("TN", "TNRef"):
                names = names + self.type_names[child]
            elif kind == "ToString":
                display = unescape(child.text)
            elif kind == "Obj":
                properties, wrapped, inner_display, inner_names = self.parts(child)
                display, names = display if display is not None else inner_display, names + inner_names
            elif kind not in ("Props", "MS"):
                wrapped = child
        for part in ("Props", "MS"):
            for child in element:
                if tag(child) == part:
                    for member in child:
                        if not (part == "MS" and tag(member) == "MS"):
                            properties[unescape(member.get("N"))] = member
        return properties, wrapped, display, names

    def object(self, element):
        properties, wrapped, display, names = self.parts(element)
        enumeration = any(name in ("System.Enum", "Deserialized.System.Enum") for name in names)
        value = display if enumeration else None if wrapped is None else self.json(wrapped)
        if properties:
            result = {name: self.json(member) for name, member in properties.items()}
            if enumeration or wrapped is not None:
                result["$value"] = value
            return result
        return value if enumeration or wrapped is not None else display


for line in sys.stdin:
    file = File(base64.b64decode(json.loads(line)))
    print(json.dumps([file.json(element) for element in file.top]))
