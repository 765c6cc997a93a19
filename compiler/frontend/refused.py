"""What trtc refuses of ONNX, with the reason and what can replace it: the lists of the reference page.

Operators without a row that ONNX does not define by others are refused whatever this file says; it gives them their reason. A row that
refuses some form of its operator has its words in `FORMS`.
"""

from __future__ import annotations

from .element_types import STRINGS, TYPES, Refusal
from .functions import is_defined_by_others
from .registry import load_tables

_SEQUENCES = Refusal("optionals are no tensors", "a tensor with one more dim, Split, or Concat")
_TREES = Refusal(
    "classical models have no kernels here", "what hummingbird-ml makes of it: a model of tensor operators"
)
_TRAINING = Refusal("trtc runs inference", "an export for inference")
_NOT_YET = Refusal("not written yet", "")
_UNKNOWN = Refusal("it is of no domain that trtc knows", "operators of ONNX, or a function of the model")

_OPS: dict[str, Refusal] = {
    **dict.fromkeys(("Optional", "OptionalGetElement", "OptionalHasElement"), _SEQUENCES),
    **dict.fromkeys(("RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"), STRINGS),
    "ImageDecoder": Refusal("file formats are no tensors", "pixels, decoded before the model"),
}  # fmt: skip
_DOMAINS = {"ai.onnx.ml": _TREES, "ai.onnx.preview.training": _TRAINING}

_INFERENCE = "export the model for inference"

FORMS: tuple[tuple[str, str, str], ...] = (
    ("any", "is computed from data", "a constant, or what is computed from input shapes"),
    ("any", "is not a constant", "a constant of the model"),
    ("any", "at the upper end of the profile", "a narrower profile, or bounds on what data decides"),
    ("any", "depends on dynamic dims", "fix these dims: min = opt = max"),
    ("any", "expected shapes that broadcast", "bind the input that decides sizes, which nothing says are equal"),
    ("any", "which only exists at import", "a tensor with one more dim, Split, or Concat"),
    ("any", "it carries a sequence", "a tensor with one more dim"),
    ("any", "it takes a sequence that a loop appended to", "ConcatFromSequence, SequenceAt or SequenceLength of it"),
    ("any", "expected shapes that broadcast", "one name for both dims, or in the profile fixed sizes or a step"),
    ("any", "it runs a subgraph", "simplify the model, so that control flow is resolved"),
    ("If", "of different ranks", "bind the input that decides to a constant, or fix the dims that decide"),
    ("Loop", "changes its rank", "carry a tensor of one rank"),
    ("Loop", "is another number in each iteration", "pad the slices to one shape"),
    ("Scan", "changes its shape in an iteration", "a Loop, whose carried values may"),
    ("Scan", "it has lengths of sequences", "the Scan of opset 9"),
    ("Unique", "each of which is a sort", "slices of a fixed, small number of elements"),
    ("BatchNormalization", "it is in training mode", _INFERENCE),
    ("BatchNormalization", "spatial=0 normalises per element", "opset 9 or newer"),
    ("Conv", "are negative", "a Slice before it"),
    ("Conv", "its kernel size is dynamic", "weights of a fixed shape"),
    ("Conv", "its operand has no channels", "its bias alone"),
    ("ConvTranspose", "its kernel size is dynamic", "weights of a fixed shape"),
    ("ConvTranspose", "its output_shape", "pads, or a fixed size"),
    ("ConvTranspose", "its weights have no channels", "its bias alone"),
    ("Attention", "its head size is dynamic", "a fixed head size"),
    ("ConvInteger", "it multiplies", "int8 or uint8"),
    ("Constant", "its constant is a string or sparse tensor", "a dense tensor of numbers"),
    ("DequantizeLinear", "its blocks need not divide", "a fixed dim, or a block size that divides it"),
    ("MatMulInteger", "it multiplies", "int8 or uint8"),
    ("QLinearConv", "it multiplies", "int8 or uint8"),
    ("QLinearMatMul", "it multiplies", "int8 or uint8"),
    ("QuantizeLinear", "its blocks need not divide", "a fixed dim, or a block size that divides it"),
    ("Range", "its step is zero or not a constant", "a constant step"),
    ("DeformConv", "spatial dims", "2-D windows"),
    ("Resize", "it antialiases dim", "scales that are constants"),
    ("Resize", "its keep_aspect_ratio_policy is", "sizes that are constants, and fixed dims"),
    ("Resize", "it interpolates booleans", "mode=nearest"),
    ("RoiAlign", "its sampling_ratio is", "4 or less"),
    ("RoiAlign", "it takes the maximum of a number of samples", "a sampling_ratio"),
    ("ScatterND", "its index tuples have", "index tuples of a fixed length"),
    ("TopK", "may be shorter", "a greater minimum in the profile"),
)
"""(operator, words of its refusal, what can replace it) of operators that are read in other forms."""


def refused_operators() -> dict[str, Refusal]:
    """Every operator of the newest opsets that trtc refuses in any form, by its name with its domain."""
    import onnx.defs

    rows = load_tables()
    found: dict[str, Refusal] = {}
    for schema in onnx.defs.get_all_schemas():
        if (schema.domain, schema.name) in rows:
            continue
        if is_defined_by_others(schema.name, schema.domain, schema.since_version):
            continue
        name = f"{schema.domain}.{schema.name}" if schema.domain else schema.name
        found[name] = refusal_of(schema.name, schema.domain)
    return found


def refusal_of(op_type: str, domain: str) -> Refusal:
    """Why an operator without a row is refused."""
    name = f"{domain}.{op_type}" if domain else op_type
    return _OPS.get(name) or _DOMAINS.get(domain) or (_UNKNOWN if domain and domain != "com.microsoft" else _NOT_YET)


def is_listed(op: str, why: str) -> bool:
    """Whether the lists have a refusal: its operator (empty for an input, an initializer or an output), type or form."""
    if op in refused_operators():
        return True
    if any(f"element type {name} is not supported" in why for name in TYPES) or "is not a tensor" in why:
        return True
    return any((form == "any" or op == form) and words in why for form, words, _ in FORMS) or _inner(why)


def _inner(why: str) -> bool:
    """Whether an operator is refused for one that ONNX defines it by, and the lists have that one."""
    head, _, rest = why.partition(", and there ")
    op = head.removeprefix("ONNX defines it by ")
    return op != head and bool(rest) and is_listed(op, rest)
